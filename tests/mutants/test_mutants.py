"""Each guard against overselling is taken out in a copy of the tree, and the tests that are named beside it must fail.

A guard is named by its text, which must be there exactly once: a change of a guard must change its mutant, too.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLAIMS = "tests/database/test_stock_claims.py"
ORDERS = "tests/database/test_overselling.py"
ROUNDS = "tests/database/test_first_rounds.py"
CAPACITY = "tests/database/test_capacity.py"
COOLDOWN = "tests/database/test_cooldown.py"
TESTS_FAILED = 1
"""What pytest ends with when tests failed; every other code but 0 means that they could not even run."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A guard that is taken out, and the test that must notice."""

    name: str
    path: str
    guard: str
    without: str
    noticed_by: str


MUTANTS = (
    Mutant(
        "claims do not wait for each other",
        "database/stock.py",
        "        FOR UPDATE OF s\n    ), shelf AS (",
        "    ), shelf AS (",
        f"{CLAIMS}::test_a_claim_waits_for_the_one_before_it_and_sees_what_that_has_left",
    ),
    Mutant(
        "a fact does not wait for the one before it",
        "database/stock.py",
        "        FOR UPDATE OF s\n    ), late AS MATERIALIZED (",
        "    ), late AS MATERIALIZED (",
        f"{CLAIMS}::test_a_fact_that_waits_for_another_one_is_compared_with_what_that_has_left",
    ),
    Mutant(
        "an earlier claim of the same statement does not count",
        "database/stock.py",
        "AND sum(w.quantity - w.own) OVER (PARTITION BY w.node, w.sku ORDER BY w.claim) <= s.available",
        "AND w.quantity - w.own <= s.available",
        f"{CLAIMS}::test_claims_that_are_asked_together_are_served_in_turn_and_never_more_than_there_is",
    ),
    Mutant(
        "orders that are planned together do not see each other's units",
        "transactions/first_rounds.py",
        "level._replace(reserved=level.reserved + taken)",
        "level",
        f"{ROUNDS}::test_an_order_that_cannot_be_filled_is_left_to_wait_in_its_turn_and_the_others_are_made",
    ),
    Mutant(
        "orders that are sourced together claim a node's day once",
        "database/capacity.py",
        "sum(change)::int AS change",
        "max(change) AS change",
        f"{ROUNDS}::test_a_days_capacity_is_never_exceeded_by_orders_that_are_sourced_together",
    ),
    Mutant(
        "an order that is locked is waited for by those that are sourced with it",
        "database/order/lock.py",
        "FOR UPDATE SKIP LOCKED",
        "FOR UPDATE NOWAIT",
        f"{ROUNDS}::test_an_order_that_another_transaction_has_locked_holds_up_no_other",
    ),
    Mutant(
        "lines of one order are not added up",
        "domain/sourcing/supply.py",
        "wanted_units[shipment.node, sku] += part.quantity * quantity",
        "wanted_units[shipment.node, sku] = part.quantity * quantity",
        f"{ORDERS}::test_the_same_goods_on_two_lines_are_added_up_before_they_are_promised",
    ),
    Mutant(
        "a movement is identified by the time of its booking",
        "database/stock.py",
        'return "|".join((order or "", cause,',
        'return "|".join((str(__import__("time").monotonic_ns()), order or "", cause,',
        f"{CLAIMS}::test_the_same_fact_booked_twice_is_booked_once",
    ),
    Mutant(
        "safety stock is sold",
        "database/stock.py",
        "- s.reserved - s.allocated - n.safety AS available",
        "- s.reserved - s.allocated AS available",
        f"{CLAIMS}::test_safety_stock_is_never_claimed",
    ),
    Mutant(
        "released units are sold again",
        "database/stock.py",
        "- s.reserved - s.allocated - n.safety AS available",
        "- s.reserved - n.safety AS available",
        f"{CLAIMS}::test_units_that_a_node_works_on_are_not_promised_again",
    ),
    Mutant(
        "a claim takes what is offered to other orders",
        "database/stock.py",
        "AND (s.offered_at IS NULL OR s.offered_at = w.offered_at OR w.quantity <= w.own)",
        "",
        f"{CLAIMS}::test_what_is_offered_to_those_who_wait_is_given_to_no_other_order",
    ),
    Mutant(
        "a plan counts on what is offered to other orders",
        "domain/stock.py",
        "return units if self.offered_at in (None, offer) else min(units, own)",
        "return units",
        f"{ORDERS}::test_a_new_order_does_not_overtake_those_who_wait_when_goods_come",
    ),
    Mutant(
        "goods that come are offered to no order",
        "database/stock.py",
        "WHERE m.now > m.before AND EXISTS (",
        "WHERE false AND EXISTS (",
        f"{ORDERS}::test_a_new_order_does_not_overtake_those_who_wait_when_goods_come",
    ),
    Mutant(
        "orders that wait get their turns in any sequence",
        "database/backorder.py",
        "ORDER BY o.priority, o.promise_deliver_by NULLS LAST, {PLACED}, o.order_id",
        "ORDER BY o.order_id",
        f"{ORDERS}::test_a_long_queue_is_served_in_its_sequence_however_it_is_worked_off",
    ),
    Mutant(
        "a stopped sale goes on",
        "database/stock.py",
        "s.stopped_at IS NULL\n               AND (s.offered_at",
        "true\n               AND (s.offered_at",
        f"{CLAIMS}::test_nothing_of_a_stopped_sale_is_promised",
    ),
    Mutant(
        "the gate stays open",
        "database/stock.py",
        "        await connection.execute(CLOSE_GATES_ALONE if exclusive",
        "        exclusive or await connection.execute(CLOSE_GATES_ALONE if exclusive",
        f"{ORDERS}::test_no_order_waits_while_a_unit_that_it_could_take_is_free",
    ),
    Mutant(
        "an order does not plan again before it waits",
        "transactions/sourcing.py",
        "    if not unfilled:\n        return decided\n",
        "    return decided\n",
        f"{ORDERS}::test_no_order_waits_while_a_unit_that_it_could_take_is_free",
    ),
    Mutant(
        "on hand falls at release",
        "domain/units/work.py",
        "Movement(MovementKind.ALLOCATED, node, fo_line.sku, 0, -units, units, reference)",
        "Movement(MovementKind.ALLOCATED, node, fo_line.sku, -units, -units, units, reference)",
        f"{ORDERS}::test_goods_stay_on_hand_until_they_ship",
    ),
    Mutant(
        "a cancel frees more than it was asked to",
        "domain/units/pins.py",
        "taken = min(left, reservation.quantity)",
        "taken = reservation.quantity",
        f"{ORDERS}::test_a_cancel_that_is_asked_for_again_gets_the_same_answer_and_frees_nothing_more",
    ),
    Mutant(
        "a cancel that is asked for again is done again",
        "transactions/request.py",
        "        if known.answer is not None:\n            return _done(",
        "        if known.answer is not None and not known.answer:\n            return _done(",
        f"{ORDERS}::test_a_cancel_that_is_asked_for_again_gets_the_same_answer_and_frees_nothing_more",
    ),
    Mutant(
        "a sourcing round that is asked for again is made again",
        "transactions/sourcing.py",
        "if work.header.rounds >= request.round:",
        "if work.header.rounds > request.round:",
        f"{ORDERS}::test_a_sourcing_round_that_is_asked_for_again_pins_nothing_more",
    ),
    Mutant(
        "a claim is granted in part",
        "database/stock.py",
        "HAVING bool_and(coalesce(fits, false))",
        "HAVING bool_or(coalesce(fits, false))",
        f"{CLAIMS}::test_a_claim_is_granted_whole_or_not_at_all",
    ),
    Mutant(
        "units of a lapsed cart are counted twice",
        "database/stock.py",
        "l.available + coalesce(b.quantity, 0) AS available",
        "l.available + 2 * coalesce(b.quantity, 0) AS available",
        f"{CLAIMS}::test_units_of_a_cart_whose_time_is_over_are_promised_once",
    ),
    Mutant(
        "a living cart loses its units",
        "database/stock.py",
        "USING (node, sku)\n        WHERE u.expires_at <= statement_timestamp()",
        "USING (node, sku)\n        WHERE u.expires_at > statement_timestamp()",
        f"{CLAIMS}::test_units_of_a_living_cart_are_for_no_other_claim",
    ),
    Mutant(
        "events of one order do not wait for each other",
        "database/order/lock.py",
        "WHERE order_id = '{order}' FOR UPDATE",
        "WHERE order_id = '{order}'",
        f"{ORDERS}::test_cancelling_twice_at_once_frees_once",
    ),
    Mutant(
        "a short stock level keeps its youngest promises",
        "database/shortage.py",
        "ORDER BY {PLACED} DESC, o.received_at DESC, o.order_id DESC LIMIT 1",
        "ORDER BY {PLACED}, o.received_at, o.order_id LIMIT 1",
        f"{ORDERS}::test_a_count_below_what_is_promised_sends_the_youngest_orders_elsewhere",
    ),
    Mutant(
        "more of a day is claimed than its node can do",
        "database/capacity.py",
        "SELECT w.change <= 0 OR w.most IS NULL OR d.claimed + w.change <= w.most",
        "SELECT true",
        f"{CAPACITY}::test_of_fifty_orders_at_once_exactly_three_go_to_a_node_that_can_do_three",
    ),
    Mutant(
        "what is rejected keeps its claim",
        "domain/capacity.py",
        "counts.due or counts.gone for",
        "True or counts.due or counts.gone for",
        f"{CAPACITY}::test_work_that_its_node_rejects_or_finds_wholly_short_gives_back",
    ),
    Mutant(
        "a late parcel was no work",
        "domain/capacity.py",
        "counts.due or counts.gone for",
        "counts.due for",
        f"{CAPACITY}::test_a_dead_attempt_gives_back_and_its_late_parcel_was_work_after_all",
    ),
    Mutant(
        "what was held over midnight goes beyond the capacity at once",
        "transactions/replan.py",
        "        if not is_full:\n            await _claim_for_the_new_day(work, leaves_at)\n",
        "",
        f"{CAPACITY}::test_of_orders_held_over_midnight_that_are_released_at_once_three_stay_and_the_others_go_elsewhere",
    ),
    Mutant(
        "a full day keeps what was held",
        "domain/replanning.py",
        "if is_full or present.unfilled",
        "if present.unfilled",
        f"{CAPACITY}::test_when_that_day_is_full_it_goes_to_another_node",
    ),
    Mutant(
        "goods that come to a full node signal no order",
        "transactions/backorder.py",
        'if any(one.awaits == "stock" and one.looks_again_at != looks_again_at for one in asked):',
        "if False:",
        f"{CAPACITY}::test_goods_that_come_to_a_full_node_let_who_waits_look_again_when_its_next_day_begins",
    ),
    Mutant(
        "a node is not asked again although it has counted",
        "transactions/stock.py",
        "if knows and rejected:",
        "if not knows and rejected:",
        f"{COOLDOWN}::test_a_count_or_a_receipt_ends_it_and_offers_the_goods_to_who_waits",
    ),
    Mutant(
        "an old rejection begins a cool-down",
        "database/cooldown.py",
        "AND (s.counted_at IS NULL OR s.counted_at <= :at)",
        "",
        f"{COOLDOWN}::test_a_rejection_that_is_reported_after_a_later_count_is_out_of_date",
    ),
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The tree as it stands, without what it keeps of its own runs."""
    tree = tmp_path_factory.mktemp("mutants") / "switchyard"
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tree / name)
    yield tree
    shutil.rmtree(tree)


def run(tree: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run tests of a tree by the interpreter that runs this one."""
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=tree, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_without_a_mutation_every_named_test_passes(copy: Path) -> None:
    ended = run(copy, *sorted({mutant.noticed_by for mutant in MUTANTS}))
    assert ended.returncode == 0, ended.stdout[-3000:]


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_guard_that_is_missing_is_noticed(copy: Path, mutant: Mutant) -> None:
    file = copy / mutant.path
    healthy = file.read_text()
    assert healthy.count(mutant.guard) == 1, f"{mutant.path} has changed: mend the mutant"
    file.write_text(healthy.replace(mutant.guard, mutant.without))
    try:
        ended = run(copy, mutant.noticed_by)
    finally:
        file.write_text(healthy)
    assert ended.returncode == TESTS_FAILED, ended.stdout[-3000:]
    assert "1 failed" in ended.stdout, ended.stdout[-3000:]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_guard_that_a_mutant_takes_out_is_there_once(mutant: Mutant) -> None:
    assert (ROOT / mutant.path).read_text().count(mutant.guard) == 1, f"{mutant.path} has changed: mend the mutant"
    file, _, test = mutant.noticed_by.partition("::")
    assert f"def {test}(" in (ROOT / file).read_text(), f"{file} has no {test}"
