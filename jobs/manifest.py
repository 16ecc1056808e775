"""Asks carriers for manifests: of the nodes whose cut-off has passed, and of those that somebody has asked for.

What is to be done is in PostgreSQL (`manifest.due_at`), so any process can go on at any moment. A manifest whose first
call another process has begun is not made again: its carrier is asked for it by our reference, or a person decides.
"""

import asyncio
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from carriers.carrier import CarrierKind, CarrierRefused, MadeManifest, MissingExtra, NoAnswer, Settings, WantedManifest
from carriers.judge import manifest_fault
from carriers.kinds import KINDS
from database import manifest as statements
from database.manifest import StoredManifest
from domain.manifest import ManifestStep, next_step
from jobs.carrier import CarrierCalls, NotNow
from jobs.label import AT_ONCE_MAX, KEPT_AGAIN_AFTER_SECONDS, LEASE, NOT_THERE, TRIES_UNTIL_A_PERSON_LEARNS
from jobs.waiting import wait_after
from transactions import manifest as manifests
from transactions.label import settings_of
from transactions.transaction import OrderTransactions

UNUSABLE_AGAIN_AFTER = timedelta(minutes=1)

log = structlog.get_logger("manifest")


class Manifests:
    """Runs in the HTTP process; several of them share the work."""

    def __init__(self, transactions: OrderTransactions, calls: CarrierCalls) -> None:
        """`calls` calls the carriers."""
        self._transactions = transactions
        self._calls = calls
        self._late: set[asyncio.Task[None]] = set()

    async def carry_out(self) -> None:
        """Do what is due."""
        while True:
            async with self._transactions.database.at_once() as connection:
                claimed = await statements.claim(connection, AT_ONCE_MAX, LEASE)
            if not claimed:
                return
            ends = await asyncio.gather(*(self._step(*one) for one in claimed), return_exceptions=True)
            for end in ends:
                if isinstance(end, BaseException):
                    raise end

    async def close(self, within: timedelta) -> None:
        """Keep the answers that came late; those that are under way are waited for by who closes the calls."""
        if self._late:
            await asyncio.wait(self._late, timeout=within.total_seconds())
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def _step(self, stored: StoredManifest, is_first: bool) -> None:
        """Ask the carrier what is to be asked next, and keep what it answers."""
        step = next_step(stored.state, was_called=not is_first)
        try:
            found = await settings_of(self._transactions, stored.carrier)
            wanted = await manifests.wanted(self._transactions, stored, is_first=is_first)
        except Exception as error:
            log.warning("a carrier cannot be called", carrier=stored.carrier, reason=type(error).__name__)
            await self._postpone(stored, f"it cannot be called ({type(error).__name__})", not_called=is_first)
            return
        if step is ManifestStep.MAKE and wanted is None:
            await manifests.without_parcels(self._transactions, stored)
        elif step is ManifestStep.MAKE and found is None:
            await manifests.refused(self._transactions, stored, NOT_THERE)
        elif found is None or (step is ManifestStep.FIND and not KINDS[found[0]].finds):
            why = NOT_THERE if found is None else "its answer is missing"
            await manifests.unknown(self._transactions, stored, why, None)
        else:
            await self._call(step, KINDS[found[0]], found[1], stored, wanted)

    async def _call(
        self,
        step: ManifestStep | None,
        kind: CarrierKind,
        settings: Settings,
        stored: StoredManifest,
        wanted: WantedManifest | None,
    ) -> None:
        try:
            await self._ask(step, kind, settings, stored, wanted)
        except NotNow as why:
            await self._postpone(stored, str(why), not_called=step is ManifestStep.MAKE)
        except (CarrierRefused, MissingExtra) as why:
            if step is ManifestStep.MAKE:
                await manifests.refused(self._transactions, stored, str(why))
            else:
                await self._postpone(stored, str(why), not_called=False)
        except NoAnswer as why:
            await self._no_answer(step, kind, stored, str(why))
        except Exception as error:  # what a carrier sends may be anything, and so may be what a package makes of it
            log.warning("an answer of a carrier cannot be read", carrier=stored.carrier, reason=type(error).__name__)
            await self._no_answer(step, kind, stored, f"its answer cannot be read ({type(error).__name__})")

    async def _ask(
        self,
        step: ManifestStep | None,
        kind: CarrierKind,
        settings: Settings,
        stored: StoredManifest,
        wanted: WantedManifest | None,
    ) -> None:
        if step is ManifestStep.MAKE and wanted is not None:
            make = partial(kind.make_manifest, settings, wanted)
            late = partial(self._came_late, kind, stored, wanted)
            await self._made(kind, stored, wanted, await self._calls.call(settings.name, make, late))
            return
        found = await self._calls.call(settings.name, partial(kind.find_manifest, settings, stored.manifest))
        await (self._made(kind, stored, wanted, found) if found else manifests.missing(self._transactions, stored))

    async def _made(
        self, kind: CarrierKind, stored: StoredManifest, wanted: WantedManifest | None, given: MadeManifest
    ) -> None:
        """Keep what a carrier made, again and again for a while: it cannot be made twice, and nobody else knows it."""
        why = manifest_fault(given, wanted) if wanted else None
        if why is not None:
            await manifests.unknown(self._transactions, stored, why, UNUSABLE_AGAIN_AFTER if kind.finds else None)
            return
        for wait in KEPT_AGAIN_AFTER_SECONDS:
            try:
                await manifests.made(self._transactions, stored, given)
                return
            except (DBAPIError, NoConnectionFree, OSError) as error:
                log.warning("a manifest cannot be kept", manifest=stored.manifest, reason=type(error).__name__)
                await asyncio.sleep(wait)
        await manifests.made(self._transactions, stored, given)

    def _came_late(
        self, kind: CarrierKind, stored: StoredManifest, wanted: WantedManifest, given: MadeManifest
    ) -> None:
        """Keep an answer that came after its deadline."""
        task = asyncio.get_running_loop().create_task(self._made(kind, stored, wanted, given))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _no_answer(self, step: ManifestStep | None, kind: CarrierKind, stored: StoredManifest, why: str) -> None:
        if step is ManifestStep.MAKE:
            await manifests.unknown(self._transactions, stored, why, wait_after(1) if kind.finds else None)
        else:
            await self._postpone(stored, why, not_called=False)

    async def _postpone(self, stored: StoredManifest, why: str, *, not_called: bool) -> None:
        """Ask again later. `not_called` = the carrier has not been asked to make it, so that it may be asked the first time."""
        if stored.tries == TRIES_UNTIL_A_PERSON_LEARNS:
            await manifests.unanswered(self._transactions, stored, why)
        async with self._transactions.database.at_once() as connection:
            await statements.postpone(connection, stored.manifest, wait_after(stored.tries), not_called=not_called)
