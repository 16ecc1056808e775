"""The page that teaches the policy: every order in its tables becomes what the page says, under the policy above it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from domain.hold import by_policy
from domain.network import Network
from domain.sourcing import order_facts
from network.expressions import Answer, compile_rule
from network.load import NetworkDocuments, load, read
from network.rule_names import Sight
from network.try_cases import refusals, try_cases
from tests.sourcing_text import order_of, outcome

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "policy.md").read_text()
SHIPPED = read(ROOT / "network" / "example")
BLOCK = re.compile(r"<!-- tested: (\w+) -->\n```\w+\n(.*?)```\n", re.DOTALL)
TABLE = re.compile(r"^\| order \| stock \| ships \| the rest \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)


RULES = re.compile(r"^\| rule \| order \| answer \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)
HELD = re.compile(r"^\| order \| held by \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.MULTILINE)


class Row(NamedTuple):
    """An order of a table of the page, and the section that it stands in."""

    heading: str
    order: str
    stock: str
    ships: str
    rest: str


class Section(NamedTuple):
    """What a heading of the page has below it."""

    heading: str
    documents: dict[str, str]
    rows: list[Row]
    held: list[tuple[str, str]]
    """Orders with the holds that the policy places on them."""

    @property
    def network(self) -> Network:
        """The shipped network with what the section puts in place of its files."""
        return load(NetworkDocuments(SHIPPED.nodes, items=SHIPPED.items, **self.documents))


def sections() -> list[Section]:
    """Those sections of the page that show a policy."""
    parts = re.split(r"^## (.*)\n", PAGE, flags=re.MULTILINE)[1:]
    found = [
        Section(
            heading,
            {name: text for name, text in BLOCK.findall(body) if name != "case"},
            [
                Row(heading, *(cell.strip() for cell in line.strip("|").split("|")))
                for table in TABLE.findall(body)
                for line in table.splitlines()
            ],
            [_cells(line) for table in HELD.findall(body) for line in table.splitlines()],
        )
        for heading, body in zip(parts[::2], parts[1::2], strict=True)
    ]
    return [section for section in found if section.documents or section.rows]


def _cells(line: str) -> tuple[str, str]:
    order, holds = (cell.strip() for cell in line.strip("|").split("|"))
    return order, holds


SECTIONS = {section.heading: section for section in sections()}
ROWS = [row for section in SECTIONS.values() for row in section.rows]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_an_order_becomes_what_the_page_says(row: Row) -> None:
    assert outcome(SECTIONS[row.heading].network, row.order, row.stock) == (row.ships, row.rest)


def test_a_rule_answers_for_an_order_what_the_page_says() -> None:
    rows = [row for table in RULES.findall(PAGE) for row in table.splitlines()]
    assert len(rows) > 9
    network = load(SHIPPED)
    for rule, order, answer in (re.split(r" \| ", row.strip("| ")) for row in rows):
        seen = order_facts(order_of(network, order))
        assert str(compile_rule(rule.strip("`"), Sight.WHEN, Answer.CONDITION).evaluate(seen)).lower() == answer, rule


def test_an_order_is_held_by_what_the_page_says() -> None:
    rows = [(section, *row) for section in SECTIONS.values() for row in section.held]
    assert len(rows) > 2
    for section, order, holds in rows:
        placed = by_policy(order_of(section.network, order), section.network.policy)
        assert ", ".join(one.hold for one in placed) == holds, order


def test_the_case_of_the_page_holds_and_breaks_as_the_page_says() -> None:
    blocks = dict(re.findall(r"<!-- tested: ((?:broken )?case) -->\n```\w+\n(.*?)```\n", PAGE, re.DOTALL))
    texts = json.dumps({"own": blocks["case"]})
    assert refusals(try_cases(texts, "cases", load(SHIPPED)), "cases", []) == []
    sold_out = SHIPPED.items.replace("CANDLE-220,Scented Candle 220 g,520,2,", "CANDLE-220,Scented Candle 220 g,520,0,")
    assert sold_out != SHIPPED.items
    found = refusals(try_cases(texts, "cases", load(replace(SHIPPED, items=sold_out))), "cases", [])
    assert [f"{mistake}\n" for mistake in found] == [blocks["broken case"]]


def test_every_policy_of_the_page_says_what_becomes_of_some_orders() -> None:
    assert PAGE.count("<!-- tested: policy -->") == len(SECTIONS) > 10
    assert [heading for heading, section in SECTIONS.items() if "policy" not in section.documents] == []
    assert [heading for heading, section in SECTIONS.items() if len(section.rows) < 2] == []


def test_no_two_policies_of_the_page_have_the_same_version() -> None:
    versions = [section.network.version for section in SECTIONS.values()]
    assert len(set(versions)) == len(versions)


def test_the_page_shows_every_key_of_a_strategy_a_tier_and_a_cost() -> None:
    reference = (ROOT / "docs" / "reference" / "network.md").read_text()
    table = reference.partition("## policy.toml")[2].partition("| `[[exclude]]`")[0]
    keys = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) - {"currency"}  # of the policy as a whole
    shown = "\n".join(section.documents["policy"] for section in SECTIONS.values())
    assert len(keys) > 10
    assert sorted(key for key in keys if f"\n{key} = " not in f"\n{shown}") == []
