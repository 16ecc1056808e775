"""What may come back, and what a message about a return makes of it, as tables."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.network import DISPOSITIONS
from domain.returns import (
    Disposition,
    NewDisposition,
    ReturnLineState,
    ReturnMessage,
    ReturnState,
    ReturnStatus,
    SoldLine,
    apply_message,
    dispose,
    movements,
    refusal,
)

GOOD = {"message_id": "denver-1", "kind": "received", "occurred_at": "2026-11-23T12:00:00Z", "node": "denver"}
EXPIRES_AT = datetime(2026, 12, 23, tzinfo=UTC)


def message(words: str) -> ReturnMessage:
    """A message such as `received 2`, `received 1 of line 9`, `graded 1 restock`, or `received` (all that is announced)."""
    kind, *rest = words.split()
    line = rest[rest.index("line") + 1] if "line" in rest else "1"
    node = rest[rest.index("at") + 1] if "at" in rest else "denver"
    units = [{"line": line, "quantity": int(word)} for word in rest[:1]]
    if kind == "graded":
        condition = "wrong_item" if "wrong" in rest else "used"
        units = [unit | {"condition": condition, "disposition": rest[1]} for unit in units]
    return ReturnMessage.model_validate(GOOD | {"kind": kind, "node": node, "lines": units or None})


def announced(quantity: int = 3, status: ReturnStatus = ReturnStatus.AUTHORIZED) -> ReturnState:
    """A return of this many chairs, of which none has come back."""
    line = ReturnLineState(line="1", sku="CHAIR", quantity=quantity)
    return ReturnState.model_validate(
        {
            "return": "web-1-r1",
            "order": "web-1",
            "version": 1,
            "status": status,
            "resolution": "refund",
            "expires_at": EXPIRES_AT,
            "lines": [line],
        }
    )


def apply_all(state: ReturnState, story: str | Sequence[str]) -> tuple[ReturnState, list[str]]:
    """What a story, its messages separated by commas, makes of a return; and what did not fit."""
    mismatches: list[str] = []
    for words in story.split(", ") if isinstance(story, str) else story:
        applied = apply_message(state, message(words), DISPOSITIONS)
        state = state.model_copy(update={"lines": list(applied.lines)})
        mismatches += applied.mismatches
    return state, mismatches


def stock_of(before: Sequence[ReturnLineState], after: Sequence[ReturnLineState]) -> dict[str, int]:
    """The units that lots put on hand and those that are set aside."""
    moved = [movement for _, movement in movements("web-1-r1", before, after)]
    return {"on hand": sum(m.on_hand for m in moved), "aside": sum(m.set_aside for m in moved)}


def shown(state: ReturnState) -> str:
    line = state.lines[0]
    counts = {"received": line.received, "graded": line.graded, "surplus": line.surplus}
    counts |= stock_of(announced(line.quantity).lines, state.lines)
    return " ".join(f"{name} {n}" for name, n in counts.items() if n)


def rows(table: str) -> list[tuple[str, ...]]:
    """The rows of a text table whose cells are separated by two bars; the first line names the columns."""
    lines = [line for line in table.strip().splitlines()[1:] if line.strip()]
    return [tuple(cell.strip() for cell in line.split("||")) for line in lines]


@pytest.mark.parametrize(
    ("story", "counts", "mismatches"),
    rows("""
    three chairs are announced, then              || counts                                   || misfits
    received                                      || received 3                               ||
    received 1                                    || received 1                               ||
    received 1, received                          || received 3                               ||
    received 2, received 2                        || received 4 surplus 1                     || line 1: 1 more than it expects
    received 1 of line 9                          ||                                          || line 9 is not in it
    received, graded 3 restock                    || received 3 graded 3 on hand 3            ||
    received, graded 1 restock, graded 2 scrap    || received 3 graded 3 on hand 1            ||
    received, graded 3 quarantine                 || received 3 graded 3 on hand 3 aside 3    ||
    received, graded 1 refurbish at casper        || received 3 graded 1 on hand 1 aside 1    ||
    received, graded 1 vendor, graded 1 missing   || received 3 graded 2                      ||
    received 1, graded 2 restock                  || received 2 graded 2 on hand 2            ||
    graded 3 restock, received                    || received 3 graded 3 on hand 3            ||
    graded 4 restock                              || received 4 graded 4 surplus 1 on hand 4  || line 1: 1 more than it expects
    received, graded 1 restock wrong              || received 3 graded 1                      || line 1: 1 of another item
    received, in_transit                          || received 3                               ||
    received, settled                             || received 3                               ||
    received, settled 3                           || received 3                               ||
    """),
)
def test_returned_units_are_counted_whatever_was_announced_and_go_where_their_disposition_says(
    story: str, counts: str, mismatches: str
) -> None:
    state, reported = apply_all(announced(), story)
    assert (shown(state), "; ".join(reported)) == (counts, mismatches)


def test_messages_about_a_return_in_any_order_end_in_the_same_counts() -> None:
    """Two parcels came with one chair too many; of the four chairs one is sellable again."""
    story = ("received 1", "received 3", "graded 1 restock", "graded 2 scrap", "graded 1 quarantine")
    ends = {apply_all(announced(), reported)[0].model_dump_json() for reported in permutations(story)}
    assert len(ends) == 1


STORIES = st.lists(
    st.one_of(
        st.builds("received {}".format, st.integers(1, 5)),
        st.builds("graded {} {}".format, st.integers(1, 5), st.sampled_from([str(d) for d in Disposition])),
        st.sampled_from(["graded 1 restock wrong", "settled", "in_transit"]),
    ),
    max_size=6,
)


@given(st.integers(1, 4), STORIES)
def test_never_more_is_in_stock_than_was_graded_nor_graded_than_received(quantity: int, story: list[str]) -> None:
    state, _ = apply_all(announced(quantity), story)
    line = state.lines[0]
    stock = stock_of(announced(quantity).lines, state.lines)
    assert 0 <= stock["aside"] <= stock["on hand"] <= line.graded - line.wrong <= line.received
    assert 0 <= line.returned <= quantity
    assert line.returned + line.surplus + line.wrong == line.received


@pytest.mark.parametrize("status", [ReturnStatus.CANCELLED, ReturnStatus.DECLINED, ReturnStatus.EXPIRED])
def test_goods_that_come_after_their_return_is_over_are_counted_and_a_person_must_handle_them(
    status: ReturnStatus,
) -> None:
    state, mismatches = apply_all(announced(status=status), "received 3")
    assert (state.lines[0].received, mismatches) == (3, [f"it was {status}"])


@pytest.mark.parametrize(
    ("story", "change", "outcome"),
    rows("""
    reported before                          || change                       || on hand and set aside, or why not
    graded 2 quarantine                      || 2 quarantine restock         || on hand 2 aside 0
    graded 2 quarantine                      || 1 quarantine scrap           || on hand 1 aside 1
    graded 2 restock                         || 1 restock refurbish          || on hand 2 aside 1
    graded 2 missing                         || 1 missing restock            || on hand 1 aside 0
    graded 2 scrap                           || 1 scrap restock              || line 1: what went to scrap has left the node
    graded 2 vendor                          || 1 vendor restock             || line 1: what went to vendor has left the node
    graded 2 quarantine                      || 3 quarantine restock         || line 1: fewer than 3 units are quarantine
    graded 1 restock, graded 1 restock at ny || 1 restock scrap ny           || on hand 1 aside 0
    graded 2 restock                         || 1 restock scrap ny           || line 1: fewer than 1 units are restock at ny
    """),
)
def test_a_disposition_is_changed_while_the_units_are_there(story: str, change: str, outcome: str) -> None:
    quantity, before, to, *node = change.split()
    state, _ = apply_all(announced(), story)
    reported = {"line": "1", "quantity": int(quantity), "from": before, "to": to, "node": node[0] if node else None}
    changed = NewDisposition.model_validate(reported)
    disposed = dispose(state.lines, [changed])
    stock = stock_of(announced().lines, disposed.lines)
    assert (disposed.refused or " ".join(f"{name} {n}" for name, n in stock.items())) == outcome
    assert sum(line.graded for line in disposed.lines) == 2


def test_a_grade_without_a_disposition_leaves_it_to_the_policy() -> None:
    reported = {"kind": "graded", "lines": [{"line": "1", "quantity": 1, "condition": "damaged"}]}
    applied = apply_message(announced(), ReturnMessage.model_validate(GOOD | reported), DISPOSITIONS)
    assert [lot.disposition for lot in applied.lines[0].lots] == [Disposition.QUARANTINE]


def test_a_line_that_a_return_does_not_have_cannot_be_disposed_of() -> None:
    change = NewDisposition.model_validate({"line": "9", "quantity": 1, "from": "restock", "to": "scrap"})
    assert dispose(announced().lines, [change]).refused == "line 9: is not in it"


def test_a_return_reminds_twice_before_it_expires_and_late_not_twice_at_once() -> None:
    waiting = announced()
    assert waiting.next_check_at == EXPIRES_AT - timedelta(days=14)
    assert waiting.reminders_due(EXPIRES_AT - timedelta(days=15)) == 0
    assert waiting.reminders_due(EXPIRES_AT - timedelta(days=14)) == 1
    assert waiting.reminders_due(EXPIRES_AT - timedelta(days=1)) == 2
    reminded = waiting.model_copy(update={"reminders": 2})
    assert reminded.next_check_at == EXPIRES_AT


DELIVERED_AT = datetime(2026, 3, 1, 12, tzinfo=ZoneInfo("America/Denver"))
MONTH = timedelta(days=30)


def chairs(
    *deliveries: tuple[timedelta, int], in_returns: int = 0, unpaid: int = 10, window: timedelta | None = MONTH
) -> SoldLine:
    """A line of ten chairs that were delivered at some times after the first of March."""
    reported = tuple((DELIVERED_AT + later, units) for later, units in deliveries)
    return SoldLine("CHAIR", window, unpaid, reported, in_returns)


NOW = timedelta()


@pytest.mark.parametrize(
    ("line", "requested", "later", "refused"),
    [
        (chairs((NOW, 3)), 3, NOW, None),
        (chairs((NOW, 3)), 4, NOW, "line 1: 4 requested, 3 delivered and not in a return already"),
        (chairs((NOW, 3), in_returns=2), 1, NOW, None),
        (chairs((NOW, 3), in_returns=2), 2, NOW, "line 1: 2 requested, 1 delivered and not in a return already"),
        (chairs(), 1, NOW, "line 1: 1 requested, 0 delivered and not in a return already"),
        (chairs((NOW, 1), in_returns=3), 1, NOW, "line 1: 1 requested, 0 delivered and not in a return already"),
        (chairs((NOW, 3), unpaid=2), 2, NOW, None),
        (chairs((NOW, 3), unpaid=2), 3, NOW, "line 1: 3 requested, 2 not paid back already"),
        (chairs((NOW, 3), unpaid=-1), 1, NOW, "line 1: 1 requested, 0 not paid back already"),
        (chairs((NOW, 3)), 1, MONTH, None),
        (chairs((NOW, 3)), 1, MONTH + timedelta(seconds=1), "line 1: the return window is over"),
        (chairs((NOW, 2), (MONTH, 1)), 1, MONTH + timedelta(days=1), None),
        (chairs((NOW, 2), (MONTH, 1)), 2, MONTH + timedelta(days=1), "line 1: the return window is over"),
        (chairs((NOW, 2), (MONTH, 1), in_returns=2), 1, MONTH + timedelta(days=1), None),
        (chairs((NOW, 3), window=None), 1, NOW, "line 1 was a final sale"),
    ],
)
def test_only_what_was_delivered_in_time_and_is_not_coming_back_already_may_be_returned(
    line: SoldLine, requested: int, later: timedelta, refused: str | None
) -> None:
    """The row with one delivered: three were assumed delivered and announced, then the carrier's word came."""
    assert refusal({"1": line}, {"1": requested}, (DELIVERED_AT + later)) == refused


def test_a_line_that_the_order_does_not_have_cannot_be_returned() -> None:
    assert refusal({"1": chairs()}, {"9": 1}, DELIVERED_AT) == "the order has no line 9"


def test_a_return_window_across_daylight_saving_has_as_many_hours_as_any_other() -> None:
    """In Denver clocks go forward on the eighth of March 2026: thirty days later the wall clock says an hour more."""
    delivered = DELIVERED_AT.astimezone(UTC)
    line = SoldLine("CHAIR", MONTH, 1, ((delivered, 1),))
    ends = datetime(2026, 3, 31, 13, tzinfo=ZoneInfo("America/Denver"))
    assert refusal({"1": line}, {"1": 1}, ends) is None
    assert refusal({"1": line}, {"1": 1}, ends + timedelta(seconds=1)) == "line 1: the return window is over"


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ({"kind": "eaten"}, "kind"),
        ({"node": None}, "node: received needs the node where it happened"),
        ({"kind": "graded"}, "lines: graded needs the units with their condition"),
        ({"kind": "graded", "lines": []}, "lines: graded needs the units with their condition"),
        ({"kind": "graded", "lines": [{"line": "1", "quantity": 1}]}, "lines.0: graded units have a condition"),
        ({"lines": [{"line": "1", "quantity": 0}]}, "lines.0.quantity"),
        ({"refund": 100}, "refund"),
    ],
)
def test_a_return_message_that_says_too_little_is_refused_with_the_name_of_what_is_missing(
    bad: dict[str, object], complaint: str
) -> None:
    ReturnMessage.model_validate(GOOD)
    with pytest.raises(ValidationError) as refused:
        ReturnMessage.model_validate(GOOD | bad)
    reported = [".".join(map(str, error["loc"])) + " " + error["msg"] for error in refused.value.errors()]
    assert len(reported) == 1
    assert complaint in reported[0]


def test_money_may_be_settled_anywhere() -> None:
    assert ReturnMessage.model_validate(GOOD | {"kind": "settled", "node": None}).node is None
