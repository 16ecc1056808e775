"""Random networks and rounds: what a sourcing decision may depend on, each of it somewhere. The same seed gives the same."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from domain.network import EvaluationError, Far, Network, Place, Precision, RuleLine, ShipComplete
from domain.sourcing import NodeLoad, OrderFacts, Wanted
from domain.sourcing.facts import weight_kg
from domain.sourcing.rounds import RoundInput
from domain.sourcing.supply import Entitlement
from domain.stock import StockLevel
from network.load import NetworkDocuments, load_applied

MONDAY = datetime(2026, 11, 23, 6, tzinfo=UTC)
ITEMS = """sku,name,weight_g,safety_stock,components,category,tags,hazmat
A,Armchair,6000,0,,home,,
B,Bench,9000,1,,home,fragile,
C,Candle,300,0,,home,,
D,Drill,1500,0,,tools,,yes
E,Easel,2500,0,,art,fragile,
AB,Armchair and two benches,0,0,A*1 B*2,home,,
"""
RETIRED_NODE = "n99"
"""It has stock, and the network has not got it."""
PLAIN = ("A", "B", "C", "D", "E")
BUFFERS = "kind,sku,node,channel,units\nquota,A,,wholesale,3\nthreshold,C,,,2\nsafety_stock,D,n1,,2\n"
ZONES = ("America/New_York", "America/Denver", "Asia/Tokyo", "Australia/Lord_Howe")
REQUIRES = ("node.distance_km <= 2500.0", "node.promise_days <= 6", 'node.kind != "vendor"', "node.open_orders < 30")
MORE_REQUIRES = (*REQUIRES, "node.distance_km >= 400.0", "node.open_orders != 7", "node.capacity_left < 6")
"""Also such as a node may cease to meet when it is nearer, or less busy."""
COSTS = (
    'per = "shipment"\namount = "500.0 + 0.4 * node.distance_km"',
    'per = "unit"\namount = "25 + 10 * node.priority"',
    'per = "kg"\namount = "15.0"\nwhen = "node.country == order.country"',
    'per = "shipment"\namount = "400.0"\nwhen = "node.open_orders > 20"',
    'per = "shipment"\namount = "900.0"\nwhen = "node.distance_km < 400.0"',
    'per = "unit"\namount = "30.0"\nwhen = "node.capacity_left > 5"',
    'per = "shipment"\namount = "300.0"\nwhen = "order.attributes.wrap != \\"\\""',
)
CARRIERS = """
[[carrier]]
name = "van"
kind = "rate_card"
[[carrier.service]]
name = "standard"
[[carrier.service.zone]]
countries = ["US"]
distance_km_max = 1500
prices = [[1000, 300], [5000, 900], [60000, 2500]]
days = 2
[[carrier]]
name = "post"
kind = "rate_card"
delivery_days = ["mon", "tue", "wed", "thu", "fri"]
[[carrier.service]]
name = "standard"
[[carrier.service.zone]]
countries = ["US", "CA"]
prices = [[1000, 500], [5000, 800], [30000, 2000]]
days = 4
"""
BY_CARRIER = 'per = "carrier"'
RANKS = (["cost"], ["cost", "shipments", "distance"], ["distance"], ["days", "cost"], ["shipments", "priority"])


def networks(
    seed: int | str, count: int, nodes_max: int = 8, nodes_min: int = 2
) -> Iterator[tuple[NetworkDocuments, Network]]:
    """Random networks, each with its documents."""
    for number in range(count):
        chance = random.Random(f"{seed} {number}")
        documents = network_documents(chance, chance.randint(nodes_min, nodes_max))
        yield documents, load_applied(documents)


def network_documents(chance: random.Random, nodes: int) -> NetworkDocuments:
    """A network of so many nodes."""
    written = "\n".join(_node(chance, number) for number in range(nodes))
    carriers = CARRIERS if chance.random() < 0.3 else ""
    policy = _policy(chance, (*COSTS, BY_CARRIER) if carriers else COSTS)
    return NetworkDocuments(written, policy, ITEMS, BUFFERS if chance.random() < 0.5 else "", carriers=carriers)


def _node(chance: random.Random, number: int) -> str:
    capacity = chance.choice(["", f"capacity_per_day = {chance.randint(1, 20)}"])
    holidays = chance.choice(["", 'holidays = "US"'])
    return f"""
[[node]]
id = "n{number}"
kind = "{chance.choice(["dc", "store", "vendor"])}"
country = "{chance.choice(["US", "US", "CA"])}"
latitude = {chance.uniform(26, 49):.4f}
longitude = {chance.uniform(-122, -70):.4f}
time_zone = "{chance.choice(ZONES)}"
cutoff = "{chance.randint(8, 20):02}:30"
handling_days = {chance.choice([0, 0, 1])}
priority = {chance.randint(1, 30)}
safety_stock = {chance.choice([0, 0, 1])}
pickup = {chance.choice(["true", "false"])}
{capacity}
{holidays}
"""


def _policy(chance: random.Random, costs: Sequence[str]) -> str:
    strategies = "".join(
        _strategy(chance, name, when, costs)
        for name, when in (("wholesale", 'order.channel == "wholesale"'), ("others", "true"))
    )
    excluded = '[[exclude]]\nwhen = \'"fragile" in item.tags && node.kind == "store"\'\nreason = "no glass in stores"\n'
    return f"""
version = "random"
[sets]
all = 'true'
houses = 'node.kind == "dc" || node.id == "n0"'
{strategies}
{excluded if chance.random() < 0.5 else ""}
[orders]
reject_cooldown = "2d"
[transit]
standard = [[500, 1], [1500, 3], [20000, 5]]
two_day = [[3000, 2]]
[remote]
standard = 9
rate = 2000
"""


def _strategy(chance: random.Random, name: str, when: str, known_costs: Sequence[str]) -> str:
    require = f"require = '{chance.choice(MORE_REQUIRES)}'\n" if chance.random() < 0.3 else ""
    costs = "".join(f"[[strategy.cost]]\n{cost}\n" for cost in chance.sample(known_costs, chance.randint(1, 3)))
    tiers = "".join(
        f"[[strategy.tier]]\nfrom = ['{chance.choice(['all', 'all', 'houses'])}']\nmax_shipments = {chance.randint(1, 3)}\n"
        f"split_line = {chance.choice(['true', 'false'])}\n"
        + (f"require = '{chance.choice(MORE_REQUIRES)}'\n" if chance.random() < 0.3 else "")
        for _ in range(chance.randint(1, 2))
    )
    return f"""
[[strategy]]
id = "{name}"
when = '{when}'
{require}rank = {chance.choice(RANKS)}
ship_complete = "{chance.choice(["no", "no", "line", "order"])}"
unfilled = "{chance.choice(["backorder", "exception"])}"
{tiers}{costs}"""


def random_round(
    chance: random.Random, network: Network, lines_max: int = 5, lines_min: int = 1, *, plenty: bool = False
) -> RoundInput:
    """A round of some order in a network; with `plenty`, most stock levels are enough for it."""
    nodes = sorted(network.nodes)
    skus = chance.sample(sorted(network.items), chance.randint(lines_min, lines_max))
    wanted = [
        Wanted(
            str(number), sku, chance.randint(1, 4), 1, tuple(chance.sample(nodes, 1)) if chance.random() < 0.1 else ()
        )
        for number, sku in enumerate(skus, start=1)
    ]
    at = MONDAY + timedelta(minutes=chance.randint(0, 10_000))
    levels = {
        (node, sku): _level(chance, node, sku, at, plenty=plenty)
        for node in [*nodes, RETIRED_NODE]
        for sku in PLAIN
        if chance.random() < 0.8
    }
    own = {place: 1 for place, level in levels.items() if level.reserved and chance.random() < 0.1}
    return RoundInput(
        facts=_facts(chance, network, wanted, at),
        wanted=wanted,
        levels=levels,
        workload={
            node: NodeLoad(chance.randint(0, 40), chance.randint(0, 12)) for node in nodes if chance.random() < 0.8
        },
        at=at,
        entitlement=Entitlement(
            {place: level.offered_at for place, level in levels.items() if level.offered_at and chance.random() < 0.5},
            own,
            {node: date(2026, 11, 23) for node, _ in own},
            {place: 1 for place, level in levels.items() if level.offered_at and chance.random() < 0.3},
        ),
        kept_out=frozenset(chance.sample(nodes, 1)) if chance.random() < 0.05 else frozenset(),
    )


def _level(chance: random.Random, node: str, sku: str, at: datetime, *, plenty: bool) -> StockLevel:
    on_hand = 200 if plenty and chance.random() < 0.7 else chance.choice([0, 1, 2, 3, 5, 9, 200])
    level = StockLevel(node, sku, on_hand, chance.choice([0, 0, 1]), chance.choice([0, 0, 1]))
    earlier = at - timedelta(hours=chance.randint(1, 60), microseconds=chance.randint(0, 999_999))
    rare = chance.random()
    if rare < 0.03:
        return level._replace(stopped_at=earlier)
    if rare < 0.06:
        return level._replace(offered_at=earlier)
    if rare < 0.09:
        return level._replace(rejected_at=earlier)
    return level._replace(set_aside=1, lapsed=level.reserved) if rare < 0.12 else level


def _facts(chance: random.Random, network: Network, wanted: list[Wanted], at: datetime) -> OrderFacts:
    far = Far.REMOTE if chance.random() < 0.05 else None
    facts = OrderFacts(
        channel=chance.choice(["web", "wholesale"]),
        service=chance.choice(["standard", "standard", "two_day"]),
        country=chance.choice(["US", "CA"]),
        postal_code=f"{chance.randint(10000, 99999)}",
        place=Place(chance.uniform(26, 49), chance.uniform(-122, -70), chance.choice(list(Precision)), far),
        region="CO",
        currency="USD",
        value=EvaluationError("no rate from SEK to USD") if chance.random() < 0.05 else chance.randint(0, 90_000),
        units=sum(one.quantity for one in wanted),
        priority=chance.randint(1, 9),
        weight_kg=weight_kg(network, wanted),
        tags=chance.choice([[], ["vip", "größe"]]),
        attributes=chance.choice([{}, {"wrap": "red paper"}]),
        lines=[RuleLine(network.item(one.sku), one.quantity, has_gift_message=chance.random() < 0.2) for one in wanted],
    )
    more = chance.random()
    if more < 0.05:
        return replace(facts, pickup_node=chance.choice(sorted(network.nodes)))
    if more < 0.1:
        return replace(facts, from_node=chance.choice(sorted(network.nodes)))
    if more < 0.2:
        return replace(facts, deliver_by=at + timedelta(days=chance.randint(1, 6)), not_after=at + timedelta(days=9))
    return replace(facts, ship_complete=chance.choice(list(ShipComplete))) if more < 0.3 else facts
