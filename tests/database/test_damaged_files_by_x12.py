"""Damaged files stop nothing: each lies in done or failed, what it holds is carried out or named, and a good file is taken."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from database.connect import Database
from formats.x12.partner import Partner
from formats.x12.parts import Party
from formats.x12.write import written
from tests.database.trade import Trade, file, new
from tests.formats.random_documents import AT, IN, OUT
from tests.formats.test_random_documents import damaged

BUYER = Partner("us", Party("ZZ", "MOCKEDI"), Party("ZZ", "NORTHWIND"))
CODES = ("850", "850", "860", "997", "TA1", "945")
ENVELOPE = 106
"""The bytes of ISA: most files are damaged behind it."""
LETTERS = (b"\x00", b"\x1a", b"\xff", b"\xc2\xb2", b"\xed\xa0\xbd")
"""Which PostgreSQL cannot keep, ends a file, or is no UTF-8; a digit that is none; half of a pair."""


def a_damaged_file(chance: Random) -> bytes:
    """A document that a buyer sends, with damage."""
    one = {**OUT, **IN}[chance.choice(CODES)](chance)
    whole = written(BUYER.envelope(one, chance.randint(1, 999_999), AT))
    begins = ENVELOPE if chance.random() < 0.8 else 0
    found = whole[:begins] + damaged(chance, whole[begins:])
    at = chance.randrange(len(found) + 1)
    return found[:at] + chance.choice(LETTERS) + found[at:]


@pytest.mark.parametrize(
    ("seed", "files"), [(0, 40), *(pytest.param(seed, 500, marks=pytest.mark.long) for seed in range(1, 21))]
)
async def test_damaged_files_have_a_named_outcome_each_and_the_file_behind_them_is_taken(
    database: Database, tmp_path: Path, seed: int, files: int
) -> None:
    trade, chance = await Trade.open(database, tmp_path), Random(f"damaged files {seed}")
    names = Counter(trade.send(a_damaged_file(chance)) for _ in range(files))
    names[trade.send(file(new("GOOD-1"), control=7_777_777), "good.edi")] += 1
    for _ in range(10):  # a change waits some minutes for its order
        await trade.look()
        await trade.time_passes()

    there = Counter(name for name in trade.files("done") + trade.files("failed") if not name.endswith(".why"))
    assert there == names
    assert await trade.rows("SELECT topic FROM exchange WHERE state = 'kept'") == []
    assert await trade.rows("SELECT order_id FROM orders WHERE order_id = 'buyco-good-1'") != []
    ours = await trade.rows(
        "SELECT reason FROM exchange WHERE reason LIKE 'it cannot be read%' OR reason LIKE 'it could not be carried out%'"
    )
    assert ours == [], "an error of ours is no outcome"
    await trade.close()


async def test_a_number_that_two_sets_of_one_file_have_is_one_effect_or_named(
    database: Database, tmp_path: Path
) -> None:
    trade = await Trade.open(database, tmp_path)
    trade.send(file(new("A-1"), new("A-1")).replace("*0002~", "*0001~"))
    trade.send(file(new("B-1"), new("B-2"), control=43).replace("*0002~", "*0001~"))
    await trade.look()

    placed = await trade.rows("SELECT order_id FROM orders ORDER BY order_id")
    assert placed == [("buyco-a-1",), ("buyco-b-1",)]
    ((_, detail),) = await trade.exceptions()
    assert str(detail).endswith(
        "850 000000043/43/850/0001 came before with another content: its sender used a control number twice"
    )
    await trade.close()
