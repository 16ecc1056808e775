"""What a node can do in a day is claimed like stock: never more than there is, and given back once, whatever happens."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest
import pytest_asyncio
from sqlalchemy import text

from database import backorder
from database.connect import Database
from domain.fulfillment import MessageKind
from starter.audit import findings_of, repaired
from tests.database.shop import MAP, NEAREST, NEXT, NODES, Shop
from tests.sql_statements import statements_of
from transactions import replan

CAPACITY = 3
LIMITED = f'id = "{NEAREST}"'
WITH_A_LIMIT = replace(MAP, nodes=MAP.nodes.replace(LIMITED, f"{LIMITED}\ncapacity_per_day = {CAPACITY}"))
NOWHERE_ELSE = replace(MAP, nodes=MAP.nodes.replace('country = "US"', f'country = "US"\ncapacity_per_day = {CAPACITY}'))
MONDAY, TUESDAY = date(2090, 11, 20), date(2090, 11, 21)
NOON = datetime(2090, 11, 20, 19, tzinfo=UTC)
"""Of Monday, at the nodes; nothing is released before it was placed, so it is in the future."""


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop with goods enough, whose nearest node does three fulfillment orders a day; every invariant must hold."""
    opened = await Shop.open(database, WITH_A_LIMIT)
    await opened.receive(NEAREST, CHAIR=1000)
    yield opened
    await opened.check()


async def sourced(shop: Shop, at: datetime = NOON, *lines: tuple[str, int]) -> str:
    """An order that was placed and sourced at an instant."""
    order = await shop.place(*(lines or [("CHAIR", 1)]))
    await shop.source(order, at=at)
    return order


async def worked_on(shop: Shop, at: datetime = NOON) -> str:
    """An order that was released at once."""
    order = await sourced(shop, at)
    await shop.release(order, at)
    return order


async def claimed(shop: Shop) -> dict[tuple[str, date], int]:
    """What the counters say of each node and day, which the claims must say as well."""
    async with shop.database.read() as connection:
        rows = await connection.execute(text("SELECT node, day, claimed FROM node_day WHERE claimed <> 0"))
        counters = {(row.node, row.day): row.claimed for row in rows}
        rows = await connection.execute(text("SELECT node, day, sum(quantity) AS n FROM capacity_claim GROUP BY 1, 2"))
        assert {(row.node, row.day): row.n for row in rows} == counters
    return counters


async def planned_at(shop: Shop, orders: list[str]) -> Counter[str]:
    """Orders by the node where they are pinned; "" = they wait."""
    return Counter([next(iter(await shop.nodes(order)), "") for order in orders])


# Never more than there is.


async def test_of_fifty_orders_at_once_exactly_three_go_to_a_node_that_can_do_three(shop: Shop) -> None:
    await shop.receive(NEXT, CHAIR=1000)
    orders = [await shop.place(("CHAIR", 1)) for _ in range(50)]

    await asyncio.gather(*(shop.source(order, 1, NOON) for order in orders))

    assert await planned_at(shop, orders) == {NEAREST: CAPACITY, NEXT: 47}
    assert await claimed(shop) == {(NEAREST, MONDAY): CAPACITY}


async def test_where_no_other_node_has_it_the_rest_waits_until_the_next_local_day_begins(shop: Shop) -> None:
    orders = [await shop.place(("CHAIR", 1)) for _ in range(50)]

    await asyncio.gather(*(shop.source(order, 1, NOON) for order in orders))

    assert await planned_at(shop, orders) == {NEAREST: CAPACITY, "": 47}
    waiting = [state for order in orders if (state := await shop.state(order)).total("backordered")]
    assert {state.looks_again_at for state in waiting} == {datetime(2090, 11, 21, 7, tzinfo=UTC)}


async def test_orders_that_want_several_full_nodes_at_once_never_deadlock(database: Database) -> None:
    shop = await Shop.open(database, NOWHERE_ELSE)
    for node, sku in zip(NODES, ("CHAIR", "LAMP", "VASE"), strict=True):
        await shop.receive(node, **{sku: 1000})
    orders = [await shop.place(*lines) for lines in list(permutations((("CHAIR", 1), ("LAMP", 1), ("VASE", 1)), 2)) * 5]

    await asyncio.gather(*(shop.source(order, 1, NOON) for order in orders))
    await asyncio.gather(*(shop.release(order, NOON) for order in orders), *(map(shop.cancel, orders[::2])))

    assert all(quantity <= CAPACITY for quantity in (await claimed(shop)).values())
    await shop.check()


async def test_two_rounds_at_one_node_make_one_fulfillment_order_and_claim_once(shop: Shop) -> None:
    order = await sourced(shop, NOON, ("CHAIR", 1), ("LAMP", 1))
    await shop.receive(NEAREST, LAMP=1)
    await shop.source(order, at=NOON)

    assert await claimed(shop) == {(NEAREST, MONDAY): 1}
    assert len((await shop.release(order, NOON)).fulfillment_orders) == 1
    assert await claimed(shop) == {(NEAREST, MONDAY): 1}


async def test_sourcing_and_releasing_twice_claims_once(shop: Shop) -> None:
    order = await shop.place(("CHAIR", 1))
    await asyncio.gather(*(shop.source(order, 1, NOON) for _ in range(3)))
    await asyncio.gather(*(shop.release(order, NOON) for _ in range(3)))

    assert await claimed(shop) == {(NEAREST, MONDAY): 1}


async def test_a_cart_claims_nothing(shop: Shop) -> None:
    await shop.fill_cart("CHAIR", 1)
    assert await claimed(shop) == {}


async def test_a_capacity_below_what_is_claimed_refuses_nothing_that_was_claimed(shop: Shop) -> None:
    orders = [await sourced(shop) for _ in range(CAPACITY)]
    shop = await Shop.open(
        shop.database, replace(MAP, nodes=MAP.nodes.replace(LIMITED, f"{LIMITED}\ncapacity_per_day = 1"))
    )

    released = [await shop.release(order, NOON) for order in orders]

    assert [len(state.fulfillment_orders) for state in released] == [1, 1, 1]
    assert await claimed(shop) == {(NEAREST, MONDAY): CAPACITY}
    assert await planned_at(shop, [await sourced(shop)]) == {"": 1}


# Given back once.


async def test_what_is_cancelled_before_release_gives_back(shop: Shop) -> None:
    order = await sourced(shop)
    await shop.cancel(order, key="c")
    await shop.cancel(order, key="c")
    assert await claimed(shop) == {}


async def test_a_part_that_is_cancelled_gives_nothing_back(shop: Shop) -> None:
    order = await sourced(shop, NOON, ("CHAIR", 2))
    await shop.cancel(order, {"1": 1})
    assert await claimed(shop) == {(NEAREST, MONDAY): 1}


@pytest.mark.parametrize("kind", [MessageKind.REJECTED, MessageKind.PICKED])
async def test_work_that_its_node_rejects_or_finds_wholly_short_gives_back(shop: Shop, kind: MessageKind) -> None:
    order = await worked_on(shop)
    lines = {"1": 1} if kind is MessageKind.REJECTED else {}
    for _ in range(2):
        await shop.tell(order, kind, lines, final=True, message_id="said-twice", at=NOON)
    assert await claimed(shop) == {}


async def test_work_of_which_a_part_ships_was_work(shop: Shop) -> None:
    order = await sourced(shop, NOON, ("CHAIR", 2))
    await shop.release(order, NOON)
    await shop.tell(order, MessageKind.SHIPPED, {"1": 1}, final=True)
    assert await claimed(shop) == {(NEAREST, MONDAY): 1}


async def test_a_dead_attempt_gives_back_and_its_late_parcel_was_work_after_all(shop: Shop) -> None:
    order = await worked_on(shop)
    await shop.wait_in_vain(order)
    assert await claimed(shop) == {}

    await shop.tell(order, MessageKind.SHIPPED)

    assert await claimed(shop) == {(NEAREST, MONDAY): 1}


STORY = (MessageKind.ACCEPTED, MessageKind.PICKED, MessageKind.SHIPPED, MessageKind.DELIVERED)


async def test_in_whatever_order_messages_come_work_that_shipped_is_claimed_once(shop: Shop) -> None:
    for day, kinds in enumerate(permutations(STORY)):
        order = await worked_on(shop, NOON + timedelta(days=day))
        for kind in (*kinds, kinds[0]):
            await shop.tell(order, kind, {"1": 1}, message_id=f"{order}-{kind}", at=NOON)
    assert set((await claimed(shop)).values()) == {1}


# Moved with the plan.


async def test_work_that_is_rerouted_claims_at_its_new_node_and_gives_back_at_the_old_one(database: Database) -> None:
    shop = await Shop.open(database, NOWHERE_ELSE)
    for node in (NEAREST, NEXT):
        await shop.receive(node, CHAIR=100)
    order = await shop.released(("CHAIR", 1))
    [(_, today)] = await claimed(shop)

    assert (await shop.reroute(order, to_node=NEXT)).refused is None

    assert await claimed(shop) == {(NEXT, today): 1}
    for _ in range(2):
        await shop.released(("CHAIR", 1))
    await shop.released(("CHAIR", 1))
    refused = (await shop.reroute(await shop.released(("CHAIR", 1)), to_node=NEAREST)).refused
    assert refused is not None
    assert "capacity used up" in refused.reason
    await shop.check()


async def test_pins_that_are_planned_again_take_their_claim_along(database: Database) -> None:
    shop = await Shop.open(database, NOWHERE_ELSE)
    await shop.receive(NEXT, CHAIR=1)
    order = await shop.sold(("CHAIR", 1))
    [(_, today)] = await claimed(shop)
    await shop.receive(NEAREST, CHAIR=1)

    [found async for found in replan.again(shop.transactions, [order])]

    assert await claimed(shop) == {(NEAREST, today): 1}
    await shop.check()


async def test_what_is_released_on_a_later_day_than_planned_claims_that_day_instead(shop: Shop) -> None:
    order = await sourced(shop)
    await shop.release(order, NOON + timedelta(days=1))
    assert await claimed(shop) == {(NEAREST, TUESDAY): 1}


async def test_when_that_day_is_full_it_goes_to_another_node(shop: Shop) -> None:
    order = await sourced(shop)
    for _ in range(CAPACITY):
        await sourced(shop, NOON + timedelta(days=1))
    await shop.receive(NEXT, CHAIR=1)

    state = await shop.release(order, NOON + timedelta(days=1))

    assert [work.node for work in state.fulfillment_orders] == [NEXT]
    assert await claimed(shop) == {(NEAREST, TUESDAY): CAPACITY}


async def test_where_no_other_node_has_it_what_was_promised_is_released_beyond_the_capacity(shop: Shop) -> None:
    order = await sourced(shop)
    for _ in range(CAPACITY):
        await sourced(shop, NOON + timedelta(days=1))

    state = await shop.release(order, NOON + timedelta(days=1))

    assert [work.node for work in state.fulfillment_orders] == [NEAREST]
    assert await claimed(shop) == {(NEAREST, TUESDAY): CAPACITY + 1}


async def test_of_orders_held_over_midnight_that_are_released_at_once_three_stay_and_the_others_go_elsewhere(
    shop: Shop,
) -> None:
    held = [await sourced(shop, NOON - timedelta(days=day)) for day in range(2) for _ in range(CAPACITY)]
    await shop.receive(NEXT, CHAIR=1000)

    new = [await shop.place(("CHAIR", 1)) for _ in range(CAPACITY)]
    tomorrow = NOON + timedelta(days=1)

    released = asyncio.gather(*(shop.release(order, tomorrow) for order in held))
    await asyncio.gather(*(shop.source(order, 1, tomorrow) for order in new))

    nodes = Counter(work.node for state in await released for work in state.fulfillment_orders)
    assert nodes + await planned_at(shop, new) == {NEAREST: CAPACITY, NEXT: 2 * CAPACITY}
    assert await claimed(shop) == {(NEAREST, TUESDAY): CAPACITY}


# Days.


@pytest.mark.parametrize(
    ("at", "day", "next_begins"),
    [
        ("2090-11-20T06:59:59Z", "2090-11-19", "2090-11-20T07:00:00Z"),
        ("2090-11-20T07:00:00Z", "2090-11-20", "2090-11-21T07:00:00Z"),
        ("2090-03-12T06:59:59Z", "2090-03-11", "2090-03-12T07:00:00Z"),  # the day that has 23 hours
        ("2090-03-12T12:00:00Z", "2090-03-12", "2090-03-13T06:00:00Z"),
        ("2090-11-05T06:30:00Z", "2090-11-05", "2090-11-06T07:00:00Z"),  # the day that has 25 hours
    ],
)
async def test_a_day_is_the_nodes_own_from_midnight_to_midnight(
    shop: Shop, at: str, day: str, next_begins: str
) -> None:
    orders = [await sourced(shop, datetime.fromisoformat(at)) for _ in range(CAPACITY + 1)]

    assert await claimed(shop) == {(NEAREST, date.fromisoformat(day)): CAPACITY}
    assert (await shop.state(orders[-1])).looks_again_at == datetime.fromisoformat(next_begins)
    again = await shop.source(orders[-1], at=datetime.fromisoformat(next_begins))
    assert (again.looks_again_at, again.total("reserved")) == (None, 1)


async def test_goods_that_come_to_a_full_node_let_who_waits_look_again_when_its_next_day_begins(shop: Shop) -> None:
    for _ in range(CAPACITY):
        await worked_on(shop, datetime.now(UTC))
    order = await shop.sold(("LAMP", 1))
    assert (await shop.state(order)).looks_again_at is None
    await shop.receive(NEAREST, LAMP=1)

    await shop.backorders.work_off(10)

    looks_again_at = (await shop.state(order)).looks_again_at
    assert looks_again_at is not None
    (sent,) = shop.sent
    assert datetime.fromisoformat(sent.facts["recorded"]["looks_again_at"]) == looks_again_at
    assert (await shop.source(order, at=looks_again_at)).total("reserved") == 1


async def test_the_sweep_looks_a_minute_after_units_that_wait_may_be_accepted_again(shop: Shop) -> None:
    order = await shop.sold(("LAMP", 1))
    soon = datetime.now(UTC) + timedelta(hours=1)
    async with shop.transactions.open(order) as work:
        (waiting,) = work.order.waiting
        judged = replace(waiting, looks_again_at=soon)
        await backorder.save_judgement(work.connection, order, judged)

    assert not [violation for finding in await findings_of(shop.database) for violation in finding.violations]


# What it costs, and what is wrong.


async def statements(shop: Shop) -> int:
    """How many statements an order took until it was released."""
    with statements_of(shop.database) as asked:
        await worked_on(shop, datetime.now(UTC))
    return len(asked)


async def test_a_capacity_costs_two_statements_in_an_orders_life(shop: Shop) -> None:
    await worked_on(shop, datetime.now(UTC))
    limited = await statements(shop)
    unlimited_shop = await Shop.open(shop.database, MAP)
    await worked_on(unlimited_shop, datetime.now(UTC))
    assert limited - await statements(unlimited_shop) == 2, "reading how full the days are, and claiming"


async def test_a_counter_that_was_changed_by_hand_is_found_and_put_right(shop: Shop) -> None:
    await sourced(shop)
    for statement in ("UPDATE node_day SET claimed = 3", "DELETE FROM node_day"):
        async with shop.database.write() as connection:
            await connection.execute(text(statement))
        corrections, left = await repaired(shop.database, confirm=True)
        assert len(corrections) == 1
        assert "claimed" in str(corrections[0])
        assert left == []
        assert await claimed(shop) == {(NEAREST, MONDAY): 1}
