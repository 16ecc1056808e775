"""rates.csv: what can be wrong in it, with its line; and rules of a policy that has a currency, for orders in other ones."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from database.network import SEALED
from domain.network import EvaluationError, Fact, Network
from network.changes import other_changes
from network.expressions import Answer, compile_rule
from network.load import NetworkDocuments, NetworkMistakes, load, read
from network.rule_names import Sight
from tests.network.test_mistakes import ITEMS, NODES, POLICY

RATES = "date,from,to,rate\n2026-01-01,EUR,USD,1.17\n2026-01-01,JPY,USD,0.0065\n2026-02-01,EUR,USD,1.2\n"
IN_DOLLARS = POLICY.replace("[sets]", 'currency = "USD"\n[sets]', 1)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)

# what stands there || what stands there instead || line || what is said
MISTAKES = """
1.17            || 1,17            || 2 || 5 columns instead of 4; put a text with a comma in quotes
1.17            || "1,17"          || 2 || rate must be a number above 0 such as 1.0834, with a point and no other sign, not '1,17'
0.0065          || 0               || 3 || rate must be a number above 0 such as 1.0834, with a point and no other sign, not '0'
0.0065          || 6.5e-3          || 3 || rate must be a number above 0 such as 1.0834, with a point and no other sign, not '6.5e-3'
2026-02-01      || 2026-02-30      || 4 || date must be a day such as 2026-01-31, not '2026-02-30'
2026-02-01      || 1.2.2026        || 4 || date must be a day such as 2026-01-31, not '1.2.2026'
JPY,USD         || YPJ,USD         || 3 || from must be a code of ISO 4217 such as EUR, not 'YPJ'
JPY,USD         || JPY ,USD        || 3 || from must be a code of ISO 4217 such as EUR, not 'JPY '
JPY,USD         || JPY,usd         || 3 || to must be a code of ISO 4217 such as EUR, not 'usd'
JPY,USD         || USD,USD         || 3 || from and to are both USD; a rate is between two currencies
2026-02-01      || 2026-01-01      || 4 || the rate from EUR to USD of 2026-01-01 is there twice; the first is on line 2
date,from       || day,from        || 1 || missing column date
"""  # noqa: E501  (an aligned table)


def loaded(rates: str = RATES, policy: str = IN_DOLLARS) -> Network:
    return load(NetworkDocuments(NODES, policy, ITEMS, rates=rates))


@pytest.mark.parametrize("row", MISTAKES.strip().splitlines())
def test_each_mistake_in_rates_has_its_line_and_says_what_would_be_right(row: str) -> None:
    right, wrong, line, said = (cell.strip() for cell in row.split("||"))
    assert right in RATES
    with pytest.raises(NetworkMistakes) as raised:
        loaded(RATES.replace(right, wrong, 1))
    assert str(raised.value.mistakes[0]) == f"rates.csv:{line}: {said}"


@pytest.mark.parametrize("wrong", ["usd", "€", "XAU", "DOLLAR"])
def test_a_policy_has_a_currency_by_its_code(wrong: str) -> None:
    with pytest.raises(NetworkMistakes) as raised:
        loaded(policy=IN_DOLLARS.replace('"USD"', f'"{wrong}"'))
    assert str(raised.value) == f"policy.toml:2: currency must be a code of ISO 4217 such as USD, not '{wrong}'"


def test_amounts_are_converted_into_the_currency_of_the_policy_and_out_of_it() -> None:
    network = loaded()
    assert network.converted(60_000, "JPY", "USD", MARCH) == 39_000
    assert network.converted(600, "USD", "EUR", MARCH) == 500
    assert network.converted(0, "USD", "CHF", MARCH) == 0
    assert network.converted(600, None, "CHF", MARCH) == network.converted(600, "CHF", None, MARCH) == 600
    assert network.converted(1, "CHF", "USD", MARCH) == EvaluationError("no rate from CHF to USD on 2026-03-01")


NO_RATE = EvaluationError("no rate from CHF to USD on 2026-03-01")

# a rule || what it answers for 600.00 CHF from web, without a rate
ANSWERS: Mapping[str, bool | int | float | EvaluationError] = {
    "order.value > 50000": NO_RATE,
    "order.value == 50000": NO_RATE,
    "!(order.value != 50000)": NO_RATE,
    "order.value + 5 > 5": NO_RATE,
    'order.currency == "USD" && order.value > 50000': False,
    'order.value > 50000 && order.currency == "USD"': False,
    'order.currency == "CHF" || order.value > 50000': True,
    'order.value > 50000 || order.currency == "CHF"': True,
    'order.currency == "USD" || order.value > 50000': NO_RATE,
    'order.channel == "web"': True,
    'order.channel == "web" ? order.units > 1 : order.value > 1': True,
    "order.value > 1 && order.units / 0 > 1": NO_RATE,
}


@pytest.mark.parametrize("source", ANSWERS)
def test_a_rule_is_computed_without_an_amount_only_if_it_does_not_depend_on_it(source: str) -> None:
    facts: dict[str, Fact] = {"order.value": NO_RATE, "order.currency": "CHF", "order.channel": "web", "order.units": 2}
    rule = compile_rule(source, Sight.WHEN, Answer.CONDITION)
    assert rule.evaluate(facts) == ANSWERS[source]
    assert not isinstance(rule.evaluate(facts | {"order.value": 5}), EvaluationError) or "/ 0" in source


def test_a_rule_compares_the_currency_with_codes_only() -> None:
    with pytest.raises(NetworkMistakes) as raised:
        loaded(policy=IN_DOLLARS.replace("order.value > 500000", 'order.currency == "USA"'))
    assert (
        str(raised.value) == "policy.toml:43: when: order.currency is never 'USA'; it is a code of ISO 4217 such as USD"
    )


def test_rates_are_a_file_of_the_directory_that_may_be_absent(tmp_path: Path) -> None:
    for file, text in {"nodes.toml": NODES, "policy.toml": IN_DOLLARS, "items.csv": ITEMS}.items():
        (tmp_path / file).write_text(text)
    without = read(tmp_path)
    (tmp_path / "rates.csv").write_text(RATES)
    assert (without.rates, read(tmp_path).rates) == ("", RATES)
    assert without.digest != read(tmp_path).digest
    assert other_changes(without, read(tmp_path)) == ["rates.csv"]
    assert "rates" not in SEALED, "rates are no secret, so that a version shows them"


def test_a_version_from_before_rates_keeps_its_digest() -> None:
    assert NetworkDocuments("nodes", "policy", "items", "buffers").digest.startswith("5ed469e6945b3de8")
