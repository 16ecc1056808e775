"""Returns and claims: which are open, what came back and was paid of each, and the acts on it."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api import returns as interface
from api.problems import INVALID, NOT_FOUND, REFUSED, Problem
from console.visit import REFUSALS, Fields, Visit, filled, message_id, page, problem_of, whole_number
from database import returns as statements
from database.documents import claim as claims
from database.documents import returns as documents
from database.documents.document import page as page_of
from domain.identifiers import in_one_case
from domain.mistake import describe
from domain.returns import (
    Condition,
    Disposition,
    ReturnDecision,
    ReturnMessage,
    ReturnMessageKind,
    ReturnState,
    ReturnStatus,
)
from domain.text import Strict

Document = Mapping[str, Any]

ROWS = 50
OPEN = "open"
"""Instead of a status: whatever is not over."""


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator can do about a return."""

    title: str
    does: str
    """What it does, in a sentence."""
    do: Callable[[Visit, ReturnState, Fields], Awaitable[Any]]


async def _show(visit: Visit) -> Response:
    """Returns, the oldest first, and the claims of late."""
    status, order = visit.query.get("status") or OPEN, in_one_case(visit.query.get("order"))
    if status not in (OPEN, "any", *ReturnStatus):
        raise Problem(INVALID, "no return has this status", field="status")
    async with visit.service.database.read() as connection:
        found = await documents.listed(
            connection,
            status=None if status in (OPEN, "any") else status,
            channel=None,
            node=visit.query.get("node") or None,
            order=order or None,
            updated_since=None,
            after=visit.query.get("after") or None,
            limit=ROWS + 1,
            is_open=status == OPEN,
        )
        recent = await claims.recent(connection, order=order or None, limit=ROWS)
    listed = page_of(found, ROWS, "return")
    asked = {"status": status, "order": order, "node": visit.query.get("node")}
    return visit.shown(
        "returns.html",
        returns=listed["items"],
        following=f"/console/returns?{urlencode(asked | {'after': listed['next']})}" if listed["next"] else None,
        claims=recent,
        asked=asked,
        statuses=[OPEN, "any", *ReturnStatus],
    )


async def _show_return(visit: Visit) -> Response:
    return await _shown(visit)


async def _shown(visit: Visit, mistake: str = "", status: int = 200) -> Response:
    """A return with the acts that make sense now."""
    async with visit.service.database.read() as connection:
        state = await statements.state(connection, in_one_case(visit.request.path_params["return"]))
        shown = await documents.show(connection, state)
        network = await visit.network(connection)
    done = visit.query.get("done")
    return visit.shown(
        "return.html",
        status,
        shown=shown,
        version=state.version,
        acts={name: ACTS[name] for name in offered(state, shown["refunds"])},
        left={line.line: line.quantity - line.received for line in state.lines},
        to_grade={line.line: line.received - line.graded for line in state.lines if line.received > line.graded},
        nodes=sorted(network.nodes),
        conditions=list(Condition),
        dispositions=list(Disposition),
        once=secrets.token_hex(16),
        filled=visit.form,
        done=ACTS[done].title if done in ACTS else "",
        mistake=mistake,
    )


def offered(state: ReturnState, refunds: list[dict[str, Any]]) -> list[str]:
    """The acts that make sense for a return as it is."""
    may_arrive = state.status not in (ReturnStatus.REQUESTED, ReturnStatus.DECLINED, ReturnStatus.CLOSED)
    is_there = {
        "approve": state.status is ReturnStatus.REQUESTED,
        "decline": state.status is ReturnStatus.REQUESTED,
        "receive": may_arrive and any(line.received < line.quantity for line in state.lines),
        "grade": any(line.received > line.graded for line in state.lines),
        "paid": any(one["settled_at"] is None and one["replacement"] is None for one in refunds),
        "cancel": state.status in (ReturnStatus.REQUESTED, ReturnStatus.AUTHORIZED, ReturnStatus.IN_TRANSIT),
    }
    return [name for name, is_offered in is_there.items() if is_offered]


async def _do(visit: Visit) -> Response:
    """Do it, unless the return is not what the operator saw any more."""
    name, act = in_one_case(visit.request.path_params["return"]), visit.request.path_params["act"]
    if act not in ACTS:
        raise Problem(NOT_FOUND, "there is no such page")
    async with visit.service.database.read() as connection:
        state = await statements.state(connection, name)
    if str(state.version) != visit.form.get("version"):
        changed = (
            f"The return has changed since you saw it, and nothing was done. It is {state.status} now; look again."
        )
        return await _shown(visit, changed, REFUSED.status)
    try:
        await ACTS[act].do(visit, state, visit.form)
    except ValidationError as error:
        return await _shown(visit, describe(error, Strict), INVALID.status)
    except REFUSALS as error:
        problem = problem_of(error)
        return await _shown(visit, f"{problem.kind.title}: {problem.detail}", problem.kind.status)
    return RedirectResponse(f"/console/returns/{quote(name)}?done={act}", 303)


async def _approve(visit: Visit, state: ReturnState, form: Fields) -> None:
    await interface.approve_return(state.return_, _decision(form), visit.holder, visit.service, form.get("once"))


async def _decline(visit: Visit, state: ReturnState, form: Fields) -> None:
    await interface.decline_return(state.return_, _decision(form), visit.holder, visit.service, form.get("once"))


async def _cancel(visit: Visit, state: ReturnState, form: Fields) -> None:
    await interface.cancel_return(state.return_, _decision(form), visit.holder, visit.service, form.get("once"))


def _decision(form: Fields) -> ReturnDecision:
    return ReturnDecision.model_validate(filled(ReturnDecision, {"reason": form.get("reason")}))


async def _receive(visit: Visit, state: ReturnState, form: Fields) -> None:
    quantities = {line: whole_number(text, f"line {line}") for line, text in form.beginning("received.").items()}
    lines = [{"line": line, "quantity": quantity} for line, quantity in quantities.items() if quantity]
    if not lines:
        raise Problem(INVALID, "say how many have arrived", field="lines")
    await _send(visit, state, ReturnMessageKind.RECEIVED, {"node": form.get("node"), "lines": lines})


async def _grade(visit: Visit, state: ReturnState, form: Fields) -> None:
    line = {
        "line": form.get("line"),
        "quantity": whole_number(form.get("quantity"), "quantity"),
        "condition": form.get("condition") or None,
        "disposition": form.get("disposition") or None,
    }
    await _send(visit, state, ReturnMessageKind.GRADED, {"node": form.get("node"), "lines": [line]})


async def _paid(visit: Visit, state: ReturnState, form: Fields) -> None:
    await _send(visit, state, ReturnMessageKind.SETTLED, {"refund": form.get("refund")})


async def _send(visit: Visit, state: ReturnState, kind: ReturnMessageKind, more: Mapping[str, Any]) -> None:
    """Enter a fact. Its id is that of the form: sent twice, it is no second fact."""
    known = {"message_id": message_id(visit.form, kind), "kind": kind, "occurred_at": datetime.now(UTC).isoformat()}
    values = known | dict(more) | {"reason": visit.form.get("reason")}
    body = ReturnMessage.model_validate(filled(ReturnMessage, values))
    await interface.send_return_message(state.return_, body, visit.holder, visit.service, Response())


ACTS: Mapping[str, Act] = MappingProxyType(
    {
        "approve": Act("Approve", "The customer may send it. The policy says when it is paid.", _approve),
        "decline": Act(
            "Decline", "Nothing is taken back and nothing is paid. Its units can be returned again.", _decline
        ),
        "receive": Act("Enter what has arrived", "As if the node had said so.", _receive),
        "grade": Act(
            "Grade", "Says what the units look like. The disposition moves them into stock or out of it.", _grade
        ),
        "paid": Act("Enter that it was paid", "The customer has got the money: the channel is not asked again.", _paid),
        "cancel": Act(
            "Cancel the return", "For a customer who keeps it. Possible until something has come back.", _cancel
        ),
    }
)
"""The acts, by the last part of their address."""


async def _show_claim(visit: Visit) -> Response:
    """A claim: what was wrong, and what the customer was paid or sent for it."""
    async with visit.service.database.read() as connection:
        known = await claims.show(connection, in_one_case(visit.request.path_params["claim"]))
        shown = await claims.with_refunds(connection, known)
    return visit.shown("claim.html", claim=shown)


ROUTES = [
    page("/returns", _show),
    page("/returns/{return}", _show_return),
    page("/returns/{return}/{act}", _do, ("POST",)),
    page("/claims/{claim}", _show_claim),
]
