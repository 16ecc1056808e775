"""A buyer who orders by X12, over the whole service: it leaves a file, and finds the answers in the same directory."""

import asyncio
from pathlib import Path
from shutil import copytree

import pytest
from mockedi.testing import Mock

from database import connection as statements
from formats.x12.parts import Interchange
from formats.x12.read import read
from formats.x12.write import written
from starter.connect import connect
from tests.house import ANSWERS_WITHIN_SECONDS, SMALL_MAP, House
from transactions.prepare import apply_network

ENTRY = """
[[channel]]
name = "buyco"
kind = "x12"
us = {{qualifier = "ZZ", id = "NORTHWIND"}}
partner = {{qualifier = "ZZ", id = "MOCKEDI"}}
drop = "{drop}"
poll = "1s"
"""
ALIASES = "channel,kind,external,sku,units\nbuyco,sku,WIDGET-001,SERUM-30,1\n"


@pytest.fixture
async def mailbox(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a buyer that is connected as an operator connects it."""
    network, drop = tmp_path / "network", tmp_path / "buyco"
    copytree(SMALL_MAP, network)
    (network / "channels.toml").write_text(ENTRY.format(drop=drop))
    (network / "aliases.csv").write_text(ALIASES)
    (network / "partners").mkdir()
    (network / "partners/buyco.toml").write_text("test = true\n")
    drop.mkdir()
    assert await apply_network(house.database_url, network) == []
    monkeypatch.setenv("DATABASE_URL", house.database_url)
    assert await connect("buyco", lambda: None) == 0
    return drop


async def came(mailbox: Path, *codes: str) -> list[Interchange]:
    """What lies there for the buyer, as soon as there are these sets; the buyer takes it."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while len(found := sorted((mailbox / "out").glob("*"))) < len(codes):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    interchanges = [one for path in found for one in read(path.read_bytes())]
    for path in found:
        path.unlink()
    ordered = sorted(interchanges, key=lambda one: int(one.control))
    assert [one.groups[0].sets[0].code for one in ordered] == list(codes)
    return ordered


async def placed(house: House, name: str) -> None:
    """Wait until an order is there."""
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while (await house.http.get(f"/orders/{name}")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def test_a_buyers_order_ends_shipped_and_invoiced_and_the_buyer_disagrees_with_nothing(
    house: House, mailbox: Path
) -> None:
    await house.stock("reroutes", SERUM_30=24)
    with Mock.start() as buyer:
        lines = [{"sku": "WIDGET-001", "quantity": 24, "price": 12.5}]
        purchase = {"partner": "NORTHWIND", "po_number": "x12j1", "lines": lines}
        buyer.expect("POST", "/_mock/purchase", purchase, status=201)
        buyer.advance(everything=True)
        (ordered,) = buyer.mailbox(partner="NORTHWIND", leave=False)
        (mailbox / "in/order.part").write_text(ordered["payload"])
        (mailbox / "in/order.part").rename(mailbox / "in/order.edi")

        await placed(house, "buyco-x12j1")
        work = await house.work("buyco-x12j1")
        found = await came(mailbox, "997", "855")
        await house.tell(
            work["fulfillment_order"],
            "shipped",
            packages=[{"package": "c1", "carrier": "ups", "tracking": "1Z1", "lines": [{"line": "1", "quantity": 24}]}],
        )
        found += await came(mailbox, "856", "810")
        for one in found:
            assert buyer.send(written(one).decode())["accepted"]

        assert buyer.expect("GET", "/_mock/disagreements") == []
        (line,) = buyer.order("x12j1")["reconciliation"]
        assert (line["confirmed"], line["shipped"], line["billed"]) == ("24", "24", "24")
    assert [path.name for path in (mailbox / "done").glob("*")] == ["order.edi"]
    await house.settle("buyco-x12j1")
    shown = {one["connection"]: one for one in (await house.http.get("/connections")).json()["items"]}["buyco"]
    assert (shown["api"], shown["kind"], shown["misfits"], shown["owed"]) == (None, "x12", 0, 0)
    assert shown["polled_at"] is not None
    house.orders.append("buyco-x12j1")
    async with house.service.database.read() as connection:
        assert await statements.access(connection, "buyco") is not None
