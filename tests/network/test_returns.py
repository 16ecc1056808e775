"""The rules for returns in policy.toml: what they say, and every mistake on its line."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.network import Network, ReturnRules
from domain.returns import Condition, Disposition
from network.load import load
from tests.network.test_load import RIGHT, mistakes

RETURNS = """[returns]
window = "30d"
reasons = ["too_small", "broken"]
accepting = ["warehouses"]
approve_below = 20000
[returns.dispositions]
used = "scrap"
[[returns.rule]]
when = 'order.channel == "web" && item.category == "perfume"'
window = "14d"
[[returns.rule]]
when = '"final" in item.tags'
final_sale = true
[[returns.rule]]
when = 'item.category == "fur"'
receive_at = "slc"
"""
BEGINS = RIGHT.policy.splitlines().index("[returns]") + 1


def network(returns: str) -> Network:
    """The right network with another table of returns."""
    return load(replace(RIGHT, policy=RIGHT.policy.replace('[returns]\nwindow = "30d"\n', returns, 1)))


def rules(returns: str = RETURNS) -> ReturnRules:
    """What a table says."""
    return network(returns).policy.returns


def test_a_table_with_a_window_alone_is_all_that_a_policy_needs() -> None:
    alone = rules('[returns]\nwindow = "10d"\n')
    assert alone.terms.window == timedelta(days=10)
    assert (alone.rules, alone.reasons, alone.approve_below, alone.accepts("anywhere")) == ((), None, None, True)


@pytest.mark.parametrize(
    ("channel", "category", "tags", "window_days", "final_sale"),
    [
        ("web", "perfume", [], 14, False),
        ("shop", "perfume", [], 30, False),
        ("web", "perfume", ["final"], 14, False),
        ("shop", "perfume", ["final"], 30, True),
        ("web", "fur", [], 30, False),
    ],
)
def test_the_first_rule_that_holds_decides_and_the_table_says_the_rest(
    channel: str, category: str, tags: list[str], window_days: int, final_sale: bool
) -> None:
    found = rules().terms_of({"order.channel": channel, "item.category": category, "item.tags": tags})
    assert (found.window, found.final_sale) == (timedelta(days=window_days), final_sale)
    assert found.receive_at == ("slc" if category == "fur" else "nearest")


def test_dispositions_that_the_policy_does_not_name_are_the_usual_ones() -> None:
    assert rules().dispositions == {
        Condition.AS_NEW: Disposition.RESTOCK,
        Condition.USED: Disposition.SCRAP,
        Condition.DAMAGED: Disposition.QUARANTINE,
        Condition.WRONG_ITEM: Disposition.QUARANTINE,
    }


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        ('"too_small", "broken"', '"Too small"', 2, "a reason must be 1 to 32 of a-z"),
        ('"too_small", "broken"', '"broken", "broken"', 2, "reasons names 'broken' twice"),
        ('["too_small", "broken"]', "[]", 2, "reasons must be a list that is not empty"),
        ('["warehouses"]', '["warehouse"]', 3, "did you mean 'warehouses'?"),
        ("20000", "-1", 4, "approve_below must be a whole number of at least 0, not -1"),
        ("20000", "200.0", 4, "approve_below must be a whole number"),
        ('used = "scrap"', 'used = "scrapped"', 6, "did you mean 'scrap'?"),
        ('used = "scrap"', 'worn = "scrap"', 6, "unknown key 'worn'"),
        ('used = "scrap"', 'wrong_item = "restock"', 6, "cannot be restocked in place of"),
        ("order.channel ==", "order.chanel ==", 8, "did you mean order.channel?"),
        ('item.category == "fur"', 'node.kind == "dc"', 14, "may use only item.* and order.*"),
        ('item.category == "fur"', "item.weight_g", 14, "it must be a condition"),
        ('item.category == "fur"', "false", 14, "its when is never true"),
        ("'\"final\" in item.tags'", "'true'", 14, "one before it always applies"),
        ('item.category == "fur"', '"final" in item.tags', 14, "one before it has the same when"),
        ('window = "14d"', 'window = "two weeks"', 9, "window must be a time span"),
        ('window = "14d"', "windows = 14", 9, "unknown key 'windows'; did you mean 'window'?"),
        ("final_sale = true", 'final_sale = true\nwindow = "1d"', 12, "a final sale has no window"),
        ("20000", '20000\nrefund_on = "grade"', 5, "did you mean 'grading'?"),
        ("20000", "20000\nfee = -1", 5, "fee must be a whole number of at least 0, not -1"),
        ("20000", '20000\nfee_per = "order"', 5, "fee_per must be one of unit, return"),
        ("20000", '20000\nrefund_shipping = "yes"', 5, "refund_shipping must be true or false"),
        ('receive_at = "slc"', 'receive_at = "slk"', 15, "did you mean 'slc'?"),
    ],
)
def test_each_kind_of_mistake_in_the_rules_for_returns_is_found_on_its_line(
    right: str, wrong: str, line: int, said: str
) -> None:
    assert right in RETURNS
    text = RIGHT.policy.replace('[returns]\nwindow = "30d"\n', RETURNS.replace(right, wrong, 1), 1)
    found = mistakes(replace(RIGHT, policy=text))
    wanted = f"policy.toml:{BEGINS + line}: "
    assert [reported for reported in found if reported.startswith(wanted) and said in reported], "\n".join(found)


def test_a_node_that_is_not_accepting_returns_cannot_be_where_they_go() -> None:
    stores = RETURNS.replace('["warehouses"]', '["stores"]', 1)
    text = RIGHT.policy.replace('[returns]\nwindow = "30d"\n', stores, 1)
    (reported,) = mistakes(replace(RIGHT, policy=text))
    assert reported == f"policy.toml:{BEGINS + 15}: slc does not accept returns"
