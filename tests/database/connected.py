"""A shop of the tests that is connected, and a small channel that counts what was done there and may answer badly."""

import json
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar, cast

from sqlalchemy import text

from channels.channel import (
    Answer,
    ChannelKind,
    Conversation,
    Done,
    Later,
    NoAnswer,
    Notice,
    Outcome,
    Refused,
    Request,
    Settings,
)
from database.connect import Database, ReadConnection
from domain import identifiers
from domain.fulfillment import NodeMessage
from domain.network import Connection, Network
from jobs.conversation import ConversationFailed, Conversations
from network.load import NetworkDocuments
from tests.database.shop import MAP, NEAREST, Shop
from transactions import fulfillment
from transactions.backorder import Backorders
from transactions.network import Networks
from transactions.transaction import OrderTransactions

KIND = "stand-in"
CHANNEL = "web"
CONNECTION = Connection(CHANNEL, KIND, "https://shop.example")
HEARD = frozenset({"accepted", "shipped", "shipment_voided", "delivered", "cancelled", "returned"})
_numbers = count(1)
Result = TypeVar("Result")


class ConnectedNetworks(Networks):
    """The network with one connected channel."""

    async def version(self, connection: ReadConnection, version: int | None) -> tuple[int, Network]:
        """One version by its number."""
        number, network = await super().version(connection, version)
        return number, replace(network, connections={CHANNEL: CONNECTION})


class StandInKind:
    """Its shop has one fulfillment for each package: it is asked what stands there, then for each one that is missing."""

    kind = KIND
    uses_mailbox = False
    shown_after = timedelta(0)
    keys = ()

    def hears_of(self, kind: str, entry: Mapping[str, Any]) -> bool:
        """Whether the channel is notified of events of this kind."""
        return kind in HEARD

    def places(self, settings: Settings) -> Mapping[str, str]:
        """None: it has one level for each item."""
        return {}

    def notify(self, settings: Settings, notice: Notice) -> Conversation[Outcome]:
        """Make the fulfillments that are missing; of other events, note them once."""
        path = f"/orders/{notice.external}"
        known = yield Request("GET", path)
        if known.status == 429:
            return Later("too many requests", timedelta(minutes=5))
        standing = json.loads(known.body)
        ids: dict[str, str] = {}
        for name, body in _wanted(notice).items():
            if name not in standing:
                answer = yield Request("POST", f"{path}/{name}", body=json.dumps(body).encode())
                if answer.status != 200:
                    return Refused(answer.body.decode())
                ids[name] = answer.body.decode()
        return Done(ids)


def _wanted(notice: Notice) -> dict[str, Any]:
    """What should stand at the shop, by name."""
    if notice.kind != "shipped":
        return {notice.event: {}}
    works = notice.order["fulfillment_orders"]
    (work,) = (fo for fo in works if fo["fulfillment_order"] == notice.data["fulfillment_order"])
    return {
        f"{work['fulfillment_order']}:{package['package']}": {
            line["line"]: line["quantity"] for line in package["lines"]
        }
        for package in work["packages"]
    }


@dataclass
class StandInShop:
    """The channel. A test may say how it answers the next requests; then it answers well."""

    standing: dict[str, list[str]] = field(default_factory=dict)
    """By order, what was made."""
    units: Counter[str] = field(default_factory=Counter)
    """By order, the units that were fulfilled, each time that one was."""
    asked: list[str] = field(default_factory=list)
    manners: deque[str] = field(default_factory=deque)
    """How the next requests are answered: well, lost, done_unanswered, throttled, refused."""

    def answer(self, request: Request) -> Answer | None:
        """The answer; None = none comes."""
        manner = self.manners.popleft() if self.manners else "well"
        self.asked.append(f"{request.method} {request.path}")
        match manner:
            case "lost":
                return None
            case "throttled":
                return Answer(429, {}, b"")
            case "refused":
                return Answer(422, {}, b"the tracking number is not one of the carrier's")
        answer = self._do(request)
        return None if manner == "done_unanswered" else answer

    def _do(self, request: Request) -> Answer:
        _, _, external, *name = request.path.split("/")
        made = self.standing.setdefault(external, [])
        if request.method == "GET":
            return Answer(200, {}, json.dumps(made).encode())
        made += name
        self.units[external] += sum(json.loads(request.body).values())
        return Answer(200, {}, f"gid-{len(made)}".encode())


@dataclass
class StandInConversations(Conversations):
    """Has conversations with the stand-in, and lets other things happen before an answer comes."""

    shop: StandInShop
    kind: StandInKind
    is_connected: bool = True

    async def settings(self, channel: str) -> tuple[Settings, ChannelKind] | None:
        """The connected channel and its kind."""
        return (Settings(channel, {}, {}), cast(ChannelKind, self.kind)) if self.is_connected else None

    async def run(self, settings: Settings, kind: ChannelKind, conversation: Conversation[Result]) -> Result:
        """Have a conversation, as its runner does."""
        try:
            request = next(conversation)
            while True:
                answer = await self.perform(request)
                request = conversation.throw(NoAnswer()) if answer is None else conversation.send(answer)
        except StopIteration as end:
            result: Result = end.value
            return result
        except NoAnswer:
            raise ConversationFailed("no answer") from None

    async def perform(self, request: Request) -> Answer | None:
        """One request."""
        return self.shop.answer(request)


async def connected_shop(database: Database, documents: NetworkDocuments = MAP) -> Shop:
    """A shop whose channel is connected."""
    shop = await Shop.open(database, documents)
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO connection (channel) VALUES (:channel)"), {"channel": CHANNEL})
    transactions = OrderTransactions(database, ConnectedNetworks(), shop.sent.extend)
    return Shop(database, transactions, Backorders(transactions), shop.sent)


LINK = text(
    """
    INSERT INTO channel_order (channel, external, order_id, version, digest)
    SELECT channel, 'gid-' || order_id, order_id, placed_at, '' FROM orders WHERE order_id = :order
    """
)


async def link(shop: Shop, order: str) -> None:
    """Let an order be one that came through the connection."""
    async with shop.database.write() as connection:
        await connection.execute(LINK, {"order": order})


async def sold_through(shop: Shop, units: int = 2) -> str:
    """A released order for lamps that came through the connection."""
    await shop.receive(NEAREST, LAMP=units)
    order = await shop.place(("LAMP", units))
    await link(shop, order)
    await shop.source(order)
    await shop.release(order)
    return order


async def ship(shop: Shop, order: str, units: int = 1, number: int = 1) -> None:
    """A parcel of an order leaves its node."""
    message = f"m-{next(_numbers)}"
    lines = [{"line": "1", "quantity": units}]
    package = {"package": message, "carrier": "ups", "tracking": f"1Z-{message}", "lines": lines}
    body = {"message_id": message, "kind": "shipped", "occurred_at": datetime.now(UTC), "packages": [package]}
    name = identifiers.fulfillment_order_id(order, number)
    await fulfillment.record(shop.transactions, name, NodeMessage.model_validate(body), node=None, actor="node")


async def rows(shop: Shop, statement: str, **values: object) -> list[Mapping[str, Any]]:
    """What a query finds."""
    async with shop.database.read() as connection:
        return [dict(row._mapping) for row in await connection.execute(text(statement), values)]


async def time_passes(shop: Shop) -> None:
    """Let every wait and every lease be over."""
    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE channel_notice SET due_at = clock_timestamp() WHERE due_at IS NOT NULL"))
