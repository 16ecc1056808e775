"""Says in sentences how a sourcing round was decided, from the document that is stored of it."""

from types import MappingProxyType
from typing import Any

Document = dict[str, Any]

PRECISION = MappingProxyType(
    {
        "point": "by its coordinates",
        "postal_code": "by its postal code",
        "city": "by its city",
        "region": "only by its region, or by the beginning of its postal code",
        "country": "only by its country",
    }
)
"""How exactly the customer's place is known."""

PRICED_MAX = 5
"""Nodes whose look-ahead price is named."""

FORGOTTEN = (
    "the order was forgotten: distances and the costs of other plans are erased, and costs are rounded to two digits"
)


def outcome(found: Document) -> list[str]:
    """Who ships what, what nobody fills, and how sure that is: a sentence for each."""
    where = f"the destination is known {PRECISION[found['destination_precision']]}"
    return [*division(found), where, *_look_ahead(found), *_unproven(found), *_forgotten(found)]


def _look_ahead(found: Document) -> list[str]:
    """What look-ahead prices added when plans were compared: the dearest nodes first."""
    priced = sorted((-one["look_ahead"], one["node"]) for one in found["nodes"] if one.get("look_ahead"))
    shown = ", ".join(f"{cost(-price)} at {node}" for price, node in priced[:PRICED_MAX])
    return [f"what its units are worth to later orders was added to the cost of each node: {shown}"] if priced else []


def _forgotten(found: Document) -> list[str]:
    return [FORGOTTEN] if found.get("forgotten") else []


def division(found: Document) -> list[str]:
    """Who ships what, and what nobody fills: a sentence for each."""
    shipped = [
        f"{shipment['node']} ships {_units(shipment['lines'])}: {_way(found, shipment)} {cost(shipment['cost'])},"
        f" {_arrives(shipment)}"
        for shipment in found["shipments"]
    ]
    unfilled = [f"nobody fills {_units(found['unfilled'])}: {found['unfilled_action']}"] if found["unfilled"] else []
    return [*shipped, *unfilled, *_beyond_sell_ahead(found)]


def _beyond_sell_ahead(found: Document) -> list[str]:
    beyond = found.get("beyond_sell_ahead")
    return [f"{_units(beyond)} may not wait: as many as sell_ahead_max allows wait already"] if beyond else []


def _way(found: Document, shipment: Document) -> str:
    if found.get("forgotten"):
        return "cost about"
    return f"{_km(shipment['distance_km']) or 'no distance'}, cost"


def _km(distance_km: float | None) -> str:
    return "" if distance_km is None else f"{distance_km:,.0f} km"


def bare_km(found: Document) -> str:
    """A distance in kilometres without the unit, for a column; empty when it cannot be measured."""
    return _km(found["distance_km"]).removesuffix(" km")


def _arrives(shipment: Document) -> str:
    if shipment["deliver_by"] is None:
        return f"leaves by {shipment['ship_by'][:10]}; nobody knows how long it is on the way"
    return f"there in {_days(shipment['days'])}, by {shipment['deliver_by'][:10]}"


def _unproven(found: Document) -> list[str]:
    """What a search that was cut short leaves open."""
    if found["exact"]:
        return []
    least = f", by {found['gap']:.1%} at most" if found["gap"] is not None else ""
    return [f"the search was cut short: a better plan may exist{least}"]


def _units(lines: list[Document]) -> str:
    return ", ".join(f"{line['quantity']} of {line['sku']} (line {line['line']})" for line in lines)


def cost(minor_units: int) -> str:
    """A cost of a plan, in the policy's currency, as if that had two decimals."""
    return f"{minor_units / 100:,.2f}"


def short_plan(plan: Document) -> str:
    """A plan of the report about a shadow: `1 from lax, 2 unfilled, cost 5.75`."""
    shipped = [f"{one['units']} from {one['node']}" for one in plan["nodes"]]
    unfilled = [f"{plan['unfilled']} unfilled"] if plan["unfilled"] else []
    return f"{', '.join([*shipped, *unfilled])}, cost {cost(plan['cost'])}"


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"
