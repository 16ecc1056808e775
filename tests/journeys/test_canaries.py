"""After an order is forgotten, no text that an outsider chose is left of it, in any table of PostgreSQL or in Temporal.

The fields are those of the OpenAPI document: every text field of every body gets a text that occurs nowhere else, also a field
that is added later. `NAMES` has those that must name something that exists; `KEPT` has what stays on purpose.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from httpx2 import AsyncBaseTransport, AsyncClient, Request, Response

from database.connection import keep_credentials
from tests.house import Document, House, keep_label, keep_manifest, now
from tests.journeys.test_personal_data import POSTAL_CODE, Planted, dump, everything_about

NAMES = frozenset(
    {
        *(
            "channel",
            "country",
            "currency",
            "exchange_for",
            "exception",
            "expected",
            "fulfillment_order",
            "NewKey.name",
            "LabelRequest.carrier",
            "ManifestRequest.carrier",
        ),
        *(
            "node",
            "number",
            "order",
            "pickup_node",
            "from_node",
            "reservation",
            "service",
            "sku",
            "to_node",
            "transfer",
            "TransferRequest.from",
            "TransferRequest.to",
            "skus",
            "expires_in",
        ),
    }
)
"""Fields that name what exists, or choose from a list: they are sent as they must be."""

ONLY_WHERE_GIVEN = frozenset(
    {
        "ReturnMessage.refund",
        "NodeMessage.package",
        "SearchRequest.email",
        "SearchRequest.phone",
        "SearchRequest.name",
        "StockMessage.supplier",
    }
)
"""Fields that only some messages may have: a life names them itself."""

KEPT = {
    "line": "units of the order are counted by its lines",
    "message_id": "a message that comes again is known by it",
    "hold": "a hold is taken off by its name",
    "owner": "the queue of exceptions is split by it",
    "supplier": "how late a supplier is as a rule is learned by its name",
}
"""Fields whose texts stay after an order is forgotten, each with the reason; the page says the same."""

PAGE = Path(__file__).parents[2] / "docs/operating/forgetting.md"


@dataclass
class Interface:
    """The OpenAPI document, and which of its text fields and routes were used."""

    document: Document
    planted: set[str] = field(default_factory=set)
    routes: set[str] = field(default_factory=set)

    def schema(self, reference: str) -> Document:
        """A schema by its reference."""
        found: Document = self.document["components"]["schemas"][reference.rpartition("/")[2]]
        return found

    def bodies(self) -> dict[str, str]:
        """By route with a body, the reference of its schema."""
        return {
            f"{method.upper()} {path}": spec["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            for path, methods in self.document["paths"].items()
            for method, spec in methods.items()
            if "requestBody" in spec
        }

    def route(self, request: Request) -> str | None:
        """The route with a body that a request is for; of two that match, the one with fewer parameters."""
        wanted = [name for name in self.bodies() if self._matches(name, request)]
        return min(wanted, key=lambda name: name.count("{"), default=None)

    def _matches(self, name: str, request: Request) -> bool:
        method, _, path = name.partition(" ")
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", path)
        return method == request.method and re.fullmatch(pattern, request.url.path) is not None

    def has_key(self, name: str) -> bool:
        """Whether a route takes an Idempotency-Key."""
        method, _, path = name.partition(" ")
        parameters = self.document["paths"][path][method.lower()].get("parameters", [])
        return any(parameter["name"] == "Idempotency-Key" for parameter in parameters)

    def texts(self, reference: str, seen: tuple[str, ...] = ()) -> Iterator[str]:
        """Every text field that can be reached from a schema, as `Schema.field`."""
        if reference in seen:
            return
        name = reference.rpartition("/")[2]
        for known, about in self.schema(reference).get("properties", {}).items():
            if is_text(about):
                yield f"{name}.{known}"
            for inner in references(about):
                yield from self.texts(inner, (*seen, reference))


def is_text(about: Document) -> bool:
    """Whether a field holds a text that its sender chooses, or an object of their own."""
    if any(is_text(part) for part in about.get("anyOf", ())) or (
        about.get("type") == "array" and is_text(about["items"])
    ):
        return True
    is_free = not {"enum", "const", "format"} & about.keys()
    return about.get("type") in ("string", "object") and is_free


def references(about: Document) -> list[str]:
    """The schemas that a field's schema refers to."""
    found = [about["$ref"]] if "$ref" in about else []
    inner = [*about.get("anyOf", ()), *([about["items"]] if "items" in about else [])]
    return found + [reference for part in inner for reference in references(part)]


def is_named(name: str) -> bool:
    """Whether a field, as `Schema.field`, has to name something."""
    return name in NAMES or name.partition(".")[2] in NAMES


@dataclass
class Planting(AsyncBaseTransport):
    """Sends requests on, with a planted text in every text field that is empty, and a planted Idempotency-Key."""

    inner: AsyncBaseTransport
    interface: Interface
    plant: Planted

    async def handle_async_request(self, request: Request) -> Response:
        """Fill the body of a request, and send it."""
        name = self.interface.route(request)
        if name is None:
            return await self.inner.handle_async_request(request)
        self.interface.routes.add(name)
        body = self._filled(self.interface.bodies()[name], json.loads(request.content))
        headers = {key: value for key, value in request.headers.items() if key.lower() != "content-length"}
        if self.interface.has_key(name):
            headers["Idempotency-Key"] = self.plant("Idempotency-Key")
        changed = Request(request.method, request.url, headers=headers, json=body, extensions=request.extensions)
        return await self.inner.handle_async_request(changed)

    def _filled(self, reference: str, body: Document) -> Document:
        filled = dict(body)
        for known, about in self.interface.schema(reference).get("properties", {}).items():
            name = f"{reference.rpartition('/')[2]}.{known}"
            for inner in references(about):
                filled |= self._inside(inner, known, filled)
            if not is_text(about) or is_named(name):
                continue
            if known not in filled and name not in ONLY_WHERE_GIVEN:
                filled[known] = self._planted(known, about)
            if self.plant.found_in(json.dumps(filled.get(known))):
                self.interface.planted.add(name)
        return filled

    def _planted(self, known: str, about: Document) -> Any:
        """A text for a field, as its schema wants it: alone, in a list, or in an object under a name of the sender's own."""
        kinds = {part.get("type") for part in (about, *about.get("anyOf", ()))}
        if "object" in kinds:
            return {self.plant(known): self.plant(known)}
        return [self.plant(known)] if "array" in kinds else self.plant(known)

    def _inside(self, reference: str, known: str, body: Document) -> Document:
        match body.get(known):
            case dict() as one:
                return {known: self._filled(reference, one)}
            case [*many] if all(isinstance(one, dict) for one in many):
                return {known: [self._filled(reference, one) for one in many]}
        return {}


@dataclass
class Life:
    """An outsider who does everything once."""

    house: House
    plant: Planted
    answers: list[Response] = field(default_factory=list)

    async def send(self, path: str, body: Document, method: str = "POST") -> Document:
        """Send something; whether it is granted or refused, it is stored."""
        answer = await self.house.http.request(method, path, json=body)
        assert answer.status_code not in (400, 401, 403, 404, 422, 500, 503), (path, answer.text)
        found: Document = answer.json()
        return found

    def fact(self, kind: str, **more: Any) -> Document:
        """A message; its id is planted."""
        return {"kind": kind, "occurred_at": now()} | more

    async def place(self, units: int, **more: Any) -> tuple[str, str]:
        """Place an order with a hold; answers its id and its line's."""
        line = self.plant("line")
        lines = [{"line": line, "sku": "SERUM-30", "quantity": units, "unit_price": 1000}]
        ship_to = {"country": "US", "postal_code": POSTAL_CODE}
        body = {"lines": lines, "ship_to": ship_to, "bill_to": {}, "promised": {}} | more
        body["holds"] = [{"hold": (hold := self.plant("hold"))}]
        name = (await self.send("/orders", self.house.body(("SERUM-30", units)) | body))["order"]
        await self.send(f"/orders/{name}/address", {"ship_to": ship_to})
        await self.send(f"/orders/{name}/release", {"hold": hold})
        return name, line

    async def ship(self, name: str, line: str, units: int) -> str:
        """A node ships an order in a parcel, and tells of lines that it does not have."""
        work = str((await self.house.work(name))["fulfillment_order"])
        messages = f"/fulfillment-orders/{work}/messages"
        wrong, right = {"line": self.plant("unknown line"), "quantity": 1}, {"line": line, "quantity": units}
        await self.send(messages, self.fact("accepted"))
        sides = {"length_mm": 300, "width_mm": 200, "height_mm": 100}
        await self.send(f"/fulfillment-orders/{work}/labels", {"sides": sides})
        await self.send(messages, self.fact("picked", lines=[right, wrong]))
        await self.send(messages, self.fact("shipped", packages=[{"lines": [right, wrong]}]))
        await self.send(messages, self.fact("void", package=self.plant("unknown package")))
        await self.send(messages, self.fact("delivered"))
        await self.house.until(name, "delivered")
        return work


async def everything_about_orders(life: Life) -> list[str]:
    """Order, change, ship, return, exchange and claim; the ids of the workflows that ran."""
    house, send, fact = life.house, life.send, life.fact
    name, line = await life.place(5)
    order = f"/orders/{name}"
    await send(f"{order}/quantities", {"lines": [{"line": line, "quantity": 5}]})
    await send(f"{order}/service", {"service": "standard"})
    await send(f"{order}/lines", {"swap": [{"line": line, "sku": "SERUM-30", "quantity": 1}]})
    await life.ship(name, line, 5)
    await send(f"{order}/hold", {"hold": life.plant("hold")})
    await send(f"{order}/cancel", {"lines": [{"line": line, "quantity": 1}]})
    await send(f"{order}/pickup", {"pickup_node": None})
    await send(f"{order}/reroute", {"fulfillment_order": f"{name}-f1"})
    (misfit, *_) = (await house.until(name, lambda found: bool(found["exceptions"])))["exceptions"]
    await send(f"/exceptions/{misfit['exception']}/assign", {"owner": life.plant("owner")[:32]})
    await send(f"/exceptions/{misfit['exception']}/resolve", {})
    await send(f"{order}/resolve", {"exception": misfit["exception"]})

    one: Document = {"line": line, "quantity": 1}
    street = {"country": "US", "postal_code": POSTAL_CODE}
    exchange = {"lines": [one], "resolution": "exchange", "ship_to": street}
    made = [
        (await send(f"{order}/returns", exchange))["return"],
        (await send(f"{order}/returns", {"lines": [one]}))["return"],
    ]
    async with house.service.database.write() as connection:
        await keep_label(connection, name, f"{name}-f1")
        manifest = await keep_manifest(connection, "slc", f"{name}-f1")
    await send("/nodes/slc/manifests", {"carrier": "van"})
    await send(f"/manifests/{manifest}/settle", {"outcome": "made"})
    await send(f"/labels/{name}-f1-l1/void", {})
    for back in made:
        messages = f"/returns/{back}/messages"
        await send(f"/returns/{back}/labels", {})
        await send(messages, fact("in_transit"))
        unknown = {"line": life.plant("unknown line"), "quantity": 1, "condition": "used"}
        await send(messages, fact("graded", node="slc", lines=[one | {"condition": "used"}, unknown]))
        await send(messages, fact("settled", refund=life.plant("refund")))
        for decision in ("approve", "decline", "cancel"):
            await send(f"/returns/{back}/{decision}", {})
        moved = one | {"from": "restock", "to": "scrap"}
        await send(f"/returns/{back}/dispositions", {"lines": [moved]})
    await send(f"{order}/payments", fact("captured", amount=1))
    claim = await send(f"{order}/claims", {"lines": [one], "kind": "lost"})
    await send(f"/claims/{claim['claim']}/messages", fact("settled", amount=1))
    second = await send(
        f"{order}/claims", {"lines": [one], "kind": "lost", "resolution": "replacement", "ship_to": street}
    )
    parcel = {"occurred_at": now(), "node": "slc", "order": name, "lines": [{"sku": "SERUM-30", "quantity": 1}]}
    await send("/returns/blind", parcel)
    await house.until(name, lambda found: len(found["returns"]) == 3)
    replacements = [str(second["replacement"]), f"{made[0]}-x1"]
    for replacement in replacements:
        await house.work(replacement)
    orders, returns = [name, *replacements], [*made, f"{name}-r3"]
    return [f"order-{one}" for one in orders] + [f"return-{one}" for one in returns]


async def everything_else(life: Life) -> None:
    """What belongs to no order: it is stored sealed, and stays."""
    send = life.send
    ship_to = {"country": "US", "postal_code": POSTAL_CODE}
    cart: Document = {"channel": "web", "ship_to": ship_to, "bill_to": {}, "promised": {}}
    cart |= {
        "currency": "USD",
        "lines": [{"sku": "SERUM-30", "quantity": 1, "line": life.plant("line")}],
    }
    cart |= {"holds": [{"hold": life.plant("hold")}]}
    await send("/promises", cart)
    await send("/reservations", cart | {"expires_in": "1m"})
    for trait in ("email", "phone", "name"):
        await send("/orders/search", {trait: f"303 {life.plant(trait)}"})
    goods = {"node": "slc", "lines": [{"sku": "SERUM-30", "quantity": 30}]}
    await send("/stock/messages", life.fact("received") | goods)
    coming = {"expected_at": "2027-03-01T12:00:00Z", "supplier": life.plant("supplier")}
    await send("/stock/messages", life.fact("expected") | goods | coming)
    moved = {"transfer": "moved", "from": "slc", "to": "nwk", "lines": [{"sku": "SERUM-30", "quantity": 1}]}
    life.house.orders.append((await send("/transfers", moved))["order"])
    await send("/transfers/moved/cancel", {})
    await send("/needs/take", {})
    for path in ("/nodes/chi/pause", "/nodes/chi/resume"):
        await send(path, {})
    for path in ("/stock/TONER-200/stop", "/stock/TONER-200/resume"):
        await send(path, {"node": "chi"})
    secret = base64.b64encode(life.plant("secret").encode() * 2).decode()
    life.plant.texts[secret] = "secret"
    webhook = {"url": f"http://127.0.0.1:9/{life.plant('url')}", "secret": f"whsec_{secret}"}
    await send("/channels/outlet/webhook", webhook, "PUT")
    await send("/channels/outlet/webhook/retry", {})
    async with life.house.service.database.write() as connection:
        await keep_credentials(connection, "outlet", {"client_secret": life.plant("client_secret")})
    await send("/connections/outlet/retry", {})
    await send("/keys", {"kind": "node", "name": "chi"})


async def test_nothing_that_an_outsider_chose_is_left_of_an_order_that_was_forgotten(house: House) -> None:
    plant = Planted()
    interface = Interface((await house.http.get("/openapi.json")).json())
    transport = Planting(house.http._transport, interface, plant)
    headers = {"Authorization": house.http.headers["Authorization"]}
    async with AsyncClient(transport=transport, base_url="http://switchyard", headers=headers) as http:
        life = Life(replace(house, http=http), plant)
        await everything_else(life)
        workflows = await everything_about_orders(life)
        house.orders += life.house.orders
        orders = [name.removeprefix("order-") for name in workflows if name.startswith("order-")]
        for name in orders:
            await life.send(f"/orders/{name}/forget", {"even_if_open": True})
        # What comes afterwards is not kept either.
        await life.ship(orders[-1], (await house.order(orders[-1]))["lines"][0]["line"], 1)

    bodies = interface.bodies()
    assert bodies.keys() - interface.routes == set(), "routes that were not tried"
    fields = {name for reference in bodies.values() for name in interface.texts(reference) if not is_named(name)}
    assert fields - interface.planted == set(), "fields that had no planted text"

    left = {found.partition(":")[0] for found in plant.found_in(await dump(house))}
    assert left - KEPT.keys() == set()
    kept = {name: await everything_about(house.time.client.get_workflow_handle(name)) for name in workflows}
    for name, text in kept.items():
        assert {found.partition(":")[0] for found in plant.found_in(text)} - KEPT.keys() == set(), name
    assert all("SERUM-30" in text for text in kept.values()), "the search reads payloads"


def test_the_page_about_forgetting_says_what_is_kept_and_why() -> None:
    page = PAGE.read_text()

    assert [name for name, why in KEPT.items() if f"| `{name}` | {why} |" not in page] == []
