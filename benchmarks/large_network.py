"""How long it takes to plan and reserve an order in a network of ten thousand nodes with a million rows of stock."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

from sqlalchemy import event, text

from database import stock
from database.connect import Database
from domain.network import Network, Place, Precision
from domain.sourcing import OrderFacts, Wanted
from domain.sourcing.supply import Entitlement
from network.load import NetworkDocuments, load
from transactions.supply import decide

NODES = 10_000
SKUS_PER_NODE = 100
SKUS = 1000

NODE = """
[[node]]
id = "n{number}"
kind = "{kind}"
country = "US"
latitude = {latitude}
longitude = {longitude}
time_zone = "America/Denver"
"""
POLICY = """
version = "ten thousand nodes"
[sets]
all = "true"
[[strategy]]
id = "cheapest"
when = "true"
require = "node.distance_km <= 3500.0"
[[strategy.tier]]
from = ["all"]
[[strategy.tier]]
from = ["all"]
max_shipments = 3
split_line = true
[[strategy.cost]]
per = "shipment"
amount = "500.0 + 0.4 * node.distance_km"
"""

FILL = text(
    """
    INSERT INTO stock (node, sku, on_hand)
    SELECT 'n' || node, 'L-' || (node * 7 + place * 10) % :skus, 5
    FROM generate_series(0, :nodes - 1) AS node CROSS JOIN generate_series(1, :each) AS place
    """
)


@dataclass(frozen=True)
class LargeNetwork:
    """What was found."""

    load_seconds: float
    milliseconds: list[float]
    """By order: of planning and reserving it, PostgreSQL's work and the commit included."""
    statements: int
    """The most statements of one order."""


async def run(database: Database, orders: int) -> LargeNetwork:
    """Fill the stock, then plan and reserve this number of orders of three lines, one after the other."""
    begin = time.process_time()
    network = large_network()
    load_seconds = time.process_time() - begin
    async with database.write() as connection:
        await connection.execute(FILL, {"nodes": NODES, "each": SKUS_PER_NODE, "skus": SKUS})
        await connection.execute(text("ANALYZE stock"))
    chance = random.Random(1)
    found = [await _plan_and_reserve(database, network, chance) for _ in range(1 + orders)][1:]
    return LargeNetwork(load_seconds, [spent for spent, _ in found], max(asked for _, asked in found))


def large_network() -> Network:
    """Ten thousand nodes over the United States."""
    nodes = "".join(
        NODE.format(
            number=number,
            kind="dc" if number % 50 == 0 else "store",
            latitude=28 + number % 100 / 5,
            longitude=-122 + number // 100 / 2,
        )
        for number in range(NODES)
    )
    items = "".join(f"L-{number},Item {number},500,0,\n" for number in range(SKUS))
    return load(NetworkDocuments(nodes, POLICY, "sku,name,weight_g,safety_stock,components\n" + items))


async def _plan_and_reserve(database: Database, network: Network, chance: random.Random) -> tuple[float, int]:
    """Milliseconds and statements of one order."""
    wanted = [Wanted(str(line), f"L-{chance.randrange(SKUS)}", 2) for line in range(3)]
    place = Place(chance.uniform(28, 48), chance.uniform(-122, -72), Precision.POSTAL_CODE)
    facts = OrderFacts(channel="web", service="standard", country="US", postal_code="", place=place, units=6)
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    now, begin = datetime.now(UTC), time.perf_counter()
    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    async with database.write() as connection:
        decided = await decide(connection, network, facts, wanted, now)
        await stock.close_gates(connection, set(), exclusive=False)
        claim = decided.claim(network, "web", Entitlement(), cause="order", at=now, order=None, actor="benchmark")
        granted = await stock.claim(connection, claim)
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    if not granted or decided.plan.unfilled:
        raise AssertionError("there is enough of everything")
    return (time.perf_counter() - begin) * 1000, len(asked)


def lines(found: LargeNetwork) -> Iterator[str]:
    """The figures as text."""
    yield (
        f"an order of 3 lines planned and reserved among {NODES:,} nodes and {NODES * SKUS_PER_NODE:,} rows of stock:"
        f" {median(found.milliseconds):.0f} ms (at most {max(found.milliseconds):.0f}) in {found.statements} statements;"
        f" the network is read in {found.load_seconds:.1f} s"
    )
