"""What a route answers is checked in every test; here, that the check finds what is wrong."""

import json
from typing import Any

import pytest
from fastapi.routing import APIRoute

from database.documents.document import Document
from tests.checked_transport import ROUTES, WrongAnswer, check
from tests.house import House

ORDERS = "/orders/{order}"


def route_of(path: str) -> APIRoute:
    """The GET route with this path."""
    return next(route for route in ROUTES if route.path == path and "GET" in (route.methods or ()))


@pytest.fixture
async def order(house: House) -> dict[str, Any]:
    """An order as it is answered."""
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 2))
    await house.work(name)
    return await house.order(name)


def test_a_field_too_many_one_missing_and_one_of_another_type_are_found(order: dict[str, Any]) -> None:
    route = route_of(ORDERS)
    check(route, 200, json.dumps(order).encode())
    (line,) = order["lines"]
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        (order | {"colour": "red"}, "colour"),
        ({name: order[name] for name in order if name != "promise"}, "promise"),
        (order | {"status": "somewhere"}, "status"),
        (order | {"lines": [line | {"open": "0"}]}, "lines.0.open"),
        (order | {"lines": [line | {"colour": "red"}]}, "lines.0.colour"),
        (order | {"lines": [{name: line[name] for name in line if name != "returnable"}]}, "lines.0.returnable"),
    )
    for answer, field in wrong:
        with pytest.raises(WrongAnswer, match=f"\n{field}\n"):
            check(route, 200, json.dumps(answer).encode())


async def test_a_route_that_answers_something_else_than_it_declares_fails_the_test(
    house: House, order: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listed(*_: object, **__: object) -> list[dict[str, Any]]:
        return [{"order": order["order"]}]

    with monkeypatch.context() as patched:
        patched.setattr("database.documents.order.listed", listed)
        with pytest.raises(WrongAnswer, match="channel"):
            await house.http.get("/orders")


def test_every_route_that_answers_json_declares_a_model() -> None:
    without = {route.path for route in ROUTES if route.response_model is None and route.status_code != 204}
    paper = {"/fulfillment-orders/{fulfillment_order}/packing-slip", "/nodes/{node}/pick-list"}
    assert without == {"/docs", "/metrics"} | paper, "a page to read is HTML, Prometheus reads text, and paper is a PDF"


def models(parent: type[Document] = Document) -> list[type[Document]]:
    """Every document."""
    return [model for child in parent.__subclasses__() for model in (child, *models(child))]


def test_a_field_of_a_document_is_always_there_unless_it_is_declared_so() -> None:
    with_default = {
        f"{model.__name__}.{name}"
        for model in models()
        for name, field in model.model_fields.items()
        if not field.is_required() and field.json_schema_extra is None
    }
    assert with_default == {"Reserved.destination_precision", "Reservation.destination_precision"}
