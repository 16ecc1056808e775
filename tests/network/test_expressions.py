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
        ("", Sight.WHEN, "the rule is empty"),
        ("True", Sight.WHEN, "write true instead of True"),
        ("order.channel == web", Sight.WHEN, "unknown name 'web'; if it is a text, write \"web\" in quotes"),
        ("order", Sight.WHEN, "unknown name 'order'; known: order.channel, order.service,"),
        ("node.distance < 5.0", Sight.RULE, "did you mean node.distance_km?"),
        ("Node.Kind == 'dc'", Sight.SET, "did you mean node.kind?"),
        ("distance_km < 5.0", Sight.RULE, "did you mean node.distance_km?"),
        ("node.region == 'UT'", Sight.SET, "unknown name 'node.region'; known: node.id, node.kind, node.country,"),
        ("node.on_hand > 2", Sight.RULE, "a rule does not see stock"),
        ("item.stock > 2", Sight.EXCLUDE, "a rule does not see stock"),
        ("order.weekday == 5", Sight.WHEN, "a rule does not see the time"),
        ("order.tags == 5", Sight.WHEN, "a rule over the order does not see its items"),
        ("order.email == 'a'", Sight.HOLD, "a rule does not see who the customer is"),
        ("item.price > 5", Sight.EXCLUDE, "a rule does not see prices"),
        ("order.channel.startswith('a')", Sight.WHEN, "unknown function 'startswith'; did you mean startsWith?"),
        ("startsWith(order.channel, 'a')", Sight.WHEN, "startsWith stands behind a name"),
        ("order.channel.lower() == 'a'", Sight.WHEN, "unknown function 'lower'; there are startsWith, endsWith,"),
        ("450 >= node.distance_km", Sight.RULE, "node.distance_km is a double, write 450.0 instead of 450"),
        ("order.value > 450.5", Sight.WHEN, "order.value is an int, write a whole number instead of 450.5"),
        ("order.value * 0.1 > 1.0", Sight.WHEN, "put double(…) around order.value"),
        ("order.value > '450'", Sight.WHEN, "a number has no quotes: write 450"),
        ("order.channel in 'web'", Sight.WHEN, 'write order.channel in ["web"]'),
        ("item.tags == 'x'", Sight.EXCLUDE, 'item.tags is a list: write "…" in item.tags'),
        ("order.region != null", Sight.WHEN, 'there is no null; an absent text is ""'),
        ("1 < order.units < 5", Sight.WHEN, "compare twice, as in 1 < order.units && order.units < 9"),
        ("order.value > 99999999999999999999", Sight.WHEN, "this number is too large"),
        ("order.value > 1,000", Sight.WHEN, "write a number without a sign between its digits, not 1,000"),
        ("order.units > 1 OR true", Sight.WHEN, "'OR' must be written '||'"),
        ("order.units > 1 & true", Sight.WHEN, "'&' must be written '&&'"),
        ("order.units <> 1", Sight.WHEN, "'<>' must be written '!='"),
        ("order.channel == “web”", Sight.WHEN, "write straight quotes instead of “"),
        ("order.channel == 'web", Sight.WHEN, "the quotes around a text are not closed"),
        ("(order.units > 1", Sight.WHEN, "a '(' is not closed"),
        ("order.units > 1)", Sight.WHEN, "there is a ')' too many"),
        ("if order.units > 1", Sight.WHEN, "'if' cannot stand in a rule; write condition ? then : otherwise"),
        ("order.units > 1 # big", Sight.WHEN, "'#' cannot stand here"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_in_words_of_the_policy(source: str, sight: Sight, complaint: str) -> None:
    with pytest.raises(UnreadableRule) as refused:
        compile_rule(source, sight, Answer.CONDITION)
    assert complaint in str(refused.value)


def test_names_are_found_wherever_they_stand_and_texts_are_no_names() -> None:
    source = '"node.id" == node . kind && order.channel.startsWith("order.value") && item.tags.exists(t, t == "x")'
    assert names_in(source) == ("node.kind", "order.channel", "item.tags")
