"""Rules of the policy: found wrong when they are read, and never raising when they are used."""

import pytest

from domain.network import EvaluationError, Fact
from network.expressions import Answer, UnreadableRule, compile_rule, names_in
from network.rule_names import Sight

FACTS: dict[str, Fact] = {
    "order.channel": "web",
    "node.kind": "store",
    "node.open_orders": 0,
    "node.distance_km": 300.0,
}


@pytest.mark.parametrize(
    ("source", "answer", "value"),
    [
        ("true", Answer.CONDITION, True),
        ('order.channel == "web" && node.kind in ["dc", "store"]', Answer.CONDITION, True),
        ("500.0 + 0.4 * node.distance_km", Answer.AMOUNT, 620.0),
        ("node.open_orders > 20 ? 400 : 0", Answer.AMOUNT, 0),
        ("400", Answer.AMOUNT, 400),
        ("1 / node.open_orders", Answer.AMOUNT, EvaluationError("divide by zero")),
    ],
)
def test_a_rule_answers_or_says_why_it_cannot(source: str, answer: Answer, value: object) -> None:
    assert compile_rule(source, Sight.RULE, answer).evaluate(FACTS) == value


def test_a_rule_without_its_facts_or_with_too_many_steps_is_an_error_and_no_exception() -> None:
    missing = compile_rule("node.priority > 1", Sight.RULE, Answer.CONDITION).evaluate({})
    assert isinstance(missing, EvaluationError)
    ten = "[1,2,3,4,5,6,7,8,9,10]"
    endless = f"{ten}.all(a, {ten}.all(b, {ten}.all(c, {ten}.all(d, {ten}.all(e, a + b + c + d + e > 0)))))"
    assert isinstance(compile_rule(endless, Sight.WHEN, Answer.CONDITION).evaluate({}), EvaluationError)


@pytest.mark.parametrize(
    ("source", "sight", "complaint"),
    [
        ('order.chanel == "web"', Sight.WHEN, "unknown name 'order.chanel'; did you mean order.channel?"),
        ("node.distance_km > 3.0", Sight.SET, "node.distance_km cannot be used here: a set may use only node.id"),
        ('node.kind == "dc"', Sight.WHEN, "a strategy's when may use only order.*"),
        ('item.sku == "A"', Sight.RULE, "a require or cost may use only node.* and order.*"),
        ("0.4 * node.distance_km + 500 > 1.0", Sight.RULE, "+ mixes an int and a double"),
        ("order.value > 5.0", Sight.WHEN, "> mixes an int and a double"),
        ("order.channel > 5", Sight.WHEN, "> does not work on a string and an int"),
        ('order.channel = "web"', Sight.WHEN, "'=' does not compare; write '=='"),
        ("order.units > 1 and order.value > 5", Sight.WHEN, "'and' must be written '&&'"),
        ("order.units >", Sight.WHEN, "the rule ends too early"),
        ("order.units", Sight.WHEN, "this is an int; it must be a condition"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_in_words_of_the_policy(source: str, sight: Sight, complaint: str) -> None:
    with pytest.raises(UnreadableRule) as refused:
        compile_rule(source, sight, Answer.CONDITION)
    assert complaint in str(refused.value)


def test_names_are_found_wherever_they_stand_and_texts_are_no_names() -> None:
    source = '"node.id" == node . kind && order.channel.startsWith("order.value") && item.tags.exists(t, t == "x")'
    assert names_in(source) == ("node.kind", "order.channel", "item.tags")
