"""`python -m starter audit --repair`: counters that were broken by hand are put right, and nothing else is touched."""

import asyncio

import pytest
import pytest_asyncio
from sqlalchemy import text

from database.connect import Database
from domain.fulfillment import MessageKind
from starter.__main__ import joined
from starter.audit import findings_of, repair_stock, repaired
from tests.database.shop import NEAREST, NEXT, Shop


@pytest_asyncio.fixture
async def shop(database: Database) -> Shop:
    """A shop with goods at two nodes, and a cart and an order in every state that hold some of them."""
    opened = await Shop.open(database)
    await opened.receive(NEAREST, CHAIR=20, LAMP=20)
    await opened.receive(NEXT, CHAIR=20, LAMP=20)
    await opened.sold(("DESK-SET", 2))
    await opened.released(("CHAIR", 3))
    in_doubt = await opened.released(("LAMP", 2))
    await opened.wait_in_vain(in_doubt)
    shipped = await opened.released(("CHAIR", 2))
    await opened.tell(shipped, MessageKind.SHIPPED, {"1": 1})
    await opened.fill_cart("CHAIR", 5)
    await opened.check()
    return opened


async def by_hand(shop: Shop, *statements: str) -> None:
    """What nobody should ever do to the facts."""
    async with shop.database.write() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def violations(shop: Shop) -> list[str]:
    """The invariants that are violated."""
    return [finding.sentence for finding in await findings_of(shop.database) if finding.violations]


async def books(shop: Shop) -> list[tuple[object, ...]]:
    """Everything that is written down about stock."""
    async with shop.database.read() as connection:
        rows = [
            await connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")) for table in ("stock", "movement")
        ]
        return [tuple(row) for found in rows for row in found]


NOBODYS = """
    INSERT INTO movement (key, node, sku, kind, on_hand, reserved, allocated, cause, actor, occurred_at)
    VALUES ('by hand', 'denver', 'CHAIR', 'reserved', 0, 4, 0, 'by hand', 'nobody', now())
"""

# fmt: off
BROKEN = {
    "counters above the ledger": (
        ["UPDATE stock SET on_hand = on_hand + 7, reserved = reserved + 1 WHERE node = 'denver' AND sku = 'CHAIR'"],
        ["CHAIR at denver: on hand -7 (the ledger says so)", "CHAIR at denver: reserved -1 (the ledger says so)"]),
    "counters below the ledger": (
        ["UPDATE stock SET on_hand = 0, allocated = 0, set_aside = 2 WHERE node = 'denver' AND sku = 'CHAIR'"],
        ["CHAIR at denver: on hand +19 (the ledger says so)", "CHAIR at denver: allocated +4 (the ledger says so)",
         "CHAIR at denver: set aside -2 (the ledger says so)"]),
    "a shelf that is gone": (
        ["DELETE FROM stock WHERE node = 'casper' AND sku = 'CHAIR'"],
        ["CHAIR at casper: on hand +20 (the ledger says so)"]),
    "units that nobody holds": (
        [NOBODYS, "UPDATE stock SET reserved = reserved + 4 WHERE node = 'denver' AND sku = 'CHAIR'"],
        ["CHAIR at denver: reserved -4 (no order or cart holds them)"]),
    "a promise that only the ledger knows": (
        [NOBODYS],
        ["CHAIR at denver: reserved +4 (the ledger says so)", "CHAIR at denver: reserved -4 (no order or cart holds them)"]),
    "units that are held and not promised": (
        ["DELETE FROM movement WHERE kind = 'reserved' AND sku = 'LAMP'",
         "UPDATE stock SET reserved = 0 WHERE sku = 'LAMP'"],
        ["LAMP at denver: reserved -2 (the ledger says so)", "LAMP at denver: reserved +4 (an order or cart holds them)"]),
    "a cart that is gone": (
        ["DELETE FROM cart_unit"],
        ["CHAIR at denver: reserved -5 (no order or cart holds them)"]),
    "promises that the ledger has lost": (
        ["DELETE FROM movement WHERE kind = 'allocated' AND sku = 'LAMP'",
         "UPDATE stock SET allocated = 0, reserved = 4 WHERE sku = 'LAMP' AND node = 'denver'"],
        ["LAMP at denver: reserved -2 (no order or cart holds them)",
         "LAMP at denver: allocated +2 (an order or cart holds them)"]),
}
# fmt: on


@pytest.mark.parametrize("how", BROKEN)
async def test_what_was_broken_by_hand_is_shown_and_then_corrected(shop: Shop, how: str) -> None:
    statements, expected = BROKEN[how]
    await by_hand(shop, *statements)
    assert await violations(shop)
    broken = await books(shop)
    shown, left = await repaired(shop.database, confirm=False)
    assert [str(correction) for correction in shown] == expected
    assert left == []
    assert await books(shop) == broken
    assert await repaired(shop.database, confirm=True) == (shown, [])
    assert await violations(shop) == []
    assert await repaired(shop.database, confirm=True) == ([], [])


async def test_repairing_a_healthy_database_changes_nothing(shop: Shop) -> None:
    before = await books(shop)
    assert await repaired(shop.database, confirm=True) == ([], [])
    assert await books(shop) == before


async def test_a_repair_during_business_takes_nothing_from_anybody_and_is_made_once(shop: Shop) -> None:
    async def live() -> None:
        order = await shop.released(("DESK-SET", 1), ("CHAIR", 1))
        await shop.tell(order, MessageKind.SHIPPED, {"1": 1})
        await shop.cancel(order)

    wrong = "UPDATE stock SET on_hand = on_hand + 7, reserved = reserved + 4 WHERE node = 'denver' AND sku = 'CHAIR'"
    await by_hand(shop, NOBODYS, wrong)
    lives = [live() for _ in range(9)]
    repairs = [repaired(shop.database, confirm=True) for _ in range(9)]
    _, found = await asyncio.gather(asyncio.gather(*lives), asyncio.gather(*repairs))
    made = [str(correction) for corrections, _ in found for correction in corrections]
    assert made == [
        "CHAIR at denver: on hand -7 (the ledger says so)",
        "CHAIR at denver: reserved -4 (no order or cart holds them)",
    ]
    await shop.check()


async def test_what_a_repair_frees_goes_to_the_order_that_waits(shop: Shop) -> None:
    await shop.count(NEXT, CHAIR=0)
    await shop.count(NEAREST, CHAIR=17)
    held = "UPDATE stock SET reserved = reserved + 4 WHERE node = 'denver' AND sku = 'CHAIR'"
    await by_hand(shop, NOBODYS, held)
    waiting = await shop.sold(("CHAIR", 3))
    assert await shop.units(waiting) == {"backordered": 3}
    await repaired(shop.database, confirm=True)
    await shop.backorders.work_off(10)
    assert await shop.units(waiting) == {"reserved": 3}
    await shop.check()


async def test_what_a_wrong_counter_hid_goes_to_the_order_that_waits(shop: Shop) -> None:
    await shop.count(NEXT, CHAIR=0)
    await by_hand(shop, "UPDATE stock SET on_hand = 13 WHERE node = 'denver' AND sku = 'CHAIR'")
    waiting = await shop.sold(("CHAIR", 3))
    assert await shop.units(waiting) == {"backordered": 3}
    await repaired(shop.database, confirm=True)
    await shop.backorders.work_off(10)
    assert await shop.units(waiting) == {"reserved": 3}
    await shop.check()


async def test_stock_that_turns_out_to_be_short_opens_an_exception(shop: Shop) -> None:
    await by_hand(shop, "DELETE FROM movement WHERE kind = 'received' AND sku = 'CHAIR' AND node = 'denver'")
    corrections, left = await repaired(shop.database, confirm=True)
    assert [str(correction) for correction in corrections] == ["CHAIR at denver: on hand -20 (the ledger says so)"]
    assert left == []
    assert await shop.number("SELECT count(*) FROM exception WHERE code = 'stock_short'") == 1


async def test_every_correction_names_its_actor_and_its_cause(shop: Shop) -> None:
    await by_hand(shop, NOBODYS)
    await repaired(shop.database, confirm=True)
    statement = "SELECT count(*) FROM movement WHERE actor = 'operator' AND cause LIKE 'repair 20%' AND kind = 'freed'"
    assert await shop.number(statement) == 1


async def test_what_only_a_person_can_correct_is_left_and_printed(
    shop: Shop, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await by_hand(shop, "DELETE FROM reservation")
    assert await repair_stock(database_url, confirm=True) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "     corrected  CHAIR at denver: reserved -4 (no order or cart holds them)" in lines
    assert any(
        line.startswith("          left  reserved units are those that are pinned at a node: ") for line in lines
    )


async def test_the_exit_code_tells_whether_something_is_to_be_corrected(
    shop: Shop, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await repair_stock(database_url, confirm=False) == 0
    assert capsys.readouterr().out == "nothing to correct\n"
    await by_hand(shop, NOBODYS)
    assert await repair_stock(database_url, confirm=False) == 1
    assert "    to correct  CHAIR at denver: reserved -4 (no order or cart holds them)\n" in capsys.readouterr().out
    assert await repair_stock(database_url, confirm=True) == 0
    assert await repair_stock(database_url, confirm=False) == 0


def test_a_confirmation_without_a_repair_is_not_understood(capsys: pytest.CaptureFixture[str]) -> None:
    assert joined("audit")(["audit", "--confirm"], result_action="return_value") == 2
    assert "audit --repair --confirm" in capsys.readouterr().err
