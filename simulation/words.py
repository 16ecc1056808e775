"""Writes a comparison as text: every figure once, for the table in the terminal and for the page."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from domain.money import written
from simulation.comparison import SOON_DAYS, Change, Comparison, OrderOutcome, Share, Trial
from simulation.frontier import Point

NOTHING = "–"


class Figure(NamedTuple):
    """One figure of each trial, and between two of them the difference."""

    name: str
    values: tuple[str, ...]
    difference: str
    is_key: bool = False
    """Whether it is one of the few that are read first."""
    help: str = ""
    """What exactly is counted."""


class ShownChange(NamedTuple):
    """An order that ships differently, in words."""

    order: str
    before: str
    after: str
    why: str


def heading(comparison: Comparison) -> list[str]:
    """What was done, in sentences."""
    first, last = comparison.first_placed_at, comparison.last_placed_at
    count = len(comparison.trials[0].outcomes)
    stock = "from the stock given; nothing is received meanwhile" if comparison.has_stock else "stock is unlimited"
    orders = f"{_whole(count)} order{'' if count == 1 else 's'}"
    sentences = [f"{orders}, placed from {first:%Y-%m-%d} to {last:%Y-%m-%d}; {stock}."]
    if comparison.of_history:
        sentences = [f"{orders}, decided from {first:%Y-%m-%d} to {last:%Y-%m-%d}.", *comparison.of_history]
    if comparison.currency is None:
        sentences.append("The orders have several currencies: costs are in minor units, as the policy writes them.")
    return sentences


def names(comparison: Comparison) -> list[str]:
    """What each trial is of: its label, where its network was read, and the version."""
    return [f"{trial.label}: {trial.source}, version {trial.network.version}" for trial in comparison.trials]


def figures(comparison: Comparison) -> list[Figure]:
    """Every figure, in the order in which they are read."""
    return [*_volume(comparison), *_money(comparison), *_boxes(comparison), *_time(comparison)]


FRONTIER = ("what is preferred", "cost per order", "boxes", "days", "units filled", "")


def frontier_rows(points: Sequence[Point], currency: str | None) -> list[tuple[str, ...]]:
    """A row for each weighting: its figures, and whether another one is better in everything."""
    return [_frontier_row(point, currency) for point in points]


def _frontier_row(point: Point, currency: str | None) -> tuple[str, ...]:
    trial = point.trial
    cost = NOTHING if trial.cost_per_order is None else written(round(trial.cost_per_order), currency)
    days = NOTHING if trial.days is None else _decimal(trial.days)
    filled = _share(trial.units)
    return point.words, cost, _whole(trial.shipments), days, filled, "" if point.is_best else "another is better"


def _volume(comparison: Comparison) -> Iterator[Figure]:
    count, share = _Rows(comparison, _whole), _Rows(comparison, _share)
    yield count.row("orders", lambda trial: len(trial.outcomes))
    yield count.row("units", lambda trial: trial.units.whole)
    yield share.row("units filled", lambda trial: trial.units, is_key=True, help="units that have a plan")
    yield share.row("orders filled", lambda trial: trial.orders_filled, help="orders whose every unit has a plan")


def _money(comparison: Comparison) -> Iterator[Figure]:
    def money(minor_units: float) -> str:
        return written(minor_units, comparison.currency)

    rows = _Rows(comparison, money)
    named = "cost per order" + (f", {comparison.currency}" if comparison.currency else "")
    of = "by the policy's own amounts, mean over the orders of which anything ships"
    yield rows.row(named, lambda trial: trial.cost_per_order, is_key=True, help=of)
    yield rows.row("cost in all", lambda trial: trial.cost)


def _boxes(comparison: Comparison) -> Iterator[Figure]:
    count, mean, share = (_Rows(comparison, writes) for writes in (_whole, _decimal, _share))
    of = "of the orders of which anything ships"
    yield count.row("shipments", lambda trial: trial.shipments)
    yield mean.row("shipments per order", lambda trial: trial.shipments_per_order, is_key=True, help=f"mean {of}")
    yield share.row("orders split", lambda trial: trial.split, is_key=True, help=f"more than one shipment, {of}")


def _time(comparison: Comparison) -> Iterator[Figure]:
    mean, share = _Rows(comparison, _decimal), _Rows(comparison, _share)
    whole = "calendar days until the last unit arrives, mean over the orders filled"
    yield mean.row("days to deliver", lambda trial: trial.days, is_key=True, help=whole)
    soon = f"every unit, of all orders, within {SOON_DAYS} days"
    yield share.row(f"delivered within {SOON_DAYS} days", lambda trial: trial.soon, is_key=True, help=soon)
    carried = "whole by the day of not_after, of the orders that carry one"
    yield share.row("promises kept: the order's own date", lambda trial: trial.due_met, help=carried)
    if len(comparison.trials) > 1:
        first, second = comparison.trials
        kept = second.no_later_than(first)
        help_ = "whole no later than on the day that A promises, of the orders that A fills"
        yield Figure("promises kept: A's date", (NOTHING, _share(kept)), "", help=help_)


class _Rows:
    """Makes figures of one form."""

    def __init__(self, comparison: Comparison, writes: "Callable[..., str]") -> None:
        self._trials = comparison.trials
        self._writes = writes

    def row(
        self, name: str, of: Callable[[Trial], float | Share | None], *, is_key: bool = False, help: str = ""
    ) -> Figure:
        """A figure of every trial; nothing is written where there is none."""
        values = [of(trial) for trial in self._trials]
        shown = tuple(NOTHING if _number(value) is None else self._writes(value) for value in values)
        return Figure(name, shown, self._difference(values), is_key, help)

    def _difference(self, values: list[float | Share | None]) -> str:
        before, after = values[0], values[-1]
        was, its = _number(before), _number(after)
        if len(values) == 1 or was is None or its is None:
            return ""
        if isinstance(after, Share):
            return _signed(100 * (its - was), lambda points: f"{points:.1f} points")
        change = f" ({(its - was) / was:+.1%})".replace("-", "−") if was else ""
        shown = _signed(its - was, self._writes)
        return f"{shown}{change}" if shown != NO_DIFFERENCE else shown


NO_DIFFERENCE = "="


def _number(value: float | Share | None) -> float | None:
    return value.ratio if isinstance(value, Share) else value


def _signed(difference: float, writes: Callable[[float], str]) -> str:
    shown = writes(abs(difference))
    if shown == writes(0):
        return NO_DIFFERENCE
    return f"{'+' if difference > 0 else '−'}{shown}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _decimal(value: float) -> str:
    return f"{value:,.2f}"


def _share(share: Share) -> str:
    return NOTHING if share.ratio is None else f"{share.ratio:.1%} ({share.part:,} of {share.whole:,})"


def node_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Units of each node in every trial, with its share of the units filled; the busiest first."""
    return [(node, *(_node_units(trial, node) for trial in comparison.trials)) for node in nodes_by_units(comparison)]


def nodes_by_units(comparison: Comparison) -> list[str]:
    """The nodes of all trials: those with most planned units first, then by id."""
    units = [trial.units_by_node for trial in comparison.trials]
    total = {node: sum(one[node] for one in units) for one in units for node in one}
    return sorted(total, key=lambda node: (-total[node], node))


def _node_units(trial: Trial, node: str) -> str:
    if node not in trial.network.nodes:
        return "no such node"
    share = Share(trial.units_by_node[node], trial.units.part)
    return _whole(share.part) if share.ratio is None else f"{share.part:,} ({share.ratio:.1%})"


def way_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    """Orders by the strategy and tier that decided, in every trial, as the policies list them."""
    ways = [trial.orders_by_way for trial in comparison.trials]
    places = {
        strategy.id: position
        for trial in reversed(comparison.trials)
        for position, strategy in enumerate(trial.network.policy.strategies)
    }
    every = sorted({way for one in ways for way in one}, key=lambda way: (places[way[0]], way[0], way[1] is None, way))
    return [(strategy, _tier(tier), *(_whole(one[strategy, tier]) for one in ways)) for strategy, tier in every]


def _tier(tier: int | None) -> str:
    return "nothing filled, or collected" if tier is None else f"tier {tier}"


def change_sentences(comparison: Comparison) -> list[str]:
    """How many orders changed, and how many only cost something else."""
    changed = Share(len(comparison.changes), len(comparison.trials[0].outcomes))
    return [
        f"{_whole(changed.part)} of {_whole(changed.whole)} orders ({changed.ratio:.1%}) ship differently: "
        "from another node, in other units, or they arrive on another day.",
        f"{_whole(comparison.repriced)} more ship the same way and cost something else.",
    ]


def cause_rows(comparison: Comparison) -> list[tuple[str, str]]:
    """Changed orders by the kinds of their reasons; an order may have several."""
    return [(str(cause), _whole(orders)) for cause, orders in comparison.orders_by_cause]


def shown_changes(comparison: Comparison, shown: int) -> list[ShownChange]:
    """The first orders that ship differently, by the moment at which they were placed."""
    return [_shown_change(change, comparison.currency) for change in comparison.changes[:shown]]


def _shown_change(change: Change, currency: str | None) -> ShownChange:
    before, after = (_shown_outcome(one, currency) for one in (change.before, change.after))
    return ShownChange(change.before.order, before, after, "; ".join(reason.words for reason in change.reasons))


def _shown_outcome(outcome: OrderOutcome, currency: str | None) -> str:
    """Such as "slc + nwk, 2 shipments, 14.20, 3 days"."""
    if not outcome.shipments:
        return "nothing"
    boxes = f"{outcome.shipments} shipment{'s' if outcome.shipments > 1 else ''}"
    days = f"{outcome.units_filled} of {outcome.units} units" if outcome.days is None else _days(outcome.days)
    return f"{' + '.join(outcome.units_by_node)}, {boxes}, {written(outcome.cost, currency)}, {days}"


def _days(days: int) -> str:
    return f"{days} day{'' if days == 1 else 's'}"
