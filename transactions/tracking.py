"""Keeps what carriers say about parcels, and applies what is a fact as if the parcel's node had reported it.

Scans that are no facts are kept together, for all parcels of a call. A parcel of which a fact is reported has a transaction of
its own, under the lock of its order: its scans and the message that follows from them are stored together or not at all, so
a report that fails can be repeated.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import structlog
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from carriers.carrier import Scan
from database import personal, tracking, unknown_scan
from database.connect import ReadConnection, WriteConnection
from database.tracking import NewScan, OnItsWay
from domain.fulfillment import MessageKind, NodeMessage, Package
from domain.tracking import Followed, ScanKind, Seen, asked_again_in, facts_of, followed, is_ahead
from transactions import fulfillment
from transactions.transaction import OrderTransactions, Transaction

LOST = "the carrier says that the parcel is lost"
FAILED = "the carrier says that the parcel could not be delivered"

log = structlog.get_logger("tracking")


class Report(NamedTuple):
    """What a report of scans brought."""

    new: int
    known: int
    unknown: int
    """Scans of parcels that nobody knows."""
    ahead: int = 0
    """Scans of a time that has not come; nothing is kept of them."""


class _Fact(NamedTuple):
    parcel: OnItsWay
    kind: MessageKind
    known: Followed


class _Kept(NamedTuple):
    scans: int
    """That are new."""
    facts: Sequence[_Fact]


async def report(transactions: OrderTransactions, carrier: str, scans: Sequence[Scan]) -> Report:
    """As `record`, and keep the scans of unknown parcels for the time when their parcels are known."""
    unknown = await _record(transactions, carrier, scans)
    if unknown.scans:
        async with transactions.begin() as transaction:
            dropped = await unknown_scan.keep(transaction.connection, carrier, unknown.scans)
        if dropped:
            log.warning("scans of unknown parcels were dropped for newer ones", carrier=carrier, scans=dropped)
    return unknown.report


async def record(transactions: OrderTransactions, carrier: str, scans: Sequence[Scan]) -> Report:
    """Keep scans of a carrier and apply what is a fact; a repeated report changes nothing.

    A parcel that cannot be kept stops no other one. The first of such failures is raised in the end: nothing is kept of
    these parcels, and the report is to be repeated.
    """
    return (await _record(transactions, carrier, scans)).report


class _Recorded(NamedTuple):
    report: Report
    scans: Sequence[NewScan]
    """Those of parcels that nobody knows."""


async def _record(transactions: OrderTransactions, carrier: str, given: Sequence[Scan]) -> _Recorded:
    scans = _read(given)
    if ahead := len(given) - len(scans):
        log.warning("scans of a time that has not come are left out", carrier=carrier, scans=ahead)
    reported = _by_parcel(scans)
    async with transactions.database.read() as connection:
        known, others = await _known(connection, carrier, sorted(reported))
    for name, of in others.items():
        known |= await _begin_to_follow(transactions, carrier, name, of)
    mine = {name: reported[name] for name in sorted(known)}
    new = await _keep_each(transactions, known, mine)
    count = sum(map(len, mine.values()))
    unknown = [one for one in scans if one.tracking not in known]
    return _Recorded(Report(new, count - new, len(unknown), ahead), unknown)


def _read(scans: Sequence[Scan]) -> list[NewScan]:
    now = datetime.now(UTC)
    were = [one for one in scans if not is_ahead(one.at, now)]
    return [NewScan(one.tracking, one.code, Seen(one.kind, one.at, one.is_day_only)) for one in were]


def _by_parcel(scans: Sequence[NewScan]) -> Mapping[str, list[NewScan]]:
    found = defaultdict[str, list[NewScan]](list)
    for one in scans:
        found[one.tracking].append(one)
    return found


async def _known(
    connection: ReadConnection, carrier: str, names: Sequence[str]
) -> tuple[dict[str, OnItsWay], Mapping[str, tuple[str, str]]]:
    """The parcels that are followed, and those that a node reported and that are followed from their first scan on."""
    known = dict(await tracking.parcels(connection, carrier, names))
    others = [name for name in names if name not in known]
    return known, await tracking.of_packages(connection, carrier, others) if others else {}


async def _begin_to_follow(
    transactions: OrderTransactions, carrier: str, name: str, of: tuple[str, str]
) -> Mapping[str, OnItsWay]:
    """Follow a parcel under the lock of its order, unless the order was forgotten meanwhile."""
    order, fulfillment_order = of
    async with transactions.begin(locks=order) as transaction:
        connection = transaction.connection
        package = await tracking.package_of(connection, fulfillment_order, name)
        if package is None:
            return {}
        await tracking.follow(
            connection, carrier, [(name, package)], order=order, fulfillment_order=fulfillment_order, is_asked=False
        )
        return await tracking.parcels(connection, carrier, [name])


async def _keep_each(
    transactions: OrderTransactions, known: Mapping[str, OnItsWay], scans: Mapping[str, Sequence[NewScan]]
) -> int:
    """Keep the scans of each parcel; answers how many are new. Raises the first failure when all were tried."""
    alone = [name for name in scans if _may_bring_a_fact(known[name], scans[name])]
    together = {name: of for name, of in scans.items() if name not in alone}
    new, failures = 0, list[Exception]()
    try:
        async with transactions.begin() as transaction:
            new += (await _keep(transaction.connection, known, together)).scans
    except _AWAY:
        raise
    except Exception as error:  # one of them, but which?
        log.warning("scans cannot be kept together", reason=type(error).__name__)
        alone += together
    for name in alone:
        try:
            new += await _keep_alone(transactions, known[name], scans[name])
        except _AWAY:
            raise
        except Exception as error:  # the others are kept all the same
            log.warning(
                "scans cannot be kept", fulfillment_order=known[name].fulfillment_order, reason=type(error).__name__
            )
            failures.append(error)
    if failures:
        raise failures[0]
    return new


_AWAY = (NoConnectionFree, OSError)
"""PostgreSQL does not answer: no other parcel can be kept either."""


def _may_bring_a_fact(parcel: OnItsWay, scans: Sequence[NewScan]) -> bool:
    return facts_of(parcel.known, followed(parcel.known, [one.seen for one in scans])) is not None


async def _keep_alone(transactions: OrderTransactions, parcel: OnItsWay, scans: Sequence[NewScan]) -> int:
    """Keep the scans of one parcel and apply the fact that follows from them, in one transaction."""
    async with transactions.begin(locks=parcel.order) as transaction:
        kept = await _keep(transaction.connection, {parcel.tracking: parcel}, {parcel.tracking: scans})
        for fact in kept.facts:
            await _apply(transactions, transaction, fact)
    return kept.scans


async def _keep(
    connection: WriteConnection, known: Mapping[str, OnItsWay], scans: Mapping[str, Sequence[NewScan]]
) -> _Kept:
    """Keep scans of parcels, each under the lock of its parcel; one that is not followed any more has none."""
    if not scans:
        return _Kept(0, ())
    carrier = known[next(iter(scans))].carrier
    await tracking.lock(connection, carrier, list(scans))
    parcels = await tracking.parcels(connection, carrier, list(scans))
    added = await tracking.add(connection, carrier, [one for name in sorted(parcels) for one in scans[name]])
    new, now = _by_parcel(added), datetime.now(UTC)
    after = {name: followed(of.known, [one.seen for one in new.get(name, ())]) for name, of in parcels.items()}
    again = [(of, after[name], asked_again_in(after[name], of.since, now)) for name, of in sorted(parcels.items())]
    await tracking.keep(connection, again)
    facts = [_Fact(of, kind, known) for of, known, _ in again if (kind := facts_of(of.known, known)) is not None]
    return _Kept(len(added), facts)


async def _apply(transactions: OrderTransactions, transaction: Transaction, fact: _Fact) -> None:
    """Apply a fact about a parcel as its node would report it, by the name that its node gives it."""
    parcel, at, connection = fact.parcel, datetime.now(UTC), transaction.connection
    common = await personal.common_key(connection)
    about = f"scan {parcel.carrier} {parcel.tracking} {parcel.fulfillment_order} {fact.kind}"
    reason = None
    if fact.kind is MessageKind.DELIVERY_FAILED:
        reason = LOST if ScanKind.LOST in fact.known.kinds else FAILED
    package = await tracking.package_of(connection, parcel.fulfillment_order, parcel.tracking) or parcel.package
    said_at = fact.known.last.at if fact.known.last else at
    message = NodeMessage(
        message_id=f"scan-{common.fingerprint(about)[:32]}",
        kind=fact.kind,
        occurred_at=min(said_at, at),
        packages=(Package(package=package),) if fact.kind is MessageKind.DELIVERED else (),
        reason=reason,
    )
    await fulfillment.record_in(
        transactions, transaction, parcel.fulfillment_order, message, node=None, actor=f"carrier:{parcel.carrier}"
    )
