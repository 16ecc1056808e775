"""A large network asks PostgreSQL no more than a small one: planning and reserving are a fixed number of statements."""

from datetime import UTC, datetime

from sqlalchemy import text

from database import stock
from database.connect import Database
from domain.network import Place, Precision
from domain.sourcing import OrderFacts, Wanted
from domain.sourcing.supply import Entitlement
from network.load import NetworkDocuments, load
from tests.sql_statements import statements_of
from transactions.supply import decide

NODES = 500
NODE = """
[[node]]
id = "n{number}"
kind = "store"
country = "US"
latitude = {latitude}
longitude = -100.0
time_zone = "America/Denver"
"""
POLICY = """
version = "large"
[sets]
all = "true"
[[strategy]]
id = "nearest"
when = "true"
rank = ["shipments", "distance"]
[[strategy.tier]]
from = ["all"]
max_shipments = 3
[transit]
standard = [[20000, 3]]
"""
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


async def test_planning_and_reserving_in_a_network_of_many_nodes_takes_four_statements(database: Database) -> None:
    nodes = "".join(NODE.format(number=number, latitude=25 + number / 25) for number in range(NODES))
    network = load(NetworkDocuments(nodes, POLICY, "sku,name,weight_g,safety_stock,components\nA,A,1,0,\nB,B,1,0,\n"))
    facts = OrderFacts(
        channel="web", service="standard", country="US", postal_code="", place=Place(40, -100, Precision.POSTAL_CODE)
    )
    wanted = [Wanted("1", "A", 2), Wanted("2", "B", 1)]
    async with database.write() as connection:
        await connection.execute(text(STOCK), {"nodes": NODES})
    async with database.write() as connection:
        with statements_of(database) as asked:
            decided = await decide(connection, network, facts, wanted, NOW)
            await stock.close_gates(connection, set(), exclusive=False)
            claim = decided.claim(network, "web", Entitlement(), cause="round 1", at=NOW, order=None, actor="workflow")
            granted = await stock.claim(connection, claim)
    assert granted
    assert [shipment.node for shipment in decided.plan.shipments] == ["n375"]
    assert len(asked) <= 4


STOCK = """
    INSERT INTO stock (node, sku, on_hand)
    SELECT 'n' || number, sku, 5 FROM generate_series(0, :nodes - 1) AS number CROSS JOIN (VALUES ('A'), ('B')) AS skus (sku)
"""
