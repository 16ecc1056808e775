"""Filters of pages that people keep: for themselves or for all, by name, with a link that can be sent."""

import re

from httpx2 import AsyncClient, Response
from playwright.async_api import Page

from tests.console_browser import operating
from tests.console_pages import browsing, hidden, read, sign_in, signed_in
from tests.house import House
from tests.journeys.test_console import SCRIPT, surplus


async def save(http: AsyncClient, page: Response, name: str, *, shared: bool = False) -> Response:
    """Save what a page is filtered by."""
    data = hidden(page, "/console/filters") | {"name": name} | ({"shared": "yes"} if shared else {})
    return await http.post("/console/filters", data=data)


async def remove(http: AsyncClient, page: Response, filter_id: str) -> Response:
    """Remove a filter, with the token of any page."""
    form = {"form_token": hidden(page, "/console/logout")["form_token"]}
    return await http.post(f"/console/filters/{filter_id}/remove", data=form)


async def ids(http: AsyncClient) -> dict[str, str]:
    """The ids of the filters that somebody sees, by name."""

    page = await http.get("/console/filters")
    return {name: found for found, name in re.findall(r'href="/console/filters/([0-9a-f]+)">([^<]*)<', page.text)}


async def operator(house: House, http: AsyncClient, name: str, role: str) -> None:
    """Sign in as another operator."""
    made = await house.http.post("/keys", json={"kind": "operator", "name": name, "role": role})
    assert (await sign_in(http, made.json()["key"])).status_code == 200


async def test_a_filter_is_saved_for_oneself_or_for_all_and_its_link_finds_what_it_found(house: House) -> None:
    name, _ = await surplus(house)
    other = await house.place(("NIGHT-CREAM-50", 1), channel="shop")
    async with signed_in(house) as http, browsing(house, client="10.0.9.3") as others:
        await operator(house, others, "bea", "see")
        page = await http.get("/console/orders", params={"channel": "shop"})
        saved = await save(http, page, "of the shop")
        assert (other in read(saved), name in read(saved), "of the shop" in read(saved)) == (True, False, True)
        assert "Save this filter" not in read(saved), "it is saved"
        page = await http.get("/console/exceptions", params={"code": "surplus"})
        assert "all the surplus shared" in read(await save(http, page, "all the surplus", shared=True))
        assert "of the shop" not in read(await others.get("/console/orders"))
        assert "all the surplus" in read(await others.get("/console/exceptions"))
        known = await ids(http)
        assert known.keys() == {"of the shop", "all the surplus"}
        sent = await others.get(f"/console/filters/{known['of the shop']}")
        assert (sent.url.path, other in read(sent), name in read(sent)) == ("/console/orders", True, False)


async def test_a_filter_takes_another_query_under_its_name_and_only_its_owner_or_an_admin_removes_it(
    house: House,
) -> None:
    async with signed_in(house) as http, browsing(house, client="10.0.9.4") as others:
        await operator(house, others, "ben", "act")
        await save(http, await http.get("/console/orders", params={"status": "on_hold"}), "mine")
        first = (await ids(http))["mine"]
        await save(http, await http.get("/console/orders", params={"status": "backordered"}), "mine")
        assert (await ids(http))["mine"] == first, "the link is the same"
        assert "status: backordered" in read(await http.get("/console/filters"))
        page = await others.get("/console/orders", params={"node": "slc"})
        await save(others, page, "at slc", shared=True)
        page = await http.get("/console/orders", params={"node": "nwk"})
        assert "node: nwk" not in read(await http.get("/console/filters"))
        shared = (await ids(others))["at slc"]
        refused = await remove(others, page := await others.get("/console/filters"), first)
        assert (refused.status_code, "it is of operator:operator" in read(refused)) == (409, True)
        gone = await remove(http, await http.get("/console/filters"), shared)
        assert "The filter is removed" in read(gone), "an admin removes what is shared"
        again = await remove(others, page, shared)
        assert again.status_code == 200
        missing = await others.get(f"/console/filters/{shared}")
        assert (missing.status_code, "this filter was removed" in missing.text) == (404, True)


async def test_what_names_one_order_or_is_no_filter_is_not_kept_and_a_name_is_shown_as_text(house: House) -> None:
    async with signed_in(house) as http, browsing(house, client="10.0.9.5") as others:
        await operator(house, others, "cem", "see")
        page = await http.get("/console/orders", params={"status": "on_hold"})
        form = hidden(page, "/console/filters") | {"name": "x"}
        for asked in (
            {"order": "web-1"},
            {"reference": "#1005"},
            {"page": "keys"},
            {"status": "lost"},
            {"name": "x" * 61},
            {"name": " "},
        ):
            assert "Save this filter" not in read(
                await http.get("/console/orders", params={"status": "on_hold"} | asked)
            ) or (asked.keys() & {"page", "name"})
            refused = await http.post("/console/filters", data=form | asked)
            assert refused.status_code == 422, asked
        token = hidden(await others.get("/console/orders", params={"status": "on_hold"}), "/console/filters")
        not_shared = await others.post("/console/filters", data=token | {"name": "x", "shared": "yes"})
        assert (not_shared.status_code, "the role act is needed" in read(not_shared)) == (409, True)
        no_token = await http.post("/console/filters", data=form | {"form_token": "x"})
        assert no_token.status_code == 403
        assert await ids(http) == {}
        await http.post("/console/filters", data=form | {"name": SCRIPT})
        for path in ("orders", "filters"):
            assert "<script>alert" not in (await http.get(f"/console/{path}")).text


async def test_an_operator_saves_a_filter_of_exceptions_and_comes_back_to_it_with_one_click(
    page: Page, house: House
) -> None:
    await surplus(house)
    async with operating(page, house) as shift:
        await shift.click(page.locator(".tile", has_text="surplus"))
        await shift.click(page.get_by_text("Save this filter"))
        await page.get_by_label("Name").fill("too much")
        await shift.button("Save")
        await shift.goes("orders")
        await shift.goes("exceptions")
        await shift.link("too much")
        await page.wait_for_url("**/console/exceptions?code=surplus")
        await shift.sees("Only surplus")
        assert await shift.findings() == []
