"""The common parts of all documents: the types of their fields, which of them may be absent, and the pages of a list.

A document is read from PostgreSQL as JSON, and shown as it was read. Its model describes it: the OpenAPI document and the
reference pages are made from the model, and the tests check every answer against it.
"""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Document(BaseModel):
    """A JSON document. Every field is always there, except those that are declared with `sometimes`."""

    model_config = ConfigDict(
        frozen=True, validate_by_name=True, serialize_by_alias=True, use_attribute_docstrings=True
    )


def sometimes(**more: Any) -> Any:
    """A field that may be absent. If it is never null, its type names `SkipJsonSchema[None]`."""
    return Field(default=None, json_schema_extra=_without_default, **more)


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


class Page(Document, Generic[T]):
    """A page of a list."""

    model_config = ConfigDict(json_schema_extra={"description": "A page of a list."})

    items: list[T]
    next: str | None
    """Send it as `after` to get the next page; null at the end."""


def page(items: list[dict[str, Any]], limit: int, name: str) -> dict[str, Any]:
    """A page of at most `limit` items; one more item means that a next page exists. `next` is the last item's field `name`."""
    shown = items[:limit]
    return {"items": shown, "next": shown[-1][name] if len(items) > limit else None}


class LineUnits(Document):
    """Units of one line."""

    line: str
    """The line's id in its order."""
    sku: str
    quantity: int
    """Units."""


class NamedUnits(LineUnits):
    """Units of one line of an order."""

    name: str | None
    """As the channel calls the item; null when it did not say, or the order was forgotten."""
