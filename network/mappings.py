"""Reads mappings/NAME.toml: how the JSON of a channel becomes orders, and tries each mapping with its samples.

`mappings/NAME/` may hold samples: `X.json` is what the channel sends, `X.order.json` the order that it must become, or null
where nothing is to be shipped.
"""

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from channels.channel import Misfit, Settings, Units
from channels.json_mapping.document import said
from channels.json_mapping.mapping import compiled, faults_of
from domain.network import Connection
from domain.order import NewOrder
from network.mistakes import Mistake, Mistakes
from network.toml_faults import toml_fault
from network.toml_lines import lines_of
from network.toml_tables import did_you_mean

FOLDER = "mappings"
SAMPLE = "sample"
"""The channel of the orders of samples."""


def read_folder(directory: Path) -> str:
    """The texts of all mappings by name, as JSON; `""` where there is none. Raises OSError and UnicodeDecodeError."""
    files = sorted((directory / FOLDER).glob("*.toml"))
    return json.dumps({file.stem: file.read_bytes().decode() for file in files}) if files else ""


def read_mappings(texts: str, folder: str, found: dict[str, Mistakes], *, was_applied: bool) -> Mapping[str, str]:
    """The mappings by name; their mistakes are added to `found`, each under its file."""
    mappings: Mapping[str, str] = json.loads(texts) if texts else {}
    for name, text in mappings.items():
        mistakes = found[f"{FOLDER}/{name}"] = Mistakes(f"{folder}/{name}.toml", was_applied=was_applied)
        if not re.fullmatch(r"[a-z0-9_-]{1,32}", name):
            mistakes.add(0, "the name of a mapping is 1 to 32 of a-z, 0-9, _ and -")
        _check(text, mistakes)
    return mappings


def with_mappings(
    connections: Mapping[str, Connection], mappings: Mapping[str, str], mistakes: Mistakes
) -> Mapping[str, Connection]:
    """The connections, each with the text of the mapping that its entry names."""
    whole = dict(connections)
    for name, connection in connections.items():
        if wanted := connection.entry.get("mapping"):
            if wanted not in mappings:
                hint = did_you_mean(wanted, sorted(mappings))
                mistakes.add(0, f"channel {name!r} has no mapping: there is no {FOLDER}/{wanted}.toml{hint}")
            whole[name] = replace(connection, entry={**connection.entry, "mapping": mappings.get(wanted, "")})
    return whole


def try_samples(directory: Path, mappings: Mapping[str, str], connections: Mapping[str, Connection]) -> list[Mistake]:
    """What is wrong with the samples of the mapping of each connection; the files themselves have no mistakes."""
    names = {text: name for name, text in mappings.items()}
    return [
        mistake
        for connection in connections.values()
        if (name := names.get(connection.entry.get("mapping", "")))
        for mistake in _samples(directory / FOLDER / name, mappings[name], connection.entry["services"])
    ]


class _EverySku:
    """A catalogue of samples: every SKU is an item, and no other name is."""

    def nodes(self) -> Collection[str]:
        """None: samples are of no network."""
        return ()

    def item(self, kind: str, external: str) -> Units | None:
        return Units(external) if kind == "sku" else None


def _check(text: str, mistakes: Mistakes) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = toml_fault(text, error)
        mistakes.add(fault.line, fault.text)
        return
    lines = lines_of(text)
    for path, offset, said_wrong in faults_of(document):
        mistakes.add(_line_of(path, lines) + offset, said_wrong)


def _line_of(path: tuple[str | int, ...], lines: Mapping[tuple[str | int, ...], int]) -> int:
    """The line of a value, or of the first thing in it, or of what it stands in."""
    if path in lines:
        return lines[path]
    inside = [line for other, line in lines.items() if other[: len(path)] == path]
    return min(inside) if inside else _line_of(path[:-1], lines)


def _samples(folder: Path, text: str, services: Mapping[str, str]) -> Iterator[Mistake]:
    for sample in sorted(folder.glob("*.json")):
        expected = sample.with_name(f"{sample.stem}.order.json")
        if sample.name.endswith(".order.json"):
            continue
        if not expected.exists():
            yield Mistake(str(expected), 0, f"it is missing: the order that {sample.name} must become, or null")
        elif wrong := _difference(sample.read_bytes(), expected.read_bytes(), text, services):
            yield Mistake(str(sample), 0, wrong)


def _difference(sample: bytes, expected: bytes, text: str, services: Mapping[str, str]) -> str | None:
    settings = Settings(SAMPLE, {"services": services}, {})
    try:
        found = said(settings, _EverySku(), compiled(text), sample)
    except Misfit as misfit:
        return f"it cannot be read: {misfit}"
    try:
        wanted = json.loads(expected)
        order = NewOrder.model_validate({**wanted, "channel": SAMPLE}) if wanted else None
    except (ValidationError, ValueError, TypeError) as error:
        return f"its order file is no order: {_first(error)}"
    made = found[0].order if found else None
    if made is None or order is None:
        return None if made is order else f"it becomes {'an order' if made else 'nothing'}, and should not"
    return next(_unequal(_plain(made), _plain(order)), None)


def _unequal(made: Any, wanted: Any, place: str = "") -> Iterator[str]:
    if isinstance(made, Mapping) and isinstance(wanted, Mapping):
        for key in sorted({*made, *wanted}):
            yield from _unequal(made.get(key), wanted.get(key), f"{place}.{key}" if place else key)
    elif isinstance(made, tuple) and isinstance(wanted, tuple) and len(made) == len(wanted):
        for number, (one, other) in enumerate(zip(made, wanted, strict=True)):
            yield from _unequal(one, other, f"{place}.{number}")
    elif made != wanted:
        yield f"{place} becomes {_shown(made)}, and should be {_shown(wanted)}"


def _shown(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def _plain(order: NewOrder) -> Any:
    return order.model_dump(exclude_defaults=True)


def _first(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)
