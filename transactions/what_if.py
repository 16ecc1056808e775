"""Answers why a node does not ship in a stored round, by planning it again with changes. It stores nothing."""

import asyncio
from typing import Any

from database import order as orders
from database import sourcing
from database.connect import Database
from domain.sourcing.plans import Plan, part_documents
from domain.sourcing.recorded import unpacked
from domain.sourcing.what_if import Answer, Change
from domain.sourcing.what_if import why_not as ask
from transactions.network import Networks
from transactions.pause import UnknownNode

LINES_BY_NODES_MAX = 10_000
"""Lines × nodes of the largest round that is planned again and again: one plan of a larger one may take a second."""


class NotToBeAsked(Exception):
    """The round cannot be planned again; the text says why."""


async def why_not(
    database: Database, networks: Networks, order: str, node: str, round_: int | None = None
) -> dict[str, Any]:
    """The document of `GET /orders/{order}/plan/why-not/{node}`, of a round or of the last.

    Raises `UnknownOrder`, `UnknownNode` and `NotToBeAsked`.
    """
    async with database.read() as connection:
        await orders.news(connection, order)
        found = await sourcing.one_round(connection, order, round_)
        if found is None:
            raise NotToBeAsked(f"{order} has no such sourcing round" if round_ else f"{order} has not been sourced yet")
        _, version = await networks.version(connection, found.network_version)
    if node not in version.nodes:
        raise UnknownNode(node)
    if found.asked is None:
        why = "its order was forgotten" if found.is_forgotten else "it is too old or too large"
        raise NotToBeAsked(f"what round {found.round} of {order} was decided from is not there: {why}")
    asked, network = unpacked(found.asked, version)
    if len(asked.wanted) * len(network.nodes) > LINES_BY_NODES_MAX:
        raise NotToBeAsked(f"round {found.round} of {order} is too large to be planned a hundred times")
    answer = await asyncio.to_thread(ask, asked, network, node)
    head = {"order": order, "round": found.round, "node": node, "network_version": found.network_version}
    return head | _document(answer)


def _document(answer: Answer) -> dict[str, Any]:
    return {
        "ships": answer.ships,
        "excluded": answer.excluded,
        "lines": answer.lines,
        "plan": _plan(answer.plan),
        "changes": [_change(change) for change in answer.changes],
        "without": _plan(answer.without),
        "plans": answer.plans,
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "words": change.words,
        "amount": change.amount,
        "units": [{"sku": sku, "quantity": units} for sku, units in change.units.items()],
        "plan": _plan(change.plan),
    }


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "strategy": plan.strategy,
        "tier": plan.tier,
        "shipments": [
            {"node": one.node, "lines": part_documents(one.parts), "cost": one.cost, "days": one.days}
            for one in plan.shipments
        ],
        "unfilled": part_documents(plan.unfilled),
        "cost": plan.cost,
    }
