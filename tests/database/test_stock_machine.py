"""Any stock operations in any order, on real PostgreSQL and on a model of ten lines: both must always say the same."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import text

from database import stock
from database.connect import Database, WriteConnection
from domain.stock import Movement, MovementKind
from tests.house import MASTER_KEYS

Place = tuple[str, str]
Demand = tuple[Place, int, int]
"""Where, how many units, and how many must stay."""
Answer = TypeVar("Answer")

PLACES = [("nwk", "SERUM-30"), ("slc", "SERUM-30"), ("nwk", "TONER-200")]
COUNTERS = ("on_hand", "reserved", "allocated", "set_aside")
BEGIN = datetime(2026, 11, 22, tzinfo=UTC)

places = st.sampled_from(PLACES)
few = st.integers(1, 4)
demands = st.lists(
    st.tuples(places, few, st.integers(0, 2)), min_size=1, max_size=3, unique_by=lambda demand: demand[0]
)


class Model:
    """What stock is, in ten lines: counters by place, and what may be taken from one."""

    def __init__(self) -> None:
        self.levels = {place: dict.fromkeys(COUNTERS, 0) for place in PLACES}

    def book(self, movement: Movement) -> None:
        for name in COUNTERS:
            self.levels[movement.node, movement.sku][name] += getattr(movement, name)

    def available(self, place: Place) -> int:
        level = self.levels[place]
        return level["on_hand"] - max(0, level["set_aside"]) - level["reserved"] - level["allocated"]


class Stock(RuleBasedStateMachine):
    """Goods come, are counted, lost, set aside, promised and gone, in any order."""

    database_url: str

    def __init__(self) -> None:
        """The database is emptied first."""
        super().__init__()
        self.runner, self.database, self.model = asyncio.Runner(), Database(self.database_url, MASTER_KEYS), Model()
        self.causes, self.now = count(1), BEGIN
        self.counted_at: dict[Place, datetime] = {}
        self.facts: list[tuple[Sequence[Movement], str, datetime]] = []
        self.run(self.empty())

    def run(self, doing: Coroutine[Any, Any, Answer]) -> Answer:
        return self.runner.run(doing)

    async def empty(self) -> None:
        async with self.database.write() as connection:
            await connection.execute(text("TRUNCATE stock, movement"))

    def record(self, *movements: Movement, happened_at: datetime | None = None) -> None:
        """Book facts, in the database and in the model; one that a count has seen already changes nothing on hand."""
        self.now += timedelta(seconds=1)
        cause, at = f"cause {next(self.causes)}", happened_at or self.now
        self.run(self.booked(movements, cause, at))
        self.facts.append((movements, cause, at))
        for movement in movements:
            self.model.book(movement)
            if at <= self.counted_at.get((movement.node, movement.sku), BEGIN):
                self.model.levels[movement.node, movement.sku]["on_hand"] -= movement.on_hand

    async def booked(self, movements: Sequence[Movement], cause: str, at: datetime) -> None:
        async with self.database.write() as connection:
            await stock.record(
                connection, movements, order=None, cause=cause, actor="test", at=self.now, happened_at=at
            )

    @rule(place=places, units=few)
    def receive(self, place: Place, units: int) -> None:
        self.record(Movement(MovementKind.RECEIVED, *place, on_hand=units))

    @rule(place=places, units=few)
    def lose(self, place: Place, units: int) -> None:
        self.record(Movement(MovementKind.ADJUSTED, *place, on_hand=-units))

    @rule(place=places, units=st.integers(-3, 3))
    def set_aside(self, place: Place, units: int) -> None:
        self.record(Movement(MovementKind.MOVED, *place, set_aside=units, state="damaged"))

    @rule(place=places, units=st.integers(0, 8))
    def tally(self, place: Place, units: int) -> None:
        """A count: the difference to what was believed is booked, and what happened before it is seen."""
        self.now += timedelta(seconds=1)
        self.run(self.counted(place, units))
        self.model.levels[place]["on_hand"] = units
        self.counted_at[place] = self.now

    async def counted(self, place: Place, units: int) -> None:
        async with self.database.write() as connection:
            believed = (await stock.lock(connection, [place]))[place].on_hand
            difference = Movement(MovementKind.COUNTED, *place, on_hand=units - believed)
            cause = f"cause {next(self.causes)}"
            await stock.record(connection, [difference], order=None, cause=cause, actor="test", at=self.now)
            await self.seen(connection, place)

    async def seen(self, connection: WriteConnection, place: Place) -> None:
        statement = text("UPDATE stock SET counted_at = :at WHERE node = :node AND sku = :sku")
        await connection.execute(statement, {"at": self.now, "node": place[0], "sku": place[1]})

    @precondition(lambda self: self.counted_at)
    @rule(data=st.data(), units=few)
    def hear_of_goods_that_came_before_the_count(self, data: st.DataObject, units: int) -> None:
        place = data.draw(st.sampled_from(sorted(self.counted_at)))
        before = self.counted_at[place] - timedelta(minutes=1)
        self.record(Movement(MovementKind.RECEIVED, *place, on_hand=units), happened_at=before)

    @rule(claims=st.lists(demands, min_size=1, max_size=3))
    def claim(self, claims: list[list[Demand]]) -> None:
        """Several claims in one statement; what an earlier one wants counts for the later ones."""
        self.now += timedelta(seconds=1)
        granted = self.run(self.claimed(claims))
        wanted: Counter[Place] = Counter()
        for position, demands in enumerate(claims):
            wanted.update({place: units for place, units, _ in demands})
            fits = all(
                wanted[place] <= self.start[place] - safety for place, _, safety in self.strictest(claims, demands)
            )
            assert (position in granted) == fits
            for place, units, safety in demands if position in granted else ():
                self.model.book(Movement(MovementKind.RESERVED, *place, reserved=units))
                assert self.model.available(place) >= safety

    def strictest(self, claims: list[list[Demand]], demands: list[Demand]) -> list[Demand]:
        """A safety stock is a fact about a place: where claims disagree on it, the largest counts."""
        safety: dict[Place, int] = {}
        for place, _, units in (demand for one in claims for demand in one):
            safety[place] = max(units, safety.get(place, 0))
        return [(place, units, safety[place]) for place, units, _ in demands]

    async def claimed(self, claims: list[list[Demand]]) -> set[int]:
        self.start = {place: self.model.available(place) for place in PLACES}
        asked = [
            stock.Claim(
                [Movement(MovementKind.RESERVED, *place, reserved=units) for place, units, _ in demands],
                {place: safety for place, _, safety in demands},
                f"cause {next(self.causes)}",
                "test",
                self.now,
            )
            for demands in claims
        ]
        async with self.database.write() as connection:
            return await stock.claim_each(connection, asked)

    @rule(place=places, units=few)
    def allocate(self, place: Place, units: int) -> None:
        units = min(units, self.model.levels[place]["reserved"])
        self.record(Movement(MovementKind.ALLOCATED, *place, reserved=-units, allocated=units))

    @rule(place=places, units=few, counter=st.sampled_from(["reserved", "allocated"]))
    def free(self, place: Place, units: int, counter: str) -> None:
        units = min(units, self.model.levels[place][counter])
        reserved, allocated = (units, 0) if counter == "reserved" else (0, units)
        self.record(Movement(MovementKind.FREED, *place, reserved=-reserved, allocated=-allocated))

    @rule(place=places, units=few, surplus=st.integers(0, 1))
    def ship(self, place: Place, units: int, surplus: int) -> None:
        units = min(units, self.model.levels[place]["allocated"])
        self.record(Movement(MovementKind.SHIPPED, *place, on_hand=-units - surplus, allocated=-units))

    @rule(place=places, units=few)
    def miss(self, place: Place, units: int) -> None:
        """A short pick: what was allocated was not there."""
        units = min(units, self.model.levels[place]["allocated"])
        self.record(Movement(MovementKind.SHORT, *place, on_hand=-units, allocated=-units))

    @precondition(lambda self: self.facts)
    @rule(data=st.data())
    def hear_a_fact_again(self, data: st.DataObject) -> None:
        self.run(self.booked(*data.draw(st.sampled_from(self.facts))))

    @invariant()
    def counters_ledger_and_model_agree(self) -> None:
        found = self.run(self.read())
        for place, level in self.model.levels.items():
            for table in ("stock", "movement"):
                assert dict(zip(COUNTERS, found.get((table, *place), (0, 0, 0, 0)), strict=True)) == level, table

    async def read(self) -> dict[tuple[str, ...], tuple[int, ...]]:
        sums = ", ".join(f"sum({name})::int AS {name}" for name in COUNTERS)
        statement = " UNION ALL ".join(
            f"SELECT '{table}' AS source, node, sku, {sums} FROM {table} GROUP BY node, sku"
            for table in ("stock", "movement")
        )
        async with self.database.read() as connection:
            return {tuple(row[:3]): tuple(row[3:]) for row in await connection.execute(text(statement))}

    def teardown(self) -> None:
        self.run(self.database.close())
        self.runner.close()


UNHURRIED = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)


@pytest.fixture
def machine(database_url: str, monkeypatch: pytest.MonkeyPatch) -> type[Stock]:
    """The machine with a database to work on."""
    monkeypatch.setattr(Stock, "database_url", database_url, raising=False)
    return Stock


def test_counters_ledger_and_a_model_of_ten_lines_always_agree(machine: type[Stock]) -> None:
    run_state_machine_as_test(machine, settings=UNHURRIED)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_counters_ledger_and_model_agree_in_many_more_lives(machine: type[Stock]) -> None:
    run_state_machine_as_test(machine, settings=settings(UNHURRIED, max_examples=250))
