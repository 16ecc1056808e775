"""The list of orders, by what an operator knows of one: its number, a word of a person, or how it stands."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from api.problems import INVALID, Problem
from console.visit import Fields, Visit, page
from database import customer, saved_filter
from database.documents import at_stake
from database.documents import order as documents
from database.documents.document import page as page_of
from database.documents.order import OrderQuery
from domain.customer import SearchRequest
from domain.identifiers import in_one_case
from domain.mistake import describe
from domain.order import OrderStatus
from domain.role import Role

ROWS = 50
KEPT = ("status", "channel", "node", "sku", "needs_attention")
"""The filters that can be saved: none names one order, whose reference is erased with its customer's data."""
FILTERS = ("status", "channel", "node", "sku", "reference", "needs_attention")


async def _show(visit: Visit) -> Response:
    """Orders, newest first. A word that is an order's id leads to the order."""
    asked = visit.query
    async with visit.service.database.read() as connection:
        if (named := in_one_case(asked.get("order"))) and await at_stake.orders(connection, [named]):
            return RedirectResponse(f"/console/orders/{quote(named)}", 303)
        found = await documents.listed(
            connection, query_of(asked.get("order"), {f: asked.get(f) for f in FILTERS}, asked.get("after"))
        )
        filters = await saved_filter.visible(connection, visit.holder.actor, "orders")
    items = page_of(found, ROWS, "order")
    return _listed(visit, items, {name: asked.get(name) for name in ("order", *FILTERS)}, filters)


def filter_of(asked: Fields) -> str:
    """What is asked for as a filter to save; empty when there is none, or when it names an order. Raises as `query_of`."""
    query_of("", {name: asked.get(name) for name in FILTERS}, "")
    is_of_one = asked.get("order") or asked.get("reference")
    return "" if is_of_one else urlencode({name: asked.get(name) for name in KEPT if asked.get(name)})


def query_of(number: str, filters: Mapping[str, str], after: str) -> OrderQuery:
    """What a list of orders is asked for. Raises the problem of a status that no order has."""
    if (status := filters["status"]) and status not in list(OrderStatus):
        raise Problem(INVALID, "no order has this status", field="status")
    return OrderQuery(
        limit=ROWS + 1,
        after=after or None,
        number=number or None,
        status=OrderStatus(status) if status else None,
        channel=filters["channel"] or None,
        node=filters["node"] or None,
        sku=filters["sku"] or None,
        reference=filters["reference"] or None,
        needs_attention=True if filters["needs_attention"] else None,
    )


async def _search(visit: Visit) -> Response:
    """Orders of a person. What is looked for comes in a form: nothing personal stands in an address or a log."""
    trait = visit.form.get("trait")
    try:
        wanted = SearchRequest.model_validate({trait: visit.form.get("person")})
    except ValidationError as error:
        raise Problem(INVALID, describe(error, SearchRequest)) from None
    async with visit.service.database.read() as connection:
        digest = await customer.looked_for(connection, wanted)
        found = await documents.of_customer(connection, digest, after=None, limit=ROWS)
        filters = await saved_filter.visible(connection, visit.holder.actor, "orders")
    return _listed(visit, {"items": found, "next": None}, dict.fromkeys(("order", *FILTERS), ""), filters)


def _listed(
    visit: Visit, found: Mapping[str, Any], asked: Mapping[str, str], filters: Sequence[saved_filter.SavedFilter]
) -> Response:
    kept = {name: value for name, value in asked.items() if value}
    following = f"/console/orders?{urlencode(kept | {'after': found['next']})}" if found["next"] else None
    export = f"/console/orders.csv?{urlencode(kept)}" if found["items"] and not visit.form.pairs else None
    return visit.shown(
        "orders.html",
        orders=found["items"],
        asked=asked,
        filters=filters,
        present=filter_of(Fields(tuple(asked.items()))),
        statuses=list(OrderStatus),
        following=following,
        export=export,
    )


ROUTES = [
    page("/orders", _show),
    page("/orders", _search, ("POST",), Role.SEE),
]
