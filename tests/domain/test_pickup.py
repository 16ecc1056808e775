"""What a customer may choose between when the chosen pickup node cannot hand the order out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.network import Far, Network, Place, Policy, Precision, Unfilled
from domain.pickup import as_delivery, as_place, places
from domain.sourcing import OrderFacts, Part, Plan, PlannedShipment, Wanted
from domain.sourcing.plans import Explanation
from tests.domain.test_units import ITEMS, NODES

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NEAR, FAR, FARTHER, WAREHOUSE = (
    replace(node, longitude=degrees, pickup=is_store)
    for node, degrees, is_store in zip(NODES, (1.0, 2.0, 3.0, 0.0), (True, True, True, False), strict=True)
)
NETWORK = Network(
    version="1",
    nodes={node.id: node for node in (FARTHER, WAREHOUSE, FAR, NEAR)},
    items={item.sku: item for item in ITEMS},
    policy=Policy(strategies=()),
)
ORDER = OrderFacts(
    channel="web",
    service="standard",
    country="US",
    postal_code="80202",
    place=Place(0, 0, Precision.POSTAL_CODE),
    pickup_node=FAR.id,
)
PLENTY = {(node, sku): 9 for node in NETWORK.nodes for sku in ("CHAIR", "LAMP")}


def found(available: dict[tuple[str, str], int], *wanted: Wanted) -> list[str]:
    return [node.id for node in places(ORDER, wanted, NETWORK, available)]


def plan(*, is_whole: bool) -> Plan:
    part = Part(0, "1", "CHAIR", 1)
    shipment = PlannedShipment(NEAR.id, (part,), 0.0, 0, NOON, NOON + timedelta(days=2), 2)
    explanation = Explanation(Precision.POSTAL_CODE, (), (), exact=True)
    unfilled = () if is_whole else (part,)
    return Plan("1", "direct", None, (shipment,), unfilled, Unfilled.EXCEPTION, None, explanation)


def test_other_stores_that_have_everything_are_offered_the_nearest_first() -> None:
    assert found(PLENTY, Wanted("1", "CHAIR", 2)) == [NEAR.id, FARTHER.id]


def test_of_an_address_of_military_mail_no_distance_is_shown_and_the_stores_come_by_their_ids() -> None:
    soldier = replace(ORDER, place=Place(39.8, -98.6, Precision.COUNTRY, Far.MILITARY))
    offered = places(soldier, [Wanted("1", "CHAIR", 2)], NETWORK, PLENTY)
    assert [node.id for node in offered] == sorted([NEAR.id, FARTHER.id])
    shown = [as_place(soldier, node, plan(is_whole=True)) for node in offered]
    assert [place and place.distance_km for place in shown] == [None, None]


def test_a_store_that_lacks_a_part_of_a_bundle_is_not_offered() -> None:
    wanted = (Wanted("1", "DESK-SET", 2), Wanted("2", "CHAIR", 1))
    assert found(PLENTY | {(NEAR.id, "CHAIR"): 4}, *wanted) == [FARTHER.id]
    assert found(PLENTY | {(NEAR.id, "CHAIR"): 5}, *wanted) == [NEAR.id, FARTHER.id]


def test_what_is_offered_tells_how_far_it_is_and_when_it_is_ready() -> None:
    place = as_place(ORDER, NEAR, plan(is_whole=True))
    assert place is not None
    assert (place.node, place.distance_km, place.ready_by) == (NEAR.id, 111.2, NOON)
    delivery = as_delivery(plan(is_whole=True))
    assert delivery is not None
    assert delivery.deliver_by == NOON + timedelta(days=2)


def test_what_would_leave_units_behind_is_not_offered() -> None:
    assert as_place(ORDER, NEAR, plan(is_whole=False)) is None
    assert as_delivery(plan(is_whole=False)) is None
