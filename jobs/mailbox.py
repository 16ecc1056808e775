"""Exchanges files with trading partners: reads each mailbox, keeps what came, and puts into it what is due.

A file is moved to `done` only when everything in it is kept, and a document counts as sent only when it lies in the mailbox
whole. A process may die between any two steps: the file is read again and recognised, the document is put again as it was.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from channels.channel import Finding
from channels.x12.kind import TAKES
from database import x12_document as statements
from database.x12_document import Due
from domain.network import Node
from formats.x12.partner import Partner
from nodes.x12.sets import TAKES as OF_WAREHOUSES
from runtime.drop_directory import DropDirectory
from runtime.mailbox import SETTLE, Mailbox, MailboxUnreachable, NameTaken, NotClaimed
from runtime.sftp import SftpCredentials, SftpFolders, SftpPlace
from transactions import x12_document
from transactions.transaction import OrderTransactions

BATCH = 50
LEASE = timedelta(minutes=5)
"""After this time another process puts what a dead process had claimed."""

log = structlog.get_logger("mailbox")


@dataclass(frozen=True, slots=True)
class Correspondent:
    """A trading partner, where its files lie, and what it sends."""

    partner: Partner
    drop: str | None
    sftp: Mapping[str, Any] | None
    credentials: Mapping[str, str] = field(repr=False)
    takes: Mapping[str, Collection[str]] = field(default_factory=lambda: TAKES)
    """The sets that are carried out, each with the segments that it cannot be without."""
    look_every: timedelta = timedelta(minutes=1)
    """How often its mailbox is looked into."""


def correspondent(entry: Mapping[str, Any], credentials: Mapping[str, str]) -> Correspondent:
    """The partner of an entry of channels.toml."""
    return Correspondent(entry["agreed"], entry["drop"], entry["sftp"], credentials)


def correspondent_at(node: Node, credentials: Mapping[str, str]) -> Correspondent:
    """The warehouse of a node that is reached by X12."""
    entry = node.settings
    return Correspondent(entry["agreed"], entry["drop"], entry["sftp"], credentials, OF_WAREHOUSES, entry["poll"])


class Mailboxes:
    """The mailboxes of all partners, as one process uses them."""

    def __init__(self, transactions: OrderTransactions, settle: timedelta = SETTLE) -> None:
        """`settle` is how long a file must have stayed as it is before it counts as finished."""
        self._transactions = transactions
        self._settle = settle
        self._open: dict[str, tuple[Correspondent, Mailbox, DropDirectory | SftpFolders]] = {}

    async def check(self, one: Correspondent) -> list[Finding]:
        """Look whether the mailbox can be used."""
        try:
            await (await self._mailbox(one)).names()
        except MailboxUnreachable as error:
            return [Finding(True, str(error))]
        return []

    async def visit(self, one: Correspondent) -> None:
        """Keep every file that came, put what is due, and look for acknowledgments that are late. Raises
        `MailboxUnreachable`."""
        mailbox = await self._mailbox(one)
        for name in await mailbox.names():
            await self._take(one, mailbox, name)
        await self._put_all(one.partner, mailbox)
        await x12_document.look_for_answers(self._transactions, one.partner)

    async def close(self) -> None:
        """End the connections."""
        for _, _, folders in self._open.values():
            await folders.close()
        self._open.clear()

    async def _mailbox(self, one: Correspondent) -> Mailbox:
        known = self._open.get(one.partner.name)
        if known is not None and known[0] == one:
            return known[1]
        if known is not None:
            await known[2].close()
        folders = _folders(one)
        mailbox = Mailbox(folders, settle=self._settle)
        self._open[one.partner.name] = one, mailbox, folders
        return mailbox

    async def _take(self, one: Correspondent, mailbox: Mailbox, name: str) -> None:
        try:
            content = await mailbox.claim(name)
        except NotClaimed as error:
            log.info("a file is not read now", partner=one.partner.name, reason=str(error))
            return
        try:
            kept = await x12_document.keep_file(self._transactions, one.partner, one.takes, content, datetime.now(UTC))
        except BaseException:
            mailbox.give_back(name)
            raise
        if kept.problems:
            await mailbox.failed(name, "\n".join(kept.problems))
            log.warning("a file of a partner cannot be taken", partner=one.partner.name, reason=kept.problems[0])
        else:
            await mailbox.done(name)
        log.info("a file of a partner was read", partner=one.partner.name, sets=kept.new)

    async def _put_all(self, partner: Partner, mailbox: Mailbox) -> None:
        while True:
            async with self._transactions.database.at_once() as connection:
                due = await statements.claim(connection, partner.name, BATCH, LEASE)
            try:
                for document in due:
                    await self._put(partner, mailbox, document)
            except MailboxUnreachable:
                async with self._transactions.database.at_once() as connection:
                    await statements.give_back(connection, partner.name, [one.control for one in due])
                raise
            if not due:
                return

    async def _put(self, partner: Partner, mailbox: Mailbox, document: Due) -> None:
        try:
            await mailbox.put(document.file, document.body)
        except NameTaken as error:
            log.warning("a document waits for its place", partner=partner.name, reason=str(error))
            return
        await x12_document.sent(self._transactions, partner, document)


def _folders(one: Correspondent) -> DropDirectory | SftpFolders:
    if one.sftp is None:
        return DropDirectory(Path(one.drop or ""))
    return SftpFolders(SftpPlace(**one.sftp), SftpCredentials(**one.credentials))
