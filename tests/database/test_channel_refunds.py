"""What a connected shop pays back by itself for units that had left is a return here that is paid; nothing is paid twice."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from channels.channel import Conversation, Done, Notice, Outcome, Paid, Request, Settings
from channels.kinds import KINDS
from database.connect import Database
from domain.claim import ClaimRequest
from domain.fulfillment import MessageKind
from domain.parcel import Parcel, ParcelUnits
from domain.returns import (
    Condition,
    ReturnMessage,
    ReturnMessageKind,
    ReturnMessageLine,
    ReturnState,
    ReturnStatus,
)
from jobs.channel_notice import ChannelNoticeSender
from tests.database.connected import (
    KIND,
    StandInConversations,
    StandInKind,
    StandInShop,
    connected_shop,
    link,
    rows,
)
from tests.database.shop import NEAREST, Shop
from tests.database.test_channel_orders import Channel, a_channel
from transactions import claim, parcel, returns
from transactions.request import Asked, RequestInput
from transactions.returns import ReturnStep

_numbers = count(1)
CHAIRS = ("1", "CHAIR", 3)


@pytest_asyncio.fixture
async def channel(database: Database) -> AsyncIterator[Channel]:
    """A connected shop that has sold three chairs, which were delivered; when the test is over, every invariant must hold."""
    opened = await a_channel(database)
    await opened.shop.receive(NEAREST, CHAIR=3)
    await opened.say(1, CHAIRS)
    await opened.shop.source(opened.order)
    await opened.shop.release(opened.order)
    await opened.shop.tell(opened.order, MessageKind.SHIPPED)
    await opened.shop.tell(opened.order, MessageKind.DELIVERED)
    yield opened
    await opened.shop.check()


async def paid_back(channel: Channel, version: int, units: int, amount: int) -> None:
    """The shop says how many chairs it has paid back in all, and what its customer got for them."""
    document = channel.document(version, CHAIRS) | {"paid_back": {"1": {"units": units, "amount": amount}}}
    channel.kind.orders[channel.number] = document
    await channel.send(document)
    await channel.exchanges.apply_kept()


async def returned(channel: Channel, number: int = 1) -> ReturnState:
    step = ReturnStep(order=channel.order, return_=f"{channel.order}-r{number}", at=datetime.now(UTC))
    return await returns.look_at_return(channel.shop.transactions, step)


async def refunds(channel: Channel) -> list[tuple[str, int, int, int | None]]:
    """Each refund: its return, its units, what it was worth here, and what the customer got."""
    found = await rows(
        channel.shop,
        """
        SELECT f.return_id, l.paid, f.amount, f.settled_amount FROM refund f JOIN refund_line l USING (refund_id)
        ORDER BY f.asked_at, f.refund_id
        """,
    )
    return [
        (row["return_id"].removeprefix(channel.order), row["paid"], row["amount"], row["settled_amount"])
        for row in found
    ]


async def sent_back(channel: Channel, units: int) -> Any:
    facts = {"lines": [{"line": "1", "quantity": units}], "resolution": "refund"}
    key = f"back-{next(_numbers)}"
    asked = RequestInput(order=channel.order, request=None, kind="return", facts=facts, key=key, at=datetime.now(UTC))
    return await returns.request_return(channel.shop.transactions, asked)


async def comes_back_and_is_graded(shop: Shop, order: str) -> None:
    """A chair comes back as new, for a return, and its money is asked for."""
    facts = {"lines": [{"line": "1", "quantity": 1}], "resolution": "refund"}
    key, at, name = f"back-{next(_numbers)}", datetime.now(UTC), f"{order}-r1"
    await returns.request_return(
        shop.transactions, RequestInput(order=order, request=None, kind="return", facts=facts, key=key, at=at)
    )
    lines = (ReturnMessageLine(line="1", quantity=1, condition=Condition.AS_NEW),)
    message = ReturnMessage(message_id=name, kind=ReturnMessageKind.GRADED, occurred_at=at, node=NEAREST, lines=lines)
    await returns.record(shop.transactions, name, message, sender=NEAREST, actor="node")
    await returns.pay(shop.transactions, ReturnStep(order=order, return_=name, at=datetime.now(UTC)))


async def comes_back(channel: Channel, units: int) -> str | None:
    """A parcel with chairs arrives that names the order and no return; answers the return that it belongs to."""
    came = Parcel(
        message_id=f"parcel-{next(_numbers)}",
        occurred_at=datetime.now(UTC),
        node=NEAREST,
        order=channel.order,
        lines=(ParcelUnits(sku="CHAIR", quantity=units),),
    )
    return (await parcel.take(channel.shop.transactions, came, actor="node")).return_


async def test_units_that_the_shop_refunds_after_they_left_are_a_return_that_is_paid_with_what_the_customer_got(
    channel: Channel,
) -> None:
    await paid_back(channel, 2, 2, 2100)

    state = await returned(channel)
    assert (state.status, state.resolution, [line.quantity for line in state.lines]) == (
        ReturnStatus.SETTLED,
        "refund",
        [2],
    )
    assert await refunds(channel) == [("-r1", 2, 2400, 2100)]
    assert await channel.units() == {"1": 3}, "they had left: nothing is cancelled"
    assert await channel.exceptions("return_misfit") == [], "what the shop pays is its own decision"
    assert await rows(channel.shop, "SELECT kind FROM request") == [{"kind": "return"}], "it is in the order's timeline"


async def test_the_same_refund_is_recorded_once_however_often_and_late_the_shop_says_so(channel: Channel) -> None:
    await paid_back(channel, 2, 1, 1000)
    await paid_back(channel, 2, 1, 1000)
    await paid_back(channel, 4, 2, 2200)
    await paid_back(channel, 3, 1, 1000)

    assert await refunds(channel) == [("-r1", 1, 1200, 1000), ("-r2", 1, 1200, 1200)]


async def test_goods_that_come_back_after_the_shop_has_paid_belong_to_that_return_and_are_paid_no_second_time(
    channel: Channel,
) -> None:
    await paid_back(channel, 2, 2, 2400)
    step = ReturnStep(order=channel.order, return_=f"{channel.order}-r1", at=datetime.now(UTC))
    assert (await returns.close_return(channel.shop.transactions, step)).status is ReturnStatus.CLOSED

    assert await comes_back(channel, 2) == f"{channel.order}-r1"

    state = await returned(channel)
    assert [line.returned for line in state.lines] == [2]
    await returns.pay(channel.shop.transactions, step)
    assert len(await refunds(channel)) == 1
    assert await channel.exceptions("return_misfit") == []


async def test_a_return_that_waits_here_is_settled_when_the_shop_pays_for_just_its_units(channel: Channel) -> None:
    await sent_back(channel, 2)
    await paid_back(channel, 2, 2, 2400)

    assert (await returned(channel)).status is ReturnStatus.SETTLED
    assert await refunds(channel) == [("-r1", 2, 2400, 2400)]


async def test_a_refund_that_was_asked_for_here_is_not_recorded_again_when_the_shop_has_paid_it(
    channel: Channel,
) -> None:
    await comes_back_and_is_graded(channel.shop, channel.order)

    await paid_back(channel, 2, 1, 1200)

    assert await refunds(channel) == [("-r1", 1, 1200, None)]
    assert await channel.exceptions("channel_misfit") == []


@pytest.mark.parametrize("units", [4, 3])
async def test_a_refund_that_fits_no_unit_here_is_one_exception_that_says_so(channel: Channel, units: int) -> None:
    await sent_back(channel, 1)
    await paid_back(channel, 2, units, 3600)
    await paid_back(channel, 2, units, 3600)

    [detail] = await channel.exceptions("channel_misfit")
    assert detail == (
        f"plain has changed its order: a return of {units} of line 1, which it has paid back, is wanted, and cannot be: "
        "line 1: only 2 have shipped, are in no return and are not paid back"
    )
    assert await refunds(channel) == []


class Paying(StandInKind):
    """A shop that pays what it is asked to."""

    def hears_of(self, kind: str, entry: Mapping[str, Any]) -> bool:
        """It hears of refunds only."""
        return kind == "refund_requested"

    def notify(self, settings: Settings, notice: Notice) -> Conversation[Outcome]:
        """Pay it; the units that count as paid back here are known by then."""
        assert notice.paid_back == {"1": 1}
        yield Request("GET", f"/orders/{notice.external}")
        name = notice.data["refund"]
        return Done({f"refund/{name}": "gid-1"}, paid=Paid(name, notice.data["amount"], "2026-11-30T09:00:00Z"))


@pytest.mark.parametrize("way", ["return", "claim"])
async def test_what_the_shop_has_paid_because_it_was_asked_to_is_settled_here_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    kind = Paying()
    monkeypatch.setitem(KINDS, KIND, kind)
    shop = await connected_shop(database)
    await shop.receive(NEAREST, CHAIR=1)
    order = await shop.place(("CHAIR", 1))
    await link(shop, order)
    await shop.source(order)
    await shop.release(order)
    await shop.tell(order, MessageKind.SHIPPED)
    await shop.tell(order, MessageKind.DELIVERED)
    if way == "claim":
        body = ClaimRequest.model_validate(
            {"lines": [{"line": "1", "quantity": 1}], "kind": "lost", "resolution": "refund"}
        )
        await claim.take(shop.transactions, Asked(order, body, "operator"))
    else:
        await comes_back_and_is_graded(shop, order)
    sender = ChannelNoticeSender(shop.transactions, StandInConversations(StandInShop(), kind))

    for _ in range(2):
        await sender.visit()
        await asyncio.gather(*sender._serving.values())
        async with shop.database.write() as connection:  # as if the first sender had died before it noted that
            await connection.execute(text("UPDATE channel_notice SET notified_at = NULL, due_at = clock_timestamp()"))

    [paid] = await rows(shop, "SELECT amount, settled_amount, settled_at::text AS at FROM refund")
    assert paid["amount"] == paid["settled_amount"]
    assert await rows(shop, "SELECT detail FROM exception") == []
    if way == "return":
        step = ReturnStep(order=order, return_=f"{order}-r1", at=datetime.now(UTC))
        assert (await returns.look_at_return(shop.transactions, step)).status is ReturnStatus.SETTLED
