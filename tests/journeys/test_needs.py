"""Replenishment over HTTP: sales bring a node below its minimum, and its need is taken, shipped, received and gone."""

import asyncio
from pathlib import Path
from shutil import copytree

import pytest

from database.documents.need import Need
from tests.house import ANSWERS_WITHIN_SECONDS, Document, House, now
from transactions.prepare import apply_network

SKU = "SERUM-30"
RULES = """\
node,sku,min_units,max_units,min_days,max_days,sales_days,sources,service,automatic
chi,SERUM-30,4,12,,,,slc,,
nwk,TONER-200,4,12,,,,slc,,yes
"""


@pytest.fixture
async def filling(house: House, tmp_path: Path) -> House:
    """A house with rules of replenishment: Chicago's is taken by a person, Newark's by itself."""
    network = copytree("network/example", tmp_path / "network")
    (network / "replenishment.csv").write_text(RULES)
    assert await apply_network(house.database_url, network) == []
    return house


async def needs(house: House, **asked: str) -> list[Document]:
    answer = await house.http.get("/needs", params=asked)
    assert answer.status_code == 200, answer.text
    items: list[Document] = answer.json()["items"]
    for item in items:
        Need.model_validate(item)
        assert item.keys() == Need.model_fields.keys()
    return items


async def receive(house: House, transfer: Document) -> None:
    """The destination of a transfer reports that all of it has arrived."""
    goods = [{"sku": line["sku"], "quantity": line["quantity"]} for line in transfer["lines"]]
    body = {
        "message_id": f"in-{transfer['transfer']}",
        "node": transfer["to"],
        "kind": "received",
        "occurred_at": now(),
    }
    answer = await house.http.post("/stock/messages", json=body | {"transfer": transfer["transfer"], "lines": goods})
    assert answer.status_code == 202, answer.text


async def test_sales_make_a_need_that_is_taken_shipped_received_and_gone(filling: House) -> None:
    house = filling
    await house.stock("chi", SERUM_30=6)
    assert await needs(house, node="chi") == []
    sold = await house.place((SKU, 3))
    await house.fulfill((await house.work(sold))["fulfillment_order"])
    await house.stock("slc", SERUM_30=40)
    (need,) = await needs(house, node="chi", sku=SKU)
    assert (need["on_hand"], need["sold"], need["position"], need["minimum"], need["maximum"]) == (3, 3, 3, 4, 12)
    assert need["proposals"] == [{"source": "slc", "quantity": 9, "free": 40}]

    key = {"Idempotency-Key": "before the weekend"}
    answers = [await house.http.post("/needs/take", json={"node": "chi"}, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    (taken,) = answers[0].json()["transfers"]
    assert (taken["from"], taken["to"], [line["quantity"] for line in taken["lines"]]) == ("slc", "chi", [9])
    house.orders.append(taken["order"])
    assert await needs(house, node="chi") == []
    nothing = await house.http.post("/needs/take", json={})
    assert nothing.json() == {"transfers": [], "more": False}

    work = await house.work(taken["order"])
    assert (work["node"], await needs(house, node="chi")) == ("slc", [])
    await house.tell(work["fulfillment_order"], "shipped")
    await receive(house, taken)
    await house.until(taken["order"], lambda order: bool(order["closed"]))
    assert await needs(house, node="chi") == []
    assert await house.available(SKU) == {"chi": 12, "slc": 31}
    (shown,) = (await house.http.get("/transfers", params={"to": "chi"})).json()["items"]
    assert (shown["channel"], shown["status"]) == ("replenishment", "completed")
    await house.check_invariants()


async def test_an_automatic_rule_takes_its_need_and_no_channel_is_called_replenishment(filling: House) -> None:
    house = filling
    await house.stock("slc", TONER_200=40)
    house.service.driver.run_soon("replenishment")
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not (found := (await house.http.get("/transfers")).json()["items"]):  # noqa: ASYNC110  (it rings no bell)
            await asyncio.sleep(0.03)
    assert [(one["from"], one["to"], one["channel"]) for one in found] == [("slc", "nwk", "replenishment")]
    house.orders.append(found[0]["order"])
    await house.work(found[0]["order"])
    assert await needs(house, node="nwk") == []
    refused = await house.http.post("/orders", json=house.body((SKU, 1), channel="replenishment"))
    assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (422, ["channel"])
    key = await house.http.post("/keys", json={"kind": "channel", "name": "replenishment"})
    assert key.status_code == 422
    await house.check_invariants()
