"""Check 2 of the connections: of ten thousand webhooks some come twice, swapped, never, or from somebody else.

After one poll our orders are those of the shop, field by field; with Temporal out of reach, too.
"""

import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio
from httpx2 import AsyncClient
from temporalio.client import Client
from temporalio.testing import TimeSkipper

from api.app import application
from api.service import assemble
from database.connect import Database
from demo.peers.shopify.shop import Bought
from demo.peers.shopify.state import Order
from demo.peers.shopify.webhooks import Trouble
from tests.checked_transport import CheckedTransport
from tests.conftest import OPERATOR_KEY
from tests.house import Document, House
from tests.journeys.shopify_house import Connected, connected
from tests.journeys.shopify_orders import follows, street_here, street_there, wanted_here, wanted_there

TROUBLE = Trouble(doubled=20, swapped=20, lost=5, forged=5)
NOBODY_LISTENS = "127.0.0.1:1"
WEBHOOKS_OF_A_SALE = 10_000
AT_ONCE = 20
"""Orders that are placed between two deliveries."""

Fields = dict[str, object]


@pytest_asyncio.fixture
async def acme_without_temporal(
    database: Database, database_url: str, temporal: TimeSkipper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Connected]:
    """A connected shop of a Switchyard that cannot reach Temporal, and has no worker."""
    service = assemble(database, await Client.connect(NOBODY_LISTENS, lazy=True), allows_private_webhooks=True)
    transport = CheckedTransport(app=application(service))
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    async with (
        service.running(),
        AsyncClient(transport=transport, base_url="http://switchyard", headers=headers) as http,
    ):
        house = House(http, service, temporal, database_url)
        async with connected(house, tmp_path / "network", monkeypatch) as made:
            await made.has_levels()
            yield made
        await house.check_invariants()


def says_something(acme: Connected, order: Order, dice: Random) -> None:
    """The merchant or the customer changes something about an order, or nothing."""
    match dice.randrange(8):
        case 0:
            acme.shop.set_quantity(order, order.lines[0].id, max(1, order.lines[0].current - 1))
        case 1:
            acme.shop.set_quantity(order, order.lines[0].id, order.lines[0].current + 2)
        case 2:
            acme.shop.add_line(order, Bought("TONER-200"))
        case 3:
            acme.shop.change_address(order, address1=f"{dice.randrange(999)} Changed Street")
        case 4:
            acme.shop.cancel(order)
        case 5 if order.paid == "PENDING":
            acme.shop.pay(order)


def place_some(acme: Connected, dice: Random) -> list[Order]:
    """Customers buy, every fourth one without paying yet; then some of the orders change."""
    orders = [
        acme.shop.place(
            Bought("SERUM-30", dice.randint(1, 4)), Bought("TONER-200"), paid="PENDING" if number % 4 == 0 else "PAID"
        )
        for number in range(AT_ONCE)
    ]
    for order in orders:
        for _ in range(dice.randrange(4)):
            if not order.cancelled_at:
                says_something(acme, order, dice)
    return orders


async def a_sale(acme: Connected, webhooks_min: int) -> list[Order]:
    """Orders of a shop whose webhooks go wrong, until so many have arrived; then one poll."""
    acme.shop.webhooks.provoke(TROUBLE)
    dice, orders, began = Random(7), list[Order](), time.monotonic()
    while acme.statuses.total() < webhooks_min:
        orders += place_some(acme, dice)
        counted = await acme.webhooks()
        assert counted.failed == counted.forged_taken == 0
    assert set(acme.statuses) == {200, 401}
    assert acme.shop.webhooks.lost, "some were never sent"
    taken, waited = time.monotonic() - began, await acme.left("exchange")
    await acme.carried_out()
    carried_out = time.monotonic() - began
    acme.lose_webhooks()
    await acme.poll()
    sys.stderr.write(
        f"{dict(acme.statuses)} webhooks of {len(orders)} orders, {len(acme.shop.webhooks.lost)} lost: taken in {taken:.0f} s, "
        f"{waited} waited then, all carried out after {carried_out:.0f} s and one poll after {time.monotonic() - began:.0f} s\n"
    )
    return orders


def there(order: Order) -> Fields:
    """What the shop says of an order."""
    wanted, address = wanted_there(order), order.ship_to or {}
    return {
        "reference": order.name,
        "currency": order.currency,
        "units": wanted,
        "items": {str(line.id): (line.sku, line.price) for line in order.lines if str(line.id) in wanted},
        "street": street_there(order),
        "city": (address["city"], address["zip"], address["country_code"]),
        "name": f"{address['first_name']} {address['last_name']}",
        "holds": [] if order.paid in ("PAID", "REFUNDED") else ["payment"],
    }


def here(document: Document) -> Fields:
    """The same of ours."""
    wanted, address = wanted_here(document), document["ship_to"]
    return {
        "reference": document["reference"],
        "currency": document["currency"],
        "units": wanted,
        "items": {one["line"]: (one["sku"], one["unit_price"]) for one in document["lines"] if one["line"] in wanted},
        "street": street_here(document),
        "city": (address["city"], address["postal_code"], address["country"]),
        "name": address["name"],
        "holds": [hold["hold"] for hold in document["holds"]],
    }


async def are_the_shops(acme: Connected, orders: Sequence[Order]) -> None:
    """Assert that we have each order once, as the shop has it, and nobody has to look at one."""
    for order in orders:
        if order.cancelled_at and (await acme.house.http.get(f"/orders/{acme.number(order)}")).status_code == 404:
            continue  # it was cancelled before anything was heard of it
        await acme.come(order)
        document = await follows(acme, order)
        if not order.cancelled_at:
            assert here(document) == there(order)
    [found] = await acme.rows("SELECT count(*), count(DISTINCT number) FROM orders WHERE channel = :of", of=acme.name)
    assert tuple(found) == (len(acme.house.orders), len(acme.house.orders))
    assert await acme.exceptions(code="channel_misfit") == []
    assert await acme.exceptions(code="channel_refused") == []


@pytest.mark.long
async def test_check_2_webhooks_that_come_twice_swapped_never_or_forged_leave_the_orders_as_the_shop_has_them(
    acme: Connected,
) -> None:
    await are_the_shops(acme, await a_sale(acme, 300))


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_check_2_so_do_ten_thousand_while_temporal_is_out_of_reach(acme_without_temporal: Connected) -> None:
    acme = acme_without_temporal
    await are_the_shops(acme, await a_sale(acme, WEBHOOKS_OF_A_SALE))


@pytest.mark.long
async def test_check_2_a_change_in_the_very_second_of_the_last_poll_is_found_by_the_next_one(acme: Connected) -> None:
    """Shopify's moments have whole seconds, so a change may leave `updatedAt` as it was (DateTime, version 2026-10)."""
    now = acme.shop.clock()
    acme.shop.clock = lambda: now
    order = acme.shop.place(Bought("SERUM-30", 3))
    acme.lose_webhooks()
    await acme.poll()
    await acme.come(order)
    acme.shop.set_quantity(order, order.lines[0].id, 2)
    acme.lose_webhooks()
    await acme.poll()
    await follows(acme, order)
