"""The life of an order that waits for announced goods, over HTTP: promised, promised again when they slip, shipped at last."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

from tests.house import Document, House, now
from transactions.prepare import apply_network


async def tell(house: House, kind: str, units: int, **more: Any) -> None:
    """Report something about the goods of Salt Lake City."""
    body = {"node": "slc", "kind": kind, "occurred_at": now(), "lines": [{"sku": "SERUM-30", "quantity": units}]}
    answer = await house.http.post("/stock/messages", json=body | more)
    assert answer.status_code == 202, answer.text


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def supply(house: House) -> list[tuple[str, int, int]]:
    """The rows of the item's supply: their kind, units and how many are promised."""
    rows = (await house.http.get("/supply", params={"sku": "SERUM-30"})).json()["items"]
    return [(row["kind"], row["units"], row["promised"]) for row in rows]


async def test_an_order_is_promised_announced_goods_hears_that_they_slip_and_ships_when_they_come_early(
    house: House, tmp_path: Path
) -> None:
    network = copytree("network/example", tmp_path / "network")
    policy = (network / "policy.toml").read_text()
    (network / "policy.toml").write_text(policy.replace('id = "direct"', 'id = "direct"\nsell_incoming = true'))
    assert await apply_network(house.database_url, network) == []
    await tell(house, "expected", 3, message_id="po-1", expected_at=in_days(10))

    name = await house.place(("SERUM-30", 2))
    promised = await house.until(name, lambda order: order["promise"] is not None)
    assert (promised["status"], [row["quantity"] for row in promised["from_supply"]]) == ("backordered", [2])
    assert await supply(house) == [("announced", 3, 2)]

    await tell(house, "expected_changed", 3, message_id="po-1-late", expected="po-1", expected_at=in_days(20))
    slipped = await house.until(name, lambda order: order["promise"] != promised["promise"])
    assert slipped["promise"]["ship_by"] > promised["promise"]["ship_by"]
    assert slipped["first_promise"] == promised["promise"]

    await tell(house, "received", 3, message_id="po-1-here", expected="po-1")
    await house.until(name, "in_fulfillment")
    await house.fulfill((await house.work(name))["fulfillment_order"])
    done = await house.until(name, "delivered")
    assert (done["from_supply"], done["first_promise"]) == ([], promised["promise"])
    assert done["promise"]["ship_by"] < promised["promise"]["ship_by"]
    assert await supply(house) == [("on_hand", 1, 0)]

    events: list[Document] = (await house.http.get("/events", params={"order": name})).json()["items"]
    promises = ["promised", "promise_changed", "promise_changed"]
    kinds = ["accepted", "backordered", *promises, "backorder_filled", "shipped", "delivered"]
    assert [event["kind"] for event in events] == kinds
