"""Plans what the service itself has sold again, as it came: orders, goods, counts, returns and rejections, event by event.

An order is planned at its own moment on the stock that then is there. What no node has waits, and has its turn when goods come,
or when a node has capacity again. Units that a node really failed to ship fail there again, where a run has planned them there,
and are planned at another node.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from heapq import heappop, heappush

from domain.capacity import next_days_of_full_nodes
from domain.network import Network, RuleLine, Unfilled
from domain.sourcing import NodeLoad, Plan, Wanted
from domain.sourcing.facts import LookedUp
from domain.sourcing.plans import PlannedShipment
from domain.sourcing.rounds import RoundInput, decide
from domain.sourcing.supply import Entitlement, claims, looks_again_at, parts
from domain.stock import StockLevel
from simulation.comparison import (
    Cause,
    Change,
    Comparison,
    OrderOutcome,
    PlannedOrder,
    Reason,
    Trial,
    reasons,
    ships_differently,
)
from simulation.look_ahead import Learning
from simulation.resample import Day, differences
from simulation.run import RecordedNodeStates
from simulation.what_changes import Changes, repeats
from transactions.history import History, PastOrder, PastRejection, StockChange

TURNS_MAX = 1_000
"""Orders that wait for a SKU and have their turn when some of it comes."""


@dataclass(slots=True)
class _Order:
    """An order in one run: what is planned of it, and what waits."""

    past: PastOrder
    asked: RoundInput
    shipped: list[tuple[datetime, PlannedShipment]] = field(default_factory=list)
    """Each shipment with the moment of its plan."""
    waiting: list[Wanted] = field(default_factory=list)
    lost: list[Wanted] = field(default_factory=list)
    """Units that nothing is tried for any more."""
    first: Plan | None = None
    tried: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By line: the nodes that failed to ship it."""


class HistoryRun:
    """One network with its stock and its work in memory. Events must come in their sequence."""

    def __init__(self, label: str, network: Network, history: History, changes: Changes) -> None:
        """`label` is what reports call it. Raises `ChangeRefused`."""
        self.label = label
        self.network = changes.network(network)
        self._changes = changes
        self._levels = changes.levels(history.levels)
        self._released: Counter[tuple[str, date]] = Counter()
        self._open: defaultdict[str, list[datetime]] = defaultdict(list)
        self._orders: dict[str, _Order] = {}
        self._waiting: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._turns: list[tuple[datetime, str]] = []
        self._learning = Learning(self.network) if self.network.policy.looks_ahead else None

    def place(self, past: PastOrder) -> PlannedOrder:
        """Plan an order for the first time."""
        self._give_turns(past.at)
        order = self._orders[past.order] = _Order(past, self._asked(past))
        planned = self._plan(order, list(order.asked.wanted), past.at)
        if self._learning:
            self._learning.see(past.at, order.asked)
        return planned

    def change_stock(self, change: StockChange) -> None:
        """Change a stock level; orders that wait for what came have their turn, by priority and then as they came."""
        self._give_turns(change.at)
        place = self._changes.place(change.node), change.sku
        level = self._levels.get(place, StockLevel(*place, 0, 0, 0))
        self._levels[place] = level._replace(
            on_hand=level.on_hand + change.on_hand,
            reserved=level.reserved + change.promised,
            set_aside=level.set_aside + change.set_aside,
        )
        if change.on_hand - change.promised - change.set_aside > 0:
            queue = sorted(self._waiting[change.sku], key=self._sequence)
            for name in queue[:TURNS_MAX]:
                self._turn(name, change.at)

    def reject(self, rejection: PastRejection, order: str) -> None:
        """A node fails to ship what this run has planned there for a line; it is planned again without the node."""
        self._give_turns(rejection.at)
        found, node = self._orders.get(order), rejection.node
        if found is None:
            return
        failed: list[Wanted] = []
        kept: list[tuple[datetime, PlannedShipment]] = []
        for at, shipment in found.shipped:
            mine = [part for part in shipment.parts if shipment.node == node and part.line == rejection.line]
            left = tuple(part for part in shipment.parts if part not in mine)
            tried = (*found.tried.get(rejection.line, ()), node)
            failed += [Wanted(part.line, part.sku, part.quantity, len(tried) + 1, tried) for part in mine]
            if left:
                kept.append((at, replace(shipment, parts=left)))
        if failed:
            found.tried[rejection.line] = failed[0].tried
            found.shipped = kept
            self._free(node, failed, rejection.at)
            self._plan(found, failed, rejection.at)

    def finish(self, until: datetime) -> None:
        """Give the turns that are due before a moment."""
        self._give_turns(until)

    def outcome(self, order: str) -> OrderOutcome:
        """What became of an order in the end."""
        found = self._orders[order]
        by_node: Counter[str] = Counter()
        for _, shipment in found.shipped:
            by_node[shipment.node] += sum(part.quantity for part in shipment.parts)
        missing = sum(one.quantity for one in (*found.waiting, *found.lost))
        days, arrives = self._arrival(found)
        first = found.first
        due, facts = found.asked.facts.not_after, found.asked.facts
        return OrderOutcome(
            order=order,
            place=facts.place,
            units=by_node.total() + missing,
            units_by_node=dict(by_node),
            strategy=first.strategy if first else "",
            tier=first.tier if first else None,
            cost=sum(shipment.cost for _, shipment in found.shipped),
            shipments=len(found.shipped),
            days=None if missing else days,
            delivered_on=None if missing else arrives,
            meets_due=None if due is None else not missing and self._meets(found, due),
        )

    def weighed(self, order: str, of_box: int, of_day: int) -> int:
        """What the shipments of an order would cost more if each counted so much, and each of its days."""
        shipments = [shipment for _, shipment in self._orders[order].shipped]
        return sum(of_box + of_day * (shipment.days or 0) for shipment in shipments)

    def _meets(self, found: _Order, due: datetime) -> bool:
        """Whether every shipment arrives no later than on the day of `due`, by the calendar of its node."""
        for _, shipment in found.shipped:
            zone = self.network.nodes[shipment.node].time_zone
            if shipment.deliver_by is None or shipment.deliver_by.astimezone(zone).date() > due.astimezone(zone).date():
                return False
        return True

    def _arrival(self, found: _Order) -> tuple[int | None, date | None]:
        """The days from the first decision to the last arrival, and its day; None where nobody knows."""
        days, last = 0, None
        for _, shipment in found.shipped:
            if shipment.deliver_by is None:
                return None, None
            zone = self.network.nodes[shipment.node].time_zone
            arrives = shipment.deliver_by.astimezone(zone).date()
            days = max(days, (arrives - found.asked.at.astimezone(zone).date()).days)
            last = arrives if last is None or arrives > last else last
        return days, last

    def _asked(self, past: PastOrder) -> RoundInput:
        """The order's own facts, with the items of this network; nothing of the way is kept, for nodes may lie elsewhere."""
        asked, network = past.asked, self.network
        lines = [
            RuleLine(network.item(one.item.sku), one.quantity, one.has_gift_message, one.attributes)
            for one in asked.facts.lines
            if network.knows_item(one.item.sku)
        ]
        return replace(asked, facts=replace(asked.facts, lines=lines), entitlement=Entitlement())

    def _plan(self, order: _Order, wanted: list[Wanted], at: datetime) -> PlannedOrder:
        """Plan units of an order, and reserve what is found."""
        released_at = max(at, order.asked.at)
        levels = self._with_prices(self._levels_for(order, wanted), at)
        asked = replace(
            order.asked,
            wanted=wanted,
            levels=levels,
            workload=self._workload(released_at),
            at=released_at,
            looked_up=LookedUp(),
        )
        plan, basis, supply = decide(asked, self.network)
        order.first = order.first or plan
        order.shipped += [(released_at, shipment) for shipment in plan.shipments]
        self._take(plan, released_at)
        self._leave(order, wanted, plan)
        again = looks_again_at(plan, basis.situation, supply, next_days_of_full_nodes(basis.situation))
        if again is not None and order.waiting:
            heappush(self._turns, (max(again, at + timedelta(seconds=1)), order.past.order))
        states = RecordedNodeStates(asked.facts, tuple(wanted), basis.situation, levels, plan)
        return PlannedOrder(self.label, self.network, plan, states)

    def _leave(self, order: _Order, wanted: Sequence[Wanted], plan: Plan) -> None:
        """Let the units without a node wait, where they may."""
        for part in plan.unfilled:
            left = replace(wanted[part.wanted_index], quantity=part.quantity)
            if plan.unfilled_action is not Unfilled.BACKORDER or part.wanted_index in plan.hopeless:
                order.lost.append(left)
                continue
            order.waiting.append(left)
            for sku in parts(self.network, [left.sku]):
                self._waiting[sku][order.past.order] = None

    def _levels_for(self, order: _Order, wanted: Sequence[Wanted]) -> dict[tuple[str, str], StockLevel]:
        """The levels of this run; stops and pauses are as they were when the order came."""
        found = {}
        for node in self.network.nodes:
            for sku in parts(self.network, [one.sku for one in wanted if one.sku in self.network.items]):
                if level := self._levels.get((node, sku)):
                    was = order.past.asked.levels.get((node, sku))
                    found[node, sku] = (
                        level._replace(stopped_at=was.stopped_at, is_paused=was.is_paused) if was else level
                    )
        return found

    def _with_prices(
        self, levels: dict[tuple[str, str], StockLevel], at: datetime
    ) -> dict[tuple[str, str], StockLevel]:
        """The same with the look-ahead prices of a moment, where a strategy looks ahead."""
        if self._learning is None:
            return levels
        prices = self._learning.prices(at, self._levels.values())
        return {place: level._replace(price=prices.get(place, 0)) for place, level in levels.items()}

    def _take(self, plan: Plan, at: datetime) -> None:
        for shipment in plan.shipments:
            zone = self.network.nodes[shipment.node].time_zone
            self._released[shipment.node, at.astimezone(zone).date()] += 1
            heappush(self._open[shipment.node], shipment.ship_by)
        for claimed in claims(plan, self.network):
            place = claimed.node, claimed.sku
            self._levels[place] = self._levels[place]._replace(reserved=self._levels[place].reserved + claimed.reserved)

    def _free(self, node: str, failed: Sequence[Wanted], at: datetime) -> None:
        """Give back what a node failed to ship; it is not asked for it again for a while."""
        for one in failed:
            for sku, units in self.network.components(one.sku):
                level = self._levels[node, sku]
                self._levels[node, sku] = level._replace(reserved=level.reserved - units * one.quantity, rejected_at=at)

    def _workload(self, at: datetime) -> dict[str, NodeLoad]:
        load = {}
        for node in self.network.nodes:
            ship_by = self._open[node]
            while ship_by and ship_by[0] < at:
                heappop(ship_by)
            today = at.astimezone(self.network.nodes[node].time_zone).date()
            load[node] = NodeLoad(len(ship_by), self._released[node, today])
        return load

    def _sequence(self, name: str) -> tuple[int, datetime, str]:
        order = self._orders[name]
        return order.asked.facts.priority, order.past.at, name

    def _give_turns(self, until: datetime) -> None:
        while self._turns and self._turns[0][0] <= until:
            at, name = heappop(self._turns)
            self._turn(name, at)

    def _turn(self, name: str, at: datetime) -> None:
        """Plan what waits of an order."""
        order = self._orders[name]
        waiting, order.waiting = order.waiting, []
        for sku in parts(self.network, [one.sku for one in waiting]):
            self._waiting[sku].pop(name, None)
        if waiting:
            self._plan(order, waiting, at)


_Event = PastOrder | PastRejection | StockChange


def _events(history: History) -> list[_Event]:
    """Everything that happened, in its sequence; at one moment goods come before orders."""
    rank = {StockChange: 0, PastRejection: 1, PastOrder: 2}
    found: list[_Event] = [*history.stock_changes, *history.rejections, *history.orders]
    return sorted(found, key=lambda one: (one.at, rank[type(one)]))


@dataclass(frozen=True, slots=True)
class _Source:
    """A network of a comparison, and how it is called there."""

    network: Network
    name: str
    changes: Changes = field(default_factory=Changes)


def compare_history(
    history: History, other: tuple[Network, str] | None, changes: Changes, demand: float, until: datetime
) -> Comparison:
    """Plan a history under the active network, and beside it under another network or with changes, where there is either.

    Demand is scaled in both. Raises `ChangeRefused`.
    """
    sources = [_Source(history.network, "the active network")]
    if other or changes.words:
        network, name = other or (history.network, "the active network")
        sources.append(_Source(network, "; ".join([name, *changes.words]), changes))
    runs = [HistoryRun(label, one.network, history, one.changes) for label, one in zip("AB", sources, strict=False)]
    currency = _currency(history)
    copies = {one.order: list(_copies(one, demand)) for one in history.orders}
    because, as_it_was = dict[str, tuple[Reason, ...]](), 0
    for event in _events(history):
        match event:
            case StockChange():
                for run in runs:
                    run.change_stock(event)
            case PastRejection():
                for copy in copies.get(event.order, ())[:1]:
                    for run in runs:
                        run.reject(event, copy.order)
            case PastOrder():
                for copy in copies[event.order]:
                    decided = [run.place(copy) for run in runs]
                    as_it_was += decided[0].nodes == event.nodes
                    if ships_differently(decided[0], decided[-1]):
                        because[copy.order] = reasons(decided[0], decided[-1], currency)
    for run in runs:
        run.finish(until)
    return _compared(history, sources, runs, [one for made in copies.values() for one in made], because, as_it_was)


def outcomes_alone(history: History, run: HistoryRun, demand: float, until: datetime) -> list[OrderOutcome]:
    """What becomes of the orders of a history in one run, in the sequence in which they came."""
    placed: list[str] = []
    copies = {one.order: list(_copies(one, demand)) for one in history.orders}
    for event in _events(history):
        match event:
            case StockChange():
                run.change_stock(event)
            case PastRejection():
                for copy in copies.get(event.order, ())[:1]:
                    run.reject(event, copy.order)
            case PastOrder():
                for copy in copies[event.order]:
                    run.place(copy)
                    placed.append(copy.order)
    run.finish(until)
    return [run.outcome(order) for order in placed]


def _copies(past: PastOrder, demand: float) -> Iterator[PastOrder]:
    for number in range(repeats(past.order, demand)):
        yield past._replace(order=past.order if not number else f"{past.order} again {number}")


def _compared(
    history: History,
    sources: Sequence[_Source],
    runs: Sequence[HistoryRun],
    orders: Sequence[PastOrder],
    because: dict[str, tuple[Reason, ...]],
    as_it_was: int,
) -> Comparison:
    placed = sorted(orders, key=lambda one: (one.at, one.order))
    outcomes = [[run.outcome(one.order) for one in placed] for run in runs]
    later = (Reason(Cause.LATER, "goods, a rejection or a turn in the queue came later"),)
    changes = [
        Change(before, after, because.get(before.order, later))
        for before, after in zip(outcomes[0], outcomes[-1], strict=True)
        if (before.units_by_node, before.delivered_on) != (after.units_by_node, after.delivered_on)
    ]
    trials = [
        Trial(run.label, source.name, run.network, made)
        for run, source, made in zip(runs, sources, outcomes, strict=True)
    ]
    return Comparison(
        tuple(trials),
        tuple(changes),
        _currency(history),
        placed[0].at,
        placed[-1].at,
        has_stock=True,
        of_history=(*_notes(history, len(placed), as_it_was), *_spread(placed, outcomes, _currency(history))),
    )


def _notes(history: History, orders: int, as_it_was: int) -> tuple[str, ...]:
    moved, rejected = len(history.stock_changes), len(history.rejections)
    goods = f"Stock begins as it was; {moved:,} movements and {rejected:,} rejections follow."
    real = f"At first A plans {as_it_was:,} of {orders:,} orders at the nodes that they really were planned at."
    left = ", ".join(f"{count:,} {why}" for why, count in sorted(history.left_out.items()))
    return (goods, real, *([f"Orders that are left out: {left}."] if left else []))


def _spread(placed: Sequence[PastOrder], outcomes: Sequence[list[OrderOutcome]], currency: str | None) -> list[str]:
    """How far the differences depend on the days."""
    if len(outcomes) < 2:
        return []
    by_day: defaultdict[date, list[tuple[OrderOutcome, OrderOutcome]]] = defaultdict(list)
    for one, before, after in zip(placed, *outcomes, strict=True):
        by_day[one.at.date()].append((before, after))
    days = [Day(day, [one for one, _ in pairs], [one for _, one in pairs]) for day, pairs in by_day.items()]
    return differences(days, currency)


def _currency(history: History) -> str | None:
    """That of the policy, or where it has none, of every order; None = there are several."""
    found = {history.network.policy.currency or one.asked.facts.currency for one in history.orders}
    return found.pop() if len(found) == 1 else None
