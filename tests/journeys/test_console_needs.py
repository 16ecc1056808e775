"""Needs on their page of the console: why a node needs units and from where, and taking them after a preview."""

import pytest
from httpx2 import Response
from playwright.async_api import Page
from sqlalchemy import text

from tests.console_browser import PHONE, operating
from tests.console_pages import browsing, read, send, sign_in, signed_in
from tests.house import House
from tests.journeys.test_needs import SKU, filling, needs

__all__ = ["filling"]


@pytest.fixture
async def needy(filling: House) -> House:
    """Chicago has 1 of 4 units, and its source many."""
    await filling.stock("chi", SERUM_30=1)
    await filling.stock("slc", SERUM_30=40)
    return filling


def token(page: Response) -> dict[str, str]:
    """The form that somebody would make up, with the token of their session."""
    return {"form_token": page.text.partition('name="form_token" value="')[2].partition('"')[0]}


async def test_a_need_says_why_and_from_where_and_is_taken_as_the_transfers_of_its_preview(needy: House) -> None:
    async with signed_in(needy) as http:
        said = read(await http.get("/console/needs"))
        for words in ("1 1 on hand", "below 4, up to 12", "11 from slc it has 40 free", "take all needs"):
            assert words in said, said
        assert "no node has any" in read(await http.get("/console/needs", params={"node": "nwk"}))
        assert "Nothing is needed there." in read(await http.get("/console/needs", params={"sku": "PERFUME-50"}))
        page = await http.get("/console/needs/take", params={"node": "chi", "sku": SKU})
        assert "slc sends 11 units to chi, standard: 11 of SERUM-30." in read(page)
        assert len(await needs(needy, node="chi")) == 1, "a preview takes nothing"

        await needy.stock("chi", SERUM_30=1)
        stale = await send(http, page)
        assert (stale.status_code, "have changed since you saw them" in read(stale)) == (409, True)
        assert "slc sends 10 units" in read(stale)
        assert (await needy.http.get("/transfers")).json()["items"] == []
        done = await send(http, stale, reason="before the weekend")
        assert ("Done: 1." in read(done), "10 units from slc to chi" in read(done)) == (True, True), read(done)
        (made,) = (await needy.http.get("/transfers")).json()["items"]
        needy.orders.append(made["order"])
        assert f"/console/transfers/{made['transfer']}" in done.text
        assert "Nothing is needed there." in read(await http.get("/console/needs", params={"node": "chi"}))
        again = await send(http, stale, reason="before the weekend")
        assert f"/console/transfers/{made['transfer']}" in again.text, "sent twice, it is done once, and shown again"
        assert len((await needy.http.get("/transfers")).json()["items"]) == 1
        assert "There is nothing to take" in read(await http.get("/console/needs/take"))
    async with needy.service.database.read() as connection:
        who = (await connection.execute(text("SELECT DISTINCT actor FROM taken_need"))).scalars().all()
    assert who == ["operator:operator"]


async def test_a_wrong_node_or_item_takes_nothing_and_who_may_only_see_takes_none(needy: House) -> None:
    async with signed_in(needy) as http:
        for wrong in ({"node": "nowhere"}, {"sku": "NO-SUCH"}):
            page = await http.get("/console/needs/take", params=wrong)
            assert ("is not a" in read(page), "Take them" in page.text) == (True, False), read(page)
            refused = await http.post("/console/needs/take", data=token(page) | wrong)
            assert (refused.status_code, "is not a" in read(refused)) == (422, True), read(refused)
    key = (await needy.http.post("/keys", json={"kind": "operator", "name": "reader", "role": "see"})).json()["key"]
    async with browsing(needy, client="10.0.9.3") as http:
        await sign_in(http, key)
        page = await http.get("/console/needs")
        assert ("11 from slc" in read(page), "/console/needs/take" in page.text) == (True, False)
        assert (await http.get("/console/needs/take")).status_code == 403
        answer = await http.post("/console/needs/take", data=token(page))
        assert (answer.status_code, "the role act is needed" in answer.text) == (403, True)
        assert (await http.post("/console/needs/take", data={"form_token": "x"})).status_code == 403
    assert len(await needs(needy, node="chi")) == 1


async def test_on_a_phone_with_the_keyboard_alone_a_need_is_taken(page: Page, needy: House) -> None:
    async with operating(page, needy) as operator:
        await page.set_viewport_size(PHONE)
        await operator.goes("needs")
        await operator.sees("11 from slc")
        await operator.fits()
        await operator.presses("take")
        await operator.sees("slc sends 11 units to chi")
        await operator.fits()
        assert await operator.findings() == []
        await operator.presses("Take them")
        await operator.sees("Done: 1.", "11 units from slc to chi")
    (made,) = (await needy.http.get("/transfers")).json()["items"]
    needy.orders.append(made["order"])


async def test_without_rules_the_page_says_so(house: House) -> None:
    async with signed_in(house) as http:
        assert "The network has no rules of replenishment." in read(await http.get("/console/needs"))
