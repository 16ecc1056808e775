"""A shop whose locations are nodes: whatever is planned, rerouted or cut off, each location shows what its node shipped."""

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.channel import Done, Level, NoAnswer, Notice, Outcome, Refused
from demo.peers.shopify.shop import Bought
from demo.peers.shopify.state import Level as Stands
from demo.peers.shopify.state import Order
from domain.event import EventKind
from tests.peers.test_shopify_kind_with_the_peer import AT, KIND, Connected

NODES = ("slc", "nwk", "atl")
Parcel = tuple[str, Mapping[str, int]]
"""The node that it left, and its units by the shop's line."""


class OfNodes(Connected):
    """A shop with three locations that are nodes, and keep both items."""

    def __init__(self) -> None:
        super().__init__(mode="each")
        places = [self.own, self.shop.add_location("Newark"), self.shop.add_location("Atlanta")]
        self.at = dict(zip(NODES, places, strict=True))
        for item in self.shop.items.values():
            for place in places:
                self.shop.levels.setdefault((item.inventory_item, place.id), Stands(5))
        self.entry["locations"] = {f"gid://shopify/Location/{place.id}": node for node, place in self.at.items()}
        self.checked = self.check()

    def hear(
        self, kind: EventKind, order: Order, parcels: list[Parcel], plan: Mapping[str, Mapping[str, int]], ids: Any
    ) -> Outcome:
        """Notify the shop of an event, with the facts as they are: what left, and where the rest is reserved."""
        shipped = Counter[str]()
        for _, units in parcels:
            shipped.update(units)
        lines = [
            {"line": str(line.id), "attributes": {}, "open": 0, "backordered": 0, "allocated": 0, "cancelled": 0}
            | {"reserved": line.quantity - shipped[str(line.id)], "shipped": shipped[str(line.id)]}
            for line in order.lines
        ]
        document = {"lines": lines, "fulfillment_orders": [_fo(number, *one) for number, one in enumerate(parcels, 1)]}
        about = {"fulfillment_order": f"web-f{len(parcels)}", "node": "slc", "lines": []}
        notice = Notice("1", kind, about, str(order.id), document, ids, AT, pinned=plan)
        return self.run(KIND.notify(self.settings, notice))

    def available(self, sku: str) -> dict[str, int]:
        """What can be sold at each node."""
        item = self.shop.by_sku(sku).inventory_item
        return {node: self.shop.levels[item, place.id].available for node, place in self.at.items()}

    def assigned(self, order: Order) -> dict[tuple[str, str], int]:
        """By node and SKU, the units that the shop expects to leave there."""
        found = Counter[tuple[str, str]]()
        names = {place.id: node for node, place in self.at.items()}
        for work in order.live():
            found.update({(names[work.location.id], part.line.sku or ""): part.remaining for part in work.lines})
        return dict(+found)


def _fo(number: int, node: str, units: Mapping[str, int]) -> dict[str, Any]:
    lines = [
        {"line": line, "quantity": quantity, "shipped": quantity, "short": 0, "delivered": 0}
        for line, quantity in units.items()
    ]
    package = {"package": "1", "carrier": "UPS", "tracking": f"1Z{number}", "lines": lines}
    work = {"fulfillment_order": f"web-f{number}", "node": node, "status": "shipped"}
    return work | {"lines": lines, "packages": [package]}


def split(chance: random.Random, order: Order) -> dict[str, dict[str, int]]:
    """Any plan for an order: each unit at any node."""
    plan: dict[str, dict[str, int]] = {}
    for line in order.lines:
        for _ in range(line.quantity):
            of_node = plan.setdefault(chance.choice(NODES), {})
            of_node[str(line.id)] = of_node.get(str(line.id), 0) + 1
    return plan


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_each_location_shows_just_what_its_node_shipped_however_often_the_sender_is_cut_off(seed: int) -> None:
    chance, acme = random.Random(seed), OfNodes()
    order = acme.shop.place(Bought("SHIRT-S", chance.randint(1, 4)), Bought("CAP", chance.randint(1, 4)))
    plan = split(chance, order)
    ids: dict[str, str] = {}
    took(acme, chance, EventKind.PROMISED, order, [], plan, ids)
    sku = {str(line.id): line.sku for line in order.lines}
    wanted = {(node, sku[line]): units for node, of in plan.items() for line, units in of.items()}
    assert acme.assigned(order) == wanted, "the shop's people see what is planned"

    parcels: list[Parcel] = []
    left = [(node, line) for node, of in plan.items() for line, units in of.items() for _ in range(units)]
    chance.shuffle(left)
    while left:
        node, line = left.pop()
        rerouted = chance.choice(NODES) if chance.random() < 0.3 else node
        parcels.append((rerouted, {line: 1}))
        took(acme, chance, EventKind.SHIPPED, order, parcels, {}, ids)

    shown = Counter((one.location.id, str(part.line.id)) for one in order.fulfillments for _, part, _ in one.lines)
    assert shown == Counter((acme.at[node].id, line) for node, units in parcels for line in units)
    assert all(units == 1 for one in order.fulfillments for _, _, units in one.lines)
    assert not any(line.fulfillable for line in order.lines)


def took(
    acme: OfNodes,
    chance: random.Random,
    kind: EventKind,
    order: Order,
    parcels: list[Parcel],
    plan: Mapping[str, Mapping[str, int]],
    ids: dict[str, str],
) -> None:
    """Notify the shop until it took it; some tries break off before or after a change was made."""
    for _ in range(3):
        acme.cut = (acme.mutations + chance.randint(1, 2), chance.choice(("before", "after", "never")))
        try:
            outcome = acme.hear(kind, order, parcels, plan, ids)
        except NoAnswer:
            continue
        assert isinstance(outcome, Done), outcome
        ids |= outcome.ids
        return
    acme.cut = (0, "")
    outcome = acme.hear(kind, order, parcels, plan, ids)
    assert isinstance(outcome, Done), outcome
    ids |= outcome.ids


def test_a_move_to_a_location_that_does_not_keep_the_item_is_refused_and_the_rest_stays_reported() -> None:
    acme = OfNodes()
    order = acme.shop.place(Bought("CAP", 2))
    del acme.shop.levels[acme.shop.by_sku("CAP").inventory_item, acme.at["atl"].id]
    line = str(order.lines[0].id)
    outcome = acme.hear(EventKind.PROMISED, order, [], {"atl": {line: 2}}, {})
    assert isinstance(outcome, Refused)
    assert "Some items are not stocked at the new location." in outcome.why
    assert "let this location stock the items" in outcome.why

    acme.shop.levels[acme.shop.by_sku("CAP").inventory_item, acme.at["atl"].id] = Stands(2)
    assert acme.hear(EventKind.PROMISED, order, [], {"atl": {line: 2}}, {}) == Done({}, has_moved=True)
    assert acme.assigned(order) == {("atl", "CAP"): 2}


def test_a_level_is_set_at_the_location_of_its_node_only() -> None:
    acme = OfNodes()
    stands = acme.run(KIND.stock(acme.settings, "k", [Level("CAP", 9, None, KIND.places(acme.settings)["nwk"])]))
    assert stands == {"CAP": 9}
    assert acme.available("CAP") == {"slc": 5, "nwk": 9, "atl": 5}


def test_a_move_changes_what_can_be_sold_at_both_locations_and_the_sender_is_to_compare_them() -> None:
    acme = OfNodes()
    order = acme.shop.place(Bought("CAP", 2))
    before = acme.available("CAP")
    outcome = acme.hear(EventKind.PROMISED, order, [], {"nwk": {str(order.lines[0].id): 2}}, {})
    assert isinstance(outcome, Done)
    assert outcome.has_moved
    assert acme.available("CAP") != before
    assert sum(acme.available("CAP").values()) == sum(before.values())


@pytest.mark.parametrize("node", NODES)
def test_a_pickup_is_an_order_for_the_node_of_its_location(node: str) -> None:
    acme = OfNodes()
    order = acme.shop.place(Bought("CAP", 1), location=acme.at[node].id)
    said = acme.by_graphql(order).order
    assert said is not None
    assert said.pickup_node == node


def test_what_a_till_hands_over_is_off_its_node_and_what_comes_back_is_there_again() -> None:
    acme = OfNodes()
    order = acme.shop.place(Bought("CAP", 3), Bought("SHIRT-S"), at_the_till=True, location=acme.at["nwk"].id)
    said = acme.by_graphql(order)
    assert (said.order, said.why_not) == (None, "sold at the till")
    assert said.sold_there == {"slc": {}, "nwk": {"CAP": 3, "SHIRT-S": 1}, "atl": {}}
    acme.shop.refund(order, {order.lines[0].id: 2})
    assert acme.by_graphql(order).sold_there["nwk"] == {"CAP": 1, "SHIRT-S": 1}


def test_a_till_takes_nothing_off_a_node_that_reports_it_itself_or_of_an_order_from_before_the_connection() -> None:
    acme = OfNodes()
    order = acme.shop.place(Bought("CAP"), at_the_till=True, location=acme.at["nwk"].id)
    acme.entry["till_sales"] = False
    assert acme.by_graphql(order).sold_there == {}
    acme.entry["till_sales"] = True
    acme.kept = {**acme.kept, "connected_at": acme.clock().isoformat()}
    assert acme.by_graphql(order).sold_there == {}
