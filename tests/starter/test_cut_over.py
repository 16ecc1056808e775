"""The commands of a cut-over: open orders come in, orders and stock go out, and what the page shows is what happens."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.house import House, units

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/operating/cut-over.md"


@pytest.fixture
def settings(house: House, temporal_address: str, tmp_path: Path) -> dict[str, str]:
    """What commands need of the environment; they run in a folder with the example network."""
    (tmp_path / "network").symlink_to(ROOT / "network")
    return {"DATABASE_URL": house.database_url, "TEMPORAL_ADDRESS": temporal_address, "PYTHONPATH": str(ROOT)}


async def run(script: str, folder: Path, settings: dict[str, str]) -> str:
    """What commands print, with what they say of mistakes. In a thread: the worker that answers runs in this process."""
    script = f"exec 2>&1\npython() {{ '{sys.executable}' \"$@\"; }}\n{script}"
    environment = os.environ | settings | {"TERM": "dumb"}
    ended = await asyncio.to_thread(
        subprocess.run, ["bash", "-c", script], env=environment, cwd=folder, capture_output=True, text=True
    )
    return ended.stdout


def lines(text: str) -> list[str]:
    """The lines that say something."""
    return [line.rstrip() for line in text.splitlines() if line.strip()]


async def test_what_the_page_shows_is_what_its_commands_do(
    house: House, settings: dict[str, str], tmp_path: Path
) -> None:
    await house.stock("slc", SERUM_30=5)
    house.orders += ["web-a-1001", "web-a-1002", "web-a-1003"]
    blocks = re.findall(r"```sh\n(.*?)```\n\n```text\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for script, shown in blocks:
        assert lines(await run(script, tmp_path, settings)) == lines(shown), script

    first = await house.until("web-a-1001", lambda found: len(found["fulfillment_orders"]) == 2)
    assert units(first) == {"allocated": 1, "shipped": 2}
    assert first["fulfillment_orders"][0]["packages"][0]["tracking"] == "1Z999"
    assert first["fulfillment_orders"][1]["lines"][0]["quantity"] == 1, "only the rest is sourced"
    second = await house.settle("web-a-1002")
    assert (second["status"], second["lines"][0]["returned"], second["lines"][0]["returnable"]) == ("delivered", 1, 1)
    assert second["returns"] == [{"return": "web-a-1002-r1", "status": "closed"}]
    events = (await house.http.get("/events")).json()["items"]
    assert not {event["kind"] for event in events if event["order"] == "web-a-1002"}
    assert (tmp_path / "stock.csv").read_text() == "node,sku,on_hand\nslc,SERUM-30,5\n"


async def test_without_its_flag_an_export_names_no_person_and_with_it_the_whole_address(
    house: House, settings: dict[str, str], tmp_path: Path
) -> None:
    ada = {"name": "Ada Lovelace", "street": ["Larimer Street 1"], "city": "Denver", "region": "CO"}
    whole = ada | {"postal_code": "80202", "country": "US", "email": "ada@example.org"}
    more: dict[str, Any] = {
        "priority": 3,
        "customer_tier": "gold",
        "paid": 2500,
        "reference": "#1/5",
        "discount": 300,
        "tags": ["vip"],
    }
    body = house.body(("SERUM-30", 2), ("TONER-200", 1), ship_to=whole, **more, note="the back door")
    body["lines"][0] |= {"tax": 40, "name": "A serum", "gift_message": "For Charles"}
    assert (await house.http.post("/orders", json=body)).status_code == 201

    plain = json.loads(await run("python -m starter export orders", tmp_path, settings))
    personal = json.loads(await run("python -m starter export orders --personal", tmp_path, settings))
    sheet = await run("python -m starter export orders --csv", tmp_path, settings)

    place = plain.pop("ship_to")
    assert (place["country"], place["region"], place["postal_code"][:3]) == ("US", "CO", "802")
    assert set(place) == {"country", "region", "postal_code"}
    assert personal.pop("ship_to") == whole
    assert personal.pop("note") == "the back door"
    assert personal["lines"][0].pop("gift_message") == body["lines"][0].pop("gift_message")
    assert plain == personal
    demanded = {name: plain[name] for name in ("channel", "number", "lines", *more)}
    assert demanded == {name: body[name] for name in demanded}
    assert "Ada" not in sheet
    assert [row.split(",")[11:14] for row in sheet.splitlines()[1:]] == [
        ["1", "SERUM-30", "2"],
        ["2", "TONER-200", "1"],
    ]


async def test_orders_that_went_out_come_in_elsewhere_with_the_same_demand(
    house: House, settings: dict[str, str], tmp_path: Path
) -> None:
    placed = [await house.place(("SERUM-30", n), channel=channel) for n, channel in ((2, "web"), (3, "outlet"))]
    await run("python -m starter export orders --personal > orders.jsonl", tmp_path, settings)
    again: list[dict[str, Any]] = [json.loads(line) for line in (tmp_path / "orders.jsonl").read_text().splitlines()]
    for body in again:
        body["number"] = f"again-{body['number']}"
    (tmp_path / "again.jsonl").write_text("".join(json.dumps(body) + "\n" for body in again))

    await run("python -m starter order again.jsonl", tmp_path, settings)

    for name in placed:
        channel, _, number = name.partition("-")
        copied = f"{channel}-again-{number}"
        house.orders.append(copied)
        assert (await house.order(copied))["lines"] == (await house.settle(name))["lines"]


async def test_the_stock_of_a_day_is_what_was_on_hand_when_it_began(
    house: House, settings: dict[str, str], tmp_path: Path
) -> None:
    for day, quantity in (("2026-11-02", 7), ("2026-11-04", 4)):
        body = {"message_id": day, "node": "slc", "kind": "counted", "occurred_at": f"{day}T12:00:00Z"}
        lines = [{"sku": "SERUM-30", "quantity": quantity}]
        assert (await house.http.post("/stock/messages", json=body | {"lines": lines})).status_code == 202

    shown = [
        await run(f"python -m starter export stock {since}", tmp_path, settings)
        for since in ("--since 2026-11-02", "--since 2026-11-03", "")
    ]

    assert [text.splitlines()[1:] for text in shown] == [[], ["slc,SERUM-30,7"], ["slc,SERUM-30,4"]]
