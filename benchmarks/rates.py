"""What prices of carriers cost a plan: the same orders with a rate card and without, five lines among twenty nodes, in pairs.

Both networks of a pair have the same nodes, items and policy. With the rate card there are two carriers with three zones and
surcharges each, and every strategy counts what a carrier asks in place of an amount that it counts without. Each order is
planned by both, one after the other, in the sequence A B B A, and gives one ratio of processor time.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import median, quantiles

from benchmarks.instances import Instance, Size, documents, random_instance
from domain.network import Network
from domain.sourcing import plan
from network.load import load

SIZE = Size("5 lines x 20 nodes", lines_max=5, lines_min=5, nodes=20)
SEED = 20261130
OF_A_NETWORK = 50
AMOUNT = "400.0 + 0.35 * node.distance_km"
CARRIER = """
[[carrier]]
name = "{name}"
kind = "rate_card"
dimensional_divisor = {divisor}
delivery_days = ["mon", "tue", "wed", "thu", "fri"]
{services}
[[carrier.surcharge]]
name = "fuel"
percent = 12.5
[[carrier.surcharge]]
name = "heavy"
weight_g_over = 20000
amount = 900
"""
SERVICE = """
[[carrier.service]]
name = "{name}"
[[carrier.service.zone]]
distance_km_max = 600
from_countries = ["US", "CA"]
countries = ["US", "CA"]
prices = [[1000, {low}], [5000, 990], [30000, 2190]]
days = 1
[[carrier.service.zone]]
distance_km_max = 2000
countries = ["US", "CA"]
prices = [[1000, 890], [5000, 1390], [10000, 1890], [30000, 3490]]
days = 3
[[carrier.service.zone]]
countries = ["US", "CA"]
prices = [[1000, 1190], [5000, 1790], [10000, 2290], [30000, 4490]]
days = 5
"""


@dataclass(frozen=True)
class Plan:
    """How many orders are planned."""

    orders: int

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return 2 * -(-self.orders // OF_A_NETWORK)


THOROUGH = Plan(orders=2000)
QUICK = Plan(orders=50)


@dataclass(frozen=True)
class Timed:
    """Processor milliseconds of each order's plans, in pairs."""

    items: str
    """What is known of the items."""
    with_rates: list[float] = field(default_factory=list)
    without: list[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """By order."""
        return [one / other for one, other in zip(self.with_rates, self.without, strict=True)]


def run(asked: Plan, say: Callable[[str], None]) -> list[Timed]:
    """Plan random orders with a rate card and without: of items with a weight, and of those with sides as well."""
    return [_timed(asked, say, has_sides=has_sides) for has_sides in (False, True)]


def _timed(asked: Plan, say: Callable[[str], None], *, has_sides: bool) -> Timed:
    timed = Timed("weights and sides" if has_sides else "weights")
    for number, (with_rates, without) in enumerate(pairs(asked.orders, has_sides=has_sides)):
        if number % OF_A_NETWORK == 0:
            say(f"rates: order {number} of {asked.orders}")
            for one in (with_rates, without):
                _milliseconds(one)
        first = [_milliseconds(with_rates), _milliseconds(without)]
        second = [_milliseconds(without), _milliseconds(with_rates)]
        timed.with_rates.append((first[0] + second[1]) / 2)
        timed.without.append((first[1] + second[0]) / 2)
    return timed


def pairs(count: int, *, has_sides: bool = False) -> Iterator[tuple[Instance, Instance]]:
    """The same questions in a network with a rate card, and in one without."""
    for number in range(count):
        if number % OF_A_NETWORK == 0:
            chance = random.Random(f"rates|{SEED}|{number}")
            priced, plain = networks(chance, has_sides=has_sides)
        one = random_instance(chance, SIZE, priced)
        yield one, replace(one, situation=replace(one.situation, network=plain))


def networks(chance: random.Random, *, has_sides: bool) -> tuple[Network, Network]:
    """A network with a rate card, and the same without."""
    known = documents(chance, SIZE)
    if has_sides:
        known = replace(known, items=_with_sides(chance, known.items))
    services = "".join(SERVICE.format(name=name, low=low) for name, low in (("standard", 640), ("two_day", 740)))
    cards = "".join(
        CARRIER.format(name=name, divisor=divisor, services=services)
        for name, divisor in (("post", 5000), ("van", 6000))
    )
    return load(replace(known, policy=_costing(known.policy, 'per = "carrier"'), carriers=cards)), load(
        replace(known, policy=_costing(known.policy, 'per = "shipment"'))
    )


def _with_sides(chance: random.Random, items: str) -> str:
    head, *rows = items.splitlines()
    sides = (",".join(str(chance.randint(50, 400)) for _ in range(3)) for _ in rows)
    return "\n".join(
        [f"{head},length_mm,width_mm,height_mm", *(f"{row},{own}" for row, own in zip(rows, sides, strict=True))]
    )


def _costing(policy: str, per: str) -> str:
    """The policy with one more cost in each strategy."""
    head, *strategies = policy.split("[[strategy]]\n")
    *others, last = strategies
    more = f"[[strategy.cost]]\n{per}\namount = '{AMOUNT}'\n"
    end = min((at for at in (last.find("[[exclude]]"), last.find("[transit]")) if at >= 0), default=len(last))
    return "[[strategy]]\n".join([head, *(one + more for one in others), last[:end] + more + last[end:]])


def _milliseconds(asked: Instance) -> float:
    begin = time.process_time()
    plan(asked.order, asked.wanted, asked.situation)
    return (time.process_time() - begin) * 1000


def lines(found: Sequence[Timed]) -> Iterator[str]:
    """The figures as text."""
    yield f"Plans of {SIZE.name}, each order twice with a rate card and twice without, in processor time"
    for one in found:
        ratios = one.ratios
        quarter, _, three = quantiles(ratios, n=4)
        total = sum(one.with_rates) / sum(one.without)
        yield (
            f"  items with {one.items}, {len(ratios)} orders: with {median(one.with_rates):.3f} ms, without "
            f"{median(one.without):.3f} ms (medians); in all {total:.2f}x; by order {median(ratios):.2f}x, half of them "
            f"between {quarter:.2f}x and {three:.2f}x"
        )
