"""Makes random questions to the planner, with every feature of the policy: a network and its orders from one seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from domain.network import Item, Network, Place, Precision, ShipComplete
from domain.sourcing import NodeLoad, OrderFacts, Situation, Wanted
from network.load import NetworkDocuments, load

KINDS = ("dc", "store", "3pl", "vendor")
ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix", "UTC")
SERVICES = ("standard", "standard", "two_day", "next_day")
CHANNELS = ("web", "marketplace", "wholesale")
RANKS = ("cost", "shipments", "distance", "days", "priority")
ITEMS = 40
BUNDLES = 8

AMOUNTS = {
    "shipment": (
        "500.0 + 0.4 * node.distance_km",
        "node.distance_km < 800.0 ? 450 : 900",
        "350 + 40 * node.promise_days",
        "order.service == 'next_day' ? 1500.5 : 300.25",
        "600",
    ),
    "unit": ("25", "node.kind == 'store' ? 60 : 20", "node.priority * 3", "12.5"),
    "kg": ("80", "20.0 + 0.05 * node.distance_km", "node.country == order.country ? 30 : 110"),
}
CONDITIONS = (
    "node.kind == 'store' && node.open_orders > 20",
    "node.kind == 'vendor'",
    "order.weight_kg > 10.0",
    "node.capacity_left < 50",
    "node.distance_km > 1500.0 && order.channel != 'wholesale'",
)
REQUIREMENTS = (
    "node.distance_km <= 3500.0",
    "node.promise_days <= 6",
    "node.open_orders < 45",
    "node.kind != 'vendor' || order.value < 20000",
)
EXCLUSIONS = (
    ("item.category == 'perfume' && node.country != order.country", "no perfume across a border"),
    ("'fragile' in item.tags && node.kind == 'store'", "stores do not pack glass"),
    ("item.weight_g > 8000 && node.distance_km > 2500.0", "too heavy to go so far"),
)


@dataclass(frozen=True)
class Size:
    """The size of the questions: the most lines of an order, and the number of nodes."""

    name: str
    lines_max: int
    nodes: int
    shipments_max: int = 3
    lines_min: int = 1


@dataclass(frozen=True)
class Instance:
    """One question to the planner."""

    order: OrderFacts
    wanted: Sequence[Wanted]
    situation: Situation


def instances(size: Size, count: int, seed: int, orders_per_network: int = 100) -> Iterator[Instance]:
    """Random questions of a size; the same seed makes the same questions."""
    for number in range(count):
        if number % orders_per_network == 0:
            chance = random.Random(f"{size.name}|{seed}|{number}")
            network = random_network(chance, size)
        yield random_instance(chance, size, network)


def random_network(chance: random.Random, size: Size) -> Network:
    """Nodes of all kinds, items, bundles that share components, and a policy that uses everything."""
    return load(documents(chance, size))


def documents(chance: random.Random, size: Size) -> NetworkDocuments:
    """The files of such a network."""
    nodes = "\n".join(_node(chance, number) for number in range(size.nodes))
    return NetworkDocuments(nodes, _policy(chance, size), _items(chance))


VERY_LARGE = Size("1,000 lines x 100 nodes", lines_min=1000, lines_max=1000, nodes=100, shipments_max=10)
VERY_LARGE_POLICY = """
version = "very large"
[sets]
all = "true"
[[strategy]]
id = "cheapest"
when = "true"
rank = ["cost", "shipments", "distance"]
[[strategy.tier]]
from = ["all"]
max_shipments = 10
split_line = true
[[strategy.cost]]
per = "shipment"
amount = "500.0 + 0.4 * node.distance_km"
[[strategy.cost]]
per = "kg"
amount = "20.0 + 0.05 * node.distance_km"
[transit]
standard = [[20000, 5]]
"""


def very_large(count: int, seed: int) -> Iterator[Instance]:
    """Orders of a thousand lines, all of different items; each item is in stock at about half of the nodes."""
    chance = random.Random(f"{VERY_LARGE.name}|{seed}")
    items = [f"S{number},Item {number},{chance.randint(50, 12000)},0,,," for number in range(VERY_LARGE.lines_max)]
    documents = NetworkDocuments(
        "\n".join(_node(chance, number) for number in range(VERY_LARGE.nodes)),
        VERY_LARGE_POLICY,
        "\n".join(["sku,name,weight_g,safety_stock,components,category,tags", *items]) + "\n",
    )
    network = load(documents)
    for _ in range(count):
        wanted = [Wanted(str(line), f"S{line}", chance.randint(1, 3)) for line in range(VERY_LARGE.lines_max)]
        supply = {
            (node, one.sku): chance.randint(1, 5) for node in network.nodes for one in wanted if chance.random() < 0.5
        }
        now = datetime(2026, 11, 23, 10, tzinfo=UTC)
        order = replace(_order(chance, network, wanted), service="standard", pickup_node=None, ship_complete=None)
        yield Instance(order, wanted, Situation(network=network, supply=supply, now=now))


def _node(chance: random.Random, number: int) -> str:
    kind = KINDS[number % 3] if number < 3 else chance.choice(KINDS)
    optional = [
        "handling_days = 1",
        "capacity_per_day = 100",
        'working_days = ["mon", "tue", "wed", "thu", "fri", "sat"]',
    ]
    optional += ['holidays = "US"', f"priority = {chance.randint(1, 30)}", 'cutoff = "12:00"', "pickup = true"]
    chosen = "\n".join(chance.sample(optional, chance.randint(0, 4)))
    return (
        f'[[node]]\nid = "n{number:03}"\nkind = "{kind}"\ncountry = "{chance.choice(["US", "US", "US", "CA"])}"\n'
        f"latitude = {chance.uniform(28, 48):.4f}\nlongitude = {chance.uniform(-122, -72):.4f}\n"
        f'time_zone = "{chance.choice(ZONES)}"\n{chosen}\n'
    )


def _items(chance: random.Random) -> str:
    rows = ["sku,name,weight_g,safety_stock,components,category,tags"]
    for number in range(ITEMS):
        category = chance.choice(["", "", "", "perfume"])
        tags = chance.choice(["", "", "fragile", "fragile large"])
        rows.append(f"S{number},Item {number},{chance.randint(50, 12000)},0,,{category},{tags}")
    for number in range(BUNDLES):
        parts = chance.sample(range(10), chance.randint(2, 3))
        components = " ".join(f"S{part}*{chance.randint(1, 2)}" for part in parts)
        rows.append(f"B{number},Bundle {number},{chance.randint(500, 9000)},0,{components},,")
    return "\n".join(rows) + "\n"


def _policy(chance: random.Random, size: Size) -> str:
    sets = "version = 'random'\n[sets]\nall = 'true'\nours = 'node.kind in [\"dc\", \"store\", \"3pl\"]'\n"
    strategies = [
        _strategy(chance, size, "first", f"order.channel == '{chance.choice(CHANNELS)}' && order.units > 3"),
        _strategy(chance, size, "second", f"order.service == '{chance.choice(SERVICES)}'"),
        _strategy(chance, size, "last", "true"),
    ]
    excluded = chance.sample(EXCLUSIONS, chance.randint(0, len(EXCLUSIONS)))
    exclusions = [f'[[exclude]]\nwhen = "{when}"\nreason = "{reason}"\n' for when, reason in excluded]
    transit = "[transit]\nstandard = [[250, 1], [1000, 3], [2500, 4], [20000, 6]]\ntwo_day = [[4000, 2]]\n"
    return sets + "".join(strategies) + "".join(exclusions) + transit + "next_day = [[2000, 1]]\n"


def _strategy(chance: random.Random, size: Size, name: str, when: str) -> str:
    rank = ", ".join(f'"{one}"' for one in _rank(chance))
    complete = chance.choice(["order", "line", "no", "no"])
    unfilled = chance.choice(["backorder", "exception", "cancel"])
    text = f'[[strategy]]\nid = "{name}"\nwhen = "{when}"\nrank = [{rank}]\nship_complete = "{complete}"\n'
    text += f'unfilled = "{unfilled}"\n{_require(chance, 0.3)}'
    tier = '[[strategy.tier]]\nfrom = ["{}"]\n'
    if name == "last" or chance.random() < 0.5:
        text += tier.format("ours") + _require(chance, 0.2)
    text += tier.format("all" if name == "last" else chance.choice(["all", "ours"])) + _require(chance, 0.2)
    text += f"max_shipments = {chance.randint(2, size.shipments_max)}\n"
    text += f"split_line = {str(chance.random() < 0.5).lower()}\n"
    for per, amounts in AMOUNTS.items():
        for amount in chance.sample(amounts, chance.randint(int(per == "shipment"), 2)):
            condition = f'when = "{chance.choice(CONDITIONS)}"\n' if chance.random() < 0.4 else ""
            text += f'[[strategy.cost]]\nper = "{per}"\namount = "{amount}"\n{condition}'
    return text


def _rank(chance: random.Random) -> list[str]:
    """The usual rank half of the time, otherwise any."""
    if chance.random() < 0.5:
        return ["cost", "shipments", "distance"]
    return chance.sample(RANKS, chance.randint(1, len(RANKS)))


def _require(chance: random.Random, share: float) -> str:
    return f'require = "{chance.choice(REQUIREMENTS)}"\n' if chance.random() < share else ""


def random_instance(chance: random.Random, size: Size, network: Network) -> Instance:
    """A random order within the size, and the stock of its nodes."""
    nodes = sorted(network.nodes)
    wanted = _wanted(chance, size, network, nodes)
    density, plenty = chance.uniform(0.15, 0.9), chance.choice([0.7, 1.5, 4.0])
    needed: dict[str, int] = {}
    for one in wanted:
        for sku, count in network.components(one.sku):
            needed[sku] = needed.get(sku, 0) + count * one.quantity
    supply = {
        (node, sku): chance.randint(0, max(1, round(plenty * units)))
        for node in nodes
        for sku, units in needed.items()
        if chance.random() < density
    }
    situation = Situation(
        network=network,
        supply=supply,
        now=datetime(2026, 11, 23, tzinfo=UTC) + timedelta(minutes=chance.randrange(14 * 24 * 60)),
        workload={node: NodeLoad(chance.randint(0, 60), chance.randint(0, 110)) for node in nodes},
        paused=frozenset(node for node in nodes if chance.random() < 0.03),
    )
    return Instance(_order(chance, network, wanted), wanted, situation)


def _wanted(chance: random.Random, size: Size, network: Network, nodes: Sequence[str]) -> list[Wanted]:
    """Lines, some of the same SKU, some of bundles, some in two parts with nodes that were tried already."""
    wanted: list[Wanted] = []
    for line in range(chance.randint(size.lines_min, size.lines_max)):
        sku = _sku(chance, network)
        quantity = chance.choice([1, 1, 1, 2, 2, 3, 5, 12])
        tried = tuple(chance.sample(nodes, min(len(nodes), 2))) if chance.random() < 0.1 else ()
        wanted.append(Wanted(str(line), sku, quantity, 1 + bool(tried), tried))
        if tried and chance.random() < 0.5 and len(wanted) < size.lines_max:
            wanted.append(Wanted(str(line), sku, chance.randint(1, 3)))
    return wanted[: size.lines_max]


def _sku(chance: random.Random, network: Network) -> str:
    """A bundle, one of the items that bundles are made of, or any item."""
    kind = chance.random()
    if kind < 0.08:
        return f"B{chance.randrange(BUNDLES)}"
    return f"S{chance.randrange(10 if kind < 0.2 else ITEMS)}"


def _order(chance: random.Random, network: Network, wanted: Sequence[Wanted]) -> OrderFacts:
    items: list[tuple[Item, int]] = [(network.items[one.sku], one.quantity) for one in wanted]
    collecting = sorted(node.id for node in network.nodes.values() if node.pickup)
    return OrderFacts(
        channel=chance.choice(CHANNELS),
        service=chance.choice(SERVICES),
        country=chance.choice(["US", "US", "CA"]),
        postal_code="",
        place=Place(chance.uniform(28, 48), chance.uniform(-122, -72), Precision.POSTAL_CODE),
        value=chance.randint(1000, 40000),
        units=sum(quantity for _, quantity in items),
        weight_kg=sum(item.weight_g * quantity for item, quantity in items) / 1000,
        ship_complete=chance.choice(list(ShipComplete)) if chance.random() < 0.1 else None,
        pickup_node=chance.choice(collecting) if collecting and chance.random() < 0.03 else None,
    )
