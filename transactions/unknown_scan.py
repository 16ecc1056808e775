"""Applies scans that came before their parcels were known, and erases those whose parcels never were.

A parcel becomes known in several ways: a node reports it or corrects its tracking number, or its label is bought. None of these
looks here, so that no order waits for it: what is kept is looked for again and again instead.
"""

from collections import defaultdict
from collections.abc import Sequence

import structlog

from carriers.carrier import Scan
from database import tracking as tracking_statements
from database import unknown_scan
from database.unknown_scan import KeptScan
from transactions import tracking
from transactions.transaction import OrderTransactions

PARCELS_AT_ONCE = 500
ERASED_AT_ONCE = 1000

log = structlog.get_logger("tracking")


async def apply_kept(transactions: OrderTransactions) -> None:
    """Look for the parcels of kept scans that are due, and apply the scans of those that are known now.

    A process that dies meanwhile leaves them kept; applied a second time, they change nothing.
    """
    while True:
        async with transactions.database.at_once() as connection:
            due = await unknown_scan.claim(connection, PARCELS_AT_ONCE)
        if not due:
            return
        for carrier, kept in _by_carrier(due).items():
            await _apply_known(transactions, carrier, kept)


def _by_carrier(due: Sequence[KeptScan]) -> dict[str, list[KeptScan]]:
    found = defaultdict[str, list[KeptScan]](list)
    for one in sorted(due, key=lambda one: one.scan.seen.at):
        found[one.carrier].append(one)
    return found


async def _apply_known(transactions: OrderTransactions, carrier: str, kept: Sequence[KeptScan]) -> None:
    async with transactions.database.read_once() as connection:
        known = await tracking_statements.known(connection, carrier, {one.scan.tracking for one in kept})
    for name in sorted(known):
        mine = [one for one in kept if one.scan.tracking == name]
        try:
            await _apply(transactions, carrier, mine)
        except Exception as error:  # the others are applied all the same; this one is looked for again
            log.warning("kept scans cannot be applied", carrier=carrier, reason=type(error).__name__)


async def _apply(transactions: OrderTransactions, carrier: str, kept: Sequence[KeptScan]) -> None:
    """Apply all scans of a parcel, and forget them if it is still known."""
    scans = [_as_said(one) for one in kept]
    if (await tracking.record(transactions, carrier, scans)).unknown:
        return
    async with transactions.database.at_once() as connection:
        await unknown_scan.drop(connection, [one.id for one in kept])


def _as_said(kept: KeptScan) -> Scan:
    seen = kept.scan.seen
    return Scan(kept.scan.tracking, seen.kind, kept.scan.code, seen.at, seen.is_day_only)


async def erase_old(transactions: OrderTransactions) -> None:
    """Erase the scans of parcels that nobody has reported in the time for which they are kept."""
    erased = ERASED_AT_ONCE
    while erased == ERASED_AT_ONCE:
        async with transactions.database.at_once() as connection:
            erased = await unknown_scan.erase_old(connection, ERASED_AT_ONCE)
