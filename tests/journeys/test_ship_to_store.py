"""A customer collects at a store that has nothing: a warehouse sends it, finds one too few, another sends the rest."""

from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from tests.house import Document, House, now
from transactions.prepare import apply_network

SKU = "SERUM-30"
TRANSFERS = """[[strategy]]
id = "transfers"
when = 'order.channel == "transfer"'
rank = ["distance"]
[[strategy.tier]]
from = ["warehouses"]
max_shipments = 2
split_line = true

"""
DIRECT = '[[strategy]]\nid = "direct"'


@pytest.fixture
async def bringing(house: House, tmp_path: Path) -> House:
    """A house that brings to a store what is collected there."""
    network = copytree("network/example", tmp_path / "network")
    policy = (network / "policy.toml").read_text()
    sells = f"{TRANSFERS}{DIRECT}\nsell_incoming = true\nship_to_store = true"
    (network / "policy.toml").write_text(policy.replace(DIRECT, sells))
    assert await apply_network(house.database_url, network) == []
    return house


async def transfer(house: House, order: str) -> Document:
    answer = await house.http.get(f"/transfers/{order}-s1")
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


async def receive(house: House, order: str, quantity: int) -> None:
    body: Document = {"message_id": f"chi-{quantity}", "node": "chi", "kind": "received", "occurred_at": now()}
    body |= {"transfer": f"{order}-s1", "lines": [{"sku": SKU, "quantity": quantity}]}
    answer = await house.http.post("/stock/messages", json=body)
    assert answer.status_code == 202, answer.text


async def kinds(house: House, order: str) -> list[str]:
    """What the order's channel heard of promises."""
    events = (await house.http.get("/events", params={"order": order, "limit": 100})).json()["items"]
    return [event["kind"] for event in events if event["kind"].startswith("promise")]


async def asked(house: House, quantity: int) -> Document:
    """What a cart is promised that would be collected at the store."""
    body: dict[str, Any] = {"channel": "web", "pickup_node": "chi", "service": "standard"}
    body |= {"ship_to": {"country": "US", "postal_code": "60611"}, "lines": [{"sku": SKU, "quantity": quantity}]}
    answer = await house.http.post("/promises", json=body)
    assert answer.status_code == 200, answer.text
    document: Document = answer.json()
    return document


async def test_what_is_collected_is_brought_found_short_sent_by_another_and_handed_over(bringing: House) -> None:
    house = bringing
    await house.stock("nwk", SERUM_30=3)
    await house.stock("slc", SERUM_30=5)
    foreseen = await asked(house, 3)
    assert (foreseen["fillable"], [one["node"] for one in foreseen["shipments"]]) == (True, ["chi"])
    assert (await asked(house, 9))["fillable"] is False

    order = await house.place((SKU, 3), pickup_node="chi")
    promised = await house.until(order, lambda found: found["promise"] is not None)
    assert promised["promise"]["ship_by"][:10] == foreseen["ship_by"][:10]
    assert [(one["node"], one["quantity"]) for one in promised["from_supply"]] == [("chi", 3)]
    made = await transfer(house, order)
    house.orders.append(made["order"])
    assert (made["from"], made["to"], made["for"]) == (None, "chi", order)
    supply = (await house.http.get("/supply", params={"sku": SKU, "node": "chi"})).json()["items"]
    coming = [
        (row["kind"], row["expected"], row["units"], row["promised"], row["available"])
        for row in supply
        if row["units"]
    ]
    assert coming == [("in_transit", made["order"], 3, 3, 0)]
    await house.check_invariants()

    work = (await house.work(made["order"]))["fulfillment_order"]
    assert (await house.work(made["order"]))["node"] == "nwk"
    await house.tell(work, "accepted")
    await house.tell(work, "picked", {"1": 2}, final=True)
    rest = await house.work(made["order"], 2)
    assert rest["node"] == "slc"
    await house.check_invariants()
    await house.tell(work, "shipped", {"1": 2})
    await house.tell(rest["fulfillment_order"], "shipped", {"1": 1})
    await house.check_invariants()

    await receive(house, order, 2)
    first = await house.work(order)
    await house.check_invariants()
    await receive(house, order, 1)
    second = await house.work(order, 2)
    assert [(one["node"], one["lines"][0]["quantity"]) for one in (first, second)] == [("chi", 2), ("chi", 1)]
    for one in (first, second):
        for kind in ("accepted", "ready_for_pickup", "collected"):
            await house.tell(one["fulfillment_order"], kind)
    done = await house.until(order, lambda found: found["lines"][0]["shipped"] == 3)
    assert (done["from_supply"], done["exceptions"]) == ([], [])
    await house.until(made["order"], lambda found: bool(found["closed"]))
    await house.check_invariants()

    said = await house.http.get(f"/orders/{order}/timeline", params={"limit": 100})
    shown = {item["what"]: item["detail"] for item in said.json()["items"]}
    assert shown["transfer.made"] == f"3 of {SKU} were reserved at other nodes, which send them to chi"
    assert (await kinds(house, order))[0] == "promised"


async def test_a_customer_who_cancels_leaves_the_goods_where_they_are(bringing: House) -> None:
    house = bringing
    await house.stock("nwk", SERUM_30=3)
    order = await house.place((SKU, 3), pickup_node="chi")
    await house.until(order, lambda found: found["promise"] is not None)
    house.orders.append(f"transfer.{order}-s1")
    await house.ask(order, "cancel")
    await house.until(f"transfer.{order}-s1", lambda found: bool(found["closed"]))
    assert await house.available(SKU) == {"nwk": 3}
    await house.check_invariants()
