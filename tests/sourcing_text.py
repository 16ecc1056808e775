"""Orders, stock and plans as short texts, so that tests of sourcing can be read as tables.

An order is `web, Denver: 2 CHAIR, LAMP`: a channel, a customer's town, whatever else is said of the order, and its lines.
Stock is `slc: 5 CHAIR, LAMP; nwk (full): 9 CHAIR`: the stock of each node, and its state. What ships is written
in the same way.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from domain.network import Locality, Network, RuleLine, ShipComplete, Unfilled
from domain.sourcing import CoolDown, NodeLoad, OrderFacts, Plan, Situation, Wanted, plan
from domain.sourcing.plans import Part
from network.geography import locate

MONDAY_MORNING = datetime(2026, 11, 23, 16, tzinfo=UTC)
"""Nine o'clock in Denver, eleven in New York."""

TOWNS = {
    "Denver": ("US", "80202"),
    "Boston": ("US", "02108"),
    "Chicago": ("US", "60611"),
    "Honolulu": ("US", "96813"),
    "Los Angeles": ("US", "90036"),
    "Toronto": ("CA", "M5V 2T6"),
    "a new part of Denver": ("US", "80200"),
    "an army post office": ("US", "09001"),
}
_BECOMES = {Unfilled.BACKORDER: "waits", Unfilled.EXCEPTION: "to a person", Unfilled.CANCEL: "cancelled"}


class WrittenPlan(NamedTuple):
    """What ships from where, and what becomes of the rest."""

    ships: str
    rest: str


def rows(table: str) -> list[tuple[str, ...]]:
    """The rows of a text table under its heading; cells are separated by two bars."""
    lines = [line for line in table.strip().splitlines()[1:] if line.strip()]
    return [tuple(cell.strip() for cell in line.split("||")) for line in lines]


def outcome(network: Network, order: str, stock: str) -> WrittenPlan:
    """What the network's policy makes of an order on that Monday morning."""
    decided = decide(network, order, stock)
    return WrittenPlan(
        ships="; ".join(f"{shipment.node}: {_listed(shipment.parts)}" for shipment in decided.shipments),
        rest=f"{_BECOMES[decided.unfilled_action]}: {_listed(decided.unfilled)}" if decided.unfilled else "",
    )


def order_of(network: Network, order: str) -> OrderFacts:
    """An order as rules see it."""
    said, _, listed = order.partition(": ")
    return _facts(network, said, [Wanted("", sku, count) for sku, count in _goods(listed)])


def decide(network: Network, order: str, stock: str, now: datetime = MONDAY_MORNING) -> Plan:
    """The plan for an order, with all its reasons."""
    said, _, listed = order.partition(": ")
    levels = list(_levels(stock))
    rejected = tuple(node for node, state, _ in levels if state == "rejected")
    cooling = dict(_cooling(network, levels, now))
    wanted = [
        Wanted(str(number), sku, count, tried=rejected) for number, (sku, count) in enumerate(_goods(listed), start=1)
    ]
    situation = Situation(
        network=network,
        supply={
            (node, sku): max(0, count - network.safety_stock(node, sku))
            for node, _, goods in levels
            for sku, count in _stocked(network, goods)
            if (node, sku) not in cooling
        },
        now=now,
        workload={node: _load(network, node, state) for node, state, _ in levels},
        paused=frozenset(node for node, state, _ in levels if state == "paused"),
        cooling=cooling,
    )
    return plan(_facts(network, said, wanted), wanted, situation)


def _facts(network: Network, said: str, wanted: Iterable[Wanted]) -> OrderFacts:
    """An order by what is said of it, such as `web, Denver, next_day, gold customer, worth 9900, tagged vip`."""
    channel, town, *more = said.split(", ")
    country, postal_code = TOWNS[town]
    facts = OrderFacts(
        channel=channel,
        service="standard",
        country=country,
        postal_code=postal_code,
        place=locate(Locality(country, postal_code)),
        units=sum(one.quantity for one in wanted),
        weight_kg=sum(one.quantity * network.items[one.sku].weight_g for one in wanted) / 1000,
        lines=[RuleLine(network.items[one.sku], one.quantity) for one in wanted],
    )
    for words in more:
        facts = _with(facts, network, words)
    return facts


def _with(facts: OrderFacts, network: Network, words: str) -> OrderFacts:
    first, _, last = words.rpartition(" ")
    if first == "tagged":
        return replace(facts, tags=[*facts.tags, last])
    if first.startswith("with "):
        return replace(facts, attributes={**facts.attributes, first.removeprefix("with "): last})
    if first == "worth":
        return replace(facts, value=int(last))
    if first == "collects at":
        return replace(facts, pickup_node=last)
    if first == "goes to":
        return replace(facts, to_node=last)
    if first == "ship complete":
        return replace(facts, ship_complete=ShipComplete(last))
    if last == "customer":
        return replace(facts, customer_tier=first)
    assert words in network.policy.transit, f"{words} is no service, and nothing else that is said of an order"
    return replace(facts, service=words)


def _levels(stock: str) -> Iterator[tuple[str, str, str]]:
    """Each node with its state and its stock."""
    for entry in filter(None, stock.split("; ")):
        found = re.fullmatch(r"([a-z0-9-]+)(?: \((.*)\))?: (.*)", entry)
        assert found, f"{entry} is no node with its stock, such as `slc: 5 CHAIR`"
        yield found[1], found[2] or "", found[3]


def _cooling(
    network: Network, levels: Iterable[tuple[str, str, str]], now: datetime
) -> Iterator[tuple[tuple[str, str], CoolDown]]:
    """What a node that `rejected the last` an hour ago is not asked for, for as long as the policy says."""
    rejected_at = now - timedelta(hours=1)
    ends_at = rejected_at + network.policy.orders.reject_cooldown
    for node, state, goods in levels:
        if state == "rejected the last" and now < ends_at:
            yield from (((node, sku), CoolDown(rejected_at, ends_at)) for sku, _ in _stocked(network, goods))


def _load(network: Network, node: str, state: str) -> NodeLoad:
    """How busy a node is: `full` for today, or `25 open` fulfillment orders."""
    if state == "full":
        return NodeLoad(capacity_used_today=network.nodes[node].capacity_per_day or 0)
    return NodeLoad(open_orders=int(state.removesuffix(" open"))) if state.endswith(" open") else NodeLoad()


def _goods(listed: str) -> list[tuple[str, int]]:
    """`2 CHAIR, LAMP` as pairs."""
    words = (entry.rpartition(" ") for entry in listed.split(", "))
    return [(sku, int(count or 1)) for count, _, sku in words]


def _stocked(network: Network, listed: str) -> Iterator[tuple[str, int]]:
    """Units by stocked SKU: of a bundle, its components."""
    for sku, count in _goods(listed):
        yield from ((part, count * quantity) for part, quantity in network.components(sku))


def _listed(parts: Iterable[Part]) -> str:
    return ", ".join(part.sku if part.quantity == 1 else f"{part.quantity} {part.sku}" for part in parts)
