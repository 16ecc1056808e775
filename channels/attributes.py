"""Keeps what a channel says of an order or a line and the order document has no field for: texts by name."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from channels.given import free_text, on_one_line

MOST = 20
"""The most attributes of an order or a line."""
REST = "more"
"""The name of what does not fit."""


def attributes(given: Iterable[tuple[str, Any]], own: Sequence[tuple[str, Any]] = ()) -> dict[str, str]:
    """Texts by name, at most 20: what does not fit stands together in `more`, a line each.

    `own` are those that the translator relies on: they have room before the others, and keep their names. Of what was given,
    names that apps hide behind `_` come last. Values of one name are one text, a line each; empty ones are left out.
    """
    kept = {name: free_text(written(value)) for name, value in own if written(value).strip()}
    by_name = dict[str, list[str]]()
    for name, value in sorted(given, key=lambda pair: pair[0].startswith("_")):
        text, called = free_text(written(value)), on_one_line(name)
        if called and text and called not in kept and text not in by_name.setdefault(called, []):
            by_name[called].append(text)
    shown = [(name, free_text("\n".join(texts))) for name, texts in by_name.items() if texts]
    room = MOST - len(kept)
    if len(shown) > room:
        rest = "\n".join(f"{name}: {value}" for name, value in shown[max(0, room - 1) :])
        shown = [*shown[: max(0, room - 1)], (REST, free_text(rest))] if room else []
    return dict(shown) | kept


def pairs_of(given: Any) -> Iterable[tuple[str, Any]]:
    """Names with their values: of an object, or of a list of objects with a `key` or a `name`, and a `value`."""
    if isinstance(given, Mapping):
        return [(str(name), value) for name, value in given.items()]
    if not isinstance(given, (list, tuple)):
        raise TypeError("neither an object nor a list of names with their values")
    return [(str(one.get("key") or one.get("name") or ""), one.get("value")) for one in given]


def written(value: Any) -> str:
    """A value as a text: what is neither text nor number is written as JSON."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool() | dict() | list():
            return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
