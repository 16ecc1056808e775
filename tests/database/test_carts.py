"""Units that are pinned for carts: never more than there are, never for longer than was said, and the order's own first."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from database import order as orders
from database.cart import Cart, CartStatus, KnownCart
from database.connect import Database
from database.request import UsedForAnotherRequest
from database.stock import Claim
from domain.cart import PromiseLine, ReservationRequest
from domain.order import Address, NewLine, NewOrder
from domain.stock import Movement, MovementKind
from network.validate_order import WrongField
from tests.database.shop import CUSTOMER, FARTHEST, NEAREST, NODES, Shop
from tests.house import ANSWERS_WITHIN_SECONDS
from tests.sql_statements import statements_of
from transactions import cart as cart_transactions
from transactions import order as order_transactions
from transactions import shortage
from transactions.cart import BecameAnOrder, Carts, NotAvailable, ask_again
from transactions.network import Networks

BILLINGS = Address(postal_code="59101", country="US")
_numbers = count(1)


@pytest_asyncio.fixture
async def shop(database: Database) -> Shop:
    return await Shop.open(database)


@pytest.fixture
def carts(shop: Shop) -> Carts:
    return Carts(shop.database, Networks())


def request(*lines: tuple[str, int], **more: Any) -> ReservationRequest:
    """A cart of `(sku, quantity)` lines for a customer in Denver, pinned for a quarter of an hour."""
    body: dict[str, Any] = {"channel": "web", "ship_to": CUSTOMER, "expires_in": "15m"}
    body["lines"] = tuple(PromiseLine(sku=sku, quantity=quantity) for sku, quantity in lines)
    return ReservationRequest(**body | more)


async def reserve(carts: Carts, *lines: tuple[str, int], key: str | None = None, **more: Any) -> Cart:
    return await carts.reserve(request(*lines, **more), actor="channel:web", idempotency_key=key)


async def pin(
    carts: Carts, *movements: tuple[str, str, int], lives_for: timedelta = timedelta(minutes=15)
) -> Cart | None:
    """Pin `(node, sku, quantity)` without a plan; None when it was refused."""
    made, wanted = cart_with_claim(*movements, lives_for=lives_for)
    return made if await carts.pin(made, wanted) else None


def cart_with_claim(
    *movements: tuple[str, str, int], lives_for: timedelta = timedelta(minutes=15)
) -> tuple[Cart, Claim]:
    now, name = datetime.now(UTC), f"cart-{next(_numbers)}"
    made = Cart(name, "web", "key-1", None, "", {"fillable": True}, now, now + lives_for)
    return made, claim(*movements, cause=f"cart {name}")


def claim(*wanted: tuple[str, str, int], cause: str = "cart 1", kept_back: dict[str, int] | None = None) -> Claim:
    movements = [Movement(MovementKind.RESERVED, node, sku, reserved=quantity) for node, sku, quantity in wanted]
    return Claim(movements, {}, cause, "channel:web", datetime.now(UTC), kept_back=kept_back or {})


async def take(shop: Shop, made: Cart | str, *lines: tuple[str, int], ship_to: Address = CUSTOMER, **more: Any) -> str:
    """Take an order in that names a reservation; answers its id."""
    name = made if isinstance(made, str) else made.cart_id
    body: dict[str, Any] = {"channel": "web", "number": f"c{next(_numbers)}", "placed_at": datetime.now(UTC)}
    body["lines"] = tuple(
        NewLine(line=str(number), sku=sku, quantity=quantity, unit_price=100)
        for number, (sku, quantity) in enumerate(lines, 1)
    )
    order = NewOrder(**body | {"currency": "USD", "ship_to": ship_to, "reservation": name} | more)
    return (await order_transactions.take(shop.transactions, order)).state.order


async def lapse(shop: Shop, made: Cart) -> None:
    """Let a cart's time be over."""
    async with shop.database.write() as connection:
        for table in ("cart", "cart_unit"):
            statement = f"UPDATE {table} SET expires_at = now() - interval '1 s' WHERE cart_id = :cart"
            await connection.execute(text(statement), {"cart": made.cart_id})


async def known(shop: Shop, made: Cart) -> KnownCart:
    found = await cart_transactions.find(shop.transactions, made.cart_id, "web")
    assert found is not None
    return found


# --- never more than there are ------------------------------------------------------------------------------------


async def test_a_hundred_carts_at_once_for_the_last_unit_have_one_winner(shop: Shop) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    processes = [Carts(shop.database, Networks()) for _ in range(4)]
    asked = [reserve(processes[n % 4], ("CHAIR", 1)) for n in range(100)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, Cart) for answer in answers) == 1
    assert sum(isinstance(answer, NotAvailable) for answer in answers) == 99
    assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (1, 1, 0)
    await shop.check()


async def test_supply_for_half_of_the_demand_at_three_nodes_is_granted_to_the_last_unit(
    shop: Shop, carts: Carts
) -> None:
    for node, units in zip(NODES, (83, 83, 84), strict=True):
        await shop.receive(node, CHAIR=units)
    answers = await asyncio.gather(*(pin(carts, (NODES[n % 3], "CHAIR", 1)) for n in range(500)))
    assert sum(answer is not None for answer in answers) == 250
    assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (250, 250, 0)
    await shop.check()


async def test_a_cart_that_is_too_large_does_not_keep_the_small_ones_behind_it_from_their_units(
    shop: Shop, carts: Carts
) -> None:
    await shop.receive(NEAREST, CHAIR=5)
    sizes = [9, 1, 2, 7, 1, 1, 6]
    answers = await asyncio.gather(*(pin(carts, (NEAREST, "CHAIR", size)) for size in sizes))
    assert [size for size, answer in zip(sizes, answers, strict=True) if answer is not None] == [1, 2, 1, 1]
    assert await shop.counters("CHAIR") == (5, 5, 0)


async def test_carts_that_are_all_too_large_are_all_answered(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=5)
    with statements_of(shop.database) as asked:
        answers = await asyncio.gather(*(pin(carts, (NEAREST, "CHAIR", size)) for size in range(60, 5, -1)))
    assert answers == [None] * 55
    assert len(asked) == 2, "once together, and once more with the smallest first"


A, B = ("denver", "CHAIR"), ("casper", "CHAIR")


@pytest.mark.parametrize(
    ("wanted", "granted", "again"),
    [
        # each row: what was wanted in this order, which positions were granted, who must be asked again
        ([claim((*A, 1)), claim((*A, 1))], {0}, []),
        ([claim((*A, 9)), claim((*A, 1))], set(), [1]),
        ([claim((*A, 9)), claim((*A, 9))], set(), []),
        ([claim((*A, 9)), claim((*B, 1))], set(), []),
        ([claim((*A, 9)), claim((*A, 3)), claim((*A, 2))], set(), [2, 1]),
        ([claim((*A, 9)), claim((*A, 1), (*B, 1))], set(), [1]),
        ([claim((*A, 9)), claim((*B, 1), kept_back={"CHAIR": 2})], set(), [1]),
        ([claim((*A, 1), kept_back={"CHAIR": 2}), claim((*A, 1))], set(), [1]),
    ],
)
def test_a_refusal_holds_unless_only_others_that_were_refused_stood_before_it(
    wanted: list[Claim], granted: set[int], again: list[int]
) -> None:
    assert ask_again(wanted, granted) == again


async def test_a_cart_is_pinned_whole_or_not_at_all(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=5, LAMP=1)
    with pytest.raises(NotAvailable, match=r"2 of line 2 \(LAMP\)"):
        await reserve(carts, ("CHAIR", 1), ("LAMP", 2), ship_complete="line")
    assert await shop.counters("CHAIR") == (5, 0, 0)
    assert await shop.number("SELECT count(*) FROM cart") == 0


async def test_a_bundle_pins_its_components_and_safety_stock_stays(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=4, LAMP=4, VASE=3)
    await reserve(carts, ("DESK-SET", 2), ("VASE", 1))
    assert [await shop.counters(sku) for sku in ("CHAIR", "LAMP", "VASE")] == [(4, 4, 0), (4, 2, 0), (3, 1, 0)]
    with pytest.raises(NotAvailable):
        await reserve(carts, ("VASE", 1))
    await shop.check()


# --- together and alone -------------------------------------------------------------------------------------------


async def test_callers_who_ask_at_the_same_time_share_one_statement_again_and_again(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=320)

    async def customer() -> None:
        for _ in range(5):
            assert await pin(carts, (NEAREST, "CHAIR", 1))

    with statements_of(shop.database) as asked:
        await asyncio.gather(*(customer() for _ in range(64)))
    assert len(asked) == 5


async def test_a_caller_who_was_alone_waits_with_the_others_from_then_on(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=320)

    async def customer() -> None:
        for _ in range(5):
            assert await pin(carts, (NEAREST, "CHAIR", 1))

    with statements_of(shop.database) as asked:
        first = asyncio.create_task(customer())
        while not asked:  # noqa: ASYNC110  (the event loop rings no bell)
            await asyncio.sleep(0)
        await asyncio.gather(first, *(customer() for _ in range(63)))
    assert len(asked) == 6


async def test_a_reservation_takes_four_statements_one_of_which_pins(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text("INSERT INTO stock (node, sku, on_hand) VALUES ('slc', 'SERUM-30', 5)"))
    carts = Carts(database, Networks())
    await reserve(carts, ("SERUM-30", 1), key="one")  # reads the network, which a process does once
    with statements_of(database) as asked:
        await reserve(carts, ("SERUM-30", 1), key="two")
    assert len(asked) <= 4
    with statements_of(database) as asked:
        assert await pin(carts, ("slc", "SERUM-30", 1))
    assert len(asked) == 1


@pytest.mark.parametrize("steps", [0, 1, 2, 5], ids="after {} steps".format)
async def test_a_caller_who_is_cancelled_leaves_the_others_their_answers(shop: Shop, carts: Carts, steps: int) -> None:
    await shop.receive(NEAREST, CHAIR=3)
    callers = [asyncio.create_task(pin(carts, (NEAREST, "CHAIR", 1))) for _ in range(3)]
    for _ in range(steps):
        await asyncio.sleep(0)
    callers[0].cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, Cart) for answer in answers[1:])
    assert await pin(carts, (NEAREST, "LAMP", 1)) is None
    await shop.check()


async def test_a_claim_that_postgresql_refuses_fails_alone(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=5)
    twice = pin(carts, (NEAREST, "CHAIR", 1), (NEAREST, "CHAIR", 1))
    answers = await asyncio.gather(
        pin(carts, (NEAREST, "CHAIR", 1)), twice, pin(carts, (NEAREST, "CHAIR", 1)), return_exceptions=True
    )
    assert isinstance(answers[1], IntegrityError)
    assert isinstance(answers[0], Cart)
    assert isinstance(answers[2], Cart)
    assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (5, 2, 0)


async def test_when_postgresql_is_gone_everyone_hears_of_it_and_the_next_one_is_served(
    shop: Shop, carts: Carts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.receive(NEAREST, CHAIR=5)

    def refuse(*_: Any) -> None:
        raise ConnectionRefusedError

    event.listen(shop.database.engine.sync_engine, "before_cursor_execute", refuse)
    answers = await asyncio.gather(*(pin(carts, (NEAREST, "CHAIR", 1)) for _ in range(3)), return_exceptions=True)
    event.remove(shop.database.engine.sync_engine, "before_cursor_execute", refuse)
    assert [type(answer) for answer in answers] == [ConnectionRefusedError] * 3
    assert await pin(carts, (NEAREST, "CHAIR", 1))


# --- asked twice --------------------------------------------------------------------------------------------------


async def test_a_request_that_comes_again_under_its_key_is_answered_as_the_first_time_even_when_its_time_is_over(
    shop: Shop, carts: Carts
) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    first = await reserve(carts, ("CHAIR", 1), key="one")
    assert replace(await reserve(carts, ("CHAIR", 1), key="one"), idempotency_key="one") == first, (
        "no key is kept in clear"
    )
    await lapse(shop, first)
    assert await cart_transactions.sweep(shop.transactions) == 1
    again = await reserve(carts, ("CHAIR", 1), key="one")
    assert (again.cart_id, again.promise) == (first.cart_id, first.promise)
    with pytest.raises(UsedForAnotherRequest):
        await reserve(carts, ("CHAIR", 2), key="one")
    assert await shop.counters("CHAIR") == (1, 0, 0)


async def test_one_request_that_is_sent_many_times_at_once_pins_once_and_disturbs_no_other(
    shop: Shop, carts: Carts
) -> None:
    await shop.receive(NEAREST, CHAIR=50)
    others = Carts(shop.database, Networks())
    same = [reserve(process, ("CHAIR", 2), key="one") for process in (carts, others) for _ in range(8)]
    strangers = [reserve(carts, ("CHAIR", 1)) for _ in range(10)]
    answers = await asyncio.gather(*same, *strangers)
    assert len({answer.cart_id for answer in answers[:16]}) == 1
    assert len({answer.cart_id for answer in answers[16:]}) == 10
    assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (50, 12, 0)


# --- time ---------------------------------------------------------------------------------------------------------


async def test_units_whose_time_is_over_can_be_had_at_once_before_the_sweep(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    first = await reserve(carts, ("CHAIR", 1))
    with pytest.raises(NotAvailable):
        await reserve(carts, ("CHAIR", 1))
    await lapse(shop, first)
    second = await reserve(carts, ("CHAIR", 1))
    assert (await known(shop, first)).status is CartStatus.LAPSED
    assert (await known(shop, second)).status is CartStatus.HELD
    assert await cart_transactions.sweep(shop.transactions) == 0
    assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (1, 1, 0)
    await shop.check()


async def test_units_whose_time_is_over_go_to_an_order_that_waits_and_not_to_the_next_cart(
    shop: Shop, carts: Carts
) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    first = await reserve(carts, ("CHAIR", 1))
    order = await shop.sold(("CHAIR", 1))
    assert await shop.units(order) == {"backordered": 1}
    await lapse(shop, first)
    with pytest.raises(NotAvailable):
        await reserve(carts, ("CHAIR", 1))
    assert await pin(carts, (NEAREST, "CHAIR", 1)) is None
    assert await cart_transactions.sweep(shop.transactions) == 1
    assert await pin(carts, (NEAREST, "CHAIR", 1)) is None
    await shop.backorders.work_off(10)
    assert await shop.units(order) == {"reserved": 1}
    await shop.check()


async def test_several_sweeps_at_once_free_every_unit_once(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=600)
    await asyncio.gather(*(pin(carts, (NEAREST, "CHAIR", 1), lives_for=timedelta(0)) for _ in range(600)))
    assert await shop.counters("CHAIR") != (600, 0, 0)
    swept = await asyncio.gather(*(cart_transactions.sweep(shop.transactions) for _ in range(4)))
    # Claims have freed the units of carts before them; nobody has freed one twice.
    assert sum(swept) <= 600
    assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (600, 0, 0)


async def test_a_sweep_leaves_units_that_a_claim_is_about_to_take(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=1, LAMP=1)
    for sku in ("CHAIR", "LAMP"):
        await lapse(shop, await reserve(carts, (sku, 1)))
    async with shop.database.write() as connection:
        await connection.execute(text("SELECT FROM cart_unit WHERE sku = 'CHAIR' FOR UPDATE"))
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            assert await cart_transactions.sweep(shop.transactions) == 1
    assert await cart_transactions.sweep(shop.transactions) == 1
    await shop.check()


async def test_a_cart_whose_time_is_over_in_the_moment_when_it_is_ordered_is_the_orders_or_anybodys(
    shop: Shop, carts: Carts
) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    others = Carts(shop.database, Networks())
    moments = random.Random(1)
    winners = set()
    for number in range(60):
        # Of three carts, the time of one is over before it is ordered, and of one long after it: also on a slow machine.
        milliseconds = (0, moments.uniform(2, 12), 60_000)[number % 3]
        made = await pin(carts, (NEAREST, "CHAIR", 1), lives_for=timedelta(milliseconds=milliseconds))
        assert made
        ordered = after(moments.uniform(0, 12), take(shop, made, ("CHAIR", 1)))
        swept = after(moments.uniform(0, 12), cart_transactions.sweep(shop.transactions))
        claimed = after(moments.uniform(0, 12), pin(others, (NEAREST, "CHAIR", 1)))
        order, _, other = await asyncio.gather(ordered, swept, claimed)
        await shop.source(order)
        has = (await shop.units(order)) == {"reserved": 1}
        assert has != bool(other), "one of them has the unit, and only one"
        assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (1, 1, 0)
        winners.add(has)
        await shop.cancel(order)
        if other:
            await cart_transactions.give_back(shop.transactions, other.cart_id, "web", actor="channel:web")
        assert await shop.counters("CHAIR") == (1, 0, 0)
    assert winners == {True, False}, "both have happened"
    await shop.check()


async def after(milliseconds: float, asked: Any) -> Any:
    await asyncio.sleep(milliseconds / 1000)
    return await asked


# --- given back ---------------------------------------------------------------------------------------------------


async def test_a_cart_that_is_given_back_is_available_again_and_once_only(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    made = await reserve(carts, ("CHAIR", 1))
    assert await cart_transactions.give_back(shop.transactions, made.cart_id, "outlet", actor="channel:outlet") is None
    assert await shop.counters("CHAIR") == (1, 1, 0)
    for _ in range(2):
        back = await cart_transactions.give_back(shop.transactions, made.cart_id, "web", actor="channel:web")
        assert back is not None
        assert back.status is CartStatus.GIVEN_BACK
    assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (1, 0, 0)
    await reserve(carts, ("CHAIR", 1))


# --- orders -------------------------------------------------------------------------------------------------------


async def test_an_order_gets_the_very_units_that_its_cart_holds(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    made = await reserve(carts, ("CHAIR", 1))
    order = await take(shop, made, ("CHAIR", 1))
    await lapse_by_clock(shop)
    state = await shop.source(order)
    assert state.promise is not None
    assert await shop.units(order) == {"reserved": 1}
    assert (await known(shop, made)).order == order
    assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (1, 1, 0)
    with pytest.raises(BecameAnOrder, match=order):
        await cart_transactions.give_back(shop.transactions, made.cart_id, "web", actor="channel:web")
    await shop.check()


async def lapse_by_clock(shop: Shop) -> None:
    """What an order has does not lapse: a sweep finds nothing."""
    assert await cart_transactions.sweep(shop.transactions) == 0


async def test_an_order_gets_its_own_units_while_others_of_the_item_are_offered_to_orders_that_wait(
    shop: Shop, carts: Carts
) -> None:
    await shop.receive(NEAREST, CHAIR=2)
    mine, another = await reserve(carts, ("CHAIR", 1)), await reserve(carts, ("CHAIR", 1))
    waiting = await shop.sold(("CHAIR", 1))
    await cart_transactions.give_back(shop.transactions, another.cart_id, "web", actor="channel:web")
    order = await take(shop, mine, ("CHAIR", 1))
    await shop.source(order)
    assert await shop.units(order) == {"reserved": 1}
    await shop.backorders.work_off(10)
    assert await shop.units(waiting) == {"reserved": 1}
    assert await shop.counters("CHAIR") == (2, 2, 0)
    await shop.check()


async def test_an_order_to_another_address_leaves_the_units_of_its_cart_to_others(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    await shop.receive(FARTHEST, CHAIR=1)
    made = await reserve(carts, ("CHAIR", 1))
    order = await take(shop, made, ("CHAIR", 1), ship_to=BILLINGS)
    await shop.source(order)
    assert await shop.nodes(order) == {FARTHEST: 1}
    assert await shop.counters("CHAIR", NEAREST) == (1, 0, 0)
    await reserve(carts, ("CHAIR", 1))
    await shop.check()


async def test_an_order_that_can_not_be_filled_as_a_whole_holds_nothing_of_its_cart(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    made = await reserve(carts, ("CHAIR", 1))
    order = await take(shop, made, ("CHAIR", 3), ship_complete="order")
    await shop.source(order)
    assert await shop.units(order) == {"backordered": 3}
    assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (1, 0, 0)
    await shop.check()


async def test_an_order_that_is_cancelled_holds_nothing_of_its_cart(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=2)
    made = await reserve(carts, ("CHAIR", 2))
    order = await take(shop, made, ("CHAIR", 1))
    await shop.source(order)
    await shop.cancel(order)
    assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (2, 0, 0)
    await shop.check()


@pytest.mark.parametrize("swept", [True, False], ids=["swept", "unswept"])
async def test_an_order_whose_cart_has_lapsed_is_sourced_like_any_other(shop: Shop, carts: Carts, swept: bool) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    made = await reserve(carts, ("CHAIR", 1))
    await lapse(shop, made)
    order = await take(shop, made, ("CHAIR", 1))
    if swept:
        assert await cart_transactions.sweep(shop.transactions) == 1
    await shop.source(order)
    assert await shop.units(order) == {"reserved": 1}
    assert (await known(shop, made)).status is CartStatus.ORDERED
    assert await shop.counters("CHAIR") == await shop.ledger("CHAIR") == (1, 1, 0)
    await shop.check()


async def test_an_order_whose_lapsed_cart_others_have_taken_over_does_not_count_on_it(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    made = await reserve(carts, ("CHAIR", 1))
    await lapse(shop, made)
    order = await take(shop, made, ("CHAIR", 1))
    async with shop.database.read() as connection:
        header, _ = await orders.load(connection, order)
    assert header.own == {}
    await reserve(carts, ("CHAIR", 1))
    await shop.source(order)
    assert await shop.units(order) == {"backordered": 1}
    assert await shop.counters("CHAIR") == (1, 1, 0)
    await shop.check()


async def test_a_count_below_what_is_promised_takes_from_carts_but_not_from_one_that_an_order_has(
    shop: Shop, carts: Carts
) -> None:
    await shop.receive(NEAREST, CHAIR=2)
    dropped, ordered = await reserve(carts, ("CHAIR", 1)), await reserve(carts, ("CHAIR", 1))
    order = await take(shop, ordered, ("CHAIR", 1))
    await shop.count(NEAREST, CHAIR=1)
    await shortage.settle(shop.transactions)
    assert (await known(shop, dropped)).status is CartStatus.LAPSED
    await shop.source(order)
    assert await shop.units(order) == {"reserved": 1}
    assert await shop.counters("CHAIR") == (1, 1, 0)
    await shop.check()


async def test_a_shortage_that_ends_because_a_cart_lapsed_needs_nobody_any_more(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=2)
    made = await reserve(carts, ("CHAIR", 2))
    await shop.count(NEAREST, CHAIR=1)
    await lapse(shop, made)
    await shop.sold(("CHAIR", 1))
    await shortage.settle(shop.transactions)
    assert await shop.counters("CHAIR") == (1, 1, 0)
    assert await shop.number("SELECT count(*) FROM exception WHERE resolved_at IS NULL") == 0
    await shop.check()


async def test_a_reservation_becomes_one_order_however_many_name_it_at_once(shop: Shop, carts: Carts) -> None:
    await shop.receive(NEAREST, CHAIR=1)
    made = await reserve(carts, ("CHAIR", 1))
    answers = await asyncio.gather(*(take(shop, made, ("CHAIR", 1)) for _ in range(8)), return_exceptions=True)
    taken = [answer for answer in answers if isinstance(answer, str)]
    refused = [answer for answer in answers if isinstance(answer, WrongField)]
    assert (len(taken), len(refused)) == (1, 7)
    assert {(error.field, str(error)) for error in refused} == {("reservation", f"it became order {taken[0]}")}
    assert await shop.number("SELECT count(*) FROM orders") == 1


async def test_a_reservation_that_is_unknown_or_anothers_or_given_back_is_refused_and_no_order_is_stored(
    shop: Shop, carts: Carts
) -> None:
    await shop.receive(NEAREST, CHAIR=2)
    anothers = await reserve(carts, ("CHAIR", 1), channel="outlet")
    back = await reserve(carts, ("CHAIR", 1))
    await cart_transactions.give_back(shop.transactions, back.cart_id, "web", actor="channel:web")
    said = []
    for name in ("cart-0", anothers.cart_id, back.cart_id):
        with pytest.raises(WrongField) as refused:
            await take(shop, name, ("CHAIR", 1))
        said.append(str(refused.value))
    assert said == ["there is no such reservation", "there is no such reservation", "it was given back"]
    assert await shop.number("SELECT count(*) FROM orders") == 0
    kept = await cart_transactions.find(shop.transactions, anothers.cart_id, "outlet")
    assert kept is not None
    assert kept.status is CartStatus.HELD
