"""Which holds the policy places on a new order, and what it says of those that others place."""

from dataclasses import replace

import pytest

from domain.hold import Placement, by_policy, by_request
from domain.network import HoldStock, Policy
from network.load import NetworkDocuments, load
from tests.sourcing_text import order_of

POLICY = """
version = "1"
[sets]
all = 'true'
[[strategy]]
id = "all"
when = 'true'
[[strategy.tier]]
from = ["all"]

[[hold]]
id = "approval"
when = 'order.value > 500000'
reason = "orders over 5,000 are approved by finance"
owner = "finance"
[[hold]]
id = "bulk"
when = 'order.units >= 100 && order.weight_kg > 90.0'
reason = "a truck must be booked"
owner = "transport"
stock = "wait"
[[hold]]
id = "fraud"
owner = "risk"
stock = "wait"
"""
NODES = """
[[node]]
id = "denver"
kind = "dc"
country = "US"
time_zone = "America/Denver"
latitude = 39.7
longitude = -105.0
"""
ITEMS = "sku,name,weight_g,safety_stock,components\nLAMP,Lamp,900,0,\n"


def policy(text: str = POLICY) -> Policy:
    return load(NetworkDocuments(NODES, text, ITEMS)).policy


@pytest.mark.parametrize(
    ("value", "lamps", "placed"),
    [
        (500_000, 1, []),
        (500_001, 1, ["approval"]),
        (0, 100, []),
        (0, 101, ["bulk"]),
        (10**6, 101, ["approval", "bulk"]),
    ],
)
def test_the_policy_holds_what_its_rules_say_and_several_at_once(value: int, lamps: int, placed: list[str]) -> None:
    network = load(NetworkDocuments(NODES, POLICY, ITEMS))
    facts = replace(order_of(network, f"web, Denver: {lamps} LAMP"), value=value)
    assert [one.hold for one in by_policy(facts, network.policy)] == placed


def test_a_hold_of_the_policy_has_its_owner_its_reason_and_its_effect_on_stock() -> None:
    network = load(NetworkDocuments(NODES, POLICY, ITEMS))
    facts = order_of(network, "web, Denver, worth 1000000: LAMP")
    reason = "orders over 5,000 are approved by finance"
    assert by_policy(facts, network.policy) == [Placement("approval", "finance", HoldStock.RESERVE, reason, True)]


def test_an_order_does_not_get_past_a_rule_that_cannot_be_computed() -> None:
    rule = "'1000 / order.value > 1'"
    network = load(NetworkDocuments(NODES, POLICY.replace("'order.value > 500000'", rule), ITEMS))
    (placed,) = by_policy(order_of(network, "web, Denver, worth 0: LAMP"), network.policy)
    assert placed.reason == "orders over 5,000 are approved by finance (cannot tell: divide by zero)"


def test_a_hold_by_request_has_the_owner_and_the_stock_that_the_policy_gives_its_name() -> None:
    assert by_request("fraud", policy(), "odd", is_by_channel=False) == Placement(
        "fraud", "risk", HoldStock.WAIT, "odd"
    )
    assert by_request("approval", policy(), is_by_channel=False) == Placement("approval", "finance")
    assert by_request("payment", policy(), is_by_channel=True) == Placement("payment", is_by_channel=True)
