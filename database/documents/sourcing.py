"""The document of an order's plan: every sourcing round, with the chosen, the considered and the excluded nodes."""

import json
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import text

from database.connect import ReadConnection
from database.documents.document import Document, LineUnits
from database.documents.promise import in_words_of_now
from domain.network import Precision, Unfilled
from domain.sourcing.lines import all_lines


class PlannedShipment(Document):
    """What one node ships in a plan."""

    node: str
    lines: list[LineUnits]
    distance_km: float | None
    """From the node to the customer, as the crow flies; null when no distance can be measured."""
    cost: int
    """By the strategy's costs, in minor units of the policy's currency."""
    days: int | None
    """Days in transit; null when nobody knows."""
    ship_by: AwareDatetime
    """When it leaves."""
    deliver_by: AwareDatetime | None
    """When it arrives; null when nobody knows."""
    carrier: str | None
    """The carrier by whose days and, where the strategy counts them, prices it was planned; null without one."""
    look_ahead: int
    """What its units are worth to later orders, in minor units of the policy's currency: counted in comparing plans, and no
    part of `cost`. 0 where the strategy does not look ahead."""


class ConsideredLine(Document):
    """What a considered node had of a wanted line when the round was decided, and why not all of it comes from there.

    Of a bundle it is about the scarcest part: `on_hand` and `available` are bundles, and the other numbers units of that part.
    """

    line: str
    sku: str
    quantity: int
    """Units wanted."""
    planned: int
    """Units that the plan takes from here."""
    on_hand: int
    """Units that were there."""
    set_aside: int
    """Units on hand that cannot be sold."""
    kept_back: int
    """The safety stock here."""
    promised: int
    """Units that are reserved or allocated for others."""
    available: int
    """Units that the plan was allowed to take."""
    why: str | None
    """Why not all units come from here; null when they do."""
    until: AwareDatetime | None
    """When the node's cool-down for it ends; null when there is none."""


class ConsideredNode(Document):
    """A node that a sourcing round considered."""

    node: str
    distance_km: float | None
    """From the node to the customer, as the crow flies; null when no distance can be measured."""
    cost: int | None
    """The cost of a shipment of all units from here, in minor units of the policy's currency; null when the node was excluded
    before, or the round was forgotten."""
    days: int | None
    """Days in transit; null when the node was excluded before, or when nobody knows."""
    excluded: str | None
    """Why the node was excluded; null when it was not."""
    look_ahead: int
    """What these units are worth to later orders, in minor units of the policy's currency, beside `cost`."""
    lines: list[ConsideredLine]
    """What it had of each wanted line; empty for a round that was decided before these were recorded."""
    lines_beside: int
    """How many wanted lines are not listed. Only in a large order: those that the node had nothing of, and all beyond the
    first 1,000 of all nodes."""


class RunnerUp(Document):
    """A plan that was not chosen."""

    nodes: list[str]
    """The nodes that it would ship from."""
    units: int
    """Units that it would fill."""
    cost: int | None
    """Minor units; null when the round was forgotten."""
    shipments: int
    distance_km: float | None
    """Summed over its shipments; null when one of them has none."""
    days: int | None
    """Days in transit of its slowest shipment; null when nobody knows."""
    look_ahead: int
    """What its units are worth to later orders, in minor units of the policy's currency, beside `cost`."""


class Round(Document):
    """A sourcing round: the decision, and the reasons for it."""

    round: int
    """Counts the rounds of an order, from 1."""
    decided_at: AwareDatetime
    network_version: int
    """The version of the network that it was decided under."""
    policy_version: str
    """The `version` in policy.toml."""
    strategy: str
    """The first strategy whose `when` matched the order."""
    tier: int | None
    """The tier that filled it, from 1; null when nothing is filled, or the order named the node."""
    shipments: list[PlannedShipment]
    unfilled: list[LineUnits]
    """Units that no node fills."""
    unfilled_action: Unfilled | None
    """What happens to the unfilled units; null without any."""
    beyond_sell_ahead: list[LineUnits]
    """Of the unfilled units, those that may not wait, because as many as their item's `sell_ahead_max` wait already. They are
    cancelled, or a person decides, as `beyond_sell_ahead` of the strategy says."""
    cost: int
    """Of all shipments, in minor units of the policy's currency."""
    ship_by: AwareDatetime | None
    """When the last shipment leaves; null while units are unfilled."""
    deliver_by: AwareDatetime | None
    """When the last shipment arrives; null while units are unfilled, or when nobody knows."""
    destination_precision: Precision
    """How exactly the customer's place is known."""
    nodes: list[ConsideredNode]
    """At most 200: those that were not excluded, and the nearest of the others."""
    nodes_beside: dict[str, int]
    """How many nodes are not listed, by the reason for their exclusion."""
    runners_up: list[RunnerUp]
    """The next best plans."""
    exact: bool
    """Whether the plan is proven to be the best; false when the search was cut short, or when several shipments were allowed
    at prices of carriers."""
    gap: float | None
    """By what share the first measure of the rank could be lower at most, such as 0.004. 0 = the plan is proven to be the best,
    null = no such bound is known."""
    forgotten: bool
    """Whether its order was forgotten since: then distances are null, costs but those of its shipments too, and these are
    rounded to two digits."""


class Plan(Document):
    """How an order was sourced."""

    order: str
    """The order's id."""
    rounds: list[Round]
    """The first round first."""


async def plan(connection: ReadConnection, order: str) -> dict[str, Any]:
    """The document of `GET /orders/{order}/plan`."""
    return {"order": order, "rounds": await rounds(connection, order)}


async def rounds(connection: ReadConnection, order: str) -> list[dict[str, Any]]:
    """Every sourcing round of an order, the first round first."""
    rows = await connection.execute(ROUNDS, {"order": order})
    return [
        {"round": row.round, "decided_at": row.recorded_at, "network_version": row.network_version}
        | _as_now(in_words_of_now(all_lines(json.loads(row.document))))
        for row in rows
    ]


def _as_now(document: dict[str, Any]) -> dict[str, Any]:
    """A stored plan with what most rounds do not say, for there were no carriers, limits of what waits, plans without distances
    or look-ahead prices."""
    added = {
        "shipments": [{"carrier": None, "look_ahead": 0} | shipment for shipment in document["shipments"]],
        **{name: [{"look_ahead": 0} | one for one in document.get(name, ())] for name in ("nodes", "runners_up")},
    }
    return {"beyond_sell_ahead": [], "forgotten": False} | document | added


ROUNDS = text(
    """
    SELECT round, recorded_at, network_version, document::text AS document FROM plan
    WHERE order_id = :order ORDER BY round
    """
)
