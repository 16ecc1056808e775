"""What may come back, and what a message about a return makes of it, as tables."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.returns import Disposition, Heard, ReturnLineState, ReturnMessage, hear, returnable

GOOD = {"message_id": "denver-1", "kind": "received", "occurred_at": "2026-11-23T12:00:00Z", "node": "denver"}


def message(words: str) -> ReturnMessage:
    """A message such as `received 2`, `received 1 of line 9`, `graded 1 restock`, or `received` (all that is announced)."""
    kind, *rest = words.split()
    line = rest[rest.index("line") + 1] if "line" in rest else "1"
    units = [{"line": line, "quantity": int(word)} for word in rest[:1]]
    if kind == "graded":
        units = [unit | {"condition": "used", "disposition": rest[1]} for unit in units]
    return ReturnMessage.model_validate(GOOD | {"kind": kind, "lines": units or None})


def hear_all(story: str | tuple[str, ...], announced: int = 3) -> Heard:
    """What a story, its messages separated by commas, makes of a return of so many chairs; restocked units summed."""
    heard = Heard((ReturnLineState(line="1", sku="CHAIR", quantity=announced),), {})
    restocked, misfits = 0, list[str]()
    for words in story.split(", ") if isinstance(story, str) else story:
        heard = hear(heard.lines, message(words))
        restocked += heard.restocked.get("1", 0)
        misfits += heard.misfits
    return Heard(heard.lines, {"1": restocked}, tuple(misfits))


def shown(heard: Heard) -> str:
    line = heard.lines[0]
    counts = {"received": line.received, "graded": line.graded, "restocked": heard.restocked["1"]}
    return " ".join(f"{name} {n}" for name, n in counts.items() if n)


def rows(table: str) -> list[tuple[str, ...]]:
    """The rows of a text table whose cells are separated by two bars; the first line names the columns."""
    lines = [line for line in table.strip().splitlines()[1:] if line.strip()]
    return [tuple(cell.strip() for cell in line.split("||")) for line in lines]


@pytest.mark.parametrize(
    ("story", "counts", "misfits"),
    rows("""
    three chairs are announced, then           || counts                          || misfits
    received                                   || received 3                      ||
    received 1                                 || received 1                      ||
    received 1, received                       || received 3                      ||
    received 2, received 2                     || received 3                      || line 1: 1 more than it expects
    received 1 of line 9                       ||                                 || line 9 is not in it
    received, graded 3 restock                 || received 3 graded 3 restocked 3 ||
    received, graded 1 restock, graded 2 scrap || received 3 graded 3 restocked 1 ||
    received, graded 3 quarantine              || received 3 graded 3             ||
    received 1, graded 2 restock               || received 2 graded 2 restocked 2 ||
    graded 3 restock, received                 || received 3 graded 3 restocked 3 ||
    graded 4 restock                           || received 3 graded 3 restocked 3 || line 1: 1 more than it expects
    received, graded 3 scrap, graded 1 restock || received 3 graded 3             || line 1: 1 more than it expects
    received, settled                          || received 3                      ||
    received, settled 3                        || received 3                      ||
    """),
)
def test_what_comes_back_is_counted_up_to_what_was_announced_and_only_restocked_units_are_sellable(
    story: str, counts: str, misfits: str
) -> None:
    heard = hear_all(story)
    assert (shown(heard), "; ".join(heard.misfits)) == (counts, misfits)


def test_news_of_a_return_in_any_order_ends_in_the_same_counts() -> None:
    """Two parcels came; of the three chairs one is sellable again."""
    story = ("received 1", "received 2", "graded 1 restock", "graded 2 scrap")
    ends = {(shown(heard), heard.misfits) for heard in map(hear_all, permutations(story))}
    assert ends == {("received 3 graded 3 restocked 1", ())}


@given(
    st.integers(1, 4),
    st.lists(
        st.one_of(
            st.builds("received {}".format, st.integers(1, 5)),
            st.builds("graded {} {}".format, st.integers(1, 5), st.sampled_from([str(d) for d in Disposition])),
            st.sampled_from(["received", "settled"]),
        ),
        max_size=6,
    ),
)
def test_never_more_is_restocked_than_graded_nor_graded_than_received_nor_received_than_announced(
    announced: int, story: list[str]
) -> None:
    heard = hear_all(tuple(story), announced)
    assert 0 <= heard.restocked["1"] <= heard.lines[0].graded <= heard.lines[0].received <= announced


@pytest.mark.parametrize(
    ("delivered", "in_returns", "outcome"),
    [
        ({"1": 3}, {}, {"1": 3}),
        ({"1": 3}, {"1": 2}, {"1": 1}),
        ({"1": 3, "2": 1}, {"2": 1}, {"1": 3, "2": 0}),
        ({"1": 0}, {}, {"1": 0}),
        ({"1": 1}, {"1": 3}, {"1": 0}),
    ],
)
def test_only_what_was_delivered_and_is_not_coming_back_already_may_be_returned(
    delivered: dict[str, int], in_returns: dict[str, int], outcome: dict[str, int]
) -> None:
    """The last row: three were assumed delivered and announced, then the carrier's word came that only one was."""
    assert returnable(delivered, in_returns) == outcome


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ({"kind": "eaten"}, "kind"),
        ({"node": None}, "node: received needs the node where it happened"),
        ({"kind": "graded"}, "lines: graded needs the units with their condition and disposition"),
        ({"kind": "graded", "lines": []}, "lines: graded needs the units with their condition and disposition"),
        ({"kind": "graded", "lines": [{"line": "1", "quantity": 1}]}, "lines.0: graded units have a condition"),
        (
            {"kind": "graded", "lines": [{"line": "1", "quantity": 1, "condition": "used"}]},
            "lines.0: graded units have",
        ),
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
    told = [".".join(map(str, error["loc"])) + " " + error["msg"] for error in refused.value.errors()]
    assert len(told) == 1
    assert complaint in told[0]


def test_money_may_be_settled_anywhere() -> None:
    assert ReturnMessage.model_validate(GOOD | {"kind": "settled", "node": None}).node is None
