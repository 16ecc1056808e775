"""Ten kinds of trouble, found and ended in a real browser by what is on the screen, from the home page on, in a few clicks.

What is typed counts no click; a list counts two, one to open it and one to choose. Signing in is done before.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from temporalio.service import RPCError

from embedded.ports import LOOPBACK, free_port
from tests.console_browser import WITHIN_MS, Operator, operating
from tests.house import ANSWERS_WITHIN_SECONDS, Document, House
from tests.journeys.amazon_house import Connected, connected
from tests.journeys.test_channel_webhooks import Shop, shop
from tests.journeys.test_console import silent
from transactions.prepare import apply_network

__all__ = ["shop"]

NETWORK = Path(__file__).parents[2] / "network/example"


@pytest_asyncio.fixture
async def seller(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connected]:
    """A connected account of a marketplace."""
    async with connected(house, tmp_path / "network", monkeypatch) as made:
        yield made


def has_no(code: str) -> Callable[[Document], bool]:
    """Whether an order has no open exception of a code."""
    return lambda found: code not in [one["code"] for one in found["exceptions"]]


async def with_trouble(house: House, name: str, code: str) -> None:
    """Wait until an order has an exception of a code."""
    await house.until(name, lambda found: not has_no(code)(found))


async def open_codes(house: House) -> list[str]:
    """The codes of the open exceptions."""
    return [one["code"] for one in (await house.http.get("/exceptions")).json()["items"]]


async def applied(house: House, directory: Path, file: str, text: str, other: str) -> None:
    """The network with another text in one of its files."""
    copytree(NETWORK, directory)
    written = (directory / file).read_text()
    (directory / file).write_text(written.replace(text, other, 1))
    assert await apply_network(house.database_url, directory) == []


async def confirmed(operator: Operator, *words: str) -> None:
    """The page says what was done."""
    await expect(operator.page.get_by_role("status").last).to_contain_text(words[0], timeout=WITHIN_MS)
    await operator.sees(*words)


async def test_a_silent_nodes_work_goes_to_another_node_in_2_clicks(page: Page, house: House) -> None:
    name, _ = await silent(house)
    async with operating(page, house) as operator:
        await operator.sees("node silent", "Call the node", "#1005")
        await operator.link("reroute")
        await operator.sees("atl has not accepted it: it is taken back at once")
        await operator.button("Reroute work")
        await confirmed(operator, "Done: reroute")
        assert operator.clicks == 2
    await house.until(name, has_no("node_silent"))


async def test_what_a_node_did_not_find_and_nobody_else_has_is_cancelled_in_5_clicks(page: Page, house: House) -> None:
    await house.stock("slc", SERUM_30=2)
    name = await house.place(("SERUM-30", 2), reference="#1006")
    await house.tell((await house.work(name))["fulfillment_order"], "picked", {"1": 1}, final=True)
    await house.until(name, lambda found: found["lines"][0]["backordered"] == 1)
    await house.settle(name)
    async with operating(page, house) as operator:
        await operator.link("Waiting")
        await operator.sees("1 unit of SERUM-30")
        await operator.link("#1006")
        await operator.sees("1 backordered", "1 short")
        await operator.link("cancel units")
        await page.get_by_label("line 1").fill("1")
        await operator.button("Preview")
        await operator.sees("1 unit of line 1 would be cancelled", "The customer would pay 10.00 USD less.")
        await operator.button("Cancel units")
        assert operator.clicks == 5, "what is typed is no click"
        await confirmed(operator, "Done: cancel", "1 cancelled")
    assert (await house.order(name))["lines"][0]["backordered"] == 0


async def has_begun(house: House, order: str) -> None:
    """Wait until an order that has come has a workflow that rests: what it does at its start makes a preview out of date."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while True:
            with suppress(RPCError):
                await house.settle(order)
                return
            await asyncio.sleep(0.03)


async def test_an_item_that_nobody_knows_is_cancelled_in_2_clicks(page: Page, shop: Shop) -> None:
    await shop.house.stock("reroutes", SERUM_30=50)
    await shop.send(shop.document(2, sku="CASE-12"))
    assert (await shop.has_come())["status"] == "on_hold"
    await has_begun(shop.house, shop.order)
    async with operating(page, shop.house) as operator:
        await operator.sees("unmapped", "nobody knows the item CASE-12 of line 1", "add the item to items.csv")
        await operator.link("cancel units")
        await operator.sees("2 units of line 1 would be cancelled")
        await operator.button("Cancel units")
        await confirmed(operator, "Done: cancel")
        assert operator.clicks == 2
    await shop.house.until(shop.order, "cancelled")


async def test_what_a_marketplace_did_not_take_is_entered_there_and_resolved_in_2_clicks(
    page: Page, seller: Connected
) -> None:
    order = seller.sell({"SERUM-30": 1})
    name = (await seller.come(order))["order"]
    assert (await seller.house.ask(name, "cancel", code="customer_request")).status_code == 200
    await seller.notified()
    assert await open_codes(seller.house) == ["channel_refused"]
    async with operating(page, seller.house) as operator:
        await operator.sees(
            "channel refused", "with the reason “Buyer cancelled”", "enter it there by hand and resolve"
        )
        await operator.link("resolve")
        await page.get_by_label("Why").fill("entered in the seller's own pages")
        await operator.button("Resolve")
        await confirmed(operator, "Done: 1.")
        assert operator.clicks == 2
    assert await open_codes(seller.house) == []


async def test_what_left_two_nodes_comes_back_by_a_return_in_3_clicks(page: Page, house: House) -> None:
    await house.stock("slc", SERUM_30=2)
    await house.stock("nwk", SERUM_30=2)
    name = await house.place(("SERUM-30", 1), reference="#1009")
    first = (await house.work(name))["fulfillment_order"]
    assert (await house.ask(name, "reroute", fulfillment_order=first)).status_code == 200
    second = (await house.work(name, 2))["fulfillment_order"]
    await house.tell(second, "shipped")
    await house.tell(first, "shipped", {"1": 1})
    await with_trouble(house, name, "double_ship")
    for work in (second, first):
        await house.tell(work, "delivered")
    await house.settle(name)
    async with operating(page, house) as operator:
        await operator.sees("double ship", "ask the customer to send one parcel back")
        await operator.link("enter a return")
        await page.get_by_label("line 1").fill("1")
        await operator.button("Preview")
        await operator.sees("1 unit of line 1, SERUM-30 will come back")
        await operator.button("Enter a return")
        await confirmed(operator, "Done: return", f"{name}-r1")
        assert operator.clicks == 3
    assert (await house.http.get(f"/returns/{name}-r1")).json()["lines"][0]["quantity"] == 1


async def test_a_return_that_stands_still_is_received_and_graded_in_4_clicks(page: Page, house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    name = await house.place(("SERUM-30", 1), reference="#1010")
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.until(name, "delivered")
    assert (await house.ask(name, "returns", lines=[{"line": "1", "quantity": 1}], node="slc")).status_code == 201
    async with operating(page, house) as operator:
        await operator.link("Returns")
        await operator.link(f"{name}-r1")
        await operator.button("Enter what has arrived")
        await confirmed(operator, "Done: Enter what has arrived")
        await operator.button("Grade")
        await operator.sees("Done: Grade", "at slc")
        assert operator.clicks == 4
    graded = (await house.http.get(f"/returns/{name}-r1")).json()
    assert [lot["quantity"] for lot in graded["lines"][0]["lots"]] == [1]


async def test_work_of_a_node_whose_webhook_is_dead_is_rejected_by_phone_and_goes_to_another_in_4_clicks(
    page: Page, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transactions.contact.UNREACHABLE_AFTER", timedelta(seconds=1))
    nobody = f"http://{LOOPBACK}:{free_port()}/"
    called = f'id = "atl"\ndispatch = "webhook"\nurl = "{nobody}"\nsecret = "0123456789abcdef"'
    await applied(house, tmp_path / "network", "nodes.toml", 'id = "atl"', called)
    await house.stock("atl", PERFUME_50=5)
    name = await house.place(("PERFUME-50", 2))
    await with_trouble(house, name, "node_unreachable")
    await house.stock("slc", PERFUME_50=5)
    async with operating(page, house) as operator:
        await operator.sees("node unreachable", "The node's interface does not take our call")
        await operator.link("enter what the node says")
        await operator.choose("What it says", "rejected")
        await page.get_by_label("Why").fill("they said on the phone that their server is down")
        await operator.button("Enter what the node says")
        await confirmed(operator, "Done: 1.", "rejected is entered")
        assert operator.clicks == 4
    assert (await house.work(name, 2))["node"] == "slc"


async def test_a_paused_node_that_holds_orders_up_is_resumed_in_3_clicks(page: Page, house: House) -> None:
    await house.stock("slc", SERUM_30=2)
    assert (await house.http.post("/nodes/slc/pause", json={"reason": "a burst pipe"})).status_code == 200
    name = await house.place(("SERUM-30", 1))
    await house.until(name, "backordered")
    await house.settle(name)
    async with operating(page, house) as operator:
        await operator.link("Nodes")
        await operator.sees("paused", "a burst pipe")
        await operator.link("resume")
        await operator.button("Resume the node")
        await expect(page.get_by_text("a burst pipe")).to_have_count(0, timeout=WITHIN_MS)
        assert operator.clicks == 3
    assert (await house.work(name))["node"] == "slc"


async def test_an_order_that_will_be_late_is_taken_from_its_node_in_2_clicks(
    page: Page, house: House, tmp_path: Path
) -> None:
    await applied(house, tmp_path / "network", "policy.toml", "[orders]", '[orders]\nat_risk_before = "99d"')
    await house.stock("slc", SERUM_30=2)
    name = await house.place(("SERUM-30", 1))
    work = await house.work(name)
    await house.tell(work["fulfillment_order"], "accepted")
    await house.settle(name)
    await with_trouble(house, name, "at_risk")
    await house.settle(name)
    async with operating(page, house) as operator:
        await operator.sees("at risk", "The promise is at risk")
        await operator.link("reroute")
        await operator.sees("the node is asked to cancel first")
        await operator.button("Reroute work")
        await confirmed(operator, "Done: reroute")
        assert operator.clicks == 2
    assert (await house.work(name))["request"] == "cancel_requested"


async def test_a_rule_that_lets_nobody_fill_an_order_is_changed_and_the_order_goes_on_in_6_clicks(
    page: Page, house: House, tmp_path: Path
) -> None:
    network = copytree(NETWORK, tmp_path / "network", ignore=ignore_patterns("cases"))  # one of them wants this rule
    assert await apply_network(house.database_url, network) == []
    await house.stock("nwk", SERUM_30=9)
    name = await house.place(("SERUM-30", 1), channel="marketplace", postal_code="90036")
    await with_trouble(house, name, "unfilled")
    await house.settle(name)
    async with operating(page, house) as operator:
        await operator.sees("unfilled", "add stock or change the policy and resolve")
        await operator.link("change the policy")
        field = page.get_by_label("policy.toml")
        policy = (await field.input_value()).replace("node.promise_days <= 2", "node.promise_days <= 20")
        await field.fill(policy.replace('version = "', 'version = "slower-', 1))
        await operator.button("Check")
        await operator.sees("+require = 'node.promise_days <= 20'")
        await operator.button("Apply")
        await confirmed(operator, "is active")
        await operator.link("Exceptions")
        await operator.link("resolve")
        await operator.button("Resolve")
        await confirmed(operator, "Done: 1.")
        assert operator.clicks == 6
    assert (await house.work(name))["node"] == "nwk"
