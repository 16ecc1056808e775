"""What a document of a channel changes of an order: a table of cases, and what holds for any sequence of documents."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from channels.lines import prices
from channels.money import minor
from domain.account import Cost
from domain.channel_difference import (
    UNMAPPED,
    Add,
    Cancel,
    CancelAll,
    ChangeAddress,
    ChangePickup,
    ChangeService,
    Identify,
    PaidBack,
    Place,
    PlaceHold,
    Raise,
    RecordRefund,
    Stated,
    Step,
    Swap,
    TakeOffHold,
    after,
    as_known_before,
    difference,
    still_wanted,
)
from domain.fulfillment import FulfillmentOrder, FulfillmentOrderLine, RequestStatus
from domain.new_lines import successor
from domain.order import Address, NewHold, NewLine
from domain.units import Order, OrderedLine
from nodes.pull import Pull

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOME = Address(country="US", postal_code="80202")
WORK = Address(country="US", postal_code="84101")


def said(written: str) -> Stated:
    """What a channel says: lines as `1 A 2` (`?A` is an item that nobody knows), and behind `;` what else differs: `to work`,
    `at slc`, `by fast`, or the name of a hold."""
    lines, _, more = written.partition("; ")
    parts = [line.split() for line in lines.split(", ")]
    unmapped = {line: sku[1:] for line, sku, _ in parts if sku[0] == "?"}
    names = [*([more] if " " not in more and more else []), *([UNMAPPED] if unmapped else [])]
    return Stated(
        lines={
            line: NewLine(line=line, sku=sku.lstrip("?"), quantity=int(quantity), unit_price=100)
            for line, sku, quantity in parts
        },
        ship_to=WORK if more == "to work" else HOME,
        service="fast" if more == "by fast" else "standard",
        pickup_node="slc" if more == "at slc" else None,
        holds={name: NewHold(hold=name) for name in names},
        unmapped=unmapped,
    )


def maybe(written: str | None) -> Stated | None:
    """As `said`; None = nothing is wanted."""
    return None if written is None else said(written)


def counted(held: str | None) -> dict[str, int] | None:
    """Units by line, written as `1:2 1-s1:1`."""
    return None if held is None else {line: int(units) for line, units in (one.split(":") for one in held.split())}


HELD, FREED = PlaceHold(UNMAPPED), TakeOffHold(UNMAPPED)


def more(units: int) -> Raise:
    """So many more units of line `1`, at its price."""
    return Raise("1", units, Cost(100 * units))


CASES = [
    # what happens at the shop          said before        says now          held here     steps
    ("a new order is placed",           None,             "1 A 2",          None,         [Place()]),
    ("never placed, and not wanted",    None,             None,             None,         []),
    ("the same again",                  "1 A 2",          "1 A 2",          "1:2",        []),
    ("the same, and 1 cancelled here",  "1 A 2",          "1 A 2",          "1:1",        []),
    ("the same, and swapped here",      "1 A 2",          "1 A 2",          "1:1 1-s1:1", []),
    ("the order is cancelled",          "1 A 2",          None,             "1:2",        [CancelAll()]),
    ("it was cancelled before",         None,             None,             "1:0",        []),
    ("one unit is taken off",           "1 A 3, 2 B 1",   "1 A 2, 2 B 1",   "1:3 2:1",    [Cancel("1", {"1": 1})]),
    ("a line is taken off",             "1 A 3, 2 B 1",   "2 B 1",          "1:3 2:1",    [Cancel("1", {"1": 3})]),
    ("one is off, and was off here",    "1 A 3, 2 B 1",   "1 A 2, 2 B 1",   "1:2 2:1",    [Cancel("1", {})]),
    ("2 are off, 1 was off here",       "1 A 3, 2 B 1",   "1 A 1, 2 B 1",   "1:2 2:1",    [Cancel("1", {"1": 1})]),
    ("one is off, of units swapped",    "1 A 3",          "1 A 1",          "1:1 1-s1:2", [Cancel("1", {"1": 1, "1-s1": 1})]),
    ("... that were swapped twice",     "1 A 3",          "1 A 2",          "1-s1-s1:3",  [Cancel("1", {"1-s1-s1": 1})]),
    ("one unit more",                   "1 A 3",          "1 A 4",          "1:3",        [more(1)]),
    ("one more, 2 were off here",       "1 A 3",          "1 A 4",          "1:1",        [more(1)]),
    ("one more, a node kept one",       "1 A 1",          "1 A 2",          "1:2",        [more(0)]),
    ("a new line",                      "1 A 3",          "1 A 3, 2 B 1",   "1:3",        [Add(("2",))]),
    ("a line of ours stays",            "1 A 3",          "1 A 2",          "1:3 9:1",    [Cancel("1", {"1": 1})]),
    ("one line in place of another",    "1 A 3, 2 B 1",   "2 B 1, 3 C 1",   "1:3 2:1",    [Cancel("1", {"1": 3}), Add(("3",))]),
    ("everything in place of all",      "1 A 3",          "3 C 1",          "1:3",        [Add(("3",)), Cancel("1", {"1": 3})]),
    ("a line comes back",               "2 B 1",          "1 A 2, 2 B 1",   "1:0 2:1",    [more(2)]),
    ("... of which one had shipped",    "2 B 1",          "1 A 2, 2 B 1",   "1:1 2:1",    [more(1)]),
    ("a cancelled order comes back",    None,             "1 A 2",          "1:0",        [more(2)]),
    ("another item on the line",        "1 A 2",          "1 B 2",          "1:2",        [Swap("1", 2)]),
    ("... and one more of it",          "1 A 2",          "1 B 3",          "1:2",        [Swap("1", 2), more(1)]),
    ("another address",                 "1 A 2",          "1 A 2; to work", "1:2",        [ChangeAddress()]),
    ("collected in a store",            "1 A 2",          "1 A 2; at slc",  "1:2",        [ChangePickup()]),
    ("another service",                 "1 A 2",          "1 A 2; by fast", "1:2",        [ChangeService()]),
    ("payment is under review",         "1 A 2",          "1 A 2; payment", "1:2",        [PlaceHold("payment")]),
    ("payment was made",                "1 A 2; payment", "1 A 2",          "1:2",        [TakeOffHold("payment")]),
    ("held as it grows",                "1 A 2",          "1 A 3; paid",    "1:2",        [PlaceHold("paid"), more(1)]),
    ("a new line nobody knows",         "1 A 2",          "1 A 2, 2 ?X 1",  "1:2",        [HELD, Add(("2",))]),
    ("its item is known now",           "1 ?X 2",         "1 A 2",          "1:2",        [Identify("1", 2), FREED]),
    ("... and is a case of 12",         "1 ?X 2",         "1 A 24",         "1:2",        [Identify("1", 24), FREED]),
    ("... of which 1 was cancelled",    "1 ?X 2",         "1 A 24",         "1:1",        [Identify("1", 12), FREED]),
    ("one of two items is known now",   "1 ?X 2, 2 ?Y 1", "1 A 2, 2 ?Y 1",  "1:2 2:1",    [Identify("1", 2)]),
    ("what nobody knows goes",          "1 ?X 2, 2 B 1",  "2 B 1",          "1:2 2:1",    [Cancel("1", {"1": 2}), FREED]),
    ("... or grows",                    "1 ?X 2",         "1 ?X 3",         "1:2",        [more(1)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "now", "held", "steps"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_document_changes_what_the_channel_has_changed(
    before: str | None, now: str | None, held: str | None, steps: list[Step]
) -> None:
    assert difference(maybe(before), maybe(now), counted(held)) == steps


REFUNDS = [
    # what the shop has paid back                     said before  says now    paid back here  what is recorded
    ("two units",                                     None,        (2, 1900),  0,              ({"1": 2}, 1900)),
    ("one more than before",                          (1, 900),    (2, 1900),  1,              ({"1": 1}, 1000)),
    ("what it was asked for from here",               None,        (2, 1900),  2,              ({}, 0)),
    ("one that it was asked for, and one more",       None,        (2, 1900),  1,              ({"1": 1}, 950)),
    ("one more, while one from here is on its way",   (1, 900),    (2, 1900),  2,              ({}, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("about", "before", "now", "here", "recorded"), REFUNDS, ids=[row[0] for row in REFUNDS])
def test_what_the_shop_has_paid_back_is_recorded_unless_it_is_paid_back_here_already(
    about: str,
    before: tuple[int, int] | None,
    now: tuple[int, int],
    here: int,
    recorded: tuple[dict[str, int], int],
) -> None:
    was, wanted = (
        said("1 A 2").model_copy(update={"paid_back": {"1": PaidBack(units=paid[0], amount=paid[1])} if paid else {}})
        for paid in (before, now)
    )
    [step] = difference(was, wanted, {"1": 2}, {"1": here})
    assert step == RecordRefund(*recorded)
    assert difference(after(was, wanted, step), wanted, {"1": 2}, {"1": here}) == []


@pytest.mark.parametrize(("before", "now", "held"), [case[1:4] for case in CASES], ids=[case[0] for case in CASES])
def test_what_was_carried_out_or_found_impossible_is_not_asked_for_again(
    before: str | None, now: str | None, held: str | None
) -> None:
    known, says, here = maybe(before), maybe(now), counted(held)
    for _ in range(10):
        steps = difference(known, says, here)
        if not steps:
            break
        known, here = after(known, says, steps[0]), here or {}
    assert difference(known, says, here) == []
    assert known == says


def test_a_line_whose_item_is_not_known_any_more_stays_as_it_was_said() -> None:
    """A case of twelve was 24 units; without its alias it is 2 of something: nobody knows of what."""
    before = said("1 CUP 24, 2 B 1")
    now, lost = as_known_before(before, said("1 ?CASE 2, 2 B 2"))
    assert lost == ["1"]
    assert now == said("1 CUP 24, 2 B 2")
    assert as_known_before(before, said("1 CUP 12"))[1] == []
    assert as_known_before(None, said("1 ?CASE 2"))[1] == [], "a new line is on hold instead"


def test_units_that_a_node_is_asked_to_give_back_are_not_cancelled_twice() -> None:
    asked = FulfillmentOrderLine(line="1", sku="A", quantity=5, cancel_wanted=1)
    work = FulfillmentOrder(
        "web-1-f1",
        "web-1",
        "denver",
        1,
        RequestStatus.CANCEL_REQUESTED,
        {"1": asked},
        NOON,
        NOON,
        None,
        Pull().dispatch,
    )
    order = Order("web-1", {"1": OrderedLine("A", 7, 0, 2)}, [], [], {"web-1-f1": work}, {})
    assert still_wanted(order) == {"1": 4}


LINES = ("1", "2", "3")
quantities = some.dictionaries(some.sampled_from(LINES), some.integers(1, 5), min_size=1)
documents = some.one_of(some.none(), quantities)


@dataclass
class Here:
    """A model of an order here, and of what the channel said last of it."""

    before: Stated | None = None
    version: int = -1
    held: Counter[str] | None = None
    cancelled: Counter[str] = field(default_factory=Counter)
    """By line of the channel: units that we cancelled ourselves."""

    def hear(self, version: int, now: Stated | None) -> None:
        """Follow a document, one step at a time, as a process does that may stop at any moment; older ones are ignored."""
        if version < self.version:
            return
        self.version = version
        while steps := difference(self.before, now, self.held):
            self._do(steps[0], now)
            self.before = after(self.before, now, steps[0])

    def _do(self, step: Step, now: Stated | None) -> None:
        held = self.held = Counter() if self.held is None else self.held
        match step:
            case Place() if now:
                held.update({name: line.quantity for name, line in now.lines.items()})
            case CancelAll():
                held.update({name: -units for name, units in held.items()})
            case Cancel(_, units):
                held.subtract(units)
            case Raise(line, quantity):
                held[line] += quantity
            case Add(lines) if now:
                held.update({line: now.lines[line].quantity for line in lines})

    def cancel(self, line: str) -> None:
        """Cancel a unit of a line, or of what took its place, as an operator does."""
        found = [name for name, units in (self.held or Counter()).items() if units and name.partition("-")[0] == line]
        if self.held and found:
            self.held[found[-1]] -= 1
            self.cancelled[line] += 1

    def swap(self, line: str) -> None:
        """Swap a unit of a line for another item, as an operator does."""
        if self.held and self.held[line]:
            self.held[line] -= 1
            self.held[successor(set(self.held), line)] += 1

    def units(self, line: str) -> int:
        """What is held of a line of the channel."""
        return sum(units for name, units in (self.held or {}).items() if name.partition("-")[0] == line)


def stated(document: Mapping[str, int] | None) -> Stated | None:
    return None if document is None else said(", ".join(f"{line} A {units}" for line, units in document.items()))


@given(some.lists(documents, min_size=1, max_size=6), some.data())
def test_whatever_comes_in_any_order_and_repeated_ends_with_what_the_newest_says(
    versions: list[dict[str, int] | None], data: some.DataObject
) -> None:
    arrivals = data.draw(
        some.permutations([*range(len(versions)), *data.draw(some.lists(some.sampled_from(range(len(versions)))))])
    )
    here = Here()
    for version in arrivals:
        here.hear(version, stated(versions[version]))
    newest = versions[-1] or {}
    assert {line: here.units(line) for line in LINES} == {line: newest.get(line, 0) for line in LINES}


@given(some.lists(documents, min_size=1, max_size=6), some.data())
def test_own_cancels_and_swaps_are_never_undone(versions: list[dict[str, int] | None], data: some.DataObject) -> None:
    """We hold at most what the newest document says, and at least that less what we cancelled ourselves."""
    own = some.lists(some.tuples(some.sampled_from(["cancel", "swap"]), some.sampled_from(LINES)), max_size=4)
    here = Here()
    for version in [*data.draw(some.lists(some.sampled_from(range(len(versions))))), len(versions) - 1]:
        here.hear(version, stated(versions[version]))
        for verb, line in data.draw(own):
            getattr(here, verb)(line)
        held = replace(here, held=Counter(here.held or {}))
        here.hear(version, stated(versions[version]))
        assert here.held is None or held.held == here.held, "the same document changes nothing"
    newest = versions[-1] or {}
    for line in LINES:
        assert newest.get(line, 0) - here.cancelled[line] <= here.units(line) <= newest.get(line, 0)


@given(some.lists(quantities, min_size=1, max_size=6), some.data())
def test_a_stop_between_any_two_steps_changes_nothing(versions: list[dict[str, int]], data: some.DataObject) -> None:
    """Each step is part of what was said before: a document that was half carried out may be followed by any newer one."""
    here = Here()
    for version, document in enumerate(versions):
        now = stated(document)
        for _ in range(data.draw(some.integers(0, 3)) if version < len(versions) - 1 else 99):
            steps = difference(here.before, now, here.held)
            if not steps:
                break
            here._do(steps[0], now)
            here.before = after(here.before, now, steps[0])
    assert {line: here.units(line) for line in LINES} == {line: versions[-1].get(line, 0) for line in LINES}


@dataclass(frozen=True)
class Sold:
    """A line as a channel sells it: a price with up to four decimals, and what all its units have of discounts and tax."""

    each: Decimal
    units: int
    discount: int
    tax: int

    def cost(self, currency: str) -> Cost:
        """What the customer pays for it at the channel."""
        return Cost(minor(self.each * self.units, currency) - self.discount, self.tax)

    def said(self, currency: str, units_of_one: int) -> Stated:
        """The document."""
        amounts = prices(self.each, currency, self.units, units_of_one, discount=self.discount, tax=self.tax)
        named = {"line": "1", "sku": "A", "quantity": self.units * units_of_one}
        line = NewLine.model_validate(named | amounts)
        return Stated(lines={"1": line}, ship_to=HOME, service="standard")


@some.composite
def raised(draw: some.DrawFn, currency: str) -> list[Sold]:
    """A line whose quantity grows, and with it what it costs."""
    each, found = draw(some.decimals(0, 50, places=4)), list[Sold]()
    units = discount = tax = 0
    for more_units in draw(some.lists(some.integers(1, 9), min_size=2, max_size=6)):
        units += more_units
        discount = draw(some.integers(0, minor(each * more_units, currency) // 2)) + discount
        tax += draw(some.integers(0, 500))
        found.append(Sold(each, units, discount, tax))
    return found


@pytest.mark.parametrize("currency", ["JPY", "USD", "KWD"])
@given(some.data())
def test_a_line_that_a_channel_raises_costs_what_it_costs_there_to_the_minor_unit(
    currency: str, data: some.DataObject
) -> None:
    """Currencies with none, two and three decimals; units of ours, or cases of several."""
    units_of_one = data.draw(some.integers(1, 12))
    first, *later = data.draw(raised(currency))
    before = first.said(currency, units_of_one)
    held, cost = Counter({"1": first.units * units_of_one}), first.cost(currency)
    line = before.lines["1"]
    assert Cost(line.goods, line.tax) == cost
    for sold in later:
        now = sold.said(currency, units_of_one)
        [step] = difference(before, now, held)
        assert isinstance(step, Raise)
        made = now.lines["1"].more("1-s1", step.quantity, step.cost)
        held["1"] += made.quantity
        cost += Cost(made.goods, made.tax)
        assert cost == sold.cost(currency)
        before = after(before, now, step) or now
    assert held["1"] == later[-1].units * units_of_one


def test_units_that_cost_less_together_than_before_cost_nothing_more() -> None:
    before, now = said("1 A 2"), said("1 A 3")
    cheaper = now.lines["1"].model_copy(update={"discount": 150, "tax": 7})
    [step] = difference(before, now.model_copy(update={"lines": {"1": cheaper}}), {"1": 2})
    assert step == Raise("1", 1, Cost(0, 7))


def test_a_line_that_is_another_item_and_grows_costs_what_it_costs_at_the_channel() -> None:
    """The units that are swapped cost what they replace."""
    before, now = said("1 A 2"), said("1 B 3")
    dearer = now.lines["1"].model_copy(update={"unit_price": 130, "discount": 31, "tax": 9})
    now = now.model_copy(update={"lines": {"1": dearer}})
    swap, *_ = difference(before, now, {"1": 2})
    [step] = difference(after(before, now, swap), now, {"1-s1": 2})
    assert step == Raise("1", 1, Cost(3 * 130 - 31 - 200, 9))
