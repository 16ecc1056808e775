"""Which announced units are promised to which orders: schedules computed by hand, and rules that hold whatever happens."""

import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.peg import DatedRow, Demand, Held, Peg, RowName, after_turn, arrive, due_at, fitted, peg, take

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
NO_LAG = timedelta()
ALL = frozenset("ab")
"""The nodes."""


def on(day: float) -> datetime:
    """Noon of a day of December 2026; day 1 is today."""
    return NOON + timedelta(days=day - 1)


@dataclass
class Waits:
    """An order that waits for units of the one SKU: one line."""

    quantity: int
    nodes: frozenset[str] = ALL
    lag: timedelta = NO_LAG
    is_whole: bool = False
    pegs: list[Peg] = field(default_factory=list)

    @property
    def demand(self) -> Demand:
        return Demand("1", "LAMP", self.quantity, self.nodes, frozenset(), self.lag, self.is_whole)


class House:
    """Announced goods of one SKU and the orders that wait for them, in sequence, as PostgreSQL and the job keep them."""

    def __init__(self) -> None:
        self.rows: dict[RowName, DatedRow] = {}
        self.orders: dict[str, Waits] = {}
        self.now = NOON
        self.served: dict[str, int] = defaultdict(int)

    def announce(self, name: str, units: int, day: float, node: str = "a", counted_from: float | None = None) -> None:
        row = RowName(node, name)
        self.rows[row] = DatedRow(row, on(day), units, None if counted_from is None else on(counted_from))
        self.cover(row, 0)

    def wait(self, name: str, units: int, nodes: frozenset[str] = ALL, *, is_whole: bool = False) -> None:
        self.orders[name] = Waits(units, nodes, is_whole=is_whole)

    def cancel(self, name: str, units: int) -> None:
        order = self.orders[name]
        order.quantity = max(0, order.quantity - units)
        order.pegs = fitted(order.pegs, {"1": order.quantity}, {})

    def receive(self, name: str, units: int, node: str = "a") -> None:
        """Announced units arrive, and the orders that they were promised to have their turn at once."""
        row = RowName(node, name)
        self.rows[row] = replace(self.rows[row], open=max(0, self.rows[row].open - units))
        self.cover(row, units)
        for each, order in self.orders.items():
            here = sum(one.arrived for one in order.pegs)
            order.quantity -= here
            self.served[each] += here
            order.pegs = after_turn(fitted(order.pegs, {"1": order.quantity}, {"1": here}), order.pegs, order.pegs)

    def cover(self, row: RowName, units: int) -> None:
        """What a message does to the pegs of its row, in its own transaction."""
        named = [(name, one) for name, order in self.orders.items() for one in order.pegs if one.row == row]
        held = [Held(name, one.line, one.quantity, one.arrived, one.is_whole) for name, one in named]
        for (name, old), new in zip(named, arrive(held, units, self.rows[row].open), strict=True):
            order = self.orders[name]
            changed = replace(old, quantity=new.quantity, arrived=new.arrived)
            order.pegs = [changed if one is old else one for one in order.pegs]
            order.pegs = [one for one in order.pegs if one.units]

    def free(self) -> dict[RowName, int]:
        taken: dict[RowName, int] = defaultdict(int)
        for order in self.orders.values():
            for one in order.pegs:
                taken[one.row] += one.quantity
        return {name: row.open - taken[name] for name, row in self.rows.items()}

    def give_pegs(self) -> int:
        """The job: look at all orders in sequence until nobody moves; answers how often it did. Each time, it gives what was
        free when it began."""
        for rounds in range(1, 100):
            before, free = [list(order.pegs) for order in self.orders.values()], self.free()
            for order in self.orders.values():
                own, order.pegs = order.pegs, peg(order.demand, order.pegs, self.rows.values(), free, self.now)
                take(free, own, order.pegs)
            if before == [order.pegs for order in self.orders.values()]:
                return rounds
        raise AssertionError("it never ends")

    def shown(self) -> str:
        """By order: its units by the day on which they are counted on."""
        return "; ".join(f"{name} {_days(order)}" for name, order in self.orders.items())


def _days(order: Waits) -> str:
    units: dict[str, int] = defaultdict(int)
    for one in order.pegs:
        day = "late" if one.due_at is None else f"{(one.due_at - NOON) / timedelta(days=1) + 1:g}"
        units[day] += one.quantity
    found = [f"{quantity} on {day}" for day, quantity in sorted(units.items(), key=lambda one: (one[0] == "late", one))]
    missing = order.quantity - sum(units.values())
    return ", ".join(found + ([f"{missing} waits"] if missing else [])) or "done"


# Each schedule was computed by hand: what is done, and what every order is counted on for afterwards. Orders stand in sequence.
# fmt: off
SCHEDULES = [
    ("the first in sequence gets the earliest goods",
     "announce p1 3 10; announce p2 3 20; wait A 2; wait B 2; wait C 2",
     "A 2 on 10; B 1 on 10, 1 on 20; C 2 on 20"),
    ("what is not announced is not promised",
     "announce p1 3 10; wait A 2; wait B 2",
     "A 2 on 10; B 1 on 10, 1 waits"),
    ("a slip moves the promises of its own goods only",
     "announce p1 2 10; announce p2 2 12; wait A 2; wait B 2; give; slip p1 2 20",
     "A 2 on 20; B 2 on 12"),
    ("goods that slip behind free goods are left for these",
     "announce p1 2 10; announce p2 2 12; wait A 2; give; slip p1 2 20",
     "A 2 on 12"),
    ("what one leaves, the next moves forward to",
     "announce p1 2 10; announce p2 2 20; announce p3 2 30; wait A 2; wait B 2; wait C 2; give; announce p0 2 5",
     "A 2 on 5; B 2 on 10; C 2 on 20"),
    ("an announcement that shrinks takes from the last in sequence",
     "announce p1 4 10; wait A 2; wait B 2; give; slip p1 3 10",
     "A 2 on 10; B 1 on 10, 1 waits"),
    ("who lost goods gets the next free ones",
     "announce p1 4 10; announce p2 9 30; wait A 2; wait B 2; give; slip p1 2 10",
     "A 2 on 10; B 2 on 30"),
    ("a cancelled announcement leaves nobody with its goods",
     "announce p1 4 10; wait A 2; wait B 2; give; slip p1 0 10",
     "A 2 waits; B 2 waits"),
    ("part of the goods comes: the first in sequence gets it, the rest waits for the rest",
     "announce p1 4 10; wait A 2; wait B 2; give; receive p1 3",
     "A done; B 1 on 10"),
    ("a cancelled order gives its goods to the next",
     "announce p1 2 10; announce p2 2 20; wait A 2; wait B 2; give; cancel A 2",
     "A done; B 2 on 10"),
    ("late goods have no date, and the order keeps its right to them",
     "announce p1 2 10; wait A 2; give; today 11",
     "A 2 on late"),
    ("an order that must have all at once gets goods only where one announcement has them",
     "announce p1 3 10; announce p2 5 20; whole A 4; wait B 3; give; slip p2 3 20",
     "A 4 waits; B 3 on 10"),
    ("goods of a supplier that is late as a rule come behind those that are announced for a later day",
     "announce p1 2 10 14; announce p2 2 12; wait A 2; wait B 2",
     "A 2 on 12; B 2 on 14"),
    ("a slip within what its supplier was counted on for moves nobody",
     "announce p1 2 10 14; wait A 2; give; slip p1 2 13 14",
     "A 2 on 14"),
    ("a slip beyond it moves its orders to the day that was announced",
     "announce p1 2 10 14; wait A 2; give; slip p1 2 16 14",
     "A 2 on 16"),
    ("goods whose supplier is late as a rule are not late before the day on which they are counted on",
     "announce p1 2 10 14; wait A 2; give; today 13",
     "A 2 on 14"),
    ("they are late after it",
     "announce p1 2 10 14; wait A 2; give; today 15",
     "A 2 on late"),
]
# fmt: on


@pytest.mark.parametrize(("says", "done", "expected"), SCHEDULES, ids=[row[0] for row in SCHEDULES])
def test_a_schedule_is_what_was_computed_by_hand(says: str, done: str, expected: str) -> None:
    house = House()
    for step in done.split("; "):
        verb, *words = step.split()
        match verb:
            case "announce" | "slip":
                counted_from = float(words[3]) if len(words) > 3 else None
                house.announce(words[0], int(words[1]), float(words[2]), counted_from=counted_from)
            case "wait" | "whole":
                house.wait(words[0], int(words[1]), is_whole=verb == "whole")
            case "receive":
                house.receive(words[0], int(words[1]))
            case "cancel":
                house.cancel(words[0], int(words[1]))
            case "today":
                house.now = on(float(words[0]))
            case "give":
                house.give_pegs()
    house.give_pegs()
    assert house.shown() == expected, says


def test_goods_count_from_their_date_and_the_lag_of_the_strategy() -> None:
    name, lag = RowName("a", "p1"), timedelta(days=2)
    assert due_at(DatedRow(name, on(10), 1), lag, NOON) == on(12)
    assert due_at(DatedRow(name, on(1), 1), lag, on(2)) == on(3), "their date has passed, the lag has not"
    assert due_at(DatedRow(name, on(1), 1), lag, on(3)) is None
    assert due_at(DatedRow(name, on(10), 1, on(11)), lag, NOON) == on(12), "the lag of the strategy is the least"
    assert due_at(DatedRow(name, on(10), 1, on(14)), lag, NOON) == on(14)


def test_goods_at_a_node_that_may_not_ship_the_order_are_not_for_it() -> None:
    house = House()
    house.announce("p1", 5, 10, node="b")
    house.announce("p2", 5, 20, node="a")
    house.wait("A", 2, nodes=frozenset({"a"}))
    house.wait("B", 2)
    house.give_pegs()
    assert house.shown() == "A 2 on 20; B 2 on 10"


def test_an_order_does_not_move_between_goods_of_the_same_moment() -> None:
    house = House()
    house.announce("p2", 2, 10)
    house.wait("A", 2)
    house.give_pegs()
    house.announce("p1", 2, 10)
    house.give_pegs()
    assert [one.row.expected for one in house.orders["A"].pegs] == ["p2"]


def test_a_part_of_the_goods_is_not_kept_for_an_order_that_must_have_all() -> None:
    held = [Held("A", "1", 4, 0, True), Held("B", "1", 2, 0, False)]
    assert arrive(held, 3, 4) == [Held("A", "1", 4, 0, True), Held("B", "1", 0, 2, False)]
    assert arrive(held, 3, 3) == [Held("A", "1", 0, 0, True), Held("B", "1", 0, 2, False)], "three are left of its four"


def test_goods_that_arrive_during_a_turn_are_kept_for_the_next_turn() -> None:
    seen = Peg("1", "LAMP", RowName("a", "p1"), 2, arrived=1, due_at=on(5))
    now = replace(seen, quantity=0, arrived=3)
    assert after_turn([now], [now], [seen]) == [replace(now, arrived=2)]
    assert after_turn([replace(now, arrived=1)], [now], [seen]) == [replace(now, arrived=1)], "it has used some of them"
    assert after_turn([seen], [seen], [seen]) == [replace(seen, arrived=0)]
    assert after_turn([replace(seen, quantity=0)], [replace(seen, quantity=0)], [seen]) == []


def test_units_that_were_pinned_use_what_has_arrived_and_a_cancellation_gives_up_the_latest() -> None:
    early = Peg("1", "LAMP", RowName("a", "p1"), 1, arrived=1, due_at=on(5))
    late = Peg("1", "LAMP", RowName("a", "p2"), 2, due_at=on(9))
    assert fitted([early, late], {"1": 3}, {"1": 1}) == [late, replace(early, arrived=0)]
    assert fitted([early, late], {"1": 3}, {}) == [replace(late, quantity=1), early]
    assert fitted([early, late], {"1": 1}, {}) == [replace(early, quantity=0)], "what has arrived is given up last"
    assert fitted([early, late], {}, {}) == []


def change(house: House, chance: random.Random, number: int) -> str:
    """Change supply or demand at random; answers what was done."""
    node, day = chance.choice("ab"), chance.randint(2, 30)
    kind = chance.choice(["announce", "slip", "receive", "wait", "wait", "cancel", "time"])
    row = chance.choice(list(house.rows)) if house.rows else None
    if kind == "announce" or row is None:
        house.announce(f"p{number}", chance.randint(1, 9), house_day(house) + day, node)
    elif kind == "slip":
        house.announce(row.expected, chance.randint(0, 9), house_day(house) + day, row.node)
    elif kind == "receive":
        house.receive(row.expected, chance.randint(1, 5), row.node)
    elif kind == "wait":
        nodes = chance.choice([ALL, ALL, frozenset("a"), frozenset("b")])
        house.wait(f"o{number}", chance.randint(1, 5), nodes=nodes, is_whole=chance.random() < 0.2)
    elif kind == "cancel" and house.orders:
        house.cancel(chance.choice(list(house.orders)), chance.randint(1, 5))
    else:
        house.now += timedelta(days=chance.randint(0, 2))
    return kind


def house_day(house: House) -> float:
    return (house.now - NOON) / timedelta(days=1)


def check(house: House) -> None:
    """What holds at every moment, also before the job has run."""
    for row, left in house.free().items():
        assert left >= 0, f"{row} is promised twice"
    for name, order in house.orders.items():
        assert sum(one.units for one in order.pegs) <= order.quantity, f"{name} has pegs for units that do not wait"


def check_settled(house: House, before: dict[str, list[Peg]]) -> None:
    """What holds after the job has run."""
    check(house)
    free = house.free()
    for name, order in house.orders.items():
        assert sum(one.units for one in order.pegs) >= sum(one.units for one in before[name]), "nothing is taken away"
        for one in order.pegs:
            row = house.rows[one.row]
            assert one.due_at is None or one.due_at >= row.expected_at + order.lag, "a promise before its goods"
            assert order.demand.may_use(house.rows[one.row])
        missing = order.quantity - sum(one.units for one in order.pegs)
        for row in house.rows.values():
            if not free[row.name] or not order.demand.may_use(row):
                continue
            assert order.is_whole or not missing, f"{name} waits beside free goods"
            is_late = row.expected_at + order.lag <= house.now
            worse = [one for one in order.pegs if one.due_at is None or one.due_at > row.expected_at + order.lag]
            assert order.is_whole or is_late or not worse, f"{name} could have earlier goods"
    check_sequence(house, before)


def check_sequence(house: House, before: dict[str, list[Peg]]) -> None:
    """No order was given units that an earlier one in sequence would rather have."""
    passed: list[tuple[str, Waits]] = []
    for name, order in house.orders.items():
        had = {one.row: one.quantity for one in before[name]}
        for given in (one for one in order.pegs if one.quantity > had.get(one.row, 0)):
            rather = [first for first, one in passed if wants(house, one, house.rows[given.row])]
            assert not rather, f"{name} was given units of {given.row} that {rather} come first for"
        if not order.is_whole:
            passed.append((name, order))


def wants(house: House, order: Waits, row: DatedRow) -> bool:
    """Whether an order would rather have units of a row than what it has."""
    missing = order.quantity - sum(one.units for one in order.pegs)
    is_late = row.expected_at + order.lag <= house.now
    later = [
        one for one in order.pegs if one.quantity and (one.due_at is None or one.due_at > row.expected_at + order.lag)
    ]
    return order.demand.may_use(row) and bool(missing or (later and not is_late))


def walk(seed: int, changes: int) -> None:
    chance, house = random.Random(seed), House()
    for number in range(changes):
        change(house, chance, number)
        check(house)
        before = {name: list(order.pegs) for name, order in house.orders.items()}
        house.give_pegs()
        check_settled(house, before)
        house.orders = {name: order for name, order in house.orders.items() if order.quantity}
        house.rows = {name: row for name, row in house.rows.items() if row.open or chance.random() < 0.5}


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_promised_twice_and_nobody_waits_beside_free_goods(seed: int) -> None:
    walk(seed, 150)


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 1500, 50))
def test_nothing_is_promised_twice_in_a_hundred_thousand_changes(first: int) -> None:
    for seed in range(first, first + 50):
        walk(seed, 200)


def test_of_one_free_unit_the_first_in_sequence_that_can_use_it_has_it() -> None:
    for seed in range(200):
        chance, house = random.Random(seed), House()
        for number in range(6):
            house.wait(f"o{number}", 1, nodes=chance.choice([ALL, frozenset("a"), frozenset("b")]))
        house.announce("p", 1, 5, chance.choice("ab"))
        house.give_pegs()
        first = next((order for order in house.orders.values() if order.demand.may_use(*house.rows.values())), None)
        assert [order for order in house.orders.values() if order.pegs] == [order for order in [first] if order]
