"""A store's page: the people there see what they owe, accept, pick, ship and hand over, and see nothing else."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from httpx2 import AsyncClient, Response

from database.connect import Database
from tests.console_pages import browsing, hidden, read, sign_in
from tests.house import House
from tests.journeys.test_console import SCRIPT, statements
from tests.sql_statements import round_trips_of_this_task, watched


@asynccontextmanager
async def at_the_store(house: House, node: str = "slc") -> AsyncIterator[AsyncClient]:
    """Somebody with the phone of a store."""
    key = (await house.key("node", node))["Authorization"].removeprefix("Bearer ")
    async with browsing(house, client="10.0.9.1") as http:
        answer = await sign_in(http, key)
        assert (answer.status_code, answer.url.path) == (200, "/console/store"), answer.text
        yield http


async def touch(http: AsyncClient, page: Response, act: str, **filled: str) -> Response:
    """Touch a button of the page of some work."""
    path = f"{page.url.path}/{act}"
    form = hidden(page, f"{page.url.path}/pick" if act == "short" else path)
    return await http.post(path, data=form | filled)


async def work_of(house: House, quantity: int, **more: str) -> str:
    """Work of the store in Salt Lake City."""
    name = await house.place(("SERUM-30", quantity), **more)
    return str((await house.work(name))["fulfillment_order"])


async def test_a_store_sees_what_is_due_accepts_it_picks_it_and_ships_it_with_a_tracking_number(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    work = await work_of(house, 2, reference="#2001")
    async with at_the_store(house) as http:
        said = read(await http.get("/console/store"))
        for words in ("1 to do", "#2001", "2 × ", "accept it, then pick 2 units"):
            assert words in said, words
        page = await http.get(f"/console/store/{work}")
        page = await touch(http, page, "accept")
        assert "Done: accepted." in read(page)
        page = await touch(http, page, "pick", **{"found.1": "1"})
        assert ("1 picked" in read(page), "pick 1 unit" in read(page)) == (True, True)
        page = await touch(http, page, "pick", **{"found.1": "1"})
        page = await touch(http, page, "ship", carrier="ups", tracking="1Z999AA10123456784")
        assert f"{work} is shipped." in read(page)
        assert "Nothing is to be done." in read(page)
    document = await house.order(work.rpartition("-")[0])
    (shipped,) = document["fulfillment_orders"]
    assert (shipped["status"], shipped["packages"][0]["tracking"]) == ("shipped", "1Z999AA10123456784")
    assert document["exceptions"] == []
    items = (await house.http.get(f"/orders/{document['order']}/timeline")).json()["items"]
    messages = [(item["what"], item["actor"]) for item in items if item["what"].startswith("message.")]
    kinds = ("accepted", "picked", "picked", "shipped")
    assert messages == [(f"message.{kind}", "node:slc") for kind in kinds]


async def test_what_a_store_cannot_find_comes_from_another_node(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    await house.stock("nwk", SERUM_30=9)
    works = [await work_of(house, 3, from_node="slc") for _ in range(2)]
    async with at_the_store(house) as http:
        page = await http.get(f"/console/store/{works[0]}")
        for wrong, said in (
            ("4", "only 3 are still to be found"),
            ("-1", "must be a whole number from 0 to 999999999"),
            ("", "nothing is"),
        ):
            refused = await touch(http, page, "pick", **{"found.1": wrong})
            assert (refused.status_code, said in read(refused)) == (422, True), read(refused)
        page = await touch(http, page, "short", **{"found.1": "2"}, reason="the box was empty")
        assert "2 picked" in read(page)
        none_is_here = await touch(http, await http.get(f"/console/store/{works[1]}"), "short", **{"found.1": "0"})
        assert "what is not there comes from somewhere else" in read(none_is_here)
    for work, short in zip(works, (1, 3), strict=True):
        found = (await house.http.get(f"/fulfillment-orders/{work}")).json()
        assert found["lines"][0]["short"] == short


async def test_a_store_makes_an_order_ready_and_hands_it_over_and_rejects_one_that_it_cannot_do(house: House) -> None:
    await house.stock("chi", SERUM_30=9)
    collected, rejected = [await work_of(house, 1, pickup_node="chi") for _ in range(2)]
    async with at_the_store(house, "chi") as http:
        page = await http.get(f"/console/store/{collected}")
        page = await touch(http, page, "ready")
        assert "it lies ready: hand it over" in read(page)
        assert "handed over to the customer" in read(await touch(http, page, "collected"))
        page = await http.get(f"/console/store/{rejected}")
        assert "rejected: somebody else ships it" in read(await touch(http, page, "reject", reason="damaged"))
    ended = [(await house.http.get(f"/fulfillment-orders/{work}")).json() for work in (collected, rejected)]
    assert [(work["status"], work["reason"]) for work in ended] == [("delivered", None), ("cancelled", "damaged")]


async def test_a_store_answers_whether_it_can_still_stop_what_the_customer_has_cancelled(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    works = [await work_of(house, 1) for _ in range(2)]
    for work in works:
        await house.tell(work, "accepted")
        assert (await house.ask(work.rpartition("-")[0], "cancel")).status_code == 200
    async with at_the_store(house) as http:
        assert read(await http.get("/console/store")).count("wants to stop 1 unit") == 2
        page = await http.get(f"/console/store/{works[0]}")
        assert f"{works[0]} is stopped." in read(await touch(http, page, "stop"))
        page = await touch(http, await http.get(f"/console/store/{works[1]}"), "keep", reason="it is on the van")
        assert "pick 1 unit" in read(page)
    states = [(await house.http.get(f"/fulfillment-orders/{work}")).json()["request"] for work in works]
    assert states == ["cancel_accepted", "cancel_rejected"]


async def test_a_button_of_a_page_that_is_not_true_any_more_does_nothing_and_says_how_it_stands_now(
    house: House,
) -> None:
    await house.stock("slc", SERUM_30=9)
    work = await work_of(house, 1)
    async with at_the_store(house) as http:
        page = await http.get(f"/console/store/{work}")
        await house.tell(work, "picked")
        before = await house.facts()
        for act in ("accept", "short", "ship", "burn"):
            stale = (
                await touch(http, page, act)
                if act != "burn"
                else await http.post(f"{page.url.path}/{act}", data=hidden(page, f"{page.url.path}/ship"))
            )
            wanted = (404, "there is no such page") if act == "burn" else (409, "nothing was done. Now: all is picked")
            assert (stale.status_code, wanted[1] in stale.text) == (wanted[0], True), stale.text
        assert await house.facts() == before
        page = await http.get(f"/console/store/{work}")
        shipped = await touch(http, page, "ship")
        again = await touch(http, page, "ship")
        assert ("is shipped" in read(shipped), again.status_code) == (True, 409)
    assert (await house.order(work.rpartition("-")[0]))["exceptions"] == []


async def test_the_key_of_a_node_opens_its_own_page_and_nothing_else(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    await house.stock("nwk", TONER_200=9)
    to = {"name": SCRIPT, "street": [SCRIPT], "city": SCRIPT, "phone": SCRIPT, "postal_code": "80202", "country": "US"}
    line = {"line": "1", "sku": "SERUM-30", "quantity": 1, "unit_price": 1000, "name": SCRIPT, "gift_message": SCRIPT}
    own = await house.place(("SERUM-30", 1), reference=SCRIPT, ship_to=to, lines=[line])
    other = await house.place(("TONER-200", 1))
    own_work, others_work = [(await house.work(name))["fulfillment_order"] for name in (own, other)]
    async with at_the_store(house) as http:
        page = await http.get(f"/console/store/{own_work}")
        for text, times in ((page.text, 7), ((await http.get("/console/store")).text, 2)):
            assert "<script>alert" not in text
            assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= times
        for path in ("exceptions", "orders", f"orders/{own}", "nodes", "nodes/slc/pause", "stock", "connections"):
            answer = await http.get(f"/console/{path}")
            assert (answer.status_code, "this page is for operators" in answer.text) == (403, True), path
        for path in (f"store/{others_work}", "store/web-0-f1"):
            assert (await http.get(f"/console/{path}")).status_code == 404
        before = await house.facts()
        form = hidden(page, f"/console/store/{own_work}/accept")
        for path in (f"store/{others_work}/accept", f"orders/{own}/cancel", "nodes/slc/pause", "exceptions/act"):
            assert (await http.post(f"/console/{path}", data=form)).status_code in (403, 404), path
        other_form = await http.post(f"/console/store/{own_work}/accept", data=form | {"form_token": "x"})
        assert other_form.status_code == 403
        assert await house.facts() == before
        assert (await http.get("/console")).url.path == "/console/store"


@pytest.fixture
def watching(database: Database) -> Iterator[None]:
    """Counts what every connection of the house sends: it is asked for before the house, which opens them."""
    with watched(database):
        yield


async def test_a_stores_page_is_read_with_at_most_eight_statements(watching: None, house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    work = await work_of(house, 1)
    async with at_the_store(house) as http:
        for path in ("store", f"store/{work}", "store/transfers", "store/count"):
            await http.get(f"/console/{path}")
            with round_trips_of_this_task() as trips:
                assert (await http.get(f"/console/{path}")).status_code == 200
            assert len(statements(trips)) <= 8, (path, statements(trips))
