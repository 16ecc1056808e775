"""What a carrier asks for a shipment: steps of weight, dimensional weight, parcels, surcharges and zones, as tables."""

import pytest

from domain.network import Area, Carrier, Item, Surcharge, Zone
from domain.rate_card import Destination, Offer, cheapest, packed, route, unit_of

MUG = Item(sku="MUG", name="Mug", weight_g=400)
KETTLE = Item(sku="KETTLE", name="Kettle", weight_g=1500, length_mm=300, width_mm=250, height_mm=200)
PILLOW = Item(sku="PILLOW", name="Pillow", weight_g=900, length_mm=600, width_mm=500, height_mm=200)
SKI = Item(sku="SKI", name="Ski", weight_g=4000, length_mm=1900, width_mm=150, height_mm=100, ships_alone=True)
PAINT = Item(sku="PAINT", name="Paint", weight_g=2000, hazmat=True)
SAFE = Item(sku="SAFE", name="Safe", weight_g=45_000)
ITEMS = {item.sku: item for item in (MUG, KETTLE, PILLOW, SKI, PAINT, SAFE)}

NEAR = Zone(((500, 500), (2000, 700), (30_000, 1500)), days=1, distance_km_max=250)
FAR = Zone(((500, 800), (2000, 1000), (30_000, 2500)), days=4)
CANADA = Zone(((2000, 2200),), days=6, area=Area(frozenset({"CA"})), from_countries=frozenset({"US"}))
CARRIER = Carrier(
    "parcel",
    "rate_card",
    services={"standard": (NEAR, FAR, CANADA)},
    surcharges=(
        Surcharge("long", 400, longest_mm_over=1200),
        Surcharge("dangerous goods", 1000, hazmat=True),
        Surcharge("island", 300, area=Area(postal_prefixes=("967", "968"))),
        Surcharge("fuel", percent_parts=10_000),
    ),
    dimensional_divisor=5000,
)
DENVER = Destination("US", "CO", "80202", 100.0)
BOSTON = Destination("US", "MA", "02108", 2800.0)
HONOLULU = Destination("US", "HI", "968 13", None)
TORONTO = Destination("CA", "ON", "M5V 2T6", 60.0)


# what ships || where || what is asked, with a tenth for fuel
PRICES = [
    ("1 MUG", DENVER, 550),  # 500
    ("5 MUG", DENVER, 770),  # 2000 g: the step counts what it names
    ("6 MUG", DENVER, 1650),  # 2400 g
    ("1 MUG", BOSTON, 880),
    ("1 PILLOW", DENVER, 1650),  # 0.06 m³ count as 12 kg
    ("1 KETTLE", DENVER, 1650),  # 15,000 cm³ by 5000 are 3 kg, more than its 1.5 kg
    ("1 SKI", DENVER, 2090),  # 5.7 kg by its volume, and too long
    ("2 SKI", DENVER, 4180),  # each one alone
    ("1 SKI, 1 MUG", DENVER, 2640),
    ("1 PAINT", DENVER, 1870),
    ("80 MUG", DENVER, 3300),  # 32 kg: two parcels of 16 kg
    ("1 SAFE", DENVER, None),  # heavier than the last step
    ("1 MUG", HONOLULU, 1210),  # no distance: only a zone without one
    ("1 MUG", TORONTO, 2420),  # near, but another country
    ("6 MUG", TORONTO, 4840),  # 2400 g: two parcels
]


@pytest.mark.parametrize(("ships", "to", "asked"), PRICES)
def test_a_shipment_costs_what_the_rate_card_says_of_its_parcels(
    ships: str, to: Destination, asked: int | None
) -> None:
    words = [one.split() for one in ships.split(", ")]
    found = route(CARRIER, "standard", "US", to)
    assert found is not None
    assert found.amount(packed([(unit_of(ITEMS[sku]), int(count)) for count, sku in words])) == asked


@pytest.mark.parametrize(
    ("service", "node", "to"),
    [("express", "US", DENVER), ("standard", "MX", DENVER), ("standard", "MX", TORONTO)],
)
def test_a_carrier_without_a_zone_for_the_way_makes_no_offer(service: str, node: str, to: Destination) -> None:
    assert route(CARRIER, service, node, to) is None


def test_the_first_zone_that_fits_decides_the_days() -> None:
    days = [found.zone.days for to in (DENVER, BOSTON, TORONTO) if (found := route(CARRIER, "standard", "US", to))]
    assert days == [1, 4, 6]


def test_the_cheapest_offer_counts_and_of_equal_ones_the_faster() -> None:
    slow, fast, dear = Offer("b", 700, 3, None), Offer("z", 700, 2, None), Offer("a", 900, 1, None)
    assert cheapest([dear, slow, fast]) == fast
    assert cheapest([]) is None
