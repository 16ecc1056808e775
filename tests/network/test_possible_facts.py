"""That a rule cannot hold is said only when it is so: random rules beside random facts, and beside the engine."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain.network import Fact, Item, RuleLine, TransitBand
from domain.sourcing.rules import lasting_facts
from network.expressions import Answer, CelExpression, compile_rule
from network.load import NetworkDocuments, load
from network.possible_facts import World, can_hold
from network.reach import always, covers, wanted
from network.rule_names import Sight
from tests.network.test_mistakes import ITEMS, NODES, POLICY

NETWORK = load(NetworkDocuments(NODES, POLICY, ITEMS))
TRANSIT = {"standard": (TransitBand(250, 1), TransitBand(20_000, 6)), "two_day": (TransitBand(20_000, 2),)}

texts = {
    "order.channel": ["web", "b2b", "other"],
    "order.service": ["standard", "two_day"],
    "order.country": ["US", "CA", "FR"],
    "node.country": ["US", "CA", "FR"],
    "node.kind": ["dc", "store", "3pl", "vendor"],
    "item.category": ["perfume", "", "lamp"],
    "node.region": ["west", "east", ""],
    "order.reference": ["A", ""],
}
numbers = {
    "order.value": st.integers(0, 6),
    "order.units": st.integers(1, 6),
    "order.priority": st.integers(1, 9),
    "node.open_orders": st.integers(0, 6),
    "node.priority": st.integers(0, 6),
}
tags = st.lists(st.sampled_from(["glass", "heavy", "gift"]), unique=True)


def _of_text(name: str) -> st.SearchStrategy[str]:
    value = st.sampled_from(texts[name]).map('"{}"'.format)
    return (
        st.builds(f"{name} {{}} {{}}".format, st.sampled_from(["==", "!="]), value)
        | st.builds(f"{name} in [{{}}, {{}}]".format, value, value)
        | st.builds(f"{name}.startsWith({{}})".format, value)
        | st.builds(f"size({name}) > {{}}".format, st.integers(0, 6))
    )


relations = st.sampled_from(["<", "<=", "==", "!=", ">", ">="])
names_of_numbers = st.sampled_from(sorted(numbers))
of_numbers = st.builds("{} {} {}".format, names_of_numbers, relations, st.integers(-2, 10)) | st.builds(
    "{} {} {} {} {}".format, names_of_numbers, st.sampled_from("+-*"), names_of_numbers, relations, st.integers(-9, 40)
)
of_distance = st.builds(
    "node.distance_km * {} {} {}".format, st.sampled_from([0.5, -1.0]), relations, st.sampled_from([-1.0, 0.0, 40.0])
) | st.builds("node.distance_km {} {}".format, relations, st.sampled_from([-1.0, 0.0, 40.0, 20_015.0]))
of_tags = st.sampled_from(
    [
        '"glass" in item.tags',
        'item.tags.exists(tag, tag == "heavy")',
        'item.tags.all(tag, tag != "gift")',
        "size(item.tags) == 0",
        'item.tags.exists_one(tag, tag.startsWith("g"))',
        '"glass" in node.tags',
        '"heavy" in order.tags',
        'order.tags.all(tag, tag != "gift")',
    ]
)
of_lines = st.sampled_from(
    [
        'order.lines.exists(line, "glass" in line.item.tags)',
        'order.lines.all(line, line.item.category == "lamp")',
        'order.lines.exists(line, line.item.category == "lamp" && line.item.category == "perfume")',
        "order.lines.exists(line, line.quantity < 1)",
        "order.lines.all(line, line.quantity > 0)",
        "order.lines.all(line, line.quantity > 2)",
        "order.lines.exists_one(line, line.item.hazmat)",
        "order.lines.exists_one(line, line.quantity < 1)",
        "order.lines.exists(line, line.item.weight_g < 0)",
        'order.lines.exists(line, line.attributes.size == "L")',
        "order.lines.map(line, line.quantity).exists(one, one > 2)",
        "size(order.lines) > 1",
        "size(order.lines.filter(line, line.quantity > 0)) > 1",
    ]
)
of_flags = st.sampled_from(
    ["item.hazmat", "!item.ships_alone", "item.hazmat == item.ships_alone", 'order.attributes.a == "L"']
)
atoms = (
    st.one_of([_of_text(name) for name in texts])
    | of_numbers
    | of_distance
    | of_tags
    | of_lines
    | of_flags
    | st.sampled_from(["order.country == node.country", "order.country != node.country", "true"])
)
rules = st.recursive(
    atoms,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "||"]), inner)
        | st.builds("!({})".format, inner)
        | st.builds("({} ? {} : {})".format, inner, inner, inner)
    ),
    max_leaves=7,
)
lines = st.builds(
    RuleLine,
    st.builds(
        Item,
        sku=st.just("A"),
        name=st.just("A"),
        weight_g=st.integers(0, 3),
        category=st.sampled_from(texts["item.category"]),
        tags=tags.map(tuple),
        hazmat=st.booleans(),
    ),
    st.integers(1, 4),
    attributes=st.sampled_from([{}, {"size": "L"}]),
)
facts = st.fixed_dictionaries(
    {
        **{name: st.sampled_from(values) for name, values in texts.items()},
        **numbers,
        "item.tags": tags,
        "node.tags": tags,
        "order.tags": tags,
        "item.hazmat": st.booleans(),
        "item.ships_alone": st.booleans(),
        "order.attributes": st.sampled_from([{}, {"a": "L"}, {"a": "M"}]),
        "order.lines": st.lists(lines, min_size=1, max_size=3),
        "node.distance_km": st.sampled_from([0.0, 39.0, 40.0, 41.0, 20_015.0]) | st.floats(0, 20_000),
    }
)
thoroughly = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def compiled(source: str) -> CelExpression:
    return compile_rule(source, Sight.EXCLUDE, Answer.CONDITION)


@given(rules, facts)
@thoroughly
def test_a_rule_that_holds_for_some_facts_is_never_said_to_hold_for_none(source: str, seen: dict[str, Fact]) -> None:
    rule = compiled(source)
    answer = replace(rule, plain=None).evaluate(seen)
    assume(isinstance(answer, bool))
    assert can_hold(wanted(rule, answer=bool(answer)), World(transit=TRANSIT))
    assert always(rule, TRANSIT) in (None, answer)


@given(rules, rules, facts)
@thoroughly
def test_a_rule_that_holds_where_others_do_not_is_never_said_to_be_covered(
    source: str, other: str, seen: dict[str, Fact]
) -> None:
    rule, earlier = compiled(source), compiled(other)
    assume(rule.evaluate(seen) is True and earlier.evaluate(seen) is False)
    assert not covers([earlier], rule)


@given(rules, facts, st.sampled_from(sorted(NETWORK.nodes)))
@thoroughly
def test_a_node_that_meets_a_rule_is_never_overlooked(source: str, seen: dict[str, Fact], name: str) -> None:
    node = NETWORK.nodes[name]
    its = {**lasting_facts(node)}
    rule = compiled(source)
    assume(rule.evaluate({**seen, **its}) is True)
    assert can_hold(wanted(rule), World(transit=TRANSIT, nodes=[NETWORK.nodes[one] for one in sorted(NETWORK.nodes)]))


# a rule || what it answers for every order, node and item; - = it depends on them
ALWAYS = """
order.channel == "a" && order.channel == "b"                 || never
order.channel == "a" || order.channel == "b"                 || -
order.channel != "a" || order.channel != "b"                 || always
!(order.channel == "a") && order.channel in ["a"]            || never
order.channel == "a" ? order.channel == "b" : false          || never
order.service != "standard" && order.service != "two_day"    || never
order.service in ["standard", "two_day"]                     || -
order.value > 100 && order.value < 50                        || never
order.value > 100 && order.value < 101                       || never
order.value > 100 && order.value < 102                       || -
order.value == 3 || -
order.value >= 3 && order.value <= 3 || -
order.weight_kg == 1.5 || -
order.weight_kg > 1.0 && order.weight_kg < 1.1               || -
order.units < 1                                              || never
order.units >= 1                                             || always
order.priority > 9                                           || never
size(order.region) < 0                                       || never
order.country == node.country && order.country != node.country || never
order.country != node.country                                || -
node.distance_km < 0.0                                       || never
node.distance_km * 2.0 < 0.0                                 || never
node.distance_km > 20100.0                                   || never
double(node.promise_days) < 0.0                              || never
node.capacity_left < 1                                       || never
node.kind == "dc" && node.kind == "store"                    || never
node.kind in ["dc", "3pl", "store", "vendor"]                || always
"a" in item.tags && !("a" in item.tags)                      || never
"a" in item.tags && "b" in item.tags                         || -
item.weight_g >= 0                                           || always
1 / node.priority > 5                                        || -
order.postal_code.matches("[0-9]+") && order.value < 0       || never
"""


@pytest.mark.parametrize(
    ("source", "answer"), [tuple(cell.strip() for cell in row.rsplit("||", 1)) for row in ALWAYS.strip().splitlines()]
)
def test_what_a_rule_always_answers_is_found(source: str, answer: str) -> None:
    assert always(compiled(source), TRANSIT) is {"never": False, "always": True, "-": None}[answer]
