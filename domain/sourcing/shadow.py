"""Compares the plan of a round with the plan that a shadow, a network that is not applied, makes from the same input."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from domain.network import Network
from domain.sourcing.facts import LookedUp
from domain.sourcing.recorded import unpacked
from domain.sourcing.rounds import RoundInput, decide

Document = dict[str, Any]

HOUR = timedelta(hours=1)
SIDES = ("decided", "beside")
"""What was really decided, and what the shadow would have decided."""
MEASURES = ("shipments", "cost", "unfilled")
CAUSE_LENGTH_MAX = 300


class ShadowVerdict(StrEnum):
    """How a shadow's plan of a round differs from what was decided."""

    SAME = "same"
    OTHER_FIGURES = "other_figures"
    """The same units from the same nodes; another cost, or the last of them arrives at another time."""
    DIFFERENT = "different"
    """Other units, or from other nodes."""
    IMPOSSIBLE = "impossible"
    """The round cannot be planned under the shadow, which has not got a node or an item that the order names."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A round under both; both sides are as `measured` answers them."""

    verdict: ShadowVerdict
    decided: Document
    beside: Document | None
    """None = it could not be planned."""
    cause: str = ""
    """Why it could not be planned."""


class Content(NamedTuple):
    """The input of a round as it is kept, and the document of the plan that was made of it."""

    asked: bytes
    document: Document


def compared(content: Content, shadow: Network) -> Compared:
    """Plan a round again under a shadow. Nothing that was looked up is used: the shadow has places, rates and calendars of its
    own."""
    try:
        asked, network = unpacked(content.asked, shadow)
        plan = decide(_looked_up_again(asked), network).plan
    except KeyError as error:
        return _impossible(content, f"the shadow has not got {error.args[0]}")
    except Exception as error:  # one round that the shadow cannot plan must not hold up the others
        return _impossible(content, repr(error))
    was, now = measured(content.document, asked.at), measured(plan.document(), asked.at)
    return Compared(_verdict(was, now), was, now)


def _impossible(content: Content, cause: str) -> Compared:
    return Compared(ShadowVerdict.IMPOSSIBLE, measured(content.document, None), None, cause[:CAUSE_LENGTH_MAX])


def _looked_up_again(asked: RoundInput) -> RoundInput:
    return replace(asked, looked_up=LookedUp())


def _verdict(was: Document, now: Document) -> ShadowVerdict:
    if (was["lines"], was["unfilled"]) != (now["lines"], now["unfilled"]):
        return ShadowVerdict.DIFFERENT
    figures = ("cost", "shipments", "deliver_by")
    is_same = all(was[figure] == now[figure] for figure in figures)
    return ShadowVerdict.SAME if is_same else ShadowVerdict.OTHER_FIGURES


def measured(document: Document, at: datetime | None) -> Document:
    """What is compared of a plan's document that was decided at a moment: `lines` has units by line and node, `hours` how long
    the last shipment takes from then; None where nobody knows, or nothing ships."""
    lines: Counter[str] = Counter()
    nodes: Counter[str] = Counter()
    for shipment in document["shipments"]:
        for part in shipment["lines"]:
            lines[f"{part['line']} {shipment['node']}"] += part["quantity"]
            nodes[shipment["node"]] += part["quantity"]
    arrives = _last(shipment["deliver_by"] for shipment in document["shipments"])
    return {
        "strategy": document["strategy"],
        "tier": document["tier"],
        "lines": dict(sorted(lines.items())),
        "nodes": dict(sorted(nodes.items())),
        "shipments": len(document["shipments"]),
        "cost": document["cost"],
        "unfilled": sum(part["quantity"] for part in document["unfilled"]),
        "deliver_by": arrives,
        "hours": None if at is None or arrives is None else round((datetime.fromisoformat(arrives) - at) / HOUR),
    }


def _last(moments: Iterable[str | None]) -> str | None:
    """The last of moments in UTC, as documents write them; None without any, or where one is not known."""
    known = list(moments)
    return None if None in known else max(filter(None, known), default=None, key=datetime.fromisoformat)


def no_figures() -> Document:
    """The figures of a shadow that has planned nothing yet; what each is, `added` says."""
    sides = {side: dict.fromkeys((*MEASURES, "hours"), 0) for side in SIDES}
    return dict.fromkeys(ShadowVerdict, 0) | {"timed": 0, "nodes": {}} | sides


def added(figures: Document, found: Iterable[Compared]) -> Document:
    """The figures with these rounds: how many by verdict; of those that the shadow could plan, the sums of both sides, and by
    node the units of both. Hours are summed over the `timed` rounds, of which both are known."""
    made = no_figures() | figures
    made |= {side: dict(made[side]) for side in SIDES}
    made["nodes"] = {node: list(units) for node, units in made["nodes"].items()}
    for one in found:
        made[one.verdict] += 1
        if one.beside is not None:
            _add(made, (one.decided, one.beside))
    return made


def _add(figures: Document, sides: tuple[Document, Document]) -> None:
    is_timed = all(side["hours"] is not None for side in sides)
    figures["timed"] += is_timed
    for position, (name, side) in enumerate(zip(SIDES, sides, strict=True)):
        for measure in (*MEASURES, *(("hours",) if is_timed else ())):
            figures[name][measure] += side[measure]
        for node, units in side["nodes"].items():
            figures["nodes"].setdefault(node, [0, 0])[position] += units
