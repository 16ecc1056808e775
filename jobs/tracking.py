"""Asks carriers where parcels are. Who is due is in PostgreSQL (`parcel_tracking.poll_due_at`), so any process can go on."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import structlog

from carriers.carrier import CarrierRefused, MissingExtra, NoAnswer
from carriers.kinds import KINDS
from database import tracking as statements
from domain.tracking import FOLLOWED_FOR
from jobs.carrier import ANSWER_WITHIN, CarrierCalls, NotNow
from transactions import tracking
from transactions.label import settings_of
from transactions.transaction import OrderTransactions

LEASE = ANSWER_WITHIN + timedelta(minutes=1)
AT_ONCE_MAX = 60
"""Parcels that are asked about in one round."""
IN_ONE_CALL_MAX = 10
WAIT_MAX = timedelta(hours=12)

log = structlog.get_logger("tracking")


class Trackings:
    """Runs in the HTTP process; several of them share the work."""

    def __init__(self, transactions: OrderTransactions, calls: CarrierCalls) -> None:
        """`calls` calls the carriers."""
        self._transactions = transactions
        self._calls = calls

    async def ask(self) -> None:
        """Ask every carrier about the parcels that are due."""
        async with self._transactions.database.at_once() as connection:
            due = await statements.claim(connection, AT_ONCE_MAX, LEASE)
        calls = [
            self._ask(carrier, parcels[first : first + IN_ONE_CALL_MAX])
            for carrier, parcels in due.items()
            for first in range(0, len(parcels), IN_ONE_CALL_MAX)
        ]
        ends = await asyncio.gather(*calls, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _ask(self, carrier: str, parcels: Sequence[tuple[str, int]]) -> None:
        names, tries = [name for name, _ in parcels], max(tries for _, tries in parcels)
        found = await settings_of(self._transactions, carrier)
        why = "it is not in carriers.toml any more"
        if found is not None:
            kind, settings = KINDS[found[0]], found[1]
            try:
                scans = await self._calls.call(carrier, partial(kind.track, settings, names))
                await tracking.record(self._transactions, carrier, scans)
                await self._postpone(carrier, names, timedelta(hours=4))
                return
            except (CarrierRefused, MissingExtra, NoAnswer, NotNow) as error:
                why = str(error)
            except Exception as error:  # what a carrier sends may be anything, and so may be what a package makes of it
                why = f"what it says cannot be kept ({type(error).__name__})"
        log.warning("a carrier does not say where parcels are", carrier=carrier, parcels=len(names), reason=why)
        await self._postpone(carrier, names, min(timedelta(minutes=5) * 2 ** min(tries, 10), WAIT_MAX))

    async def _postpone(self, carrier: str, names: Sequence[str], wait: timedelta) -> None:
        """Ask again later about those of which nothing was said; the others have their own time already."""
        async with self._transactions.database.at_once() as connection:
            await statements.postpone(connection, carrier, names, wait, lease=LEASE, followed_for=FOLLOWED_FOR)
