"""Ways to ship the orders of an instance: each order the cheapest way, with prices of stock, and two ideas from papers.

All of them ship every unit that is in stock anywhere, so all leave the same units unfilled, and their costs can be compared.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import highspy
import numpy as np
from numpy.typing import NDArray

from benchmarks.look_ahead_instances import (
    CENTRE_COUNT,
    ITEMS,
    PACKAGE,
    SIZE_MAX,
    UNIT_COSTS,
    Asked,
    Instance,
    Numbers,
    Stock,
)
from domain.sourcing.look_ahead import SeenLine, SeenOrder, look_ahead_prices

THOUSANDTHS = 100_000
"""Thousandths of a cent in a dollar."""

RESOLVED_EACH = 100
"""Orders after which prices are computed again."""

PROGRAM_EACH = 100_000
"""Orders after which a whole program is solved again, which takes ten seconds."""

UNFILLED = 200.0
"""Dollars that a unit counts which is not shipped: more than any way to ship it."""

NOT_HERE = 1e6

SETS = [chosen for size in range(1, SIZE_MAX + 1) for chosen in combinations(range(CENTRE_COUNT), size)]
SET_SIZES = np.array([len(chosen) for chosen in SETS])
PADDED = np.array([(chosen * SIZE_MAX)[:SIZE_MAX] for chosen in SETS])
SETS_UP_TO = [sum(len(chosen) <= size for chosen in SETS) for size in range(SIZE_MAX + 1)]

Choose = Callable[[int, Asked, Stock], Sequence[tuple[int, int]]]
"""Decides from which centre each item of an order ships: (centre, item), given its number and the stock that is left."""


class Result(NamedTuple):
    """What a method made of an instance."""

    dollars: float
    packages: int
    unfilled: int


def shipped(case: Instance, choose: Choose) -> Result:
    """Ship the orders one after another."""
    stock = case.stock.copy()
    dollars, packages, unfilled = 0.0, 0, 0
    for number, asked in enumerate(case.orders):
        chosen = choose(number, asked, stock)
        centres = {centre for centre, _ in chosen}
        for centre, item in chosen:
            stock[centre, item] -= 1
            dollars += UNIT_COSTS[asked.city, centre]
        dollars += PACKAGE * len(centres)
        packages += len(centres)
        unfilled += len(case.sorts[asked.sort]) - len(chosen)
    assert stock.min() >= 0
    return Result(dollars, packages, unfilled)


def cheapest(items: Sequence[int], city: int, stock: Stock, prices: Numbers) -> list[tuple[int, int]]:
    """The cheapest way to ship all items that are in stock, among all sets of centres; a unit costs its price, too."""
    known = [item for item in items if stock[:, item].any()]
    if not known:
        return []
    costs = np.where(stock[:, known] > 0, UNIT_COSTS[city][:, None] + prices[:, known], NOT_HERE)
    sets = SETS_UP_TO[len(known)]
    totals = costs[PADDED[:sets, : len(known)]].min(axis=1).sum(axis=1) + PACKAGE * SET_SIZES[:sets]
    best = list(SETS[int(totals.argmin())])
    return [(best[int(costs[best, position].argmin())], item) for position, item in enumerate(known)]


def myopic(case: Instance) -> Choose:
    """Each order in its cheapest way, whatever comes later."""
    none = np.zeros((CENTRE_COUNT, ITEMS))
    return lambda _, asked, stock: cheapest(case.sorts[asked.sort], asked.city, stock, none)


def priced(case: Instance, prices_of: Callable[[Stock, int], Numbers], each: int = RESOLVED_EACH) -> Choose:
    """Each order in its cheapest way under prices, which are computed again after some orders from what is left."""
    prices = np.zeros((CENTRE_COUNT, ITEMS))

    def choose(number: int, asked: Asked, stock: Stock) -> list[tuple[int, int]]:
        nonlocal prices
        if number % each == 0:
            prices = prices_of(stock, len(case.orders) - number)
        return cheapest(case.sorts[asked.sort], asked.city, stock, prices)

    return choose


def look_ahead(case: Instance, seed: int) -> Choose:
    """With the prices of the product, learned from the orders of the time before."""
    centres = [f"{centre:02}" for centre in range(CENTRE_COUNT)]
    package = dict.fromkeys(centres, round(PACKAGE * THOUSANDTHS))

    def order(asked: Asked, count: int) -> SeenOrder:
        costs = {name: round(cost * THOUSANDTHS) for name, cost in zip(centres, UNIT_COSTS[asked.city], strict=True)}
        lines = tuple(SeenLine(str(item), 1, costs) for item in case.sorts[asked.sort])
        return SeenOrder(package, lines, count=count)

    seen = [order(asked, count) for asked, count in sorted(Counter(case.seen).items())]

    def prices_of(stock: Stock, ahead: int) -> Numbers:
        held = {(centres[centre], str(item)): int(stock[centre, item]) for centre, item in np.argwhere(stock > 0)}
        prices = np.zeros(stock.shape)
        for (centre, item), price in look_ahead_prices(seen, held, ahead, seed + ahead).items():
            prices[int(centre), int(item)] = price / THOUSANDTHS
        return prices

    return priced(case, prices_of)


def transportation_prices(case: Instance) -> Choose:
    """After Acimovic and Graves (Manufacturing & Service Operations Management 2015): the dual values of a transportation
    program for each item, from the mean demand of cities to the stock of centres, as if each unit were shipped alone."""
    demand = np.zeros((ITEMS, UNIT_COSTS.shape[0]))
    for asked in case.seen:
        demand[list(case.sorts[asked.sort]), asked.city] += 1 / len(case.seen)

    def prices_of(stock: Stock, ahead: int) -> Numbers:
        return np.array([_transported(demand[item] * ahead, stock[:, item]) for item in range(ITEMS)]).T

    return priced(case, prices_of)


def _transported(demand: Numbers, stock: NDArray[np.int64]) -> Numbers:
    """The dual values of the stock of an item, counted from the least."""
    centres, cities = np.flatnonzero(stock), np.flatnonzero(demand)
    prices = np.zeros(CENTRE_COUNT)
    if not len(centres) or not len(cities):
        return prices
    program = Program()
    rows = [program.row(-np.inf, float(stock[centre])) for centre in centres]
    for city in cities:
        asked = program.row(float(demand[city]), float(demand[city]))
        program.column(UNFILLED, {asked: 1.0})
        for row, centre in zip(rows, centres, strict=True):
            program.column(PACKAGE + UNIT_COSTS[city, centre], {row: 1.0, asked: 1.0})
    solved = program.solved()
    found = -solved.duals[rows]
    prices[centres] = found - found.min()
    return prices


def rounded_program(case: Instance, seed: int) -> Choose:
    """After Jasin and Sinha (Operations Research 2015): a linear program says which share of the orders of each sort and city
    ships each item from where, for the mean demand; an order draws its centres by these shares, its items together where
    they can be (correlated rounding). What is drawn and not there, or was not in the program, ships in the cheapest way."""
    chance = np.random.default_rng(seed)
    counts = Counter(case.seen)
    shares: Mapping[tuple[Asked, int], Numbers] = {}
    none = np.zeros((CENTRE_COUNT, ITEMS))

    def choose(number: int, asked: Asked, stock: Stock) -> list[tuple[int, int]]:
        nonlocal shares
        if number % PROGRAM_EACH == 0:
            ahead = (len(case.orders) - number) / len(case.seen)
            shares = fulfilled(case, {one: count * ahead for one, count in counts.items()}, stock).shares
        items = case.sorts[asked.sort]
        drawn = _drawn(chance, {item: shares[asked, item] for item in items if (asked, item) in shares})
        there = [(centre, item) for item, centre in drawn.items() if stock[centre, item] > 0]
        rest = [item for item in items if item not in {item for _, item in there}]
        return [*there, *cheapest(rest, asked.city, stock, none)]

    return choose


def _drawn(chance: np.random.Generator, shares: Mapping[int, Numbers]) -> dict[int, int]:
    """A centre for each item, with the probabilities of its shares: with the share that all items have in common they go to
    one centre; otherwise one number decides for all what is left of theirs."""
    usable = {item: own / own.sum() for item, own in shares.items() if own.sum() > 1e-9}
    if not usable:
        return {}
    common = np.min(list(usable.values()), axis=0)
    number = chance.random()
    if number < common.sum():
        centre = _at(common, number)
        return dict.fromkeys(usable, centre)
    return {item: _at(own - common, number - common.sum()) for item, own in usable.items()}


def _at(shares: Numbers, number: float) -> int:
    """The position at which the sum of the shares passes a number."""
    return min(int(np.searchsorted(shares.cumsum(), number, side="right")), int(np.flatnonzero(shares > 0)[-1]))


class Fulfilled(NamedTuple):
    """The solution of the program of all orders."""

    dollars: float
    """The cost of what is shipped."""
    unfilled: float
    shares: Mapping[tuple[Asked, int], Numbers]
    """By kind of order and item: units by centre."""


def fulfilled(case: Instance, demand: Mapping[Asked, float], stock: Stock) -> Fulfilled:
    """Ship so many orders of each kind as cheaply as a linear program can, when all of them are known: no way to ship whole
    orders costs less."""
    program = Program()
    places = {
        (centre, item): program.row(-np.inf, float(stock[centre, item]))
        for centre, item in np.argwhere(stock > 0).tolist()
    }
    units: dict[tuple[Asked, int], dict[int, int]] = {}
    unfilled = []
    for asked, count in demand.items():
        items = case.sorts[asked.sort]
        packages = {
            centre: program.column(PACKAGE, {})
            for centre in range(CENTRE_COUNT)
            if any((centre, item) in places for item in items)
        }
        for item in items:
            all_units = program.row(count, count)
            unfilled.append(program.column(UNFILLED, {all_units: 1.0}))
            units[asked, item] = {}
            for centre, package in packages.items():
                if (centre, item) in places:
                    in_package = program.row(-np.inf, 0.0)
                    program.add(in_package, package, -1.0)
                    entries = {places[centre, item]: 1.0, all_units: 1.0, in_package: 1.0}
                    units[asked, item][centre] = program.column(UNIT_COSTS[asked.city, centre], entries)
    solved = program.solved()
    left = float(solved.values[unfilled].sum())
    shares = {key: _by_centre(columns, solved.values) for key, columns in units.items()}
    return Fulfilled(solved.objective - UNFILLED * left, left, shares)


def _by_centre(columns: Mapping[int, int], values: Numbers) -> Numbers:
    own = np.zeros(CENTRE_COUNT)
    for centre, column in columns.items():
        own[centre] = max(0.0, values[column])
    return own


class Solved(NamedTuple):
    """The solution of a linear program."""

    objective: float
    values: Numbers
    duals: Numbers


class Program:
    """A linear program in the making; columns are at least 0, and the sum of their costs is to be least."""

    def __init__(self) -> None:
        self._bounds: list[tuple[float, float]] = []
        self._costs: list[float] = []
        self._entries: list[tuple[int, int, float]] = []
        """Column, row, factor."""

    def row(self, least: float, most: float) -> int:
        """A new row, by number."""
        self._bounds.append((least, most))
        return len(self._bounds) - 1

    def column(self, cost: float, entries: Mapping[int, float]) -> int:
        """A new column, by number."""
        self._costs.append(cost)
        number = len(self._costs) - 1
        self._entries += [(number, row, factor) for row, factor in entries.items()]
        return number

    def add(self, row: int, column: int, factor: float) -> None:
        """Put a column into one more row."""
        self._entries.append((column, row, factor))

    def solved(self) -> Solved:
        """The best solution. Raises AssertionError when HiGHS finds none."""
        entries = np.array(sorted(self._entries))
        bounds = np.array(self._bounds)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(self._costs), len(self._bounds)
        model.col_cost_ = np.array(self._costs)
        model.col_lower_ = np.zeros(len(self._costs))
        model.col_upper_ = np.full(len(self._costs), highspy.kHighsInf)
        model.row_lower_, model.row_upper_ = bounds[:, 0], bounds[:, 1]
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_ = np.searchsorted(entries[:, 0], np.arange(len(self._costs) + 1))
        model.a_matrix_.index_ = entries[:, 1].astype(np.int32)
        model.a_matrix_.value_ = entries[:, 2]
        solver = highspy.Highs()
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
        solver.passModel(model)
        solver.run()
        assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        solution = solver.getSolution()
        objective = float(solver.getInfo().objective_function_value)
        return Solved(objective, np.array(solution.col_value), np.array(solution.row_dual))
