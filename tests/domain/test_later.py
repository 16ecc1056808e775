"""Units that wait for goods are promised the shipment that would be planned if the goods were there."""

import random
from dataclasses import replace

import pytest

from domain.sourcing import Situation, Wanted, plan
from domain.sourcing.later import shipment_later
from domain.sourcing.planner import strategy_for
from tests.sourcing_rounds import MONDAY, PLAIN, networks, random_round


@pytest.mark.parametrize("seed", range(3))
def test_a_shipment_of_one_node_is_the_one_that_is_planned_when_no_other_node_has_the_goods(seed: int) -> None:
    """The plan decides among all nodes; the goods lie at one of them."""
    found: list[bool] = []
    for number, (_, network) in enumerate(networks(f"later {seed}", 12)):
        chance = random.Random(f"{seed} {number}")
        for asked in (random_round(chance, network) for _ in range(4)):
            facts = replace(asked.facts, deliver_by=None)
            wanted = Wanted("1", chance.choice(PLAIN), chance.randint(1, 4))
            for node in network.nodes:
                supply = {(node, wanted.sku): wanted.quantity}
                whole = plan(facts, [wanted], Situation(network=network, supply=supply, now=MONDAY))
                alone = shipment_later(network, asked.facts, strategy_for(facts, network), wanted, node, MONDAY)
                assert alone == (None if whole.unfilled else whole.shipments[0])
                found.append(alone is None)
    assert {True, False} == set(found)
