"""The payloads of signals, updates and results, and how to read them when anybody may have sent anything."""

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

NODE_MESSAGE = "node_message"
CHANGED = "changed"

LEVELS_MAX = 16
"""No message of ours is nested half as deeply."""


class PlaceAnswer(BaseModel):
    """What the channel hears at once: where the order stands and what was promised."""

    status: OrderStatus
    promise: PromiseState | None


class OrderOutcome(BaseModel):
    """How an order's life ended."""

    status: OrderStatus


class ChangedSignal(BaseModel):
    """Something else than a node's message has moved the order, or may let it go on."""

    model_config = ConfigDict(extra="ignore")

    recorded: OrderState | None = None
    look_again: bool = False
    """New stock came: what waits for stock may be sourced now."""


class RequestBody(BaseModel):
    """The body of an update. Over HTTP it is the id of the request's row; from elsewhere, the body without free text."""

    model_config = ConfigDict(extra="allow")

    request: Annotated[int, Field(ge=1, lt=2**63)] | None = None


class RequestOfARow(BaseModel):
    """The body of an update that is personal data as a whole: only the id of the request's row may travel."""

    model_config = ConfigDict(extra="forbid")

    request: Annotated[int, Field(ge=1, lt=2**63)]


def one_argument(args: Sequence[Any], update: str, model: type[Model]) -> Model:
    """The single argument of an update. Raises a named `ApplicationError` that says which field is wrong."""
    if len(args) != 1:
        raise ApplicationError(f"{update} takes one argument, not {len(args)}", type="BadRequest", non_retryable=True)
    try:
        return model.model_validate(args[0])
    except ValidationError as error:
        raise ApplicationError(f"{update}: {describe(error, model)}", type="BadRequest", non_retryable=True) from None


def decode(args: Sequence[RawValue]) -> dict[str, Any] | str:
    """The only argument of a signal as a JSON object, or a text that says why it is none. Never raises."""
    if len(args) != 1:
        return f"{len(args)} arguments instead of one"
    try:
        value = workflow.payload_converter().from_payload(args[0].payload)
    except (
        Exception
    ) as error:  # whatever a foreign sender's encoding makes a decoder raise: the message must not be lost
        return f"undecodable: {type(error).__name__}"
    if not isinstance(value, dict):
        return f"{type(value).__name__} instead of an object"
    return value if _is_flat_enough(value, LEVELS_MAX) else f"nested more than {LEVELS_MAX} levels deep"


def _is_flat_enough(value: object, levels: int) -> bool:
    """Whether this can travel on inside an activity's input: decoders refuse what is nested too deeply, for ever."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_is_flat_enough(part, levels - 1) for part in inner)
