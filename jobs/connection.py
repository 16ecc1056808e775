"""Looks after connected channels: checks whether orders can flow, and asks each regularly for what has changed.

The poll always runs: webhooks are only the faster way, so a shop that cannot reach us works too. What a page brought is kept in
one transaction with the place where the next page begins: a process that dies goes on there.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from channels.channel import ChannelKind, Checked, Message, Page, Settings
from database import connection as statements
from database import personal
from database.connection import Poll
from database.sealing import Key
from jobs.conversation import AccessRefused, ConversationFailed, Conversations, Unreadable
from jobs.inventory import write_inventory
from jobs.mailbox import Correspondent, Mailboxes, correspondent, correspondent_at
from jobs.waiting import WAIT_MAX, wait_after
from network.catalogue import ChannelCatalogue
from nodes.kinds import KINDS
from runtime.mailbox import MailboxUnreachable
from transactions import connection as access
from transactions import contact, exchange
from transactions.transaction import OrderTransactions

LEASE = timedelta(minutes=2)
"""After this time another process goes on with the poll of a dead one; a page comes well before."""
NOT_CONNECTED_WAIT = timedelta(minutes=1)
CHECK_LEASE = timedelta(hours=1)
"""A check that fails is tried again after this time."""
FAILING_MAX = timedelta(hours=2)
"""After so long without a poll that ended well an exception is opened."""

log = structlog.get_logger("connection")


class NotConnected(Exception):
    """The channel has no entry in the active network, or no credentials."""


class MailboxFailed(ConversationFailed):
    """The mailbox of a trading partner cannot be used."""

    what = "the mailbox of {} cannot be used"


class Connections:
    """The connected channels, as one process looks after them; several processes share the work."""

    def __init__(self, transactions: OrderTransactions, conversations: Conversations) -> None:
        """`conversations` asks the channels."""
        self._transactions = transactions
        self._conversations = conversations
        self._mailboxes = Mailboxes(transactions)
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._open_under: int | None = None
        """The version of the network under which mailboxes that need no credentials were opened last."""
        self._failures: dict[str, int] = {}

    async def check(self, channel: str) -> Checked:
        """Look whether the orders of a channel can flow, set up what it needs for that, and keep both.

        Raises `NotConnected` and `ConversationFailed`.
        """
        if partner := await self._warehouse(channel):
            return await self._check_mailbox(partner)
        settings, kind = await self._connected(channel)
        if kind.uses_mailbox:
            return await self._check_mailbox(correspondent(settings.entry, settings.credentials))
        return await self._check(settings, kind)

    async def _check_mailbox(self, partner: Correspondent) -> Checked:
        checked = Checked(await self._mailboxes.check(partner))
        async with self._transactions.database.write() as connection:
            await statements.keep_check(connection, partner.partner.name, checked.settings, checked.findings)
        return checked

    async def _check(self, settings: Settings, kind: ChannelKind) -> Checked:
        async with self._transactions.database.read() as connection:
            _, network = await self._transactions.networks.active(connection)
        conversation = kind.check(settings, ChannelCatalogue(network, settings.name), datetime.now(UTC))
        checked = await self._conversations.run(settings, kind, conversation)
        await access.keep_check(self._transactions, settings.name, checked)
        return checked

    async def visit(self) -> timedelta | None:
        """Begin to ask every channel whose time has come: none waits for another. Answers how long until the next one's.

        Raises what ended the asking of a channel since the last visit, for a reason of ours; it is asked again all the same.
        """
        await self._open_mailboxes()
        ended = [self._asking.pop(channel) for channel, task in list(self._asking.items()) if task.done()]
        async with self._transactions.database.at_once() as connection:
            waits = await statements.polls(connection)
        for channel in {name for name, wait in waits.items() if not wait} - self._asking.keys():
            self._asking[channel] = asyncio.create_task(self.poll(channel))
        for task in ended:
            task.result()
        return min(filter(None, waits.values()), default=None)

    async def close(self) -> None:
        """Stop asking; what was not read is asked for again when the lease is over."""
        for task in self._asking.values():
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        await self._mailboxes.close()

    async def poll(self, channel: str) -> None:
        """Ask a channel that is due for what has changed, page after page, and keep what comes."""
        async with self._transactions.database.at_once() as connection:
            taken = await statements.claim_poll(connection, channel, LEASE)
        if taken is None:
            return
        try:
            if partner := await self._warehouse(channel):
                await self._visit_warehouse(partner)
            else:
                await self._poll(*await self._connected(channel), taken)
        except NotConnected:
            await self._postpone(channel, NOT_CONNECTED_WAIT)
        except ConversationFailed as failed:
            await self._failed(channel, failed)
        except Exception as error:
            await self._failed(channel, ConversationFailed(f"for a reason of ours: {type(error).__name__}"))
            raise
        else:
            self._failures.pop(channel, None)
            await access.works(self._transactions, channel)

    async def _poll(self, settings: Settings, kind: ChannelKind, taken: Poll) -> None:
        if kind.uses_mailbox:
            partner = correspondent(settings.entry, settings.credentials)
            await write_inventory(self._transactions, settings, datetime.now(UTC))
            await self._look_into_mailbox(partner, settings.entry["poll"])
            return
        try:
            await self._ask(settings, kind, taken.cursor)
        except ConversationFailed as failed:
            # What it does not let us read any more, a check says better.
            if taken.needs_check or (isinstance(failed, Unreadable) and settings.name not in self._failures):
                await self._check_again(settings, kind)
            raise
        if taken.needs_check:
            await self._check_again(settings, kind)

    async def _check_again(self, settings: Settings, kind: ChannelKind) -> None:
        """Check a channel whose turn it is, whatever became of its poll. A check that fails is tried again later: what keeps
        it from its end keeps the polls, too, and they say so."""
        async with self._transactions.database.at_once() as connection:
            if not await statements.claim_check(connection, settings.name, CHECK_LEASE):
                return
        try:
            checked = await self._check(settings, kind)
        except ConversationFailed as failed:
            log.warning("a channel could not be checked", channel=settings.name, reason=failed.why)
        else:
            found = [one.text for one in checked.findings if one.is_for_a_person]
            log.info("a channel was checked", channel=settings.name, found=found)

    async def _open_mailboxes(self) -> None:
        """Let the mailboxes of nodes be looked into that are directories of ours: nothing authorizes us there."""
        async with self._transactions.database.read_once() as connection:
            version, network = await self._transactions.networks.active(connection)
        if version == self._open_under:
            return
        for node in network.nodes.values():
            if KINDS[node.dispatch.kind].uses_mailbox and node.settings["sftp"] is None:
                async with self._transactions.database.write() as connection:
                    await statements.keep_first_credentials(connection, node.id, {})
        self._open_under = version

    async def _warehouse(self, name: str) -> Correspondent | None:
        """The warehouse of a node that is reached by X12 and can be; None = the name is no such node's."""
        async with self._transactions.database.read() as connection:
            _, network = await self._transactions.networks.active(connection)
            node = network.nodes.get(name)
            if node is None or not KINDS[node.dispatch.kind].uses_mailbox:
                return None
            access = await statements.access(connection, name)
        if access is None:
            raise NotConnected(name)
        return correspondent_at(node, access.credentials)

    async def _visit_warehouse(self, partner: Correspondent) -> None:
        """Exchange files with a warehouse. A mailbox that cannot be used is shown with its node, too."""
        try:
            await self._look_into_mailbox(partner, partner.look_every)
        except ConversationFailed as failed:
            await contact.failed(self._transactions, partner.partner.name, failed.why)
            raise

    async def _ask(self, settings: Settings, kind: ChannelKind, cursor: Mapping[str, Any]) -> None:
        is_last = False
        while not is_last:
            conversation = kind.poll(settings, cursor, datetime.now(UTC))
            page = await self._conversations.run(settings, kind, conversation)
            await self._keep(settings, page)
            cursor, is_last = page.cursor, page.is_last

    async def _look_into_mailbox(self, partner: Correspondent, every: timedelta) -> None:
        """Exchange the files of a trading partner. Raises `ConversationFailed` when its mailbox cannot be used."""
        name = partner.partner.name
        try:
            await self._mailboxes.visit(partner)
        except MailboxUnreachable as error:
            async with self._transactions.database.at_once() as connection:
                await statements.failed(connection, name, str(error))
            raise MailboxFailed(str(error)) from error
        async with self._transactions.database.write() as connection:
            await statements.works(connection, name)
            await statements.keep_page(connection, name, {}, is_last=True, due_in=every)

    async def _keep(self, settings: Settings, page: Page) -> None:
        due_in = settings.entry["poll"] if page.is_last else LEASE
        async with self._transactions.database.write() as connection:
            key = await personal.common_key(connection)
            messages = [(_event_id(key, message), message) for message in page.messages]
            new = await exchange.keep(connection, settings.name, messages)
            await statements.keep_page(connection, settings.name, page.cursor, is_last=page.is_last, due_in=due_in)
        if new:
            log.info("a channel was asked and had news", channel=settings.name, documents=new)

    async def _failed(self, channel: str, failed: ConversationFailed) -> None:
        tries = self._failures[channel] = self._failures.get(channel, 0) + 1
        is_for_a_person = isinstance(failed, AccessRefused)
        shortest = WAIT_MAX if is_for_a_person else wait_after(tries + 1)
        wait = max(failed.wait or timedelta(0), shortest)
        log.warning(
            "a channel could not be asked for what has changed", channel=channel, reason=failed.why, tries=tries
        )
        async with self._transactions.database.at_once() as connection:
            failing = await statements.poll_failed(connection, channel, wait)
        if is_for_a_person:
            await access.keep_out(self._transactions, channel, failed.why)
        elif failing >= FAILING_MAX:
            await access.fails(self._transactions, channel, failing, failed.what.format(channel), failed.why)

    async def _postpone(self, channel: str, wait: timedelta) -> None:
        async with self._transactions.database.at_once() as connection:
            await statements.postpone_poll(connection, channel, wait)

    async def _connected(self, channel: str) -> tuple[Settings, ChannelKind]:
        found = await self._conversations.settings(channel)
        if found is None:
            raise NotConnected(channel)
        return found


def _event_id(key: Key, message: Message) -> str:
    """Equal for what was read before and has not changed since; a guess of what it says cannot be checked against it."""
    return f"poll:{key.fingerprint(f'{message.topic} {message.body.hex()}')}"
