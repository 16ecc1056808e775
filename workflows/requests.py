"""The table of all requests for an order: each is an update of its workflow, described as the Temporal UI shows it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    import workflows.messages as messages
    from activities.order import OrderActivities
    from activities.returns import ReturnActivities
    from domain.request import (
        CancelRequest,
        HoldRequest,
        PickupRequest,
        QuantityRequest,
        RerouteRequest,
        ResolveRequest,
        ReturnFacts,
        ServiceRequest,
    )
    from transactions import exception, returns
    from transactions.request import Done, RequestInput
    from transactions.transaction import OrderTransactions
    from workflows.messages import RequestBody, RequestOfARow


WithoutWorkflow = Callable[[OrderTransactions, RequestInput], Awaitable[Done]]


@dataclass(frozen=True, slots=True)
class RequestKind:
    """A kind of request: its description, its body where it names no row, and the activity that carries it out."""

    description: str
    body: type[BaseModel]
    activity: Callable[[Any, RequestInput], Awaitable[Done]]
    without_workflow: WithoutWorkflow | None = None
    """Carries it out for a closed order; None = a closed order refuses it."""


REQUESTS: Mapping[str, RequestKind] = {
    "cancel": RequestKind("Cancel units, lines or everything", CancelRequest, OrderActivities.cancel),
    "hold": RequestKind("Place a named hold", HoldRequest, OrderActivities.hold),
    "release": RequestKind("Take a named hold off", HoldRequest, OrderActivities.release_hold),
    "reroute": RequestKind("Take work from its node", RerouteRequest, OrderActivities.reroute),
    "change_address": RequestKind(
        "Change the address of unreleased units; it stays in PostgreSQL", RequestOfARow, OrderActivities.change_address
    ),
    "add_lines": RequestKind("Add lines, or swap units for another item", RequestOfARow, OrderActivities.add_lines),
    "change_service": RequestKind(
        "Change how fast unreleased units travel", ServiceRequest, OrderActivities.change_service
    ),
    "change_quantity": RequestKind("Change line quantities", QuantityRequest, OrderActivities.change_quantity),
    "change_pickup": RequestKind(
        "Change the pickup node, or send the units home", PickupRequest, OrderActivities.change_pickup
    ),
    "resolve": RequestKind("Resolve an exception", ResolveRequest, OrderActivities.resolve, exception.resolve),
    "request_return": RequestKind(
        "Authorize a return of delivered units", ReturnFacts, ReturnActivities.request_return, returns.request_return
    ),
}
"""By the name of the update."""


class Answers(Protocol):
    """A workflow that answers requests."""

    async def answer(self, kind: str, body: RequestBody) -> dict[str, Any]:
        """The answer to a request of this kind. Raises `ApplicationError` when it is refused."""


Flow = TypeVar("Flow", bound=Answers)


def takes_requests(flow: type[Flow]) -> type[Flow]:
    """Give a workflow an update for every request of the table."""
    for kind, request in REQUESTS.items():
        setattr(flow, kind, _update(kind, request.description))
    return flow


def _update(kind: str, description: str) -> object:
    @workflow.update(name=kind, description=description)
    async def handle(self: Answers, *args: Any) -> dict[str, Any]:
        return await self.answer(kind, messages.one_argument(args, kind, RequestBody))

    @handle.validator
    def check(self: Answers, *args: Any) -> None:
        _check(kind, args)

    return handle


def _check(kind: str, args: Sequence[Any]) -> None:
    """Refuse bad input in the validator, before anything is written to the history."""
    if messages.one_argument(args, kind, RequestBody).request is None:
        messages.one_argument(args, kind, REQUESTS[kind].body)
