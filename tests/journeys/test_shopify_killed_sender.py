"""Check 5 of the connections: an order leaves three nodes in five parcels, and the sender of notices is killed with -9.

Before and after each request, and each commit; and requests time out after they worked. No unit is fulfilled twice.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from demo.peers.shopify.shop import Bought
from demo.peers.shopify.state import Order
from jobs.driver import Lane
from jobs.schedule import NOTICES, schedule
from tests.dying import died_at
from tests.journeys.shopify_house import Connected
from tests.journeys.shopify_orders import left_there, parcels_here, parcels_there, wanted_there

REQUESTS = 24
"""More than one process asks for: each moment comes that there is."""
MANNERS = ("before", "after", "unanswered")
MOMENTS = [f"{when}:{number}" for number in range(1, REQUESTS + 1) for when in MANNERS]
STOCK = {"reroutes": 2, "asks": 2, "escalates": 1}


@pytest.fixture
def only_mortals_notify(monkeypatch: pytest.MonkeyPatch) -> None:
    """A house that is made after this notifies no shop by itself."""

    def without_notices(*given: Any) -> list[Lane]:
        return [lane for lane in schedule(*given) if lane.name != NOTICES]

    monkeypatch.setattr("api.service.schedule", without_notices)


async def shipped_in_five(acme: Connected) -> Order:
    """An order whose nodes have shipped it in five parcels of a unit each; nobody has notified the shop."""
    for node, units in STOCK.items():
        await acme.house.stock(node, SERUM_30=units)
    order = acme.shop.place(Bought("SERUM-30", sum(STOCK.values())))
    await acme.webhooks()
    await acme.come(order)
    document = await acme.house.until(acme.number(order), lambda found: len(found["fulfillment_orders"]) == len(STOCK))
    for fo in document["fulfillment_orders"]:
        name, [line] = fo["fulfillment_order"], fo["lines"]
        parcels = [
            {
                "package": str(number),
                "carrier": "ups",
                "tracking": f"1Z-{name}-{number}",
                "lines": [{"line": line["line"], "quantity": 1}],
            }
            for number in range(1, line["quantity"] + 1)
        ]
        await acme.house.tell(name, "shipped", packages=parcels)
    await acme.house.until(acme.number(order), "shipped")
    return order


async def notified_by_mortals(acme: Connected, moments: Sequence[str]) -> list[str]:
    """Let processes notify the shop that die at these moments, and one that does not; answers at which one died."""
    return await died_at("tests.journeys.mortal_shopify", acme.house.database_url, *moments, "never")


async def fulfilled_once(acme: Connected, order: Order) -> None:
    """Assert that the shop's fulfillments are our parcels, line by line, and that nobody has to look at one."""
    document = await acme.house.order(acme.number(order))
    assert parcels_there(order) == parcels_here(document)
    assert len(parcels_here(document)) == sum(STOCK.values())
    assert left_there(order) == wanted_there(order)
    assert await acme.left("channel_notice") == 0
    assert await acme.exceptions() == []


async def dies_at_random(acme: Connected, seed: int) -> None:
    order = await shipped_in_five(acme)
    await notified_by_mortals(acme, Random(seed).choices([*MOMENTS, "before:took", "after:took"], k=6))
    await fulfilled_once(acme, order)


async def test_check_5_a_sender_that_is_killed_at_random_fulfills_no_unit_twice(
    only_mortals_notify: None, acme: Connected
) -> None:
    await dies_at_random(acme, 0)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 21))
async def test_check_5_with_twenty_seeds(only_mortals_notify: None, acme: Connected, seed: int) -> None:
    await dies_at_random(acme, seed)


@pytest.mark.long
async def test_check_5_a_sender_that_is_killed_at_every_request_in_turn_fulfills_no_unit_twice(
    only_mortals_notify: None, acme: Connected
) -> None:
    order = await shipped_in_five(acme)
    died_at = await notified_by_mortals(acme, [*MOMENTS, "before:took", "after:took"])
    assert {moment.partition(":")[0] for moment in died_at} == {"before", "after"}
    await fulfilled_once(acme, order)
