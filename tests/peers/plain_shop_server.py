"""The server of a plain shop, on a port of its own: it pages, throttles, refuses tokens, and dies after its work."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

PAGE = 2
CREDENTIALS = {"client_id": "app-4711", "client_secret": "shpss_0123456789"}


@dataclass
class PlainShopServer:
    """A shop. `manners` says how the next requests are answered; then it answers well."""

    port: int = 0
    orders: list[dict[str, Any]] = field(default_factory=list)
    """In the sequence of their last change."""
    notices: dict[str, str] = field(default_factory=dict)
    """What it was notified of, by path."""
    levels: dict[str, int] = field(default_factory=dict)
    variants: list[str] = field(default_factory=list)
    may_read: bool = True
    tokens: set[str] = field(default_factory=set)
    """Those that it accepts."""
    given: int = 0
    """Tokens that it gave."""
    accepts_tokens: bool = True
    token_seconds: int = 86_400
    asked: list[str] = field(default_factory=list)
    manners: deque[str] = field(default_factory=deque)
    """well, lost, done_unanswered, throttled, busy, down, moved, garbage, endless"""
    left: float | None = None
    """Points that its answers say are left."""

    @property
    def api(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def change(self, external: str, *lines: tuple[str, str, int], number: str | None = None, at: str = "") -> None:
        """Make an order, or change it."""
        self.orders = [order for order in self.orders if order["id"] != external]
        changed_at = at or f"2026-11-30T10:00:{len(self.orders) % 60:02}Z"
        found = {"id": external, "number": number or external, "changed_at": changed_at, "lines": list(lines)}
        self.orders.append(found | {"name": "Rosa Winter"})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ")
        self.asked.append(f"{method} {path}")
        manner = self.manners.popleft() if self.manners else "well"
        if manner != "lost":
            writer.write(self._answer(manner, method, path, headers, body))
            await writer.drain()
        writer.close()

    def _answer(self, manner: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        match manner:
            case "throttled":
                return _http(429, {}, {"retry-after": "7"})
            case "busy":
                return _http(503, {}, {"retry-after": "3600"})
            case "down":
                return _http(502, {})
            case "moved":
                return _http(301, {}, {"location": "http://127.0.0.1:1/secret"})
            case "garbage":
                return _http(200, "<html>")
            case "endless":
                return b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + b"x" * 20_000_000
            case "exceeded":
                return _http(200, {}, {"x-left": "0", "x-exceeded": "yes"})
        status, content = self._do(method, path, headers, body)
        more = {} if self.left is None else {"x-left": str(self.left)}
        return b"" if manner == "done_unanswered" else _http(status, content, more)

    def _do(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        if path == "/token":
            return self._give_token(json.loads(body))
        if headers.get("x-token") not in self.tokens:
            return 401, {"error": "unknown token"}
        match method, path.split("?")[0].split("/")[1:]:
            case "GET", ["shop"]:
                return 200, {"variants": self.variants, "may_read": self.may_read, "hub": "7"}
            case "GET", ["orders"]:
                return 200, self._page(int(path.partition("after=")[2]))
            case "GET", ["orders", external]:
                found = next((order for order in self.orders if order["id"] == external), None)
                return (404, {}) if found is None else (200, found)
            case "GET", ["orders", _, "notices", _]:
                return (200 if path in self.notices else 404), {}
            case "PUT", ["orders", _, "notices", _]:
                self.notices[path] = json.loads(body)["kind"]
                return 200, {}
            case "POST", ["levels"]:
                self.levels |= json.loads(body)
                return 200, self.levels
        return 404, {}

    def _give_token(self, shown: Mapping[str, str]) -> tuple[int, Any]:
        if shown != CREDENTIALS:
            return 401, {"error": f"unknown client {shown}"}
        self.given += 1
        self.tokens = {f"shpat_{self.given}"} if self.accepts_tokens else set()
        return 200, {"token": f"shpat_{self.given}", "seconds": self.token_seconds}

    def _page(self, after: int) -> dict[str, Any]:
        shown = self.orders[after : after + PAGE]
        return {"orders": shown, "after": after + len(shown), "is_last": after + PAGE >= len(self.orders)}


def _http(status: int, content: Any, more: Mapping[str, str] | None = None) -> bytes:
    body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    headers = {"content-length": str(len(body)), "connection": "close", **(more or {})}
    lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def open_shop() -> AsyncIterator[PlainShopServer]:
    """A plain shop that listens on loopback while the block lasts."""
    shop = PlainShopServer()
    server = await asyncio.start_server(shop.serve, "127.0.0.1", 0)
    shop.port = server.sockets[0].getsockname()[1]
    try:
        yield shop
    finally:
        server.close()
