"""Trades with a buyer by X12 on real PostgreSQL: files in a real directory, read and written by the jobs, without Temporal."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import text

from database import connection as statements
from database.connect import Database
from domain import identifiers
from domain.fulfillment import NodeMessage
from formats.x12.parts import Interchange, Set, texts
from formats.x12.read import read
from jobs.channel_notice import ChannelNoticeSender
from jobs.conversation import Conversations
from jobs.exchange import Exchanges
from jobs.mailbox import Mailboxes, correspondent
from tests.database.shop import MAP, NEAREST, Shop
from transactions import fulfillment
from transactions.transaction import OrderTransactions

BUYER = "buyco"
ENTRY = """
[[channel]]
name = "buyco"
kind = "x12"
us = {{qualifier = "ZZ", id = "NORTHWIND"}}
partner = {{qualifier = "ZZ", id = "MOCKEDI"}}
drop = "{drop}"
"""
ITEMS = MAP.items + "WIDGET-001,Widget,100,0,\nWIDGET-002,Other widget,100,0,\n"
_numbers = count(1)


@dataclass
class Trade:
    """A shop that a buyer sends files."""

    shop: Shop
    directory: Path
    conversations: Conversations
    mailboxes: Mailboxes
    exchanges: Exchanges
    sender: ChannelNoticeSender

    @classmethod
    async def open(
        cls, database: Database, directory: Path, partner: str = "test = true", policy: str = MAP.policy
    ) -> "Trade":
        """Connect the buyer, with a file for it in `partners/`."""
        channels, partners = ENTRY.format(drop=directory), json.dumps({BUYER: partner})
        documents = replace(MAP, policy=policy, items=ITEMS, channels=channels, partners=partners)
        shop = await Shop.open(database, documents)
        async with database.write() as connection:
            await statements.keep_credentials(connection, BUYER, {})
        transactions: OrderTransactions = shop.transactions
        conversations = Conversations(database, transactions.networks)
        return cls(
            shop,
            directory,
            conversations,
            Mailboxes(transactions, settle=timedelta()),
            Exchanges(transactions, conversations),
            ChannelNoticeSender(transactions, conversations),
        )

    async def close(self) -> None:
        """End what runs."""
        await self.sender.close()
        await self.mailboxes.close()
        self.conversations.close()

    def send(self, content: bytes | str, name: str = "") -> str:
        """The buyer leaves a file in the mailbox."""
        name = name or f"f{next(_numbers)}.edi"
        (self.directory / "in").mkdir(exist_ok=True)
        (self.directory / "in" / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    async def look(self) -> None:
        """The jobs run: what came is kept and carried out, and what is owed is written and put into the mailbox."""
        found = await self.conversations.settings(BUYER)
        assert found is not None
        one = correspondent(found[0].entry, found[0].credentials)
        await self.mailboxes.visit(one)
        await self.exchanges.carry_out()
        await self.sender.visit()
        await asyncio.gather(*self.sender._serving.values())
        await self.mailboxes.visit(one)

    def files(self, folder: str) -> list[str]:
        """The names of the files of a folder."""
        return sorted(path.name for path in (self.directory / folder).glob("*"))

    def collect(self) -> list[Interchange]:
        """The buyer takes what lies there for it, in the sequence of the control numbers."""
        paths = list((self.directory / "out").glob("*"))
        found = [(path, interchange) for path in paths for interchange in read(path.read_bytes())]
        for path in paths:
            path.unlink()
        return [one for _, one in sorted(found, key=lambda pair: int(pair[1].control))]

    async def ship(
        self, order: str, packages: Mapping[str, Mapping[str, int]], number: int = 1, *, final: bool = False
    ) -> None:
        """Packages leave the order's node, each with units of lines."""
        body = {
            "message_id": f"m-{next(_numbers)}",
            "kind": "shipped",
            "occurred_at": datetime.now(UTC),
            "final": final,
            "packages": [
                {
                    "package": name,
                    "carrier": "ups",
                    "tracking": f"1Z-{name}",
                    "lines": [{"line": line, "quantity": units} for line, units in content.items()],
                }
                for name, content in packages.items()
            ],
        }
        name = identifiers.fulfillment_order_id(order, number)
        message = NodeMessage.model_validate(body)
        await fulfillment.record(self.shop.transactions, name, message, node=None, actor="node")

    async def void(self, order: str, package: str) -> None:
        """A package that was reported as shipped did not leave."""
        body = {
            "message_id": f"m-{next(_numbers)}",
            "kind": "void",
            "occurred_at": datetime.now(UTC),
            "package": package,
        }
        name = identifiers.fulfillment_order_id(order, 1)
        message = NodeMessage.model_validate(body)
        await fulfillment.record(self.shop.transactions, name, message, node=None, actor="node")

    async def time_passes(self) -> None:
        """Let every wait and every lease be over."""
        async with self.shop.database.write() as connection:
            for table in ("exchange", "channel_notice"):
                await connection.execute(
                    text(f"UPDATE {table} SET due_at = clock_timestamp() WHERE due_at IS NOT NULL")
                )

    async def plan(self, order: str) -> None:
        """The order's workflow sources it and releases it."""
        await self.shop.source(order)
        await self.shop.release(order)

    async def stock(self, **units: int) -> None:
        """Goods come in at the nearest node."""
        await self.shop.receive(NEAREST, **units)

    async def rows(self, statement: str) -> list[tuple[object, ...]]:
        """What a query finds."""
        async with self.shop.database.read() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]

    async def change(self, statement: str) -> None:
        """Change rows."""
        async with self.shop.database.write() as connection:
            await connection.execute(text(statement))

    async def exceptions(self) -> list[tuple[object, ...]]:
        """The code and detail of the open exceptions."""
        return await self.rows("SELECT code, detail FROM exception WHERE resolved_at IS NULL ORDER BY since")


def the_sets(found: Sequence[Interchange]) -> dict[str, list[list[str]]]:
    """By code, the segments of each set."""
    sets: dict[str, list[list[str]]] = {}
    for one in (one for interchange in found for group in interchange.groups for one in group.sets):
        sets.setdefault(one.code, []).append(texts(one.segments))
    return sets


def a_997(about: Interchange, verdict: str = "A", control: int = 900) -> bytes:
    """The buyer's acknowledgment of a document."""
    group = about.groups[0]
    one: Set = group.sets[0]
    isa = (
        f"ISA*00*          *00*          *{about.receiver.qualifier}*{about.receiver.id:15}*{about.sender.qualifier}"
        f"*{about.sender.id:15}*261130*0815*U*00401*{control:09d}*0*T*>~"
    )
    body = (
        f"GS*FA*{about.receiver.id}*{about.sender.id}*20261130*0815*{control}*X*004010~ST*997*0001~"
        f"AK1*{group.function}*{group.control}~AK2*{one.code}*{one.control}~AK5*{verdict}~"
        f"AK9*{verdict}*1*1*{int(verdict != 'R')}~SE*6*0001~GE*1*{control}~IEA*1*{control:09d}~"
    )
    return (isa + body).encode()


ISA = "ISA*00*          *00*          *ZZ*MOCKEDI        *ZZ*NORTHWIND      *261130*0815*U*00401*{control:09d}*0*T*>~"
SHIP_TO = "N1*ST*Corner Shop*92*0042~N3*1 Main St~N4*Denver*CO*80202*US~"


def file(*sets: str, control: int = 42, function: str = "PO") -> str:
    """A file of the buyer with these sets, each without its ST and SE."""
    found = []
    for number, one in enumerate(sets, 1):
        code, _, body = one.partition("|")
        found.append(f"ST*{code}*{number:04d}~{body}SE*{body.count('~') + 2}*{number:04d}~")
    group = f"GS*{function}*MOCKEDI*NORTHWIND*20261130*0815*{control}*X*004010~"
    return f"{ISA.format(control=control)}{group}{''.join(found)}GE*{len(sets)}*{control}~IEA*1*{control:09d}~"


def new(number: str, *lines: str) -> str:
    """An 850."""
    items = "".join(f"{line}~" for line in lines or ("PO1*1*2*EA*9.95**VN*WIDGET-001",))
    return f"850|BEG*00*SA*{number}**20261130~{SHIP_TO}{items}"


def change(number: str, *segments: str, purpose: str = "04") -> str:
    """An 860."""
    return f"860|BCH*{purpose}*SA*{number}**1*20261130~" + "".join(f"{segment}~" for segment in segments)
