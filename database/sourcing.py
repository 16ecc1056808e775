"""Named statements about sourcing: plans with their input, and the orders whose pins may be planned again."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection
from database.order.sequence import PLACED
from database.sealing import Key
from database.writes import Writes


class Kept(NamedTuple):
    """A plan to store: the round's decision with its explanation, and the input that it was decided from."""

    network_version: int
    document: Mapping[str, Any]
    asked: bytes | None
    """The input as `domain.sourcing.recorded` packs it; None = it is too large to be kept."""


def keep_plan(writes: Writes, order: str, key: Key | None, round_: int, kept: Kept) -> None:
    """Store a round's decision, under the key (order, round). It never changes.

    Its input is sealed, because a postal code and what a customer wrote decide, too; without `key` (the order was forgotten)
    it is not stored.
    """
    sealed = None if key is None or kept.asked is None else key.seal_bytes("plan_input", kept.asked)
    parameters = {
        "planned": [order],
        "rounds": [round_],
        "network_versions": [kept.network_version],
        "strategies": [kept.document["strategy"]],
        "documents": [json.dumps(kept.document)],
        "inputs": [sealed],
    }
    writes.add(KEEP_PLAN, parameters)


KEEP_PLAN = """
    planned AS (
        INSERT INTO plan (order_id, round, network_version, strategy, document)
        SELECT order_id, round, network_version, strategy, document::jsonb
        FROM unnest(CAST(:planned AS text[]), CAST(:rounds AS int[]), CAST(:network_versions AS int[]),
                    CAST(:strategies AS text[]), CAST(:documents AS text[]))
             AS p(order_id, round, network_version, strategy, document)),
    planned_from AS (
        INSERT INTO personal.plan_input (order_id, round, input)
        SELECT * FROM unnest(CAST(:planned AS text[]), CAST(:rounds AS int[]), CAST(:inputs AS bytea[]))
                      AS i(order_id, round, input)
        WHERE i.input IS NOT NULL)
"""


class Round(NamedTuple):
    """A stored round."""

    order: str
    round: int
    network_version: int
    document: dict[str, Any]
    asked: bytes | None
    """Its input; None = it is not there any more, or never was."""
    is_forgotten: bool
    decided_at: datetime


async def rounds_since(connection: ReadConnection, since: datetime, after: tuple[str, int], limit: int) -> list[Round]:
    """Up to `limit` rounds that were decided at this moment or later, by order and round, after a given one."""
    parameters = {"since": since, "order": after[0], "round": after[1], "limit": limit}
    return [_round(connection, row) for row in await connection.execute(ROUNDS_SINCE, parameters)]


_ROUND = """
    SELECT p.order_id, p.round, p.network_version, p.document::text AS document, i.input, k.wrapped, p.recorded_at
    FROM plan p LEFT JOIN personal.plan_input i ON (i.order_id, i.round) = (p.order_id, p.round)
    LEFT JOIN personal.key k ON k.owner = p.order_id
"""

ROUNDS_SINCE = text(
    f"""
    {_ROUND}
    WHERE p.recorded_at >= :since AND (p.order_id, p.round) > (:order, :round) ORDER BY p.order_id, p.round LIMIT :limit
    """
)


async def one_round(connection: ReadConnection, order: str, round_: int | None) -> Round | None:
    """A round of an order by its number, None = the last; None when there is none."""
    row = (await connection.execute(ONE_ROUND, {"order": order, "round": round_})).one_or_none()
    return None if row is None else _round(connection, row)


ONE_ROUND = text(
    f"""
    {_ROUND}
    WHERE p.order_id = :order AND (CAST(:round AS int) IS NULL OR p.round = :round) ORDER BY p.round DESC LIMIT 1
    """
)


def _round(connection: ReadConnection, row: Any) -> Round:
    key = personal.open_key(connection, row.order_id, row.wrapped)
    asked = key.open_bytes("plan_input", row.input) if key is not None and row.input is not None else None
    return Round(
        row.order_id, row.round, row.network_version, json.loads(row.document), asked, key is None, row.recorded_at
    )


async def erase_old_inputs(connection: WriteConnection, older_than: timedelta, limit: int) -> int:
    """Erase the input of up to `limit` rounds that were decided longer ago; answers of how many."""
    return (await connection.execute(ERASE_OLD_INPUTS, {"older_than": older_than, "limit": limit})).rowcount


ERASE_OLD_INPUTS = text(
    """
    DELETE FROM personal.plan_input WHERE (order_id, round) IN (
        SELECT order_id, round FROM personal.plan_input
        WHERE recorded_at < clock_timestamp() - CAST(:older_than AS interval) LIMIT :limit)
    """
)


async def pinned(connection: ReadConnection) -> list[str]:
    """The open orders that have pins, in sequence: priority, then promised date, then placed at."""
    return list((await connection.execute(PINNED)).scalars())


PINNED = text(
    f"""
    SELECT o.order_id FROM orders o
    WHERE o.closed_at IS NULL AND EXISTS (SELECT FROM reservation v WHERE v.order_id = o.order_id)
    ORDER BY o.priority, o.promise_deliver_by NULLS LAST, {PLACED}, o.order_id
    """
)
