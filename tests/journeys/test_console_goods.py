"""Goods on the pages of the console: a transfer is made, scanned and received; items are counted; a claim is entered."""

from typing import Any

from httpx2 import AsyncClient, Response
from playwright.async_api import Page, expect

from tests.console_browser import PHONE, WITHIN_MS, operating
from tests.console_pages import browsing, hidden, read, send, sign_in, signed_in
from tests.house import Document, House
from tests.journeys.test_console_store import at_the_store
from tests.journeys.test_transfers import SKU, make, transfer

BARCODE = "0850000150034"
"""Of SERUM-30 in the shipped network."""


async def touch(http: AsyncClient, page: Response, do: str, **filled: str) -> Response:
    """Touch a button of the form of a page; fields of units are named by their SKU with a dash as an underscore."""
    data: dict[str, Any] = hidden(page, page.url.path) | {"do": do}
    data |= {f"units.{name.replace('_', '-')}" if name.isupper() else name: text for name, text in filled.items()}
    return await http.post(page.url.path, data=data)


async def on_its_way(house: House, name: str, quantity: int, to_node: str = "nwk") -> str:
    """A transfer that has left Salt Lake City."""
    await house.stock("slc", SERUM_30=quantity, TONER_200=1)
    order = await make(house, name, quantity, to=to_node)
    await house.tell((await house.work(order))["fulfillment_order"], "shipped")
    return order


async def line(house: House, name: str) -> Document:
    found: Document = (await transfer(house, name))["lines"][0]
    return found


async def test_a_store_receives_what_it_scanned_and_a_difference_is_asked_about_first_and_then_a_fact(
    house: House,
) -> None:
    await on_its_way(house, "C1", 3)
    async with at_the_store(house, "nwk") as http:
        assert "3 units on the way" in read(await http.get("/console/store/transfers"))
        page = await http.get("/console/store/transfers", params={"transfer": "C1"})
        assert page.url.path == "/console/store/transfers/C1"
        for code, said in (("", "scan or type"), ("4006381333931", "no item has"), ("SET-01", "is a bundle")):
            wrong = await touch(http, page, "scan", code=code)
            assert (wrong.status_code, said in read(wrong)) == (422, True), read(wrong)
        page = await touch(http, page, "scan", code=BARCODE.lstrip("0"))
        assert 'name="units.SERUM-30" type="number" inputmode="numeric" min="0" value="1"' in page.text
        page = await touch(http, page, "scan", code=BARCODE, SERUM_30="1")
        assert 'min="0" value="2"' in page.text

        asked = await touch(http, page, "receive", SERUM_30="2", TONER_200="1")
        assert "2 of 3 units of SERUM-30: 1 unit stays" in read(asked)
        assert "1 unit of TONER-200, which this transfer does not have" in read(asked)
        other = await touch(http, asked, "receive", SERUM_30="1")
        assert "1 of 3 units" in read(other), "another count than the one that was asked about is asked about again"
        assert (await line(house, "c1"))["received"] == 0
        done = await touch(http, asked, "receive", SERUM_30="2", TONER_200="1", reason="the box was open")
        assert "3 units are booked as received" in read(done)
        assert [(await line(house, "c1"))[name] for name in ("received", "in_transit")] == [2, 1]
        assert await house.available("TONER-200") == {"slc": 1, "nwk": 1}

        stale = await touch(http, asked, "receive", SERUM_30="1")
        assert (stale.status_code, "nothing was done" in read(stale), 'value="1"' in stale.text) == (409, True, True)
        page = await http.get(done.url.path)
        nothing = await touch(http, page, "receive", SERUM_30="0")
        assert (nothing.status_code, "nothing is counted" in read(nothing)) == (422, True)
        page = await touch(http, page, "all")
        assert 'min="0" value="1"' in page.text
        last = await touch(http, page, "receive", SERUM_30="1")
        assert "1 unit is booked as received" in read(last)
    assert (await line(house, "c1"))["received"] == 3
    codes = [case["code"] for case in (await transfer(house, "c1"))["exceptions"]]
    assert codes == ["message_misfit"]
    await house.check_invariants()


async def test_more_than_was_sent_is_booked_when_it_is_said_again(house: House) -> None:
    await on_its_way(house, "C2", 1)
    async with at_the_store(house, "nwk") as http:
        page = await http.get("/console/store/transfers/C2")
        asked = await touch(http, page, "receive", SERUM_30="4")
        assert "4 units of SERUM-30, and 1 is on the way: 3 units more" in read(asked)
        assert "4 units are booked" in read(await touch(http, asked, "receive", SERUM_30="4"))
    assert (await line(house, "c2"))["received"] == 4
    assert (await house.available(SKU))["nwk"] == 4


async def test_a_node_sees_and_receives_no_transfer_to_another_and_who_may_only_see_receives_none(house: House) -> None:
    await on_its_way(house, "C3", 1)
    async with at_the_store(house, "slc") as http:
        own = await http.get("/console/store/count")
        form = hidden(own, "/console/store/count")
        for path in ("store/transfers/c3", "store/transfers/no"):
            assert (await http.get(f"/console/{path}")).status_code == 404
            assert (await http.post(f"/console/{path}", data=form | {"do": "all"})).status_code == 404
        for path in ("transfers", "make-transfer", "transfers/c3", "counts/nwk"):
            assert (await http.get(f"/console/{path}")).status_code == 403, path
    key = (await house.http.post("/keys", json={"kind": "operator", "name": "reader", "role": "see"})).json()["key"]
    async with browsing(house, client="10.0.9.2") as http:
        await sign_in(http, key)
        page = await http.get("/console/transfers/c3")
        assert ("C3" in read(page), "Received these" in page.text) == (True, False)
        assert [(await http.get(f"/console/{path}")).status_code for path in ("make-transfer", "counts/slc")] == [
            403,
            403,
        ]
        form = hidden(page, "/console/logout")
        for path in ("transfers/c3", "make-transfer", "counts/slc"):
            answer = await http.post(f"/console/{path}", data=form | {"do": "receive", "units.SERUM-30": "1"})
            assert (answer.status_code, "the role act is needed" in answer.text) == (403, True), path
    assert (await line(house, "c3"))["received"] == 0


async def test_an_operator_makes_a_transfer_after_its_preview_and_receives_it(house: House) -> None:
    await house.stock("slc", SERUM_30=3)
    async with signed_in(house) as http:
        page = await http.get("/console/make-transfer")
        filled = {"transfer": "C4", "from": "slc", "to": "chi", "service": "standard", "lines": "SERUM-30 5\n"}
        for wrong, said in (
            ({"to": "slc"}, "another node"),
            ({"lines": "five"}, "is not a SKU"),
            ({"lines": "NO 1"}, "NO"),
        ):
            refused = await send(http, page, **filled | wrong | {"do": "make"})
            assert said in read(refused), read(refused)
        preview = await send(http, page, **filled, do="preview")
        for words in ("gets work to ship 5 units", "Of SERUM-30 it has 3 of 5 available"):
            assert words in read(preview)
        other = await send(http, preview, **filled | {"lines": "SERUM-30 4"}, do="make")
        assert "ship 4 units" in read(other), "what was not shown before is not made"
        assert (await house.http.get("/transfers/C4")).status_code == 404
        made = await send(http, preview, **filled, do="make")
        assert made.url.path == "/console/transfers/C4", read(made)
        house.orders.append("transfer.c4")
        await house.tell((await house.work("transfer.c4"))["fulfillment_order"], "shipped", {"1": 3})
        assert "C4" in read(await http.get("/console/transfers", params={"from": "slc"}))
        assert (await http.get("/console/transfers", params={"status": "lost"})).status_code == 422
        page = await http.get("/console/transfers/C4")
        assert "3 units are booked" in read(await touch(http, page, "receive", SERUM_30="3"))
        assert "the transfer" in read(await http.get("/console/orders/transfer.c4"))


async def test_items_are_counted_compared_and_booked_and_never_over_stock_that_nobody_has_seen(house: House) -> None:
    await house.stock("slc", SERUM_30=9, TONER_200=2)
    name = await house.place((SKU, 4), holds=[{"hold": "fraud"}])
    async with at_the_store(house) as http:
        page = await http.get("/console/store/count")
        assert (await touch(http, page, "preview")).status_code == 422
        page = await touch(http, page, "scan", code=BARCODE, more="3")
        preview = await touch(http, page, "preview", SERUM_30="3", TONER_200="2")
        for words in (
            "SERUM-30: 3 units instead of 9 (-6). 1 unit of 4 that orders have there are missing",
            "TONER-200: 2 units, as",
        ):
            assert words in read(preview), read(preview)
        await house.stock("slc", SERUM_30=1)
        before = await house.facts()
        stale = await touch(http, preview, "book", SERUM_30="3", TONER_200="2")
        assert (stale.status_code, "Booked now: 10 of SERUM-30, not 9" in read(stale)) == (409, True), read(stale)
        assert await house.facts() == before
        other = await touch(http, stale, "book", SERUM_30="5", TONER_200="2")
        assert "5 units instead of 10" in read(other), "what was not compared is not booked"
        done = await touch(http, other, "book", SERUM_30="5", TONER_200="2", reason="the weekly count")
        assert "2 items are booked as counted" in read(done)
        again = await touch(http, other, "book", SERUM_30="5", TONER_200="2")
        assert again.status_code == 409, "the stock is not what it was compared with"
    assert await house.available("SERUM-30") == {"slc": 1}
    items = (await house.http.get("/stock/SERUM-30/movements")).json()["items"]
    counted = next(item for item in items if item["kind"] == "counted")
    assert (counted["on_hand"], counted["actor"], counted["reason"]) == (-5, "node:slc", "the weekly count")
    assert (await house.order(name))["lines"][0]["reserved"] == 4
    async with signed_in(house) as http:
        page = await http.get("/console/counts/slc", params={"sku": "SERUM-30"})
        preview = await touch(http, page, "preview", SERUM_30="0")
        assert "1 item is booked" in read(await touch(http, preview, "book", SERUM_30="0"))
        assert (await http.get("/console/counts/no")).status_code == 404
    assert await house.available("SERUM-30") == {"slc": 0}


async def test_a_claim_is_entered_after_its_preview_and_one_for_units_paid_back_is_refused(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    name = await house.place((SKU, 2))
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.until(name, "delivered")
    async with signed_in(house) as http:
        assert f"/console/orders/{name}/claim" in (await http.get(f"/console/orders/{name}")).text
        asked = {"quantity.1": "1", "kind": "damaged", "resolution": "refund"}
        page = await http.get(f"/console/orders/{name}/claim", params=asked)
        assert "The channel is asked to pay the customer 10.00 USD for 1 unit" in read(page), read(page)
        stale = page
        assert "Done: claim" in read(await send(http, page, reason="a broken pump"))
        old = await send(http, stale)
        assert (old.status_code, "nothing was done" in read(old)) == (409, True)
        more = await http.get(f"/console/orders/{name}/claim", params=asked | {"quantity.1": "2"})
        assert "It would be refused: line 1: 2 claimed, 1 shipped and not paid back already" in read(more)
        again = await http.get(f"/console/orders/{name}/claim", params=asked | {"resolution": "replacement"})
        assert "A new order sends 1 unit again" in read(again)
        assert f"{name}-c1" in read(await http.get("/console/returns"))


async def test_on_a_phone_a_store_scans_a_transfer_with_the_enter_key_and_counts_items(
    page: Page, house: House
) -> None:
    await on_its_way(house, "C5", 2)
    key = (await house.key("node", "nwk"))["Authorization"].removeprefix("Bearer ")
    async with operating(page, house, key) as store:
        await page.set_viewport_size(PHONE)
        await store.link("Transfers")
        await store.click(page.get_by_role("link", name="C5"))
        await store.fits()
        scanner = page.get_by_label("Barcode or SKU")
        await scanner.fill(BARCODE)
        await scanner.press("Enter")
        units = page.get_by_label("SERUM-30")
        await expect(units).to_have_value("1", timeout=WITHIN_MS)
        await expect(scanner).to_be_focused()
        await page.keyboard.type(BARCODE)
        await page.keyboard.press("Enter")
        await expect(units).to_have_value("2", timeout=WITHIN_MS)
        await store.button("Received these")
        await store.sees("2 units are booked as received")
        await store.link("Count")
        await page.get_by_label("Barcode or SKU").fill(BARCODE)
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("SERUM-30")).to_have_value("1", timeout=WITHIN_MS)
        await store.button("Compare")
        await store.sees("1 unit instead of 2 (-1)")
        await store.fits()
        await store.button("Book the count")
        await store.sees("1 item is booked as counted")
        assert await store.findings() == []
    assert (await house.available(SKU))["nwk"] == 1
