"""Access: every route names the kinds of keys that may call it, and gets the holder of the key that was sent."""

from typing import Annotated, Literal

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import Headers
from starlette.types import Scope

from api import request_log
from api.problems import NO_KEY, NOT_ALLOWED, NOT_FOUND, Problem, wrong_fields
from api.service import Service
from database.key import Caller
from domain.mistake import Mistake, shown_name, unknown
from domain.role import Role, needed_for

Kind = Literal["operator", "channel", "node"]

_HOLDER = "switchyard.holder"
"""Where a request's scope keeps the holder of its key."""
_bearer = HTTPBearer(auto_error=False, description="A key made by POST /keys")


async def service_of(request: Request) -> Service:
    """The service that the application was made with. A plain function would run in a thread of its own for every request."""
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(service_of)]


def shown_key(scope: Scope) -> str | None:
    """The key that a request shows, however its header is spelt; None when it shows none."""
    scheme, shown = get_authorization_scheme_param(Headers(scope=scope).get("authorization"))
    return shown if scheme.lower() == "bearer" and shown else None


async def holder_of(scope: Scope) -> Caller:
    """The holder of a request's key, looked up once for each request. Raises the problem of a request without a valid key."""
    known: Caller | None = scope.get(_HOLDER)
    if known is not None:
        return known
    shown = shown_key(scope)
    if shown is None:
        raise Problem(NO_KEY, "send `Authorization: Bearer KEY`")
    service: Service = scope["app"].state.service
    found = await service.keys.holder(shown)
    if found is None:
        raise Problem(NO_KEY, "this key is not valid")
    request_log.show_key(found.actor)
    if found.kind == "node":
        service.transactions.heard.note(found.name)
    scope[_HOLDER] = found
    return found


class OpenTo:
    """A dependency that returns the holder of the key, or refuses: 401 without a valid key, 403 for a kind that is not named or
    an operator whose role is too low.

    Only then it refuses a query that the route does not know.
    """

    def __init__(self, *kinds: Kind, role: Role | None = None) -> None:
        """The kinds of keys that may call a route, and the role that an operator needs; None = as its method says."""
        self.kinds = kinds
        self._role = role

    def role(self, method: str) -> Role:
        """The role that an operator needs for a request with this method."""
        return self._role or needed_for(method)

    async def __call__(
        self,
        request: Request,
        _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)] = None,
    ) -> Caller:
        """The holder of the key that was sent."""
        found = await holder_of(request.scope)
        if found.kind not in self.kinds:
            raise Problem(NOT_ALLOWED, f"keys of kind {found.kind} may not do this")
        check_role(found, self.role(request.method))
        known_query(request)
        return found


def check_role(holder: Caller, needed: Role) -> None:
    """Refuse an operator whose role is too low."""
    if not holder.role.includes(needed):
        raise Problem(NOT_ALLOWED, f"this key has the role {holder.role}; the role {needed} is needed for this")


Operator = Annotated[Caller, Depends(OpenTo("operator"))]
Reader = Annotated[Caller, Depends(OpenTo("operator", role=Role.SEE))]
Admin = Annotated[Caller, Depends(OpenTo("operator", role=Role.ADMIN))]
ReaderOrChannel = Annotated[Caller, Depends(OpenTo("operator", "channel", role=Role.SEE))]
AdminOrChannel = Annotated[Caller, Depends(OpenTo("operator", "channel", role=Role.ADMIN))]
OperatorOrChannel = Annotated[Caller, Depends(OpenTo("operator", "channel"))]
OperatorOrNode = Annotated[Caller, Depends(OpenTo("operator", "node"))]
Anyone = Annotated[Caller, Depends(OpenTo("operator", "channel", "node"))]


def known_query(request: Request) -> None:
    """Refuse a query with parameters that the route does not have: a misspelt filter must not return everything."""
    given = request.query_params.keys()
    if not given:
        return
    known = _queries(request.scope["route"].dependant)
    wrong = [Mistake(shown_name(name), unknown(name, known)) for name in dict.fromkeys(given) if name not in known]
    if wrong:
        raise wrong_fields(wrong)


def _queries(dependant: Dependant) -> set[str]:
    own = {field.alias for field in dependant.query_params}
    return own.union(*(_queries(needed) for needed in dependant.dependencies))


def own_channel(holder: Caller) -> str | None:
    """The channel whose orders the holder may see; None = all."""
    return holder.name if holder.kind == "channel" else None


def own_node(holder: Caller) -> str | None:
    """The node whose work the holder may see; None = all."""
    return holder.name if holder.kind == "node" else None


def not_found(what: str, name: str) -> Problem:
    """The problem of what does not exist, and of what belongs to another channel or node."""
    return Problem(NOT_FOUND, f"there is no {what} {name}")
