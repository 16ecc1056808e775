"""The OpenAPI document is what integrators generate their clients from, so it must be whole, and true."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from httpx2 import Response
from pydantic import BaseModel

from api import problems
from api.key import NewKey
from api.webhook import NewWebhook, RetryRequest
from domain.cart import PromiseRequest, ReservationRequest
from domain.claim import ClaimMessage, ClaimRequest
from domain.fulfillment import NodeMessage
from domain.order import NewOrder
from domain.parcel import Parcel
from domain.pause import PauseRequest, ResumeRequest
from domain.request import (
    AddressRequest,
    AssignRequest,
    CancelRequest,
    ForgetRequest,
    HoldRequest,
    PickupRequest,
    QuantityRequest,
    RerouteRequest,
    ResolveRequest,
    ReturnRequest,
    Seen,
)
from domain.returns import DispositionRequest, ReturnDecision, ReturnMessage
from domain.stock import StockMessage
from domain.stop_sale import StopRequest
from tests.house import Document, House

PUBLIC = {"/healthz", "/readyz"}
WHEN = "2026-11-21T15:04:05Z"
LINES = [{"line": "1", "quantity": 2}]
SHIP_TO = {
    "name": "Ada Lovelace",
    "street": ["Larimer Street 1"],
    "city": "Denver",
    "region": "CO",
    "postal_code": "80202",
    "country": "US",
    "email": "ada@example.org",
    "phone": "+1 303 555 0100",
}
CART: Document = {
    "channel": "web",
    "placed_at": WHEN,
    "currency": "USD",
    "service": "standard",
    "ship_to": SHIP_TO,
    "pickup_node": None,
    "priority": 5,
    "customer_tier": "gold",
    "ship_complete": None,
    "not_before": None,
    "not_after": None,
    "holds": [{"hold": "fraud", "reason": "odd address"}],
    "shipping_price": 500,
    "paid": 10300,
    "lines": [{"line": "1", "sku": "SET-01", "quantity": 2, "unit_price": 4900, "discount": 0}],
}
PARCEL = {"package": "1", "carrier": "ups", "tracking": "1Z999", "lines": LINES}

EXAMPLES: dict[str, tuple[type[BaseModel], Document]] = {
    "POST /orders": (NewOrder, CART | {"number": "1001", "reservation": "cart-1"}),
    "POST /promises": (PromiseRequest, CART),
    "POST /reservations": (ReservationRequest, CART | {"expires_in": "15m"}),
    "POST /orders/{name}/cancel": (CancelRequest, {"lines": LINES, "reason": "late", "actor": "Ada"}),
    "POST /orders/{name}/hold": (HoldRequest, {"hold": "fraud", "reason": "odd", "actor": "Ada"}),
    "POST /orders/{name}/release": (HoldRequest, {"hold": "fraud", "reason": "fine", "actor": "Ada"}),
    "POST /nodes/{name}/pause": (PauseRequest, {"open_work": "reroute", "reason": "snow", "actor": "Ada"}),
    "POST /nodes/{name}/resume": (ResumeRequest, {"reason": "thaw", "actor": "Ada"}),
    "POST /orders/{name}/address": (AddressRequest, {"ship_to": SHIP_TO, "reason": "moved", "actor": "Ada"}),
    "POST /orders/{name}/quantities": (QuantityRequest, {"lines": LINES, "reason": "more", "actor": "Ada"}),
    "POST /orders/{name}/pickup": (PickupRequest, {"pickup_node": "chi", "reason": "nearer", "actor": "Ada"}),
    "POST /orders/{name}/reroute": (
        RerouteRequest,
        {"fulfillment_order": "web-1001-f1", "to_node": "nwk", "reason": "snow", "actor": "Ada"},
    ),
    "POST /orders/{name}/resolve": (
        ResolveRequest,
        {"exception": "web-1001-x7", "reason": "called them", "actor": "Ada"},
    ),
    "POST /exceptions/{name}/resolve": (Seen, {"reason": "counted again", "actor": "Ada"}),
    "POST /exceptions/{name}/assign": (AssignRequest, {"owner": "night-shift", "reason": "late", "actor": "Ada"}),
    "POST /orders/{name}/returns": (
        ReturnRequest,
        {
            "lines": [{"line": "1", "quantity": 1, "exchange_for": "SERUM-30", "reason": "wrong scent"}],
            "resolution": "refund",
            "node": "slc",
            "reason": "wrong",
            "actor": "Ada",
        },
    ),
    "POST /orders/{name}/forget": (ForgetRequest, {"even_if_open": True, "reason": "they asked", "actor": "Ada"}),
    "POST /fulfillment-orders/{name}/messages": (
        NodeMessage,
        {
            "message_id": "slc-000123",
            "kind": "shipped",
            "occurred_at": WHEN,
            "lines": LINES,
            "packages": [PARCEL],
            "reason": None,
            "final": True,
        },
    ),
    "POST /stock/messages": (
        StockMessage,
        {
            "message_id": "slc-000124",
            "node": "slc",
            "kind": "moved",
            "occurred_at": WHEN,
            "lines": [{"sku": "SERUM-30", "quantity": 1}],
            "from_state": "sellable",
            "to_state": "damaged",
            "expected_at": None,
            "expected": None,
            "reason": None,
        },
    ),
    "POST /stock/{sku}/stop": (StopRequest, {"node": "slc", "reason": "recalled", "actor": "Ada"}),
    "POST /stock/{sku}/resume": (StopRequest, {"node": None, "reason": "all is well", "actor": "Ada"}),
    "POST /returns/{name}/messages": (
        ReturnMessage,
        {
            "message_id": "slc-000125",
            "kind": "graded",
            "occurred_at": WHEN,
            "node": "slc",
            "lines": [{"line": "1", "quantity": 1, "condition": "as_new", "disposition": "restock"}],
            "refund": None,
            "amount": None,
            "reason": None,
        },
    ),
    "POST /orders/{name}/claims": (
        ClaimRequest,
        {
            "lines": LINES,
            "kind": "damaged",
            "resolution": "replacement",
            "evidence": {"photo": "https://shop.example/1.jpg"},
            "reason": "broken",
            "actor": "Ada",
        },
    ),
    "POST /claims/{name}/messages": (
        ClaimMessage,
        {"message_id": "web-7", "kind": "settled", "occurred_at": WHEN, "amount": 4900, "reason": "paid back"},
    ),
    "POST /returns/blind": (
        Parcel,
        {
            "message_id": "slc-000126",
            "occurred_at": WHEN,
            "node": "slc",
            "order": "web-1001",
            "lines": [{"sku": "SERUM-30", "quantity": 1}],
            "reason": "no label",
        },
    ),
    "POST /returns/{name}/approve": (ReturnDecision, {"reason": "a good customer", "actor": "Ada"}),
    "POST /returns/{name}/decline": (ReturnDecision, {"reason": "worn for years", "actor": "Ada"}),
    "POST /returns/{name}/cancel": (ReturnDecision, {"reason": "kept it", "actor": "Ada"}),
    "POST /returns/{name}/dispositions": (
        DispositionRequest,
        {
            "lines": [{"line": "1", "quantity": 1, "from": "quarantine", "to": "restock", "node": "slc"}],
            "reason": "cleaned",
            "actor": "Ada",
        },
    ),
    "PUT /channels/{channel}/webhook": (
        NewWebhook,
        {"url": "https://shop.example/switchyard", "secret": "whsec_" + "A" * 32},
    ),
    "POST /channels/{channel}/webhook/retry": (RetryRequest, {"reason": "we are back", "actor": "Ada"}),
    "POST /keys": (NewKey, {"kind": "node", "name": "slc"}),
}
"""A body for every route that takes one, with every field that there is."""


@pytest.fixture
async def document(house: House) -> Document:
    """The document as an integrator gets it, without a key."""
    answer = await house.http.get("/openapi.json", headers={"Authorization": ""})
    assert answer.status_code == 200
    found: Document = answer.json()
    return found


def operations(document: Document) -> dict[str, Document]:
    """Every route with what is said about it."""
    return {
        f"{method.upper()} {path}": spec
        for path, methods in document["paths"].items()
        for method, spec in methods.items()
    }


def references(part: Any) -> Iterator[str]:
    """Every reference in a document at any depth."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def resolve(document: Document, schema: Document) -> Document:
    """A schema, or the one that it refers to. Raises `KeyError` when there is none."""
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def body_schema(document: Document, spec: Document) -> Document:
    """What a route wants to be sent."""
    content = spec["requestBody"]["content"]
    assert list(content) == ["application/json"]
    return resolve(document, content["application/json"]["schema"])


def test_every_reference_points_to_something(document: Document) -> None:
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"] == "Switchyard"
    found = set(references(document))
    assert len(found) > 20
    for reference in found:
        assert resolve(document, {"$ref": reference}), reference


def test_every_operation_has_a_name_of_its_own_words_and_all_its_parameters(document: Document) -> None:
    specs = operations(document)
    assert len({spec["operationId"] for spec in specs.values()}) == len(specs)
    for route, spec in specs.items():
        assert spec["description"], route
        in_path = {p["name"] for p in spec.get("parameters", []) if p["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", route)), route
        assert all(p["schema"] for p in spec.get("parameters", [])), route


def test_every_route_needs_a_key_but_those_about_health(document: Document) -> None:
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    open_to_all = {route.partition(" ")[2] for route, spec in operations(document).items() if not spec.get("security")}
    assert open_to_all == PUBLIC


def test_every_route_documents_every_kind_of_problem_as_a_problem_document(document: Document) -> None:
    statuses = {str(kind.status) for kind in problems.KINDS}
    for route, spec in operations(document).items():
        failures = {status: made for status, made in spec["responses"].items() if int(status) >= 400}
        assert set(failures) == statuses, route
        for made in failures.values():
            schema = resolve(document, made["content"][problems.MEDIA_TYPE]["schema"])
            assert {"type", "title", "status", "detail"} <= set(schema["required"])
            assert set(schema["properties"]["errors"]["items"]["properties"]) == {"field", "detail"}


def test_the_types_of_problems_are_stable_and_each_names_one_kind() -> None:
    assert {kind.type.removeprefix("urn:switchyard:problem:"): kind.status for kind in problems.KINDS} == {
        "unreadable": 400,
        "no-key": 401,
        "not-allowed": 403,
        "not-found": 404,
        "no-method": 405,
        "refused": 409,
        "not-available": 409,
        "other-body": 409,
        "too-large": 413,
        "invalid": 422,
        "too-many": 429,
        "defect": 500,
        "no-answer": 503,
        "not-ready": 503,
    }


def test_every_body_has_an_example_with_every_field_and_refuses_others(document: Document) -> None:
    with_body = {route: spec for route, spec in operations(document).items() if "requestBody" in spec}
    assert set(with_body) == set(EXAMPLES)
    for route, spec in with_body.items():
        schema = body_schema(document, spec)
        assert set(schema["properties"]) == set(EXAMPLES[route][1]), route
        assert schema["additionalProperties"] is False, route
        assert set(schema.get("required", [])) <= set(schema["properties"]), route


@pytest.mark.parametrize("route", EXAMPLES)
def test_an_example_is_read_and_written_again_as_it_was(route: str) -> None:
    model, example = EXAMPLES[route]
    assert model.model_validate(example).model_dump(mode="json", exclude_unset=True) == example


async def test_every_answer_of_a_life_is_documented_with_its_fields(house: House, document: Document) -> None:
    answers: list[tuple[str, Response]] = []

    async def remember(response: Response) -> None:
        await response.aread()
        answers.append((response.request.method, response))

    house.http.event_hooks = {"request": [], "response": [remember]}
    await live(house)
    seen = set()
    for method, answer in answers:
        route = route_of(document, method, answer.request.url.path)
        made = operations(document)[route]["responses"].get(str(answer.status_code))
        assert made, f"{route} answers {answer.status_code}, which is not documented"
        seen.add((route, answer.status_code))
        if answer.status_code == 204:
            continue
        media_type = answer.headers["content-type"]
        assert media_type in made["content"], (route, answer.status_code)
        schema = resolve(document, made["content"][media_type]["schema"])
        if "properties" in schema:
            fields = set(answer.json())
            assert set(schema.get("required", [])) <= fields, route
            assert answer.status_code >= 400 or fields <= set(schema["properties"]), route
    assert {route for route, _ in seen} == set(operations(document)), "the life uses every route"
    assert len(seen) > len(operations(document)) + 5


def route_of(document: Document, method: str, path: str) -> str:
    """The route that an address belongs to; one without parameters before one with."""
    matching = [
        template
        for template, methods in document["paths"].items()
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path) and method.lower() in methods
    ]
    return f"{method} {min(matching, key=lambda template: template.count('{'))}"


async def live(house: House) -> None:
    """Use every route at least once, and be refused, repeat oneself and ask for what does not exist."""
    await house.stock("slc", CLEANSER_150=9, TONER_200=9, SERUM_30=9, MOISTURIZER_50=9)
    await ask_first(house)
    await change_minds(house)
    work = await deliver(house)
    await bring_back(house)
    await see_to_the_nodes(house)
    await see_to_a_misfit(house, work)
    await see_to_the_keys(house)
    for path in LOOKED_AT:
        await house.http.get(path.format(work=work))


LOOKED_AT = (
    "/orders",
    "/orders/web-1001/plan",
    "/orders/web-0",
    "/fulfillment-orders",
    "/fulfillment-orders/{work}",
    "/stock",
    "/stock/SERUM-30",
    "/events",
    "/nodes",
    "/keys",
    "/jobs",
    "/healthz",
    "/readyz",
)


async def ask_first(house: House) -> None:
    """Use every route that comes before an order, and place one."""
    http = house.http
    await http.post("/promises", json=CART)
    await http.post("/promises", json=CART | {"channel": "WEB"})
    cart = CART | {"expires_in": "15m"}
    reserved = (await http.post("/reservations", json=cart)).json()["reservation"]
    await http.post("/reservations", json=cart | {"lines": CART["lines"] * 9})
    await http.get(f"/reservations/{reserved}")
    await http.delete(f"/reservations/{reserved}")
    order = CART | {"number": "1001", "placed_at": WHEN}
    house.orders.append("web-1001")
    for body in (order, order, order | {"priority": 1}):
        await http.post("/orders", json=body)


async def change_minds(house: House) -> None:
    """Use every route by which something else is wanted of an order."""
    http = house.http
    await http.post("/orders/web-1001/address", json={"ship_to": SHIP_TO})
    for quantity in (3, 2):
        await http.post("/orders/web-1001/quantities", json={"lines": [{"line": "1", "quantity": quantity}]})
    for place in ("nwk", None):
        await http.post("/orders/web-1001/pickup", json={"pickup_node": place})
    for kind in ("hold", "release", "release"):
        await http.post(f"/orders/web-1001/{kind}", json={"hold": "payment"})
    await http.post("/orders/web-1001/release", json={"hold": "fraud"})
    unwanted = await house.place(("SERUM-30", 1))
    for _ in range(2):
        await http.post(f"/orders/{unwanted}/cancel", json={})


async def deliver(house: House) -> str:
    """Take the order from its first node, and let another one deliver it; answers its fulfillment order."""
    work = (await house.work("web-1001"))["fulfillment_order"]
    await house.stock("nwk", CLEANSER_150=9, TONER_200=9, SERUM_30=9, MOISTURIZER_50=9)
    await house.http.post("/orders/web-1001/reroute", json={"fulfillment_order": work})
    work = (await house.work("web-1001", 2))["fulfillment_order"]
    for _ in range(2):
        await house.tell(work, "delivered", message_id="slc-1", occurred_at=WHEN)
    await house.until("web-1001", "delivered")
    return str(work)


async def see_to_the_nodes(house: House) -> None:
    """Use every route about stock and nodes."""
    count = EXAMPLES["POST /stock/messages"][1]
    for body in (count, count):
        await house.http.post("/stock/messages", json=body)
    for what in ("pause", "resume", "resume"):
        await house.http.post(f"/nodes/chi/{what}", json={})
    for what in ("stop", "resume", "resume"):
        await house.http.post(f"/stock/SERUM-30/{what}", json={})


async def see_to_a_misfit(house: House, work: str) -> None:
    """Use every route about exceptions, and forget the order."""
    http = house.http
    await house.tell(work, "picked", {"9": 1})
    (misfit,) = (await http.get("/exceptions?code=message_misfit")).json()["items"]
    await http.get(f"/exceptions/{misfit['exception']}")
    await http.post(f"/exceptions/{misfit['exception']}/assign", json={"owner": "night-shift"})
    await http.post(f"/exceptions/{misfit['exception']}/resolve", json={})
    for _ in range(2):
        await http.post("/orders/web-1001/resolve", json={"exception": misfit["exception"]})
    for even_if_open in (False, True):
        await http.post("/orders/web-1001/forget", json={"even_if_open": even_if_open})


async def see_to_the_keys(house: House) -> None:
    """Use every route about keys and webhooks."""
    http = house.http
    await http.put("/channels/web/webhook", json={"url": "https://shop.invalid/switchyard"})
    await http.get("/channels/web/webhook")
    await http.post("/channels/web/webhook/retry", json={})
    await http.delete("/channels/web/webhook")
    key = (await http.post("/keys", json={"kind": "node", "name": "slc"})).json()
    await http.get("/orders", headers={"Authorization": f"Bearer {key['key']}"})
    await http.delete(f"/keys/{key['id']}")
    await http.get("/orders", headers={"Authorization": f"Bearer {key['key']}"})


async def bring_back(house: House) -> None:
    """Use every route about what comes back of a delivered order."""
    http = house.http
    await http.post("/orders/web-1001/returns", json={"lines": [{"line": "1", "quantity": 1}]})
    settled = {"message_id": "web-1", "kind": "settled", "occurred_at": WHEN}
    for body in (settled, settled, settled | {"reason": "again"}):
        await http.post("/returns/web-1001-r1/messages", json=body)
    for _ in range(2):
        await http.post("/returns/blind", json=EXAMPLES["POST /returns/blind"][1] | {"order": None})
    for _ in range(2):
        await http.post("/orders/web-1001/claims", json=EXAMPLES["POST /orders/{name}/claims"][1])
    house.orders.append("web-1001-c1-x1")
    for body in (settled, settled | {"message_id": "web-2"}, settled | {"message_id": "web-2"}):
        await http.post("/claims/web-1001-c1/messages", json=body)
    for what in ("approve", "decline", "cancel"):
        await http.post(f"/returns/web-1001-r1/{what}", json={})
    change = EXAMPLES["POST /returns/{name}/dispositions"][1]
    await http.post("/returns/web-1001-r1/dispositions", json=change)
    time = "from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z"
    for path in ("/returns", "/returns/web-1001-r1", "/claims/web-1001-c1", f"/reports/returns?{time}"):
        await http.get(path)
