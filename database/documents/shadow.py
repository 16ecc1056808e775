"""The document of the report about the shadow: how a network that is not applied would have decided."""

import json
from typing import Any

from pydantic import AwareDatetime
from sqlalchemy import text

from database import personal
from database.connect import ReadConnection
from database.documents.document import Document
from domain.sourcing.shadow import SIDES, ShadowVerdict

LATEST = 20
"""Rounds that are shown one by one."""
HOURS_OF_A_DAY = 24


class ShadowRounds(Document):
    """How many sourcing rounds were planned under the shadow, by how its plans differ."""

    same: int
    """The same units from the same nodes, at the same cost and on the same day."""
    other_figures: int
    """The same units from the same nodes, at another cost, or arriving at another time."""
    different: int
    """Other units, or from other nodes."""
    impossible: int
    """Rounds that cannot be planned under the shadow, which has not got a node or an item that they name. They are in no other
    figure."""


class ShadowFigures(Document):
    """Sums over the rounds that the shadow could plan, of one side."""

    shipments: int
    """How many shipments there are."""
    cost: int
    """Minor units of the currency of the side's own policy."""
    unfilled: int
    """Units that no node fills."""
    days: float | None
    """Days from the decision to the last arrival, on average over the rounds of which both sides know it; null without any."""


class ShadowNode(Document):
    """Units that were planned at a node."""

    node: str
    decided: int
    """Units that were really planned there."""
    beside: int
    """Units that the shadow would plan there."""


class NodeUnits(Document):
    """Units of a plan at one node."""

    node: str
    units: int
    """Units of all lines."""


class ShadowPlan(Document):
    """A plan in short."""

    strategy: str
    """The first strategy whose `when` matched the order."""
    tier: int | None
    """The tier that filled it, from 1; null when nothing is filled, or the order named the node."""
    nodes: list[NodeUnits]
    """What ships from where."""
    shipments: int
    """How many shipments there are."""
    cost: int
    """Minor units of the currency of its policy."""
    unfilled: int
    """Units that no node fills."""
    deliver_by: AwareDatetime | None
    """When its last shipment arrives; null when nothing ships, or when nobody knows."""


class ShadowRound(Document):
    """A round that the shadow decides differently, or cannot plan."""

    order: str
    """The order's id."""
    round: int
    """The sourcing round, from 1."""
    verdict: ShadowVerdict
    """How the two plans differ."""
    decided: ShadowPlan
    """What was really decided."""
    beside: ShadowPlan | None
    """What the shadow would decide; null when it cannot plan the round."""
    cause: str | None
    """Why it cannot; null when it can."""


class Shadow(Document):
    """A network that is not applied and plans every round beside the active one."""

    number: int
    """Counts the shadows, from 1."""
    policy_version: str
    """The `version` in its policy.toml."""
    network_version: int
    """The version that was active when it began."""
    began_at: AwareDatetime
    """Rounds that were decided before are not compared."""
    reached_at: AwareDatetime
    """When the last round that it has planned was decided; at first, when it began."""
    outcome: str | None
    """How it ended: `promoted`, `stopped`, or `replaced` by another one; null while it runs."""
    ended_at: AwareDatetime | None
    """When it ended; null while it runs."""
    promoted_as: int | None
    """The version of the network that it became; null when it did not."""
    rounds: ShadowRounds
    """How many rounds it has planned."""
    decided: ShadowFigures
    """What was really decided."""
    beside: ShadowFigures
    """What the shadow would have decided."""
    nodes: list[ShadowNode]
    """By node, the ones whose units differ most first."""
    latest: list[ShadowRound]
    """The latest 20 rounds that it decides differently, or cannot plan, the latest first. Of those of forgotten orders only the
    counts stay."""


class ShadowReport(Document):
    """What another network would decide."""

    shadow: Shadow | None
    """The shadow that runs, or the one that ended last; null when there was none."""


async def report(connection: ReadConnection) -> dict[str, Any]:
    """The document of `GET /reports/shadow`. Raises `WrongMasterKey`."""
    row = (await connection.execute(NEWEST)).one_or_none()
    if row is None:
        return {"shadow": None}
    found = json.loads(row.figures)
    return {
        "shadow": {
            "number": row.shadow,
            "policy_version": row.policy_version,
            "network_version": row.network_version,
            "began_at": row.recorded_at,
            "reached_at": row.reached_at,
            "outcome": row.outcome,
            "ended_at": row.ended_at,
            "promoted_as": row.promoted_as,
            "rounds": {verdict: found[verdict] for verdict in ShadowVerdict},
            **{side: _figures(found, side) for side in SIDES},
            "nodes": _nodes(found["nodes"]),
            "latest": await _latest(connection, row.shadow),
        }
    }


NEWEST = text(
    """
    SELECT shadow, policy_version, network_version, recorded_at, reached_at, outcome, ended_at, promoted_as,
           figures::text AS figures
    FROM shadow ORDER BY shadow DESC LIMIT 1
    """
)


def _figures(found: dict[str, Any], side: str) -> dict[str, Any]:
    sums = dict(found[side])
    hours = sums.pop("hours")
    return sums | {"days": round(hours / HOURS_OF_A_DAY / found["timed"], 2) if found["timed"] else None}


def _nodes(found: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    rows = [{"node": node, "decided": decided, "beside": beside} for node, (decided, beside) in found.items()]
    return sorted(rows, key=lambda row: (-abs(row["decided"] - row["beside"]), row["node"]))


async def _latest(connection: ReadConnection, shadow: int) -> list[dict[str, Any]]:
    shown = []
    for row in await connection.execute(LATEST_ROUNDS, {"shadow": shadow, "limit": LATEST}):
        key = personal.open_key(connection, row.order_id, row.wrapped)
        if short := personal.unseal(key, "shadow_round", row.compared):
            sides = {side: short[side] and _plan(short[side]) for side in SIDES}
            head = {"order": row.order_id, "round": row.round, "verdict": row.verdict}
            shown.append(head | sides | {"cause": short["cause"] or None})
    return shown


LATEST_ROUNDS = text(
    """
    SELECT r.order_id, r.round, r.verdict, r.compared, k.wrapped
    FROM personal.shadow_round r JOIN personal.key k ON k.owner = r.order_id
    WHERE r.shadow = :shadow AND r.verdict IN ('different', 'impossible') AND r.compared IS NOT NULL
    ORDER BY r.recorded_at DESC, r.order_id, r.round LIMIT :limit
    """
)


def _plan(short: dict[str, Any]) -> dict[str, Any]:
    """A side as it was measured."""
    nodes = [{"node": node, "units": units} for node, units in short["nodes"].items()]
    return {field: short[field] for field in ShadowPlan.model_fields if field != "nodes"} | {"nodes": nodes}
