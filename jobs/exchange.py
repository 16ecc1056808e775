"""Carries out what connected channels have sent: each document on its own, so that a bad one stops nothing.

What came is in PostgreSQL (`exchange.due_at`), so any process can go on at any moment. Documents of one order may be carried
out in any sequence and several times: what its channel said last decides (`transactions.channel_order`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

import structlog

from channels.channel import (
    DIVIDED,
    Acknowledged,
    Amends,
    Catalogue,
    ChannelKind,
    Conversation,
    Misfit,
    ReadAgain,
    Said,
    Settings,
)
from database import channel_order, exchange
from database.exchange import Exchange
from database.network import active_version
from domain.network import Network
from jobs.conversation import ConversationFailed
from jobs.waiting import WAIT_MAX, wait_after
from network.catalogue import ChannelCatalogue
from nodes.kinds import KINDS
from nodes.x12.items import Misfit as WarehouseMisfit
from transactions import exchange as exchanges
from transactions import warehouse, x12_document
from transactions.channel_order import Document, SaidTwice, follow
from transactions.channel_reply import Reply
from transactions.transaction import OrderTransactions

BATCH = 64
AT_ONCE_MAX = 8
LEASE = timedelta(minutes=2)
"""After this time another process carries out what a dead process had claimed."""
TRIES_MAX = 8
"""After so many tries, a few minutes, something that fails for a reason of ours needs a person."""
NOT_CONNECTED = "the channel is not connected: see channels.toml, and run `connect`"

Result = TypeVar("Result")

log = structlog.get_logger("exchange")


class Early(Exception):
    """A change came, and the order that it changes is not here: perhaps it comes next."""


class Talks(Protocol):
    """What holds conversations with channels: `jobs.conversation.Conversations`."""

    async def settings(self, channel: str) -> tuple[Settings, ChannelKind] | None:
        """A connected channel and its kind; None = it is not connected."""

    async def run(self, settings: Settings, kind: ChannelKind, conversation: Conversation[Result]) -> Result:
        """Hold a conversation. Raises `ConversationFailed`."""


class _Channel(NamedTuple):
    """What is needed to read what a channel sent."""

    settings: Settings
    kind: ChannelKind
    catalogue: Catalogue


_Following = Callable[[Exchange, list[str]], Awaitable[None]]
"""Carries something out; the list gets the orders that are in it."""


@dataclass(slots=True)
class Exchanges:
    """Carries out what came. Runs in the HTTP process; several of them share the work."""

    transactions: OrderTransactions
    conversations: Talks
    """Talks to channels, where something must be read there."""
    _looked_under: int | None = None
    """The version of the network under which items that nobody knew were looked for last."""

    async def carry_out(self) -> None:
        """Carry out all that is due."""
        while await self.apply_kept():
            pass

    async def apply_kept(self) -> bool:
        """Carry out what is due of every channel, a batch of each; answers whether there was something.

        Raises, when all channels had their turn, what kept the result of a document from being stored; it is due again when
        its lease is over.
        """
        await self._look_for_new_items()
        async with self.transactions.database.at_once() as connection:
            due = await exchange.channels(connection)
        found = [await self._apply_or_fail(channel) for channel in due]
        for failure in found:
            if isinstance(failure, Exception):
                raise failure
        return any(found)

    async def _apply_or_fail(self, name: str) -> bool | Exception:
        """As `_apply_of`; a failure is answered, so that other channels have their turn."""
        try:
            return await self._apply_of(name)
        except Exception as error:
            return error

    async def _look_for_new_items(self) -> None:
        """Let orders with an item that nobody knew be looked at again when the network has changed."""
        async with self.transactions.database.at_once() as connection:
            version = await active_version(connection)
            if version not in (None, self._looked_under):
                await exchange.look_at_unmapped_again(connection)
        self._looked_under = version

    async def _apply_of(self, name: str) -> bool:
        found = await self.conversations.settings(name)
        async with self.transactions.database.at_once() as connection:
            _, network = await self.transactions.networks.active(connection)
            claimed = await exchange.claim(connection, name, BATCH, LEASE)
        following = self._following(name, found, network)
        if following is None:
            for one in claimed:
                await exchanges.postpone(self.transactions, one, NOT_CONNECTED, WAIT_MAX)
            return False
        turns = asyncio.Semaphore(AT_ONCE_MAX)

        async def in_turn(one: Exchange) -> None:
            async with turns:
                await self._carry_out(following, one)

        failures = await asyncio.gather(*map(in_turn, claimed), return_exceptions=True)
        for failure in filter(None, failures):
            raise failure
        return bool(claimed)

    def _following(self, name: str, found: tuple[Settings, ChannelKind] | None, network: Network) -> _Following | None:
        """What carries out the documents of a channel, or of a node that is reached by X12; None = it is neither."""
        if found is not None:
            return partial(self._follow, _Channel(*found, ChannelCatalogue(network, name)))
        node = network.nodes.get(name)
        if node is None or not KINDS[node.dispatch.kind].uses_mailbox:
            return None

        async def follow_warehouse(one: Exchange, externals: list[str]) -> None:
            await warehouse.follow(self.transactions, network, name, one)

        return follow_warehouse

    async def _carry_out(self, following: _Following, one: Exchange) -> None:
        """Carry something out, and store what became of it; it fails for itself alone."""
        externals = list(one.externals)
        try:
            await following(one, externals)
        except Early as early:
            await exchanges.postpone(self.transactions, one, str(early), wait_after(one.tries))
        except (Misfit, WarehouseMisfit) as misfit:
            await exchanges.does_not_fit(self.transactions, one, externals, str(misfit))
        except ConversationFailed as failed:
            wait = failed.wait or wait_after(one.tries)
            await exchanges.postpone(self.transactions, one, f"the channel must be asked: {failed.why}", wait)
        except Exception as error:
            await self._failed(one, externals, error)

    async def _failed(self, one: Exchange, externals: Sequence[str], error: Exception) -> None:
        """A fault that is none of the document, as far as anybody knows: try again, and then tell a person."""
        reason = f"it could not be carried out: {type(error).__name__}"
        log.warning(
            "what a channel sent could not be carried out", exchange=one.exchange, reason=reason, tries=one.tries
        )
        if one.tries < TRIES_MAX:
            await exchanges.postpone(self.transactions, one, reason, wait_after(one.tries))
        else:
            await exchanges.does_not_fit(self.transactions, one, externals, reason)

    async def _follow(self, channel: _Channel, one: Exchange, externals: list[str]) -> None:
        read = _read(channel, one)
        settled = [item for item in read if isinstance(item, Acknowledged)]
        for acknowledgment in settled:
            await x12_document.settle(self.transactions, one.channel, acknowledgment)
        if settled:
            await exchanges.applied(self.transactions, one)
            return
        found = [await self._in_its_store(one, item) for item in read if not isinstance(item, Acknowledged)]
        externals[:] = dict.fromkeys(item.external for item in found)
        if not found:
            await exchanges.pass_over(self.transactions, one, "there is nothing about an order in it")
        for number, item in enumerate(found, 1):
            said = await self._said(channel, one, item, externals)
            if said is None:
                await exchanges.pass_over(self.transactions, one, "the channel has no such order")
                continue
            externals[:] = dict.fromkeys(said.external if name == item.external else name for name in externals)
            document = Document(
                channel=channel.settings.name,
                said=said,
                exchange=one.exchange,
                externals=tuple(externals),
                finishes=number == len(found),
                was_misfit=one.was_misfit,
                is_read_again=isinstance(item, ReadAgain),
                reply=_reply(channel, one, item),
            )
            await self._follow_one(channel, document, one, item)

    async def _said(
        self, channel: _Channel, one: Exchange, item: Said | ReadAgain | Amends, externals: list[str]
    ) -> Said | None:
        """What the channel says of an order; None = it has none. Raises `ConversationFailed`, `Misfit` and `Early`."""
        if isinstance(item, Said):
            return item
        if isinstance(item, ReadAgain):
            return await self._ask(channel, item.external)
        if not item.is_change:
            return await self._together(one, item, externals)
        externals.clear()  # of a change that does not fit: a newer document does not make up for it
        said = await self._together(one, item, [item.external])
        externals[:] = [item.external]
        return said

    async def _in_its_store(self, one: Exchange, item: Said | ReadAgain | Amends) -> Said | ReadAgain | Amends:
        """A change of a store's order, where its order was divided among stores."""
        if not isinstance(item, Amends) or item.of_store is None:
            return item
        async with self.transactions.database.at_once() as connection:
            is_divided = await exchange.is_there(connection, one.channel, item.of_store.external, one.exchange)
        return item.of_store if is_divided else item

    async def _together(self, one: Exchange, item: Amends, externals: Sequence[str]) -> Said:
        """What a document says with the others of its order, which is one of `externals`. Those that wait count too, unless one
        of them does not fit: each has a turn of its own."""
        own = [one.message] if one.message else []
        async with self.transactions.database.at_once() as connection:
            await exchange.name_orders(connection, one.exchange, externals)
        async with self.transactions.database.read_once() as connection:
            others = await exchange.about(connection, one.channel, item.external, one.exchange)
        settled = [message for message, is_waiting in others if not is_waiting]
        try:
            return item.together([*(message for message, _ in others), *own])
        except Misfit as misfit:
            if await self._is_forgotten(one.channel, item.external):
                return Said(item.external, item.version, None, "its order was forgotten")
            if item.is_change and not settled and await self._is_divided(one.channel, item.external):
                raise Misfit(DIVIDED) from misfit
            if item.is_change and not settled and one.tries < TRIES_MAX:
                raise Early(str(misfit)) from misfit
            return item.together([*settled, *own])

    async def _is_divided(self, channel: str, external: str) -> bool:
        async with self.transactions.database.read() as connection:
            return await channel_order.is_divided(connection, channel, external)

    async def _is_forgotten(self, channel: str, external: str) -> bool:
        """Whether an order was forgotten: the bytes of its other documents are gone with it."""
        async with self.transactions.database.read() as connection:
            known = await channel_order.find(connection, channel, external)
        return known is not None and known.is_forgotten

    async def _follow_one(
        self, channel: _Channel, document: Document, one: Exchange, item: Said | ReadAgain | Amends
    ) -> None:
        """Follow a document; where two of the same instant differ, all documents of the order are read again, or the channel is
        asked which one counts."""
        try:
            await follow(self.transactions, document)
        except SaidTwice:
            if isinstance(item, Amends):
                said: Said | None = await self._together(one, item, document.externals)
            else:
                said = await self._ask(channel, document.said.external)
            if said is None or said.external != document.said.external:
                raise Misfit("two documents of the same instant differ, and the channel has no such order") from None
            await follow(self.transactions, replace(document, said=said, is_read_again=True))

    async def _ask(self, channel: _Channel, external: str) -> Said | None:
        """Read an order at its channel; None = the channel has none. Raises `ConversationFailed` and `Misfit`.

        `external` may name a part of the order, which only the channel can tell the order of.
        """
        settings, kind, catalogue = channel
        message = await self.conversations.run(settings, kind, kind.read_again(settings, external))
        if message is None:
            return None
        found = kind.read(settings, catalogue, message)
        if len(found) != 1 or not isinstance(found[0], Said):
            raise Misfit("what the channel answers is not the order that it was asked for")
        return found[0]


def _reply(channel: _Channel, one: Exchange, item: Said | ReadAgain | Amends) -> Reply | None:
    """How something is answered that came by a partner's mailbox."""
    answered = item.answered if isinstance(item, Amends) else None
    return Reply(channel.settings.entry["agreed"], answered, exchange.subject_of(one.exchange)) if answered else None


def _read(channel: _Channel, one: Exchange) -> Sequence[Said | ReadAgain | Amends | Acknowledged]:
    """What is in something that came. Where its bytes are kept no longer, its orders are read at the channel.

    Raises `Misfit`.
    """
    if one.message is None:
        return [ReadAgain(external) for external in one.externals]
    try:
        return channel.kind.read(channel.settings, channel.catalogue, one.message)
    except Misfit:
        raise
    except Exception as error:  # its bytes are what somebody sent: they may be anything
        raise Misfit(f"it cannot be read: {type(error).__name__}") from error
