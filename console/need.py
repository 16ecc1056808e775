"""What nodes need by their rules of replenishment: why, from which sources, and taking needs as transfers after a preview."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from pydantic import ValidationError
from starlette.responses import Response

from api import need as interface
from api.problems import INVALID
from console import words
from console.visit import REFUSALS, Fields, Visit, filled, page, problem_of
from database.documents import need as documents
from database.documents.document import page as page_of
from domain.mistake import describe
from domain.network import Network
from domain.replenishment import Taken, TakeRequest
from domain.role import Role
from transactions import need as needs
from transactions.request import Asked

Document = Mapping[str, Any]

ROWS = 50
FILTERS = ("node", "sku")


async def _show(visit: Visit) -> Response:
    """The needs of now, by SKU and node."""
    asked = {name: visit.query.get(name) for name in FILTERS}
    async with visit.service.database.read() as connection:
        network = await visit.network(connection)
        found = await needs.listed(
            connection,
            network,
            node=asked["node"] or None,
            sku=asked["sku"] or None,
            after=visit.query.get("after") or None,
            limit=ROWS + 1,
        )
    listed = page_of([documents.shown(need, needs.place_of(need.node, need.sku)) for need in found], ROWS, "need")
    kept = {name: value for name, value in asked.items() if value}
    return visit.shown(
        "needs.html",
        needs=[_row(need, network) for need in listed["items"]],
        asked=asked,
        kept=urlencode(kept),
        nodes=sorted({node for node, _ in network.replenishment}),
        following=f"/console/needs?{urlencode(kept | {'after': listed['next']})}" if listed["next"] else None,
    )


def _row(need: Document, network: Network) -> Document:
    link = f"/console/needs/take?{urlencode({'node': need['node'], 'sku': need['sku']})}"
    return {**need, "name": network.item(need["sku"]).name, "link": link if need["proposed"] else None}


async def _ask(visit: Visit) -> Response:
    """Which transfers would be made of the needs of a node, for an item, or of all. Nothing is done."""
    return await _asked(visit, visit.query)


async def _asked(visit: Visit, asked: Fields, mistake: str = "", status: int = 200) -> Response:
    foreseen = list[needs.Foreseen]()
    async with visit.service.database.read() as connection:
        try:
            foreseen = await needs.foresee(connection, await visit.network(connection), _body(asked))
        except ValidationError as error:
            mistake = mistake or describe(error, TakeRequest)
        except REFUSALS as error:
            mistake = mistake or problem_of(error).detail
    return visit.shown(
        "take_needs.html",
        status,
        asked=asked,
        sentences=[words.of_taken(*one) for one in foreseen],
        sure=needs.digest(foreseen),
        once=secrets.token_hex(16),
        mistake=mistake,
    )


def _body(asked: Fields) -> TakeRequest:
    """The request of what was filled in; an empty field is no filter."""
    skus = {"skus": [asked.get("sku")]} if asked.get("sku") else {}
    return TakeRequest.model_validate(
        filled(TakeRequest, {name: asked.get(name) for name in ("node", "reason")}) | skus
    )


async def _take(visit: Visit) -> Response:
    """Take them, unless taking them would make other transfers than the operator saw. Sent twice, it is done once."""
    form = visit.form
    try:
        asked = Asked("needs", _body(form), visit.holder.actor, form.get("once"))
        taken = await interface.carry_out(visit.service, asked, seen=form.get("sure"))
    except ValidationError as error:
        return await _asked(visit, form, describe(error, TakeRequest), INVALID.status)
    except REFUSALS as error:
        problem = problem_of(error)
        return await _asked(visit, form, f"{problem.kind.title}: {problem.detail}", problem.kind.status)
    return _done(visit, taken)


def _done(visit: Visit, taken: Taken) -> Response:
    done = [
        Markup('<a href="/console/transfers/{0}">{0}</a>: {1} from {2} to {3}').format(
            one.transfer, words.units(sum(line.quantity for line in one.lines)), one.from_node, one.to_node
        )
        for one in taken.transfers
    ]
    return visit.shown("done.html", title="Take needs", done=done, refused=[], following=None, back="/console/needs")


ROUTES = [
    page("/needs", _show),
    page("/needs/take", _ask, role=Role.ACT),
    page("/needs/take", _take, ("POST",)),
]
