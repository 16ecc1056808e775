"""Rules of the policy: found wrong when they are read, and never raising when they are used."""

import pytest

from domain.network import EvaluationError, Fact, Item, RuleLine
from network.expressions import Answer, UnreadableRule, compile_rule, names_in
from network.rule_names import Sight

FAILS = EvaluationError("it cannot be computed from the attributes of this order")
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


GLASS = Item(sku="VASE", name="Vase", weight_g=900, category="home", tags=("glass", "gift"))
ACID = Item(sku="ACID", name="Acid", weight_g=500, hazmat=True, ships_alone=True)
GIFTS: dict[str, Fact] = {
    "order.reference": "PO 17/4",
    "order.tags": ["vip"],
    "order.attributes": {"engraving": "Ada", "gift note": "?"},
    "order.lines": [
        RuleLine(GLASS, 2, has_gift_message=True, attributes={"size": "XL"}),
        RuleLine(ACID, 1, attributes={"size": ""}),
    ],
    "node.region": "west",
    "node.tags": ["cold"],
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ('order.reference.startsWith("PO")', True),
        ('"vip" in order.tags', True),
        ('order.attributes.engraving == "Ada"', True),
        ('order.attributes.colour == ""', True),
        ('order.attributes["gift note"] != ""', True),
        ('order.attributes["another note"] != ""', False),
        ("order.lines.exists(line, line.item.hazmat)", True),
        ("order.lines.all(line, line.item.hazmat)", False),
        ("order.lines.exists(line, line.item.hazmat && line.quantity > 1)", False),
        ('order.lines.exists(line, "glass" in line.item.tags && line.item.weight_g * line.quantity > 1700)', True),
        ('order.lines.exists(line, line.item.category == "home" && line.item.sku == "VASE")', True),
        ("order.lines.exists(line, line.item.ships_alone)", True),
        ("order.lines.all(line, line.has_gift_message)", False),
        ('order.lines.exists(line, line.attributes.size == "XL")', True),
        ('order.lines.all(line, line.attributes["gift wrap"] == "")', True),
        ("order.lines.exists_one(line, line.quantity == 1)", True),
        ('order.lines.filter(line, line.item.hazmat).all(line, line.attributes.size == "")', True),
        ("size(order.lines) > 2", False),
        ('node.region == "west" && "cold" in node.tags', True),
        ('order.attributes.engraving.matches(order.attributes["gift note"])', FAILS),
        ("int(order.attributes.engraving) > 4", FAILS),
        ("order.lines.exists(line, int(line.attributes.size) > 4)", FAILS),
    ],
)
def test_a_rule_reads_the_lines_of_an_order_and_what_the_channel_says_of_it(source: str, value: object) -> None:
    """An error that could repeat an attribute says nothing of it: the reason is stored with the plan."""
    assert compile_rule(source, Sight.RULE, Answer.CONDITION).evaluate(GIFTS) == value


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
        (
            "node.state == 'UT'",
            Sight.SET,
            "unknown name 'node.state'; known: node.id, node.kind, node.country, node.region,",
        ),
        ("node.on_hand > 2", Sight.RULE, "a rule does not see stock"),
        ("item.stock > 2", Sight.EXCLUDE, "a rule does not see stock"),
        ("order.weekday == 5", Sight.WHEN, "a rule does not see the time"),
        ("order.tags == 'vip'", Sight.WHEN, 'order.tags is a list: write "…" in order.tags'),
        (
            "order.hazmat",
            Sight.WHEN,
            "unknown name 'order.hazmat': write order.lines.exists(line, …) or order.lines.all(",
        ),
        ("lines.exists(line, true)", Sight.WHEN, "unknown name 'lines'; did you mean order.lines?"),
        ("order.line.exists(line, true)", Sight.WHEN, "unknown name 'order.line': write order.lines.exists(line, …)"),
        (
            "line.item.hazmat",
            Sight.WHEN,
            "a line has a name only inside order.lines.exists(line, …) or order.lines.all(",
        ),
        ("item.hazmat", Sight.WHEN, "only order.*; of its items write order.lines.exists(line, line.item.hazmat)"),
        (
            "order.lines.exists(line.item.hazmat)",
            Sight.WHEN,
            "exists stands behind a name, as in order.lines.exists(line,",
        ),
        (
            "order.lines.exists(l, 'a' in l.item.tagz)",
            Sight.WHEN,
            "unknown name 'l.item.tagz'; did you mean l.item.tags?",
        ),
        ("order.lines.exists(l, 'a' in l.tags)", Sight.WHEN, "unknown name 'l.tags'; did you mean l.item.tags?"),
        ("order.lines.exists(l, l.colour == 'a')", Sight.WHEN, "unknown name 'l.colour'; known: l.item, l.quantity,"),
        ("order.lines.exists(l, l.item.hazmat == 'yes')", Sight.WHEN, "== does not work on a bool and a string"),
        (
            "order.lines.exists(l, l.quantity > 1.5)",
            Sight.WHEN,
            "l.quantity is an int, write a whole number instead of 1.5",
        ),
        ("order.lines.all(l, 'gift' == l.item.tags)", Sight.WHEN, 'l.item.tags is a list: write "…" in l.item.tags'),
        ("has(order.attributes.gift)", Sight.WHEN, "an attribute is read by its name, as in order.attributes.gift or"),
        ("'gift' in order.attributes", Sight.WHEN, "an attribute is read by its name, as in order.attributes.gift or"),
        ("order.lines.exists(l, size(l.attributes) > 0)", Sight.WHEN, "an attribute is read by its name, as in order."),
        (
            "order.lines[0].attributes.gift == ''",
            Sight.WHEN,
            "an attribute is read by its name, as in order.attributes.",
        ),
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
