"""Orders of a connected channel on real PostgreSQL: placed once, then kept as the channel says, whatever comes when."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from channels.channel import Message, Settings
from database import exchange as statements
from database import network
from database.connect import Database
from database.documents import order
from database.sealing import WrongMasterKey
from domain.fulfillment import MessageKind
from domain.order import OrderStatus
from domain.request import ForgetRequest
from jobs.exchange import Exchanges
from tests.database.shop import MAP, NEAREST, Shop
from tests.peers.plain_kind import SECRET, PlainConversations, PlainKind
from transactions import exchange, personal
from transactions.transaction import OrderTransactions, Transaction

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
WITH_SOFAS = replace(MAP, items=MAP.items + "SOFA,Sofa,30000,0,\n")
_numbers = count(1)


@dataclass
class Channel:
    """A connected channel `plain`, and what was sent of it."""

    shop: Shop
    kind: PlainKind
    conversations: PlainConversations
    exchanges: Exchanges
    number: str = field(default_factory=lambda: f"c{next(_numbers)}")

    @property
    def order(self) -> str:
        """The order that the documents are about."""
        return f"plain-{self.number}"

    def document(self, version: int, *lines: tuple[str, str, int], **more: Any) -> dict[str, Any]:
        """How the order is wanted at an hour, with lines of `(line, sku, quantity)`; without lines, not at all."""
        at = (NOON + timedelta(hours=version)).isoformat()
        order = {
            "channel": "plain",
            "number": self.number,
            "placed_at": NOON.isoformat(),
            "currency": "USD",
            "ship_to": {"postal_code": "80202", "country": "US", "street": ["Secret Street 1"], "name": "Ada"},
            "lines": [
                {"line": line, "sku": sku, "quantity": quantity, "unit_price": 1200} for line, sku, quantity in lines
            ],
        } | more
        return {"external": self.number, "version": at, "order": order if lines else None, "why_not": "cancelled"}

    async def send(self, *documents: Any, event: str | None = None) -> int:
        """Send documents, without anything being done about them; answers how many are new."""
        messages = [
            (
                event or f"e{next(_numbers)}",
                Message("order", one if isinstance(one, bytes) else json.dumps(one).encode()),
            )
            for one in documents
        ]
        async with self.shop.database.write() as connection:
            return await exchange.keep(connection, "plain", messages)

    async def say(self, version: int, *lines: tuple[str, str, int], **more: Any) -> None:
        """Send how the order is wanted, and let it be carried out."""
        document = self.document(version, *lines, **more)
        self.kind.orders[self.number] = document
        await self.send(document)
        await self.exchanges.apply_kept()

    async def units(self) -> dict[str, int]:
        """By line: units that are not cancelled."""
        state = await self.shop.state(self.order)
        return {line.line: line.ordered - line.cancelled for line in state.lines}

    async def states(self) -> list[str]:
        """What became of everything that was sent, the first first."""
        statement = "SELECT state || coalesce(': ' || reason, '') FROM exchange ORDER BY exchange_id"
        async with self.shop.database.read() as connection:
            return list((await connection.execute(text(statement))).scalars())

    async def exceptions(self, code: str) -> list[str]:
        """The details of open exceptions of a code."""
        statement = (
            "SELECT detail FROM exception WHERE code = :code AND resolved_at IS NULL ORDER BY since, exception_id"
        )
        async with self.shop.database.read() as connection:
            return list((await connection.execute(text(statement), {"code": code})).scalars())

    async def count(self, statement: str) -> int:
        """One number."""
        return await self.shop.number(statement)


async def a_channel(database: Database) -> Channel:
    shop = await Shop.open(database)
    kind = PlainKind()
    conversations = PlainConversations(kind, {"plain": Settings("plain", {}, {"secret": SECRET})})
    return Channel(shop, kind, conversations, Exchanges(shop.transactions, conversations))


@pytest_asyncio.fixture
async def channel(database: Database) -> AsyncIterator[Channel]:
    """A channel that is connected; when the test is over, every invariant must hold."""
    opened = await a_channel(database)
    yield opened
    await opened.shop.check()


async def shown(channel: Channel) -> dict[str, Any]:
    """The document of the order."""
    async with channel.shop.database.read() as connection:
        found = await order.show(connection, channel.order, channel=None, at=NOON)
    assert found is not None
    return found


async def test_a_document_places_an_order(channel: Channel) -> None:
    await channel.shop.receive(NEAREST, CHAIR=9)
    await channel.say(1, ("1", "CHAIR", 2), holds=[{"hold": "fraud"}])
    state = await channel.shop.state(channel.order)
    assert (state.status, state.holds, state.channel) == (OrderStatus.ON_HOLD, ["fraud"], "plain")
    assert await channel.units() == {"1": 2}
    assert await channel.states() == ["applied"]


async def test_the_same_document_again_changes_nothing(channel: Channel) -> None:
    await channel.say(1, ("1", "CHAIR", 2))
    before = await channel.shop.state(channel.order)
    await channel.say(1, ("1", "CHAIR", 2))
    await channel.say(2, ("1", "CHAIR", 2))
    assert await channel.shop.state(channel.order) == before
    assert await channel.states() == ["applied"] * 3
    assert await channel.count("SELECT count(*) FROM request") == 0


async def test_an_edited_order_follows_line_by_line(channel: Channel) -> None:
    await channel.shop.receive(NEAREST, CHAIR=9, LAMP=9, VASE=9)
    await channel.say(1, ("1", "CHAIR", 3), ("2", "LAMP", 2), ("3", "VASE", 1))
    await channel.shop.source(channel.order)
    await channel.say(2, ("1", "CHAIR", 1), ("2", "LAMP", 4), ("4", "VASE", 2))
    assert await channel.units() == {"1": 1, "2": 4, "3": 0, "4": 2}
    assert await channel.shop.counters("CHAIR") == (9, 1, 0)
    assert await channel.shop.counters("LAMP") == (9, 4, 0)


async def test_an_order_cancelled_at_the_shop_is_cancelled_here(channel: Channel) -> None:
    await channel.shop.receive(NEAREST, CHAIR=9)
    await channel.say(1, ("1", "CHAIR", 3))
    await channel.shop.source(channel.order)
    await channel.say(2)
    assert (await channel.shop.state(channel.order)).status == OrderStatus.CANCELLED
    assert await channel.shop.counters("CHAIR") == (9, 0, 0)


async def test_an_order_that_was_cancelled_before_it_came_is_never_placed(channel: Channel) -> None:
    await channel.say(2)
    await channel.say(1, ("1", "CHAIR", 3))
    assert await channel.count("SELECT count(*) FROM orders") == 0
    assert await channel.states() == [
        "passed_over: nothing of it is wanted: cancelled",
        "passed_over: a newer document of its order was carried out",
    ]


async def test_what_was_sold_and_handed_over_at_a_node_is_off_its_stock_once_and_comes_back_with_a_return(
    channel: Channel,
) -> None:
    await channel.shop.receive(NEAREST, LAMP=9, CHAIR=9)

    async def sold(version: int, **units: int) -> tuple[int, int]:
        document = channel.document(version) | {"sold_there": {NEAREST: {**units}}, "why_not": "sold at the till"}
        await channel.send(document, document)
        await channel.exchanges.apply_kept()
        levels = [await channel.shop.counters(sku, NEAREST) for sku in ("LAMP", "CHAIR")]
        return levels[0][0], levels[1][0]

    assert await sold(1) == (9, 9)
    assert await sold(3, LAMP=2, **{"DESK-SET": 1}) == (6, 7), "of a bundle its parts"
    assert await sold(2, LAMP=1) == (6, 7), "an older document"
    assert await sold(4, LAMP=1, **{"DESK-SET": 1}) == (7, 7)
    assert await sold(5) == (9, 9)
    assert await sold(6, LAMP=1, **{"DESK-SET": 1}) == (7, 7)
    assert await channel.count("SELECT count(*) FROM orders WHERE order_id LIKE 'plain-%'") == 0
    await channel.shop.check()


async def test_own_cancels_and_swaps_are_not_undone(channel: Channel) -> None:
    await channel.shop.receive(NEAREST, CHAIR=9, LAMP=9)
    await channel.say(1, ("1", "CHAIR", 5), ("2", "LAMP", 1))
    await channel.shop.source(channel.order)
    await channel.shop.cancel(channel.order, {"1": 2})
    await channel.say(2, ("1", "CHAIR", 5), ("2", "LAMP", 2))
    assert await channel.units() == {"1": 3, "2": 2}
    await channel.say(3, ("1", "CHAIR", 4), ("2", "LAMP", 2))
    assert await channel.units() == {"1": 3, "2": 2}, "the shop has taken off what was cancelled here"
    await channel.say(4, ("1", "CHAIR", 2), ("2", "LAMP", 2))
    assert await channel.units() == {"1": 2, "2": 2}


async def test_what_has_shipped_cannot_be_cancelled_and_the_rest_is_carried_out(channel: Channel) -> None:
    await channel.shop.receive(NEAREST, CHAIR=9, LAMP=9)
    await channel.say(1, ("1", "CHAIR", 2), ("2", "LAMP", 1))
    await channel.shop.source(channel.order)
    await channel.shop.release(channel.order)
    await channel.shop.tell(channel.order, MessageKind.SHIPPED, {"1": 2})
    await channel.say(2, ("2", "LAMP", 1), ("3", "LAMP", 1))
    assert await channel.units() == {"1": 2, "2": 1, "3": 1}
    assert await channel.exceptions("channel_misfit") == [
        "plain has changed its order: 2 of line 1 cannot be cancelled any more: shipped, or being cancelled already"
    ]
    await channel.say(2, ("2", "LAMP", 1), ("3", "LAMP", 1))
    assert len(await channel.exceptions("channel_misfit")) == 1


NOT_FOLLOWED = {
    "another price": {"unit_price": 1100},
    "a tax": {"tax": 5},
    "a discount": {"discount": 100},
    "another name": {"name": "A chair of oak"},
    "an attribute": {"attributes": {"colour": "oak"}},
    "a message": {"gift_message": "For Ada"},
}


@pytest.mark.parametrize("more", NOT_FOLLOWED.values(), ids=NOT_FOLLOWED)
async def test_what_a_placed_order_does_not_follow_ends_as_carried_out(channel: Channel, more: dict[str, Any]) -> None:
    await channel.say(1, ("1", "CHAIR", 2))
    changed = channel.document(2, ("1", "CHAIR", 2))
    changed["order"]["lines"][0] |= more
    await channel.send(changed)
    async with asyncio.timeout(60):
        await channel.exchanges.apply_kept()
    assert await channel.states() == ["applied"] * 2
    assert await channel.count("SELECT count(*) FROM request") == 0
    await channel.say(3, ("1", "CHAIR", 3))
    assert await channel.units() == {"1": 3}
    assert (await shown(channel))["value"] == 3600, "what was not followed does not change what more units cost"


@pytest.mark.parametrize(
    ("lines", "elsewhere", "units", "named"),
    [
        ([("2", "LAMP", 1)], {"1": 2}, {"1": 2, "2": 1}, []),
        ([("2", "LAMP", 1)], {"1": 1}, {"1": 2, "2": 1}, ["1 of line 1"]),
        ([], {"1": 2, "2": 1}, {"1": 2, "2": 1}, []),
    ],
    ids=["all of the line", "a part", "the whole order"],
)
async def test_what_has_shipped_and_is_entered_at_the_channel_by_hand_needs_no_person(
    channel: Channel,
    lines: list[tuple[str, str, int]],
    elsewhere: dict[str, int],
    units: dict[str, int],
    named: list[str],
) -> None:
    await channel.shop.receive(NEAREST, CHAIR=9, LAMP=9)
    await channel.say(1, ("1", "CHAIR", 2), ("2", "LAMP", 1))
    await channel.shop.source(channel.order)
    await channel.shop.release(channel.order)
    await channel.shop.tell(channel.order, MessageKind.SHIPPED, {"1": 2})
    await channel.send(channel.document(2, *lines) | {"elsewhere": elsewhere})
    await channel.exchanges.apply_kept()
    assert await channel.units() == units
    assert await channel.exceptions("channel_misfit") == [
        f"plain has changed its order: {one} cannot be cancelled any more: shipped, or being cancelled already"
        for one in named
    ]


async def test_more_units_of_a_released_line_are_a_line_that_continues_it(channel: Channel) -> None:
    await channel.shop.receive(NEAREST, CHAIR=9)
    await channel.say(1, ("1", "CHAIR", 2))
    await channel.shop.source(channel.order)
    await channel.shop.release(channel.order)
    await channel.say(2, ("1", "CHAIR", 3))
    assert await channel.units() == {"1": 2, "1-s1": 1}
    await channel.say(3, ("1", "CHAIR", 2))
    assert sum((await channel.units()).values()) == 2, "the node has accepted nothing yet: its work is taken back"


AMOUNTS = [{"discount": 100, "tax": 33}, {"discount": 134, "tax": 44}, {"discount": 134, "tax": 77}]
"""What a line of three, four and seven units has of discounts and tax, at 1200 each."""


@pytest.mark.parametrize("is_released", [False, True], ids=["before the release", "after it"])
@pytest.mark.parametrize("currency", ["JPY", "USD", "KWD"])
async def test_a_line_that_the_channel_raises_costs_what_it_costs_there(
    channel: Channel, currency: str, is_released: bool
) -> None:
    await channel.shop.receive(NEAREST, CHAIR=9)
    for version, (quantity, amounts) in enumerate(zip((3, 4, 7), AMOUNTS, strict=True), 1):
        document = channel.document(version, ("1", "CHAIR", quantity), currency=currency, prices_include_tax=False)
        document["order"]["lines"][0] |= amounts
        await channel.send(document)
        await channel.exchanges.apply_kept()
        if is_released:
            await channel.shop.source(channel.order)
            await channel.shop.release(channel.order)
        now, goods = await shown(channel), 1200 * quantity - amounts["discount"]
        assert (now["value"], now["total"]) == (goods, goods + amounts["tax"])
        lines = now["lines"]
        assert sum(line["unit_price"] * line["ordered"] - line["discount"] for line in lines) == goods
        assert sum(line["tax"] for line in lines) == amounts["tax"]
    assert await channel.units() == ({"1": 3, "1-s1": 1, "1-s2": 3} if is_released else {"1": 7})


async def test_a_change_that_cannot_be_is_named_and_the_others_are_carried_out(channel: Channel) -> None:
    await channel.shop.receive(NEAREST, CHAIR=9)
    await channel.say(1, ("1", "CHAIR", 2))
    await channel.shop.source(channel.order)
    await channel.shop.release(channel.order)
    elsewhere = {"ship_to": {"postal_code": "84101", "country": "US"}, "holds": [{"hold": "payment"}]}
    await channel.say(2, ("1", "CHAIR", 2), **elsewhere)
    assert (await channel.shop.state(channel.order)).holds == ["payment"]
    assert await channel.exceptions("channel_misfit") == [
        "plain has changed its order: another address is wanted, and cannot be: no unit of it waits for its release: the nodes "
        "have the address and the service already"
    ]
    await channel.say(3, ("1", "CHAIR", 2), ship_to=elsewhere["ship_to"])
    assert (await channel.shop.state(channel.order)).holds == []
    assert len(await channel.exceptions("channel_misfit")) == 1, "it is not tried, nor named, again"


async def test_units_that_a_node_has_keep_their_address_and_an_exception_says_so(channel: Channel) -> None:
    await channel.shop.receive(NEAREST, CHAIR=2)
    await channel.say(1, ("1", "CHAIR", 2))
    await channel.shop.source(channel.order)
    await channel.shop.release(channel.order)
    elsewhere = {"postal_code": "59101", "country": "US", "name": "Ada"}
    await channel.say(2, ("1", "CHAIR", 2), ("2", "CHAIR", 1), ship_to=elsewhere)
    assert await channel.exceptions("channel_misfit") == [
        "plain has changed its order: another address is wanted, and 2 of line 1 keep what their node was given"
    ]


async def test_a_new_address_and_service_are_followed_before_release(channel: Channel) -> None:
    await channel.shop.receive(NEAREST, CHAIR=9)
    await channel.say(1, ("1", "CHAIR", 2))
    await channel.shop.source(channel.order)
    await channel.say(2, ("1", "CHAIR", 2), ship_to={"postal_code": "59101", "country": "US", "name": "Ada"})
    async with channel.shop.database.read() as connection:
        area = (await connection.execute(text("SELECT postal_area FROM orders"))).scalar_one()
    assert area == "591"
    assert await channel.exceptions("channel_misfit") == []


async def test_a_hold_that_an_operator_took_over_stays(channel: Channel) -> None:
    await channel.say(1, ("1", "CHAIR", 2), holds=[{"hold": "payment"}])
    await channel.shop.hold(channel.order, "payment")
    await channel.say(2, ("1", "CHAIR", 2))
    assert (await channel.shop.state(channel.order)).holds == ["payment"]
    assert await channel.exceptions("channel_misfit") == []


async def test_two_documents_of_one_instant_that_differ_are_read_at_the_channel(channel: Channel) -> None:
    await channel.say(1, ("1", "CHAIR", 2))
    late = channel.document(1, ("1", "CHAIR", 3))
    await channel.send(late)
    channel.conversations.is_away = True
    await channel.exchanges.apply_kept()
    assert await channel.states() == ["applied", "kept: the channel must be asked: no answer"]
    channel.conversations.is_away = False
    await channel.send({"external": channel.number})
    channel.kind.orders[channel.number] = late
    await channel.exchanges.apply_kept()
    assert await channel.units() == {"1": 3}
    assert channel.conversations.asked == [f"/orders/{channel.number}"]


async def test_one_bad_document_does_not_stop_the_rest(channel: Channel) -> None:
    bad = [b"{", b'{"external": "7", "version": "yesterday", "order": null}', channel.document(1, ("1", "CHAIR", 0))]
    await channel.send(*bad, channel.document(1, ("1", "CHAIR", 1)))
    await channel.exchanges.apply_kept()
    assert await channel.units() == {"1": 1}
    assert [state.partition(":")[0] for state in await channel.states()] == ["misfit"] * 3 + ["applied"]
    assert sorted(await channel.exceptions("channel_misfit")) == [
        "what plain sent (order) does not fit: 2 fields of it are wrong",
        "what plain sent (order) does not fit: it cannot be read: ValueError",
        "what plain sent (order) does not fit: it is no JSON",
    ]


UNMAPPED = """
    SELECT count(*) FROM hold WHERE hold = 'unmapped' AND released_at IS NULL
"""


async def test_an_order_with_an_unknown_item_is_kept_on_hold_and_goes_on_when_the_item_is_known(
    channel: Channel,
) -> None:
    await channel.shop.receive(NEAREST, CHAIR=9)
    await channel.say(1, ("1", "CHAIR", 2), ("2", "SOFA", 1))
    assert (await channel.shop.state(channel.order)).holds == ["unmapped"]
    await channel.shop.source(channel.order)
    assert await channel.shop.counters("CHAIR") == (9, 0, 0), "no unit of it is reserved"
    assert await channel.exceptions("unmapped") == ["nobody knows the item SOFA of line 2"]
    await channel.exchanges.apply_kept()
    assert await channel.count(UNMAPPED) == 1
    await _activate(channel, WITH_SOFAS)
    await channel.exchanges.apply_kept()
    state = await channel.shop.state(channel.order)
    assert (state.holds, state.exceptions, state.to_source) == ([], [], 3)
    await channel.shop.receive(NEAREST, SOFA=1)
    await channel.shop.source(channel.order)
    assert await channel.shop.nodes(channel.order) == {NEAREST: 3}
    assert channel.shop.sent, "its workflow is woken"


async def test_what_is_still_unknown_stays_on_hold(channel: Channel) -> None:
    await channel.say(1, ("1", "SOFA", 2), ("2", "DIVAN", 1))
    await _activate(channel, WITH_SOFAS)
    await channel.exchanges.apply_kept()
    assert (await channel.shop.state(channel.order)).holds == ["unmapped"]
    assert await channel.exceptions("unmapped") == ["nobody knows the item DIVAN of line 2"]
    await channel.say(2, ("1", "SOFA", 2))
    assert (await channel.shop.state(channel.order)).holds == []
    assert await channel.exceptions("unmapped") == []


async def test_a_new_line_with_an_unknown_item_holds_a_placed_order(channel: Channel) -> None:
    await channel.shop.receive(NEAREST, CHAIR=9)
    await channel.say(1, ("1", "CHAIR", 2))
    await channel.shop.source(channel.order)
    await channel.say(2, ("1", "CHAIR", 2), ("2", "SOFA", 3))
    assert (await channel.shop.state(channel.order)).holds == ["unmapped"]
    assert await channel.shop.counters("CHAIR") == (9, 0, 0)
    assert await channel.exceptions("unmapped") == ["nobody knows the item SOFA of line 2"]
    await channel.say(3, ("1", "CHAIR", 2), ("2", "SOFA", 4))
    assert await channel.units() == {"1": 2, "2": 4}
    await _activate(channel, WITH_SOFAS)
    await channel.exchanges.apply_kept()
    assert (await channel.shop.state(channel.order)).holds == []
    assert await channel.units() == {"1": 2, "2": 4}


async def _activate(channel: Channel, documents: Any) -> None:
    async with channel.shop.database.write() as connection:
        await network.activate(connection, asdict(documents), documents.digest)


async def test_what_cannot_be_placed_is_tried_again_and_its_exception_closes(channel: Channel) -> None:
    await channel.say(1, ("1", "CHAIR", 2), service="express")
    assert await channel.count("SELECT count(*) FROM orders") == 0
    assert await channel.exceptions("channel_misfit") == [
        f"what plain sent (order) does not fit: {channel.order} cannot be placed: service: express is not offered; "
        "offered are: standard"
    ]
    async with channel.shop.database.write() as connection:
        assert await statements.retry(connection, "plain") == 1
    await channel.exchanges.apply_kept()
    assert len(await channel.exceptions("channel_misfit")) == 1, "it still does not fit: the exception stays, alone"
    await channel.say(2, ("1", "CHAIR", 2))
    assert await channel.exceptions("channel_misfit") == []
    assert await channel.states() == ["passed_over: a newer document of its order was carried out", "applied"]


async def test_one_message_may_be_about_several_orders(channel: Channel) -> None:
    other = {**channel.document(1, ("1", "LAMP", 1)), "external": "other"}
    other["order"] = {**other["order"], "number": f"{channel.number}b"}
    await channel.send([channel.document(1, ("1", "CHAIR", 1)), other])
    await channel.exchanges.apply_kept()
    assert await channel.count("SELECT count(*) FROM orders") == 2
    assert await channel.states() == ["applied"]


async def test_the_same_webhook_many_times_at_the_same_instant_is_one_order(channel: Channel) -> None:
    document = channel.document(1, ("1", "CHAIR", 2))
    kept = await asyncio.gather(*(channel.send(document, event="same") for _ in range(10)))
    assert sum(kept) == 1
    await asyncio.gather(*(channel.send(document) for _ in range(10)))
    await asyncio.gather(*(channel.exchanges.apply_kept() for _ in range(4)))
    assert await channel.count("SELECT count(*) FROM orders") == 1
    assert await channel.count("SELECT count(*) FROM event WHERE kind = 'accepted'") == 1
    assert await channel.states() == ["applied"] * 11


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_process_that_dies_at_any_commit_repeats_nothing_and_loses_nothing(
    database: Database, moment: str
) -> None:
    """It dies before its first commit, or right after it; the next process goes on, and dies one commit later."""
    channel = await a_channel(database)
    await channel.shop.receive(NEAREST, CHAIR=9, LAMP=9, VASE=9)
    await channel.say(1, ("1", "CHAIR", 3), ("2", "LAMP", 2))
    await channel.shop.source(channel.order)
    wanted = channel.document(2, ("1", "CHAIR", 2), ("2", "LAMP", 4), ("3", "VASE", 1), holds=[{"hold": "payment"}])
    await channel.send(wanted)
    deaths = 0
    while deaths < 40:
        dying = Dying(channel.shop.transactions, moment, survives=1 if moment == "before" and deaths else 0)
        mortal = Exchanges(dying, channel.conversations)
        with suppress(Died):
            await mortal.apply_kept()
        if not dying.is_dead:
            break
        deaths += 1
        async with database.write() as connection:
            await connection.execute(text("UPDATE exchange SET due_at = clock_timestamp() WHERE due_at IS NOT NULL"))
            await connection.execute(text("UPDATE exchange SET tries = 0"))
    assert deaths >= 4, "a hold, fewer units, more units and a new line are a commit each"
    assert await channel.units() == {"1": 2, "2": 4, "3": 1}
    assert (await channel.shop.state(channel.order)).holds == ["payment"]
    assert await channel.count("SELECT count(*) FROM request") == 4
    assert (await channel.states())[-1] == "applied"
    assert await channel.exceptions("channel_misfit") == []
    await channel.shop.check()


class Died(BaseException):
    """The process is gone: nothing catches this."""


class Dying(OrderTransactions):
    """Transactions of a process that dies at a commit: before it, or right after it; it survives some."""

    def __init__(self, whole: OrderTransactions, moment: str, survives: int) -> None:
        super().__init__(whole.database, whole.networks)
        self.moment = moment
        self.survives = survives
        self.is_dead = False

    @asynccontextmanager
    async def begin(self, locks: str | None = None) -> AsyncIterator[Transaction]:
        """As of a living process, until it dies."""
        if self.is_dead:
            raise Died
        async with super().begin(locks) as transaction:
            yield transaction
            dies = await _changes(transaction) and not self.survives
            self.survives -= await _changes(transaction)
            self.is_dead = dies
            if dies and self.moment == "before":
                raise Died
        if self.is_dead:
            raise Died


async def _changes(transaction: Transaction) -> bool:
    """Whether this transaction has written something."""
    found = await transaction.connection.execute(text("SELECT pg_current_xact_id_if_assigned() IS NOT NULL"))
    return bool(found.scalar())


async def test_documents_that_come_swapped_doubled_and_late_end_as_the_newest_says(channel: Channel) -> None:
    """Create, update, edit and cancel of many orders, shuffled; some are lost until everything is read once more."""
    shuffle = random.Random(20261130)
    await channel.shop.receive(NEAREST, CHAIR=500, LAMP=500)
    versions = {
        1: [("1", "CHAIR", 2)],
        2: [("1", "CHAIR", 3), ("2", "LAMP", 1)],
        3: [("1", "CHAIR", 1), ("2", "LAMP", 2)],
    }
    sent, newest = [], {}
    for number in (f"m{next(_numbers)}" for _ in range(12)):
        channel.number = number
        documents = [channel.document(version, *lines) for version, lines in versions.items()]
        if shuffle.random() < 0.3:
            documents.append(channel.document(4))
        newest[number] = documents[-1]
        kept = [one for one in documents if shuffle.random() > 0.2]
        sent += kept + [one for one in kept if shuffle.random() < 0.3]
    shuffle.shuffle(sent)
    for one in sent:
        await channel.send(one)
        if shuffle.random() < 0.3:
            await asyncio.gather(channel.exchanges.apply_kept(), channel.exchanges.apply_kept())
    await channel.exchanges.carry_out()
    await channel.send(*newest.values())
    await channel.exchanges.carry_out()
    for number, document in newest.items():
        channel.number = number
        wanted = document["order"]["lines"] if document["order"] else []
        if wanted:
            units = {line["line"]: line["quantity"] for line in wanted}
            assert {line: left for line, left in (await channel.units()).items() if left} == units
        elif await channel.count(f"SELECT count(*) FROM orders WHERE order_id = '{channel.order}'"):
            assert (await channel.shop.state(channel.order)).status == OrderStatus.CANCELLED
    assert await channel.exceptions("channel_misfit") == []
    assert set(await channel.states()) <= {
        "applied",
        "passed_over: a newer document of its order was carried out",
        "passed_over: nothing of it is wanted: cancelled",
    }


async def test_what_a_channel_sent_is_erased_with_its_order_and_by_age(channel: Channel) -> None:
    await channel.say(1, ("1", "CHAIR", 2))
    await channel.say(2, ("1", "CHAIR", 1))
    await personal.forget(
        channel.shop.database, channel.order, ForgetRequest(even_if_open=True), actor="operator:privacy"
    )
    assert await channel.count("SELECT count(*) FROM exchange WHERE body IS NOT NULL") == 0
    assert await channel.count("SELECT count(*) FROM channel_order WHERE said IS NOT NULL OR digest <> ''") == 0
    await channel.say(3, ("1", "CHAIR", 5))
    assert await channel.units() == {"1": 1}
    assert (await channel.states())[-1] == "passed_over: its order was forgotten here"
    assert await channel.count("SELECT count(*) FROM exchange WHERE body IS NOT NULL") == 0, "a poll brings it back"
    channel.number = "young"
    await channel.say(1, ("1", "CHAIR", 1))
    async with channel.shop.database.write() as connection:
        assert await statements.erase_old(connection, "plain", timedelta(days=30), 10) == 0
        await connection.execute(text("UPDATE exchange SET received_at = received_at - interval '31 days'"))
        assert await statements.erase_old(connection, "plain", timedelta(days=30), 10) == 1


async def test_an_item_that_is_known_after_the_bytes_are_gone_is_read_at_the_channel(channel: Channel) -> None:
    await channel.say(1, ("1", "SOFA", 2))
    async with channel.shop.database.write() as connection:
        await connection.execute(text("UPDATE exchange SET body = NULL"))
    await _activate(channel, WITH_SOFAS)
    await channel.exchanges.apply_kept()
    assert (await channel.shop.state(channel.order)).holds == []
    assert channel.conversations.asked == [f"/orders/{channel.number}"]


async def test_what_came_about_a_part_of_an_order_is_read_by_the_part_and_kept_with_its_order(channel: Channel) -> None:
    """Shopify's webhooks about a fulfillment order name no order (topics fulfillment_orders/*, version 2026-10)."""
    channel.kind.orders["part-7"] = channel.document(1, ("1", "CHAIR", 2))
    await channel.send({"external": "part-7"})
    await channel.exchanges.apply_kept()
    assert await channel.units() == {"1": 2}
    assert await channel.exceptions("channel_misfit") == []
    assert await channel.count(f"SELECT count(*) FROM exchange WHERE externals = ARRAY['{channel.number}']") == 1


async def test_nothing_of_a_person_is_in_what_says_why_something_does_not_fit(channel: Channel) -> None:
    nowhere = {"country": "US", "postal_code": "SECRETLANE", "name": "Ada Lovelace", "street": ["Secret Lane 1"]}
    await channel.say(1, ("1", "CHAIR", 1), ship_to=nowhere)
    assert await channel.exceptions("channel_misfit") == [
        f"what plain sent (order) does not fit: {channel.order} cannot be placed: ship_to.postal_code cannot be so"
    ]
    assert "SECRET" not in str(await channel.states())


async def test_a_channel_whose_settings_cannot_be_read_does_not_stop_the_others(channel: Channel) -> None:
    channel.conversations.sealed_otherwise.add("broken")
    async with channel.shop.database.write() as connection:
        await exchange.keep(connection, "broken", [("e", Message("order", b"{}"))])
        await exchange.keep(connection, "gone", [("e", Message("order", b"{}"))])
    await channel.send(channel.document(1, ("1", "CHAIR", 2)))
    with pytest.raises(WrongMasterKey):
        await channel.exchanges.apply_kept()
    assert await channel.units() == {"1": 2}
    assert await channel.states() == [
        "kept",
        "kept: the channel is not connected: see channels.toml, and run `connect`",
        "applied",
    ]
