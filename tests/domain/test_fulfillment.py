"""What a node's message means, as tables: the messages so far, the message, and where the units are after it."""

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.fulfillment import (
    Applied,
    Counts,
    FulfillmentOrder,
    FulfillmentOrderLine,
    MessageKind,
    NodeMessage,
    Package,
    Quantity,
    RequestStatus,
    apply_message,
    ask_to_cancel,
    presume_dead,
    withdraw,
)
from nodes.pull import Pull

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHOWN = {name: name for name in ("picked", "shipped", "delivered", "due", "short", "surplus", "in_doubt", "freed")} | {
    "written_off": "lost"
}


def work_for(chairs: int = 3, lamps: int = 0) -> FulfillmentOrder:
    """Work that a node was sent: chairs on line 1, and lamps on line 2 if there are any."""
    lines = {"1": FulfillmentOrderLine("1", "CHAIR", chairs)} | (
        {"2": FulfillmentOrderLine("2", "LAMP", lamps)} if lamps else {}
    )
    return FulfillmentOrder(
        fulfillment_order="web-1-f1",
        order="web-1",
        node="denver",
        attempt=1,
        request=RequestStatus.SENT,
        lines=lines,
        released_at=NOON,
        ship_by=NOON,
        deliver_by=NOON,
        dispatch=Pull.dispatch,
    )


def message(words: str) -> NodeMessage:
    """A message such as `picked 2 final`, `shipped 1 of line 9`, `shipped 0` (an empty list), or `shipped` (no list)."""
    kind, *rest = words.split()
    final = "final" in rest
    line = rest[rest.index("line") + 1] if "line" in rest else "1"
    quantities = [int(word) for word in rest[:1] if word.isdigit()]
    lines = tuple(Quantity(line=line, quantity=n) for n in quantities if n) if quantities else None
    if kind == MessageKind.VOID:
        return void_of(lines)
    return NodeMessage(
        message_id=words.replace(" ", "-"), kind=MessageKind(kind), occurred_at=NOON, lines=lines, final=final
    )


def void_of(lines: tuple[Quantity, ...] | None) -> NodeMessage:
    """A void of a parcel in which these units were found to be."""
    named = NodeMessage(message_id="void", kind=MessageKind.VOID, occurred_at=NOON, package="1")
    return named.model_copy(update={"lines": lines})


def step(fo: FulfillmentOrder, words: str) -> Applied:
    """One event: a message, our own request (`asked to cancel 1`), or a time-out (`given up`)."""
    if words.startswith("asked to cancel"):
        return Applied(ask_to_cancel(fo, {"1": int(words.rpartition(" ")[2])}, NOON))
    if words == "said no":
        return step(step(fo, "asked to cancel 0").fulfillment_order, "cancel_rejected")
    if words == "given up":
        return Applied(presume_dead(fo, NOON))
    if words == "withdrawn":
        return Applied(withdraw(fo))
    return apply_message(fo, message(words), NOON)


def after_messages(fo: FulfillmentOrder, story: str | Iterable[str]) -> FulfillmentOrder:
    """What a story, its steps separated by commas, makes of the work."""
    for words in story.split(",") if isinstance(story, str) else story:
        if words.strip(" -"):
            fo = step(fo, words.strip()).fulfillment_order
    return fo


def shown(counts: Counts) -> str:
    """Counts that are not zero, in words: `due 2 short 1`."""
    return " ".join(f"{word} {value}" for name, word in SHOWN.items() if (value := getattr(counts, name)))


def rows(table: str) -> list[tuple[str, ...]]:
    """The rows of a text table whose cells are separated by two bars; the first line names the columns."""
    lines = [line for line in table.strip().splitlines()[1:] if line.strip()]
    return [tuple(cell.strip() for cell in line.split("||")) for line in lines]


def check(so_far: str, words: str, counts: str, request: str) -> None:
    applied = step(after_messages(work_for(3), so_far), words)
    after = applied.fulfillment_order
    assert (shown(after.counts("1")), str(after.request), applied.mismatches) == (counts, request, ())


@pytest.mark.parametrize(
    ("so_far", "words", "counts", "request_"),
    rows("""
    messages so far      || message           || counts after                                  || request
    -                || accepted          || due 3                                         || accepted
    -                || picked 2          || picked 2 due 3                                || accepted
    -                || picked            || picked 3 due 3                                || accepted
    picked 2         || picked            || picked 3 due 3                                || accepted
    picked 2         || ready_for_pickup  || picked 3 due 3                                || accepted
    picked 3         || ready_for_pickup 3 || picked 3 due 3                               || accepted
    picked 2         || ready_for_pickup 2 || picked 2 due 3                               || accepted
    -                || picked 2 final    || picked 2 due 2 short 1 lost 1                 || accepted
    -                || picked 0 final    || short 3 lost 3                                || accepted
    picked 2 final   || shipped           || picked 2 shipped 2 short 1 lost 1             || accepted
    -                || shipped 1         || picked 1 shipped 1 due 2                      || accepted
    -                || shipped           || picked 3 shipped 3                            || accepted
    -                || shipped 1 final   || picked 1 shipped 1 short 2 lost 2             || accepted
    shipped 1        || shipped 0 final   || picked 1 shipped 1 short 2 lost 2             || accepted
    shipped 1        || shipped           || picked 3 shipped 3                            || accepted
    shipped 2        || delivered         || picked 2 shipped 2 delivered 2 due 1          || accepted
    shipped          || delivered 1       || picked 3 shipped 3 delivered 1                || accepted
    delivered 1      || shipped           || picked 3 shipped 3 delivered 1                || accepted
    shipped 1        || picked            || picked 3 shipped 1 due 2                      || accepted
    shipped 1        || picked final      || picked 3 shipped 1 due 2                      || accepted
    -                || delivered         || picked 3 shipped 3 delivered 3                || accepted
    ready_for_pickup || collected         || picked 3 shipped 3 delivered 3                || accepted
    ready_for_pickup || collected 1 final || picked 3 shipped 1 delivered 1 short 2 lost 2 || accepted
    shipped          || delivery_failed   || picked 3 shipped 3                            || accepted
    """),
)
def test_a_later_stage_implies_the_earlier_ones(so_far: str, words: str, counts: str, request_: str) -> None:
    check(so_far, words, counts, request_)


@pytest.mark.parametrize(
    ("so_far", "words", "counts", "request_"),
    rows("""
    messages so far     || message   || counts after                      || request
    picked 2        || accepted  || picked 2 due 3                    || accepted
    shipped         || accepted  || picked 3 shipped 3                || accepted
    shipped         || picked    || picked 3 shipped 3                || accepted
    shipped         || picked 3  || picked 3 shipped 3                || accepted
    delivered       || shipped 3 || picked 3 shipped 3 delivered 3    || accepted
    delivered       || shipped   || picked 3 shipped 3 delivered 3    || accepted
    picked 2 final  || picked 1  || picked 3 due 3                    || accepted
    shipped 1 final || shipped 1 || picked 2 shipped 2 short 1 lost 1 || accepted
    shipped 2 final || picked 3  || picked 3 shipped 2 short 1 lost 1 || accepted
    """),
)
def test_an_earlier_stage_that_arrives_late_is_recorded_and_takes_nothing_back(
    so_far: str, words: str, counts: str, request_: str
) -> None:
    check(so_far, words, counts, request_)


@pytest.mark.parametrize(
    ("so_far", "words", "counts", "request_"),
    rows("""
    messages so far                        || message           || counts after                              || request
    -                                  || rejected          || short 3 freed 3                           || rejected
    -                                  || rejected 1        || due 2 short 1 freed 1                     || sent
    rejected 1                         || rejected          || short 3 freed 3                           || rejected
    rejected 1                         || picked 2 final    || picked 2 due 2 short 1 freed 1            || accepted
    picked 2 final                     || rejected          || short 3 freed 2 lost 1                    || rejected
    picked 2 final, shipped 1          || rejected          || picked 1 shipped 1 short 2 freed 1 lost 1 || accepted
    shipped 1                          || rejected          || picked 1 shipped 1 short 2 freed 2        || accepted
    accepted, asked to cancel 3        || cancel_accepted   || short 3 freed 3                           || cancel_accepted
    accepted, asked to cancel 1        || cancel_accepted 1 || due 2 short 1 freed 1                     || cancel_accepted
    picked 2 final, asked to cancel 2  || cancel_accepted   || short 3 freed 2 lost 1                    || cancel_accepted
    accepted, asked to cancel 3        || cancel_rejected   || due 3                                     || cancel_rejected
    accepted, asked to cancel 3        || accepted          || due 3                                     || cancel_requested
    accepted, asked to cancel 3        || shipped 1         || picked 1 shipped 1 due 2                  || cancel_requested
    asked to cancel 3, cancel_rejected || cancel_accepted   || short 3 freed 3                           || cancel_accepted
    """),
)
def test_what_a_node_gives_back_is_due_no_more_and_what_it_lost_stays_lost(
    so_far: str, words: str, counts: str, request_: str
) -> None:
    check(so_far, words, counts, request_)


@pytest.mark.parametrize(
    ("so_far", "words", "counts", "request_"),
    rows("""
    messages so far                        || message   || counts after                       || request
    rejected                           || shipped 3 || picked 3 shipped 3                 || rejected
    rejected                           || shipped 1 || picked 1 shipped 1 short 2 freed 2 || rejected
    rejected 2                         || shipped 2 || picked 2 shipped 2 short 1 freed 1 || accepted
    asked to cancel 3, cancel_accepted || shipped 3 || picked 3 shipped 3                 || cancel_accepted
    withdrawn                          || shipped 3 || picked 3 shipped 3                 || cancel_accepted
    picked 1 final                     || shipped 3 || picked 3 shipped 3                 || accepted
    shipped 1 final                    || shipped 2 || picked 3 shipped 3                 || accepted
    shipped 1 final                    || shipped 4 || picked 3 shipped 3 surplus 2       || accepted
    given up                           || shipped 3 || picked 3 shipped 3                 || timed_out
    given up                           || shipped   || picked 3 shipped 3                 || timed_out
    given up                           || delivered || picked 3 shipped 3 delivered 3     || timed_out
    """),
)
def test_goods_that_left_win_over_every_other_story(so_far: str, words: str, counts: str, request_: str) -> None:
    check(so_far, words, counts, request_)


@pytest.mark.parametrize(
    ("so_far", "words", "counts", "request_"),
    rows("""
    messages so far        || message         || counts after                          || request
    -                  || given up        || short 3 in_doubt 3                    || timed_out
    shipped 1          || given up        || picked 1 shipped 1 short 2 in_doubt 2 || timed_out
    given up           || accepted        || short 3 in_doubt 3                    || timed_out
    given up           || rejected        || short 3 freed 3                       || timed_out
    given up           || rejected 1      || short 3 in_doubt 2 freed 1            || timed_out
    given up           || cancel_accepted || short 3 freed 3                       || timed_out
    given up           || cancel_rejected || short 3 in_doubt 3                    || timed_out
    given up           || picked 2 final  || picked 2 short 3 in_doubt 2 lost 1    || timed_out
    given up           || shipped 1       || picked 1 shipped 1 short 2 in_doubt 2 || timed_out
    given up           || shipped 1 final || picked 1 shipped 1 short 2 lost 2     || timed_out
    given up, rejected || accepted        || short 3 freed 3                       || timed_out
    """),
)
def test_a_silent_attempt_that_was_given_up_has_no_units_due_and_its_units_stay_in_doubt_until_it_answers(
    so_far: str, words: str, counts: str, request_: str
) -> None:
    check(so_far, words, counts, request_)


@pytest.mark.parametrize(
    ("so_far", "words", "counts", "request_"),
    rows("""
    messages so far                     || message   || counts after                                || request
    shipped 3                           || void 3    || picked 3 due 3                              || accepted
    shipped 3                           || void 1    || picked 3 shipped 2 due 1                    || accepted
    shipped 9                           || void 9    || picked 3 due 3                              || accepted
    shipped 9, void 9                   || shipped 3 || picked 3 shipped 3                          || accepted
    shipped 1 final                     || void 1    || picked 1 due 1 short 2 lost 2               || accepted
    shipped 1 final, void 1             || shipped   || picked 1 shipped 1 short 2 lost 2           || accepted
    shipped 1 final, void 1             || shipped 3 || picked 3 shipped 3                          || accepted
    shipped 3 final, void 3             || shipped 1 final || picked 3 shipped 1 short 2 lost 2     || accepted
    picked 3, shipped 1 final           || void 1    || picked 1 due 1 short 2 lost 2               || accepted
    picked 2 final, shipped 2           || void 1    || picked 2 shipped 1 due 1 short 1 lost 1     || accepted
    shipped 3, void 3                   || delivered 3 || picked 3 shipped 3 delivered 3            || accepted
    shipped 3, delivered 1              || void 2    || picked 3 shipped 1 delivered 1 due 2        || accepted
    shipped 3, void 3                   || rejected  || short 3 freed 3                             || rejected
    shipped 2, rejected 1               || void 2    || picked 2 due 2 short 1 freed 1              || accepted
    given up, shipped 3                 || void 3    || picked 3 short 3 in_doubt 3                 || timed_out
    """),
)
def test_a_parcel_that_did_not_leave_is_due_again_and_nothing_else_is(
    so_far: str, words: str, counts: str, request_: str
) -> None:
    check(so_far, words, counts, request_)


@pytest.mark.parametrize(
    ("so_far", "words", "counts", "misfit"),
    rows("""
    messages so far || message              || counts after                             || misfit
    -           || shipped 1 of line 9  || due 3                                    || line 9 is not in it
    -           || rejected 1 of line 9 || due 3                                    || line 9 is not in it
    -           || picked 4             || picked 3 due 3                           || line 1: 4 picked of 3
    picked 2    || picked 2             || picked 3 due 3                           || line 1: 4 picked of 3
    -           || rejected 4           || short 3 freed 3                          || line 1: 1 more than is due
    -           || shipped 4            || picked 3 shipped 3 surplus 1             ||
    -           || delivered 4          || picked 3 shipped 3 delivered 3 surplus 1 ||
    shipped     || shipped              || picked 3 shipped 3                       ||
    shipped     || shipped 1            || picked 3 shipped 3 surplus 1             ||
    -           || shipped 0            || due 3                                    || nothing of it is due any more
    delivered   || delivered            || picked 3 shipped 3 delivered 3           || nothing of it was on the way
    shipped     || rejected             || picked 3 shipped 3                       || nothing of it is due any more
    rejected    || rejected             || short 3 freed 3                          || nothing of it is due any more
    rejected    || picked               || short 3 freed 3                          || it was given back before
    accepted    || cancel_accepted      || due 3                                    || no cancel was requested
    accepted    || cancel_rejected      || due 3                                    || no cancel was requested
    said no     || cancel_rejected      || due 3                                    || no cancel was requested
    withdrawn   || accepted             || short 3 freed 3                          || it was given back before
    -           || void 1               || due 3                                    || nothing of it has shipped
    shipped 1, void 1 || void 1         || picked 1 due 3                           || nothing of it has shipped
    delivered 2 || void 1               || picked 2 shipped 2 delivered 2 due 1     || nothing of it has shipped
    shipped, delivered 2 || void 3      || picked 3 shipped 3 delivered 2           || line 1: units of it have arrived
    """),
)
def test_what_does_not_fit_is_named_and_what_left_beyond_the_order_is_surplus(
    so_far: str, words: str, counts: str, misfit: str
) -> None:
    applied = step(after_messages(work_for(3), so_far), words)
    assert (shown(applied.fulfillment_order.counts("1")), "; ".join(applied.mismatches[:1])) == (counts, misfit)


def test_known_lines_of_a_message_count_even_if_another_of_its_lines_is_unknown() -> None:
    lines = (Quantity(line="1", quantity=2), Quantity(line="9", quantity=1))
    applied = apply_message(work_for(3), message("shipped").model_copy(update={"lines": lines}), NOON)
    assert applied.fulfillment_order.counts("1").shipped == 2
    assert applied.mismatches == ("line 9 is not in it",)


def test_without_lines_a_message_means_the_sum_of_its_packages() -> None:
    parcels = tuple(Package(package=p, lines=(Quantity(line="1", quantity=1),)) for p in ("a", "b"))
    applied = apply_message(work_for(3), message("shipped").model_copy(update={"packages": parcels}), NOON)
    assert shown(applied.fulfillment_order.counts("1")) == "picked 2 shipped 2 due 1"


def test_with_lines_the_packages_only_tell_about_tracking() -> None:
    parcel = Package(package="a", tracking="1Z", lines=(Quantity(line="1", quantity=1),))
    applied = apply_message(work_for(3), message("shipped 3").model_copy(update={"packages": (parcel,)}), NOON)
    assert shown(applied.fulfillment_order.counts("1")) == "picked 3 shipped 3"


def test_a_line_named_twice_in_one_message_counts_twice() -> None:
    lines = (Quantity(line="1", quantity=1), Quantity(line="1", quantity=2))
    applied = apply_message(work_for(3), message("shipped").model_copy(update={"lines": lines}), NOON)
    assert applied.fulfillment_order.counts("1").shipped == 3


def test_one_line_may_be_given_back_while_the_other_ships() -> None:
    after = after_messages(work_for(chairs=3, lamps=2), "rejected 2 of line 2, shipped 3")
    assert (shown(after.counts("1")), shown(after.counts("2"))) == ("picked 3 shipped 3", "short 2 freed 2")
    assert after.has_ended
    assert after.request is RequestStatus.ACCEPTED


def test_the_ship_clock_starts_at_acceptance_and_again_at_a_refusal_to_cancel() -> None:
    fo = apply_message(work_for(), message("accepted"), NOON).fulfillment_order
    later = NOON + timedelta(hours=5)
    fo = ask_to_cancel(apply_message(fo, message("picked 1"), later).fulfillment_order, {"1": 1}, later)
    assert fo.ship_clock_from == NOON
    assert apply_message(fo, message("cancel_rejected"), later).fulfillment_order.ship_clock_from == later


def test_a_refusal_to_cancel_ends_the_customers_cancel_request() -> None:
    fo = after_messages(work_for(), "accepted, asked to cancel 2, cancel_rejected")
    assert fo.lines["1"].cancel_wanted == 0
    assert fo.cancel_asked_at is None


@pytest.mark.parametrize(
    ("story", "lies_ready"),
    rows("""
    what the store tells                                  || whether the customer may come
    ready_for_pickup                                      || yes
    picked, ready_for_pickup 3                            || yes
    ready_for_pickup 2                                    || no
    ready_for_pickup 2, ready_for_pickup 1                || yes
    ready_for_pickup 2, ready_for_pickup                  || yes
    ready_for_pickup 2, rejected 1                        || yes
    ready_for_pickup 2, picked 2 final                    || yes
    ready_for_pickup 2 final                              || yes
    ready_for_pickup 2, asked to cancel 1, cancel_accepted || yes
    ready_for_pickup 2, collected 1                       || no
    collected, ready_for_pickup                           || no
    ready_for_pickup 2 of line 2                          || no
    ready_for_pickup 2 of line 2, ready_for_pickup 3      || yes
    """),
)
def test_the_customer_may_come_when_all_that_is_due_lies_ready(story: str, lies_ready: str) -> None:
    fo = after_messages(replace(work_for(chairs=3, lamps=2 if "line 2" in story else 0), pickup=True), story)
    assert fo.lies_ready is (lies_ready == "yes")


def test_the_last_of_several_deliveries_dates_the_delivery_whatever_arrives_first() -> None:
    days = [NOON + timedelta(days=day) for day in (1, 2)]
    parcels = [message("delivered 1").model_copy(update={"occurred_at": day}) for day in days]
    for order in permutations(parcels):
        fo = after_messages(work_for(2), "shipped")
        for parcel in order:
            fo = apply_message(fo, parcel, days[1]).fulfillment_order
        assert fo.delivered_at == days[1]


TRUE_STORY = ("accepted", "picked 2 final", "shipped 1", "shipped 1 final", "delivered 1", "delivered 1")


def test_all_720_orders_of_the_messages_of_one_true_story_end_in_the_same_counts() -> None:
    """Two of three chairs were found, left in two parcels and arrived; the third was not there."""
    ends = {
        (shown(after.counts("1")), after.request, after.has_ended, after.pick_final, after.ship_final)
        for after in (after_messages(work_for(3), story) for story in permutations(TRUE_STORY))
    }
    assert ends == {
        ("picked 2 shipped 2 delivered 2 short 1 lost 1", RequestStatus.ACCEPTED, True, True, True),
    }


@pytest.mark.parametrize(
    "story",
    [
        ("accepted", "picked 3", "shipped 3", "delivered 3"),
        ("accepted", "picked 1", "picked 1", "shipped 2 final", "delivered 2"),
        ("rejected 1", "accepted", "picked 2", "shipped 2", "delivered 2"),
        ("rejected 1", "picked 1 final", "shipped 1"),
        ("ready_for_pickup 3", "collected 2", "collected 1"),
        ("picked 3", "ready_for_pickup 2", "ready_for_pickup 1", "collected"),
        ("given up", "picked 2 final", "shipped 2 final"),
        ("shipped 4", "delivered 4"),
    ],
    ids=", ".join,
)
def test_the_messages_of_a_story_in_any_order_end_in_the_same_counts(story: tuple[str, ...]) -> None:
    ends = {shown(after_messages(work_for(3), order).counts("1")) for order in permutations(story)}
    assert ends == {shown(after_messages(work_for(3), story).counts("1"))}


@pytest.mark.parametrize(
    ("story", "ends"),
    rows("""
    two messages that contradict each other || ends
    rejected, shipped 3                     || picked 3 shipped 3
    rejected, picked 2 final                || short 3 freed 2 lost 1; short 3 freed 3
    rejected 2, shipped 2 final             || picked 2 shipped 2 short 1 freed 1
    """),
)
def test_only_stories_that_contradict_themselves_depend_on_the_order_and_never_in_what_the_customer_gets(
    story: str, ends: str
) -> None:
    """Whether a chair that did not leave is in stock or lost depends on what the node said last; what is due does not."""
    after = [after_messages(work_for(3), order).counts("1") for order in permutations(story.split(", "))]
    assert sorted({shown(counts) for counts in after}) == ends.split("; ")
    assert len({(counts.shipped, counts.due, counts.short) for counts in after}) == 1


steps = st.one_of(
    st.builds(
        "{} {}{}".format,
        st.sampled_from([kind for kind in MessageKind if kind is not MessageKind.DELIVERY_FAILED]),
        st.integers(0, 4),
        st.sampled_from(["", " final"]),
    ),
    st.sampled_from([str(kind) for kind in MessageKind]),
    st.sampled_from(["asked to cancel 0", "asked to cancel 2", "given up"]),
)


@given(st.integers(1, 4), st.lists(steps, max_size=8))
def test_after_any_messages_every_unit_is_shipped_due_or_short_and_every_held_unit_is_due_or_in_doubt(
    quantity: int, story: list[str]
) -> None:
    counts = after_messages(work_for(quantity), story).counts("1")
    assert all(getattr(counts, each.name) >= 0 for each in fields(counts))
    assert counts.shipped + counts.due + counts.short == quantity
    assert counts.held == counts.due + counts.in_doubt
    assert counts.delivered <= counts.shipped <= counts.picked <= quantity
    assert counts.gone == counts.shipped + counts.surplus
    assert min(counts.gone, quantity) + counts.held + counts.freed + counts.written_off == quantity


@given(st.lists(steps, max_size=6), st.sampled_from(["rejected", "cancel_accepted"]))
def test_a_node_that_gives_everything_back_has_nothing_due_and_holds_nothing(story: list[str], words: str) -> None:
    before = after_messages(work_for(3), [words.replace("cancel 2", "cancel 0") for words in story])
    if words == "cancel_accepted":
        before = ask_to_cancel(before, {}, NOON)
    after = step(before, words).fulfillment_order
    assert after.has_ended
    assert after.counts("1").held == 0
    assert after.counts("1").written_off == before.counts("1").written_off


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"kind": "lost"}, "kind"),
        ({"message_id": ""}, "message_id"),
        ({"occurred_at": "2026-11-23T12:00:00"}, "occurred_at"),
        ({"lines": [{"line": "1", "quantity": 0}]}, "lines.0.quantity"),
        ({"lines": [{"line": "1", "quantity": "2"}]}, "lines.0.quantity"),
        ({"lines": [{"line": "1", "quantity": 2.0}]}, "lines.0.quantity"),
        ({"lines": [{"line": "1", "quantity": 1_000_001}]}, "lines.0.quantity"),
        ({"packages": [{"package": "1", "lines": [{"quantity": 1}]}]}, "packages.0.lines.0.line"),
        ({"final": 1}, "final"),
        ({"reason": "torn\x00box"}, "reason"),
        ({"quantity": 3}, "quantity"),
    ],
)
def test_a_message_of_the_wrong_shape_is_refused_with_the_name_of_its_field(bad: dict[str, object], field: str) -> None:
    good = {"message_id": "denver-1", "kind": "shipped", "occurred_at": "2026-11-23T12:00:00Z"}
    NodeMessage.model_validate(good)
    with pytest.raises(ValidationError) as refused:
        NodeMessage.model_validate(good | bad)
    assert [".".join(map(str, error["loc"])) for error in refused.value.errors()] == [field]
