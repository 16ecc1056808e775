"""Shops send "" for what a customer left empty: in every body it is the same as a field that is not there."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from pydantic import ValidationError

from api.examples import EXAMPLES
from domain.mistake import mistakes
from tests.house import Document, House, now
from tests.journeys.test_api_document import MODELS

Path = tuple[str | int, ...]


def texts(document: Any, path: Path = ()) -> Iterator[Path]:
    """Where the texts of a document are; of a list, its first."""
    if isinstance(document, str):
        yield path
    elif isinstance(document, dict):
        for name, part in document.items():
            if name != "evidence":  # an object of the sender's own
                yield from texts(part, (*path, name))
    elif isinstance(document, list) and document:
        yield from texts(document[0], (*path, 0))


def changed(body: Document, path: Path, *, keep_empty: bool) -> Document:
    """A body with one text emptied, or taken out."""
    made = deepcopy(body)
    place: Any = made
    for step in path[:-1]:
        place = place[step]
    if keep_empty:
        place[path[-1]] = ""
    else:
        del place[path[-1]]
    return made


def read(name: str, body: Document) -> Any:
    """What a route reads of a body, and how it writes it down; or what is wrong with it."""
    try:
        return MODELS[name].model_validate(body).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        return [(mistake.field, mistake.detail) for mistake in mistakes(error.errors(), MODELS[name])]


EVERY = [(name, path) for name, body in EXAMPLES.items() for path in texts(body)]


@pytest.mark.parametrize(("name", "path"), EVERY, ids=[f"{name} {'.'.join(map(str, path))}" for name, path in EVERY])
def test_an_empty_text_is_read_as_an_absent_field_and_a_needed_one_is_named(name: str, path: Path) -> None:
    assert read(name, changed(EXAMPLES[name], path, keep_empty=True)) == read(
        name, changed(EXAMPLES[name], path, keep_empty=False)
    )


def test_a_field_that_does_not_exist_is_named_also_when_it_is_empty() -> None:
    body = EXAMPLES["place_order"] | {"planet": ""}
    assert read("place_order", body) == [("planet", "unknown")]


async def test_an_order_and_a_shipment_with_empty_texts_are_taken(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    to = {"name": "", "street": ["", "1 Main St"], "city": "", "region": "", "phone": "", "email": ""}
    body = house.body(("SERUM-30", 1), customer_tier="", not_after="", pickup_node="")
    body["ship_to"] |= to
    assert (await house.http.post("/orders", json=body)).status_code == 201
    plain = body | {"ship_to": {"street": ["1 Main St"], "postal_code": "80202", "country": "US"}}
    for name in ("customer_tier", "not_after", "pickup_node"):
        plain.pop(name)
    again = await house.http.post("/orders", json=plain)
    assert again.status_code == 200, "the same order, without its empty texts, is the same body"

    work = await house.work(again.json()["order"])
    route = f"/fulfillment-orders/{work['fulfillment_order']}"
    assert (await house.http.get(route)).json()["ship_to"] == {
        "street": ["1 Main St"],
        "postal_code": "80202",
        "country": "US",
    }
    parcel = {"package": "1", "carrier": "own van", "tracking": ""}
    shipped = {"message_id": "van-1", "kind": "shipped", "occurred_at": now(), "packages": [parcel], "reason": ""}
    assert (await house.http.post(f"{route}/messages", json=shipped)).status_code == 202
    assert (await house.http.get(route)).json()["packages"][0]["tracking"] is None


async def test_a_schema_allows_an_empty_text_just_where_it_may_be_absent(house: House) -> None:
    schemas = (await house.http.get("/openapi.json")).json()["components"]["schemas"]
    address, order = schemas["Address"]["properties"], schemas["NewOrder"]["properties"]
    assert address["phone"]["anyOf"] == [{"type": "string", "maxLength": 200}, {"type": "null"}]
    assert order["service"]["pattern"] == "^$|^[a-z0-9_-]{1,32}$"
    assert address["country"]["pattern"] == "^[A-Z]{2}$"
