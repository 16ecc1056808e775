"""What an operator and a store can do on the pages of the console, done in a real browser, many acts in one house.

`tests/console_acts.py` says which act is done by which test.
"""

from pathlib import Path
from shutil import copytree, ignore_patterns

from playwright.async_api import Page, expect

from tests.console_browser import WITHIN_MS, Operator, operating
from tests.house import Document, House
from tests.journeys.test_channel_webhooks import Shop, shop
from tests.journeys.test_console import silent
from tests.journeys.test_find_and_fix import applied, confirmed
from tests.journeys.test_transfers import make
from transactions import shadow

__all__ = ["shop"]

TO: Document = {
    "name": "Rosa Delgado",
    "street": ["1 Main St"],
    "city": "Denver",
    "region": "CO",
    "postal_code": "80202",
    "country": "US",
}


async def resting(house: House, name: str) -> str:
    """An order whose workflow has done all that it can: nothing changes between a page and its act."""
    await house.settle(name)
    return name


async def delivered(house: House, quantity: int = 1) -> str:
    """An order that was delivered."""
    name = await house.place(("SERUM-30", quantity), ship_to=TO)
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.until(name, "delivered")
    return await resting(house, name)


async def test_orders_are_held_released_shipped_and_claimed_and_found_by_person(page: Page, house: House) -> None:
    await house.stock("slc", SERUM_30=20)
    await house.stock("chi", SERUM_30=1)
    held = await house.place(("SERUM-30", 1), holds=[{"hold": "fraud"}])
    collected = await house.place(("SERUM-30", 1), pickup_node="chi", ship_to=TO, holds=[{"hold": "fraud"}])
    claimed = await delivered(house)
    for name in (held, collected):
        await house.settle(name)
    async with operating(page, house) as operator:
        await operator.goes(f"orders/{held}")
        await operator.link("hold")
        await page.get_by_label("Hold").fill("address")
        await operator.button("Preview")
        await operator.sees("Not released to a node yet: 1 unit.")
        await operator.button("Hold the order")
        await confirmed(operator, "Done: hold", "on hold: address")
        await operator.link("release address")
        await operator.button("Release a hold")
        await confirmed(operator, "Done: release")
        await operator.goes(f"orders/{collected}")
        await operator.link("change the pickup")
        await page.get_by_label("Collected at").select_option("")
        await operator.button("Preview")
        await operator.sees("They are shipped to the address")
        await operator.button("Change the pickup")
        await confirmed(operator, "Done: pickup")
        await operator.goes(f"orders/{claimed}")
        await operator.link("enter a claim")
        await page.get_by_label("line 1").fill("1")
        await operator.button("Preview")
        await operator.sees("The channel is asked to pay the customer 10.00 USD for 1 unit")
        await operator.button("Enter a claim")
        await confirmed(operator, "Done: claim")
        await operator.goes("orders")
        await page.get_by_label("Who").fill("Rosa Delgado")
        await operator.button("Find the person's orders")
        await operator.sees(claimed, collected)
    assert [one["hold"] for one in (await house.order(held))["holds"]] == ["fraud"]


async def test_exceptions_nodes_and_holds_are_acted_on_and_filters_kept(page: Page, house: House) -> None:
    late, _ = await silent(house)
    held = await house.place(("SERUM-30", 1), holds=[{"hold": "fraud"}])
    for name in (late, held):
        await house.settle(name)
    async with operating(page, house) as operator:
        await on_exceptions(operator)
        await operator.goes("nodes")
        await operator.click(page.locator("#chi").get_by_role("link", name="pause"))
        await page.get_by_label("Why").fill("a burst pipe")
        await operator.button("Pause the node")
        await operator.sees("a burst pipe")
        await operator.goes("waiting")
        await page.get_by_label(f"choose fraud of {held}").check()
        await operator.button("Release")
        await operator.button("Release")
        await confirmed(operator, "Done: 1.", f"{held}: fraud is released")
        await on_filters(operator)
        await operator.button("Sign out")
        await page.wait_for_url("**/console/login")
    assert (await house.order(held))["holds"] == []


async def on_exceptions(operator: Operator) -> None:
    """Give the work of a silent node to another person, then to another node."""
    page = operator.page
    await operator.goes("exceptions")
    await page.get_by_label("all here").check()
    await operator.button("Assign")
    await page.get_by_label("Owner").fill("night")
    await operator.button("Assign")
    await confirmed(operator, "Done: 1.", "assigned to night")
    await operator.goes("exceptions?code=node_silent&owner=night")
    await page.get_by_label("all here").check()
    await operator.button("Reroute")
    await operator.button("Reroute")
    await confirmed(operator, "Done: 1.", "is rerouted (withdrawn)")


async def on_filters(operator: Operator) -> None:
    """Save a filter of orders, and remove it."""
    page = operator.page
    await operator.goes("orders?channel=web")
    await operator.click(page.get_by_text("Save this filter"))
    await page.get_by_label("Name", exact=True).fill("ours")
    await operator.button("Save")
    await operator.link("saved filters")
    await operator.button("Remove ours")
    await confirmed(operator, "The filter is removed.", "None is saved.")


async def test_returns_are_decided_cancelled_and_paid(page: Page, house: House, tmp_path: Path) -> None:
    await applied(house, tmp_path / "network", "policy.toml", "[returns]", "[returns]\napprove_below = 1")
    await house.stock("slc", SERUM_30=9)
    names = []
    for _ in range(3):
        name = await delivered(house)
        answer = await house.ask(name, "returns", lines=[{"line": "1", "quantity": 1}], node="slc")
        names.append(answer.json()["return"])
    paid, declined, cancelled = names
    async with operating(page, house) as operator:
        await operator.goes(f"returns/{declined}")
        await operator.click(page.locator("summary", has_text="Decline"))
        await operator.button("Decline")
        await confirmed(operator, "Done: Decline")
        await operator.goes(f"returns/{cancelled}")
        await operator.click(page.locator("summary", has_text="Cancel the return"))
        await operator.button("Cancel the return")
        await confirmed(operator, "Done: Cancel the return")
        await operator.goes(f"returns/{paid}")
        await operator.button("Approve")
        await confirmed(operator, "Done: Approve")
        await operator.button("Enter what has arrived")
        await confirmed(operator, "Done: Enter what has arrived")
        await operator.button("Grade")
        await operator.sees("at slc")
        await house.settle(names[0].rpartition("-")[0])
        await operator.goes(f"returns/{paid}")
        await operator.sees("not paid yet")
        await operator.button("Enter that it was paid")
        await confirmed(operator, "Done: Enter that it was paid")
    shown = [(await house.http.get(f"/returns/{name}")).json() for name in names]
    assert [one["status"] for one in shown[1:]] == ["declined", "cancelled"]
    assert [one["settled_at"] is not None for one in shown[0]["refunds"]] == [True]


async def test_transfers_are_made_and_received_items_counted_and_versions_applied(
    page: Page, house: House, tmp_path: Path
) -> None:
    await house.stock("slc", SERUM_30=9)
    async with operating(page, house) as operator:
        await operator.goes("transfers")
        await operator.link("make a transfer")
        await page.get_by_label("Transfer").fill("B-1")
        for node, label in (("slc", "From"), ("nwk", "To")):
            await page.locator("label", has_text=label).locator("select").select_option(node)
        await page.get_by_label("Items").fill("SERUM-30 4")
        await operator.button("Preview")
        await operator.sees("gets work to ship 4 units")
        await operator.button("Make the transfer")
        await page.wait_for_url("**/console/transfers/B-1")
        house.orders.append("transfer.b-1")
        await house.tell((await house.work("transfer.b-1"))["fulfillment_order"], "shipped")
        await operator.goes("transfers/B-1")
        await scanned(operator, "SERUM-30", "1")
        await operator.button("Fill in all that is on the way")
        await expect(page.get_by_label("SERUM-30")).to_have_value("4", timeout=WITHIN_MS)
        await operator.button("Received these")
        await confirmed(operator, "4 units are booked as received")
        await operator.goes("counts/nwk")
        await scanned(operator, "SERUM-30", "1")
        await operator.button("Compare")
        await operator.sees("1 unit instead of 4 (-3)")
        await operator.button("Book the count")
        await confirmed(operator, "1 item is booked as counted")
        await on_versions(operator, tmp_path)
    assert (await house.available("SERUM-30"))["nwk"] == 1


async def scanned(operator: Operator, code: str, units: str) -> None:
    """Scan an item."""
    await operator.page.get_by_label("Barcode or SKU").fill(code)
    await operator.page.keyboard.press("Enter")
    await expect(operator.page.get_by_label(code, exact=False).last).to_have_value(units, timeout=WITHIN_MS)


async def on_versions(operator: Operator, folder: Path) -> None:
    """Stop a shadow, promote another one, and roll back to the version before."""
    network = copytree("network/example", folder / "network", ignore=ignore_patterns("cases"))
    await shadow.begin(operator.house.service.database, network)
    await operator.goes("policy")
    await operator.link("the shadow")
    await operator.link("stop it")
    await operator.button("Stop the shadow")
    await operator.sees("Shadow 1 stopped")
    policy = (network / "policy.toml").read_text().replace('version = "', 'version = "quicker-', 1)
    (network / "policy.toml").write_text(policy)
    await shadow.begin(operator.house.service.database, network)
    await operator.goes("policy/shadow")
    await operator.link("promote it")
    await operator.sees('+version = "quicker-')
    await operator.button("Promote the shadow")
    await confirmed(operator, "Version 2 is active.")
    await operator.click(operator.page.get_by_role("link", name="of version 1"))
    await operator.button("Roll back to version 1")
    await confirmed(operator, "Version 3 is active.")


async def test_what_a_channel_sent_is_tried_again(page: Page, shop: Shop) -> None:
    await shop.send(shop.document(service="teleport"))
    await shop.is_misfit()
    async with operating(page, shop.house) as operator:
        await operator.link("Connections")
        await operator.click(page.get_by_role("button", name="Try again what failed"))
        await confirmed(operator, "1 of plain is tried again now.")


async def test_a_store_does_all_that_its_page_offers(page: Page, house: House) -> None:
    await house.stock("chi", SERUM_30=20)
    await house.stock("slc", TONER_200=9)
    shipped, rejected, stopped, kept = [
        (await house.work(await house.place(("SERUM-30", 2), from_node="chi")))["fulfillment_order"] for _ in range(4)
    ]
    collected = (await house.work(await house.place(("SERUM-30", 1), pickup_node="chi")))["fulfillment_order"]
    for work in (stopped, kept):
        await house.tell(work, "accepted")
        assert (await house.ask(work.rpartition("-")[0], "cancel")).status_code == 200
    moved = await make(house, "B-2", 3, to="chi", lines=[{"sku": "TONER-200", "quantity": 3}])
    await house.tell((await house.work(moved))["fulfillment_order"], "shipped")
    for work in (shipped, rejected, stopped, kept, collected):
        await house.settle(work.rpartition("-")[0])
    key = (await house.key("node", "chi"))["Authorization"].removeprefix("Bearer ")
    async with operating(page, house, key) as store:
        await ships(store, shipped)
        for work, button, said in (
            (stopped, "Stopped: it stays here", "is stopped."),
            (kept, "Too late: it leaves anyway", "Done: kept"),
            (collected, "Ready for the customer", "Done: ready"),
            (collected, "Handed over", "handed over to the customer"),
        ):
            await store.goes(f"store/{work}")
            await store.button(button)
            await store.sees(said)
        await store.goes(f"store/{rejected}")
        await store.click(page.get_by_text("We cannot do it"))
        await page.locator("details").get_by_label("Why").fill("damaged")
        await store.button("Reject")
        await store.sees("rejected: somebody else ships it")
        await store.goes("store/transfers/B-2")
        await store.button("Fill in all that is on the way")
        await expect(page.get_by_label("TONER-200")).to_have_value("3", timeout=WITHIN_MS)
    requests = [(await house.http.get(f"/fulfillment-orders/{work}")).json()["request"] for work in (stopped, kept)]
    assert requests == ["cancel_accepted", "cancel_rejected"]


async def ships(store: Operator, work: str) -> None:
    """Accept work, find one of two units, say that the other is not here, and ship the one."""
    await store.goes(f"store/{work}")
    await store.button("Accept")
    await store.sees("Done: accepted.")
    await store.page.get_by_label("found of 2").fill("1")
    await store.button("Found these")
    await store.sees("1 picked", "Done: picked")
    await store.page.get_by_label("found of 1").fill("0")
    await store.button("The rest is not here")
    await store.sees("what is not there comes from somewhere else")
    await store.button("Shipped")
    await store.sees(f"{work} is shipped.")
