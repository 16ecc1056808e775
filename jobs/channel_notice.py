"""Notifies connected channels of what happened to their orders, until each channel has taken it.

What is owed is in PostgreSQL (`channel_notice`), so any process can go on at any moment. A notice is computed from the facts
when it is sent, and never sent before an earlier one of its order. A channel that did not answer may have done what it was
asked: the next try is the whole conversation again, and a conversation reads first what stands at the channel.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from channels.channel import ChannelKind, Done, Later, Notice, Outcome, Refused, Settings, loose_package
from database import carton, channel_order, fulfillment, refund, request
from database.documents import order as documents
from database.outbox import channel_notice as notices
from database.outbox.channel_notice import Owed
from domain.event import EventKind
from jobs.conversation import ConversationFailed, Conversations, Unreadable
from jobs.waiting import wait_after
from runtime.breaker import Breaker
from transactions import channel_level, channel_notice, channel_refund
from transactions.transaction import OrderTransactions

CONVERSATION_WITHIN = timedelta(minutes=1)
LEASE = timedelta(minutes=3)
"""After this time another process sends what a dead process had claimed; every conversation must have ended well before, and
what it asked for last must have been done or lost."""
AT_ONCE_MAX = 5
FAILURES_MAX = 5
"""After so many conversations in a row without an answer a channel rests, whatever is due."""
REST = CONVERSATION_WITHIN
TELLS_AFTER = timedelta(hours=1)
"""After so long without success a person learns of it, while the tries go on."""
KEEPS_TRYING = timedelta(days=7)
FAULTS_MAX = 6
"""After so many tries, an error that is none of the channel's needs a person, as one that it refuses."""

log = structlog.get_logger("channel_notice")


@dataclass(frozen=True, slots=True)
class _Silence(Later):
    """The channel did not answer, or does not let us in: it would not take another notice either."""


def _may_have_moved(outcome: Outcome, owed: Owed) -> bool:
    """Whether the channel has moved units from one of its places to another. What an earlier try has moved before it broke off,
    the next one does not see."""
    match outcome:
        case Done():
            return outcome.has_moved or owed.tries > 1
        case Refused():
            return True
    return False


class ChannelNoticeSender:
    """Runs in the HTTP process; several of them share the work."""

    def __init__(self, transactions: OrderTransactions, conversations: Conversations) -> None:
        """`conversations` speaks to the channels."""
        self._transactions = transactions
        self._conversations = conversations
        self._breaker = Breaker(FAILURES_MAX, REST)
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._unconnected: set[str] = set()

    async def visit(self) -> None:
        """Begin to serve every channel that has a due notice, is not being served and does not rest.

        Raises what ended the serving of a channel since the last visit; another one begins all the same.
        """
        ended = [self._serving.pop(channel) for channel, task in list(self._serving.items()) if task.done()]
        async with self._transactions.database.at_once() as connection:
            due = await notices.channels(connection)
        for channel in filter(self._breaker.admits, set(due) - self._serving.keys()):
            self._serving[channel] = asyncio.create_task(self._serve(channel))
        for task in ended:
            task.result()

    def end_the_rest(self, channel: str) -> None:
        """Talk to a channel as usual from now on: somebody says that it works again."""
        self._breaker.succeeded(channel)

    async def close(self) -> None:
        """Stop serving; what was not taken is due again when its lease is over."""
        for task in self._serving.values():
            task.cancel()
        await asyncio.gather(*self._serving.values(), return_exceptions=True)

    async def _serve(self, channel: str) -> None:
        """Notify a channel of what is due until nothing is left, or something must wait; after a rest, of one as a trial."""
        connected = await self._conversations.settings(channel)
        self._note_whether_connected(channel, is_connected=connected is not None)
        goes_on = connected is not None
        while goes_on and connected is not None:
            at_once = AT_ONCE_MAX if self._breaker.is_closed(channel) else 1
            async with self._transactions.database.at_once() as connection:
                owed = await notices.claim(connection, channel, at_once, LEASE)
            answers = await asyncio.gather(*(self._notify(*connected, one) for one in owed))
            goes_on = bool(owed) and all(answers)

    def _note_whether_connected(self, channel: str, *, is_connected: bool) -> None:
        if is_connected:
            self._unconnected.discard(channel)
        elif channel not in self._unconnected:
            self._unconnected.add(channel)
            log.warning("a channel is owed notices and is not connected: run `starter connect`", channel=channel)

    async def _notify(self, settings: Settings, kind: ChannelKind, owed: Owed) -> bool:
        """Notify a channel of one event and note what came of it; whether the channel answers, so that others may be sent."""
        outcome, version = await self._outcome(settings, kind, owed)
        if kind.places(settings) and _may_have_moved(outcome, owed):
            await channel_level.doubt(self._transactions, owed.channel, owed.order)
        try:
            await self._note(settings, owed, outcome, version)
        except channel_notice.Outdated:  # documents about an order that has changed meanwhile are computed again
            async with self._transactions.database.at_once() as connection:
                await notices.postpone(connection, owed, wait_after(owed.tries))
        return not isinstance(outcome, _Silence)

    async def _note(self, settings: Settings, owed: Owed, outcome: Outcome, version: int | None) -> None:
        """Note what came of a notice. Raises `Outdated`."""
        partner = settings.entry.get("agreed")
        match outcome:
            case Done(ids, documents, paid):
                if paid is not None:
                    await channel_refund.settle(self._transactions, owed, paid)
                await channel_notice.took(self._transactions, owed, ids, documents, partner, version)
            case Refused(why, ids, documents):
                await channel_notice.refused(self._transactions, owed, why, ids, documents, partner, version)
                log.warning("a channel refused a notice", channel=owed.channel, order=owed.order, event_id=owed.name)
            case Later():
                await self._postpone(owed, outcome)

    async def _outcome(self, settings: Settings, kind: ChannelKind, owed: Owed) -> tuple[Outcome, int | None]:
        """What a channel says to a notice, and of which version of the order; no answer is a reason to ask later."""
        version: int | None = None
        try:
            notice = await self._notice(settings, kind, owed)
            version = notice.order["version"]
            async with asyncio.timeout(CONVERSATION_WITHIN.total_seconds()):
                outcome = await self._conversations.run(settings, kind, kind.notify(settings, notice))
        except Unreadable as error:
            outcome = Later(error.why, kind.shown_after)
        except (ConversationFailed, TimeoutError) as error:
            self._breaker.failed(owed.channel)
            asked = getattr(error, "wait", None) or timedelta(0)
            return _Silence(str(error) or "no answer in time", max(asked, kind.shown_after)), version
        except Exception as error:
            log.exception("a notice could not be sent", channel=owed.channel, order=owed.order, event_id=owed.name)
            why = f"an error of Switchyard, {type(error).__name__}: the log says more"
            return (Refused(why) if owed.tries >= FAULTS_MAX else Later(why)), version
        self._breaker.succeeded(owed.channel)
        if owed.is_silence_known:
            await channel_notice.answers_again(self._transactions, owed)
        return outcome, version

    async def _notice(self, settings: Settings, kind: ChannelKind, owed: Owed) -> Notice:
        """An event with the facts as they are now."""
        async with self._transactions.database.read() as connection:
            order = await documents.show(connection, owed.order, channel=None, at=datetime.now(UTC))
            asks_for_money = owed.kind == EventKind.REFUND_REQUESTED
            paid_back = (await refund.account(connection, owed.order)).units if asks_for_money else {}
            is_cancel = owed.kind == EventKind.CANCELLED
            code = await request.cancel_code(connection, owed.order) if is_cancel else None
            left_at = await fulfillment.left_at(connection, owed.order)
            ids = await channel_order.names(connection, owed.channel, owed.external) if kind.uses_mailbox else owed.ids
            is_of_plan = owed.kind in (EventKind.PROMISED, EventKind.PROMISE_CHANGED) and bool(kind.places(settings))
            pinned = await fulfillment.reserved_at(connection, owed.order) if is_of_plan else {}
        assert order is not None, f"{owed.order} has events"
        serials = await self._serials(owed) if kind.uses_mailbox else {}
        about = owed.name, owed.kind, owed.data, owed.external, order, ids, owed.at
        return Notice(*about, serials, paid_back, code, left_at, pinned)

    async def _serials(self, owed: Owed) -> Mapping[str, int]:
        """The serial numbers of the packages of a shipment, and of what left in none, for their SSCCs."""
        work = owed.data.get("fulfillment_order")
        named = [(work, one["package"]) for one in owed.data.get("packages", [])] if work else []
        if owed.kind == EventKind.SHIPPED and work:
            named.append((work, loose_package(owed.name)))
        async with self._transactions.database.write() as connection:
            return {package: serial for (_, package), serial in (await carton.serials(connection, named)).items()}

    async def _postpone(self, owed: Owed, outcome: Later) -> None:
        """Try a notice later, tell a person when that goes on for long, and give it up in the end."""
        about = {"channel": owed.channel, "order": owed.order, "event_id": owed.name, "tries": owed.tries}
        tried = datetime.now(UTC) - owed.since
        if tried >= KEEPS_TRYING:
            why = f"it could not be sent for {KEEPS_TRYING.days} days, at last: {outcome.why}"
            await channel_notice.refused(self._transactions, owed, why)
            log.warning("a notice was given up; an exception is open", **about)
            return
        if tried >= TELLS_AFTER:
            await self._tell(owed, outcome)
        wait = max(outcome.wait or timedelta(0), wait_after(owed.tries))
        async with self._transactions.database.at_once() as connection:
            await notices.postpone(connection, owed, wait)
        log.warning("a channel did not take a notice", reason=outcome.why, **about)

    async def _tell(self, owed: Owed, outcome: Later) -> None:
        """Open the exception of a notice that waits; one of the channel for all of them, where that is silent."""
        if isinstance(outcome, _Silence):
            await channel_notice.is_silent(self._transactions, owed, outcome.why)
        elif not owed.has_exception:
            await channel_notice.waits(self._transactions, owed, outcome.why)
