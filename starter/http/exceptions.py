"""Routes about exceptions: the queue of what needs a person, and the closing of those that belong to no order."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from activities.exception import Asked, NotToBeResolved, UnknownException
from database import exception
from database.request import UsedForAnotherRequest
from domain.order import ResolveRequest, Seen
from domain.reasons import ExceptionCode
from starter.http.access import Operator, Wired, nothing
from starter.http.orders import IdempotencyKey, Limit, page
from starter.http.problems import OTHER_BODY, REFUSED, Problem

router = APIRouter(tags=["exceptions"])


class Resolved(BaseModel):
    """An exception is closed."""

    exception: str


@router.get("/exceptions")
async def list_exceptions(
    _: Operator,
    service: Wired,
    code: ExceptionCode | None = None,
    node: str | None = None,
    is_open: Annotated[bool, Query(alias="open")] = True,
    after: str | None = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """What needs a person, the oldest first, each with what can be done; or, with `open=false`, what was seen to."""
    async with service.database.read() as connection:
        items = await exception.queue(connection, code=code, node=node, is_open=is_open, after=after, limit=limit + 1)
    return page(items, limit, "exception")


@router.post("/exceptions/{name}/resolve", response_model=Resolved)
async def resolve(
    name: str, body: Seen, holder: Operator, service: Wired, idempotency_key: IdempotencyKey = None
) -> Resolved:
    """Close an exception of a node that belongs to no order; one that does is resolved at its order, and is 409 here."""
    try:
        asked = ResolveRequest(exception=name, reason=body.reason, actor=body.actor)
        await service.exceptions.resolve_of_no_order(Asked(asked, holder.key_id, holder.actor, idempotency_key))
    except (ValueError, UnknownException) as error:
        raise nothing("exception", name) from error
    except NotToBeResolved as error:
        raise Problem(REFUSED, str(error)) from error
    except UsedForAnotherRequest as error:
        raise Problem(OTHER_BODY, "this Idempotency-Key was used for another request") from error
    return Resolved(exception=name)
