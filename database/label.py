"""Named statements about labels: what a carrier is asked for, and what came of it.

What is printed on a label is sealed with the key of its order.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from database import personal
from database.connect import ReadConnection, WriteConnection
from database.writes import Writes
from domain.label import Asking, LabelState, Use


@dataclass(frozen=True, slots=True)
class NewLabel:
    """A label to ask a carrier for."""

    order: str
    about: str
    """A fulfillment order or a return."""
    package: str
    carrier: str
    asked: Mapping[str, Any]
    """Service, format, weight and sides."""
    actor: str


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """A label as it is stored, without what is printed on it."""

    label: str
    order: str
    about: str
    package: str
    carrier: str
    asked: Mapping[str, Any]
    state: LabelState
    called_at: datetime | None
    void_wanted_at: datetime | None
    tries: int
    tracking: str | None = field(repr=False)
    theirs: str | None = field(repr=False)
    void_called_at: datetime | None
    is_unused: bool

    @property
    def asking(self) -> Asking:
        """The facts that decide what the carrier is asked next."""
        return Asking(
            self.state,
            self.called_at is not None,
            self.void_wanted_at is not None,
            self.tracking is not None,
            self.void_called_at is not None,
        )


_STORED = """label_id AS label, order_id AS "order", about, package, carrier, asked, state, called_at, void_wanted_at,
    tries, tracking, theirs, void_called_at, is_unused"""


def _stored(row: Any) -> StoredLabel:
    values = dict(row._mapping)
    return StoredLabel(**values | {"state": LabelState(values["state"])})


async def add(connection: WriteConnection, new: NewLabel) -> str:
    """Store a label that is to be bought now; answers its id. Its order is locked: labels are counted one by one."""
    parameters = {
        "order": new.order,
        "about": new.about,
        "package": new.package,
        "carrier": new.carrier,
        "asked": json.dumps(dict(new.asked)),
        "actor": new.actor,
    }
    return str((await connection.execute(ADD, parameters)).scalar_one())


ADD = text(
    """
    INSERT INTO label (label_id, number, order_id, about, package, carrier, asked, actor, due_at)
    SELECT CAST(:about AS text) || '-l' || n.number, n.number, :order, :about, :package, :carrier,
           CAST(:asked AS jsonb), :actor, clock_timestamp()
    FROM (SELECT coalesce(max(number), 0) + 1 AS number FROM label WHERE about = CAST(:about AS text)) AS n
    RETURNING label_id
    """
)


async def open_one(connection: ReadConnection, about: str, package: str) -> StoredLabel | None:
    """The label that a parcel has or may have; None = it may get one."""
    row = (await connection.execute(OPEN_ONE, {"about": about, "package": package})).one_or_none()
    return _stored(row) if row else None


OPEN_ONE = text(
    f"""
    SELECT {_STORED} FROM label
    WHERE about = :about AND package = :package AND state IN ('asked', 'bought', 'unknown')
    """
)


async def find(connection: ReadConnection, label: str) -> StoredLabel | None:
    """A label; None = there is none."""
    row = (await connection.execute(FIND, {"label": label})).one_or_none()
    return _stored(row) if row else None


FIND = text(f"SELECT {_STORED} FROM label WHERE label_id = :label")


async def claim(connection: WriteConnection, limit: int, lease: timedelta) -> list[tuple[StoredLabel, bool]]:
    """Take labels whose carrier is to be asked something now, each with whether this is the first call that may sell it.

    They are due again when the lease is over: who has died meanwhile may have called. So it is noted before the call that the
    carrier may have sold a label, or taken it back; `void_called_at` of the answer is what was noted before.
    """
    rows = await connection.execute(CLAIM, {"limit": limit, "lease": lease})
    found = []
    for row in rows:
        values = dict(row._mapping)
        is_first = values.pop("is_first")
        values |= {"state": LabelState(values["state"]), "void_called_at": values.pop("void_was_called_at")}
        found.append((StoredLabel(**values), is_first))
    return found


CLAIM = text(
    f"""
    WITH due AS MATERIALIZED (
        SELECT label_id AS id, called_at IS NULL AS is_first, void_called_at AS void_was_called_at FROM label
        WHERE due_at <= clock_timestamp() ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
    )
    UPDATE label SET due_at = clock_timestamp() + CAST(:lease AS interval),
                     called_at = coalesce(called_at, clock_timestamp()), tries = tries + 1,
                     void_called_at = CASE WHEN tracking IS NOT NULL AND state <> 'asked'
                                           THEN coalesce(void_called_at, clock_timestamp()) END
    FROM due WHERE label.label_id = due.id
    RETURNING {_STORED}, is_first, void_was_called_at
    """
)


@dataclass(frozen=True, slots=True)
class Change:
    """What changes of a label; None = nothing of that."""

    state: LabelState
    due_in: timedelta | None = None
    """When its carrier is asked next; None = it is not."""
    tracking: str | None = None
    theirs: str | None = None
    amount: int | None = None
    currency: str | None = None
    content: bytes | None = field(default=None, repr=False)
    said: str | None = field(default=None, repr=False)
    is_bought: bool = False


async def change(connection: WriteConnection, label: StoredLabel, new: Change) -> None:
    """Write what became of a label. Nothing readable is stored of an order that was forgotten."""
    key = await personal.key_of(connection, label.order)
    is_kept = key is not None
    parameters = {
        "label": label.label,
        "state": new.state,
        "due_in": new.due_in if is_kept else None,
        "tracking": new.tracking if is_kept else None,
        "theirs": new.theirs if is_kept else None,
        "amount": new.amount,
        "currency": new.currency,
        "content": key.seal_bytes("label", new.content) if key and new.content is not None else None,
        "said": key.seal("label", {"said": new.said}) if key and new.said is not None else None,
        "is_bought": new.is_bought,
    }
    await connection.execute(CHANGE, parameters)


CHANGE = text(
    """
    UPDATE label SET state = :state, due_at = clock_timestamp() + CAST(:due_in AS interval),
                     tracking = coalesce(:tracking, tracking), theirs = coalesce(:theirs, theirs),
                     amount = coalesce(CAST(:amount AS bigint), amount), currency = coalesce(:currency, currency),
                     content = coalesce(CAST(:content AS bytea), content),
                     said = coalesce(CAST(:said AS bytea), CASE WHEN :state NOT IN ('bought', 'voided') THEN said END),
                     bought_at = CASE WHEN :is_bought THEN clock_timestamp() ELSE bought_at END,
                     tries = 0, void_called_at = NULL, updated_at = clock_timestamp()
    WHERE label_id = :label
    """
)


async def postpone(
    connection: WriteConnection,
    label: StoredLabel,
    wait: timedelta,
    why: str,
    *,
    not_called: bool,
    void_not_called: bool = False,
) -> None:
    """Ask the carrier again after a while; `why` is what went wrong. `not_called` = it was not asked to sell it yet,
    `void_not_called` = it was not asked to take it back yet."""
    key = await personal.key_of(connection, label.order)
    said = key.seal("label", {"said": why}) if key else None
    parameters = {"label": label.label, "wait": wait, "said": said, "not_called": not_called}
    await connection.execute(POSTPONE, parameters | {"void_not_called": void_not_called})


POSTPONE = text(
    """
    UPDATE label SET due_at = clock_timestamp() + CAST(:wait AS interval), said = CAST(:said AS bytea),
                     called_at = CASE WHEN :not_called THEN NULL ELSE called_at END,
                     void_called_at = CASE WHEN :void_not_called THEN NULL ELSE void_called_at END,
                     updated_at = clock_timestamp()
    WHERE label_id = :label AND due_at IS NOT NULL
    """
)
"""Who has settled it meanwhile has nothing more to ask for."""


async def want_void(connection: WriteConnection, label: str) -> None:
    """Have a label given back: its carrier is asked now."""
    await connection.execute(WANT_VOID, {"label": label})


WANT_VOID = text(
    """
    UPDATE label SET void_wanted_at = coalesce(void_wanted_at, clock_timestamp()), due_at = clock_timestamp(),
                     is_unused = false, updated_at = clock_timestamp()
    WHERE label_id = :label
    """
)


def give_back_unused(writes: Writes, fulfillment_orders: Sequence[str]) -> None:
    """Have the labels of work that ended without a shipment given back. What was bought and is of use stays what it is."""
    if fulfillment_orders:
        writes.add(GIVE_BACK_UNUSED, {"ended": list(fulfillment_orders)})


GIVE_BACK_UNUSED = """
    unused_labels AS (
        UPDATE label SET void_wanted_at = clock_timestamp(), due_at = clock_timestamp(), is_unused = true,
                         updated_at = clock_timestamp()
        WHERE about = ANY(CAST(:ended AS text[])) AND state = 'bought' AND void_wanted_at IS NULL AND kept_at IS NULL
          AND tracking IS NOT NULL)
"""
"""Once its order is forgotten, nobody knows what the carrier calls a label."""


async def use_of(connection: ReadConnection, label: StoredLabel) -> Use:
    """What became of the work of a label, and of its parcel."""
    row = (await connection.execute(USE_OF, {"label": label.label})).one()
    return Use(row.has_ended, row.has_left, row.is_scanned)


USE_OF = text(
    """
    SELECT NOT EXISTS (
               SELECT FROM fulfillment_order_line n WHERE n.fulfillment_order_id = l.about
                 AND (n.quantity > n.short + n.shipped OR n.in_doubt > 0 OR n.shipped > 0 OR n.surplus > 0)) AS has_ended,
           EXISTS (
               SELECT FROM fulfillment_order f JOIN package p USING (fulfillment_order_id)
               WHERE f.order_id = l.order_id AND p.tracking = l.tracking AND p.shipped_at IS NOT NULL
                 AND p.voided_at IS NULL) AS has_left,
           EXISTS (
               SELECT FROM parcel_tracking t WHERE t.carrier = l.carrier AND t.tracking = l.tracking
                 AND t.first_scan_at IS NOT NULL) AS is_scanned
    FROM label l WHERE l.label_id = :label
    """
)


async def keep_bought(connection: WriteConnection, label: str) -> None:
    """Do not give a label back that was to be given back because its work ended: it stays bought."""
    await connection.execute(KEEP_BOUGHT, {"label": label})


KEEP_BOUGHT = text(
    """
    UPDATE label SET void_wanted_at = NULL, void_called_at = NULL, due_at = NULL, is_unused = false, tries = 0,
                     kept_at = clock_timestamp(), updated_at = clock_timestamp()
    WHERE label_id = :label
    """
)


async def due_in(connection: ReadConnection) -> timedelta | None:
    """In what time the next label is due; None = none is."""
    found: timedelta | None = (await connection.execute(DUE_IN)).scalar_one_or_none()
    return found


DUE_IN = text("SELECT min(due_at) - clock_timestamp() FROM label WHERE due_at IS NOT NULL")


async def of_package(connection: ReadConnection, about: str, package: str) -> Sequence[str]:
    """All labels of a parcel."""
    return list((await connection.execute(OF_PACKAGE, {"about": about, "package": package})).scalars())


OF_PACKAGE = text("SELECT label_id FROM label WHERE about = :about AND package = :package ORDER BY number")


async def node_of(connection: ReadConnection, label: str) -> str | None:
    """The node whose parcel a label is for: where it leaves, or for a return where it goes."""
    found: str | None = (await connection.execute(NODE_OF, {"label": label})).scalar_one_or_none()
    return found


NODE_OF = text(
    """
    SELECT coalesce(f.node, r.node) FROM label l LEFT JOIN fulfillment_order f ON f.fulfillment_order_id = l.about
    LEFT JOIN return r ON r.return_id = l.about WHERE l.label_id = :label
    """
)


async def of_return(connection: ReadConnection, return_: str) -> tuple[str, int]:
    """The service of a return's order, and what its units weigh in grams."""
    row = (await connection.execute(OF_RETURN, {"return": return_})).one()
    return row.service, row.grams


OF_RETURN = text(
    """
    SELECT o.service, (SELECT coalesce(sum(l.quantity * d.weight_g), 0) FROM return_line l
                       JOIN order_line d ON d.order_id = r.order_id AND d.line = l.line
                       WHERE l.return_id = r.return_id)::int AS grams
    FROM return r JOIN orders o USING (order_id) WHERE r.return_id = :return
    """
)
