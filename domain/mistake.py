"""Says in plain words what is wrong with a document, field by field: the same over HTTP, in updates and at the command line.

A sentence never repeats the value: it may be personal data.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

NAME_LETTERS_MAX = 64
"""No field of ours has a name half as long; an unknown name need not be repeated in full."""

_A_TIME = "must be a time such as 2026-11-22T15:04:05Z"
_A_WHOLE_NUMBER = "must be a whole number, without quotes and without a point"

SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "missing": "is missing",
        "extra_forbidden": "unknown",
        "string_type": "must be a text",
        "string_unicode": "must be a text of whole Unicode characters",
        "string_too_short": "must not be empty",
        "string_too_long": "must not have more than {max_length} characters",
        "string_pattern_mismatch": "must match {pattern}",
        "int_type": _A_WHOLE_NUMBER,
        "int_from_float": _A_WHOLE_NUMBER,
        "int_parsing": _A_WHOLE_NUMBER,
        "int_parsing_size": "is too large a number",
        "float_type": "must be a number",
        "bool_type": "must be true or false",
        "bool_parsing": "must be true or false",
        "greater_than_equal": "must be at least {ge}",
        "greater_than": "must be more than {gt}",
        "less_than_equal": "must be at most {le}",
        "less_than": "must be less than {lt}",
        "enum": "must be one of {expected}",
        "literal_error": "must be one of {expected}",
        "datetime_type": _A_TIME,
        "datetime_parsing": _A_TIME,
        "datetime_from_date_parsing": _A_TIME,
        "timezone_aware": "must have a time zone, as in 2026-11-22T15:04:05Z",
        "tuple_type": "must be a list",
        "list_type": "must be a list",
        "dict_type": "must be an object",
        "model_type": "must be an object",
        "model_attributes_type": "must be an object",
        "too_short": "must not be empty",
        "too_long": "must not have more than {max_length} items",
        "json_invalid": "is not JSON",
    }
)
"""A sentence for every kind of error that pydantic finds in the documents we accept; {…} is a value of that kind."""

ALSO_CALLED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "postal_code": ("zip", "zip_code", "zipcode", "postcode", "postal", "plz"),
        "region": ("state", "province", "county"),
        "street": ("address1", "address_1", "address_line_1", "line1", "address"),
        "email": ("mail", "e_mail"),
        "ship_to": ("shipping_address", "address", "recipient", "destination", "delivery_address"),
        "lines": ("items", "line_items", "order_lines", "products"),
        "line": ("line_id", "id", "line_number", "position"),
        "quantity": ("qty", "amount", "units", "count"),
        "unit_price": ("price", "unit_cost"),
        "sku": ("item", "product", "article", "variant"),
        "number": ("order_number", "id", "order_id", "order", "name"),
        "placed_at": ("created_at", "ordered_at", "order_date", "date"),
        "occurred_at": ("timestamp", "time", "date", "created_at", "at"),
        "message_id": ("id", "event_id", "uuid"),
        "kind": ("type", "event", "status"),
        "node": ("warehouse", "location", "location_id", "site"),
        "packages": ("parcels", "shipments"),
        "tracking": ("tracking_number", "tracking_code"),
        "channel": ("source", "sales_channel", "store"),
        "shipping_price": ("shipping", "shipping_cost"),
        "actor": ("user", "by", "author"),
        "reason": ("note", "comment", "message", "remark"),
        "after": ("cursor", "page", "offset", "since"),
        "limit": ("per_page", "page_size", "size"),
    }
)
"""What other systems call a field of ours: the letters of `zip` do not lead to `postal_code`."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A field, as in `lines.0.quantity`, and what is wrong with it."""

    field: str
    detail: str

    def __str__(self) -> str:
        """As a person reads it."""
        return f"`{self.field}`: {self.detail}"


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that is wrong with a document of a model."""
    return str(mistakes(error.errors(include_url=False), model)[0])


def mistakes(errors: Sequence[Mapping[str, Any]], model: object = None) -> list[Mistake]:
    """What is wrong, as pydantic found it, in our words; `model` is the model of the document, where that is known.

    An error about a whole list or object is left out beside one about a part of it: it only follows from that.
    """
    with_worse_inside = {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
    causes = [error for error in errors if error["loc"] not in with_worse_inside]
    return [_mistake(error, model) for error in causes or errors]


def unknown(name: str, known: Iterable[str]) -> str:
    """The sentence for an unknown name, with the known name that was probably meant."""
    close = _meant(name, sorted(known))
    return f"{SENTENCES['extra_forbidden']}; did you mean `{close}`?" if close else SENTENCES["extra_forbidden"]


def shown_name(name: object) -> str:
    """A part of a path as it is shown: a very long name is cut short."""
    text = str(name).encode("utf-8", "replace").decode()
    return text if len(text) <= NAME_LETTERS_MAX else f"{text[:NAME_LETTERS_MAX]}…"


def _mistake(error: Mapping[str, Any], model: object) -> Mistake:
    place = [shown_name(part) for part in error["loc"]]
    if error["type"] == "value_error":
        named, detail = _own_words(str(error["msg"]))
        return Mistake(".".join([*place, *named]) or "body", detail)
    return Mistake(".".join(place) or "body", _sentence(error, model))


def _own_words(message: str) -> tuple[list[str], str]:
    """The field that a rule of ours names before a colon, if any, and the rest of its message."""
    text = message.removeprefix("Value error, ")
    named, colon, rest = text.partition(": ")
    return ([named], rest) if colon and " " not in named else ([], text)


def _sentence(error: Mapping[str, Any], model: object) -> str:
    if error["type"] == "extra_forbidden":
        return unknown(str(error["loc"][-1]), _fields(_inside(model, error["loc"][:-1])))
    context = dict(error.get("ctx") or {})
    if "pattern" in context:
        context["pattern"] = str(context["pattern"]).removeprefix("^").removesuffix("$")
    if "expected" in context:
        allowed = [_value(one) for one in str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")]
        context["expected"] = ", ".join(allowed)
        return SENTENCES[error["type"]].format(**context) + _hint(error.get("input"), allowed)
    return SENTENCES.get(error["type"], str(error["msg"])).format(**context)


def _value(allowed: str) -> str:
    """What is sent: of a member of an enumeration that stands in a `Literal`, pydantic writes `<Group.DAY: day>`."""
    return allowed.rpartition(": ")[2].removesuffix(">") if allowed.startswith("<") else allowed


def _hint(value: object, allowed: Sequence[str]) -> str:
    close = _meant(value, allowed) if isinstance(value, str) else None
    return f"; did you mean `{close}`?" if close else ""


def _meant(name: str, known: Sequence[str]) -> str | None:
    if len(name) > NAME_LETTERS_MAX:
        return None
    plain = name.lower().replace("-", "_")
    by_likeness = get_close_matches(plain, known, n=1, cutoff=0.75)
    by_meaning = [ours for ours in known if plain in ALSO_CALLED.get(ours, ())]
    return next(iter([*by_likeness, *by_meaning]), None)


def _fields(model: object) -> list[str]:
    return [field.alias or name for name, field in _models_fields(model)]


def _models_fields(model: object) -> Iterable[tuple[str, Any]]:
    return model.model_fields.items() if isinstance(model, type) and issubclass(model, BaseModel) else ()


def _inside(model: object, path: Sequence[object]) -> object:
    """The model at a path in a document of a model; None where that is no object of ours."""
    for name in path:
        if isinstance(name, int):
            continue
        annotations = [field.annotation for own, field in _models_fields(model) if (field.alias or own) == name]
        model = next((found for annotation in annotations for found in _models(annotation)), None)
    return model


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """The models in a type: that of `tuple[Line, ...] | None` is Line."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
