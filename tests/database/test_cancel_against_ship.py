"""A cancel and a shipment at the same moment, in two processes: every unit is shipped or cancelled, never both, never neither.

Goods that left have left, whatever was answered: where the cancel was first, what ships then is surplus and an exception opens.
So the customer's answer and the order's units always agree, and no unit that was answered as cancelled ships without an
exception.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from database.connect import Database
from domain.fulfillment import MessageKind
from domain.request import CancelAnswer
from tests.database.shop import NEAREST, NEXT, Shop
from tests.house import MASTER_KEYS
from transactions.request import Done

ORDERED = 3
RACES = 10
RACES_OF_A_SOAK = 500
"""At each of two kinds of nodes."""
HEAD_START_MAX = 12
"""Steps of the event loop that one of the two may be ahead."""


@pytest_asyncio.fixture
async def shops(database: Database, database_url: str) -> AsyncIterator[tuple[Shop, Shop]]:
    """A worker and an HTTP process, each with connections of its own; when the test is over, every invariant must hold."""
    other = Database(database_url, MASTER_KEYS)
    shop = await Shop.open(database)
    yield shop, await Shop.open(other)
    await shop.check()
    await other.close()


@pytest.mark.parametrize("races", [RACES, pytest.param(RACES_OF_A_SOAK, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "accepts", [False, True], ids=["at a node that has not accepted", "at a node that has accepted"]
)
@pytest.mark.timeout(600)
async def test_of_a_cancel_and_a_shipment_at_once_every_unit_meets_one_and_the_answer_says_which(
    shops: tuple[Shop, Shop], accepts: bool, races: int
) -> None:
    worker, http = shops
    dice = random.Random(races)
    await worker.receive(NEAREST, CHAIR=ORDERED * races)
    await worker.receive(NEXT, CHAIR=ORDERED * races)
    first: Counter[str] = Counter()
    for _ in range(races):
        order = await worker.released(("CHAIR", ORDERED))
        if accepts:
            await http.tell(order, MessageKind.ACCEPTED)
        shipped = dice.randint(1, ORDERED)
        done = await _race(dice, worker, http, order, shipped)
        first[await check_one_race(worker, order, shipped, done)] += 1
    if races == RACES_OF_A_SOAK:
        assert min(first["the customer"], first["the node"]) > races / 50, first


async def _race(dice: random.Random, worker: Shop, http: Shop, order: str, shipped: int) -> Done:
    async def cancel() -> Done:
        await _steps(dice.randrange(HEAD_START_MAX))
        return await worker.cancel(order, {"1": ORDERED})

    async def ship() -> None:
        await _steps(dice.randrange(HEAD_START_MAX))
        await http.tell(order, MessageKind.SHIPPED, {"1": shipped})

    cancelling, shipping = asyncio.create_task(cancel()), asyncio.create_task(ship())
    await shipping
    return await cancelling


async def _steps(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def check_one_race(shop: Shop, order: str, shipped: int, done: Done) -> str:
    """The answer to the customer is what has happened; answers who was first."""
    answer = done.refused.answer if done.refused else CancelAnswer.model_validate(done.answer)
    assert answer is not None
    reported = {
        name: sum(part.quantity for part in getattr(answer, name)) for name in ("cancelled", "pending", "refused")
    }
    units, codes = await shop.units(order), [one.code for one in (await shop.state(order)).exceptions]
    assert sum(units.values()) == sum(reported.values()) == ORDERED
    if reported["cancelled"]:
        assert (reported["cancelled"], units) == (ORDERED, {"cancelled": ORDERED})
        assert codes == ["double_ship"], "what leaves although it was cancelled opens one exception"
        return "the customer"
    assert (units.get("shipped"), units.get("cancelled"), codes) == (shipped, None, []), (
        "what may still ship is not cancelled"
    )
    assert reported["refused"] in (0, shipped)
    if shipped < ORDERED:
        await shop.tell(order, MessageKind.CANCEL_ACCEPTED)
        assert await shop.units(order) == {"shipped": shipped, "cancelled": ORDERED - shipped}
    return "the node" if reported["refused"] else "the customer"
