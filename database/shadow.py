"""Named statements about shadows: networks that are not applied, and the rounds that were planned under them.

The job claims the shadow for a short time, so that one process works on it. Nothing depends on that: a round is counted in the
transaction that stores it, and it is stored once.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text

from database import network, personal
from database.connect import ReadConnection, WriteConnection
from database.sealing import Key
from domain.sourcing.shadow import Compared, Content, ShadowVerdict, no_figures

Reached = tuple[datetime, str, int]
"""When a round was stored, its order and its number."""


class Running(NamedTuple):
    """A shadow that has not ended."""

    shadow: int
    digest: str
    network_version: int
    """The version that was active when it began."""
    reached: Reached
    """The last round that it has compared."""


_RUNNING = "shadow, digest, network_version, reached_at, reached_order, reached_round"


def _running(row: Any) -> Running | None:
    if row is None:
        return None
    reached = row.reached_at, row.reached_order, row.reached_round
    return Running(row.shadow, row.digest, row.network_version, reached)


async def lock_for_begin(connection: WriteConnection) -> Running | None:
    """The shadow that runs; nobody begins or ends another before this transaction ends."""
    await connection.execute(text("LOCK TABLE shadow IN SHARE ROW EXCLUSIVE MODE"))
    return await lock(connection)


async def lock(connection: WriteConnection) -> Running | None:
    """The shadow that runs, which does not end before this transaction does; None when there is none."""
    statement = text(f"SELECT {_RUNNING} FROM shadow WHERE ended_at IS NULL FOR UPDATE")
    return _running((await connection.execute(statement)).one_or_none())


class New(NamedTuple):
    """A shadow to store."""

    files: dict[str, str]
    digest: str
    policy_version: str
    """What its policy calls itself."""
    network_version: int
    """The active version."""


async def begin(connection: WriteConnection, new: New) -> int:
    """Store a shadow that compares every round from now on; answers its number. Raises `NoCommonKey` and `WrongMasterKey`."""
    kept = network.closed(await personal.common_key(connection), new.files)
    parameters = {
        "digest": new.digest,
        "documents": json.dumps(kept),
        "policy_version": new.policy_version,
        "network_version": new.network_version,
        "figures": json.dumps(no_figures()),
    }
    return int((await connection.execute(BEGIN, parameters)).scalar_one())


BEGIN = text(
    """
    INSERT INTO shadow (digest, documents, policy_version, network_version, reached_at, figures)
    VALUES (:digest, CAST(:documents AS jsonb), :policy_version, :network_version, clock_timestamp(), CAST(:figures AS jsonb))
    RETURNING shadow
    """
)


async def end(connection: WriteConnection, shadow: int, outcome: str, promoted_as: int | None = None) -> None:
    """End the shadow, which is locked: `promoted`, `stopped` or `replaced`."""
    await connection.execute(END, {"shadow": shadow, "outcome": outcome, "promoted_as": promoted_as})


END = text(
    """
    UPDATE shadow SET ended_at = clock_timestamp(), outcome = :outcome, promoted_as = :promoted_as, claimed_until = NULL
    WHERE shadow = :shadow
    """
)


async def documents(connection: ReadConnection, shadow: int) -> dict[str, str]:
    """The files of a shadow, by name. Raises `NoCommonKey` and `WrongMasterKey`."""
    found = await connection.execute(text("SELECT documents::text FROM shadow WHERE shadow = :s"), {"s": shadow})
    return network.opened(await personal.common_key(connection), json.loads(found.scalar_one()))


async def claim(connection: WriteConnection, claimed_for: timedelta) -> Running | None:
    """Claim the shadow that runs for a time; None when there is none, or another process works on it."""
    return _running((await connection.execute(CLAIM, {"claimed_for": claimed_for})).one_or_none())


CLAIM = text(
    f"""
    UPDATE shadow SET claimed_until = clock_timestamp() + CAST(:claimed_for AS interval)
    WHERE ended_at IS NULL AND coalesce(claimed_until < clock_timestamp(), true) RETURNING {_RUNNING}
    """
)


async def give_up(connection: WriteConnection, shadow: int) -> None:
    """End the claim."""
    await connection.execute(text("UPDATE shadow SET claimed_until = NULL WHERE shadow = :s"), {"s": shadow})


class Waiting(NamedTuple):
    """A round that a shadow has not compared yet."""

    order: str
    round: int
    at: datetime
    """When it was stored."""
    key: Key
    content: Content


async def not_compared(connection: ReadConnection, after: Reached, limit: int) -> list[Waiting]:
    """Up to `limit` rounds with their input, in the sequence in which they were stored, after a given one.

    A round whose transaction is still open may be stored before one that is read now. So it reads none that was stored after
    the beginning of an open transaction: `HORIZON` has a snapshot of its own, which must be the earlier one.
    """
    horizon = (await connection.execute(HORIZON)).scalar_one()
    parameters = {"at": after[0], "order": after[1], "round": after[2], "horizon": horizon, "limit": limit}
    found = []
    for row in await connection.execute(NOT_COMPARED, parameters):
        key = personal.open_key(connection, row.order_id, row.wrapped)
        assert key is not None, "the statement reads no order without its key"
        content = Content(key.open_bytes("plan_input", row.input), json.loads(row.document))
        found.append(Waiting(row.order_id, row.round, row.recorded_at, key, content))
    return found


HORIZON = text(
    """
    SELECT least(statement_timestamp(), min(xact_start)) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_xid IS NOT NULL
    """
)
"""What an open transaction has written was stored after its beginning; one that has written nothing yet stores later than now.
`statement_timestamp` is from before the sessions are looked at."""

NOT_COMPARED = text(
    """
    SELECT i.order_id, i.round, i.recorded_at, i.input, k.wrapped, p.document::text AS document
    FROM personal.plan_input i JOIN plan p USING (order_id, round) JOIN personal.key k ON k.owner = i.order_id
    WHERE i.recorded_at >= :at AND (i.recorded_at, i.order_id, i.round) > (:at, :order, :round) AND i.recorded_at < :horizon
    ORDER BY i.recorded_at, i.order_id, i.round LIMIT :limit
    """
)


async def figures(connection: ReadConnection, shadow: int) -> dict[str, Any]:
    """The sums over the rounds of a shadow."""
    found = await connection.execute(text("SELECT figures::text FROM shadow WHERE shadow = :s"), {"s": shadow})
    return dict(json.loads(found.scalar_one()))


async def keep(
    connection: WriteConnection, shadow: int, found: Sequence[tuple[Waiting, Compared]]
) -> list[tuple[str, int]]:
    """Store what became of rounds; answers those that were not stored before. The shadow is locked."""
    rows = [
        {"order_id": one.order, "round": one.round, "verdict": came.verdict, "compared": _sealed(one.key, came)}
        for one, came in found
    ]
    stored = await connection.execute(KEEP, {"shadow": shadow, "rows": json.dumps(rows)})
    return [(row.order_id, row.round) for row in stored]


def _sealed(key: Key, came: Compared) -> str | None:
    """Both plans in short, in hexadecimal: costs tell how far away somebody lives."""
    if came.verdict is ShadowVerdict.SAME:
        return None
    short = {"decided": came.decided, "beside": came.beside, "cause": came.cause}
    return key.seal("shadow_round", short).hex()


KEEP = text(
    """
    INSERT INTO personal.shadow_round (shadow, order_id, round, verdict, compared)
    SELECT :shadow, r.order_id, r.round, r.verdict, decode(r.compared, 'hex')
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(order_id text, round int, verdict text, compared text)
    ON CONFLICT DO NOTHING RETURNING order_id, round
    """
)


async def reach(connection: WriteConnection, shadow: int, reached: Reached, sums: dict[str, Any]) -> None:
    """Note the last round that was compared, and the sums with it. The shadow is locked."""
    at, order, round_ = reached
    parameters = {"shadow": shadow, "at": at, "order": order, "round": round_, "figures": json.dumps(sums)}
    await connection.execute(REACH, parameters)


REACH = text(
    """
    UPDATE shadow SET figures = CAST(:figures AS jsonb), reached_at = :at, reached_order = :order, reached_round = :round
    WHERE shadow = :shadow
    """
)


async def erase_old(connection: WriteConnection, older_than: timedelta, limit: int) -> int:
    """Erase up to `limit` rounds of shadows that ended longer ago; answers how many. Their sums stay."""
    return (await connection.execute(ERASE_OLD, {"older_than": older_than, "limit": limit})).rowcount


ERASE_OLD = text(
    """
    DELETE FROM personal.shadow_round WHERE (order_id, round, shadow) IN (
        SELECT r.order_id, r.round, r.shadow FROM shadow s JOIN personal.shadow_round r USING (shadow)
        WHERE s.ended_at < clock_timestamp() - CAST(:older_than AS interval) LIMIT :limit)
    """
)
