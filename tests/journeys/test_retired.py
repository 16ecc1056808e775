"""An item is dropped and a node closes over HTTP: what they still have to say is taken, and nothing new is asked of them."""

from pathlib import Path
from shutil import copytree

from tests.house import SMALL_MAP, Document, House, now
from transactions.prepare import apply_network


def map_without(directory: Path, *, sku: str, node: str) -> Path:
    """The small map without one item and one node."""
    copy = copytree(SMALL_MAP, directory / "network")
    rows = (copy / "items.csv").read_text().splitlines(keepends=True)
    (copy / "items.csv").write_text("".join(row for row in rows if not row.startswith(f"{sku},")))
    tables = (copy / "nodes.toml").read_text().split("[[node]]")
    (copy / "nodes.toml").write_text("[[node]]".join(table for table in tables if f'id = "{node}"' not in table))
    return copy


def about(sku: str, quantity: int, node: str) -> Document:
    """A count, as a node reports it."""
    lines = [{"sku": sku, "quantity": quantity}]
    return {"message_id": f"{node}-count", "node": node, "kind": "counted", "occurred_at": now(), "lines": lines}


async def test_a_closed_node_and_a_retired_item_are_heard_and_nothing_new_is_asked_of_them(
    house: House, tmp_path: Path
) -> None:
    assert await apply_network(house.database_url, SMALL_MAP) == []
    await house.stock("spare", TONER_200=4)
    order = await house.place(("TONER-200", 2))
    work = (await house.work(order))["fulfillment_order"]
    await house.fulfill(work)
    await house.until(order, "delivered")
    asked = await house.ask(order, "returns", lines=[{"line": "1", "quantity": 1}], resolution="refund", node="spare")
    name = asked.json()["return"]
    key = (await house.http.post("/keys", json={"kind": "node", "name": "spare"})).json()["key"]

    assert await apply_network(house.database_url, map_without(tmp_path, sku="TONER-200", node="spare")) == []

    document = await house.until(order, lambda found: found["needs_attention"])
    assert [known["code"] for known in document["exceptions"]] == ["return_misfit"]
    own = {"Authorization": f"Bearer {key}"}
    count = about("TONER-200", 5, "spare")
    graded = {"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}
    back = {"message_id": "back", "kind": "graded", "node": "spare", "occurred_at": now(), "lines": [graded]}
    late = {"message_id": "late", "kind": "delivered", "occurred_at": now()}
    answers = [
        await house.http.get("/fulfillment-orders", headers=own),
        await house.http.post("/stock/messages", json=count, headers=own),
        await house.http.post(f"/returns/{name}/messages", json=back, headers=own),
        await house.http.post(f"/fulfillment-orders/{work}/messages", json=late, headers=own),
        await house.http.get("/stock/TONER-200", headers=own),
    ]
    assert [answer.status_code for answer in answers] == [200, 202, 202, 202, 200]
    (there,) = answers[-1].json()["nodes"]
    assert (there["on_hand"], there["available"]) == (6, 0)
    refused = await house.http.post("/orders", json=house.body(("TONER-200", 1)))
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "lines.0.sku")
    assert "TONER-200 is retired" in refused.json()["detail"]
