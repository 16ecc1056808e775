"""A SKU is what the business writes: it may have slashes, blanks, quotes and letters of any script, wherever it goes."""

from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from shutil import copytree
from urllib.parse import quote

import pytest
from rich.console import Console

from domain.stock import StockMessageKind
from starter.explain import explain
from starter.stock import Report, stock_file
from tests.house import MASTER_KEY, SMALL_MAP, Document, House, now
from transactions.prepare import apply_network
from workflows import card

SLASHED = "TEE/BLUE/stop"
SKUS = (
    "TEE/BLUE",
    SLASHED,
    "A%2Fstop",
    "50% WOLLE",
    'ROHR 5"',
    "TASSE, ROT",
    "a@slc",
    "[red]x*2",
    "杯子|大",
    "?q=1#a",
    "';--",
)
SET = "SET *2"


def cell(text: str) -> str:
    """A cell of a CSV file."""
    return '"' + text.replace('"', '""') + '"'


def items(skus: Iterable[str]) -> str:
    """An items.csv with these items, and a set of one of each."""
    parts = " ".join(f"{cell(sku)}*1" for sku in skus)  # a component is quoted as a cell is
    rows = [f"{cell(sku)},,100,," for sku in skus]
    return "\n".join(["sku,name,weight_g,safety_stock,components", *rows, f"{cell(SET)},,,,{cell(parts)}", ""])


@pytest.fixture
async def shop(house: House, tmp_path: Path) -> House:
    """A house that sells these items, and has counted five of each from a file."""
    directory = copytree(SMALL_MAP, tmp_path / "network")
    (directory / "items.csv").write_text(items(SKUS))
    assert await apply_network(house.database_url, directory) == []
    body = {"message_id": "all-in", "node": "reroutes", "kind": "received", "occurred_at": now()}
    lines = [{"sku": sku, "quantity": 5} for sku in SKUS]
    answer = await house.http.post("/stock/messages", json=body | {"lines": lines})
    assert (answer.status_code, answer.json()["not_applied"]) == (202, []), answer.text
    return house


def path(sku: str) -> str:
    """Where the stock of an item is."""
    return f"/stock/{quote(sku, safe='')}"


async def test_every_item_is_looked_up_stopped_and_resumed_under_its_own_name(shop: House) -> None:
    for sku in (*SKUS, SET):
        assert (await shop.http.get(path(sku))).json()["sku"] == sku
    for sku in SKUS:
        stopped = await shop.http.post(f"{path(sku)}/stop", json={"reason": "recalled"})
        assert stopped.status_code == 200, stopped.text
        stopped_now = {one for one in SKUS if (await shop.http.get(path(one))).json()["stopped"]}
        assert stopped_now == {sku}, "and no other"
        assert (await shop.http.post(f"{path(sku)}/resume", json={})).status_code == 200


async def test_a_slash_in_a_name_is_no_step_of_the_path(shop: House) -> None:
    assert (await shop.http.post("/stock/TEE%2FBLUE%2Fstop", json={})).status_code == 405
    assert (await shop.http.post("/stock/TEE/BLUE/stop", json={})).status_code == 404
    assert (await shop.http.get("/stock/TEE/BLUE")).status_code == 404
    assert (await shop.http.get("/stock/A%252Fstop")).json()["sku"] == "A%2Fstop"
    assert (await shop.http.get("/stock/TEE%2fBLUE")).json()["sku"] == "TEE/BLUE"
    assert (await shop.http.get("/orders/web-1%2Fplan")).status_code == 404


async def test_every_row_of_stock_is_on_one_page(shop: House) -> None:
    pages = await shop.pages("/stock", 1)
    assert sorted(row["sku"] for page in pages for row in page) == sorted(SKUS)


async def test_a_file_counts_them(
    shop: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", shop.database_url)
    monkeypatch.setenv("SWITCHYARD_MASTER_KEYS", MASTER_KEY)
    file = tmp_path / "count.csv"
    file.write_text("sku,quantity\n" + "".join(f"{cell(sku)},7\n" for sku in SKUS))
    assert await stock_file(Report(StockMessageKind.COUNTED, "reroutes", file, now(), None)) == []
    for sku in SKUS:
        assert await on_hand(shop, sku) == 7


async def on_hand(shop: House, sku: str) -> int:
    """Units of an item that are on hand."""
    nodes = (await shop.http.get(path(sku))).json()["nodes"]
    return sum(int(row["on_hand"]) for row in nodes)


async def test_an_order_of_them_is_sourced_explained_shipped_returned_and_exchanged(shop: House) -> None:
    name = await shop.place(*((sku, 1) for sku in (*SKUS, SET)))
    work = (await shop.work(name))["fulfillment_order"]
    assert [line["sku"] for line in (await shop.order(name))["lines"]] == [*SKUS, SET]
    console = Console(file=(written := StringIO()), width=4000, emoji=False)
    assert await explain(shop.database_url, name, console) == 0
    assert all(sku in written.getvalue() for sku in (*SKUS, SET))
    await shop.fulfill(work)
    await shop.until(name, "delivered")
    assert {sku: await on_hand(shop, sku) for sku in SKUS} == dict.fromkeys(SKUS, 3)

    exchange = [{"line": "1", "quantity": 1, "exchange_for": SLASHED}]
    made = (await shop.ask(name, "returns", lines=exchange, resolution="exchange")).json()["return"]
    back: Document = {"message_id": "back-1", "kind": "graded", "occurred_at": now(), "node": "reroutes"}
    back["lines"] = [{"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}]
    assert (await shop.http.post(f"/returns/{made}/messages", json=back)).status_code == 202
    await shop.until(name, lambda found: found["returns"][0]["status"] == "closed")
    shop.orders.append(f"{made}-x1")
    assert (await shop.work(f"{made}-x1"))["lines"][0]["sku"] == SLASHED
    assert await on_hand(shop, SKUS[0]) == 4
    await shop.check_invariants()


def test_a_sku_is_plain_text_on_the_card_in_the_temporal_ui() -> None:
    assert card.plain("[red]x*2 <b>_a_</b>") == r"\[red\]x\*2 \<b\>\_a\_\</b\>"
    assert card.plain("SERUM-30") == "SERUM-30"
