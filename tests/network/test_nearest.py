"""The nearest node is the nearest one: the product's places against those of a gazetteer that it does not use."""

from collections import defaultdict
from pathlib import Path
from random import Random
from typing import NamedTuple

from domain.network import Locality, Precision, distance_km
from network.geography import locate

NODES = 6
"""Of each order's network, drawn from the largest cities of its country's regions."""


class City(NamedTuple):
    role: str
    country: str
    name: str
    region: str
    latitude: str
    longitude: str

    @property
    def point(self) -> tuple[float, float]:
        return float(self.latitude), float(self.longitude)


def away(point: tuple[float, float], node: City) -> float:
    """Kilometres from a point to a node."""
    return distance_km(point[0], point[1], *node.point)


def test_of_500_orders_in_40_countries_at_least_98_in_100_are_nearest_to_the_node_that_is() -> None:
    """The orders say only city and region: no postal code, which would say more. The nodes have coordinates."""
    chance = Random(2026)
    nodes: dict[str, list[City]] = defaultdict(list)
    orders: list[City] = []
    for line in (Path(__file__).parent / "gazetteer.tsv").read_text().splitlines():
        city = City(*line.split("\t"))
        (orders if city.role == "order" else nodes[city.country]).append(city)
    assert len(orders) >= 500
    assert len({city.country for city in orders}) == 40
    wrong = []
    for order in orders:
        near = chance.sample(nodes[order.country], min(NODES, len(nodes[order.country])))
        place = locate(Locality(order.country, "", order.name, order.region))
        found = min(near, key=lambda node: away((place.latitude, place.longitude), node))
        if found != min(near, key=lambda node: away(order.point, node)):
            wrong.append((order, found, place.precision))

    assert len(wrong) / len(orders) <= 0.02, wrong
    rough = [one for one in wrong if one[2] in (Precision.REGION, Precision.COUNTRY)]
    assert len(wrong) - len(rough) <= 0.01 * len(orders), (
        "where it is wrong, the precision says so or two are about as far"
    )
