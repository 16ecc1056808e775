"""The OpenAPI document is what integrators generate their clients from, so it must be whole, and true."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from httpx2 import Response

from api import openapi, problems
from api.app import ROUTERS
from api.examples import EXAMPLES
from api.fields import ANSWERS, MEANINGS, QUERIES
from api.openapi import TAGS
from database.connection import keep_credentials
from tests.house import Document, House, keep_label, keep_manifest

PUBLIC = {"/", "/healthz", "/readyz"}
WHEN = "2026-11-21T15:04:05Z"
CART: Document = dict(EXAMPLES["get_promise"])
SHIP_TO: Document = CART["ship_to"]

OPERATIONS = [
    "place_order",
    "list_orders",
    "get_order",
    "get_order_plan",
    "get_why_not",
    "get_order_timeline",
    "search_orders",
    "cancel_order",
    "hold_order",
    "release_order",
    "reroute_order",
    "change_order_address",
    "change_order_service",
    "change_order_quantities",
    "add_order_lines",
    "forget_order",
    "change_order_pickup",
    "resolve_order_exception",
    "request_return",
    "get_promise",
    "make_reservation",
    "get_reservation",
    "cancel_reservation",
    "list_fulfillment_orders",
    "get_fulfillment_order",
    "get_packing_slip",
    "get_partners_report",
    "get_pick_list",
    "send_node_message",
    "buy_label",
    "buy_return_label",
    "get_label",
    "void_label",
    "make_manifest",
    "list_manifests",
    "list_waiting_parcels",
    "get_manifest",
    "settle_manifest",
    "list_nodes",
    "pause_node",
    "resume_node",
    "send_stock_message",
    "stop_selling",
    "resume_selling",
    "get_stock",
    "list_stock",
    "list_movements",
    "list_supply",
    "make_transfer",
    "list_transfers",
    "get_transfer",
    "cancel_transfer",
    "list_needs",
    "take_needs",
    "list_returns",
    "get_return",
    "send_blind_return",
    "send_payment",
    "send_return_message",
    "approve_return",
    "decline_return",
    "cancel_return",
    "change_return_dispositions",
    "make_claim",
    "get_claim",
    "send_claim_message",
    "list_exceptions",
    "get_exception",
    "resolve_exception",
    "assign_exception",
    "list_events",
    "register_webhook",
    "get_webhook",
    "remove_webhook",
    "retry_webhook",
    "list_connections",
    "retry_connection",
    "get_returns_report",
    "get_marketplace_health",
    "get_shadow_report",
    "get_orders_report",
    "get_shipments_report",
    "get_promises_report",
    "get_nodes_report",
    "get_backorders_report",
    "get_costs_report",
    "make_key",
    "list_keys",
    "revoke_key",
    "list_jobs",
    "get_metrics",
    "get_service",
    "get_health",
    "get_readiness",
]
"""The names in generated clients: renaming one breaks them, so none is ever removed from this list."""

STANDING_ALONE = {
    # operation            where                           the answer
    "get_promise":         ("/promises",                   200),
    "search_orders":       ("/orders/search",              200),
    "make_reservation":    ("/reservations",               201),
    "place_order":         ("/orders",                     201),
    "send_stock_message":  ("/stock/messages",             202),
    "stop_selling":        ("/stock/SERUM-30/stop",        200),
    "resume_selling":      ("/stock/SERUM-30/resume",      200),
    "pause_node":          ("/nodes/slc/pause",            200),
    "resume_node":         ("/nodes/slc/resume",           200),
    "send_blind_return":   ("/returns/blind",              202),
    "register_webhook":    ("/channels/web/webhook",       200),
    "retry_webhook":       ("/channels/web/webhook/retry", 200),
    "make_transfer":       ("/transfers",                  201),
    "take_needs":          ("/needs/take",                 200),
    "make_key":            ("/keys",                       201),
}  # fmt: skip
"""Bodies that can be sent as they are to a house with stock, one after the other."""


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


def test_every_operation_has_a_short_name_that_stays_and_all_its_parameters(document: Document) -> None:
    specs = operations(document)
    names = [spec["operationId"] for spec in specs.values()]
    assert sorted(names) == sorted(OPERATIONS)
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in names)
    for route, spec in specs.items():
        assert spec["description"], route
        in_path = {p["name"] for p in spec.get("parameters", []) if p["in"] == "path"}
        assert in_path == set(re.findall(r"{(\w+)}", route)), route
        assert "name" not in in_path, route
        assert all(p["schema"] for p in spec.get("parameters", [])), route


def test_every_operation_has_one_subject_that_is_described(document: Document) -> None:
    assert [tag["name"] for tag in document["tags"]] == list(TAGS)
    assert all(tag["description"] for tag in document["tags"])
    assert {tuple(spec["tags"]) for spec in operations(document).values()} == {(tag,) for tag in TAGS}
    assert document["servers"] == [{"url": "/", "description": "This Switchyard"}]


def test_every_route_needs_a_key_but_those_about_health(document: Document) -> None:
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    open_to_all = {route.partition(" ")[2] for route, spec in operations(document).items() if not spec.get("security")}
    assert open_to_all == PUBLIC


def test_every_problem_is_of_the_one_schema(document: Document) -> None:
    schema = document["components"]["schemas"]["Problem"]
    assert set(schema["required"]) == {"type", "title", "status", "detail"}
    assert resolve(document, schema["properties"]["errors"]["items"])["required"] == ["field", "detail"]
    documented = set()
    for route, spec in operations(document).items():
        failures = {status: made for status, made in spec["responses"].items() if int(status) >= 400}
        documented |= {int(status) for status in failures}
        for status, made in failures.items():
            assert made["description"], (route, status)
            assert made["content"] == {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert documented == {kind.status for kind in problems.KINDS} - {problems.NO_METHOD.status}
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])


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
        "too-slow": 408,
        "too-large": 413,
        "invalid": 422,
        "too-many": 429,
        "not-installed": 501,
        "defect": 500,
        "no-answer": 503,
        "not-ready": 503,
    }


def test_every_body_has_an_example_with_every_field_and_refuses_others(document: Document) -> None:
    with_body = {spec["operationId"]: spec for spec in operations(document).values() if "requestBody" in spec}
    assert set(with_body) == set(EXAMPLES)
    for name, spec in with_body.items():
        schema = body_schema(document, spec)
        example = spec["requestBody"]["content"]["application/json"]["example"]
        assert set(schema["properties"]) == set(example) == set(EXAMPLES[name]), name
        assert schema["additionalProperties"] is False, name
        assert set(schema.get("required", [])) <= set(schema["properties"]), name


def test_every_field_says_what_it_means_and_nothing_is_explained_that_is_not_there(document: Document) -> None:
    sent, schemas = openapi.sent(document), document["components"]["schemas"]
    for meanings, names in ((MEANINGS, sent), (ANSWERS, schemas.keys() - sent)):
        fields = {
            (name, field): described["description"]
            for name in names
            for field, described in schemas[name].get("properties", {}).items()
        }
        assert all(fields.values())
        used = {key for name, field in fields for key in (field, f"{name}.{field}")}
        assert set(meanings) <= used
    queries = {
        parameter["name"]: parameter["description"]
        for spec in operations(document).values()
        for parameter in spec.get("parameters", [])
        if parameter["in"] == "query"
    }
    assert queries.keys() == QUERIES.keys()


MODELS: dict[str, Any] = {
    route.name: route.body_field.field_info.annotation
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and route.body_field is not None and route.body_field.field_info.annotation
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_read_and_written_again_as_it_was(name: str) -> None:
    read = MODELS[name].model_validate(EXAMPLES[name])
    assert read.model_dump(mode="json", exclude_unset=True, by_alias=True) == EXAMPLES[name]


async def test_an_example_that_needs_nothing_before_it_can_be_sent_as_it_is(house: House, document: Document) -> None:
    await house.stock("slc", CLEANSER_150=9, TONER_200=9, SERUM_30=9, MOISTURIZER_50=9)
    house.orders.append("web-1001")
    bodies = {spec["operationId"]: (route, spec) for route, spec in operations(document).items()}
    for name, (path, status) in STANDING_ALONE.items():
        route, spec = bodies[name]
        method = route.partition(" ")[0]
        assert route_of(document, method, path) == route
        body = spec["requestBody"]["content"]["application/json"]["example"]
        answer = await house.http.request(method, path, json=body)
        assert answer.status_code == status, (name, answer.text)


def test_an_example_that_is_not_sent_is_about_something_that_must_be_there(document: Document) -> None:
    others = [
        route for route, spec in operations(document).items() if spec["operationId"] in EXAMPLES.keys() - STANDING_ALONE
    ]
    assert all("{" in route for route in others), "a body for an address without a name in it can be sent as it is"


async def test_a_parameter_that_a_route_does_not_have_is_refused_and_named(house: House, document: Document) -> None:
    for route in operations(document):
        method, _, path = route.partition(" ")
        path = re.sub(r"{\w+}", "web-0", path)
        answer = await house.http.request(method, path, params={"sorted_by": "age"})
        assert (answer.status_code, answer.json()["errors"]) == (422, [{"field": "sorted_by", "detail": "unknown"}]), (
            route
        )
        if route.partition(" ")[2] not in PUBLIC:
            without_a_key = await house.http.request(
                method, path, params={"sorted_by": "age"}, headers={"Authorization": ""}
            )
            assert without_a_key.status_code == 401, route


async def test_a_misspelt_parameter_is_answered_with_the_one_that_was_meant(house: House) -> None:
    answer = await house.http.get("/orders", params={"statuss": "shipped", "cursor": "web-1", "limit": 5})
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "`statuss`: unknown; did you mean `status`?; `cursor`: unknown; did you mean `after`?"
    )


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
        media_type = answer.headers["content-type"].partition(";")[0]
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
    "/orders/web-1001/plan/why-not/nwk",
    "/orders/web-1001/plan/why-not/nowhere",
    "/orders/web-1001/timeline",
    "/orders/web-0",
    "/fulfillment-orders",
    "/fulfillment-orders/{work}",
    "/fulfillment-orders/{work}/packing-slip",
    "/nodes/slc/pick-list",
    "/stock",
    "/stock/SERUM-30",
    "/stock/SERUM-30/movements",
    "/supply?sku=SERUM-30",
    "/transfers",
    "/transfers/T-7",
    "/needs",
    "/events",
    "/nodes",
    "/connections",
    "/keys",
    "/jobs",
    "/metrics",
    "/",
    "/healthz",
    "/readyz",
)


async def ask_first(house: House) -> None:
    """Use every route that comes before an order, and place one."""
    http = house.http
    await http.post("/promises", json=CART)
    await http.post("/orders/search", json=EXAMPLES["search_orders"])
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
    await house.until("web-1001", lambda found: found["promise"] is not None)
    await http.get("/orders/web-1001/plan/why-not/nwk")


async def use_manifests(house: House, work: str) -> None:
    """Use every route about the parcels that a node hands to a carrier."""
    await house.http.post("/nodes/nwk/manifests", json=EXAMPLES["make_manifest"])
    await house.http.get("/nodes/nwk/manifests/waiting")
    order = work.rpartition("-f")[0]
    async with house.service.database.write() as connection:
        await keep_label(connection, order, work)
        name = await keep_manifest(connection, "nwk", work)
    await house.http.get("/nodes/nwk/manifests")
    await house.http.get(f"/manifests/{name}")
    await house.http.post(f"/manifests/{name}/settle", json=EXAMPLES["settle_manifest"])


async def change_minds(house: House) -> None:
    """Use every route by which something else is wanted of an order."""
    http = house.http
    await http.post("/orders/web-1001/address", json={"ship_to": SHIP_TO})
    for quantity in (3, 2):
        await http.post("/orders/web-1001/quantities", json={"lines": [{"line": "1", "quantity": quantity}]})
    await http.post("/orders/web-1001/service", json={"service": "two_day"})
    await http.post("/orders/web-1001/service", json={"service": "balloon"})
    await http.post("/orders/web-1001/service", json={"service": "standard"}, params={"preview": "true"})
    more = {"lines": [{"line": "2", "sku": "SERUM-30", "quantity": 1, "unit_price": 100}]}
    for _ in range(2):
        await http.post("/orders/web-1001/lines", json=more)
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
    work = await work_in_hand(house)
    await house.stock("nwk", CLEANSER_150=9, TONER_200=9, SERUM_30=9, MOISTURIZER_50=9)
    await house.http.post("/orders/web-1001/reroute", json={"fulfillment_order": work})
    work = await work_in_hand(house, but=work)
    await house.http.post(f"/fulfillment-orders/{work}/labels", json=EXAMPLES["buy_label"])
    await house.http.get(f"/labels/{work}-l1")
    await house.http.post(f"/labels/{work}-l1/void", json={})
    await use_manifests(house, work)
    for _ in range(2):
        await house.tell(work, "delivered", message_id="slc-1", occurred_at=WHEN)
    await house.until("web-1001", "delivered")
    return work


async def work_in_hand(house: House, but: str | None = None) -> str:
    """The fulfillment order that a node has now; each change may have ended one before, or not, as time would have it."""

    def found(document: dict[str, Any]) -> list[str]:
        works = document["fulfillment_orders"]
        return [
            one["fulfillment_order"]
            for one in works
            if one["status"] != "cancelled" and one["fulfillment_order"] != but
        ]

    return found(await house.until("web-1001", lambda document: bool(found(document))))[0]


async def see_to_the_nodes(house: House) -> None:
    """Use every route about stock and nodes."""
    count = EXAMPLES["send_stock_message"]
    for body in (count, count):
        await house.http.post("/stock/messages", json=body)
    transfer = EXAMPLES["make_transfer"]
    for body in (transfer, transfer, transfer | {"to": "nwk"}, transfer | {"to": "slc"}):
        await house.http.post("/transfers", json=body)
    house.orders.append("transfer.t-7")
    for name in ("T-7", "T-7", "T-8"):
        await house.http.post(f"/transfers/{name}/cancel", json={})
    for body in ({}, {}, {"node": "mars"}):
        await house.http.post("/needs/take", json=body, headers={"Idempotency-Key": f"needs-{len(body)}"})
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
    await http.post("/connections/web/retry", json={})
    async with house.service.database.write() as connection:
        await keep_credentials(connection, "web", {"client_secret": "a secret"})
    await http.post("/connections/web/retry", json={})
    key = (await http.post("/keys", json={"kind": "node", "name": "slc"})).json()
    await http.get("/orders", headers={"Authorization": f"Bearer {key['key']}"})
    await http.delete(f"/keys/{key['id']}")
    await http.get("/orders", headers={"Authorization": f"Bearer {key['key']}"})


async def bring_back(house: House) -> None:
    """Use every route about what comes back of a delivered order."""
    http = house.http
    await http.post("/orders/web-1001/returns", json={"lines": [{"line": "1", "quantity": 1}]})
    await http.post("/returns/web-1001-r1/labels", json={})
    settled = {"message_id": "web-1", "kind": "settled", "occurred_at": WHEN}
    for body in (settled, settled, settled | {"reason": "again"}):
        await http.post("/returns/web-1001-r1/messages", json=body)
    for _ in range(2):
        await http.post("/returns/blind", json=EXAMPLES["send_blind_return"] | {"order": None})
    for _ in range(2):
        await http.post("/orders/web-1001/claims", json=dict(EXAMPLES["make_claim"]))
    house.orders.append("web-1001-c1-x1")
    for body in (settled, settled | {"message_id": "web-2"}, settled | {"message_id": "web-2"}):
        await http.post("/claims/web-1001-c1/messages", json=body)
    for body in (EXAMPLES["send_payment"], EXAMPLES["send_payment"], EXAMPLES["send_payment"] | {"amount": 1}):
        await http.post("/orders/web-1001/payments", json=body)
    for what in ("approve", "decline", "cancel"):
        await http.post(f"/returns/web-1001-r1/{what}", json={})
    change = dict(EXAMPLES["change_return_dispositions"])
    await http.post("/returns/web-1001-r1/dispositions", json=change)
    time = "from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z"
    for path in ("/returns", "/returns/web-1001-r1", "/claims/web-1001-c1"):
        await http.get(path)
    for report in ("orders", "shipments", "promises", "nodes", "backorders", "costs", "partners", "returns"):
        await http.get(f"/reports/{report}?{time}")
    await http.get("/reports/marketplace-health")
    await http.get("/reports/shadow")
