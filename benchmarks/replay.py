"""Keeping what a sourcing round was decided from: its size, its processor time, and that of planning again and of a shadow."""

import random
import statistics
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from time import process_time

from domain.network import Network
from domain.sourcing.facts import LookedUp
from domain.sourcing.lines import with_lines
from domain.sourcing.recorded import packed
from domain.sourcing.replay import made_again
from domain.sourcing.rounds import RoundInput, decide
from domain.sourcing.shadow import Content, compared
from domain.stock import StockLevel
from tests.sourcing_rounds import PLAIN, networks, random_round

NODES, LINES, NETWORKS, ROUNDS = 20, 5, 10, 40


def rounds() -> list[tuple[Network, RoundInput]]:
    """Rounds of five lines in networks of twenty nodes, each with stock of everything: the largest input of this shape."""
    found = []
    for number, (_, network) in enumerate(networks(7, NETWORKS, nodes_max=NODES, nodes_min=NODES)):
        chance = random.Random(f"size {number}")
        for _ in range(ROUNDS):
            asked = random_round(chance, network, lines_min=LINES, lines_max=LINES)
            levels = {
                (node, sku): asked.levels.get((node, sku))
                or StockLevel(node, sku, chance.randint(0, 300), chance.randint(0, 9), 0)
                for node in network.nodes
                for sku in PLAIN
            }
            found.append((network, replace(asked, levels=levels)))
    return found


def measure() -> None:
    """Print the figures."""
    known = rounds()
    sizes, packing, again, beside = [], [], [], []
    for network, asked in known:
        planning = _seconds(partial(_planned, asked, network))
        decide(asked, network)
        content = packed(asked, network, network)
        assert content is not None
        sizes.append(len(content))
        packing.append(_seconds(partial(packed, asked, network, network)))
        again.append(_seconds(partial(made_again, content, network)) / planning)
        decided = Content(content, decide(asked, network).plan.document())
        beside.append(_seconds(partial(compared, decided, network)) / planning)
    print(f"{len(known)} rounds of {LINES} lines × {NODES} nodes, {NODES * len(PLAIN)} stock levels")
    print(f"bytes: median {statistics.median(sizes):.0f}, from {min(sizes)} to {max(sizes)}")
    print(
        f"packing: median {1e6 * statistics.median(packing):.0f} µs of processor, 95th percentile {1e6 * _p95(packing):.0f}"
    )
    for name, ratios in (("planning again", again), ("comparing under a shadow", beside)):
        print(f"{name} / planning: median {statistics.median(ratios):.2f}, 95th percentile {_p95(ratios):.2f}")


def _planned(asked: RoundInput, network: Network) -> object:
    return with_lines(*decide(replace(asked, looked_up=LookedUp()), network)[:2])


def _p95(values: list[float]) -> float:
    return sorted(values)[int(0.95 * len(values))]


def _seconds(act: Callable[[], object], times: int = 5) -> float:
    """The least processor seconds of several tries."""
    least = float("inf")
    for _ in range(times):
        began = process_time()
        act()
        least = min(least, process_time() - began)
    return least


if __name__ == "__main__":
    measure()
