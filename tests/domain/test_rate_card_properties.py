"""Prices that are computed quickly are those that the rate card says, parcel by parcel, for random cards and shipments."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from domain.network import Carrier, Surcharge, Zone
from domain.rate_card import ParcelSize, RateCards, Route, Unit, counted_weight_g, packed

GRAMS = st.integers(0, 40_000)
SIZES = st.builds(
    ParcelSize, GRAMS, st.sampled_from([0, 0, 1, 9_999_999, 60_000_000]), st.integers(0, 2000), st.booleans()
)
PLAIN = st.builds(ParcelSize, GRAMS, st.sampled_from([0, 1, 4_999_999, 60_000_000]), st.integers(0, 800))
CONTENTS = st.lists(st.tuples(st.builds(Unit, SIZES | PLAIN, st.booleans()), st.integers(1, 9)), max_size=5)
SHARED = st.lists(st.tuples(st.builds(Unit, PLAIN, st.just(value=False)), st.integers(1, 9)), min_size=1, max_size=5)
LIMITS = st.none() | st.integers(0, 35_000)
SURCHARGES = st.lists(
    st.builds(
        Surcharge,
        st.just("one"),
        st.integers(0, 900),
        st.integers(0, 30_000),
        hazmat=st.booleans(),
        weight_g_over=LIMITS,
        longest_mm_over=st.none() | st.integers(0, 1500),
    ),
    max_size=4,
)


@st.composite
def zones(draw: st.DrawFn) -> Zone:
    """Steps of a zone."""
    grams = sorted(draw(st.sets(st.integers(1, 31_000), min_size=1, max_size=5)))
    amounts = sorted(draw(st.lists(st.integers(0, 9000), min_size=len(grams), max_size=len(grams))))
    return Zone(tuple(zip(grams, amounts, strict=True)), days=1)


def asked(route: Route, surcharges: Sequence[Surcharge], content: Sequence[tuple[Unit, int]]) -> int | None:
    """What the rate card says, in the slow way: every parcel is made and priced by itself."""
    heaviest, divisor = route.zone.prices[-1][0], route.carrier.dimensional_divisor
    parcels = [(size, units) for (size, alone), units in content if alone]
    together = [(size, units) for (size, alone), units in content if not alone]
    if together:
        if any(counted_weight_g(size, divisor) > heaviest for size, _ in together):
            return None
        weight, volume = (sum(size[part] * units for size, units in together) for part in (0, 1))
        longest, hazmat = max(size.longest_mm for size, _ in together), any(size.hazmat for size, _ in together)
        number = -(-max(counted_weight_g(ParcelSize(weight, volume), divisor), 1) // heaviest)
        parcels.append((ParcelSize(-(-weight // number), -(-volume // number), longest, hazmat), number))
    total = 0
    for size, number in parcels:
        counted = counted_weight_g(size, divisor)
        if counted > heaviest:
            return None
        amount = next(price for grams, price in route.zone.prices if counted <= grams)
        due = [one for one in surcharges if _is_due(one, size, counted)]
        amount += sum(one.amount for one in due)
        parts = 100_000 + sum(one.percent_parts for one in due)
        total += number * ((amount * parts + 50_000) // 100_000)
    return total


def _is_due(one: Surcharge, size: ParcelSize, counted: int) -> bool:
    is_heavy = one.weight_g_over is None or counted > one.weight_g_over
    is_long = one.longest_mm_over is None or size.longest_mm > one.longest_mm_over
    return is_heavy and is_long and (size.hazmat or not one.hazmat)


@given(zones(), SURCHARGES, st.sampled_from([None, 4000, 5000, 6000]), CONTENTS | SHARED)
def test_a_price_that_is_computed_quickly_is_the_one_of_the_parcels(
    zone: Zone, surcharges: list[Surcharge], divisor: int | None, content: list[tuple[Unit, int]]
) -> None:
    carrier = Carrier("post", "rate_card", dimensional_divisor=divisor)
    steps = RateCards().steps(carrier, zone, tuple(surcharges))
    route = Route(carrier, zone, steps, None)

    assert route.amount(packed(content)) == asked(route, surcharges, content)
