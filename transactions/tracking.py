"""Keeps what carriers say about parcels, and applies what is a fact as if the parcel's node had reported it.

The scans are data and are committed first, for all parcels of a call together; a fact is a message of its own, under the lock
of its order. It is named by the parcel and what became of it: reported again, it is the same message.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from carriers.carrier import Scan
from database import personal, tracking
from database.connect import WriteConnection
from database.tracking import NewScan, OnItsWay
from domain.fulfillment import MessageKind, NodeMessage, Package
from domain.tracking import Followed, ScanKind, Seen, asked_again_in, facts_of, followed
from transactions import fulfillment
from transactions.transaction import OrderTransactions

LOST = "the carrier says that the parcel is lost"
FAILED = "the carrier says that the parcel could not be delivered"

log = structlog.get_logger("tracking")


class Report(NamedTuple):
    """What a report of scans brought."""

    new: int
    known: int
    unknown: int
    """Scans of parcels that nobody knows."""


class _Fact(NamedTuple):
    parcel: OnItsWay
    kind: MessageKind
    known: Followed


async def record(transactions: OrderTransactions, carrier: str, scans: Sequence[Scan]) -> Report:
    """Keep scans of a carrier and apply what is a fact; a repeated report changes nothing."""
    names = sorted({one.tracking for one in scans})
    async with transactions.begin() as transaction:
        connection = transaction.connection
        parcels = await _parcels(connection, carrier, names)
        mine = [
            NewScan(one.tracking, one.code, Seen(one.kind, one.at, one.is_day_only))
            for one in scans
            if one.tracking in parcels
        ]
        added = await tracking.add(connection, carrier, mine)
        facts = await _keep(connection, parcels, added)
    for fact in facts:
        await _apply(transactions, fact)
    return Report(len(added), len(mine) - len(added), len(scans) - len(mine))


async def _parcels(connection: WriteConnection, carrier: str, names: Sequence[str]) -> Mapping[str, OnItsWay]:
    """The parcels that are followed; one that a node reported is followed from its first scan on."""
    known = await tracking.parcels(connection, carrier, names)
    found = dict(known)
    for name in names:
        if name not in known and (of := await tracking.of_package(connection, carrier, name)):
            order, fulfillment_order, package = of
            await tracking.follow(
                connection,
                carrier,
                [(name, package)],
                order=order,
                fulfillment_order=fulfillment_order,
                is_asked=False,
            )
            found |= await tracking.parcels(connection, carrier, [name])
    return found


async def _keep(connection: WriteConnection, parcels: Mapping[str, OnItsWay], added: Sequence[NewScan]) -> list[_Fact]:
    facts = []
    now = datetime.now(UTC)
    for name, parcel in sorted(parcels.items()):
        new = [one.seen for one in added if one.tracking == name]
        after = followed(parcel.known, new)
        await tracking.keep(connection, parcel, after, asked_again_in(after, parcel.since, now))
        kind = facts_of(parcel.known, after)
        if kind is not None:
            facts.append(_Fact(parcel, kind, after))
    return facts


async def _apply(transactions: OrderTransactions, fact: _Fact) -> None:
    """Apply a fact about a parcel as its node would report it."""
    parcel, at = fact.parcel, datetime.now(UTC)
    async with transactions.database.read() as connection:
        common = await personal.common_key(connection)
    name = common.fingerprint(f"scan {parcel.carrier} {parcel.tracking} {fact.kind}")[:32]
    reason = None
    if fact.kind is MessageKind.DELIVERY_FAILED:
        reason = LOST if ScanKind.LOST in fact.known.kinds else FAILED
    said_at = fact.known.last.at if fact.known.last else at
    message = NodeMessage(
        message_id=f"scan-{name}",
        kind=fact.kind,
        occurred_at=min(said_at, at),
        packages=(Package(package=parcel.package),) if fact.kind is MessageKind.DELIVERED else (),
        reason=reason,
    )
    try:
        await fulfillment.record(
            transactions, parcel.fulfillment_order, message, node=None, actor=f"carrier:{parcel.carrier}"
        )
    except fulfillment.UnknownFulfillmentOrder:
        log.warning("a scan is about work that is gone", fulfillment_order=parcel.fulfillment_order)
