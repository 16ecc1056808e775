"""Sends connected channels how many units of each item they may sell: only what changed, compared with what stood there.

A channel has one level for each item, or one at each of its places, which are nodes (`ChannelKind.places`).

What was sent, and what stood there afterwards, is in PostgreSQL (`channel_level`). One process at a time compares the levels of
a channel. It remembers since when; a process that begins compares all items once.
"""

import asyncio
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

import structlog

from channels.channel import ChannelKind, Later, Level, Refused, Settings
from database import channel_level as statements
from database import stock_feed
from database.connect import ReadConnection
from database.documents import available
from database.documents.available import AsOf
from domain.channel_level import TRIES_MAX, Kept, answered, next_level
from domain.network import Network
from jobs.conversation import ConversationFailed, Conversations
from network.channel_nodes import nodes_of_channel
from transactions import channel_level
from transactions.channel_level import externals
from transactions.transaction import OrderTransactions

AT_ONCE_MAX = 100
CONVERSATION_WITHIN = timedelta(minutes=2)
LEASE = timedelta(minutes=4)
"""After this time another process compares the levels of a channel; each conversation begins a new one."""
EVERY = timedelta(seconds=2)
WAIT = timedelta(seconds=30)
"""How long to wait after a conversation without an answer."""

log = structlog.get_logger("channel_level")


@dataclass(frozen=True, slots=True)
class _Due:
    """A level to send."""

    external: str
    wanted: int
    level: int
    before: Kept | None


class ChannelLevelSender:
    """Runs in the HTTP process; several of them take turns."""

    def __init__(self, transactions: OrderTransactions, conversations: Conversations) -> None:
        """`conversations` speaks to the channels."""
        self._transactions = transactions
        self._conversations = conversations
        self._known: dict[str, AsOf] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}

    async def visit(self) -> None:
        """Begin to send what changed to each channel whose turn it is; one that is slow does not stop the others.

        Raises what ended the serving of a channel since the last visit.
        """
        ended = [self._serving.pop(channel) for channel, task in list(self._serving.items()) if task.done()]
        async with self._transactions.database.at_once() as connection:
            channels = await statements.claim(connection, LEASE)
        for channel in set(channels) - self._serving.keys():
            self._serving[channel] = asyncio.create_task(self._serve(channel))
        for task in ended:
            task.result()

    async def close(self) -> None:
        """Stop serving; another process goes on when the lease is over."""
        for task in self._serving.values():
            task.cancel()
        await asyncio.gather(*self._serving.values(), return_exceptions=True)

    async def _serve(self, channel: str) -> None:
        wait = WAIT
        try:
            wait = await self._push(channel)
        except (ConversationFailed, TimeoutError) as error:
            log.warning(
                "a channel did not take stock levels", channel=channel, reason=str(error) or "no answer in time"
            )
            wait = max(wait, getattr(error, "wait", None) or wait)
        except Exception as error:
            log.exception("stock levels could not be sent", channel=channel, reason=type(error).__name__)
        async with self._transactions.database.at_once() as connection:
            await statements.compare_after(connection, channel, wait)

    async def _push(self, channel: str) -> timedelta:
        """Send a channel what changed since the last time; how long to wait until the next time."""
        connected = await self._conversations.settings(channel)
        if connected is None or connected[1].uses_mailbox:
            return WAIT
        as_of, due = await self._due(*connected)
        for place, of_place in due.items():
            for some in _parts(of_place, AT_ONCE_MAX):
                later = await self._send(*connected, place, some)
                if later is not None:
                    log.warning("a channel did not take stock levels", channel=channel, reason=later.why)
                    return max(later.wait or WAIT, EVERY)
        self._known[channel] = as_of
        return EVERY

    async def _due(self, settings: Settings, kind: ChannelKind) -> tuple[AsOf, Mapping[str, Sequence[_Due]]]:
        """The levels to send by place, all from one snapshot, and what that snapshot knows."""
        channel, places = settings.name, kind.places(settings)
        async with self._transactions.database.read() as connection:
            version, network = await self._transactions.networks.active(connection)
            as_of = AsOf(version, await stock_feed.horizon(connection))
            changed = await available.changed(connection, version, network, self._known.get(channel))
            items = externals(network, channel)
            names = {external for external, alias in items.items() if alias.sku in changed}
            known = await statements.known(connection, channel, names)
            names |= {external for _, external in known} & items.keys()
            skus = {items[external].sku for external in names}
            units = await _units(connection, network, channel, places, skus)
        due = dict[str, Sequence[_Due]]()
        for place, of_place in units.items():
            kept = {external: found for (at, external), found in known.items() if at == place}
            asked = names if of_place is not None else names & kept.keys()
            wanted = {name: (of_place or {}).get(items[name].sku, 0) // items[name].units for name in sorted(asked)}
            due[place] = list(_to_send(wanted, kept))
        return as_of, due

    async def _send(self, settings: Settings, kind: ChannelKind, place: str, due: Sequence[_Due]) -> Later | None:
        """Send levels, and keep what stood there afterwards. Where all are refused at once, find out which ones are."""
        levels = [Level(one.external, one.level, one.before.available if one.before else None, place) for one in due]
        async with self._transactions.database.at_once() as connection:
            asked_at = await statements.compare_after(connection, settings.name, LEASE)
        async with asyncio.timeout(CONVERSATION_WITHIN.total_seconds()):
            conversation = kind.stock(settings, secrets.token_hex(8), levels)
            outcome = await self._conversations.run(settings, kind, conversation)
        if isinstance(outcome, Later):
            return outcome
        if isinstance(outcome, Refused) and len(due) > 1:
            middle = len(due) // 2
            first = await self._send(settings, kind, place, due[:middle])
            return first or await self._send(settings, kind, place, due[middle:])
        why = outcome.why if isinstance(outcome, Refused) else None
        now = {one.external: _now(one, {} if isinstance(outcome, Refused) else outcome, why) for one in due}
        await channel_level.keep(self._transactions, settings.name, place, now, asked_at, why)
        return None


async def _units(
    connection: ReadConnection, network: Network, channel: str, places: Mapping[str, str], skus: Collection[str]
) -> Mapping[str, Mapping[str, int] | None]:
    """By place, the units of each item that the channel may sell there. None = the node may not ship the channel's orders: the
    place keeps its own levels, and what it was sent before is taken back."""
    usable = nodes_of_channel(network, channel)
    if not places:
        return {"": await available.of_channel(connection, network, channel, usable, skus)}
    units = await available.at_nodes(connection, network, channel, usable & places.keys(), skus)
    return {place: units.get(node) for node, place in places.items()}


def _to_send(wanted: Mapping[str, int], known: Mapping[str, Kept]) -> Iterator[_Due]:
    for external, units in wanted.items():
        before = known.get(external)
        level = next_level(units, before)
        if level is not None:
            yield _Due(external, units, level, before)


def _now(due: _Due, stands: Mapping[str, int], refused: str | None) -> Kept:
    """What is known of an item after the answer."""
    if refused is not None:
        before = due.before or Kept(None, due.wanted)
        return Kept(before.available, due.wanted, before.missing, TRIES_MAX, is_settled=before.available is None)
    if due.external not in stands:
        return Kept(None, due.wanted)
    return answered(due.wanted, due.level, stands[due.external], due.before)


def _parts(due: Sequence[_Due], size: int) -> Iterator[Sequence[_Due]]:
    left = iter(due)
    while part := list(islice(left, size)):
        yield part
