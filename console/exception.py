"""The home page: what needs a person, what is at stake, and the acts that help, for one exception or many at once."""

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api import exception as interface
from api import fulfillment, order
from api.action import with_requests
from api.problems import INVALID, NOT_FOUND, Problem
from console import live
from console.visit import REFUSALS, Fields, Visit, filled, page, problem_of
from database import saved_filter
from database.documents import at_stake
from database.documents import exception as documents
from database.documents.document import page as page_of
from domain.fulfillment import MessageKind, NodeMessage
from domain.identifiers import in_one_case
from domain.mistake import describe
from domain.reasons import Action, ExceptionCode
from domain.request import AssignRequest, RerouteRequest, ResolveRequest, Seen
from domain.role import Role
from domain.text import Strict

Document = Mapping[str, Any]

ROWS = 50
CHOSEN_MAX = ROWS
"""As many as a page shows."""


@dataclass(frozen=True, slots=True)
class Act:
    """What can be done about exceptions from this page."""

    title: str
    does: str
    """What it does, in a sentence."""
    fields: tuple[str, ...]
    """The fields that a person fills in."""
    do: Callable[[Visit, Document, Fields, str], Awaitable[str]]
    """Does it for one exception, once for an idempotency key; what was done, in a sentence."""


async def _show(visit: Visit) -> Response:
    """The open exceptions, the oldest first, with how many there are by code, node, owner and age."""
    asked = visit.query
    async with visit.service.database.read() as connection:
        rules = (await visit.network(connection)).policy.exceptions
        items = await documents.queue(
            connection,
            rules=rules,
            code=_code(asked.get("code")),
            owner=asked.get("owner") or None,
            node=asked.get("node") or None,
            order=None,
            older_than=_age(asked.get("older_than")),
            is_open=True,
            after=asked.get("after") or None,
            limit=ROWS + 1,
        )
        tiles = await documents.counts(connection, rules)
        fingerprint = await live.now(connection)
        saved = await saved_filter.visible(connection, visit.holder.actor, "exceptions")
        found = page_of(items, ROWS, "exception")
        orders = await at_stake.orders(connection, {row["order"] for row in found["items"] if row["order"]})
    rows = [_row(row, orders.get(row["order"] or "")) for row in found["items"]]
    return visit.shown(
        "exceptions.html",
        rows=rows,
        tiles=_tiles(tiles, asked),
        saved_filters=saved,
        present=filter_of(asked),
        filters={name: asked.get(name) for name in FILTERS if asked.get(name)},
        number=sum(tiles["code"].values()),
        fingerprint=fingerprint,
        following=_link(asked, after=found["next"]) if found["next"] else None,
    )


FILTERS = ("code", "owner", "node", "older_than")


def filter_of(asked: Fields) -> str:
    """What is asked for as a filter to save. Raises the problem of a code or an age that there is not."""
    _code(asked.get("code"))
    _age(asked.get("older_than"))
    return urlencode({name: asked.get(name) for name in FILTERS if asked.get(name)})


def _code(asked: str) -> ExceptionCode | None:
    if asked and asked not in list(ExceptionCode):
        raise Problem(INVALID, "no exception has this code", field="code")
    return ExceptionCode(asked) if asked else None


def _age(asked: str) -> timedelta | None:
    if asked and asked not in documents.AGES:
        raise Problem(INVALID, f"must be one of {', '.join(documents.AGES)}", field="older_than")
    return documents.AGES.get(asked)


def _tiles(counts: Mapping[str, Mapping[str, int]], asked: Fields) -> list[Document]:
    """What there is to choose from: each tile leads to the page with its filter, or without it when it is chosen."""
    ages = {
        age: sum(number for passed, number in counts["age"].items() if int(passed) > index)
        for index, age in enumerate(documents.AGES)
    }
    groups = {"code": counts["code"], "node": counts["node"], "owner": counts["owner"], "older_than": ages}
    return [
        {
            "name": name,
            "choices": [
                {
                    "label": label,
                    "number": number,
                    "is_chosen": asked.get(name) == label,
                    "link": _link(asked, after=None, **{name: None if asked.get(name) == label else label}),
                }
                for label, number in group.items()
                if label and number
            ],
        }
        for name, group in groups.items()
    ]


def _link(asked: Fields, **other: str | None) -> str:
    kept = {name: asked.get(name) for name in FILTERS} | other
    query = urlencode({name: value for name, value in kept.items() if value})
    return f"/console/exceptions?{query}" if query else "/console/exceptions"


def _row(shown: Document, order: Document | None) -> Document:
    return {**with_requests(shown), "at_stake": order, "acts": acts_of(shown)}


def acts_of(shown: Document) -> list[Document]:
    """The acts that make sense for an exception, each as a link to its page."""
    links = [(action, _link_of(action, shown)) for action in shown["actions"]]
    acts: list[Document] = [
        {"label": _LABELS.get(action, action), "link": link, "needs_admin": False} for action, link in links if link
    ]
    if shown["code"] == ExceptionCode.UNFILLED:
        acts.append(CHANGE_THE_POLICY)
    return acts


CHANGE_THE_POLICY: Document = MappingProxyType(
    {"label": "change the policy", "link": "/console/policy/edit", "needs_admin": True}
)
"""Helps where no rule lets a node fill an order. It is no action of one exception, so HTTP does not name it."""


_LABELS: Mapping[str, str] = MappingProxyType(
    {
        Action.TELL: "enter what the node says",
        Action.COUNT: "see the stock",
        Action.PAUSE: "pause the node",
        Action.CANCEL: "cancel units",
        Action.CHOOSE_PICKUP: "choose another pickup",
        Action.RETURN: "enter a return",
        Action.RETRY: "see the connection",
    }
)


def _link_of(action: Action, shown: Document) -> str | None:
    """Where an act is done; None when this console has no page for it. The page of an order tries a reroute before."""
    match action:
        case Action.REROUTE:
            work = urlencode({"fulfillment_order": shown["fulfillment_order"]})
            return f"/console/orders/{quote(shown['order'])}/reroute?{work}"
        case _ if action in ACTS:
            return f"/console/exceptions/act?{urlencode({'act': action, 'exception': shown['exception']})}"
        case Action.CANCEL:
            return f"/console/orders/{quote(shown['order'])}/cancel"
        case Action.RETURN:
            return f"/console/orders/{quote(shown['order'])}/return"
        case Action.CHOOSE_PICKUP:
            return f"/console/orders/{quote(shown['order'])}/pickup"
        case Action.PAUSE:
            return f"/console/nodes/{quote(shown['node'])}/pause"
        case Action.COUNT if shown["subject"]:
            return f"/console/stock/{quote(shown['subject'], safe='')}"
        case Action.RETRY:
            return "/console/connections"
        case _:
            return None


async def _ask(visit: Visit) -> Response:
    """What an act would do to the chosen exceptions. Nothing is done."""
    return await _asked(visit, visit.query)


async def _asked(visit: Visit, asked: Fields, mistake: str = "", status: int = 200) -> Response:
    act = _act(asked)
    chosen = await _chosen(visit, asked)
    refused = (
        [] if act is ACTS[Action.RESOLVE] or act is ACTS[Action.ASSIGN] else [_why_not(asked, one) for one in chosen]
    )
    return visit.shown(
        "act_on_exceptions.html",
        status,
        act=act,
        name=asked.get("act"),
        chosen=chosen,
        refused=[why for why in refused if why],
        once=secrets.token_hex(16),
        at=datetime.now(UTC).isoformat(),
        kinds=list(MessageKind),
        filled=asked,
        mistake=mistake,
    )


def _why_not(asked: Fields, shown: Document) -> str:
    if asked.get("act") in shown["actions"]:
        return ""
    return f"{shown['exception']} ({shown['code']}): this cannot be done about it now."


def _act(asked: Fields) -> Act:
    if asked.get("act") not in ACTS:
        raise Problem(INVALID, f"must be one of {', '.join(ACTS)}", field="act")
    return ACTS[Action(asked.get("act"))]


async def _chosen(visit: Visit, asked: Fields) -> list[Document]:
    names = asked.all("exception")
    if not names:
        raise Problem(INVALID, "choose an exception first", field="exception")
    if len(names) > CHOSEN_MAX:
        raise Problem(INVALID, f"at most {CHOSEN_MAX} at once", field="exception")
    return await _named(visit, names)


async def _named(visit: Visit, names: Sequence[str]) -> list[Document]:
    async with visit.service.database.read() as connection:
        rules = (await visit.network(connection)).policy.exceptions
        found: list[Document] = [*await documents.named(connection, names, rules)]
    if missing := set(names) - {one["exception"] for one in found}:
        raise Problem(NOT_FOUND, f"there is no exception {min(missing)}")
    return found


async def _do(visit: Visit) -> Response:
    """Do it for each of the chosen exceptions: what is refused for one is done for the others."""
    act, form = _act(visit.form), visit.form
    done, refused = [], []
    for shown in await _chosen(visit, form):
        try:
            if shown["resolved_at"] is not None:
                raise Problem(INVALID, "it was resolved meanwhile; nothing was done")
            said = await act.do(visit, shown, form, f"{form.get('once')}-{shown['exception']}")
            done.append(f"{shown['exception']}: {said}")
        except ValidationError as error:
            return await _asked(visit, form, _mistake(error), INVALID.status)
        except REFUSALS as error:
            refused.append(f"{shown['exception']}: {problem_of(error).detail}")
    following = await _following(visit)
    return visit.shown("done.html", title=act.title, done=done, refused=refused, following=following, back="")


def _mistake(error: ValidationError) -> str:
    return describe(error, Strict)


async def _following(visit: Visit) -> Document | None:
    """The exception that is open longest now."""
    async with visit.service.database.read() as connection:
        rules = (await visit.network(connection)).policy.exceptions
        found = await documents.queue(
            connection,
            rules=rules,
            code=None,
            owner=None,
            node=None,
            order=None,
            older_than=None,
            is_open=True,
            after=None,
            limit=1,
        )
    return found[0] if found else None


async def _resolve(visit: Visit, shown: Document, form: Fields, once: str) -> str:
    name, reason = shown["exception"], form.get("reason") or None
    if shown["order"] is None:
        seen = Seen(reason=reason)
        await interface.resolve_exception(name, seen, visit.holder, visit.service, once)
    else:
        body = ResolveRequest(exception=name, reason=reason)
        await order.resolve_order_exception(shown["order"], body, visit.holder, visit.service, once)
    return "resolved"


async def _assign(visit: Visit, shown: Document, form: Fields, once: str) -> str:
    body = AssignRequest.model_validate(filled(AssignRequest, {name: form.get(name) for name in ("owner", "reason")}))
    await interface.assign_exception(shown["exception"], body, visit.holder, visit.service, once)
    return f"assigned to {body.owner}"


async def _reroute(visit: Visit, shown: Document, form: Fields, once: str) -> str:
    if shown["fulfillment_order"] is None:
        raise Problem(INVALID, "it is about no fulfillment order")
    values = {
        "fulfillment_order": shown["fulfillment_order"],
        "reason": form.get("reason"),
        "to_node": form.get("to_node"),
    }
    body = RerouteRequest.model_validate(filled(RerouteRequest, values))
    answer = await order.reroute_order(shown["order"], body, visit.holder, visit.service, once)
    return f"{shown['fulfillment_order']} is rerouted ({answer['outcome']})"


async def _tell(visit: Visit, shown: Document, form: Fields, once: str) -> str:
    """Enter a message for a node. Its id and its time are those of the form: sent twice, it is one message."""
    if shown["fulfillment_order"] is None:
        raise Problem(INVALID, "it is about no fulfillment order")
    values = {"kind": form.get("kind"), "reason": form.get("reason"), "occurred_at": form.get("at")}
    values["message_id"] = f"console-{sha256(once.encode()).hexdigest()[:32]}"
    body = NodeMessage.model_validate(filled(NodeMessage, values))
    await fulfillment.send_node_message(shown["fulfillment_order"], body, visit.holder, visit.service, Response())
    return f"{body.kind} is entered for {shown['fulfillment_order']}"


ACTS: Mapping[str, Act] = MappingProxyType(
    {
        Action.RESOLVE: Act(
            "Resolve", "Closes it: a person has seen to it. What waited for it goes on.", ("reason",), _resolve
        ),
        Action.ASSIGN: Act("Assign", "Gives it to another owner.", ("owner", "reason"), _assign),
        Action.REROUTE: Act(
            "Reroute",
            "Takes the work from its node, so that another ships it. A node that has accepted it is asked to cancel first.",
            ("to_node", "reason"),
            _reroute,
        ),
        Action.TELL: Act(
            "Enter what the node says",
            "Enters a message as if the node had sent it, about everything that is due at it.",
            ("kind", "reason"),
            _tell,
        ),
    }
)


async def _one_exception(visit: Visit) -> Response:
    """Where a link to one exception leads: to its order, or to the list."""
    (found,) = await _named(visit, [in_one_case(visit.request.path_params["exception"])])
    link = f"/console/orders/{quote(found['order'])}" if found["order"] else "/console/exceptions"
    return RedirectResponse(link, 303)


ROUTES = [
    page("/exceptions", _show),
    page("/exceptions/act", _ask, role=Role.ACT),
    page("/exceptions/act", _do, ("POST",)),
    page("/exceptions/{exception}", _one_exception),
]
