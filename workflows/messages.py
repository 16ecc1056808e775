"""The payloads of signals, updates and results, and how to read payloads that any client may have sent."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.mistake import describe
    from domain.order import OrderState, OrderStatus, PromiseState

Model = TypeVar("Model", bound=BaseModel)

LEVELS_MAX = 16
"""Deeper payloads are refused; our own messages have less than half as many levels."""


class PlaceAnswer(BaseModel):
    """The answer to `place`: the order's status and its promise."""

    status: OrderStatus
    promise: PromiseState | None


class OrderOutcome(BaseModel):
    """The result of an order's workflow: the order's final status."""

    status: OrderStatus


class ChangedSignal(BaseModel):
    """A signal that is no node's message: the order has changed, or it may now continue."""

    model_config = ConfigDict(extra="ignore")

    recorded: OrderState | None = None
    look_again: bool = False
    """New stock came: backordered units may be sourced now."""


class RequestBody(BaseModel):
    """The body of an update: the id of the request's row when it came over HTTP, else the request itself without free text."""

    model_config = ConfigDict(extra="allow")

    request: Annotated[int, Field(ge=1, lt=2**63)] | None = None


class RequestOfARow(BaseModel):
    """The body of an update whose content is personal data: only the id of the request's row may travel."""

    model_config = ConfigDict(extra="forbid")

    request: Annotated[int, Field(ge=1, lt=2**63)]


def one_argument(args: Sequence[Any], update: str, model: type[Model]) -> Model:
    """The single argument of an update. Raises an `ApplicationError` of type `BadRequest` that names the wrong field."""
    if len(args) != 1:
        raise ApplicationError(f"{update} takes one argument, not {len(args)}", type="BadRequest", non_retryable=True)
    try:
        return model.model_validate(args[0])
    except ValidationError as error:
        raise ApplicationError(f"{update}: {describe(error, model)}", type="BadRequest", non_retryable=True) from None


def decode(args: Sequence[RawValue]) -> dict[str, Any] | str:
    """The only argument of a signal as a JSON object, or a text that says why there is no such object. Never raises."""
    if len(args) != 1:
        return f"{len(args)} arguments instead of one"
    try:
        value = workflow.payload_converter().from_payload(args[0].payload)
    except Exception as error:  # a decoder may raise anything for a foreign encoding, and the message must not be lost
        return f"undecodable: {type(error).__name__}"
    if not isinstance(value, dict):
        return f"{type(value).__name__} instead of an object"
    return value if _is_flat_enough(value, LEVELS_MAX) else f"nested more than {LEVELS_MAX} levels deep"


def _is_flat_enough(value: object, levels: int) -> bool:
    """Whether an activity's input can carry this value: a decoder refuses a value that is nested too deeply, at every retry."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_is_flat_enough(part, levels - 1) for part in inner)
