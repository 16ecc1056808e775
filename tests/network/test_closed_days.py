"""The days on which nodes are closed: what the check says of them, and what it warns of."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from network.closed_days import next_closed
from network.load import NetworkDocuments, examine, load, load_applied
from network.retired import NOTHING, retire
from tests.network.test_mistakes import ITEMS, POLICY

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
"""A Monday."""

NODE = """
[[node]]
id = "{id}"
kind = "{kind}"
country = "DE"
latitude = 52.52
longitude = 13.40
time_zone = "Europe/Berlin"
{more}
"""


def documents(*more: str) -> NetworkDocuments:
    """A network with a node for each of these lines; the first is a 3PL, the others are stores."""
    kinds = ["3pl", *["store"] * 9]
    nodes = [
        NODE.format(id=f"n{number}", kind=kind, more=lines)
        for number, (kind, lines) in enumerate(zip(kinds, more, strict=False))
    ]
    return NetworkDocuments("".join(nodes), POLICY, ITEMS)


def warnings_of(folder: Path, *more: str) -> list[str]:
    """What is said of nodes with these lines, without the rest of the check."""
    texts = documents(*more)
    for file, text in {"nodes.toml": texts.nodes, "policy.toml": texts.policy, "items.csv": texts.items}.items():
        (folder / file).write_text(text)
    found = examine(folder, NOW)
    assert found.mistakes == ()
    return [str(one).removeprefix(f"{folder}/") for one in found.warnings if one.file.endswith("nodes.toml")]


STORE = 'holidays = "DE-BE"'

# what stands in nodes.toml of the first node || the line || what is said
WARNED = """
holidays = "DE"                                  || 9  || DE without a part lacks 11 days of the coming year that only some parts keep, such as Sun 2027-10-31 (Reformation Day: BB, HB, HH, …); write the part where the node is, such as "DE-BB"
closed = [2026-11-29]                            || 9  || 2026-11-29 is over; take it out of closed
closed = [2026-11-30,\\n2026-12-05]              || 10 || Sat 2026-12-05 changes nothing: the node is closed on that day anyway
closed = [2026-12-25]\\nholidays = "DE-BE"       || 9  || Fri 2026-12-25 changes nothing: the node is closed on that day anyway
open = [2026-12-06,\\n2026-12-07]                || 10 || Mon 2026-12-07 changes nothing: the node is open on that day anyway
open = [2025-12-06]                              || 9  || 2025-12-06 is over; take it out of open
"""  # noqa: E501  (an aligned table)


@pytest.mark.parametrize("row", WARNED.strip().splitlines())
def test_days_that_are_hardly_meant_give_a_warning(row: str, tmp_path: Path) -> None:
    lines, line, said = (cell.strip().replace("\\n", "\n") for cell in row.split("||"))
    assert warnings_of(tmp_path, lines, STORE) == [f"nodes.toml:{line}: warning: {said}"]


# what may be meant
HARMLESS = """
holidays = "DE-BY"
holidays = "JP"
holidays = "AT"
closed = [2026-12-24, 2026-12-31]\\nholidays = "DE-BE"
closed = ["2026-11-30"]
open = [2026-12-06, 2026-12-25]\\nholidays = "DE-BE"
"""


@pytest.mark.parametrize("lines", HARMLESS.strip().splitlines())
def test_days_that_may_be_meant_give_none(lines: str, tmp_path: Path) -> None:
    assert warnings_of(tmp_path, lines.replace("\\n", "\n"), STORE) == []


def test_a_country_is_warned_of_once_however_many_nodes_keep_its_calendar(tmp_path: Path) -> None:
    assert len(warnings_of(tmp_path, 'holidays = "DE"', 'holidays = "DE"', 'holidays = "GB"')) == 2


def test_single_days_are_added_to_the_week_and_dropped_from_it() -> None:
    single = 'holidays = "DE-BE"\nclosed = [2026-12-24]\nopen = [2026-12-25, "2026-12-27"]'
    node = load(documents(single, STORE)).nodes["n0"]
    days = [date(2026, 12, day) for day in (23, 24, 25, 26, 27, 28)]
    assert [node.works_on(day) for day in days] == [True, False, True, False, True, True]


def test_a_retired_node_keeps_its_single_days() -> None:
    before = documents(STORE, "closed = [2026-12-24]\nopen = [2026-12-27]")
    after = documents(STORE)
    retired = retire(NOTHING, before.nodes, before.items, after.nodes, after.items)
    later = load_applied(NetworkDocuments(after.nodes, after.policy, after.items, retired=retired))
    assert later.node("n1") == load(before).nodes["n1"]


def test_the_next_closed_days_are_said_once_for_nodes_that_have_the_same() -> None:
    network = load(
        documents(
            'holidays = "DE-BE"',
            'holidays = "DE-BE"',
            "",
            'holidays = "DE-BE"\nworking_days = ["mon", "sat"]\nclosed = [2026-12-14]\nopen = [2026-12-20, 2026-12-28]',
        )
    )
    assert next_closed(list(network.nodes.values()), NOW) == [
        "n0, n1: closed next on Fri 2026-12-25 (Christmas Day), Fri 2027-01-01 (New Year's Day),"
        " Mon 2027-03-08 (Women's Day), Fri 2027-03-26 (Good Friday)",
        "n2: closed on no day of its week in the coming year",
        "n3: closed next on Mon 2026-12-14, Sat 2026-12-26 (Second Day of Christmas),"
        " Mon 2027-03-08 (Women's Day), Mon 2027-03-29 (Easter Monday);"
        " open also on Sun 2026-12-20",
    ]


def test_many_nodes_are_said_in_a_few_lines() -> None:
    node = load(documents(STORE, STORE)).nodes["n0"]
    many = [replace(node, id=f"a{number}") for number in range(6)]
    many += [replace(node, id=f"b{day}", closed_days=frozenset({date(2026, 12, day)})) for day in range(1, 31)]
    lines = next_closed(many, NOW)
    assert lines[0].startswith("a0, a1, a2, a3 and ")
    assert (len(lines), lines[-1]) == (21, "and 2 more groups of nodes with other days")
