"""A browser without a browser: it keeps cookies, follows links, fills in forms, and reads pages as text."""

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from httpx2 import ASGITransport, AsyncClient, Response
from starlette.types import ASGIApp

from api.app import application
from console.app import with_console
from tests.conftest import OPERATOR_KEY
from tests.house import House

UI = "http://127.0.0.1:8233"


def console_of(house: House) -> ASGIApp:
    """The HTTP interface of a house with its console."""
    return with_console(application(house.service, temporal_ui=UI))


@asynccontextmanager
async def browsing(
    house: House, *, address: str = "http://switchyard", client: str = "10.0.0.1", console: ASGIApp | None = None
) -> AsyncIterator[AsyncClient]:
    """Somebody with a browser and without a key, at an address; `console` = one that others use as well."""
    transport = ASGITransport(app=console or console_of(house), client=(client, 1))
    async with AsyncClient(transport=transport, base_url=address, follow_redirects=True) as http:
        yield http


@asynccontextmanager
async def signed_in(house: House) -> AsyncIterator[AsyncClient]:
    """An operator with a browser."""
    async with browsing(house) as http:
        answer = await sign_in(http)
        assert (answer.status_code, answer.url.path) == (200, "/console/exceptions"), answer.text
        yield http


async def sign_in(http: AsyncClient, key: str = OPERATOR_KEY, **more: str) -> Response:
    """Send the form that asks for a key."""
    return await http.post("/console/login", data={"key": key} | more)


def hidden(page: Response, action: str) -> dict[str, list[str]]:
    """The fields that a form of a page sends as they are."""
    (form,) = re.findall(rf'<form method="post" action="{re.escape(action)}".*?</form>', page.text, re.DOTALL)
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form):
        found.setdefault(name, []).append(html.unescape(value))
    return found


async def send(http: AsyncClient, page: Response, **filled: str) -> Response:
    """Fill in the form that does the act of a page, and send it."""
    data: dict[str, Any] = hidden(page, page.url.path) | filled
    return await http.post(page.url.path, data=data)


def read(page: Response) -> str:
    """What a page says, on one line."""
    main = page.text.partition("<main")[2].partition(">")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())
