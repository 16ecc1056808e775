"""One true story, reported in every order and at every moment: where the units end does not depend on who reports first.

Three chairs were asked for. The node accepted them, found two, shipped those in two parcels, and both arrived. Meanwhile our
side acts: what is short goes to another node, silence is acted on, a person reroutes. Every interleaving of the six messages
with each of these scripts is walked. Tellings that have led to the same state have the same future and go on as one: so a
message may come after any of our steps, and several may.

What holds at the end, whatever came first: two chairs have left and arrived, the node owes nothing, and the third is to come
from elsewhere. Where our side had a replacement that could be taken back, it was; where another node had accepted more than
the one that is missing, every chair too many is surplus of the first node and reported by one `double_ship`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace

import pytest

from domain.deadlines import waits_for
from domain.fulfillment import Counts, MessageKind, Quantity, WaitingFor
from domain.reasons import ExceptionCode
from domain.units import wanted
from tests.domain.test_units import NETWORK, Desk, act, check_everything, desk_of

STORY = ("accepted", "picked 2 final", "shipped 1", "shipped 1 final", "delivered 1", "delivered 1")
FIRST, SECOND = "web-1-f1", "web-1-f2"
OWED = (WaitingFor.ACCEPTANCE, WaitingFor.SHIPMENT, WaitingFor.CANCEL_ANSWER)


@dataclass
class Telling:
    """How much of the story was reported, and what our side has done until then."""

    desk: Desk
    untold: tuple[str, ...]
    undone: tuple[str, ...]
    mismatches: Counter[str] = field(default_factory=Counter)
    """How many messages of each kind did not fit."""

    @property
    def key(self) -> str:
        """The same for tellings that have the same past in all that counts, and so the same future."""
        desk = self.desk
        opened = sorted((e.code, e.fulfillment_order) for e in desk.opened)
        return repr((desk.order, desk.buckets, desk.stock, opened, self.mismatches, self.untold, self.undone))

    def next(self) -> Iterator["Telling"]:
        """Whatever may happen next: one of the messages that are on their way, or our side's next step."""
        for index in map(self.untold.index, sorted(set(self.untold))):
            later = self._with(self.untold[:index] + self.untold[index + 1 :], self.undone)
            later._tell(self.untold[index])
            yield later
        if self.undone:
            later = self._with(self.untold, self.undone[1:])
            do(later.desk, self.undone[0])
            yield later

    def _with(self, untold: tuple[str, ...], undone: tuple[str, ...]) -> "Telling":
        return Telling(_copy(self.desk), untold, undone, self.mismatches.copy())

    def _tell(self, words: str) -> None:
        kind, *rest = words.split()
        lines = (Quantity(line="1", quantity=int(rest[0])),) if rest else None
        mismatches = self.desk.tell(FIRST, MessageKind(kind), lines, "final" in rest)
        self.mismatches.update([kind] if mismatches else [])


def _copy(desk: Desk) -> Desk:
    """A desk that may go another way; what lies in its drawers is only ever replaced."""
    made = copy(desk)
    order = desk.order
    made.order = replace(
        order,
        lines=dict(order.lines),
        waiting=list(order.waiting),
        reservations=list(order.reservations),
        fulfillment_orders=dict(order.fulfillment_orders),
        tried=dict(order.tried),
    )
    made.buckets = {line: bucket.copy() for line, bucket in desk.buckets.items()}
    made.stock = {place: list(counters) for place, counters in desk.stock.items()}
    made.opened = list(desk.opened)
    return made


def do(desk: Desk, step: str) -> None:
    """One step of our side, or of the other node; nothing, where there is nothing to do."""
    match step:
        case "elsewhere":
            if wanted(desk.order):
                act(desk, "to reno")
        case "silence":
            if _has_work(desk):
                desk.wait_in_vain(FIRST)
        case "reroute":
            desk.reroute(FIRST)
        case _:
            if SECOND in desk.order.fulfillment_orders:
                act(desk, step)


def _has_work(desk: Desk) -> bool:
    fo = desk.order.fulfillment_orders[FIRST]
    wait = waits_for(fo, NETWORK.nodes[fo.node], NETWORK.policy.orders)
    return wait is not None and wait.waiting_for in OWED


def ends(script: Sequence[str] = ()) -> list[Telling]:
    """Every state in which the story may end when our side goes through the script meanwhile, at whatever moments."""
    desk = desk_of(3)
    act(desk, "to denver")
    tellings = [Telling(desk, STORY, tuple(script))]
    for _ in range(len(STORY) + len(script)):
        later = {one.key: one for telling in tellings for one in telling.next()}
        tellings = list(later.values())
        for telling in tellings:
            check_everything(telling.desk)
    return tellings


def longer(*script: str, surplus: int | None = None) -> pytest.ParameterSet:
    """A script for `make soak`."""
    return pytest.param(script, *([] if surplus is None else [surplus]), marks=pytest.mark.long)


def irrevocable(desk: Desk) -> int:
    """Chairs that the other node has accepted, and that cannot be taken back without asking it."""
    second = desk.order.fulfillment_orders.get(SECOND)
    return second.counts("1").present if second and second.accepted_at else 0


def opened(desk: Desk) -> Counter[ExceptionCode]:
    """The exceptions that were opened."""
    return Counter(exception.code for exception in desk.opened)


def first(desk: Desk) -> Counts:
    """The counts of the work that the story is about."""
    return desk.order.fulfillment_orders[FIRST].counts("1")


def check_the_end(telling: Telling) -> None:
    """What must be the same at the end of every order; whether the third chair is lost or still in stock may differ."""
    desk = telling.desk
    counts, bucket = first(desk), desk.buckets["1"]
    surplus = max(0, irrevocable(desk) - 1)
    assert (counts.picked, counts.gone, counts.held, counts.freed + counts.written_off) == (2, 2, 0, 1)
    assert (counts.shipped, counts.delivered, counts.surplus) == (2 - surplus, 2 - surplus, surplus)
    assert sum(bucket.values()) - counts.shipped == 1 + surplus, "net, one chair comes from elsewhere"
    assert bucket["cancelled"] == bucket["backordered"] == 0
    assert opened(desk) == ({ExceptionCode.DOUBLE_SHIP: surplus} if surplus else {})


def test_the_messages_of_a_story_in_each_order_end_in_one_and_the_same_state() -> None:
    (end,) = ends()
    check_the_end(end)
    assert end.desk.buckets["1"]["open"] == 1
    assert first(end.desk).written_off == 1
    assert not end.mismatches


@pytest.mark.parametrize(
    "script",
    [("elsewhere", "elsewhere"), ("silence", "elsewhere"), longer("silence", "silence", "elsewhere", "elsewhere")],
    ids=" ".join,
)
def test_a_replacement_that_no_node_has_accepted_is_taken_back_whenever_the_goods_are_reported_after_all(
    script: tuple[str, ...],
) -> None:
    for end in ends(script):
        check_the_end(end)
        assert end.desk.buckets["1"]["shipped"] == 2
        assert not end.desk.opened + list(end.mismatches)


@pytest.mark.parametrize(
    ("script", "surplus"),
    [
        (("elsewhere", "f2 accepted"), 1),
        (("silence", "elsewhere", "f2 shipped"), 2),
        longer("elsewhere", "f2 accepted", "elsewhere", surplus=1),
        longer("silence", "silence", "elsewhere", "f2 accepted", surplus=2),
        longer("silence", "elsewhere", "f2 rejected", "elsewhere", surplus=0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_of_chairs_that_another_node_has_accepted_meanwhile_each_one_too_many_is_one_double_ship(
    script: tuple[str, ...], surplus: int
) -> None:
    found = ends(script)
    for end in found:
        check_the_end(end)
        assert not end.mismatches
    assert {first(end.desk).surplus for end in found} == set(range(surplus + 1)), "every outcome occurs"


@pytest.mark.parametrize(
    "script",
    [
        ("reroute", "elsewhere", "f2 accepted"),
        longer("reroute", "elsewhere", "elsewhere"),
        longer("reroute", "silence", "elsewhere", "f2 accepted"),
    ],
    ids=" ".join,
)
def test_rerouted_work_that_its_node_does_after_all_ends_as_if_it_had_not_been_rerouted_or_in_a_double_ship(
    script: tuple[str, ...],
) -> None:
    """A node that accepts or picks what was taken back from it unseen surprises a person, unless goods have left before."""
    for end in ends(script):
        check_the_end(end)
        assert set(end.mismatches) <= {"accepted", "picked"}
        if first(end.desk).freed == 0:
            assert not end.mismatches, "only work that was taken back unseen is a mismatch"
