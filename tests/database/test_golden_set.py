"""`policy record`: what was really decided becomes cases that hold, without anything personal of the orders."""

import json
import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from database.connect import Database
from domain.fulfillment import MessageKind
from domain.order import NewOrder
from domain.request import ForgetRequest
from network.load import check, load, read
from network.try_cases import try_cases
from starter.__main__ import joined
from tests.database.shop import MAP, NEAREST, NEXT, Shop
from tests.database.test_shadow import NOT_FROM_DENVER, written
from tests.house import MASTER_KEYS
from transactions import golden_set
from transactions import order as order_transactions
from transactions.golden_set import Recorded
from transactions.personal import forget

EVER = datetime(2020, 1, 1, tzinfo=UTC)
DEARER = """
[[strategy]]
id = "gifts"
when = 'order.value > 150 && "vip" in order.tags && order.attributes.wrap == "paper"'
unfilled = "exception"
rank = ["distance"]
require = 'node.id != "denver"'
[[strategy.tier]]
from = ["all"]
max_shipments = 3

[[strategy]]
id = "nearest"
"""
WITH_GIFTS = replace(MAP, policy=MAP.policy.replace('[[strategy]]\nid = "nearest"\n', DEARER, 1))
PERSONAL = ("Grace Hopper", "80202", "her birthday", "from Admiral", "PO 7/Hopper", "ink", "Hopper-1")


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop with orders of many kinds, one of them with all sorts of details."""
    opened = await Shop.open(database, WITH_GIFTS)
    await opened.receive(NEAREST, CHAIR=10, LAMP=3, VASE=9)
    await opened.receive(NEXT, CHAIR=10, VASE=9)
    for lines in ((("CHAIR", 2),), (("DESK-SET", 2), ("VASE", 1)), (("CHAIR", 1),), (("LAMP", 9),)):
        await opened.sold(*lines)
    gift = NewOrder.model_validate(
        {
            "channel": "web",
            "number": "gift",
            "placed_at": datetime.now(UTC).isoformat(),
            "currency": "USD",
            "reference": "Hopper-1",
            "purchase_order": "PO 7/Hopper",
            "tags": ["vip", "her birthday"],
            "attributes": {"wrap": "paper", "pen": "ink"},
            "note": "from Admiral",
            "ship_to": {"name": "Grace Hopper", "postal_code": "80202", "country": "US", "region": "CO"},
            "lines": [{"line": "Hopper", "sku": "VASE", "quantity": 2, "unit_price": 101}],
        }
    )
    await opened.source((await order_transactions.take(opened.transactions, gift)).state.order)
    yield opened


async def recorded(shop: Shop, folder: Path, count: int = 50) -> Recorded:
    return await golden_set.record(shop.database, folder, EVER, count)


def cases(made: Recorded) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(made.text)["case"]
    return found


async def test_what_was_decided_becomes_cases_that_the_check_runs_and_that_a_changed_rule_breaks(
    shop: Shop, tmp_path: Path
) -> None:
    folder = written(WITH_GIFTS, tmp_path / "network")
    made = await recorded(shop, folder)
    assert (made.cases, made.left_out) == (5, {})
    (folder / "cases").mkdir()
    (folder / "cases" / "history.toml").write_text(made.text)
    assert check(folder) == []
    tried = try_cases(read(folder).cases, "cases", load(read(folder)))
    assert (len(tried.names), tried.mistakes, dict(tried.broken)) == (5, (), {})
    changed = folder / "policy.toml"
    changed.write_text(changed.read_text().replace("node.id != ", "node.id == "))
    broken = try_cases(read(folder).cases, "cases", load(read(folder))).broken
    assert [name.partition(": ")[2] for name in broken] == [
        f"2 units for web to US from {NEXT}, {datetime.now(UTC):%Y-%m-%d}"
    ]


async def test_nothing_personal_of_an_order_is_in_its_case_and_the_words_of_the_policy_are(
    shop: Shop, tmp_path: Path
) -> None:
    made = await recorded(shop, written(WITH_GIFTS, tmp_path / "network"))
    assert [word for word in PERSONAL if word in made.text] == []
    [gift] = [case for case in cases(made) if case["plan"]["strategy"] == "gifts"]
    assert gift["order"]["tags"] == ["vip"]
    assert gift["order"]["attributes"] == {"wrap": "paper"}
    assert gift["order"]["ship_to"] == {"country": "US", "postal_code": "80200"}
    assert gift["plan"]["ships"] == {NEXT: {"VASE": 2}}


async def test_of_few_cases_each_is_of_another_kind(shop: Shop, tmp_path: Path) -> None:
    made = await recorded(shop, written(WITH_GIFTS, tmp_path / "network"), count=4)
    kinds = {json.dumps([case["plan"]["strategy"], case["plan"].get("ships", {})]) for case in cases(made)}
    assert (made.cases, len(kinds)) == (4, 4)


async def test_what_no_case_can_say_is_left_out_with_the_reason(shop: Shop, tmp_path: Path) -> None:
    gone = await shop.sold(("CHAIR", 1))
    await forget(shop.database, gone, ForgetRequest(even_if_open=True), actor="operator")
    tried = await shop.released(("CHAIR", 1))
    await shop.tell(tried, MessageKind.REJECTED)
    await shop.source(tried)
    other = replace(
        MAP, items=MAP.items.replace("LAMP,Lamp,900,0,\n", "").replace("LAMP*1 ", ""), policy=NOT_FROM_DENVER.policy
    )
    made = await recorded(shop, written(other, tmp_path / "network"))
    assert made.left_out == {
        "were forgotten, or have no input any more": 1,
        golden_set.NOT_THERE: 3,
        "are decided otherwise by the directory, or from what a case does not say": 3,
    }


async def test_the_command_writes_a_file_once_and_says_how_many(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = written(WITH_GIFTS, tmp_path / "network")
    monkeypatch.setenv("DATABASE_URL", shop.database.engine.url.render_as_string(hide_password=False))
    monkeypatch.setattr("starter.policy.master_keys", lambda: MASTER_KEYS)
    file = folder / "cases" / "history.toml"
    for code, said in (
        (0, f"5 cases in {file}\n"),
        (1, f"{file} is there already: give it another name, or remove it\n"),
    ):
        asked = ["policy", "record", str(folder), "--since", "2020-01-01"]
        assert await joined("policy").run_async(asked, result_action="return_value") == code
        assert capsys.readouterr().out == said
    assert await joined("policy").run_async(["policy", "test", str(folder)], result_action="return_value") == 0


@pytest.mark.parametrize("count", ["0", "-5"])
async def test_a_count_of_no_cases_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], count: str) -> None:
    with pytest.raises(SystemExit):
        await joined("policy").run_async(["policy", "record", str(tmp_path), "--count", count])
    assert f'"{count}" for --count' in capsys.readouterr().err
