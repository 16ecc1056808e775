"""The page of a node, for a store's phone: what it owes by when, and what the people there do about it."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api import fulfillment as interface
from api.problems import INVALID, NOT_FOUND, REFUSED, Problem
from console import live, words
from console.visit import REFUSALS, Fields, Visit, message_id, page, problem_of, whole_number
from database.documents import fulfillment as documents
from database.documents import owed
from domain.fulfillment import MessageKind, NodeMessage
from domain.identifiers import in_one_case
from domain.mistake import describe

Document = Mapping[str, Any]

ROWS = 100
"""What a page shows; who owes more does what is due first first."""


@dataclass(frozen=True, slots=True)
class Act:
    """A button of this page."""

    label: str
    done: str
    """What has happened, for the next page."""
    kind: MessageKind
    body: Callable[[Document, Fields], dict[str, Any]]
    """What the message says beside its kind, from what the page showed and what was filled in."""


async def _show(visit: Visit) -> Response:
    """What the node owes, what is due first first."""
    node = visit.holder.name
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
        found = await owed.of_node(connection, network, node, ROWS + 1)
        fingerprint = await live.now(connection, f"{live.OF_NODE}{node}")
    name = network.nodes[node].name if node in network.nodes else node
    return visit.shown(
        "store.html",
        name=name,
        works=[{**work, "step": words.step(work)} for work in found[:ROWS]],
        is_more=len(found) > ROWS,
        fingerprint=fingerprint,
        done=_done(visit),
        about=visit.query.get("about"),
    )


def _done(visit: Visit) -> str:
    """What was done on the page before."""
    name = visit.query.get("done")
    return ACTS[name].done if name in ACTS else ""


async def _show_work(visit: Visit) -> Response:
    return await _shown(visit, await _read(visit))


async def _shown(visit: Visit, work: Document, mistake: str = "", status: int = 200) -> Response:
    """One fulfillment order with the buttons that make sense now."""
    return visit.shown(
        "store_work.html",
        status,
        work=work,
        step=words.step(work),
        acts={name: ACTS[name] for name in offered(work)},
        to_pick=_to_pick(work),
        once=secrets.token_hex(16),
        filled=visit.form,
        done=_done(visit),
        mistake=mistake,
    )


async def _read(visit: Visit) -> Document:
    name = in_one_case(visit.request.path_params["work"])
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
        found = await documents.show(connection, network, node=visit.holder.name, fulfillment_order=name)
    if found is None:
        raise Problem(NOT_FOUND, f"there is no fulfillment order {name}")
    return found


async def _do(visit: Visit) -> Response:
    """Send the message of a button, unless the work is not what the page showed any more."""
    work, form, name = await _read(visit), visit.form, visit.request.path_params["act"]
    if name not in ACTS:
        raise Problem(NOT_FOUND, "there is no such page")
    if form.get("updated_at") != work["updated_at"] or name not in offered(work):
        changed = f"This has changed since you saw it, and nothing was done. Now: {words.step(work)}"
        return await _shown(visit, work, changed, REFUSED.status)
    try:
        body = NodeMessage.model_validate(_message(ACTS[name], work, form))
        await interface.send_node_message(work["fulfillment_order"], body, visit.holder, visit.service, Response())
    except ValidationError as error:
        return await _shown(visit, work, describe(error, NodeMessage), 422)
    except REFUSALS as error:
        problem = problem_of(error)
        return await _shown(visit, work, f"{problem.kind.title}: {problem.detail}", problem.kind.status)
    about = quote(work["fulfillment_order"])
    left = f"/{about}" if words.owes(await _read(visit)) else ""
    return RedirectResponse(f"/console/store{left}?done={name}&about={about}", 303)


def _message(act: Act, work: Document, form: Fields) -> dict[str, Any]:
    """What a node would send. The id is that of the form: sent twice, it is no second message."""
    body = {"message_id": message_id(form, act.kind), "kind": act.kind, "occurred_at": datetime.now(UTC).isoformat()}
    return body | act.body(work, form)


def offered(work: Document) -> list[str]:
    """The acts that make sense for a fulfillment order as it is, the most likely one first."""
    if not words.owes(work):
        return []
    if work["request"] == "cancel_requested":
        return ["stop", "keep"]
    first = [] if work["request"] == "accepted" or work["status"] != "released" else ["accept"]
    picks = ["pick", "short"] if any(_to_pick(work).values()) else []
    leaves = ["collected"] if work["status"] == "ready_for_pickup" else ["ready", "collected"]
    rejects = ["reject"] if first or not any(line["picked"] for line in work["lines"]) else []
    return [*first, *picks, *(leaves if work["pickup"] else ["ship"]), *rejects]


def _to_pick(work: Document) -> dict[str, int]:
    """Units that are still to be found, by line."""
    return {line["line"]: words.due(line) - max(0, line["picked"] - line["shipped"]) for line in work["lines"]}


def _all(_: Document, __: Fields) -> dict[str, Any]:
    """About everything that is due."""
    return {}


def _because(_: Document, form: Fields) -> dict[str, Any]:
    return {"reason": form.get("reason") or None}


def _found(work: Document, form: Fields) -> dict[str, Any]:
    """The units that were found, by line. Raises the problem of a number that is none, or of more than is still to be found."""
    numbers = form.beginning("found.")
    lines = [
        {"line": line, "quantity": quantity}
        for line, left in _to_pick(work).items()
        if (quantity := _found_of(line, left, numbers.get(line, "0")))
    ]
    return {"lines": lines}


def _found_of(line: str, left: int, text: str) -> int:
    found = whole_number(text, f"line {line}")
    if found > left:
        raise Problem(INVALID, f"only {left} are still to be found", field=f"line {line}")
    return found


def _found_some(work: Document, form: Fields) -> dict[str, Any]:
    found = _found(work, form)
    if not found["lines"]:
        raise Problem(INVALID, "nothing is marked as found; if it is so, say that the rest is not here")
    return found


def _found_and_the_rest_is_short(work: Document, form: Fields) -> dict[str, Any]:
    return _found(work, form) | {"final": True, "reason": form.get("reason") or None}


def _parcel(work: Document, form: Fields) -> dict[str, Any]:
    """All that is due, in one parcel."""
    lines = [{"line": line["line"], "quantity": words.due(line)} for line in work["lines"] if words.due(line)]
    parcel = {"package": "1", "carrier": form.get("carrier") or None, "tracking": form.get("tracking") or None}
    return {"packages": [parcel | {"lines": lines}]}


ACTS: Mapping[str, Act] = MappingProxyType(
    {
        "accept": Act("Accept", "accepted", MessageKind.ACCEPTED, _all),
        "reject": Act("Reject", "rejected: somebody else ships it", MessageKind.REJECTED, _because),
        "pick": Act("Found these", "picked", MessageKind.PICKED, _found_some),
        "short": Act(
            "The rest is not here",
            "picked; what is not there comes from somewhere else",
            MessageKind.PICKED,
            _found_and_the_rest_is_short,
        ),
        "ready": Act(
            "Ready for the customer",
            "ready: the customer hears that it can be collected",
            MessageKind.READY_FOR_PICKUP,
            _all,
        ),
        "collected": Act("Handed over", "handed over to the customer", MessageKind.COLLECTED, _all),
        "ship": Act("Shipped", "shipped", MessageKind.SHIPPED, _parcel),
        "stop": Act("Stopped: it stays here", "stopped", MessageKind.CANCEL_ACCEPTED, _all),
        "keep": Act("Too late: it leaves anyway", "kept: it leaves anyway", MessageKind.CANCEL_REJECTED, _because),
    }
)
"""The acts, by the last part of their address."""

NODE = ("node",)
ROUTES = [
    page("/store", _show, kinds=NODE),
    page("/store/{work}", _show_work, kinds=NODE),
    page("/store/{work}/{act}", _do, ("POST",), kinds=NODE),
]
