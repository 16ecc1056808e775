"""The story of `tests/domain/test_confluence.py` on PostgreSQL: messages in any order, one twice, while our side acts."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from itertools import permutations

import pytest
import pytest_asyncio

from database.connect import Database
from domain.fulfillment import MessageKind, WaitingFor
from domain.order import OrderState
from tests.database.shop import NEAREST, NEXT, Shop

STORY: tuple[tuple[MessageKind, int | None, bool], ...] = (
    (MessageKind.ACCEPTED, None, False),
    (MessageKind.PICKED, 2, True),
    (MessageKind.SHIPPED, 1, False),
    (MessageKind.SHIPPED, 1, True),
    (MessageKind.DELIVERED, 1, False),
    (MessageKind.DELIVERED, 1, False),
)
"""What the node tells of three chairs: kind, quantity, final."""
OUR_STEPS = ("elsewhere", "silence", "accepted elsewhere", "elsewhere")
OWED = (WaitingFor.ACCEPTANCE, WaitingFor.SHIPMENT, WaitingFor.CANCEL_ANSWER)
ORDERS = 20
ORDERS_OF_A_SOAK = 720


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop with enough chairs far away; when the test is over, every invariant must hold."""
    opened = await Shop.open(database)
    await opened.receive(NEXT, CHAIR=3 * ORDERS_OF_A_SOAK)
    yield opened
    await opened.check()


@pytest.mark.parametrize("orders", [ORDERS, pytest.param(ORDERS_OF_A_SOAK, marks=pytest.mark.long)])
@pytest.mark.timeout(600)
async def test_a_story_in_any_order_with_one_message_sent_twice_and_others_late_ends_with_the_same_units(
    shop: Shop, orders: int
) -> None:
    dice = random.Random(5)
    for reported in dice.sample(list(permutations(range(len(STORY)))), orders):
        again = dice.randrange(len(STORY))
        steps = [*reported]
        steps.insert(dice.randrange(steps.index(again) + 1, len(steps) + 1), again)
        await live(shop, steps, _moments(dice, len(steps)))


def _moments(dice: random.Random, steps: int) -> list[int]:
    """After how many messages each of our side's steps is done; some are never done."""
    return sorted(dice.randrange(2 * steps) for _ in OUR_STEPS)


async def live(shop: Shop, reported: Sequence[int], moments: Sequence[int]) -> None:
    """An order of three chairs whose node tells the messages in this order, while our side acts at these moments."""
    await shop.receive(NEAREST, CHAIR=3)
    order, at = await shop.released(("CHAIR", 3)), datetime.now(UTC)
    heard: set[int] = set()
    for number, index in enumerate(reported):
        for step, moment in zip(OUR_STEPS, moments, strict=True):
            if moment == number:
                await do(shop, order, step)
        kind, quantity, final = STORY[index]
        lines = None if quantity is None else {"1": quantity}
        is_new = await shop.tell(order, kind, lines, final=final, message_id=f"{order}-{index}", at=at)
        assert is_new is (index not in heard)
        heard.add(index)
    check_the_end(await shop.state(order), (reported, moments))
    assert await shop.counters("CHAIR", NEAREST) == (0, 0, 0), (reported, moments)


async def do(shop: Shop, order: str, step: str) -> None:
    """One step of our side, or of the other node; nothing, where there is nothing to do."""
    state = await shop.state(order)
    wait = state.fulfillment_order(f"{order}-f1")
    match step:
        case "elsewhere" if state.to_source:
            await shop.source(order)
            await shop.release(order)
        case "silence" if wait.waiting_for in OWED:
            await shop.wait_in_vain(order)
        case "accepted elsewhere" if any(fo.request == "sent" for fo in state.fulfillment_orders[1:2]):
            await shop.tell(order, MessageKind.ACCEPTED, number=2)
        case _:
            pass


def check_the_end(state: OrderState, past: object) -> None:
    """Two chairs left and arrived, the third is to come from elsewhere; each unit too many is surplus and has one exception."""
    first, *others = state.fulfillment_orders
    (line,) = first.lines
    accepted = [part for other in others if other.request == "accepted" for part in other.lines]
    surplus = max(0, sum(part.quantity - part.short for part in accepted) - 1)
    assert (line.picked, line.shipped, line.delivered) == (2, 2 - surplus, 2 - surplus), past
    assert Counter(one.code for one in state.exceptions) == ({"double_ship": surplus} if surplus else {}), past
    assert first.waiting_for is None, past
    (found,) = state.lines
    assert (found.shipped, found.cancelled) == (line.shipped, 0), past
    assert found.open + found.backordered + found.reserved + found.allocated == 1 + surplus, past
