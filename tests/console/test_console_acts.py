"""The table of the browser's acts: nothing that the console can do is without a browser test."""

import re
from pathlib import Path

from tests.console_acts import BUTTONS, DONE_BY, TEMPLATES, act_of, every_act

JOURNEYS = Path(__file__).parents[1] / "journeys"


def test_every_act_of_the_console_is_done_in_a_browser_and_the_table_has_no_other() -> None:
    known, done = set(every_act()), {act for acts in DONE_BY.values() for act in acts.split()}
    assert done - known == set(), "no form of the console does this"
    assert known - done == set(), "add a browser test that does this"


def test_every_test_of_the_table_is_there() -> None:
    written = "".join(path.read_text() for path in JOURNEYS.glob("test_*.py"))
    there = set(re.findall(r"^async def (test_\w+)", written, re.MULTILINE))
    assert DONE_BY.keys() - there == set()


def test_every_form_with_several_buttons_is_known() -> None:
    having = {path.name for path in TEMPLATES.iterdir() if 'name="do"' in path.read_text()}
    assert having == {name for names in BUTTONS.values() for name in names}


def test_an_act_is_named_by_its_address_its_field_or_its_button() -> None:
    assert act_of("/console/orders/web-1/cancel", "reason=x") == "orders/cancel"
    assert act_of("/console/exceptions/act", "act=tell&exception=web-1-x1") == "exceptions/tell"
    assert act_of("/console/store/transfers/T-1", "do=all") == "store/transfers:all"
    assert act_of("/console/policy/3", "seen=4") == "policy/{version}"
    assert act_of("/elsewhere", "") == ""
