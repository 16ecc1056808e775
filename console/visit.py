"""What every page has in common: its operator is signed in, and what a form sends comes from a page of ours."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from api import request_log
from api.access import check_role
from api.problems import INVALID, MEANINGS, NOT_ALLOWED, TOO_LARGE, TOO_SLOW, UNREADABLE, Problem, meant
from api.service import Service
from console import session
from console.render import render
from database.connect import ReadConnection
from database.key import Caller
from domain.network import Network
from domain.role import Role, needed_for
from domain.text import Strict

FORM_BYTES_MAX = 65_536
FORM_WITHIN = timedelta(seconds=20)
FIELDS_MAX = 1_000

REFUSALS: tuple[type[Exception], ...] = (Problem, *MEANINGS)
"""What an act raises when it is refused."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a form or a query: each may be there more than once."""

    pairs: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """The last value of a field, without blanks at its ends; empty when there is none."""
        return next((value.strip() for key, value in reversed(self.pairs) if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every value of a field that is not empty, each once."""
        return list(dict.fromkeys(value for key, value in self.pairs if key == name and value))

    def beginning(self, prefix: str) -> dict[str, str]:
        """The fields that begin with a prefix, by the rest of their name; empty ones are left out."""
        return {
            key.removeprefix(prefix): value.strip() for key, value in self.pairs if key.startswith(prefix) and value
        }


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of an operator who is signed in."""

    request: Request
    session: session.Session
    form: Fields = field(default_factory=Fields)
    """What a form has sent; nothing for a page that is only shown."""

    @property
    def service(self) -> Service:
        """What the routes of the HTTP interface work with."""
        service: Service = self.request.app.state.service
        return service

    @property
    def holder(self) -> Caller:
        """The operator's key."""
        return self.session.holder

    @property
    def query(self) -> Fields:
        """What the address asks for."""
        return Fields(tuple(self.request.query_params.multi_items()))

    async def network(self, connection: ReadConnection) -> Network:
        """The active version of the network."""
        _, network = await self.service.networks.active(connection)
        return network

    def shown(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page."""
        known: dict[str, Any] = {"holder": self.holder, "path": self.request.url.path}
        known |= {"form_token": self.session.form_token}
        known |= {"may_act": self.holder.role.includes(Role.ACT), "may_do_all": self.holder.role.includes(Role.ADMIN)}
        return HTMLResponse(render(template, known | values), status)


Page = Callable[[Visit], Awaitable[Response]]
"""Answers an operator."""


def page(
    path: str,
    show: Page,
    methods: tuple[str, ...] = ("GET",),
    role: Role | None = None,
    kinds: tuple[str, ...] = ("operator",),
) -> Route:
    """The route of a page below `/console` that needs a session. What a form sends is read and checked first.

    `role` is the one that the operator needs; None = as the method says. `kinds` are the kinds of keys that it is open to.
    """

    async def answer(request: Request) -> Response:
        found = await _session_of(request)
        if found is None:
            return _to_sign_in(request)
        form = Fields()
        if request.method == "POST":
            form = await read_form(request)
            if not hmac.compare_digest(form.get("form_token").encode(), found.form_token.encode()):
                raise Problem(NOT_ALLOWED, "this form is of another session; load the page again. Nothing was done")
        if found.holder.kind not in kinds:
            raise Problem(NOT_ALLOWED, NOT_FOR[found.holder.kind])
        check_role(found.holder, role or needed_for(request.method))
        return await show(Visit(request, found, form))

    return Route(f"/console{path}", answer, methods=list(methods))


NOT_FOR: Mapping[str, str] = MappingProxyType(
    {
        "node": "this page is for operators; you are signed in with the key of a node, whose page is /console/store",
        "operator": "this page is for a node; sign out, and sign in with the node's key",
    }
)
"""Why a page is not open to a key of this kind."""


async def _session_of(request: Request) -> session.Session | None:
    cookie = request.cookies.get(session.COOKIE)
    if not cookie:
        return None
    service: Service = request.app.state.service
    found = await session.read(service.database, cookie)
    if found is not None:
        request_log.show_key(found.holder.actor)
        if found.holder.kind == "node":
            service.transactions.heard.note(found.holder.name)
    return found


def _to_sign_in(request: Request) -> Response:
    """Where somebody without a session goes.

    A browser does not send our cookie when a link on another site is followed. Asked again by a page of ours, it does.
    """
    if request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site":
        return HTMLResponse(render("again.html", {}))
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = f"?next={quote(path, safe='')}" if request.method == "GET" else ""
    return RedirectResponse(f"/console/login{wanted}", 303)


async def read_form(request: Request) -> Fields:
    """The fields of a form of ours. Raises the problem of one that comes from another site, or cannot be read."""
    _check_site(request)
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Problem(UNREADABLE, "a form of a page is expected")
    try:
        text = (await _body(request)).decode()
        pairs = tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict"))
    except ValueError:
        raise Problem(UNREADABLE, "the form cannot be read") from None
    if any("\0" in part for pair in pairs for part in pair):
        raise Problem(UNREADABLE, "a form cannot contain a NUL character")  # PostgreSQL cannot read it
    return Fields(pairs)


def _check_site(request: Request) -> None:
    """Browsers say where a form stands; one that does not is held by the token of the form alone."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    is_ours = (
        site == "same-origin" if site else origin is None or urlsplit(origin).netloc == request.headers.get("host")
    )
    if not is_ours:
        raise Problem(NOT_ALLOWED, "this form is of another site. Nothing was done")


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(FORM_WITHIN.total_seconds()):
            async for chunk in request.stream():
                body += chunk
                if len(body) > FORM_BYTES_MAX:
                    raise Problem(TOO_LARGE, f"a form can have at most {FORM_BYTES_MAX:,} bytes")
    except TimeoutError:
        raise Problem(TOO_SLOW, f"the form did not arrive within {FORM_WITHIN.seconds} seconds") from None
    return bytes(body)


def problem_of(raised: Exception) -> Problem:
    """The problem of an exception of `REFUSALS`."""
    return raised if isinstance(raised, Problem) else meant(raised)


def number_seen(form: Fields, name: str) -> int:
    """The number of a version or a shadow that a page has shown; 0, which none has, for what is none."""
    written = form.get(name)
    return int(written) if written.isascii() and written.isdecimal() and len(written) <= 9 else 0


def whole_number(text: str, name: str) -> int:
    """A number of units that somebody typed. Raises the problem that names the field."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise Problem(INVALID, "must be a whole number from 0 to 999999999", field=name)
    return int(text)


def message_id(form: Fields, kind: str) -> str:
    """The id of a message that a form sends: sent twice, the form is no second message."""
    number = sha256(f"{form.get('once')} {kind}".encode()).hexdigest()[:32]
    return f"console-{number}"


def filled(model: type[Strict], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a body that somebody filled in: what is empty is absent."""
    return {name: value for name, value in values.items() if value not in ("", None) and name in model.model_fields}
