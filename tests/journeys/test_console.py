"""The console: an operator finds what is stuck, understands why, and acts, by what stands on the pages."""

import asyncio
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from console.live import Changes
from database import personal
from database.connect import Database
from tests.console_pages import browsing, hidden, read, send, sign_in, signed_in
from tests.house import House
from tests.sql_statements import RoundTrips, round_trips_of_this_task, watched

SCRIPT = '"><script>alert(1)</script>'
STATEMENTS_MAX = 8


async def silent(house: House) -> tuple[str, str]:
    """An order whose node does not answer, so that it needs a person: the order and its exception."""
    await house.stock("atl", PERFUME_50=5)
    name = await house.place(("PERFUME-50", 2), reference="#1005")
    await house.work(name)
    await house.wait_out(name)
    document = await house.until(name, lambda found: bool(found["exceptions"]))
    return name, document["exceptions"][0]["exception"]


async def surplus(house: House) -> tuple[str, str]:
    """An order of which its node has shipped too much: the order and its exception."""
    await house.stock("slc", SERUM_30=9)
    name = await house.place(("SERUM-30", 1))
    await house.tell((await house.work(name))["fulfillment_order"], "shipped", {"1": 3})
    document = await house.until(name, lambda found: bool(found["exceptions"]))
    return name, document["exceptions"][0]["exception"]


async def test_an_operator_finds_the_stuck_order_understands_it_and_takes_the_work_from_its_node(house: House) -> None:
    name, trouble = await silent(house)
    async with signed_in(house) as http:
        home = await http.get("/console/exceptions")
        said = read(home)
        for words in ("1 node silent", "1 atl", "1 operations", "Call the node", "#1005", "20.00 USD, standard"):
            assert words in said
        assert f'href="/console/orders/{name}"' in home.text

        assert "1 open 1 without an answer" in read(await http.get("/console/nodes"))

        order = await http.get(f"/console/orders/{name}")
        said = read(order)
        for words in ("node silent", "2 allocated", "Atlanta perfumer", "atl ships 2 of PERFUME-50", "opened"):
            assert words in said
        assert f"http://127.0.0.1:8233/namespaces/default/workflows/order-{name}" in order.text

        assert order.text.count(f'href="/console/orders/{name}/reroute?fulfillment_order={name}-f1"') == 2
        page = await http.get("/console/exceptions/act", params={"act": "reroute", "exception": trouble})
        done = await send(http, page, reason="nobody picks up the phone")
        assert f"Done: 1. {trouble}: {name}-f1 is rerouted (withdrawn)" in read(done)
        document = await house.until(name, lambda found: found["fulfillment_orders"][0]["status"] == "cancelled")
        assert document["exceptions"] == [] or document["exceptions"][0]["exception"] != trouble
        said = read(await http.get(f"/console/orders/{name}"))
        assert "nobody picks up the phone" in said
        assert "operator:operator" in said


async def test_many_exceptions_are_assigned_and_resolved_at_once_and_what_is_refused_is_named(house: House) -> None:
    (one, first), (other, second) = await surplus(house), await surplus(house)
    async with signed_in(house) as http:
        asked = {"act": "assign", "exception": [first, second]}
        page = await http.get("/console/exceptions/act", params=asked)
        assert (one in read(page), other in read(page)) == (True, True)
        refused = await send(http, page, owner="Night Shift")
        assert (refused.status_code, "`owner`: must match" in read(refused)) == (422, True)
        done = await send(http, page, owner="night", reason="they know the customer")
        assert "Done: 2." in read(done)
        listed = (await house.http.get("/exceptions", params={"owner": "night"})).json()["items"]
        assert {row["exception"]: row["assigned_by"] for row in listed} == dict.fromkeys(
            (first, second), "operator:operator"
        )
        assert "they know the customer" in read(await http.get("/console/exceptions?owner=night"))
        assert read(await http.get("/console/exceptions?owner=operations")).count("surplus") == 1, "the tile alone"

        page = await http.get("/console/exceptions/act", params=asked | {"act": "resolve"})
        assert (await house.ask(one, "resolve", exception=first)).status_code == 200
        said = read(await send(http, page, reason="sent back"))
        assert f"Done: 1. {second}: resolved" in said
        assert f"Not done: 1. {first}: it was resolved meanwhile; nothing was done" in said
        again = read(await send(http, page, reason="sent back"))
        assert "Not done: 2." in again
    assert (await house.order(other))["exceptions"] == []


async def test_an_operator_enters_what_a_node_says_on_the_phone_and_it_is_one_message(house: House) -> None:
    name, trouble = await silent(house)
    async with signed_in(house) as http:
        page = await http.get("/console/exceptions/act", params={"act": "tell", "exception": trouble})
        for _ in range(2):
            data = hidden(page, page.url.path) | {"kind": "accepted", "reason": "they were at lunch"}
            assert "Done: 1." in read(await http.post(page.url.path, data=data)) or trouble not in await open_ones(
                house
            )
    document = await house.until(name, lambda found: found["fulfillment_orders"][0]["request"] == "accepted")
    assert document["fulfillment_orders"][0]["reason"] == "they were at lunch"
    items = (await house.http.get(f"/orders/{name}/timeline")).json()["items"]
    assert [item["what"] for item in items].count("message.accepted") == 1


async def open_ones(house: House) -> list[str]:
    """The open exceptions."""
    return [row["exception"] for row in (await house.http.get("/exceptions")).json()["items"]]


async def test_every_act_on_an_order_says_first_what_it_would_do_and_then_does_it_once(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    await house.stock("nwk", SERUM_30=5)
    name = await house.place(("SERUM-30", 2), ("SERUM-30", 1))
    await house.work(name)
    await house.settle(name)
    async with signed_in(house) as http:
        path = f"/console/orders/{name}"
        before = await house.facts()
        page = await http.get(f"{path}/hold?hold=fraud")
        assert "Not released to a node yet: 0 units" in read(page)
        assert "With a node already: 3 units. A hold does not stop them." in read(page)
        cancel = await http.get(f"{path}/cancel", params={"quantity.1": "1"})
        assert "1 unit of line 1 would be cancelled" in read(cancel)
        assert "The customer would pay 10.00 USD less." in read(cancel)
        reroute = await http.get(f"{path}/reroute", params={"fulfillment_order": f"{name}-f1", "to_node": "nwk"})
        assert "slc has not accepted it: it is taken back at once" in read(reroute)
        impossible = await http.get(f"{path}/reroute", params={"fulfillment_order": f"{name}-f1", "to_node": "lax"})
        assert "It would be refused: lax cannot fill it" in read(impossible)
        assert f'<form method="post" action="{path}/reroute"' not in impossible.text
        assert await house.facts() == before, "a preview stores nothing"

        done = await send(http, page, reason="looks odd")
        assert (done.url.path, "on hold: fraud" in read(done), "looks odd" in read(done)) == (path, True, True)
        await house.settle(name)
        release = await http.get(f"{path}/release?hold=fraud")
        assert "was placed by operator:operator, because: looks odd" in read(release)
        assert "on hold: fraud" not in read(await send(http, release))
        await house.settle(name)
        cancel = await http.get(f"{path}/cancel", params={"quantity.1": "1"})
        assert "1 cancelled" in read(await send(http, cancel, reason="the customer called"))
        work = (await house.settle(name))["fulfillment_orders"][-1]["fulfillment_order"]
        reroute = await http.get(f"{path}/reroute", params={"fulfillment_order": work, "to_node": "nwk"})
        assert "at nwk" in read(await send(http, reroute))
    items = (await house.http.get(f"/orders/{name}/timeline")).json()["items"]
    what = [item["what"] for item in items]
    assert [what.count(one) for one in ("hold.placed", "hold.released", "request.cancel", "request.reroute")] == [1] * 4
    assert {item["actor"] for item in items if item["what"].startswith("request.")} == {"operator:operator"}


async def test_an_act_on_an_order_that_has_changed_meanwhile_does_nothing_and_says_what_has_changed(
    house: House,
) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 2))
    work = (await house.work(name))["fulfillment_order"]
    await house.settle(name)
    async with signed_in(house) as http:
        page = await http.get(f"/console/orders/{name}/cancel")
        await house.tell(work, "accepted")
        await house.settle(name)
        before = await house.facts()
        stale = await send(http, page)
        assert stale.status_code == 409
        assert "The order has changed since you saw it, and nothing was done" in read(stale)
        assert "What happened: message accepted (message m-" in read(stale)
        assert "2 units of line 1 would be pending: the node was asked to cancel" in read(stale)
        assert await house.facts() == before
        assert (await send(http, stale)).url.path == f"/console/orders/{name}"
    assert (await house.work(name))["request"] == "cancel_requested"


async def test_what_outsiders_wrote_is_shown_as_text_on_every_page(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    to = {"name": SCRIPT, "street": [SCRIPT], "city": SCRIPT, "phone": SCRIPT, "postal_code": "80202", "country": "US"}
    line = {"line": "1", "sku": "SERUM-30", "quantity": 1, "unit_price": 1000, "name": SCRIPT, "gift_message": SCRIPT}
    more = {"reference": SCRIPT, "purchase_order": SCRIPT, "note": SCRIPT, "tags": [SCRIPT], "lines": [line]}
    name = await house.place(("SERUM-30", 1), ship_to=to, **more)
    work = (await house.work(name))["fulfillment_order"]
    package = {"package": "p1", "carrier": SCRIPT, "tracking": SCRIPT}
    await house.tell(work, "shipped", {"1": 3}, packages=[package], reason=SCRIPT)
    await house.ask(name, "hold", hold="fraud", reason=SCRIPT)
    document = await house.until(name, lambda found: bool(found["exceptions"]))
    trouble = document["exceptions"][0]["exception"]
    await house.http.post(f"/exceptions/{trouble}/assign", json={"owner": "night", "reason": SCRIPT})
    await house.http.post("/nodes/chi/pause", json={"reason": SCRIPT})
    message = {"message_id": "c-1", "node": "chi", "kind": "counted", "occurred_at": "2026-11-22T09:00:00Z"}
    counted = message | {"reason": SCRIPT, "lines": [{"sku": "SERUM-30", "quantity": 1}]}
    assert (await house.http.post("/stock/messages", json=counted)).status_code == 202
    async with signed_in(house) as http:
        pages = {
            f"orders/{name}": 10,
            f"orders/{name}/release?hold=fraud": 1,
            f"orders/{name}/hold?hold={SCRIPT}": 1,
            "exceptions": 1,
            "exceptions?owner=x&node=" + SCRIPT: 1,
            f"exceptions/act?act=tell&exception={trouble}&reason={SCRIPT}&to_node={SCRIPT}": 1,
            f"orders?reference={SCRIPT}": 2,
            "nodes": 1,
            "stock/SERUM-30": 1,
            f"stock?sku={SCRIPT}": 1,
            f"stock/{quote(SCRIPT, safe='')}": 1,
        }
        for path, times in pages.items():
            answer = await http.get(f"/console/{path}")
            assert "<script>alert" not in answer.text, path
            assert answer.text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= times, path


async def test_a_person_is_found_by_name_and_nothing_personal_stands_in_an_address(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 1), ship_to={"name": "Rosa Delgado", "postal_code": "80202", "country": "US"})
    async with signed_in(house) as http:
        form = {"form_token": hidden(await http.get("/console/orders"), "/console/orders")["form_token"]}
        found = await http.post("/console/orders", data=form | {"trait": "name", "person": "rosa delgado"})
        assert (str(found.url), name in read(found)) == ("http://switchyard/console/orders", True)
        nobody = await http.post("/console/orders", data=form | {"trait": "email", "person": "nobody@example.com"})
        assert "No order is like that." in read(nobody)
        for wrong in ({"trait": "person", "person": "x"}, {"trait": "name", "person": ""}):
            assert (await http.post("/console/orders", data=form | wrong)).status_code == 422
        assert (await http.get("/console/orders", params={"order": name.upper()})).url.path == f"/console/orders/{name}"
        assert name in read(await http.get("/console/orders", params={"sku": "SERUM-30", "status": "in_fulfillment"}))
        exported = await http.get("/console/orders.csv", params={"sku": "SERUM-30"})
        assert [row.partition(",")[0] for row in exported.text.splitlines()] == ["order", name]
        assert exported.headers["content-disposition"].startswith('attachment; filename="orders-')
        assert "Delgado" not in exported.text


async def test_a_node_is_paused_and_resumed_and_stock_shows_who_waits(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await house.work(name)
    waits = await house.place(("SERUM-30", 2))
    await house.until(waits, "backordered")
    async with signed_in(house) as http:
        assert "1 open" in read(await http.get("/console/nodes"))
        page = await http.get("/console/nodes/slc/pause")
        assert "It owes 1 fulfillment order now" in read(page)
        done = await send(http, page, open_work="keep", reason="a burst pipe")
        assert "paused now by operator:operator; its open work stays a burst pipe" in read(done)
        await send(http, await http.get("/console/nodes/slc/resume"))
        again = await send(http, await http.get("/console/nodes/slc/resume"))
        assert (again.status_code, "is not paused" in read(again)) == (409, True)
        assert (await http.get("/console/stock", params={"sku": "SERUM-30"})).url.path == "/console/stock/SERUM-30"
        said = read(await http.get("/console/stock/SERUM-30"))
        for words in ("2 units backordered", f"Who waits {waits} : 2 units of line 1", "received +1", "Night Cream"):
            assert (words in said) == (words != "Night Cream"), words
        assert "NIGHT-CREAM-50" in read(await http.get("/console/stock", params={"sku": "night cream"}))
        assert "No channel is connected" in read(await http.get("/console/connections"))


async def test_the_plan_of_an_order_leads_to_what_would_have_been_enough_for_another_node_to_ship(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    await house.stock("nwk", SERUM_30=1)
    name = await house.place(("SERUM-30", 2), postal_code="10001")
    await house.work(name)
    async with signed_in(house) as http:
        order = await http.get(f"/console/orders/{name}")
        (link,) = re.findall(r'href="([^"]*/why-not/nwk[^"]*)"', order.text)
        said = read(await http.get(link))
        for words in (
            "Why not nwk?",
            "slc ships 2 SERUM-30, cost",
            "nwk does not ship:",
            "1 more SERUM-30 on hand at nwk",
        ):
            assert words in said, (words, said)
        assert "slc ships. Without it: nwk ships 1 SERUM-30" in read(await http.get(link.replace("nwk", "slc")))


async def test_the_file_of_orders_has_each_order_once_also_when_it_is_read_in_pages(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [await house.place(("SERUM-30", 1)) for _ in range(5)]
    async with signed_in(house) as http:
        for rows, most, found in ((2, 10, 5), (5, 10, 5), (2, 4, 4)):
            monkeypatch.setattr("console.order_export.ROWS", rows)
            monkeypatch.setattr("console.order_export.ROWS_MAX", most)
            exported = await http.get("/console/orders.csv")
            header, *lines = exported.text.splitlines()
            assert header.startswith(
                "order,channel,number,reference,status,needs_attention,placed_at,service,value,cur"
            )
            assert [line.partition(",")[0] for line in lines] == names[::-1][:found]
        assert (await http.get("/console/orders.csv?status=lost")).status_code == 422


WRONG = {
    "orders/web-no/why-not/slc": (404, "web-no"),
    "orders/web-no/why-not/slc?round=0": (422, "`round`: must be the number of a round"),
    "orders/web-no": (404, "there is no order web-no"),
    "orders/web-no/cancel": (404, "there is no order web-no"),
    "orders/web-no/burn": (404, "there is no such page"),
    "exceptions/web-x0": (404, "there is no exception web-x0"),
    "exceptions?code=none": (422, "`code`: no exception has this code"),
    "exceptions?older_than=soon": (422, "`older_than`: must be one of 1h, 4h, 1d, 7d"),
    "exceptions/act?act=burn": (422, "`act`: must be one of"),
    "exceptions/act?act=resolve": (422, "choose an exception first"),
    "orders?status=lost": (422, "no order has this status"),
    "nodes/no/pause": (404, "there is no node no"),
    "nodes/slc/burn": (404, "there is no such page"),
    "stock/NO-SUCH": (404, "there is no item NO-SUCH"),
    "no-such-page": (404, "Not Found"),
    "logout": (405, "Method Not Allowed"),
    "orders/web%00": (404, "NUL"),
}


async def test_a_page_that_does_not_exist_says_so_in_words(house: House) -> None:
    async with signed_in(house) as http:
        for path, (status, said) in WRONG.items():
            answer = await http.get(f"/console/{path}")
            assert (answer.status_code, said in answer.text.replace("&#34;", '"')) == (status, True), (
                path,
                answer.text,
            )


@pytest.fixture
def watching(database: Database) -> Iterator[None]:
    """Counts what every connection of the house sends: it is asked for before the house, which opens them."""
    with watched(database):
        yield


async def test_every_page_is_read_with_at_most_eight_statements(watching: None, house: House) -> None:
    name, trouble = await silent(house)
    await surplus(house)
    async with house.service.database.read() as connection:
        await personal.common_key(connection)
    async with signed_in(house) as http:
        await http.get("/console/exceptions")
        for path in (
            "exceptions",
            f"exceptions/act?act=resolve&exception={trouble}",
            "orders",
            f"orders/{name}",
            "nodes",
            "stock/PERFUME-50",
            "connections",
            "waiting",
            "returns",
            "transfers",
            "needs",
            "needs/take",
            "stock/PERFUME-50/supply",
            "policy/shadow",
            "counts/atl?sku=PERFUME-50",
            "filters",
        ):
            with round_trips_of_this_task() as trips:
                assert (await http.get(f"/console/{path}")).status_code == 200
            assert len(statements(trips)) <= STATEMENTS_MAX, (path, statements(trips))


def statements(trips: RoundTrips) -> list[str]:
    """Without what begins and ends transactions."""
    return [sent for sent in trips.sent if not re.match(r"BEGIN|COMMIT|ROLLBACK", sent)]


async def test_an_open_page_hears_of_each_change_and_of_none_twice_and_ends_with_the_process(house: House) -> None:
    is_over = False
    changes = Changes(house.service.database, lambda: is_over)
    seen = await changes.fingerprint("")
    stream = changes.stream("", seen)
    assert (await anext(stream)).startswith("retry:")
    _, trouble = await surplus(house)
    first = await asyncio.wait_for(anext(stream), 60)
    assert first.startswith("event: changed")
    await house.http.post(f"/exceptions/{trouble}/assign", json={"owner": "night"})
    second = await asyncio.wait_for(anext(stream), 60)
    assert second != first
    is_over = True
    assert [event async for event in stream] == []
    again = changes.stream("", re.findall(r"id: (\w+)", first)[0])
    is_over = False
    assert [await anext(again), await asyncio.wait_for(anext(again), 60)][1] == second, (
        "what was missed is said at once"
    )


async def test_a_session_of_its_own_key_sees_its_own_name_in_the_timeline(house: House) -> None:
    made = (await house.http.post("/keys", json={"kind": "operator", "name": "rosa"})).json()
    name = await house.place(("SERUM-30", 1))
    async with browsing(house) as http:
        await sign_in(http, made["key"])
        page = await http.get(f"/console/orders/{name}/hold?hold=fraud")
        assert "operator:rosa" in read(await send(http, page))
