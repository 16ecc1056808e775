"""A seller's account is connected, its orders come and are shipped, and each parcel is confirmed once, whatever dies."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from tests.house import House
from tests.journeys.amazon_house import Connected, connected
from tests.journeys.test_shopify_killed_sender import only_mortals_notify
from transactions import marketplace_health

__all__ = ["only_mortals_notify"]

STOCK = {"reroutes": 2, "asks": 1, "escalates": 1}
MOMENTS = [f"{when}:{number}" for number in range(1, 8) for when in ("before", "after", "unanswered")]
MOMENTS += ["before:took", "after:took"]


@pytest_asyncio.fixture
async def seller(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connected]:
    """A connected account."""
    async with connected(house, tmp_path / "network", monkeypatch) as made:
        yield made


async def test_row_9_an_order_is_placed_once_it_is_paid_and_its_parcel_is_confirmed(seller: Connected) -> None:
    await seller.house.stock("reroutes", SERUM_30=5)
    order = seller.sell({"SERUM-30": 2})
    seller.amazon.become(order, "PENDING")
    await seller.poll()
    assert (await seller.house.http.get(f"/orders/{seller.number(order)}")).status_code == 404, "it is not paid"

    seller.change(order, "UNSHIPPED")
    document = await seller.come(order)
    there = seller.amazon.orders[order]
    ship_by = there["fulfillment"]["shipByWindow"]["latestDateTime"]
    assert datetime.fromisoformat(document["promised"]["ship_by"]) == datetime.fromisoformat(ship_by)
    await seller.poll()
    work = await seller.house.work(seller.number(order))
    parcel = {
        "package": "1",
        "carrier": "ups",
        "tracking": "1Z999",
        "lines": [{"line": work["lines"][0]["line"], "quantity": 2}],
    }
    await seller.house.tell(work["fulfillment_order"], "shipped", packages=[parcel])
    await seller.notified()
    [package] = there["packages"]
    assert (package["carrier"], package["trackingNumber"]) == ("UPS", "1Z999")
    assert there["fulfillment"]["fulfillmentStatus"] == "SHIPPED"

    seller.change(order, "SHIPPED")
    await seller.poll()
    assert await seller.exceptions() == [], "that Amazon shows it as shipped changes nothing here"


async def test_row_9_a_request_to_cancel_stops_the_order_and_asks_a_person_until_it_is_decided(
    seller: Connected,
) -> None:
    await seller.house.stock("reroutes", SERUM_30=5)
    order = seller.sell({"SERUM-30": 1})
    item = seller.amazon.orders[order]["orderItems"][0]
    item["cancellation"] = {"cancellationRequest": {"requester": "BUYER", "cancelReason": "Found it cheaper"}}
    document = await seller.come(order)
    assert [hold["hold"] for hold in document["holds"]] == ["cancel_requested"]
    [(code, detail)] = await seller.exceptions()
    assert code == "channel_misfit"
    assert "the customer asks to cancel" in detail
    assert document["promised"]["ship_by"][:10] in detail
    await seller.poll()
    assert len(await seller.exceptions()) == 1, "it is asked once"

    item["quantityOrdered"] = 0
    seller.change(order, "CANCELLED")
    await seller.poll()
    await seller.house.until(seller.number(order), "cancelled")
    await seller.notified()
    assert await seller.exceptions() == [], "the seller has agreed in Seller Central"


async def rates(seller: Connected) -> dict[str, Any]:
    """What the report says of the channel, by rate."""
    answer = await seller.house.http.get("/reports/marketplace-health")
    [channel] = answer.json()["items"]
    return {one["rate"]: one for one in channel["rates"]}


async def test_a_late_order_is_warned_of_and_a_cancel_needs_a_reason_that_amazon_knows(seller: Connected) -> None:
    await seller.house.stock("reroutes", SERUM_30=5)
    order = seller.sell({"SERUM-30": 1}, ship_within=timedelta(minutes=1))
    name = (await seller.come(order))["order"]
    late = (await rates(seller))["late_shipment_rate"]
    assert (late["counted"], late["of"], late["verdict"], late["faults"]) == (1, 1, "missed", [name])
    for _ in range(2):
        await marketplace_health.warn(seller.house.service.transactions)
    [warning] = [detail for code, detail in await seller.exceptions() if code == "marketplace_at_risk"]
    assert name in warning
    assert "100.00%" in warning

    refused = await seller.house.ask(name, "cancel", reason="no more")
    assert refused.status_code == 409
    assert "code" in refused.json()["detail"]
    assert "customer_request" in refused.json()["detail"]
    cancelled = await seller.house.ask(name, "cancel", code="customer_request")
    assert cancelled.status_code == 200, cancelled.text
    await seller.notified()
    [entered] = [detail for code, detail in await seller.exceptions() if code == "channel_refused"]
    assert "with the reason “Buyer cancelled”" in entered

    found = await rates(seller)
    assert [(found[rate]["counted"], found[rate]["of"]) for rate in ("late_shipment_rate", "cancellation_rate")] == [
        (0, 0),
        (0, 1),
    ], "the customer has asked for it"
    await marketplace_health.warn(seller.house.service.transactions)
    assert "marketplace_at_risk" not in [code for code, _ in await seller.exceptions()]


async def shipped_in_parcels(seller: Connected) -> str:
    """An order whose nodes have shipped it in four parcels of a unit each; nobody has confirmed one."""
    for node, units in STOCK.items():
        await seller.house.stock(node, SERUM_30=units)
    order = seller.sell({"SERUM-30": sum(STOCK.values())})
    await seller.come(order)
    document = await seller.house.until(
        seller.number(order), lambda found: len(found["fulfillment_orders"]) == len(STOCK)
    )
    for work in document["fulfillment_orders"]:
        name, [line] = work["fulfillment_order"], work["lines"]
        unit = {"line": line["line"], "quantity": 1}
        parcels = [
            {"package": str(number), "carrier": "ups", "tracking": f"1Z-{name}-{number}", "lines": [unit]}
            for number in range(1, line["quantity"] + 1)
        ]
        await seller.house.tell(name, "shipped", packages=parcels)
    await seller.house.until(seller.number(order), "shipped")
    return order


async def confirmed_once(seller: Connected, order: str) -> None:
    """Assert that Amazon's packages are our parcels, and that nobody has to look at one."""
    document: Any = await seller.house.order(seller.number(order))
    ours = sorted(one["tracking"] for work in document["fulfillment_orders"] for one in work["packages"])
    there = seller.amazon.orders[order]
    assert sorted(one["trackingNumber"] for one in there["packages"]) == ours
    assert len({one["packageReferenceId"] for one in there["packages"]}) == len(ours) == sum(STOCK.values())
    assert there["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
    await seller.notified()
    assert await seller.exceptions() == []


async def dies_at_random(seller: Connected, seed: int) -> None:
    order = await shipped_in_parcels(seller)
    await seller.notified_by_mortals(Random(seed).choices(MOMENTS, k=6))
    await confirmed_once(seller, order)


async def test_a_sender_that_is_killed_around_its_requests_confirms_no_parcel_twice_and_none_never(
    only_mortals_notify: None, seller: Connected
) -> None:
    await dies_at_random(seller, 0)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 11))
async def test_a_sender_that_is_killed_with_ten_seeds(only_mortals_notify: None, seller: Connected, seed: int) -> None:
    await dies_at_random(seller, seed)


@pytest.mark.long
async def test_a_sender_that_is_killed_at_every_moment_in_turn(only_mortals_notify: None, seller: Connected) -> None:
    order = await shipped_in_parcels(seller)
    died_at = await seller.notified_by_mortals(MOMENTS * 2)
    assert {moment.partition(":")[0] for moment in died_at} == {"before", "after"}
    await confirmed_once(seller, order)
