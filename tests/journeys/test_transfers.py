"""The life of a transfer over HTTP: shipped in two parcels, promised to who waits, received with one unit missing, closed."""

from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from api import problems
from domain.transfer import NO_CURRENCY
from tests.console_pages import read, signed_in
from tests.house import Document, House, now
from transactions.prepare import apply_network

SKU = "SERUM-30"


async def make(house: House, name: str, quantity: int, **more: Any) -> str:
    """Make a transfer from Salt Lake City to Newark; answers the id of its order."""
    body = {"transfer": name, "from": "slc", "to": "nwk", "lines": [{"sku": SKU, "quantity": quantity}]} | more
    answer = await house.http.post("/transfers", json=body)
    assert answer.status_code == 201, answer.text
    order: str = answer.json()["order"]
    house.orders.append(order)
    return order


async def transfer(house: House, name: str) -> Document:
    answer = await house.http.get(f"/transfers/{name}")
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


async def receive(house: House, name: str, quantity: int, **more: Any) -> None:
    body: Document = {"message_id": f"in-{name}-{quantity}", "node": "nwk", "kind": "received", "occurred_at": now()}
    body |= {"transfer": name, "lines": [{"sku": SKU, "quantity": quantity}]}
    answer = await house.http.post("/stock/messages", json=body | more)
    assert answer.status_code == 202, answer.text


async def supply(house: House) -> list[tuple[str, str, int, int]]:
    rows = (await house.http.get("/supply", params={"sku": SKU})).json()["items"]
    return [(row["kind"], row["node"], row["units"], row["promised"]) for row in rows if row["units"]]


@pytest.fixture
async def selling(house: House, tmp_path: Path) -> House:
    """A house that sells what is on its way."""
    network = copytree("network/example", tmp_path / "network")
    policy = (network / "policy.toml").read_text()
    (network / "policy.toml").write_text(policy.replace('id = "direct"', 'id = "direct"\nsell_incoming = true'))
    assert await apply_network(house.database_url, network) == []
    return house


async def test_a_transfer_is_shipped_promised_received_short_and_closed(selling: House) -> None:
    house = selling
    await house.stock("slc", SERUM_30=10)
    order = await make(house, "T1", 10)
    work = (await house.work(order))["fulfillment_order"]
    assert work == "transfer.t1-f1"
    waiting = await house.place((SKU, 2))
    await house.until(waiting, "backordered")
    (asked,) = (await house.http.get("/fulfillment-orders", params={"node": "slc"})).json()["items"]
    assert (asked["fulfillment_order"], asked["channel"], asked["ship_to"]["country"]) == (work, "transfer", "US")
    assert (await house.http.get("/orders")).json()["items"][0]["order"] == waiting, "customers' orders only"

    await house.tell(work, "accepted")
    await house.tell(work, "shipped", {"1": 4})
    promised = await house.until(waiting, lambda order: order["promise"] is not None)
    assert [(row["node"], row["quantity"]) for row in promised["from_supply"]] == [("nwk", 2)]
    await house.tell(work, "shipped", {"1": 6})
    assert ("in_transit", "nwk", 10, 2) in await supply(house)

    await receive(house, "t1", 9)
    await house.until(waiting, "in_fulfillment")
    await house.wait_out(order)
    short = await house.until(order, lambda order: bool(order["exceptions"]))
    shown = await transfer(house, "T1")
    assert [case["code"] for case in shown["exceptions"]] == ["transfer_short"]
    assert shown["exceptions"][0]["detail"] == f"{work}: 1 of 10 units of {SKU} did not arrive at nwk"
    assert [(line["in_transit"], line["received"], line["lost"]) for line in shown["lines"]] == [(1, 9, 0)]

    async with signed_in(house) as browser:
        said = read(await browser.get("/console/exceptions"))
        page = await browser.get(f"/console/orders/{order}")
    assert ("transfer short" in said, NO_CURRENCY in said, page.status_code) == (True, False, 200)
    timeline = (await house.http.get(f"/orders/{order}/timeline")).json()["items"]
    assert [item["detail"] for item in timeline if item["what"] == "order.received"] == ["9 of line 1"]

    answer = await house.ask(order, "resolve", exception=short["exceptions"][0]["exception"], reason="one was broken")
    assert answer.status_code == 200, answer.text
    closed = await house.until(order, lambda order: bool(order["closed"]))
    assert (closed["status"], closed["exceptions"]) == ("completed", [])
    assert [line["lost"] for line in (await transfer(house, "t1"))["lines"]] == [1]
    assert not [row for row in await supply(house) if row[0] == "in_transit"]
    await house.check_invariants()


async def test_what_has_not_left_can_be_cancelled_and_the_transfer_ends(house: House) -> None:
    await house.stock("slc", SERUM_30=10)
    order = await make(house, "T2", 4)
    await house.work(order)
    answer = await house.http.post("/transfers/T2/cancel", json={"reason": "not needed"})
    assert (answer.status_code, [row["quantity"] for row in answer.json()["cancelled"]]) == (200, [4])
    await house.until(order, lambda order: bool(order["closed"]))
    assert (await transfer(house, "t2"))["status"] == "cancelled"
    again = await house.http.post("/transfers/T2/cancel", json={})
    assert (again.status_code, again.json()["type"]) == (409, problems.REFUSED.type)
    assert await house.available(SKU) == {"slc": 10}


async def test_the_source_has_too_few_and_the_rest_waits_as_the_policy_says(house: House) -> None:
    await house.stock("slc", SERUM_30=3)
    await house.stock("chi", SERUM_30=9)
    order = await make(house, "T3", 5)
    await house.work(order)
    (line,) = (await transfer(house, "T3"))["lines"]
    assert (line["allocated"], line["backordered"]) == (3, 2), "no other node ships it"
    await house.stock("slc", SERUM_30=2)
    assert (await house.work(order, 2))["node"] == "slc"


async def test_a_transfer_is_known_by_its_name(house: House) -> None:
    await house.stock("slc", SERUM_30=10)
    body = {"transfer": "T4", "from": "slc", "to": "nwk", "lines": [{"sku": SKU, "quantity": 1}]}
    house.orders.append("transfer.t4")
    answers = [await house.http.post("/transfers", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    other = await house.http.post("/transfers", json=body | {"to": "chi"})
    assert (other.status_code, other.json()["type"]) == (409, problems.OTHER_BODY.type)
    pages = await house.http.get("/transfers", params={"from": "slc", "to": "nwk", "limit": 1})
    assert [row["transfer"] for row in pages.json()["items"]] == ["T4"]
    assert (await house.http.get("/transfers", params={"to": "chi"})).json()["items"] == []


CUSTOMERS: tuple[tuple[str, Document], ...] = (
    ("address", {"ship_to": {"country": "US", "postal_code": "80202"}}),
    ("service", {"service": "two_day"}),
    ("quantities", {"lines": [{"line": "1", "quantity": 1}]}),
    ("pickup", {"pickup_node": "chi"}),
    ("returns", {"lines": [{"line": "1", "quantity": 1}]}),
    ("claims", {"lines": [{"line": "1", "quantity": 1}], "kind": "lost"}),
    ("payments", {"message_id": "p-1", "kind": "authorized", "amount": 1, "occurred_at": "2026-11-21T15:04:05Z"}),
    ("forget", {}),
)
"""What customers' orders can be asked, and a transfer cannot."""


async def test_what_is_for_customers_is_refused_of_a_transfer(house: House) -> None:
    await house.stock("slc", SERUM_30=10)
    order = await make(house, "T5", 2)
    work = (await house.work(order))["fulfillment_order"]
    statuses = {
        what: (await house.http.post(f"/orders/{order}/{what}", json=body)).status_code for what, body in CUSTOMERS
    }
    answer = await house.ask(order, "reroute", fulfillment_order=work)
    assert (statuses, answer.status_code) == (
        dict.fromkeys([what for what, _ in CUSTOMERS], 409) | {"claims": 404, "payments": 404, "forget": 404},
        409,
    )
    channel = await house.key("channel", "web")
    assert (await house.http.get(f"/orders/{order}", headers=channel)).status_code == 404


REFUSED: tuple[tuple[str, Document, str], ...] = (
    ("to itself", {"to": "slc"}, "to"),
    ("from nowhere", {"from": "mars"}, "from"),
    ("to nowhere", {"to": "mars"}, "to"),
    ("an unknown item", {"lines": [{"sku": "SERUM-31", "quantity": 1}]}, "lines.0.sku"),
    ("a bundle", {"lines": [{"sku": SKU, "quantity": 1}, {"sku": "SET-01", "quantity": 1}]}, "lines.1.sku"),
    ("no units", {"lines": [{"sku": SKU, "quantity": 0}]}, "lines.0.quantity"),
    ("too many units", {"lines": [{"sku": SKU, "quantity": 1_000_001}]}, "lines.0.quantity"),
    ("no lines", {"lines": []}, "lines"),
    ("a line twice", {"lines": [{"line": "2", "sku": SKU, "quantity": 1}, {"sku": SKU, "quantity": 1}]}, "lines"),
    ("no name", {"transfer": ""}, "transfer"),
    ("a name with a dot", {"transfer": "t.1"}, "transfer"),
    ("a name that is too long", {"transfer": "t" * 65}, "transfer"),
    ("an unknown service", {"service": "balloon"}, "service"),
    ("a day without a time", {"ship_after": "2026-12-01"}, "ship_after"),
    ("a field that it does not have", {"channel": "web"}, "channel"),
)
"""What is wrong, what is sent instead, and the field that the refusal names."""


@pytest.mark.parametrize(("what", "wrong", "field"), REFUSED, ids=[row[0] for row in REFUSED])
async def test_a_wrong_transfer_is_refused_with_its_field(house: House, what: str, wrong: Document, field: str) -> None:
    body = {"transfer": "wrong", "from": "slc", "to": "nwk", "lines": [{"sku": SKU, "quantity": 1}]} | wrong
    before = await house.facts()
    answer = await house.http.post("/transfers", json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, problems.INVALID.type)
    assert answer.json()["errors"][0]["field"] == field
    assert await house.facts() == before


RECEIPTS: tuple[tuple[str, Document, str], ...] = (
    ("of no transfer", {"transfer": "none"}, "transfer"),
    ("by another node", {"node": "chi"}, "node"),
    ("by its source", {"node": "slc"}, "node"),
    ("as a count", {"kind": "counted"}, "transfer"),
    ("as an announcement, too", {"expected": "asn-1"}, "expected"),
    ("as an announcement", {"transfer": None, "expected": "transfer.t6-f1"}, "expected"),
    (
        "announced under its name",
        {"transfer": None, "kind": "expected", "expected_at": "2026-12-01T00:00:00Z", "message_id": "transfer.t6-f1"},
        "message_id",
    ),
)
"""How a receipt is wrong, what it has instead, and the field that the refusal names."""


async def test_a_wrong_receipt_is_refused_with_its_field(house: House) -> None:
    await house.stock("slc", SERUM_30=10)
    order = await make(house, "T6", 2)
    await house.work(order)
    await house.settle(order)
    before, found = await house.facts(), {}
    for what, wrong, _ in RECEIPTS:
        body = {"message_id": "in", "node": "nwk", "kind": "received", "occurred_at": now(), "transfer": "T6"}
        answer = await house.http.post("/stock/messages", json=body | {"lines": [{"sku": SKU, "quantity": 1}]} | wrong)
        found[what] = (answer.status_code, answer.json()["errors"][0]["field"])
    assert found == {what: (422, field) for what, _, field in RECEIPTS}
    assert await house.facts() == before


async def test_no_channel_can_be_the_one_of_transfers(house: House) -> None:
    order = await house.http.post("/orders", json=house.body((SKU, 1), channel="transfer"))
    house.orders.pop()
    key = await house.http.post("/keys", json={"kind": "channel", "name": "transfer"})
    webhook = await house.http.put("/channels/transfer/webhook", json={"url": "https://shop.example/hook"})
    assert [(answer.status_code, answer.json()["errors"][0]["field"]) for answer in (order, key)] == [
        (422, "channel"),
        (422, "name"),
    ]
    assert webhook.status_code == 404
