"""What is wrong with a document is said in plain words, with the field and without the value."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from domain.fulfillment import NodeMessage
from domain.mistake import SENTENCES, describe, mistakes, unknown
from domain.order import NewOrder
from domain.stock import StockMessage


class Names(StrEnum):
    """Two names."""

    RECEIVED = "received"
    GRADED = "graded"


class Inner(BaseModel):
    """A part."""

    model_config = ConfigDict(extra="forbid")

    n: int = 0


class Everything(BaseModel):
    """A document in which every kind of mistake can be made."""

    model_config = ConfigDict(extra="forbid")

    must: int = 1
    text: Annotated[str, StringConstraints(min_length=1, max_length=3)] = "a"
    code: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,4}$")] = "a"
    whole: Annotated[int, Field(strict=True)] = 1
    loose: int = 1
    real: Annotated[float, Field(strict=True)] = 1.0
    flag: Annotated[bool, Field(strict=True)] = True
    asked: bool = True
    few: Annotated[int, Field(ge=1, le=9)] = 1
    between: Annotated[float, Field(gt=0, lt=1)] = 0.5
    by_name: Names = Names.GRADED
    by: Literal["json", "csv"] = "json"
    by_some: Literal[Names.RECEIVED, Names.GRADED] = Names.GRADED
    at: AwareDatetime | None = None
    strict_at: Annotated[AwareDatetime, Field(strict=True)] | None = None
    some: tuple[Inner, ...] = Field(default=(Inner(),), min_length=1, max_length=2)
    more: list[int] = []
    table: dict[str, int] = {}
    inner: Inner = Inner()


WHOLE = "must be a whole number, without quotes and without a point"
A_TIME = "must be a time such as 2026-11-22T15:04:05Z"

# fmt: off
ROWS: list[tuple[str, str, Any, str]] = [
    # pydantic's kind             field          value            what is said
    ("extra_forbidden",           "mustt",       1,               "unknown; did you mean `must`?"),
    ("extra_forbidden",           "inner.m",     1,               "unknown"),
    ("string_type",               "text",        1,               "must be a text"),
    ("string_unicode",            "text",        "\ud800",        "must be a text of whole Unicode characters"),
    ("string_too_short",          "text",        "",              "must not be empty"),
    ("string_too_long",           "text",        "long",          "must not have more than 3 characters"),
    ("string_pattern_mismatch",   "code",        "ABC",           "must match [a-z]{1,4}"),
    ("int_type",                  "whole",       "1",             WHOLE),
    ("int_from_float",            "loose",       1.5,             WHOLE),
    ("int_parsing",               "loose",       "x",             WHOLE),
    ("int_parsing_size",          "loose",       "9" * 4301,      "is too large a number"),
    ("float_type",                "real",        "x",             "must be a number"),
    ("bool_type",                 "flag",        "yes",           "must be true or false"),
    ("bool_parsing",              "asked",       "perhaps",       "must be true or false"),
    ("greater_than_equal",        "few",         0,               "must be at least 1"),
    ("less_than_equal",           "few",         10,              "must be at most 9"),
    ("greater_than",              "between",     0,               "must be more than 0.0"),
    ("less_than",                 "between",     1,               "must be less than 1.0"),
    ("enum",                      "by_name",     "gradd",         "must be one of received, graded; did you mean `graded`?"),
    ("enum",                      "by_name",     7,               "must be one of received, graded"),
    ("literal_error",             "by",          "xml",           "must be one of json, csv"),
    ("literal_error",             "by_some",     "gradd",         "must be one of received, graded; did you mean `graded`?"),
    ("datetime_type",             "at",          [],              A_TIME),
    ("datetime_type",             "strict_at",   "2026-11-22",    A_TIME),
    ("datetime_parsing",          "at",          float("inf"),    A_TIME),
    ("datetime_from_date_parsing", "at",         "22 Nov",        A_TIME),
    ("timezone_aware",            "at",          "2026-11-22T15:04:05", "must have a time zone, as in 2026-11-22T15:04:05Z"),
    ("tuple_type",                "some",        "x",             "must be a list"),
    ("list_type",                 "more",        "x",             "must be a list"),
    ("dict_type",                 "table",       "x",             "must be an object"),
    ("model_type",                "inner",       "x",             "must be an object"),
    ("too_short",                 "some",        [],              "must not be empty"),
    ("too_long",                  "some",        [{}] * 3,        "must not have more than 2 items"),
]
# fmt: on
ELSEWHERE = {"missing", "json_invalid", "model_attributes_type"}
"""The last is what FastAPI makes of `model_type`."""

ORDER: dict[str, Any] = {
    "channel": "web",
    "number": "1",
    "placed_at": "2026-11-22T15:04:05Z",
    "currency": "USD",
    "ship_to": {"postal_code": "80202", "country": "US"},
    "lines": [{"line": "1", "sku": "A", "quantity": 1, "unit_price": 1}],
}


def errors_of(document: Any, model: type[BaseModel] = Everything) -> list[Any]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(document)
    return list(refused.value.errors())


def nested(field: str, value: Any) -> dict[str, Any]:
    first, _, rest = field.partition(".")
    return {first: nested(rest, value) if rest else value}


@pytest.mark.parametrize(("kind", "field", "value", "said"), ROWS)
def test_every_kind_of_mistake_has_a_sentence(kind: str, field: str, value: Any, said: str) -> None:
    errors = errors_of(nested(field, value))
    assert [error["type"] for error in errors] == [kind]
    assert [str(mistake) for mistake in mistakes(errors, Everything)] == [f"`{field}`: {said}"]


def test_the_table_of_sentences_has_a_row_here_each() -> None:
    assert {kind for kind, *_ in ROWS} | ELSEWHERE == set(SENTENCES)


def test_a_document_that_is_no_json_and_a_field_left_out_have_theirs() -> None:
    with pytest.raises(ValidationError) as refused:
        NewOrder.model_validate_json("{")
    assert describe(refused.value, NewOrder) == "`body`: is not JSON"
    without = {name: value for name, value in ORDER.items() if name != "currency"}
    assert [str(mistake) for mistake in mistakes(errors_of(without, NewOrder))] == ["`currency`: is missing"]


@pytest.mark.parametrize(
    ("model", "field", "meant"),
    [
        (NewOrder, "ship_to.zip", "postal_code"),
        (NewOrder, "ship_to.state", "region"),
        (NewOrder, "ship_to.postalcode", "postal_code"),
        (NewOrder, "line_items", "lines"),
        (NewOrder, "shippingPrice", "shipping_price"),
        (NodeMessage, "packages.0.tracking_number", "tracking"),
        (StockMessage, "warehouse", "node"),
    ],
)
def test_an_unknown_field_is_answered_with_the_one_that_was_meant(
    model: type[BaseModel], field: str, meant: str
) -> None:
    *path, last = field.split(".")
    document: Any = {last: "x"}
    for part in reversed(path):
        document = [document] if part == "0" else {part: document}
    said = {mistake.field: mistake.detail for mistake in mistakes(errors_of(document, model), model)}
    assert said[field] == f"unknown; did you mean `{meant}`?"


def test_what_only_follows_from_a_mistake_inside_is_left_out() -> None:
    document = ORDER | {"lines": [{"line": "1", "sku": "A", "qty": 1, "unit_price": 1}]}
    errors = errors_of(document, NewOrder)
    assert {".".join(map(str, error["loc"])) for error in errors} == {"lines", "lines.0.quantity", "lines.0.qty"}
    assert [str(mistake) for mistake in mistakes(errors, NewOrder)] == [
        "`lines.0.quantity`: is missing",
        "`lines.0.qty`: unknown; did you mean `quantity`?",
    ]


def test_a_rule_about_the_whole_document_names_its_field_itself() -> None:
    document = ORDER | {"lines": ORDER["lines"] * 2}
    said = [str(mistake) for mistake in mistakes(errors_of(document, NewOrder), NewOrder)]
    assert said == ["`lines`: line id '1' is used twice"]


def test_very_long_names_are_cut_short_and_get_no_hint() -> None:
    (mistake,) = mistakes(errors_of({"m" * 100_000: 1}), Everything)
    assert str(mistake) == f"`{'m' * 64}…`: unknown"
    assert unknown("nothing like it", ["status", "limit"]) == "unknown"
