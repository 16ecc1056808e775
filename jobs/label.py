"""Buys, finds and gives back labels.

What is to be done is in PostgreSQL (`label.due_at`), so any process can go on at any moment. A label
whose first call another process has begun is not bought again: its carrier is asked for it by our reference.
"""

import asyncio
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from carriers.carrier import Bought, CarrierKind, CarrierRefused, MissingExtra, NoAnswer, Settings, Shipment
from carriers.judge import fault
from carriers.kinds import KINDS
from database import label as statements
from database.label import StoredLabel
from domain.label import LabelState, Step, next_step
from jobs.carrier import ANSWER_WITHIN, CarrierCalls, NotNow
from jobs.waiting import wait_after
from transactions import label as labels
from transactions.transaction import OrderTransactions
from transactions.unused_label import may_go_back

LEASE = ANSWER_WITHIN + timedelta(minutes=1)
"""After this time another process goes on with what a dead process had claimed; every call must have ended well before."""
AT_ONCE_MAX = 8
TRIES_UNTIL_A_PERSON_LEARNS = 8
"""About four minutes of calls in a row without an answer."""
KEPT_AGAIN_AFTER_SECONDS = (1, 2, 4, 8)
CLOSES_WITHIN = timedelta(seconds=5)
"""So long a process that ends waits for the answers of carriers that it has called."""
GIVES_BACK = frozenset({Step.VOID, Step.VOID_AGAIN})
NOT_THERE = "it is not in carriers.toml any more"

log = structlog.get_logger("label")


class Labels:
    """Runs in the HTTP process; several of them share the work."""

    def __init__(self, transactions: OrderTransactions, calls: CarrierCalls) -> None:
        """`calls` calls the carriers."""
        self._transactions = transactions
        self._calls = calls
        self._late: set[asyncio.Task[None]] = set()

    async def carry_out(self) -> timedelta | None:
        """Do what is due; answers in what time something is due again."""
        while True:
            async with self._transactions.database.at_once() as connection:
                claimed = await statements.claim(connection, AT_ONCE_MAX, LEASE)
            if not claimed:
                break
            ends = await asyncio.gather(*(self._step(*one) for one in claimed), return_exceptions=True)
            for end in ends:
                if isinstance(end, BaseException):
                    raise end
        async with self._transactions.database.read_once() as connection:
            return await statements.due_in(connection)

    async def close(self) -> None:
        """Keep the answers that come now, and wait for no other."""
        await self._calls.answered(CLOSES_WITHIN)
        if self._late:
            await asyncio.wait(self._late, timeout=CLOSES_WITHIN.total_seconds())
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def _step(self, stored: StoredLabel, is_first: bool) -> None:
        """Ask the carrier what is to be asked next, and keep what it answers."""
        step = next_step(stored.asking._replace(was_called=not is_first))
        try:
            found = await labels.settings_of(self._transactions, stored.carrier)
            shipment = await self._shipment(stored) if step is Step.BUY else None
        except Exception as error:
            log.warning("a carrier cannot be called", carrier=stored.carrier, reason=type(error).__name__)
            why = f"it cannot be called ({type(error).__name__})"
            await self._postpone(stored, why, not_called=is_first, void_not_called=stored.void_called_at is None)
            return
        if step in GIVES_BACK and stored.is_unused and not await may_go_back(self._transactions, stored):
            return
        if step is None or found is None:
            await self._without_a_call(stored, is_first=is_first)
        elif step is Step.BUY and shipment is None:
            await labels.voided(self._transactions, stored)
        elif step is Step.FIND and not KINDS[found[0]].finds:
            await labels.unknown(self._transactions, stored, "it cannot be asked for it by our reference", None)
        else:
            await self._call(step, KINDS[found[0]], found[1], stored, shipment, is_first=is_first)

    async def _shipment(self, stored: StoredLabel) -> Shipment | None:
        """What is asked for; None = nobody wants it any more."""
        if not await labels.is_wanted(self._transactions, stored):
            return None
        return await labels.shipment_of(self._transactions, stored)

    async def _call(
        self,
        step: Step,
        kind: CarrierKind,
        settings: Settings,
        stored: StoredLabel,
        shipment: Shipment | None,
        *,
        is_first: bool,
    ) -> None:
        try:
            await self._ask(step, kind, settings, stored, shipment)
        except NotNow as why:
            await self._postpone(stored, str(why), not_called=is_first, void_not_called=stored.void_called_at is None)
        except CarrierRefused as why:
            await self._refused(step, stored, str(why))
        except MissingExtra as why:
            await self._refused(step, stored, str(why))
        except NoAnswer as why:
            await self._no_answer(step, kind, stored, str(why))
        except Exception as error:  # what a carrier sends may be anything, and so may be what a package makes of it
            log.warning("an answer of a carrier cannot be read", carrier=stored.carrier, reason=type(error).__name__)
            await self._no_answer(step, kind, stored, f"its answer cannot be read ({type(error).__name__})")

    async def _without_a_call(self, stored: StoredLabel, *, is_first: bool) -> None:
        if stored.void_wanted_at is not None and is_first:
            await labels.voided(self._transactions, stored)
        elif stored.state is LabelState.ASKED and is_first:
            await labels.refused(self._transactions, stored, NOT_THERE)
        elif stored.state is LabelState.ASKED:
            await labels.unknown(self._transactions, stored, NOT_THERE, wait_after(1))
        else:
            await self._postpone(stored, NOT_THERE, not_called=False, void_not_called=stored.void_called_at is None)

    async def _ask(
        self, step: Step, kind: CarrierKind, settings: Settings, stored: StoredLabel, shipment: Shipment | None
    ) -> None:
        if shipment is not None:
            buy, late = partial(kind.buy, settings, shipment), partial(self._came_late, stored)
            await self._sold(stored, await self._calls.call(settings.name, buy, late))
        elif step is Step.FIND:
            found = await self._calls.call(settings.name, partial(kind.find, settings, stored.label))
            await (self._sold(stored, found) if found else labels.missing(self._transactions, stored))
        elif step is Step.VOID_AGAIN and kind.finds and not await self._has(kind, settings, stored):
            await labels.voided(self._transactions, stored)
        else:
            void = partial(kind.void, settings, stored.tracking or "", stored.theirs or "")
            await self._calls.call(settings.name, void)
            await labels.voided(self._transactions, stored)

    async def _has(self, kind: CarrierKind, settings: Settings, stored: StoredLabel) -> bool:
        """Whether the carrier still has a label that it was asked to take back."""
        return await self._calls.call(settings.name, partial(kind.find, settings, stored.label)) is not None

    async def _sold(self, stored: StoredLabel, sold: Bought) -> None:
        """Keep what a carrier sold, again and again for a while: it is paid for, and nobody else knows it."""
        for wait in KEPT_AGAIN_AFTER_SECONDS:
            try:
                await self._keep(stored, sold)
                return
            except (DBAPIError, NoConnectionFree, OSError) as error:
                log.warning("a label cannot be kept", label=stored.label, reason=type(error).__name__)
                await asyncio.sleep(wait)
        await self._keep(stored, sold)

    async def _keep(self, stored: StoredLabel, sold: Bought) -> None:
        shipment = await labels.shipment_of(self._transactions, stored)
        why = fault(sold, shipment) if shipment else None
        if why is None:
            await labels.bought(self._transactions, stored, sold)
        else:
            await labels.unusable(self._transactions, stored, sold, why)

    def _came_late(self, stored: StoredLabel, sold: Bought) -> None:
        """Keep an answer that came after its deadline."""
        task = asyncio.get_running_loop().create_task(self._sold(stored, sold))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _refused(self, step: Step, stored: StoredLabel, why: str) -> None:
        if step is Step.BUY:
            await labels.refused(self._transactions, stored, why)
        elif step in GIVES_BACK:
            await labels.not_voided(self._transactions, stored, why)
        else:
            await self._postpone(stored, why, not_called=False)

    async def _no_answer(self, step: Step, kind: CarrierKind, stored: StoredLabel, why: str) -> None:
        if step is Step.BUY or stored.state is LabelState.ASKED:
            await labels.unknown(self._transactions, stored, why, wait_after(1) if kind.finds else None)
        else:
            await self._postpone(stored, why, not_called=False)

    async def _postpone(
        self, stored: StoredLabel, why: str, *, not_called: bool, void_not_called: bool = False
    ) -> None:
        """Ask again later. `not_called` = the carrier has not been asked to sell it, so that it may be asked the first time;
        `void_not_called` = it has not been asked to take it back."""
        if stored.tries == TRIES_UNTIL_A_PERSON_LEARNS:
            await labels.unanswered(self._transactions, stored, why)
        async with self._transactions.database.at_once() as connection:
            wait = wait_after(stored.tries)
            await statements.postpone(
                connection, stored, wait, why, not_called=not_called, void_not_called=void_not_called
            )
