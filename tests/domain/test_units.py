"""Where an order's units go: the fence and cancelling as tables, and what holds after any sequence of events."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.deadlines import after_the_call, on_timeout, waits_for
from domain.fulfillment import (
    FulfillmentOrder,
    MessageKind,
    NodeMessage,
    Quantity,
    RequestStatus,
    WaitingFor,
    apply_message,
)
from domain.network import (
    Item,
    Network,
    Node,
    NodeKind,
    OnSilence,
    OrderRules,
    Policy,
    Precision,
    Unfilled,
)
from domain.order import BUCKETS
from domain.reasons import ExceptionCode
from domain.request import CancelAnswer, CancelledUnits
from domain.sourcing import Part, Plan, PlannedShipment
from domain.sourcing.plans import Explanation
from domain.sourcing.supply import claims
from domain.stock import Movement, MovementKind, StockLevel
from domain.units import (
    Changes,
    Impossible,
    Opened,
    Order,
    OrderedLine,
    Waiting,
    all_uncancelled,
    cancel,
    change_fulfillment_order,
    release,
    reroute,
    source_again,
    sums,
    take_off_node,
    take_plan,
    wanted,
)
from nodes.dispatch import DispatchKind
from nodes.pull import Pull
from nodes.webhook import Webhook
from tests.domain.test_fulfillment import void_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TRIES = 3
Answer = TypeVar("Answer")


PULL = Pull()


def _node(name: str, on_silence: OnSilence, kind: DispatchKind = PULL) -> Node:
    return Node(
        id=name,
        name=name,
        kind=NodeKind.DC,
        country="US",
        latitude=0,
        longitude=0,
        time_zone=ZoneInfo("UTC"),
        on_silence=on_silence,
        dispatch=kind.dispatch,
    )


NODES = (
    _node("denver", OnSilence.REROUTE),
    _node("reno", OnSilence.ASK_CANCEL),
    _node("austin", OnSilence.ESCALATE),
    _node("boston", OnSilence.REROUTE, Webhook()),
)
ITEMS = (
    Item(sku="CHAIR", name="Chair", weight_g=6000),
    Item(sku="LAMP", name="Lamp", weight_g=900),
    Item(sku="DESK-SET", name="Lamp and two chairs", weight_g=0, components=(("LAMP", 1), ("CHAIR", 2))),
)
NETWORK = Network(
    version="1",
    nodes={node.id: node for node in NODES},
    items={item.sku: item for item in ITEMS},
    policy=Policy(strategies=(), orders=OrderRules(max_attempts=TRIES)),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Units of one waiting entry, given by its position, that a plan puts at a node."""

    index: int
    node: str
    quantity: int


class Desk:
    """An order with all that PostgreSQL keeps beside it: buckets, counters of stock, exceptions; every event is one change."""

    def __init__(self, lines: Mapping[str, tuple[str, int]], on_hand: int) -> None:
        """`lines` are (SKU, quantity) by line; every node has `on_hand` chairs and lamps."""
        self.ordered = dict(lines)
        self.order = Order(
            order="web-1",
            lines={name: OrderedLine(sku, quantity, 0, 0) for name, (sku, quantity) in lines.items()},
            waiting=[Waiting(name, sku, quantity) for name, (sku, quantity) in lines.items()],
            reservations=[],
            fulfillment_orders={},
            tried={},
        )
        self.buckets = {name: Counter({"open": quantity}) for name, (_, quantity) in lines.items()}
        self.stock = {(node.id, sku): [on_hand, 0, 0] for node in NODES for sku in ("CHAIR", "LAMP")}
        self.received: Counter[tuple[str, str]] = Counter(dict.fromkeys(self.stock, on_hand))
        self.opened: list[Opened] = []
        self.opened_last: list[Opened] = []
        self.rounds = 0
        self.outcome = ""
        """How work was taken from its node by the last reroute."""
        self._message_ids = count(1)

    def event(self, do: Callable[[Order, Changes], Answer], claimed: list[Movement] | None = None) -> Answer:
        """One event: what it notes is applied to buckets, counters and exceptions as the database does."""
        changes = Changes(NETWORK)
        answer = do(self.order, changes)
        for line, moved in changes.buckets.items():
            self.buckets[line].update(moved)
        for movement in (claimed or []) + changes.movements:
            counters = self.stock[movement.node, movement.sku]
            for place, difference in enumerate((movement.on_hand, movement.reserved, movement.allocated)):
                counters[place] += difference
        self.opened_last = changes.opened
        self.opened += changes.opened
        for line, known in self.order.lines.items():
            held = self.buckets[line]
            self.order.lines[line] = replace(known, shipped=held["shipped"], cancelled=held["cancelled"])
        return answer

    def receive(self, node: str, sku: str, quantity: int) -> None:
        self.stock[node, sku][0] += quantity
        self.received[node, sku] += quantity

    def available(self, node: str, sku: str) -> int:
        """How many units of a stocked SKU may be promised at a node."""
        on_hand, reserved, allocated = self.stock[node, sku]
        return StockLevel(node, sku, on_hand, reserved, allocated).available(0)

    def source(self, choices: list[Choice], unfilled: Unfilled = Unfilled.BACKORDER) -> None:
        """A sourcing round that pins what was chosen, and leaves the rest as the policy says."""
        self.rounds += 1
        asked = [waiting for waiting, _ in wanted(self.order)]

        def part(index: int, quantity: int) -> Part:
            return Part(index, asked[index].line, asked[index].sku, quantity)

        rest = Counter({index: waiting.quantity for index, waiting in enumerate(asked)})
        for choice in choices:
            rest[choice.index] -= choice.quantity
        shipments = {
            node: tuple(part(choice.index, choice.quantity) for choice in choices if choice.node == node)
            for node in dict.fromkeys(choice.node for choice in choices)
        }
        plan = Plan(
            policy_version="1",
            strategy="by hand",
            tier=None,
            shipments=tuple(PlannedShipment(node, parts, 0, 0, NOON, NOON, 0) for node, parts in shipments.items()),
            unfilled=tuple(part(index, quantity) for index, quantity in rest.items() if quantity),
            unfilled_action=unfilled,
            cancel_after=None,
            explanation=Explanation(Precision.COUNTRY, (), (), True),
        )
        self.event(lambda o, c: take_plan(o, c, asked, plan, self.rounds, NOON), claims(plan, NETWORK))

    def release(self) -> None:
        self.event(lambda o, c: release(o, c, NOON))

    def tell(
        self, name: str, kind: MessageKind, lines: tuple[Quantity, ...] | None, final: bool = False
    ) -> tuple[str, ...]:
        """A node tells something about a fulfillment order; answers in which respects it did not fit."""
        message = void_of(lines)
        if kind is not MessageKind.VOID:
            message = NodeMessage(
                message_id=str(next(self._message_ids)), kind=kind, occurred_at=NOON, lines=lines, final=final
            )
        applied = apply_message(self.order.fulfillment_orders[name], message, NOON)
        self.event(lambda o, c: change_fulfillment_order(o, c, applied.fulfillment_order))
        return applied.mismatches

    def wait_in_vain(self, name: str) -> None:
        """The deadline of what a fulfillment order waits for passes."""
        fo = self.order.fulfillment_orders[name]
        node = NETWORK.nodes[fo.node]
        wait = waits_for(fo, node, NETWORK.policy.orders)
        assert wait is not None, f"{name} waits for nothing"
        lost = on_timeout(fo, wait.waiting_for, node, wait.deadline)

        def act(order: Order, changes: Changes) -> None:
            change_fulfillment_order(order, changes, lost.fulfillment_order)
            if lost.exception:
                changes.opened.append(Opened(lost.exception, "", name, fo.node))

        self.event(act)

    def cancel(self, requested: Mapping[str, int]) -> CancelAnswer:
        return self.event(lambda o, c: cancel(o, c, requested, NOON))

    def reroute(self, name: str) -> str:
        """An operator takes work from its node; answers how that was done, or `refused`."""
        try:
            return self.event(lambda o, c: reroute(o, c, name, NOON))
        except Impossible:
            return "refused"

    def see_to(self, name: str) -> None:
        """A person resolves whatever exception a fulfillment order's silence has opened, and those of unfilled units."""
        fo = self.order.fulfillment_orders[name]
        for code in (ExceptionCode.NODE_SILENT, ExceptionCode.CANCEL_UNANSWERED):
            fo = after_the_call(fo, code, NOON)
        self.event(lambda o, c: change_fulfillment_order(o, c, fo))
        source_again(self.order)


def desk_of(chairs: int = 3) -> Desk:
    """An order of chairs on line 1, all of them waiting to be sourced."""
    return Desk({"1": ("CHAIR", chairs)}, on_hand=10)


def act(desk: Desk, words: str) -> CancelAnswer | None:
    """One thing that happens, in words: `source denver 2`, `release`, `f1 shipped 2 final`, `f1 silent`, `cancel 2`."""
    match words.split():
        case ["source", node, *quantity]:
            left = int(quantity[0]) if quantity else 99
            choices = []
            for index, (waiting, _) in enumerate(wanted(desk.order)):
                if taken := min(left, waiting.quantity):
                    choices.append(Choice(index, node, taken))
                    left -= taken
            desk.source(choices)
        case ["no", "stock"]:
            desk.source([])
        case ["no", "stock:", action]:
            desk.source([], Unfilled(action))
        case ["release"]:
            desk.release()
        case ["to", node, *quantity]:
            act(desk, " ".join(["source", node, *quantity]))
            desk.release()
        case ["reroute", fo]:
            desk.outcome = desk.reroute(f"web-1-{fo}")
        case ["leave", node]:
            desk.event(lambda o, c: take_off_node(o, c, node, NOON))
        case ["see", "to", fo]:
            desk.see_to(f"web-1-{fo}")
        case ["cancel", quantity]:
            return desk.cancel({"1": int(quantity)})
        case [fo, "silent"]:
            desk.wait_in_vain(f"web-1-{fo}")
        case [fo, kind, *rest]:
            numbers = [int(word) for word in rest if word.isdigit()]
            lines = tuple(Quantity(line="1", quantity=n) for n in numbers if n) if numbers else None
            desk.tell(f"web-1-{fo}", MessageKind(kind), lines, "final" in rest)
        case _:
            raise AssertionError(words)
    return None


def play(desk: Desk, story: str) -> CancelAnswer | None:
    """Everything that a story tells, its steps separated by commas; answers the last answer."""
    answer = None
    for words in filter(None, (step.strip(" -") for step in story.split(","))):
        answer = act(desk, words)
        check_everything(desk)
    return answer


def of_f1(story: str) -> str:
    """A story about the first fulfillment order that does not name it: `silent, shipped 1` for `f1 silent, f1 shipped 1`."""
    return ", ".join(step if step.startswith("cancel ") else f"f1 {step}" for step in story.split(", "))


def units(desk: Desk, line: str = "1") -> str:
    """Where a line's units are: `allocated 2 shipped 1`."""
    return " ".join(f"{name} {n}" for name in BUCKETS if (n := desk.buckets[line][name]))


def opened(desk: Desk) -> str:
    """The exceptions that were opened, in the order of opening."""
    counts = Counter(str(exception.code) for exception in desk.opened)
    return ", ".join(code if n == 1 else f"{code} ×{n}" for code, n in counts.items())


def shown(desk: Desk, name: str) -> str:
    """A fulfillment order's chairs, in words; empty when there is none of this name."""
    fo = desk.order.fulfillment_orders.get(f"web-1-{name}")
    if fo is None:
        return ""
    counts = fo.counts("1")
    return " ".join(f"{n} {value}" for n in ("due", "in_doubt", "shipped", "surplus") if (value := getattr(counts, n)))


def rows(table: str) -> list[tuple[str, ...]]:
    """The rows of a text table whose cells are separated by two bars; the first line names the columns."""
    lines = [line for line in table.strip().splitlines()[1:] if line.strip()]
    return [tuple(cell.strip() for cell in line.split("||")) for line in lines]


def check_everything(desk: Desk) -> None:
    """What must never be untrue of an order's units and its stock."""
    for line in desk.ordered:
        check_line(desk, line)
    check_stock(desk)
    check_fulfillment_orders(desk)


def check_line(desk: Desk, line: str) -> None:
    order, bucket = desk.order, desk.buckets[line]
    ordered = desk.ordered[line][1]
    counts = [fo.counts(line) for fo in order.fulfillment_orders.values() if line in fo.lines]
    waiting = {
        awaits: sum(w.quantity for w in order.waiting if w.line == line and w.awaits == awaits)
        for awaits in ("sourcing", "stock", "person")
    }
    assert min(bucket[name] for name in BUCKETS) >= 0, "a bucket is below zero"
    assert sum(bucket.values()) == ordered, "the six buckets are not what was ordered"
    assert bucket["open"] == waiting["sourcing"] + waiting["person"]
    assert bucket["backordered"] == waiting["stock"]
    assert bucket["reserved"] == sum(r.quantity for r in order.reservations if r.line == line)
    assert bucket["allocated"] == sum(c.due for c in counts)
    assert bucket["shipped"] == sum(c.shipped for c in counts), "a unit is in two shipments, or in none"
    rejoined = sum(c.shipped + c.due for c in counts) + bucket["open"] + bucket["backordered"] + bucket["reserved"]
    assert rejoined + bucket["cancelled"] == ordered, "the fulfillment orders do not re-join to the order"


def check_stock(desk: Desk) -> None:
    held, gone, pinned = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for fo in desk.order.fulfillment_orders.values():
        for line, fo_line in fo.lines.items():
            counts = fo.counts(line)
            for sku, n in NETWORK.components(fo_line.sku):
                held[fo.node, sku] += counts.held * n
                gone[fo.node, sku] += (counts.gone + counts.written_off) * n
    for reservation in desk.order.reservations:
        for sku, n in NETWORK.components(reservation.sku):
            pinned[reservation.node, sku] += reservation.quantity * n
    for place, (on_hand, reserved, allocated) in desk.stock.items():
        assert on_hand == desk.received[place] - gone[place]
        assert reserved == pinned[place] >= 0
        assert allocated == held[place] >= 0


def check_fulfillment_orders(desk: Desk) -> None:
    surplus_codes = (ExceptionCode.DOUBLE_SHIP, ExceptionCode.SURPLUS)
    for name, fo in desk.order.fulfillment_orders.items():
        for line, fo_line in fo.lines.items():
            counts = fo.counts(line)
            assert counts.shipped + counts.due + counts.short == fo_line.quantity
            assert counts.held == counts.due + counts.in_doubt
            assert 0 <= fo_line.cancel_wanted <= counts.due
            if counts.surplus:
                assert any(e.fulfillment_order == name and e.code in surplus_codes for e in desk.opened)
        wait = waits_for(fo, NETWORK.nodes[fo.node], NETWORK.policy.orders)
        assert wait or fo.escalated or (fo.has_ended and not any(fo.counts(line).in_doubt for line in fo.lines)), (
            f"nothing would ever wake the order for {name}"
        )


@pytest.mark.parametrize(
    ("story", "line", "first", "exceptions"),
    rows("""
    after f1 was given up                                     || units                 || f1                   || exceptions
    -                                                         || open 3                || in_doubt 3           ||
    f1 accepted                                               || open 3                || in_doubt 3           ||
    f1 rejected                                               || open 3                ||                      ||
    f1 cancel_accepted                                        || open 3                ||                      ||
    f1 picked 2 final                                         || open 3                || in_doubt 2           ||
    f1 shipped 3                                              || shipped 3             || shipped 3            ||
    f1 shipped                                                || shipped 3             || shipped 3            ||
    f1 shipped 1                                              || open 2 shipped 1      || in_doubt 2 shipped 1 ||
    f1 shipped 1 final                                        || open 2 shipped 1      || shipped 1            ||
    f1 delivered                                              || shipped 3             || shipped 3            ||
    no stock, f1 shipped 3                                    || shipped 3             || shipped 3            ||
    no stock: exception, f1 shipped 3                         || shipped 3             || shipped 3            || unfilled
    source reno, f1 shipped 3                                 || shipped 3             || shipped 3            ||
    source reno, f1 shipped 1                                 || reserved 2 shipped 1  || in_doubt 2 shipped 1 ||
    source reno 2, f1 shipped 2                               || reserved 1 shipped 2  || in_doubt 1 shipped 2 ||
    to reno, f1 shipped 3                                     || shipped 3             || shipped 3            ||
    to reno, f1 shipped 1                                     || allocated 2 shipped 1 || in_doubt 2 shipped 1 ||
    to reno, f2 picked, f1 rejected                           || allocated 3           ||                      ||
    to reno, f2 picked, f1 shipped 3                          || allocated 3           || surplus 3            || double_ship
    to reno, f2 picked, f1 shipped 1                          || allocated 3           || in_doubt 2 surplus 1 || double_ship
    to reno, f2 picked, f1 shipped 1, f2 shipped              || shipped 3             || in_doubt 2 surplus 1 || double_ship
    to reno, f2 picked, f1 shipped 2 final                    || allocated 3           || surplus 2            || double_ship
    to reno, f2 picked, f1 shipped 1, f1 shipped 2            || allocated 3           || surplus 3            || double_ship ×2
    to reno, f2 picked, f1 shipped 1, f2 rejected, f1 shipped || shipped 3             || shipped 3            || double_ship
    to reno, f2 picked, f1 shipped 3, f2 rejected             || shipped 3             || shipped 3            || double_ship
    to reno, f2 picked, f2 rejected, f1 shipped 3             || shipped 3             || shipped 3            ||
    to reno 2, f2 accepted, f1 shipped 3                      || allocated 2 shipped 1 || shipped 1 surplus 2  || double_ship
    to boston, f1 shipped 3                                   || allocated 3           || surplus 3            || double_ship
    to reno, f2 shipped, f1 shipped 3                         || shipped 3             || surplus 3            || double_ship
    to reno, f2 shipped 1, f1 shipped 1                       || allocated 2 shipped 1 || in_doubt 2 surplus 1 || double_ship
    cancel 3, f1 shipped 3                                    || cancelled 3           || surplus 3            || double_ship
    cancel 1, f1 shipped 3                                    || shipped 2 cancelled 1 || shipped 2 surplus 1  || double_ship
    to reno, f2 silent, f2 cancel_accepted, f1 shipped 3      || shipped 3             || shipped 3            ||
    """),
)
def test_two_nodes_never_silently_ship_the_same_chair(story: str, line: str, first: str, exceptions: str) -> None:
    """What is allocated is due from the replacement, f2."""
    desk = desk_of(3)
    play(desk, f"to denver, f1 silent, {story}")
    assert (units(desk), shown(desk, "f1"), opened(desk)) == (line, first, exceptions)


@pytest.mark.parametrize(
    ("node", "story", "line", "request_", "waits_for_", "exceptions"),
    rows("""
    node   || what happens                      || units            || request          || waits for     || exceptions
    denver || silent                            || open 3           || timed_out        || word_on_doubt ||
    denver || silent, silent                    || open 3           || timed_out        || person        || node_silent
    denver || accepted, silent                  || allocated 3      || cancel_requested || cancel_answer ||
    denver || accepted, silent, silent          || open 3           || timed_out        || word_on_doubt ||
    denver || shipped 1, silent, silent         || open 2 shipped 1 || timed_out        || word_on_doubt ||
    denver || silent, rejected                  || open 3           || timed_out        || nothing       ||
    denver || shipped                           || shipped 3        || accepted         || delivery      ||
    denver || shipped, silent                   || shipped 3        || accepted         || nothing       ||
    reno   || silent                            || allocated 3      || cancel_requested || cancel_answer ||
    reno   || silent, cancel_accepted           || open 3           || cancel_accepted  || nothing       ||
    reno   || silent, cancel_rejected           || allocated 3      || cancel_rejected  || shipment      ||
    reno   || silent, accepted                  || allocated 3      || cancel_requested || cancel_answer ||
    reno   || silent, shipped                   || shipped 3        || cancel_requested || delivery      ||
    reno   || silent, silent                    || allocated 3      || cancel_requested || person        || cancel_unanswered
    reno   || silent, silent, cancel_accepted   || open 3           || cancel_accepted  || nothing       || cancel_unanswered
    austin || silent                            || allocated 3      || sent             || person        || node_silent
    austin || silent, accepted                  || allocated 3      || accepted         || shipment      || node_silent
    austin || accepted, silent                  || allocated 3      || cancel_requested || cancel_answer ||
    austin || accepted, silent, silent          || allocated 3      || cancel_requested || person        || cancel_unanswered
    austin || accepted, silent, cancel_rejected || allocated 3      || cancel_rejected  || shipment      ||
    """),
)
def test_a_silent_node_is_first_asked_to_cancel_or_given_up_or_called_by_a_person_as_it_is_configured(
    node: str, story: str, line: str, request_: str, waits_for_: str, exceptions: str
) -> None:
    """Denver's silence reroutes, Reno's asks it to cancel, Austin's calls a person."""
    desk = desk_of(3)
    play(desk, f"to {node}, {of_f1(story)}")
    fo = desk.order.fulfillment_orders["web-1-f1"]
    wait = waits_for(fo, NETWORK.nodes[node], NETWORK.policy.orders)
    waiting_for = (
        str(wait.waiting_for)
        if wait
        else "nothing"
        if fo.has_ended and not shown(desk, "f1").startswith("in_doubt")
        else "person"
    )
    assert (units(desk), str(fo.request), waiting_for, opened(desk)) == (line, request_, waits_for_, exceptions)


@pytest.mark.parametrize(
    ("before", "line", "answer"),
    rows("""
    before the customer cancels 2 of 3                   || units after               || answer
    -                                                    || open 1 cancelled 2        || cancelled 2
    no stock                                             || backordered 1 cancelled 2 || cancelled 2
    no stock: exception                                  || open 1 cancelled 2        || cancelled 2
    source denver                                        || reserved 1 cancelled 2    || cancelled 2
    source denver 1                                      || reserved 1 cancelled 2    || cancelled 2
    to denver                                            || allocated 1 cancelled 2   || cancelled 2
    to boston                                            || allocated 3               || pending 2
    to denver, f1 accepted                               || allocated 3               || pending 2
    to denver, f1 picked 1                               || allocated 3               || pending 2
    to denver 1, f1 accepted                             || allocated 1 cancelled 2   || cancelled 2
    to denver 2, f1 accepted                             || allocated 2 cancelled 1   || cancelled 1 pending 1
    to denver, f1 shipped 2                              || allocated 1 shipped 2     || pending 1 refused 1
    to denver, f1 shipped 3                              || shipped 3                 || refused 2
    to denver, f1 picked 2 final                         || allocated 2 cancelled 1   || cancelled 1 pending 1
    to denver, f1 shipped 2 final                        || shipped 2 cancelled 1     || cancelled 1 refused 1
    to denver, f1 silent                                 || open 1 cancelled 2        || cancelled 2
    to denver, f1 silent, to reno                        || allocated 1 cancelled 2   || cancelled 2
    to denver, f1 silent, to reno, f2 accepted           || allocated 3               || pending 2
    cancel 2                                             || open 0 cancelled 3        || cancelled 1 refused 1
    to denver, f1 accepted, cancel 1                     || allocated 3               || pending 2
    to denver, f1 accepted, cancel 2                     || allocated 3               || pending 1 refused 1
    to denver, f1 accepted, cancel 3                     || allocated 3               || refused 2
    to denver, f1 accepted, cancel 2, f1 cancel_rejected || allocated 3               || pending 2
    """),
)
def test_a_cancel_acts_at_once_before_a_node_accepted_and_asks_the_node_afterwards(
    before: str, line: str, answer: str
) -> None:
    desk = desk_of(3)
    answered = play(desk, f"{before}, cancel 2")
    assert answered is not None
    lists = (("cancelled", answered.cancelled), ("pending", answered.pending), ("refused", answered.refused))
    sums = " ".join(f"{name} {sum(each.quantity for each in found)}" for name, found in lists if found)
    assert (units(desk), sums) == (line.replace("open 0 ", ""), answer)
    assert sum(each.quantity for _, found in lists for each in found) == 2, "each unit is answered exactly once"


@pytest.mark.parametrize(
    ("node", "request_", "then", "line", "exceptions"),
    rows("""
    node   || pending  || then the node                                || units                          || exceptions
    denver || cancel 3 || cancel_accepted                              || cancelled 3                    ||
    denver || cancel 3 || cancel_accepted 3                            || cancelled 3                    ||
    denver || cancel 3 || cancel_accepted 1                            || allocated 2 cancelled 1        ||
    denver || cancel 3 || cancel_accepted 1, cancel_accepted 2         || cancelled 3                    ||
    denver || cancel 3 || cancel_accepted 1, cancel_accepted           || cancelled 3                    ||
    denver || cancel 3 || cancel_accepted 1, cancel_rejected           || allocated 2 cancelled 1        ||
    denver || cancel 3 || cancel_accepted 1, silent                    || cancelled 3                    ||
    reno   || cancel 3 || cancel_accepted 1, silent                    || allocated 2 cancelled 1        || cancel_unanswered
    denver || cancel 3 || rejected                                     || cancelled 3                    ||
    denver || cancel 3 || cancel_rejected                              || allocated 3                    ||
    denver || cancel 3 || shipped                                      || shipped 3                      ||
    denver || cancel 3 || shipped 1, cancel_accepted                   || shipped 1 cancelled 2          ||
    denver || cancel 3 || cancel_accepted, shipped 1                   || cancelled 3                    || double_ship
    denver || cancel 3 || picked 2 final                               || allocated 2 cancelled 1        ||
    denver || cancel 3 || picked 2 final, cancel_accepted              || cancelled 3                    ||
    denver || cancel 3 || silent                                       || cancelled 3                    ||
    denver || cancel 3 || silent, shipped 2                            || cancelled 3                    || double_ship
    reno   || cancel 3 || silent                                       || allocated 3                    || cancel_unanswered
    reno   || cancel 3 || silent, cancel_accepted                      || cancelled 3                    || cancel_unanswered
    denver || cancel 1 || cancel_accepted 1                            || allocated 2 cancelled 1        ||
    denver || cancel 1 || cancel_accepted 1, picked 1 final            || open 1 allocated 1 cancelled 1 ||
    denver || cancel 1 || cancel_accepted 1, shipped                   || shipped 2 cancelled 1          ||
    denver || cancel 1 || cancel_accepted 1, cancel 2, cancel_accepted || cancelled 3                    ||
    denver || cancel 1 || picked 2 final                               || allocated 2 cancelled 1        ||
    denver || cancel 1 || picked 1 final                               || open 1 allocated 1 cancelled 1 ||
    denver || cancel 1 || shipped 2                                    || allocated 1 shipped 2          ||
    denver || cancel 1 || shipped 2 final                              || shipped 2 cancelled 1          ||
    denver || cancel 1 || shipped 2, cancel_accepted                   || shipped 2 cancelled 1          ||
    denver || cancel 1 || cancel_rejected, picked 2 final              || open 1 allocated 2             ||
    denver || cancel 1 || rejected 1, silent                           || allocated 2 cancelled 1        ||
    denver || cancel 1 || silent                                       || allocated 2 cancelled 1        ||
    denver || cancel 1 || silent, cancel_accepted, shipped             || shipped 2 cancelled 1          ||
    denver || cancel 1 || silent, cancel_rejected, shipped 2           || shipped 2 cancelled 1          ||
    """),
)
def test_what_is_pending_is_cancelled_when_the_node_lets_go_and_shipped_when_it_ships(
    node: str, request_: str, then: str, line: str, exceptions: str
) -> None:
    desk = desk_of(3)
    play(desk, f"to {node}, f1 accepted, {request_}, {of_f1(then)}")
    assert (units(desk), opened(desk)) == (line, exceptions)


def test_a_node_that_consents_without_naming_units_lets_go_of_what_it_was_asked_for_and_ships_the_rest() -> None:
    desk = desk_of(3)
    play(desk, "to denver, f1 accepted, cancel 1, f1 cancel_accepted, f1 shipped")
    assert (units(desk), opened(desk)) == ("shipped 2 cancelled 1", "")


def two_lines(story: str) -> Desk:
    """Two chairs on line 1 and two lamps on line 2, at a node that has accepted both; then the story."""
    desk = Desk({"1": ("CHAIR", 2), "2": ("LAMP", 2)}, on_hand=10)
    play(desk, f"to denver, f1 accepted, {story}")
    return desk


def says(desk: Desk, kind: MessageKind, line: str, quantity: int) -> tuple[str, ...]:
    """What the node says of one line; answers in which respects it did not fit."""
    mismatches = desk.tell("web-1-f1", kind, (Quantity(line=line, quantity=quantity),))
    check_everything(desk)
    return mismatches


def asks(desk: Desk) -> tuple[RequestStatus, str]:
    """The request to the node, and what the order waits for."""
    fo = desk.order.fulfillment_orders["web-1-f1"]
    wait = waits_for(fo, NETWORK.nodes[fo.node], NETWORK.policy.orders)
    return fo.request, str(wait.waiting_for) if wait else ""


def test_a_node_may_answer_a_cancel_request_line_by_line() -> None:
    desk = two_lines("f1 silent")
    assert says(desk, MessageKind.CANCEL_ACCEPTED, "1", 2) == ()
    assert asks(desk) == (RequestStatus.CANCEL_REQUESTED, "cancel_answer"), "the lamps are still to be answered"
    assert says(desk, MessageKind.CANCEL_ACCEPTED, "2", 2) == ()
    assert (units(desk, "1"), units(desk, "2")) == ("open 2", "open 2")
    assert asks(desk) == (RequestStatus.CANCEL_ACCEPTED, "")


def test_a_customers_cancel_of_one_unit_does_not_narrow_what_a_silent_node_was_asked_to_cancel() -> None:
    desk = two_lines("f1 silent, cancel 1")
    play(desk, "f1 cancel_accepted")
    assert (units(desk, "1"), units(desk, "2")) == ("open 1 cancelled 1", "open 2")


def test_a_line_that_shipped_instead_of_being_cancelled_leaves_the_other_line_at_its_node() -> None:
    desk = two_lines("cancel 2")
    says(desk, MessageKind.SHIPPED, "1", 2)
    assert asks(desk) == (RequestStatus.ACCEPTED, "shipment"), "no cancel of the lamps is open"
    assert desk.tell("web-1-f1", MessageKind.CANCEL_REJECTED, None) == ()
    assert says(desk, MessageKind.SHIPPED, "2", 2) == ()
    assert (units(desk, "1"), units(desk, "2")) == ("shipped 2", "shipped 2")


def test_a_late_answer_about_units_that_a_silent_node_was_bypassed_for_ends_their_doubt() -> None:
    for kind in (MessageKind.CANCEL_ACCEPTED, MessageKind.CANCEL_REJECTED):
        desk = two_lines("cancel 1, f1 silent")
        assert shown(desk, "f1") == "due 1 in_doubt 1"
        assert desk.tell("web-1-f1", kind, None) == ()
        check_everything(desk)
        assert shown(desk, "f1") == ("due 1" if kind is MessageKind.CANCEL_ACCEPTED else "due 1 in_doubt 1")
        assert units(desk, "2") == "allocated 2"


def test_a_node_that_lets_go_of_a_part_has_the_rest_though_it_never_said_that_it_accepts() -> None:
    desk = desk_of(3)
    play(desk, "to boston, cancel 1, f1 cancel_accepted")
    assert (units(desk), asks(desk)) == ("allocated 2 cancelled 1", (RequestStatus.CANCEL_ACCEPTED, "shipment"))


def test_a_node_that_is_asked_again_after_a_person_had_to_call_it_has_a_deadline_again() -> None:
    desk = desk_of(3)
    play(desk, "to reno, f1 accepted, cancel 1, f1 silent, f1 cancel_accepted, cancel 1")
    assert asks(desk) == (RequestStatus.CANCEL_REQUESTED, "cancel_answer")


def test_a_second_cancel_while_a_person_handles_the_first_is_a_new_request_to_the_node() -> None:
    desk = desk_of(3)
    play(desk, "to reno, f1 accepted, cancel 1, f1 silent")
    assert asks(desk) == (RequestStatus.CANCEL_REQUESTED, "")
    play(desk, "cancel 1")
    assert asks(desk) == (RequestStatus.CANCEL_REQUESTED, "cancel_answer")
    play(desk, "f1 silent, f1 cancel_accepted")
    assert units(desk) == "allocated 1 cancelled 2"


def test_no_unit_goes_elsewhere_that_its_node_was_never_asked_to_stop() -> None:
    desk = desk_of(3)
    play(desk, "to reno, f1 accepted, cancel 1, f1 silent, reroute f1")
    assert (desk.outcome, units(desk)) == ("cancel_requested", "allocated 3")
    play(desk, "f1 silent, cancel 1")
    assert asks(desk) == (RequestStatus.CANCEL_REQUESTED, ""), "it was asked to stop all of it already"
    play(desk, "reroute f1")
    assert (desk.outcome, units(desk)) == ("given_up", "open 1 cancelled 2")


def test_an_operator_may_take_all_of_work_of_which_the_customer_cancelled_a_part() -> None:
    desk = desk_of(3)
    play(desk, "to reno, f1 accepted, cancel 1, reroute f1")
    assert desk.outcome == "cancel_requested"
    play(desk, "reroute f1")
    assert desk.outcome == "refused", "it has time to answer"
    play(desk, "f1 cancel_accepted")
    assert units(desk) == "open 2 cancelled 1"


def test_cancelling_a_line_that_the_order_does_not_have_is_refused_and_changes_nothing() -> None:
    desk = desk_of(3)
    answer = desk.cancel({"9": 2})
    assert answer.refused == [CancelledUnits(line="9", quantity=2, reason="the order has no such line")]
    assert units(desk) == "open 3"


def test_more_than_was_ordered_cannot_be_cancelled() -> None:
    desk = desk_of(3)
    answer = desk.cancel({"1": 5})
    assert [(c.quantity, r.quantity) for c, r in zip(answer.cancelled, answer.refused, strict=True)] == [(3, 2)]
    assert units(desk) == "cancelled 3"


def test_what_is_left_of_unaccepted_work_is_new_work_for_the_same_node_without_counting_a_try() -> None:
    desk = Desk({"1": ("CHAIR", 3), "2": ("LAMP", 2)}, on_hand=10)
    play(desk, "to reno, f1 rejected, to denver, cancel 1")
    assert (units(desk), units(desk, "2")) == ("allocated 2 cancelled 1", "allocated 2")
    _, withdrawn, rest = desk.order.fulfillment_orders.values()
    assert (withdrawn.request, withdrawn.has_ended) == (RequestStatus.CANCEL_ACCEPTED, True)
    assert (rest.node, rest.attempt, rest.request, rest.released_at) == ("denver", 2, RequestStatus.SENT, NOON)
    assert [(fo_line.line, fo_line.quantity) for fo_line in rest.lines.values()] == [("1", 2), ("2", 2)]
    assert desk.order.tried[rest.fulfillment_order, "2"] == ("reno",)


def test_everything_cancelled_of_unaccepted_work_leaves_no_work_behind() -> None:
    desk = Desk({"1": ("CHAIR", 3), "2": ("LAMP", 2)}, on_hand=10)
    play(desk, "to denver")
    desk.cancel(all_uncancelled(desk.order))
    assert (units(desk), units(desk, "2"), len(desk.order.fulfillment_orders)) == ("cancelled 3", "cancelled 2", 1)


def test_a_cancel_of_everything_says_of_each_unit_what_became_of_it() -> None:
    desk = Desk({"1": ("CHAIR", 3), "2": ("LAMP", 2)}, on_hand=10)
    play(desk, "to denver, f1 shipped 2")
    assert all_uncancelled(desk.order) == {"1": 3, "2": 2}
    answer = desk.cancel(all_uncancelled(desk.order))
    answered = [[(units_.line, units_.quantity) for units_ in one] for one in (answer.pending, answer.refused)]
    assert answered == [[("1", 1), ("2", 2)], [("1", 2)]]
    assert sums([Quantity(line="1", quantity=1), Quantity(line="1", quantity=2)]) == {"1": 3}


@pytest.mark.parametrize(
    ("story", "waiting", "exceptions"),
    rows("""
    what the nodes do                                                    || try, tried, waits for       || exceptions
    to denver, f1 rejected                                               || 2 denver sourcing           ||
    to denver, f1 rejected, to reno, f2 rejected                         || 3 denver+reno sourcing      ||
    to denver, f1 rejected, to reno, f2 rejected, to austin, f3 rejected || 4 austin+denver+reno person || unfilled
    to denver, f1 rejected, no stock                                     || 2 denver stock              ||
    to denver, f1 rejected, no stock, to reno, f2 rejected               || 3 denver+reno sourcing      ||
    to denver, f1 rejected, no stock: exception                          || 2 denver person             || unfilled
    to denver, f1 silent                                                 || 2 denver sourcing           ||
    to denver, f1 picked 0 final                                         || 2 denver sourcing           ||
    """),
)
def test_units_remember_which_nodes_failed_them_and_go_to_a_person_when_their_tries_are_used_up(
    story: str, waiting: str, exceptions: str
) -> None:
    desk = desk_of(3)
    play(desk, story)
    found = [f"{w.attempt} {'+'.join(w.tried)} {w.awaits}" for w in desk.order.waiting]
    assert (found, opened(desk)) == ([waiting], exceptions)


def test_units_with_a_person_are_not_sourced_again_by_themselves() -> None:
    desk = desk_of(3)
    play(desk, "no stock: exception")
    assert wanted(desk.order) == []


def test_each_unit_has_its_own_tries_even_when_it_shares_work_with_units_that_failed_before() -> None:
    """The lamps had to wait for stock; when the chairs, refused twice, go to Austin, the lamps go there for the first time."""
    desk = Desk({"1": ("CHAIR", 1), "2": ("LAMP", 1)}, on_hand=10)
    desk.source([Choice(0, "denver", 1)])
    desk.release()
    for name, node in (("f1", "reno"), ("f2", "austin")):
        play(desk, f"{name} rejected")
        chairs = [index for index, (w, _) in enumerate(wanted(desk.order)) if w.line == "1"]
        lamps = [index for index, (w, _) in enumerate(wanted(desk.order)) if w.line == "2"]
        desk.source([Choice(index, node, 1) for index in chairs + (lamps if node == "austin" else [])])
        desk.release()
    play(desk, "f3 rejected")
    assert {(w.line, w.attempt, w.awaits) for w in desk.order.waiting} == {("1", 4, "person"), ("2", 2, "sourcing")}
    assert opened(desk) == "unfilled"


def test_units_that_wait_are_sourced_even_if_the_policy_now_grants_fewer_tries() -> None:
    """Otherwise they would wait for a sourcing round that never asks for them."""
    desk = desk_of(3)
    play(desk, "to denver, f1 rejected, to reno, f2 rejected")
    assert [request_.quantity for _, request_ in wanted(desk.order)] == [3]


def test_a_chair_found_after_all_keeps_the_deadline_of_the_others() -> None:
    """Denver found two of three; another node accepted the third; then Denver finds it: two are still due from Denver."""
    desk = desk_of(3)
    play(desk, "to denver, f1 picked 2 final, to reno, f2 accepted, f1 picked 1")
    assert (units(desk), shown(desk, "f1"), shown(desk, "f2")) == ("allocated 3", "due 2 in_doubt 1", "due 1")
    fo = desk.order.fulfillment_orders["web-1-f1"]
    wait = waits_for(fo, NETWORK.nodes["denver"], NETWORK.policy.orders)
    assert wait is not None
    assert wait.waiting_for is WaitingFor.SHIPMENT


@pytest.mark.parametrize(
    ("story", "line", "first", "exceptions"),
    rows("""
    then                            || units                 || f1                  || exceptions
    f1 shipped                      || allocated 1 shipped 2 || shipped 2           ||
    f1 shipped 3                    || allocated 1 shipped 2 || shipped 2 surplus 1 || double_ship
    f2 rejected, f1 shipped 3       || shipped 3             || shipped 3           ||
    f1 picked 1, f1 shipped 2 final || allocated 1 shipped 2 || shipped 2           || double_ship
    f1 picked 1, f1 rejected 1      || allocated 3           || due 2               || double_ship
    f1 picked 1, f1 rejected        || open 2 allocated 1    ||                     || double_ship
    """),
)
def test_a_chair_that_was_missing_and_ships_after_all_is_shipped_once_or_shown_to_a_person(
    story: str, line: str, first: str, exceptions: str
) -> None:
    desk = desk_of(3)
    play(desk, f"to denver, f1 picked 2 final, to reno, f2 accepted, {story}")
    assert (units(desk), shown(desk, "f1"), opened(desk)) == (line, first, exceptions)


def test_goods_that_were_given_back_and_leave_after_all_do_not_take_back_their_own_work() -> None:
    """Denver, which has not accepted yet, gives one of three back, Reno takes it on, and then Denver ships all three."""
    desk = desk_of(3)
    play(desk, "to denver, f1 rejected 1, to reno, f2 accepted, f1 shipped 3")
    assert (units(desk), shown(desk, "f1"), opened(desk)) == (
        "allocated 1 shipped 2",
        "shipped 2 surplus 1",
        "double_ship",
    )


def test_more_than_ordered_opens_one_exception_that_names_the_number() -> None:
    desk = desk_of(3)
    play(desk, "to denver, f1 shipped 5")
    assert (units(desk), shown(desk, "f1")) == ("shipped 3", "shipped 3 surplus 2")
    assert [(e.code, e.detail[:2], e.node) for e in desk.opened] == [(ExceptionCode.SURPLUS, "2 ", "denver")]


def test_a_double_shipment_with_one_more_on_top_tells_the_two_numbers_apart() -> None:
    desk = desk_of(3)
    play(desk, "to denver, f1 silent, to reno, f2 accepted, f1 shipped 4")
    assert sorted((str(e.code), e.detail.split()[0]) for e in desk.opened) == [("double_ship", "3"), ("surplus", "1")]


def test_a_bundle_moves_the_stock_of_its_components() -> None:
    desk = Desk({"1": ("DESK-SET", 2)}, on_hand=10)
    lamps, chairs = desk.stock["denver", "LAMP"], desk.stock["denver", "CHAIR"]
    table = []
    for words in ("source denver", "release", "f1 shipped 1", "f1 picked 0 final", "f1 shipped 2 final"):
        play(desk, words)
        table.append((words, lamps[:], chairs[:]))
    assert table == [
        ("source denver", [10, 2, 0], [10, 4, 0]),
        ("release", [10, 0, 2], [10, 0, 4]),
        ("f1 shipped 1", [9, 0, 1], [8, 0, 2]),
        ("f1 picked 0 final", [8, 0, 0], [6, 0, 0]),
        ("f1 shipped 2 final", [7, 0, 0], [4, 0, 0]),
    ]


def test_the_stock_of_a_silent_node_stays_promised_to_its_dead_attempt_until_it_answers() -> None:
    desk = desk_of(3)
    play(desk, "to denver, f1 silent, to reno, f2 shipped")
    assert (desk.stock["denver", "CHAIR"], desk.stock["reno", "CHAIR"]) == ([10, 0, 3], [7, 0, 0])
    play(desk, "f1 rejected")
    assert desk.stock["denver", "CHAIR"] == [10, 0, 0]


def test_lost_units_stay_out_of_stock_when_the_node_gives_the_rest_back() -> None:
    desk = desk_of(3)
    play(desk, "to denver, f1 picked 2 final, f1 rejected")
    assert desk.stock["denver", "CHAIR"] == [9, 0, 0]
    assert units(desk) == "open 3"


def test_one_node_gets_one_fulfillment_order_with_the_latest_dates_and_never_a_second_name() -> None:
    desk = Desk({"1": ("CHAIR", 3), "2": ("LAMP", 2)}, on_hand=10)
    play(desk, "source denver 4, source reno, release")
    assert {
        name: (fo.node, {line: fo_line.quantity for line, fo_line in fo.lines.items()})
        for name, fo in desk.order.fulfillment_orders.items()
    } == {
        "web-1-f1": ("denver", {"1": 3, "2": 1}),
        "web-1-f2": ("reno", {"2": 1}),
    }


def test_a_released_order_has_nothing_more_to_release() -> None:
    desk = desk_of(3)
    play(desk, "to denver, release")
    assert list(desk.order.fulfillment_orders) == ["web-1-f1"]


def test_what_no_node_may_fill_waits_or_is_cancelled_or_goes_to_a_person_as_the_policy_says() -> None:
    found = {}
    for action in Unfilled:
        desk = desk_of(3)
        desk.source([Choice(0, "denver", 1)], action)
        check_everything(desk)
        found[str(action)] = (units(desk), opened(desk))
    assert found == {
        "backorder": ("backordered 2 reserved 1", ""),
        "exception": ("open 2 reserved 1", "unfilled"),
        "cancel": ("reserved 1 cancelled 2", ""),
    }


def test_claims_of_several_lines_on_one_stock_level_add_up() -> None:
    shipment = PlannedShipment("denver", (Part(0, "1", "CHAIR", 3), Part(1, "2", "DESK-SET", 2)), 0, 0, NOON, NOON, 0)
    plan = Plan("1", "s", 1, (shipment,), (), Unfilled.BACKORDER, None, Explanation(Precision.COUNTRY, (), (), True))
    assert claims(plan, NETWORK) == [
        Movement(MovementKind.RESERVED, "denver", "CHAIR", reserved=7),
        Movement(MovementKind.RESERVED, "denver", "LAMP", reserved=2),
    ]


nodes = st.sampled_from(sorted(NETWORK.nodes))


@pytest.mark.parametrize(
    ("story", "outcome", "chairs", "exceptions"),
    rows("""
    story                                                     || outcome          || chairs           || exceptions
    to denver, reroute f1                                     || withdrawn        || open 3           ||
    to boston, reroute f1                                     || cancel_requested || allocated 3      ||
    to denver, f1 accepted, reroute f1                        || cancel_requested || allocated 3      ||
    to denver, f1 accepted, reroute f1, reroute f1            || refused          || allocated 3      ||
    to denver, f1 accepted, reroute f1, f1 cancel_accepted    || cancel_requested || open 3           ||
    to denver, f1 accepted, reroute f1, f1 shipped            || cancel_requested || shipped 3        ||
    to denver, f1 shipped 1, reroute f1, f1 cancel_accepted   || cancel_requested || open 2 shipped 1 ||
    to denver, f1 accepted, f1 shipped, reroute f1            || refused          || shipped 3        ||
    to denver, f1 silent, reroute f1                          || refused          || open 3           ||
    to reno, f1 silent, f1 silent, reroute f1                 || given_up         || open 3           || cancel_unanswered
    to denver, reroute f1, to reno, f1 shipped 3              || withdrawn        || shipped 3        ||
    to denver, reroute f1, to reno, f2 accepted, f1 shipped 3 || withdrawn        || allocated 3      || double_ship
"""),
)
def test_a_person_who_takes_work_from_its_node_moves_each_chair_once(
    story: str, outcome: str, chairs: str, exceptions: str
) -> None:
    desk = desk_of()
    play(desk, story)
    assert (desk.outcome, units(desk), opened(desk)) == (outcome, chairs, exceptions)


@pytest.mark.parametrize(
    ("story", "chairs", "f1", "exceptions"),
    rows("""
    story                                                     || chairs               || f1         || exceptions
    to denver, f1 silent, reroute f1                          || open 3               || in_doubt 3 ||
    to reno, f1 silent, f1 silent, reroute f1                 || open 3               || in_doubt 3 || cancel_unanswered
    to denver, reroute f1, to reno, f2 accepted, f1 shipped 3 || allocated 3          || surplus 3  || double_ship
    source denver 2, leave denver                             || open 2 backordered 1 ||            ||
    source denver, leave reno                                 || reserved 3           ||            ||
    to denver 2, source denver, leave denver                  || open 3               ||            ||
    to denver, f1 accepted, leave denver, leave denver        || allocated 3          || due 3      ||
    to denver, f1 silent, f1 silent, see to f1                || open 3               ||            || node_silent
    to denver, f1 silent, f1 silent, see to f1, f1 shipped 3  || shipped 3            || shipped 3  || node_silent
    to austin, f1 silent, see to f1, f1 silent                || allocated 3          || due 3      || node_silent ×2
    to reno, f1 silent, f1 silent, see to f1, f1 silent       || allocated 3          || due 3      || cancel_unanswered ×2
"""),
)
def test_what_a_person_decides_of_a_node_in_trouble_or_a_silent_one(
    story: str, chairs: str, f1: str, exceptions: str
) -> None:
    desk = desk_of()
    play(desk, story)
    assert (units(desk), shown(desk, "f1"), opened(desk)) == (chairs, f1, exceptions)


class OrderLife(RuleBasedStateMachine):
    """An order of chairs and a bundle lives through any events in any order, reported by nodes that may say anything."""

    @initialize(chairs=st.integers(2, 5), sets=st.integers(1, 2), on_hand=st.integers(4, 9), node=nodes)
    def place(self, chairs: int, sets: int, on_hand: int, node: str) -> None:
        self.desk = Desk({"1": ("CHAIR", chairs), "2": ("DESK-SET", sets)}, on_hand)
        self.before, self.rerouted = self._surplus(), 0
        self.desk.source([Choice(0, node, min(chairs, on_hand))])
        self.desk.release()

    @precondition(lambda self: bool(wanted(self.desk.order)))
    @rule(data=st.data(), unfilled=st.sampled_from([*[Unfilled.BACKORDER] * 4, *Unfilled]), at_once=st.booleans())
    def source(self, data: st.DataObject, unfilled: Unfilled, at_once: bool) -> None:
        claimed: Counter[tuple[str, str]] = Counter()
        choices: list[Choice] = []
        for index, (waiting, request_) in enumerate(wanted(self.desk.order)):
            parts = NETWORK.components(request_.sku)
            free = {
                node: min((self.desk.available(node, sku) - claimed[node, sku]) // n for sku, n in parts)
                for node in NETWORK.nodes
                if node not in request_.tried
            }
            if able := [node for node, n in free.items() if n > 0]:
                node = data.draw(st.sampled_from(able))
                most = min(free[node], waiting.quantity)
                quantity = data.draw(st.sampled_from([most, most, *range(1, most)]))
                claimed.update({(node, sku): quantity * n for sku, n in parts})
                choices.append(Choice(index, node, quantity))
        self.desk.source(choices, unfilled)
        if at_once:
            self.desk.release()

    @precondition(lambda self: self.desk.order.reservations)
    @rule()
    def release(self) -> None:
        self.desk.release()

    @rule(data=st.data(), kind=st.sampled_from(MessageKind), final=st.booleans())
    def tell_of_everything(self, data: st.DataObject, kind: MessageKind, final: bool) -> None:
        self.desk.tell(data.draw(self._names()), kind, None, final)

    @rule(data=st.data(), kind=st.sampled_from(MessageKind), quantity=st.integers(1, 4), final=st.booleans())
    def report_one_line(self, data: st.DataObject, kind: MessageKind, quantity: int, final: bool) -> None:
        name = data.draw(self._names())
        line = data.draw(st.sampled_from([*self.desk.order.fulfillment_orders[name].lines] * 4 + ["9"]))
        self.desk.tell(name, kind, (Quantity(line=line, quantity=quantity),), final)

    @rule(data=st.data(), kind=st.sampled_from([MessageKind.SHIPPED, MessageKind.PICKED]), final=st.booleans())
    def tell_of_some_units_that_are_due(self, data: st.DataObject, kind: MessageKind, final: bool) -> None:
        held = [
            (fo.fulfillment_order, line, fo.counts(line).held)
            for fo in self._orders()
            for line in fo.lines
            if fo.counts(line).held
        ]
        if held:
            name, line, most = data.draw(st.sampled_from(held))
            reported = Quantity(line=line, quantity=data.draw(st.integers(1, most)))
            self.desk.tell(name, kind, (reported,), final)

    @precondition(lambda self: any(f.request is RequestStatus.SENT for f in self._orders()))
    @rule(data=st.data())
    def accept(self, data: st.DataObject) -> None:
        names = [f.fulfillment_order for f in self._orders() if f.request is RequestStatus.SENT]
        self.desk.tell(data.draw(st.sampled_from(names)), MessageKind.ACCEPTED, None)

    @precondition(lambda self: self._patient())
    @rule(data=st.data())
    def wait_in_vain(self, data: st.DataObject) -> None:
        self.desk.wait_in_vain(data.draw(st.sampled_from(self._patient())))

    @rule(line=st.sampled_from(["1", "2"]), quantity=st.integers(1, 2))
    def cancel(self, line: str, quantity: int) -> None:
        cancelled = self.desk.buckets[line]["cancelled"]
        answer = self.desk.cancel({line: quantity})
        parts = [sum(each.quantity for each in found) for found in (answer.cancelled, answer.pending, answer.refused)]
        assert sum(parts) == quantity
        assert self.desk.buckets[line]["cancelled"] - cancelled == parts[0]
        pending = sum(f.lines[line].cancel_wanted for f in self._orders() if line in f.lines)
        assert pending >= parts[1]

    @rule(data=st.data())
    def reroute(self, data: st.DataObject) -> None:
        self.rerouted += self.desk.reroute(data.draw(self._names())) == "withdrawn"

    @rule(node=nodes)
    def take_off_node(self, node: str) -> None:
        self.rerouted += self.desk.event(lambda o, c: take_off_node(o, c, node, NOON))

    @rule(data=st.data())
    def see_to(self, data: st.DataObject) -> None:
        self.desk.see_to(data.draw(self._names()))

    @rule(node=nodes, sku=st.sampled_from(["CHAIR", "LAMP"]), n=st.integers(1, 5))
    def receive(self, node: str, sku: str, n: int) -> None:
        self.desk.receive(node, sku, n)

    @invariant()
    def nothing_is_ever_untrue(self) -> None:
        check_everything(self.desk)
        for waiting in self.desk.order.waiting:
            assert (waiting.awaits == "person") or waiting.attempt <= TRIES + self.rerouted

    @invariant()
    def surplus_grows_only_together_with_an_exception(self) -> None:
        now = self._surplus()
        codes = (ExceptionCode.DOUBLE_SHIP, ExceptionCode.SURPLUS)
        for (name, line), surplus in now.items():
            about = [e for e in self.desk.opened_last if e.fulfillment_order == name and f"line {line} " in e.detail]
            opened = Counter(e.code for e in about if e.code in codes)
            assert max(opened.values(), default=0) <= 1
            if surplus > self.before.get((name, line), 0):
                assert opened
        self.before, self.desk.opened_last = now, []

    def teardown(self) -> None:
        """After a cancel of everything, and an answer from every node that was asked, no unit is held any more."""
        if not hasattr(self, "desk"):
            return
        self.desk.cancel(all_uncancelled(self.desk.order))
        for fo in self._orders():
            if any(fo.counts(line).held for line in fo.lines):
                self.desk.tell(fo.fulfillment_order, MessageKind.REJECTED, None)
        check_everything(self.desk)
        assert all(reserved == allocated == 0 for _, reserved, allocated in self.desk.stock.values())
        for line, (_, ordered) in self.desk.ordered.items():
            held = self.desk.buckets[line]
            assert held["shipped"] + held["cancelled"] == ordered

    def _orders(self) -> list[FulfillmentOrder]:
        return list(self.desk.order.fulfillment_orders.values())

    def _names(self) -> st.SearchStrategy[str]:
        return st.sampled_from(list(self.desk.order.fulfillment_orders))

    def _patient(self) -> list[str]:
        rules = NETWORK.policy.orders
        return [f.fulfillment_order for f in self._orders() if waits_for(f, NETWORK.nodes[f.node], rules)]

    def _surplus(self) -> dict[tuple[str, str], int]:
        return {(f.fulfillment_order, line): f.counts(line).surplus for f in self._orders() for line in f.lines}


UNHURRIED = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    report_multiple_bugs=False,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)

TestAnOrdersUnitsAreNeverLostNorDoubledWhateverHappens = OrderLife.TestCase
TestAnOrdersUnitsAreNeverLostNorDoubledWhateverHappens.settings = UNHURRIED


class LongOrderLife(OrderLife):
    """The same, to be searched much longer."""


TestAnOrdersUnitsAreNeverLostNorDoubledInThousandsOfLives = pytest.mark.long(LongOrderLife.TestCase)
TestAnOrdersUnitsAreNeverLostNorDoubledInThousandsOfLives.settings = settings(
    UNHURRIED, max_examples=3000, stateful_step_count=50
)
