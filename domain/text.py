"""The kinds of text in requests, each with its length and alphabet, so that an error names the field."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic_core import CoreSchema

from domain.identifiers import in_one_case
from domain.money import MINOR_DIGITS


class Strict(BaseModel):
    """Input from outside: an unknown field is refused, as a typo, and an empty text is an absent field.

    Shops send "" for what a customer left empty. In a list or an object of texts it is left out. Errors never repeat the input:
    Temporal stores them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    _texts: ClassVar[frozenset[str]]
    """Its fields that are written as a text, as they are called on the wire."""
    _lists: ClassVar[frozenset[str]]
    """Those that are a list of texts."""
    _objects: ClassVar[frozenset[str]]
    """Those that are an object of texts."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Note which fields are texts."""
        fields = {field.alias or name: field.annotation for name, field in cls.model_fields.items()}
        cls._texts = frozenset(name for name, annotation in fields.items() if _is_text(annotation))
        cls._lists = frozenset(name for name, annotation in fields.items() if _is_list_of_texts(annotation))
        cls._objects = frozenset(name for name, annotation in fields.items() if _is_object_of_texts(annotation))

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {
            name: cls._without_empty_texts(name, value)
            for name, value in given.items()
            if name not in cls._texts or value != ""
        }

    @classmethod
    def _without_empty_texts(cls, name: str, value: Any) -> Any:
        if name in cls._lists and isinstance(value, list):
            return [text for text in value if text != ""]
        if name in cls._objects and isinstance(value, Mapping):
            return {key: text for key, text in value.items() if text != ""}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The schema, in which a text that may be absent may be empty as well."""
        schema = handler(core_schema)
        shape = handler.resolve_ref_schema(schema)
        for name, field in shape.get("properties", {}).items():
            for branch in () if name in shape.get("required", ()) else field.get("anyOf", [field]):
                branch.pop("minLength", None)
                if "pattern" in branch:
                    branch["pattern"] = f"^$|{branch['pattern']}"
        return schema


def _is_text(annotation: object) -> bool:
    """Whether a value of this type is written as a text: a name, a word of a vocabulary, a moment; or null."""
    if isinstance(annotation, str) or annotation is AwareDatetime:
        return True
    if isinstance(annotation, type) and issubclass(annotation, str):
        return True
    return get_origin(annotation) in (Annotated, Literal, Union, UnionType) and any(map(_is_text, get_args(annotation)))


def _is_list_of_texts(annotation: object) -> bool:
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return any(map(_is_list_of_texts, get_args(annotation)))
    return get_origin(annotation) is tuple and any(map(_is_text, get_args(annotation)))


def _is_object_of_texts(annotation: object) -> bool:
    return get_origin(annotation) is dict and all(map(_is_text, get_args(annotation)))


def _printable(text: str) -> str:
    """Refuse control characters: PostgreSQL cannot store NUL, and no name or street contains the others."""
    if any(ord(character) < 32 and character not in "\n\t" for character in text):
        raise ValueError("must not contain control characters")
    return text


def _on_one_line(text: str) -> str:
    """Refuse what ends a line or controls a terminal: such a text stands in files, ids and log lines."""
    if any(unicodedata.category(character) in _BREAKS for character in text):
        raise ValueError("must not contain control characters")
    return text


_BREAKS = frozenset({"Cc", "Zl", "Zp"})
"""Control characters, and the separators of lines and paragraphs."""


def _without_blank_ends(text: str) -> str:
    if text != text.strip():
        raise ValueError("must not begin or end with a blank")
    return text


Sku = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(_on_one_line),
    AfterValidator(_without_blank_ends),
]
"""An item's SKU, as the business writes it: in any script, also with slashes and blanks in it. A blank at an end is refused,
because nobody would see it."""

Reference = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=64),
    AfterValidator(_on_one_line),
]
"""What people call something: `#1005`, or a purchase order number with a slash. In any script."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
"""One line of typed text: a name, a street, a mail address."""

ItemName = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_printable)]
"""What a channel calls an item; marketplaces put a sentence into it."""


def _in_one_spelling(text: object) -> object:
    """A code in capitals, with plain digits, hyphens and single blanks, however a keyboard wrote it."""
    if not isinstance(text, str):
        return text
    plain = unicodedata.normalize("NFKC", text).upper().translate(_HYPHENS)
    return " ".join(plain.split())


_HYPHENS = dict.fromkeys(map(ord, "‐‑‒–—―−ー"), "-")

PostalCode = Annotated[str, BeforeValidator(_in_one_spelling), StringConstraints(pattern=r"^[A-Z0-9 -]{1,16}$")]
"""A postal code; which form it has, its country says."""

FreeText = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_printable)]
"""A reason or remark that a person typed; stays in PostgreSQL."""

Attributes = Annotated[dict[Label, FreeText], Field(max_length=20)]
"""Texts of the sender's own, by name."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,64}$")]
"""An id that another system made: a line, a package, a refund."""

MessageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,128}$")]
"""A sender's id for one message, unique per sender."""

Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
"""A word of a closed or configured vocabulary: a service, a hold, a customer tier."""

MadeId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,128}$"), AfterValidator(in_one_case)]
"""An id that we made of an order's: a fulfillment order, an exception. It may be written in any case."""

TransferName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
"""What the business calls a transfer."""

NodeId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]
"""A node's id as in nodes.toml."""


def _written(moment: object) -> object:
    """Refuse numbers: they do not show whether they count seconds or milliseconds, or since when."""
    if isinstance(moment, datetime) or (isinstance(moment, str) and "T" in moment.upper()):
        return moment
    raise ValueError("must be a time as RFC 3339 writes it: 2026-11-22T15:04:05Z")


def _of_a_business(moment: datetime) -> datetime:
    """Refuse moments at the ends of the calendar: with a time zone or a return window added, they must still be dates."""
    if not 1970 <= moment.year <= 2200:
        raise ValueError("must be between the years 1970 and 2200")
    return moment


Moment = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_of_a_business)]
"""A moment with its time zone, as RFC 3339 writes it."""

Units = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
"""A quantity of units, 1 to 1,000,000."""

Money = Annotated[int, Field(ge=0, le=1_000_000_000_000, strict=True)]
"""An amount in minor units of the order's currency."""


def _payable(code: str) -> str:
    if code not in MINOR_DIGITS:
        raise ValueError("must be the ISO 4217 code of a currency that a customer can pay in, such as EUR")
    return code


Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_payable)]
"""The code of a currency that `domain.money` knows."""


def span(text: str) -> timedelta:
    """How long a time span such as 500ms, 30s, 15m, 4h or 2d is. Raises `ValueError` for anything else."""
    parts = re.fullmatch(r"(\d{1,9})(ms|s|m|h|d)", text, re.ASCII)
    if parts is None:
        raise ValueError("must be a time span such as 500ms, 30s, 15m, 4h or 2d")
    return timedelta(**{_SPAN_UNITS[parts[2]]: int(parts[1])})


SPAN_MAX = timedelta(days=36_525)
"""A hundred years: what lies much more before or after now is no instant that a clock or PostgreSQL knows."""


_SPAN_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _spelt(text: str) -> str:
    if span(text) > SPAN_MAX:
        raise ValueError(f"must be at most {SPAN_MAX.days}d")
    return text


Span = Annotated[str, AfterValidator(_spelt)]
"""A time span as the network's files write it; `span` reads it."""
