"""The simulated Shopify as an HTTP service: the token, GraphQL, and routes by which a person or a test is the shop.

What begins with `/shop` is not Shopify's: it is the shop's side, for those who try an adapter.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx2
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from demo.peers.shopify import order_json
from demo.peers.shopify.graph import Graph
from demo.peers.shopify.shop import Bought, Impossible, Shop
from demo.peers.shopify.state import Order, Work
from demo.peers.shopify.webhooks import Trouble

VERSIONS = ("2025-10", "2026-01", "2026-04", "2026-07", "2026-10")
TOKEN_SECONDS = 86_399
"""A token of the client-credentials grant lasts 24 hours."""
DELIVER_EVERY_SECONDS = 0.2
ANSWER_WITHIN_SECONDS = 5.0
"""How long Shopify waits for the answer to a webhook."""

SCOPES = (
    "read_products", "read_locations", "write_orders", "read_all_orders", "write_inventory", "write_fulfillments",
    "write_assigned_fulfillment_orders", "write_merchant_managed_fulfillment_orders",
    "write_third_party_fulfillment_orders", "read_customers", "read_returns",
)  # fmt: skip
"""What an app has where the shop's owner has ticked everything."""


@dataclass(slots=True)
class App:
    """The app that the shop's owner has made for an adapter."""

    client_id: str = "client"
    client_secret: str = "secret of the app"
    scopes: tuple[str, ...] = SCOPES
    tokens: dict[str, datetime] = field(default_factory=dict)
    """Until when each is good."""


@dataclass(slots=True)
class Peer:
    """A shop, its interface, and the app that may use it."""

    shop: Shop
    app: App = field(default_factory=App)
    graph: Graph = field(init=False)
    hangs: list[float] = field(default_factory=list)
    """For so many of the next mutations: how many seconds later than it happened each is answered."""

    def __post_init__(self) -> None:
        self.graph = Graph(self.shop)

    def token(self, given: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """A new token for the right secret."""
        right = (given.get("client_id"), given.get("client_secret")) == (self.app.client_id, self.app.client_secret)
        if given.get("grant_type") != "client_credentials" or not right:
            return 400, {
                "error": "invalid_client",
                "error_description": "The client is not known, or its secret is wrong.",
            }
        token = f"shpat_{secrets.token_hex(16)}"
        self.app.tokens[token] = self.shop.clock() + timedelta(seconds=TOKEN_SECONDS)
        return 200, {"access_token": token, "scope": ",".join(self.app.scopes), "expires_in": TOKEN_SECONDS}

    def is_good(self, token: str) -> bool:
        """Whether a token is known and not too old."""
        return self.app.tokens.get(token, self.shop.clock()) > self.shop.clock()

    async def graphql(self, version: str, token: str, given: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """The answer to a document."""
        if not self.is_good(token):
            return 401, {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}
        if version not in VERSIONS:
            return 404, {"errors": "Not Found"}
        text = given.get("query", "")
        answer = self.graph.execute(version, self.app.scopes, text, given.get("variables"))
        if self.hangs and text.lstrip().startswith("mutation"):
            await asyncio.sleep(self.hangs.pop(0))
        return 200, answer


def application(peer: Peer, *, delivers: bool = True) -> FastAPI:
    """The service. `delivers`: whether webhooks leave by themselves; a test may rather send them itself."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sending = asyncio.create_task(_deliver_always(peer)) if delivers else None
        yield
        if sending:
            sending.cancel()

    app = FastAPI(title="A simulated Shopify", lifespan=lifespan)
    _shopify(app, peer)
    _shop_side(app, peer)
    return app


async def deliver(peer: Peer, client: httpx2.AsyncClient) -> None:
    """Send the webhooks that are due."""

    async def post(uri: str, headers: Mapping[str, str], body: bytes) -> int:
        try:
            answer = await client.post(uri, headers=dict(headers), content=body, timeout=ANSWER_WITHIN_SECONDS)
        except httpx2.HTTPError:
            return 0
        return answer.status_code

    await peer.shop.webhooks.deliver(post)


async def _deliver_always(peer: Peer) -> None:
    async with httpx2.AsyncClient() as client:
        while True:
            await deliver(peer, client)
            await asyncio.sleep(DELIVER_EVERY_SECONDS)


def _shopify(app: FastAPI, peer: Peer) -> None:
    """Shopify's own two routes."""

    @app.post("/admin/oauth/access_token")
    async def token(request: Request) -> JSONResponse:
        status, answer = peer.token(await _sent(request))
        return JSONResponse(answer, status)

    @app.post("/admin/api/{version}/graphql.json")
    async def graphql(version: str, request: Request) -> JSONResponse:
        header = request.headers.get("x-shopify-access-token", "")
        status, answer = await peer.graphql(version, header, await request.json())
        return JSONResponse(answer, status)


def _shop_side(app: FastAPI, peer: Peer) -> None:
    """The routes by which somebody is the shop: `POST /shop/orders`, and then what is done to an order."""
    shop = peer.shop

    @app.exception_handler(Impossible)
    async def refused(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 409)

    @app.get("/shop/orders")
    async def orders() -> JSONResponse:
        return JSONResponse({"items": [order_json.order(order) for order in shop.orders.values()]})

    @app.get("/shop/orders/{order}")
    async def order(order: int) -> JSONResponse:
        return JSONResponse(order_json.order(_order(shop, order)))

    @app.post("/shop/orders")
    async def place(request: Request) -> JSONResponse:
        given = await request.json()
        lines = [Bought(**line) for line in given.pop("lines")]
        return JSONResponse(order_json.order(shop.place(*lines, **given)), 201)

    @app.post("/shop/orders/{order}/{what}")
    async def act(order: int, what: str, request: Request) -> JSONResponse:
        given = await request.json() if await request.body() else {}
        _act(shop, _order(shop, order), what, given)
        return JSONResponse(order_json.order(_order(shop, order)))

    @app.post("/shop/sell")
    async def sell(request: Request) -> JSONResponse:
        given = await request.json()
        shop.sell(given["sku"], given.get("units", 1), given.get("location"))
        return JSONResponse({})

    @app.post("/shop/trouble")
    async def trouble(request: Request) -> JSONResponse:
        shop.webhooks.provoke(Trouble(**await request.json()))
        return JSONResponse(asdict(shop.webhooks.trouble))


def _act(shop: Shop, order: Order, what: str, given: Mapping[str, Any]) -> None:
    """What the merchant or the customer does to an order."""
    match what:
        case "pay":
            shop.pay(order)
        case "quantity":
            shop.set_quantity(order, given["line"], given["quantity"])
        case "lines":
            shop.add_line(order, Bought(**given))
        case "address":
            shop.change_address(order, **given)
        case "cancel":
            shop.cancel(order, given.get("reason", "CUSTOMER"), restock=given.get("restock", True))
        case "refund":
            units = {int(line): quantity for line, quantity in given["units"].items()}
            shop.refund(order, units, given.get("restock", "RETURN"), given.get("note"))
        case "request-cancellation":
            for work in _accepted(order):
                shop.request_cancellation(work, given.get("message"))
        case _:
            raise Impossible(f"{what} is none of pay, quantity, lines, address, cancel, refund, request-cancellation")


def _accepted(order: Order) -> Sequence[Work]:
    return [work for work in order.live() if work.request in ("ACCEPTED", "CANCELLATION_REJECTED")]


def _order(shop: Shop, order: int) -> Order:
    if order not in shop.orders:
        raise Impossible(f"the shop has no order {order}")
    return shop.orders[order]


async def _sent(request: Request) -> Mapping[str, Any]:
    """A body as JSON or as a form: Shopify takes both."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(httpx2.QueryParams((await request.body()).decode()))
    given: Mapping[str, Any] = await request.json()
    return given
