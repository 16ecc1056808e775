"""Who may do what: every route names the kinds of keys that it is open to, and gets the holder of the key that was shown."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api import request_log
from api.problems import NO_KEY, NOT_ALLOWED, NOT_FOUND, Problem
from api.service import Service
from database import key
from database.key import Holder

Kind = Literal["operator", "channel", "node"]

_bearer = HTTPBearer(auto_error=False, description="A key made by POST /keys")


def service_of(request: Request) -> Service:
    """The collaborators that the application was made with."""
    service: Service = request.app.state.service
    return service


Wired = Annotated[Service, Depends(service_of)]


def open_to(*kinds: Kind) -> Callable[..., Awaitable[Holder]]:
    """A dependency that answers who asks, or refuses: 401 without a valid key, 403 for a kind that is not named."""

    async def holder(
        service: Wired, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)] = None
    ) -> Holder:
        if shown is None:
            raise Problem(NO_KEY, "send `Authorization: Bearer KEY`")
        async with service.database.read() as connection:
            found = await key.holder(connection, shown.credentials)
        if found is None:
            raise Problem(NO_KEY, "this key is not valid")
        request_log.show_key(found.actor)
        if found.kind not in kinds:
            raise Problem(NOT_ALLOWED, f"this is not for {found.kind} keys")
        return found

    return holder


Operator = Annotated[Holder, Depends(open_to("operator"))]
OperatorOrChannel = Annotated[Holder, Depends(open_to("operator", "channel"))]
OperatorOrNode = Annotated[Holder, Depends(open_to("operator", "node"))]
Anyone = Annotated[Holder, Depends(open_to("operator", "channel", "node"))]


def own_channel(holder: Holder) -> str | None:
    """The channel whose orders the holder may see; None = all."""
    return holder.name if holder.kind == "channel" else None


def own_node(holder: Holder) -> str | None:
    """The node whose work the holder may see; None = all."""
    return holder.name if holder.kind == "node" else None


def nothing(what: str, name: str) -> Problem:
    """What exists for somebody else is answered like what does not exist."""
    return Problem(NOT_FOUND, f"there is no {what} {name}")
