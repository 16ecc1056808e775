"""Makes a stored round's plan again from its stored input, and says in what it differs."""

import json
from collections.abc import Iterator
from typing import Any

from domain.network import Network
from domain.sourcing.lines import with_lines
from domain.sourcing.recorded import unpacked
from domain.sourcing.rounds import decide

Document = dict[str, Any]

DECISION = ("strategy", "tier", "shipments", "unfilled", "unfilled_action", "cost", "ship_by", "deliver_by")
"""The fields of a plan that somebody acts by; the others explain it."""


def made_again(content: bytes, version: Network) -> Document:
    """The document of the plan that a round's input leads to now, under its network version."""
    asked, network = unpacked(content, version)
    plan, basis, _ = decide(asked, network)
    return with_lines(plan, basis)


def differs(stored: Document, made: Document) -> bool:
    """Whether another decision was made."""
    return any(stored[field] != in_the_form_of(stored[field], made[field]) for field in DECISION)


def cause(stored: Document, made: Document) -> str:
    """The first thing that came out differently, in the sequence in which a plan is made."""
    return next(_differences(stored, in_the_form_of(stored, made)))


def in_the_form_of(stored: Any, made: Any) -> Any:
    """What was made, without the fields that documents had not yet when the other one was stored."""
    if isinstance(stored, dict) and isinstance(made, dict):
        return {field: in_the_form_of(stored[field], value) for field, value in made.items() if field in stored}
    if isinstance(stored, list) and isinstance(made, list) and len(stored) == len(made):
        return list(map(in_the_form_of, stored, made))
    return made


def _differences(stored: Document, made: Document) -> Iterator[str]:
    if stored["strategy"] != made["strategy"]:
        yield f"strategy {made['strategy']}, was {stored['strategy']}"
    now = {node["node"]: node for node in made["nodes"]}
    for node in stored["nodes"]:
        if node["node"] in now:
            yield from _of_node(node, now[node["node"]])
    for field in ("tier", *DECISION, "nodes"):
        if stored[field] != made[field]:
            yield f"{field} {_short(made[field])}, was {_short(stored[field])}"
    yield "its explanation has another form"


def _of_node(was: Document, now: Document) -> Iterator[str]:
    """What came out differently at one node: why it was excluded before what it costs."""
    for field in ("excluded", "distance_km", "days", "cost"):
        if was[field] != now[field]:
            yield f"{was['node']}: {field} {_short(now[field])}, was {_short(was[field])}"


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:300]
