"""Rules in Python against the rule engine: random simple rules, the same answers; and what is left to the engine."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.network import EvaluationError, Fact
from network.expressions import Answer, compile_rule
from network.rule_names import Sight

texts = st.sampled_from(["node.kind", "order.channel", "order.country", "'store'", '"web"', "'it is'"])
ints = st.sampled_from(["node.priority", "order.value", "node.open_orders", "0", "7", "20"])
doubles = st.sampled_from(["node.distance_km", "order.weight_kg", "0.4", "500.0", "1500.25"])
relations = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def joined(parts: st.SearchStrategy[str], signs: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("{} {} {}".format, parts, signs, parts)


def numbers(atoms: st.SearchStrategy[str], signs: list[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        atoms,
        lambda inner: (
            joined(inner, st.sampled_from(signs)) | st.builds("({})".format, inner) | st.builds("-{}".format, atoms)
        ),
        max_leaves=5,
    )


whole_numbers, fractions = numbers(ints, ["+", "-"]), numbers(doubles, ["+", "-", "*"])
comparisons = joined(whole_numbers, relations) | joined(fractions, relations) | joined(texts, relations)
memberships = st.builds("{} in [{}, {}]".format, texts, texts, texts) | st.just("'large' in item.tags")
conditions = st.recursive(
    comparisons | memberships | st.sampled_from(["true", "false"]),
    lambda inner: joined(inner, st.sampled_from(["&&", "||"])) | st.builds("!({})".format, inner),
    max_leaves=5,
)
amounts = fractions | whole_numbers | st.builds("{} ? {} : {}".format, conditions, fractions, fractions)
facts = st.fixed_dictionaries(
    {
        "node.kind": st.sampled_from(["store", "dc"]),
        "order.channel": st.sampled_from(["web", "it is"]),
        "order.country": st.sampled_from(["US", "web"]),
        "node.priority": st.integers(0, 30),
        "order.value": st.integers(0, 1_000_000),
        "node.open_orders": st.integers(0, 30),
        "node.distance_km": st.floats(0, 20_000) | st.just(1500.25),
        "order.weight_kg": st.floats(0, 1000) | st.just(0.4),
        "item.tags": st.sampled_from([[], ["large"], ["fragile", "large"]]),
    }
)
thoroughly = settings(max_examples=300, deadline=None)


@given(conditions, facts)
@thoroughly
def test_a_condition_in_python_says_what_the_engine_says(source: str, seen: dict[str, Fact]) -> None:
    assert_alike(source, Answer.CONDITION, seen)


@given(amounts, facts)
@thoroughly
def test_an_amount_in_python_is_what_the_engine_computes(source: str, seen: dict[str, Fact]) -> None:
    assert_alike(source, Answer.AMOUNT, seen)


def assert_alike(source: str, answer: Answer, seen: dict[str, Fact]) -> None:
    rule = compile_rule(source, Sight.EXCLUDE, answer)
    assert rule.plain is not None
    found, expected = rule.evaluate(seen), replace(rule, plain=None).evaluate(seen)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize(
    "source",
    [
        "1 / node.priority",
        "node.priority % 3",
        "node.priority * order.value",
        "double(node.priority) * 0.5",
        "size(node.id) + 1",
        "node.distance_km / 0.1",
        "0x10",
        "12345678901",
    ],
)
def test_what_could_be_an_error_or_overflow_is_left_to_the_engine(source: str) -> None:
    assert compile_rule(source, Sight.EXCLUDE, Answer.AMOUNT).plain is None


def test_a_fact_that_is_missing_is_still_reported_in_words() -> None:
    missing = compile_rule("node.distance_km < 5.0", Sight.RULE, Answer.CONDITION).evaluate({})
    assert isinstance(missing, EvaluationError)
    assert "node.distance_km" in missing.reason
