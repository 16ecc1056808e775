"""The stories that buyers of such a system know, played over HTTP, on the network of the tutorial.

Newark (warehouse), Salt Lake City (3PL), Chicago and Los Angeles (stores) and an Atlanta vendor; the customer lives in Denver
unless a story says otherwise, and Salt Lake City is the nearest to Denver.
"""

import io
from pathlib import Path

from httpx2 import Response
from rich.console import Console

from domain.order import BUCKETS
from starter.explain import explain
from tests.house import Document, House, now
from transactions.prepare import apply_network

NETWORK = Path("network/example")
COUNTS = ("ordered", *BUCKETS, "picked", "delivered", "returned", "returnable")
"""Where the units of a line are, and what has become of them."""


def line_of(document: Document, line: str = "1") -> Document:
    """One line of an order, with the buckets that hold something."""
    found = next(known for known in document["lines"] if known["line"] == line)
    return {name: found[name] for name in COUNTS if found[name]}


def nodes_of(document: Document) -> list[tuple[str, int]]:
    """Who works on an order, in the order in which they got their work, with the attempt."""
    return [(work["node"], work["attempt"]) for work in document["fulfillment_orders"]]


def codes_of(document: Document) -> list[str]:
    """The codes of an order's open exceptions."""
    return [known["code"] for known in document["exceptions"]]


async def ask(house: House, name: str, kind: str, **body: object) -> Response:
    """Ask something of an order."""
    return await house.http.post(f"/orders/{name}/{kind}", json=body)


async def test_a_direct_order_ships_from_the_nearest_node_in_one_box(house: House) -> None:
    for node in ("nwk", "chi", "slc", "lax"):
        await house.stock(node, CLEANSER_150=5, TONER_200=5, SERUM_30=5, MOISTURIZER_50=5)
    name = await house.place(("SET-01", 2))
    work = await house.work(name)
    assert work["node"] == "slc"
    assert nodes_of(await house.order(name)) == [("slc", 1)]

    rounds = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"]

    assert [made["strategy"] for made in rounds] == ["direct"]
    assert {"nwk", "chi", "slc", "lax"} <= {node for made in rounds for node in mentioned(made)}
    assert await house.available("SERUM-30") == {"chi": 5, "lax": 4, "nwk": 5, "slc": 3}, "lax keeps one of each"


def mentioned(made: Document) -> set[str]:
    """Every node that a sourcing round speaks of."""
    return {node for node in ("nwk", "slc", "chi", "lax", "atl") if f'"{node}"' in str(made).replace("'", '"')}


async def test_a_store_that_keeps_its_last_unit_back_says_so_line_by_line(house: House) -> None:
    await house.stock("lax", SERUM_30=1, TONER_200=5)
    await house.stock("chi", SERUM_30=1, TONER_200=1)
    name = await house.place(("SERUM-30", 1), ("TONER-200", 1))
    await house.work(name)
    await house.stock("lax", SERUM_30=50)

    (made,) = (await house.http.get(f"/orders/{name}/plan")).json()["rounds"]

    lines = {node["node"]: {line["sku"]: line for line in node["lines"]} for node in made["nodes"]}
    kept = lines["lax"]["SERUM-30"]
    assert (kept["on_hand"], kept["kept_back"], kept["available"]) == (1, 1, 0), "as it was when it was decided"
    assert kept["why"] == "1 on hand, 1 kept back"
    assert (lines["chi"]["SERUM-30"]["planned"], lines["chi"]["SERUM-30"]["why"]) == (1, None)
    assert lines["nwk"]["SERUM-30"]["why"] == "0 on hand"
    printed = io.StringIO()
    assert await explain(house.database_url, name, Console(file=printed, width=150)) == 0
    assert "1 on hand, 1 kept back" in printed.getvalue()


async def test_while_one_box_is_possible_an_order_is_not_split(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    await house.stock("chi", SERUM_30=5, TONER_200=5)
    name = await house.place(("SERUM-30", 1), ("TONER-200", 1))
    await house.work(name)
    assert nodes_of(await house.order(name)) == [("chi", 1)]


async def test_what_no_node_holds_completely_is_split(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    await house.stock("nwk", SERUM_30=2)
    name = await house.place(("SERUM-30", 3))
    document = await house.until(name, lambda found: len(found["fulfillment_orders"]) == 2)
    shares = {work["node"]: work["lines"][0]["quantity"] for work in document["fulfillment_orders"]}
    assert shares == {"slc": 1, "nwk": 2}

    for work in document["fulfillment_orders"][:1]:
        await house.tell(work["fulfillment_order"], "shipped")
    await house.until(name, "partially_shipped")
    await house.tell(document["fulfillment_orders"][1]["fulfillment_order"], "delivered")
    await house.until(name, "shipped")
    await house.tell(document["fulfillment_orders"][0]["fulfillment_order"], "delivered")
    assert line_of(await house.until(name, "delivered")) == {
        "ordered": 3,
        "picked": 3,
        "shipped": 3,
        "delivered": 3,
        "returnable": 3,
    }


async def test_wholesale_ships_complete_and_from_a_warehouse_or_waits(house: House) -> None:
    await house.stock("chi", SERUM_30=100)
    await house.stock("nwk", SERUM_30=3)
    await house.stock("slc", SERUM_30=3)
    name = await house.place(("SERUM-30", 5), channel="wholesale")
    assert line_of(await house.until(name, "backordered")) == {"ordered": 5, "backordered": 5}
    assert await house.available("SERUM-30") == {"chi": 100, "nwk": 3, "slc": 3}

    await house.stock("nwk", SERUM_30=2)

    assert (await house.work(name))["node"] == "nwk"
    assert nodes_of(await house.order(name)) == [("nwk", 1)]


async def test_a_marketplace_order_that_nobody_can_bring_in_two_days_goes_to_a_person(house: House) -> None:
    await house.stock("nwk", SERUM_30=9)
    name = await house.place(("SERUM-30", 1), channel="marketplace", postal_code="90036")
    document = await house.until(name, lambda found: bool(found["exceptions"]))
    assert (document["status"], document["needs_attention"]) == ("sourcing", True)
    assert codes_of(document) == ["unfilled"]
    assert document["fulfillment_orders"] == []
    assert document["promise"] is None
    assert await house.available("SERUM-30") == {"nwk": 9}


async def test_a_marketplace_order_ships_from_a_node_that_is_fast_enough(house: House, tmp_path: Path) -> None:
    assert await apply_network(house.database_url, with_a_tireless_chicago(tmp_path)) == []
    await house.stock("chi", SERUM_30=9)
    await house.stock("nwk", SERUM_30=9)
    name = await house.place(("SERUM-30", 1), channel="marketplace", postal_code="60611", service="next_day")
    assert (await house.work(name))["node"] == "chi"


def with_a_tireless_chicago(directory: Path) -> Path:
    """The tutorial's network, but Chicago packs every day until midnight: the story is the same on each day of the year."""
    for file in NETWORK.glob("*.*"):
        changed = file.read_text().replace('holidays = "US-IL"', "").replace('cutoff = "12:00"', 'cutoff = "23:59"')
        (directory / file.name).write_text(changed)
    return directory


async def test_a_backorder_waits_until_stock_comes_and_takes_what_there_is(house: House) -> None:
    name = await house.place(("SERUM-30", 3))
    assert line_of(await house.until(name, "backordered")) == {"ordered": 3, "backordered": 3}
    assert (await house.http.get("/stock/SERUM-30")).json()["backordered"] == 3

    await house.stock("slc", SERUM_30=2)
    assert (await house.work(name))["node"] == "slc"
    assert line_of(await house.order(name)) == {"ordered": 3, "allocated": 2, "backordered": 1}
    await house.stock("nwk", SERUM_30=2)
    assert (await house.work(name, 2))["node"] == "nwk"
    assert line_of(await house.order(name)) == {"ordered": 3, "allocated": 3}
    shown = (await house.http.get("/stock/SERUM-30")).json()
    assert (shown["available"], shown["backordered"]) == (1, 0)
    names = ("node", "on_hand", "reserved", "allocated", "safety_stock", "available")
    assert [tuple(row[name] for name in names) for row in shown["nodes"]] == [
        ("nwk", 2, 0, 1, 0, 1),
        ("slc", 2, 0, 2, 0, 0),
    ]


async def test_what_a_node_cannot_find_is_written_off_there_and_comes_from_elsewhere(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    await house.stock("nwk", SERUM_30=5)
    name = await house.place(("SERUM-30", 3))
    first = (await house.work(name))["fulfillment_order"]
    await house.tell(first, "picked", {"1": 1}, final=True, reason="no more were there")
    second = await house.work(name, 2)

    assert nodes_of(await house.order(name)) == [("slc", 1), ("nwk", 2)]
    assert second["lines"] == [second["lines"][0] | {"quantity": 2, "picked": 0, "shipped": 0, "short": 0}]
    assert await house.available("SERUM-30") == {"slc": 2, "nwk": 3}, "two are gone from slc, wherever they are"
    shown = (await house.order(name))["fulfillment_orders"][0]
    assert (shown["lines"][0]["short"], shown["reason"]) == (2, "no more were there")

    for work in (first, second["fulfillment_order"]):
        await house.tell(work, "shipped")
    assert line_of(await house.until(name, "shipped"))["shipped"] == 3


async def test_what_a_node_rejects_is_free_there_and_goes_to_another(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    await house.stock("nwk", SERUM_30=5)
    name = await house.place(("SERUM-30", 3))
    await house.tell((await house.work(name))["fulfillment_order"], "rejected", reason="no hands today")
    await house.work(name, 2)
    document = await house.order(name)
    assert nodes_of(document) == [("slc", 1), ("nwk", 2)]
    assert document["fulfillment_orders"][0] == document["fulfillment_orders"][0] | {
        "request": "rejected",
        "status": "cancelled",
        "reason": "no hands today",
    }
    assert await house.available("SERUM-30") == {"slc": 5, "nwk": 2}


async def test_what_is_cancelled_before_a_node_accepts_gives_all_its_stock_back(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 3))
    await house.work(name)
    answer = await ask(house, name, "cancel", reason="changed their mind", actor="Ada")
    assert answer.status_code == 200
    assert [(units["line"], units["quantity"]) for units in answer.json()["cancelled"]] == [("1", 3)]
    assert (answer.json()["pending"], answer.json()["refused"]) == ([], [])
    assert line_of(await house.order(name)) == {"ordered": 3, "cancelled": 3}
    assert (await house.order(name))["status"] == "cancelled"
    assert await house.available("SERUM-30") == {"slc": 5}


async def test_a_cancel_of_accepted_work_is_pending_until_its_node_consents(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 3))
    work = (await house.work(name))["fulfillment_order"]
    await house.tell(work, "accepted")
    answer = await ask(house, name, "cancel", lines=[{"line": "1", "quantity": 3}])
    assert (answer.status_code, answer.json()["pending"][0]["quantity"]) == (200, 3)
    assert line_of(await house.order(name)) == {"ordered": 3, "allocated": 3}
    again = await ask(house, name, "cancel", lines=[{"line": "1", "quantity": 3}])
    assert again.status_code == 409, "pending units are never counted twice"
    assert again.json()["refused"][0]["quantity"] == 3

    await house.tell(work, "cancel_accepted")

    assert line_of(await house.until(name, "cancelled")) == {"ordered": 3, "cancelled": 3}
    assert await house.available("SERUM-30") == {"slc": 5}


async def test_a_node_that_refuses_to_cancel_ships(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 3))
    work = (await house.work(name))["fulfillment_order"]
    await house.tell(work, "accepted")
    assert (await ask(house, name, "cancel")).json()["pending"][0]["quantity"] == 3
    await house.tell(work, "cancel_rejected", reason="it is on the truck")
    await house.tell(work, "shipped")
    document = await house.until(name, "shipped")
    assert line_of(document) == {"ordered": 3, "shipped": 3, "picked": 3}
    assert document["fulfillment_orders"][0]["request"] == "cancel_rejected"
    refused = await ask(house, name, "cancel")
    assert refused.status_code == 409
    assert codes_of(document) == []


async def test_a_held_order_keeps_its_units_and_is_released_when_the_last_hold_is_off(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 3), holds=[{"hold": "fraud", "reason": "odd address"}])
    assert (await ask(house, name, "hold", hold="payment", reason="card declined", actor="Ada")).status_code == 200
    document = await house.settle(name)
    assert (document["status"], document["fulfillment_orders"]) == ("on_hold", [])
    assert line_of(document) == {"ordered": 3, "reserved": 3}
    assert await house.available("SERUM-30") == {"slc": 2}
    assert [(hold["hold"], hold["reason"], hold["actor"]) for hold in document["holds"]] == [
        ("fraud", "odd address", "web"),
        ("payment", "card declined", "Ada"),
    ]

    assert (await ask(house, name, "release", hold="fraud")).status_code == 200
    assert (await house.settle(name))["fulfillment_orders"] == []
    assert (await ask(house, name, "release", hold="fraud")).status_code == 409
    assert (await ask(house, name, "release", hold="payment")).status_code == 200
    assert (await house.work(name))["node"] == "slc"

    assert (await ask(house, name, "hold", hold="late")).status_code == 200, "a hold after release stops nothing"
    document = await house.settle(name)
    assert [hold["hold"] for hold in document["holds"]] == ["late"]
    await house.fulfill(document["fulfillment_orders"][0]["fulfillment_order"])
    await house.until(name, "delivered")


async def test_a_return_is_graded_restocked_settled_and_closed(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 3))
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.until(name, "delivered")
    too_many = await ask(house, name, "returns", lines=[{"line": "1", "quantity": 4}])
    assert too_many.status_code == 409
    answer = await ask(house, name, "returns", lines=[{"line": "1", "quantity": 2, "reason": "wrong scent"}])
    assert (answer.status_code, answer.json()) == (201, {"return": f"{name}-r1"})
    assert (await ask(house, name, "returns", lines=[{"line": "1", "quantity": 2}])).status_code == 409

    statuses: list[str] = []
    for kind, more in [
        ("received", {"node": "nwk", "lines": [{"line": "1", "quantity": 2}]}),
        ("graded", {"node": "nwk", "lines": [graded("as_new", "restock")]}),
        ("graded", {"node": "nwk", "lines": [graded("damaged", "scrap")]}),
        ("settled", {}),
    ]:
        body = {"message_id": f"back-{len(statuses)}", "kind": kind, "occurred_at": now()} | more
        assert (await house.http.post(f"/returns/{name}-r1/messages", json=body)).status_code == 202
        statuses.append((await house.http.get(f"/returns/{name}-r1")).json()["status"])

    assert statuses[:3] == ["received", "graded", "disposed"]
    document = await house.until(name, lambda found: found["returns"][0]["status"] == "closed")
    assert line_of(document) == {
        "ordered": 3,
        "shipped": 3,
        "picked": 3,
        "delivered": 3,
        "returned": 2,
        "returnable": 1,
    }
    assert await house.available("SERUM-30") == {"slc": 2, "nwk": 1}, "only what is as new is sold again"


def graded(condition: str, disposition: str) -> Document:
    """One unit that was looked at."""
    return {"line": "1", "quantity": 1, "condition": condition, "disposition": disposition}


async def test_a_promise_for_a_cart_changes_nothing_and_is_what_the_order_is_then_promised(house: House) -> None:
    await house.stock("slc", SERUM_30=2)
    body = house.body(("SERUM-30", 2), service="standard")
    cart = {name: value for name, value in body.items() if name != "number"}
    before = await house.facts()

    promised = (await house.http.post("/promises", json=cart)).json()
    everything = (await house.http.post("/promises", json=cart | {"service": None})).json()["services"]
    too_much = (await house.http.post("/promises", json=cart | {"lines": [body["lines"][0] | {"quantity": 3}]})).json()

    assert await house.facts() == before
    assert set(everything) == {"standard", "two_day", "next_day"}
    assert everything["standard"] == promised
    assert {answer["destination_precision"] for answer in everything.values()} == {"postal_code"}
    assert (promised["fillable"], too_much["fillable"]) == (True, False)
    assert [(s["node"], s["lines"][0]["quantity"]) for s in promised["shipments"]] == [("slc", 2)]
    placed = (await house.http.post("/orders", json=body)).json()
    assert placed["promise"] == {"ship_by": promised["ship_by"], "deliver_by": promised["deliver_by"]}


async def test_an_order_that_may_not_leave_before_a_day_is_promised_for_after_that_day(house: House) -> None:
    await house.stock("slc", SERUM_30=2)
    body = house.body(("SERUM-30", 2), service="standard", not_before="2035-06-01T00:00:00Z")
    cart = {name: value for name, value in body.items() if name != "number"}
    promised = (await house.http.post("/promises", json=cart)).json()
    assert promised["ship_by"] > "2035-06-01"
    placed = (await house.http.post("/orders", json=body)).json()
    assert placed["promise"] == {"ship_by": promised["ship_by"], "deliver_by": promised["deliver_by"]}


async def test_a_message_that_fits_nothing_is_taken_and_becomes_exactly_one_exception(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 3))
    work = (await house.work(name))["fulfillment_order"]
    before = line_of(await house.order(name))
    for number, (kind, lines) in enumerate([("picked", {"8": 1, "9": 1}), ("cancel_accepted", None)], 1):
        for _ in range(2):
            await house.tell(work, kind, lines, message_id=f"odd-{number}", occurred_at="2026-11-21T15:00:00Z")
        document = await house.order(name)
        assert codes_of(document) == ["message_misfit"] * number
        assert document["needs_attention"]
        assert {"exception", "code", "since", "detail", "closed_by"} == set(document["exceptions"][-1])
        assert work in document["exceptions"][-1]["detail"]
    assert line_of(document) == before
    await house.fulfill(work)
    await house.until(name, "delivered")


async def test_a_return_that_needs_a_person_is_seen_in_temporal_as_well(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 1))
    await house.fulfill((await house.work(name))["fulfillment_order"])
    await house.until(name, "delivered")
    assert (await ask(house, name, "returns", lines=[{"line": "1", "quantity": 1}])).status_code == 201
    body = {"message_id": "odd-1", "kind": "received", "occurred_at": now(), "node": "slc"}
    odd = body | {"lines": [{"line": "9", "quantity": 1}]}
    assert (await house.http.post(f"/returns/{name}-r1/messages", json=odd)).status_code == 202
    assert codes_of(await house.order(name)) == ["return_misfit"]
    assert codes_of(await house.settle(name)) == ["return_misfit"]


async def test_more_than_was_ordered_leaves_and_opens_an_exception(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 2))
    await house.tell((await house.work(name))["fulfillment_order"], "shipped", {"1": 3})
    document = await house.until(name, "shipped")
    assert codes_of(document) == ["surplus"]
    assert line_of(document)["shipped"] == 2
    assert await house.available("SERUM-30") == {"slc": 2}


async def test_the_list_of_orders_is_filtered_by_status_channel_node_and_attention(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    await house.stock("nwk", TONER_200=5)
    in_utah = await house.place(("SERUM-30", 1))
    in_newark = await house.place(("TONER-200", 1), channel="outlet")
    waiting = await house.place(("NIGHT-CREAM-50", 1))
    work = (await house.work(in_utah))["fulfillment_order"]
    await house.work(in_newark)
    await house.tell(work, "picked", {"9": 1})

    async def listed(query: str) -> list[str]:
        return [row["order"] for row in (await house.http.get(f"/orders?{query}")).json()["items"]]

    assert await listed("") == [waiting, in_newark, in_utah]
    assert await listed("status=backordered") == [waiting]
    assert await listed("status=in_fulfillment") == [in_newark, in_utah]
    assert await listed("channel=outlet") == [in_newark]
    assert await listed("node=slc") == [in_utah]
    assert await listed("node=nwk") == [in_newark]
    assert await listed("needs_attention=true") == [in_utah]
    assert await listed("needs_attention=false&channel=web") == [waiting]
    assert await listed("status=delivered") == []


async def test_every_list_is_walked_by_next_and_shows_everything_once(house: House) -> None:
    await house.stock("slc", SERUM_30=9, TONER_200=9, CLEANSER_150=9)
    await house.stock("nwk", SERUM_30=9, TONER_200=9)
    orders = [await house.place(("SERUM-30", 1)) for _ in range(5)]
    works = [(await house.work(name))["fulfillment_order"] for name in orders]
    stock = ["CLEANSER-150@slc", "SERUM-30@nwk", "SERUM-30@slc", "TONER-200@nwk", "TONER-200@slc"]
    for path, wanted, key in [
        ("/orders", orders[::-1], ["order"]),
        ("/fulfillment-orders", works, ["fulfillment_order"]),
        ("/stock", stock, ["sku", "node"]),
    ]:
        for limit, sizes in ((1, [1] * 5), (2, [2, 2, 1]), (4, [4, 1]), (5, [5]), (500, [5])):
            pages = await house.pages(path, limit)
            assert [len(page) for page in pages] == sizes, (path, limit)
            assert ["@".join(row[name] for name in key) for page in pages for row in page] == wanted


async def test_a_node_polls_its_work_by_what_is_still_to_be_done(house: House) -> None:
    await house.stock("slc", SERUM_30=9)
    fresh, accepted, shipped = [await house.work(await house.place(("SERUM-30", 1))) for _ in range(3)]
    await house.tell(accepted["fulfillment_order"], "accepted")
    await house.tell(shipped["fulfillment_order"], "shipped")
    headers = await house.key("node", "slc")

    async def listed(query: str) -> list[str]:
        rows = (await house.http.get(f"/fulfillment-orders?{query}", headers=headers)).json()["items"]
        return [row["fulfillment_order"] for row in rows]

    names = [work["fulfillment_order"] for work in (fresh, accepted, shipped)]
    assert await listed("") == names
    assert await listed("request=sent") == names[:1]
    assert await listed("status=released") == names[:1]
    assert await listed("status=in_progress&request=accepted") == names[1:2]
    assert await listed("status=shipped") == names[2:]


async def test_stock_of_a_bundle_is_that_of_its_scarcest_component(house: House) -> None:
    await house.stock("slc", CLEANSER_150=5, SUNSCREEN_50=7)
    shown = (await house.http.get("/stock/SET-TRAVEL")).json()
    (row,) = shown["nodes"]
    assert (shown["available"], row["node"], row["available"]) == (3, "slc", 3)


async def test_a_count_below_what_is_promised_is_a_fact_and_never_shows_less_than_nothing(house: House) -> None:
    await house.stock("slc", SERUM_30=5)
    await house.work(await house.place(("SERUM-30", 4)))
    body = {"message_id": "count-1", "node": "slc", "kind": "counted", "occurred_at": now()}
    answer = await house.http.post("/stock/messages", json=body | {"lines": [{"sku": "SERUM-30", "quantity": 1}]})
    assert answer.status_code == 202
    (row,) = (await house.http.get("/stock/SERUM-30")).json()["nodes"]
    assert (row["on_hand"], row["allocated"], row["available"]) == (1, 4, 0)


async def test_a_collected_order_needs_no_parcel(house: House) -> None:
    await house.stock("chi", SERUM_30=5)
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 1), pickup_node="chi")
    work = await house.work(name)
    assert work["node"] == "chi"
    await house.tell(work["fulfillment_order"], "ready_for_pickup")
    assert (await house.order(name))["fulfillment_orders"][0]["status"] == "ready_for_pickup"
    await house.tell(work["fulfillment_order"], "collected")
    await house.until(name, "delivered")
