"""A sourcing round that is planned again from what was kept of it makes the same plan, also with other maps and calendars."""

import base64
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.network import Item, Network
from domain.sourcing.lines import with_lines
from domain.sourcing.recorded import LEVELS_MAX, packed
from domain.sourcing.replay import cause, differs, in_the_form_of, made_again
from domain.sourcing.rounds import RoundInput, decide
from domain.stock import StockLevel
from network.load import NetworkDocuments, load_applied
from tests.sourcing_rounds import networks, random_round

RECORDED = sorted(Path(__file__).parent.glob("recorded_rounds*.jsonl"))
"""Rounds of earlier versions of the program: a line for each network, and one for each of its rounds."""

PLANNING = """
import hashlib, json
from tests.domain.test_replay import planned, rounds
digest = hashlib.sha256()
for network, asked in rounds(5, 4, 10):
    content, document = planned(asked, network)
    digest.update(content + json.dumps(document).encode())
print(digest.hexdigest())
"""


def planned(asked: RoundInput, network: Network) -> tuple[bytes, dict[str, Any]]:
    """What is stored of a round: its input and its document."""
    plan, basis, _ = decide(asked, network)
    content = packed(asked, network, network)
    assert content is not None
    return content, json.loads(json.dumps(with_lines(plan, basis)))


def rounds(seed: int, networks_count: int, per_network: int) -> Iterator[tuple[Network, RoundInput]]:
    for number, (_, network) in enumerate(networks(seed, networks_count)):
        chance = random.Random(f"rounds {seed} {number}")
        for _ in range(per_network):
            yield network, random_round(chance, network)


def _with_other_data(network: Network) -> Network:
    """The same network under other data packages: every node lies elsewhere, and every day of December is a holiday."""
    december = frozenset(date(2026, 12, day) for day in range(1, 32)) | {date(2026, 11, day) for day in range(20, 31)}
    nodes = {
        name: replace(node, latitude=node.latitude + 1, longitude=node.longitude - 2, holidays=december)
        for name, node in network.nodes.items()
    }
    return replace(network, nodes=nodes)


def check(seed: int, networks_count: int, per_network: int) -> int:
    """How many rounds made the same plan again, each also under other data packages."""
    same = 0
    for network, asked in rounds(seed, networks_count, per_network):
        content, document = planned(asked, network)
        assert made_again(content, network) == document
        assert made_again(content, _with_other_data(network)) == document
        same += 1
    return same


def test_a_round_that_is_planned_again_makes_the_same_plan_with_the_same_reasons() -> None:
    assert check(1, 6, 25) == 150


@pytest.mark.long
def test_ten_thousand_rounds_of_random_networks_make_the_same_plans_again() -> None:
    assert check(2, 200, 50) == 10_000


@pytest.mark.parametrize(("file", "count"), [*zip(RECORDED, (200, 100), strict=True)], ids=["first", "with carriers"])
def test_rounds_of_an_earlier_version_make_the_same_plans_again(file: Path, count: int) -> None:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    network, replayed = None, 0
    for line in lines:
        if "network" in line:
            network = load_applied(NetworkDocuments(**line["network"]))
            continue
        assert network is not None
        made = made_again(base64.b64decode(line["input"]), network)
        assert in_the_form_of(line["decision"], made) == line["decision"]
        replayed += 1
    assert replayed == count


def test_another_process_makes_the_same_plans_though_its_sets_are_in_another_order() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", PLANNING],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert found != {b""}


def test_a_day_before_1970_or_at_its_beginning_is_kept_like_any_other() -> None:
    """A channel that knows no day may send the zero of its clock."""
    network, asked = next(rounds(1, 1, 1))
    for at in (datetime(1970, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, tzinfo=UTC)):
        dated = replace(
            asked, facts=replace(asked.facts, not_after=at, deliver_by=None, pickup_node=None, from_node=None)
        )
        content, document = planned(dated, network)
        assert not document["shipments"]
        assert made_again(content, network) == document


def test_without_what_was_looked_up_other_maps_would_have_made_other_plans() -> None:
    """So the test above tests something."""
    network, asked = next(rounds(1, 1, 1))
    others = [
        differs(
            planned(one, known)[1], planned(replace(one, looked_up=type(one.looked_up)()), _with_other_data(known))[1]
        )
        for known, one in rounds(1, 3, 10)
    ]
    assert sum(others) > 5
    assert asked.looked_up.distances.keys() <= network.nodes.keys()


def test_an_order_sees_its_items_as_they_were_ordered_when_it_is_planned_again() -> None:
    _, version = next(networks(3, 1))
    bundle = Item(sku="AB", name="Armchair and one bench", weight_g=7, components=(("A", 1), ("B", 1)))
    network = replace(version, items={**version.items, "AB": bundle})
    chance = random.Random(4)
    compared = 0
    for _ in range(40):
        asked = random_round(chance, network)
        plan, basis, _ = decide(asked, network)
        content = packed(asked, network, version)
        assert content is not None
        assert made_again(content, version) == json.loads(json.dumps(with_lines(plan, basis)))
        compared += any(one.sku == "AB" for one in asked.wanted)
    assert compared > 5


def test_what_came_out_differently_is_said_with_the_node_and_both_values() -> None:
    for network, asked in rounds(1, 3, 10):
        content, document = planned(asked, network)
        policy = network.policy
        dearer = [replace(strategy, require=None, costs=()) for strategy in policy.strategies]
        made = made_again(content, replace(network, policy=replace(policy, strategies=tuple(dearer))))
        if differs(document, made):
            assert ", was " in cause(document, made)
            return
    raise AssertionError("no round came out differently")


def test_of_a_round_that_is_too_large_nothing_is_kept() -> None:
    network, asked = next(rounds(1, 1, 1))
    many = {(f"n{number}", "A"): StockLevel(f"n{number}", "A", 1, 0, 0) for number in range(LEVELS_MAX + 1)}
    assert packed(replace(asked, levels=many), network, network) is None
