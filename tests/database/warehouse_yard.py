"""A shop whose nearest node is a warehouse that is reached by X12, and the warehouse; real PostgreSQL, without Temporal."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from channels.channel import ChannelKind, Conversation, Settings
from database import x12_document as statements
from database.connect import Database
from database.documents import fulfillment as documents
from domain.fulfillment import FulfillmentOrder
from domain.network import Node
from formats.x12.parts import Set
from formats.x12.read import read
from jobs.exchange import Exchanges, Result
from network.load import NetworkDocuments
from nodes.x12.sets import TAKES
from tests.database.shop import MAP, NEAREST, NEXT, Shop
from tests.peers.warehouse import Warehouse
from transactions import contact, x12_document
from transactions.contact import CallInput

KEYS = """dispatch = "edi940"
us = {qualifier = "ZZ", id = "SWITCHYARD"}
partner = {qualifier = "12", id = "8015550100"}
"""
DROP = 'drop = "/var/lib/warehouse"'


def network_of(file: str, place: str) -> NetworkDocuments:
    """The small map, whose nearest node is reached by X12."""
    nodes = MAP.nodes.replace(f'id = "{NEAREST}"', f'id = "{NEAREST}"\n{KEYS}{place}', 1)
    partners = f'{{"{NEAREST}": "{file}"}}' if file else ""
    return replace(MAP, nodes=nodes, partners=partners)


class NoChannels:
    """No channel is connected."""

    async def settings(self, channel: str) -> tuple[Settings, ChannelKind] | None:
        """None."""
        return None

    async def run(self, settings: Settings, kind: ChannelKind, conversation: Conversation[Result]) -> Result:
        """Nobody asks."""
        raise AssertionError(f"a conversation with {settings.name}, and no channel is connected")


@dataclass(slots=True)
class Yard:
    """The shop, and the warehouse at the other end of the mailbox."""

    shop: Shop
    exchanges: Exchanges
    warehouse: Warehouse = field(default_factory=Warehouse)
    out: list[bytes] = field(default_factory=list)
    """Every file that was put into the mailbox, in its order."""

    async def node(self) -> Node:
        """The node as it is configured."""
        async with self.shop.database.read() as connection:
            return (await self.shop.transactions.networks.active(connection))[1].node(NEAREST)

    async def work(self, order: str, number: int = 1) -> dict[str, Any]:
        """A fulfillment order as its node sees it."""
        async with self.shop.database.read() as connection:
            _, network = await self.shop.transactions.networks.active(connection)
            found = await documents.show(connection, network, node=None, fulfillment_order=f"{order}-f{number}")
        assert found is not None
        return found

    async def call(self, order: str, number: int = 1) -> None:
        """What the workflow does about an open request of a fulfillment order; its activity may run twice."""
        fo = await self._known(order, number)
        asked = CallInput(
            order=order,
            fulfillment_order=fo.fulfillment_order,
            request=fo.request,
            cancel_asked_at=fo.cancel_asked_at,
            node=fo.node,
            at=datetime.now(UTC),
        )
        for _ in range(2):
            await contact.write_for_mailbox(self.shop.transactions, asked)

    async def _known(self, order: str, number: int) -> FulfillmentOrder:
        async with self.shop.transactions.open(order) as work:
            return work.order.fulfillment_orders[f"{order}-f{number}"]

    async def sent(self) -> list[Set]:
        """Put everything that is due into the mailbox; answers the sets."""
        agreed = (await self.node()).settings["agreed"]
        async with self.shop.database.at_once() as connection:
            due = await statements.claim(connection, NEAREST, 1000, timedelta(minutes=1))
        for one in due:
            await x12_document.sent(self.shop.transactions, agreed, one)
        self.out += [one.body for one in due]
        return [found.groups[0].sets[0] for one in due for found in read(one.body)]

    async def hand_over(self, verdict: str = "A") -> None:
        """The warehouse takes what was put into the mailbox, and its 997s come back."""
        before = len(self.out)
        await self.sent()
        for content in self.out[before:]:
            for answer in self.warehouse.take(content, verdict):
                await self.come(answer)

    async def come(self, *files: bytes) -> None:
        """Files come from the warehouse, and are carried out."""
        agreed = (await self.node()).settings["agreed"]
        for content in files:
            await x12_document.keep_file(self.shop.transactions, agreed, TAKES, content, datetime.now(UTC))
        await self.exchanges.carry_out()

    async def begun(self, *lines: tuple[str, int]) -> str:
        """An order that the warehouse was sent and has accepted."""
        order = await self.shop.released(*lines)
        await self.call(order)
        await self.hand_over()
        return order

    async def request(self, order: str, number: int = 1) -> str:
        """Where our request to the node stands."""
        return str((await self.work(order, number))["request"])

    async def exceptions(self) -> list[tuple[str, str]]:
        """The open exceptions."""
        statement = text("SELECT code, detail FROM exception WHERE resolved_at IS NULL ORDER BY since, exception_id")
        async with self.shop.database.read() as connection:
            return [(row.code, row.detail) for row in await connection.execute(statement)]

    async def became(self) -> list[str]:
        """What became of everything that came but acknowledgments."""
        statement = text("SELECT topic, state, reason FROM exchange WHERE topic <> '997' ORDER BY exchange_id")
        async with self.shop.database.read() as connection:
            rows = await connection.execute(statement)
            return [f"{row.topic} {row.state}" + (f": {row.reason}" if row.reason else "") for row in rows]


async def a_yard(database: Database, file: str = "", place: str = DROP) -> Yard:
    """A yard with ten chairs and five lamps at the warehouse, and five chairs at the next node. `place` says where its files
    lie."""
    shop = await Shop.open(database, network_of(file, place))
    yard = Yard(shop, Exchanges(shop.transactions, NoChannels()))
    await shop.receive(NEAREST, CHAIR=10, LAMP=5)
    await shop.receive(NEXT, CHAIR=5)
    return yard


def kinds(sets: list[Set]) -> list[str]:
    """Of each set its code, and of a 940 what it is for."""
    return [f"{one.code} {one.segments[0][1]}" if one.code == "940" else one.code for one in sets]
