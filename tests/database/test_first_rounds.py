"""First rounds of several orders in one transaction: exact, fair, and one that cannot be made so holds up no other."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from database import stock
from database.connect import Database
from domain.order import OrderState
from tests.database.shop import MAP, NEAREST, NEXT, Shop
from tests.database.test_hot_rows import after_the_first_lock
from tests.dying import died_at
from tests.sql_statements import round_trips_of_this_task, watched
from transactions import first_rounds, gathering
from transactions.gathering import AT_ONCE, Gathering
from transactions.replay import Verdict, replay
from transactions.sourcing import SourceInput
from workflows import timeouts

EVER = datetime(1970, 1, 1, tzinfo=UTC)
CAPACITY = 3
LIMITED = f'id = "{NEAREST}"'
WITH_A_LIMIT = replace(MAP, nodes=MAP.nodes.replace(LIMITED, f"{LIMITED}\ncapacity_per_day = {CAPACITY}"))
FAIL = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON plan FOR EACH ROW WHEN (NEW.order_id = '{order}') EXECUTE FUNCTION refuse();
"""

END_WHO_WAITS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def asked(*orders: str) -> list[SourceInput]:
    """First rounds that release at once, as workflows ask for them."""
    return [SourceInput(order=order, round=1, at=datetime.now(UTC), releases=True) for order in orders]


async def together(shop: Shop, *orders: str) -> dict[str, OrderState]:
    """The states of those orders whose rounds were made, all in one transaction."""
    made = await first_rounds.source_together(shop.transactions, asked(*orders))
    return {orders[position]: state for position, state in made.items()}


async def each(shop: Shop, orders: Sequence[str]) -> list[OrderState | BaseException]:
    """Every order is sourced at the same time, as a worker does it."""
    sourcing = [first_rounds.source(shop.transactions, one) for one in asked(*orders)]
    return await asyncio.gather(*sourcing, return_exceptions=True)


async def placed(shop: Shop, count: int) -> list[str]:
    """Orders of one chair each."""
    return [await shop.place(("CHAIR", 1)) for _ in range(count)]


async def test_orders_that_are_sourced_together_get_what_each_would_get_alone(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=20, LAMP=20)
    alone = await shop.place(("CHAIR", 2), ("DESK-SET", 1))
    await first_rounds.source(shop.transactions, *asked(alone))
    orders = [await shop.place(("CHAIR", 2), ("DESK-SET", 1)) for _ in range(3)]
    states = await together(shop, *orders)
    assert list(states) == orders
    for order in orders:
        assert _likeness(states[order]) == _likeness(await shop.state(alone))
        assert states[order].version == (await shop.state(order)).version
    assert await _events(database) == {"accepted": 4, "promised": 4}
    await shop.check()


def _likeness(state: OrderState) -> object:
    """What two orders of the same lines have in common."""
    work = [(one.node, one.status, one.request, one.attempt) for one in state.fulfillment_orders]
    lines = [(one.line, one.allocated) for one in state.lines]
    return state.status, state.rounds, state.version, lines, work


async def _events(database: Database) -> Mapping[str, int]:
    async with database.read() as connection:
        return Counter((await connection.execute(text("SELECT kind FROM event"))).scalars())


async def test_of_many_orders_at_once_exactly_as_many_are_filled_as_there_are_units(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=25)
    orders = await placed(shop, 40)
    states = await each(shop, orders)
    assert Counter(state.status for state in states if isinstance(state, OrderState)) == {
        "in_fulfillment": 25,
        "backordered": 15,
    }
    assert await shop.counters("CHAIR", NEAREST) == (25, 0, 25)
    await shop.check()


async def test_an_order_that_cannot_be_filled_is_left_to_wait_in_its_turn_and_the_others_are_made(
    database: Database,
) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=2)
    orders = await placed(shop, 3)
    assert list(await together(shop, *orders)) == orders[:2]
    assert await shop.units(orders[2]) == {"open": 1}
    await shop.check()


async def test_units_that_are_offered_to_who_waits_are_not_taken_by_orders_that_come_together(
    database: Database,
) -> None:
    shop = await Shop.open(database)
    first = await shop.sold(("CHAIR", 1))
    await shop.receive(NEAREST, CHAIR=1)
    assert await together(shop, *await placed(shop, 2)) == {}
    await shop.backorders.work_off(10)
    assert await shop.units(first) == {"reserved": 1}
    await shop.check()


async def test_an_order_that_another_transaction_has_locked_holds_up_no_other(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=5)
    orders = await placed(shop, 3)
    async with shop.transactions.open(orders[1]):
        assert list(await together(shop, *orders)) == [orders[0], orders[2]]
    await shop.check()


async def test_an_order_that_fails_fails_alone(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=20)
    orders = await placed(shop, 12)
    async with database.engine.begin() as connection:
        for statement in FAIL.format(order=orders[7]).split(";\n"):
            if statement.strip():
                await connection.exec_driver_sql(statement)
    states = await each(shop, orders)
    assert [order for order, state in zip(orders, states, strict=True) if isinstance(state, DBAPIError)] == [orders[7]]
    assert await shop.counters("CHAIR", NEAREST) == (20, 0, 11)
    await shop.check()


async def test_orders_whose_transaction_dies_before_its_commit_are_each_made_once(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=10)
    orders = await placed(shop, 4)
    async with database.write() as other:
        await stock.lock(other, [(NEAREST, "CHAIR")])
        group = asyncio.create_task(together(shop, *orders))
        async with asyncio.timeout(30):
            while not await shop.number(END_WHO_WAITS):  # noqa: ASYNC110 - PostgreSQL is what waits
                await asyncio.sleep(0.01)
        with pytest.raises(DBAPIError):
            await group
    assert await shop.counters("CHAIR", NEAREST) == (10, 0, 0)
    assert list(await together(shop, *orders)) == orders
    assert await shop.counters("CHAIR", NEAREST) == (10, 0, 4)
    await shop.check()


async def test_a_days_capacity_is_never_exceeded_by_orders_that_are_sourced_together(database: Database) -> None:
    shop = await Shop.open(database, WITH_A_LIMIT)
    await shop.receive(NEAREST, CHAIR=20)
    await shop.receive(NEXT, CHAIR=20)
    orders = await placed(shop, 5)
    states = await together(shop, *orders)
    nodes = Counter(work.node for state in states.values() for work in state.fulfillment_orders)
    assert nodes == {NEAREST: CAPACITY, NEXT: 2}
    await shop.check()


async def test_a_round_that_was_made_together_is_not_made_again(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=5)
    order, other = await placed(shop, 2)
    made = await together(shop, order, other)
    assert await first_rounds.source(shop.transactions, *asked(order)) == made[order]
    assert await together(shop, order, other) == {}
    assert await shop.counters("CHAIR", NEAREST) == (5, 0, 2)
    await shop.check()


async def test_rounds_that_were_made_together_are_planned_again_to_the_same_plans(database: Database) -> None:
    shop = await Shop.open(database, WITH_A_LIMIT)
    await shop.receive(NEAREST, CHAIR=4)
    await shop.receive(NEXT, CHAIR=20)
    assert len(await together(shop, *await placed(shop, 6))) == 6
    assert [one.verdict async for one in replay(database, EVER)] == [Verdict.SAME] * 6
    await shop.check()


@pytest.mark.parametrize("moment", ["before:commit", "after:commit"])
async def test_orders_are_made_once_whenever_the_process_dies_that_makes_them_together(
    database: Database, database_url: str, moment: str
) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=10)
    orders = await placed(shop, 6)
    died = await died_at("tests.database.mortal_first_rounds", database_url, moment, "never", *orders)
    assert died == [moment]
    assert await shop.counters("CHAIR", NEAREST) == (10, 0, 6)
    assert await shop.number("SELECT count(*) FROM plan") == 6
    await shop.check()


@pytest.fixture
def watching(database: Database) -> Iterator[None]:
    """Counts what every connection sends."""
    with watched(database):
        yield


async def test_together_orders_lock_their_stock_over_one_statement_and_the_commit(
    watching: None, database: Database
) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=50)
    await together(shop, *await placed(shop, 1))  # the network and the common key are read once
    sent = {}
    for count in (2, 12):
        orders = await placed(shop, count)
        with round_trips_of_this_task() as trips:
            assert len(await together(shop, *orders)) == count
        assert after_the_first_lock(trips.sent) == ["claim", "COMMIT"]
        sent[count] = len(trips)
    assert sent == {2: 8 + 2, 12: 8 + 12}


async def test_a_lone_order_waits_for_nobody(watching: None, database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=5)
    await first_rounds.source(shop.transactions, *asked(await shop.place(("CHAIR", 1))))
    order = await shop.place(("CHAIR", 1))
    with round_trips_of_this_task() as trips:
        await first_rounds.source(shop.transactions, *asked(order))
    assert len(trips) == 7
    assert after_the_first_lock(trips.sent) == ["claim", "COMMIT"]


class Counting:
    """Answers each number with its double, and notes who was served together."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.alone_with: list[int] = []
        self.groups: list[list[int]] = []

    async def alone(self, number: int) -> int:
        self.alone_with.append(number)
        if number < AT_ONCE:
            await self.go.wait()
        return 2 * number

    async def together(self, numbers: Sequence[int]) -> Mapping[int, int]:
        self.groups.append(list(numbers))
        return {position: 2 * number for position, number in enumerate(numbers)}

    async def fail(self, numbers: Sequence[int]) -> Mapping[int, int]:
        self.groups.append(list(numbers))
        raise RuntimeError("not together")

    async def hang(self, numbers: Sequence[int]) -> Mapping[int, int]:
        self.groups.append(list(numbers))
        await asyncio.Event().wait()
        return {}


async def _serve(
    counting: Counting, together: Callable[[Sequence[int]], Awaitable[Mapping[int, int]]], callers: int
) -> list[int]:
    gathered = Gathering[int, int]()
    answers = asyncio.gather(*(gathered.serve(number, counting.alone, together) for number in range(callers)))
    await asyncio.sleep(0)
    counting.go.set()
    return list(await answers)


async def test_who_comes_while_others_are_served_is_served_together() -> None:
    counting = Counting()
    assert await _serve(counting, counting.together, AT_ONCE + 5) == [2 * number for number in range(AT_ONCE + 5)]
    assert counting.alone_with == list(range(AT_ONCE))
    assert sorted(number for group in counting.groups for number in group) == list(range(AT_ONCE, AT_ONCE + 5))


async def test_when_serving_together_fails_each_is_served_alone() -> None:
    counting = Counting()
    assert await _serve(counting, counting.fail, AT_ONCE + 5) == [2 * number for number in range(AT_ONCE + 5)]
    assert sorted(counting.alone_with) == list(range(AT_ONCE + 5))


async def test_who_waits_for_those_that_take_long_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "WAITS_MAX", timedelta(milliseconds=1))
    counting, gathered = Counting(), Gathering[int, int]()
    first = [asyncio.create_task(gathered.serve(n, counting.alone, counting.together)) for n in range(AT_ONCE)]
    await asyncio.sleep(0)
    assert await gathered.serve(AT_ONCE, counting.alone, counting.together) == 2 * AT_ONCE
    assert not any(task.done() for task in first)
    assert not counting.groups
    counting.go.set()
    assert await asyncio.gather(*first) == [2 * number for number in range(AT_ONCE)]


async def test_nobody_waits_for_a_group_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "WAITS_MAX", timedelta(milliseconds=1))
    monkeypatch.setattr(gathering, "LASTS_MAX", timedelta(milliseconds=1))
    counting = Counting()
    assert await _serve(counting, counting.hang, AT_ONCE + 5) == [2 * number for number in range(AT_ONCE + 5)]
    assert sorted(counting.alone_with) == list(range(AT_ONCE + 5))


async def test_who_waits_and_is_in_a_group_that_hangs_still_goes_alone_while_its_workflow_waits() -> None:
    assert gathering.WAITS_MAX + gathering.LASTS_MAX < timeouts.ONE_SHORT_TRANSACTION


async def test_orders_in_a_group_with_one_whose_stock_is_locked_are_made_all_the_same(database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=20, LAMP=20)
    orders = [*await placed(shop, AT_ONCE + 4), await shop.place(("LAMP", 1))]
    async with database.write() as other:
        await stock.lock(other, [(NEAREST, "LAMP")])
        states = asyncio.create_task(each(shop, orders))
        async with asyncio.timeout(30):
            while await shop.counters("CHAIR", NEAREST) != (20, 0, AT_ONCE + 4):  # noqa: ASYNC110 - PostgreSQL waits
                await asyncio.sleep(0.01)
        assert not states.done()
    assert all(isinstance(state, OrderState) for state in await states)
    await shop.check()
