"""What finding a place costs, against the plan of one order: 5 lines among 20 nodes, in turns in one process.

Each call finds the place of an address as the first order to it does: only its region is kept from call to call. The addresses
are of countries whose places are found in different ways: by the whole postal code, by an area or a city because the table has
not every code, or by the city because there are no codes. What a country's table takes to load, once in a process, is not
counted.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.promises import LINES, NODES, write_network
from domain.network import Locality
from domain.sourcing import OrderFacts, Situation, Wanted, plan
from domain.sourcing.facts import weight_kg
from network.geography import locate
from network.load import load, read

ADDRESSES = {
    "US": (
        Locality("US", "80202", city="Denver", region="CO"),
        Locality("US", "10001", city="New York", region="NY"),
    ),
    "BR": (
        Locality("BR", "01310-100", city="São Paulo", region="SP"),
        Locality("BR", "22041-001", city="Rio de Janeiro", region="RJ"),
        Locality("BR", "40010-000", city="Salvador", region="BA"),
    ),
    "JP": (
        Locality("JP", "100-0001", city="Chiyoda-ku", region="Tokyo"),
        Locality("JP", "060-0001", city="Sapporo", region="Hokkaido"),
    ),
    "GB": (
        Locality("GB", "SW1A 1AA", city="London"),
        Locality("GB", "EH1 1YZ", city="Edinburgh"),
    ),
    "HK": (
        Locality("HK", city="Kowloon"),
        Locality("HK", city="Central", region="HK"),
    ),
}
"""By country: streets that exist, as shops write them."""


@dataclass(frozen=True)
class Plan:
    """How many turns there are of each country, and how many calls in a turn."""

    pairs: int
    calls: int

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return self.pairs


THOROUGH = Plan(15, 300)
QUICK = Plan(1, 20)


@dataclass
class Places:
    """Processor milliseconds of a plan, and by country of finding the dearest of its addresses, by turn."""

    plans: list[float] = field(default_factory=list)
    places: dict[str, list[float]] = field(default_factory=lambda: {country: [] for country in ADDRESSES})

    def ratios(self, country: str) -> list[float]:
        """What finding the dearest address of a country costs for each plan, by turn."""
        return [found / planned for found, planned in zip(self.places[country], self.plans, strict=True)]


def run(directory: Path, wanted: Plan, say: Callable[[str], None]) -> Places:
    """Find places of every country, and plan one order in between."""
    make, found = _planner(directory), Places()
    find = locate.__wrapped__  # without what it keeps
    for addresses in ADDRESSES.values():
        for address in addresses:
            find(address)  # it loads the tables
    for pair in range(1, wanted.pairs + 1):
        say(f"places: pair {pair} of {wanted.pairs}")
        found.plans.append(_spent(wanted.calls, make))
        for country, addresses in ADDRESSES.items():
            calls = [_spent(wanted.calls, partial(find, address)) for address in addresses]
            found.places[country].append(max(calls))
    return found


def _planner(directory: Path) -> Callable[[], object]:
    """Plans one order with everything that it needs in memory."""
    network = load(read(write_network(directory)))
    wanted = [Wanted(str(n), f"S-{n}", 2) for n in range(1, LINES + 1)]
    supply = {
        (f"n{node}", f"S-{n}"): 1 if (node * 7 + n * 3) % 4 == 0 else 5
        for node in range(NODES)
        for n in range(1, LINES + 1)
    }
    situation = Situation(network=network, supply=supply, now=datetime.now(UTC))
    facts = OrderFacts(
        channel="web",
        service="standard",
        country="US",
        region="CO",
        postal_code="80202",
        place=locate(ADDRESSES["US"][0]),
        units=sum(line.quantity for line in wanted),
        weight_kg=weight_kg(network, wanted),
    )
    return lambda: plan(facts, wanted, situation)


def _spent(calls: int, call: Callable[[], object]) -> float:
    """Processor milliseconds of this process for a call."""
    began = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - began) * 1000 / calls


def lines(found: Places) -> Iterator[str]:
    """The figures as text."""
    yield f"the plan of an order, {LINES} lines among {NODES} nodes: {median(found.plans):.2f} ms of processor time"
    for country in ADDRESSES:
        ratios = [100 * ratio for ratio in found.ratios(country)]
        yield (
            f"finding the dearest address in {country}: {1000 * median(found.places[country]):.0f} µs,"
            f" {median(ratios):.1f} % of it ({min(ratios):.1f}–{max(ratios):.1f})"
        )
