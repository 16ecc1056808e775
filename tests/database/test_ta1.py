"""An interchange is acknowledged as a whole (TA1) where it or the partner's file asks for that: a code for each damage."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from database.connect import Database
from formats.x12.parts import texts
from tests.database.trade import Trade, a_997, file, new, the_sets


@pytest.fixture
async def trade(database: Database, tmp_path: Path) -> AsyncIterator[Trade]:
    """A shop with a buyer whose file says nothing of TA1."""
    opened = await Trade.open(database, tmp_path)
    yield opened
    await opened.close()


def asking(content: str) -> str:
    """A file whose ISA14 asks for a TA1."""
    return content.replace("*0*T*>~", "*1*T*>~")


def acknowledged(trade: Trade) -> list[str]:
    """The TA1s that lie there for the buyer."""
    return [line for one in trade.collect() for line in texts(one.acknowledgments)]


GOOD = asking(file(new("A-1")))


@pytest.mark.parametrize(
    ("damaged", "verdict", "is_placed"),
    [
        pytest.param(GOOD, "A*000", True, id="nothing is wrong"),
        pytest.param(GOOD.replace("IEA*1*000000042~", ""), "E*023", True, id="it ends too early"),
        pytest.param(GOOD.replace("IEA*1*", "IEA*2*"), "E*021", True, id="another count of groups"),
        pytest.param(GOOD.replace("IEA*1*000000042", "IEA*1*000000043"), "E*001", True, id="another control number"),
        pytest.param(GOOD.replace("GE*1*42~", "GE*1*42~REF*ZZ*1~"), "E*024", True, id="something outside of a group"),
        pytest.param(GOOD.replace("GE*1*42~", "GE*1*42~GE*1*42~"), "E*022", True, id="a group ends twice"),
        pytest.param(GOOD.replace("*261130*0815*U", "*261130*9915*U"), "E*015", False, id="a time that is none"),
        pytest.param(GOOD.replace("*261130*0815*U", "*261331*0815*U"), "E*014", False, id="a date that is none"),
        pytest.param(GOOD.replace("MOCKEDI        ", "SOMEBODY       "), "R*006", False, id="an unknown sender"),
        pytest.param(GOOD.replace("NORTHWIND      ", "SOUTHWIND      "), "R*008", False, id="an unknown receiver"),
        pytest.param(GOOD.partition("GS*")[0] + "IEA*0*000000042~", "R*024", False, id="nothing in it"),
    ],
)
async def test_each_damage_has_its_code_and_what_can_be_carried_out_is(
    trade: Trade, damaged: str, verdict: str, is_placed: bool
) -> None:
    trade.send(damaged)
    await trade.look()

    (found,) = acknowledged(trade)
    assert found.split("*", 4)[1] == "000000042"
    assert found.split("*", 4)[4] == verdict
    assert bool(await trade.rows("SELECT order_id FROM orders")) is is_placed
    assert is_placed or await trade.exceptions() != [], "nothing is dropped in silence"


async def test_a_test_is_rejected_by_a_partner_that_does_not_test(database: Database, tmp_path: Path) -> None:
    trade = await Trade.open(database, tmp_path, "test = false")
    trade.send(GOOD)
    await trade.look()
    assert [one.split("*", 4)[4] for one in acknowledged(trade)] == ["R*020"]
    await trade.close()


async def test_the_same_interchange_again_is_answered_as_before_and_another_one_under_its_number_is_not(
    trade: Trade,
) -> None:
    trade.send(GOOD)
    await trade.look()
    trade.send(GOOD)
    await trade.look()
    assert [one.split("*", 4)[4] for one in acknowledged(trade)] == ["A*000"], "one document, put there again"
    trade.send(asking(file(new("A-2"))))
    await trade.look()
    assert [one.split("*", 4)[4] for one in acknowledged(trade)] == ["E*025"]


async def test_one_that_does_not_ask_gets_none_and_neither_does_an_acknowledgment(trade: Trade) -> None:
    trade.send(file(new("A-1")))
    await trade.look()
    assert acknowledged(trade) == []
    trade.send(GOOD.partition("GS*")[0] + "TA1*000000001*261130*0815*A*000~IEA*0*000000042~")
    await trade.look()
    assert acknowledged(trade) == []


@pytest.mark.parametrize(("agreed", "sent"), [("always", 1), ("never", 0)])
async def test_the_partners_file_says_whether_it_gets_them_whatever_it_asks_for(
    database: Database, tmp_path: Path, agreed: str, sent: int
) -> None:
    trade = await Trade.open(database, tmp_path, f'test = true\nta1 = "{agreed}"')
    content = file(new("A-1"))
    trade.send(content if agreed == "always" else asking(content))
    await trade.look()
    found = trade.collect()
    assert sum(len(one.acknowledgments) for one in found) == sent
    (functional,) = [one for one in found if one.groups]
    assert list(the_sets([functional])) == ["997"]
    trade.send(a_997(functional))
    await trade.look()
    assert acknowledged(trade) == [], "acknowledgments are not acknowledged"
    await trade.close()


async def test_a_file_that_is_no_x12_has_a_reason_beside_it_and_no_ta1(trade: Trade) -> None:
    trade.send("dear partner")
    await trade.look()
    assert acknowledged(trade) == []
    assert len(trade.files("failed")) == 2
