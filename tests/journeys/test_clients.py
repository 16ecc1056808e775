"""Clients that generators make of the OpenAPI document: made without a warning, typed, and an order lives through one."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from httpx2 import ASGITransport

from tests.conftest import OPERATOR_KEY
from tests.house import House

BIN = Path(sys.executable).parent
AS_FILE = "content_type_overrides:\n  application/pdf: application/octet-stream\n"
"""openapi-python-client 0.29 knows no `application/pdf`: it leaves such an answer out, with a warning, unless it is a file."""


@pytest.fixture
async def document(house: House, tmp_path: Path) -> Path:
    """The OpenAPI document as a file."""
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps((await house.http.get("/openapi.json")).json()))
    return file


def generated(tmp_path: Path, *command: str | Path) -> str:
    """What a generator said while it made a client."""
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a generator makes can be imported, and is forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.split(".")[0].startswith("made_")]:
        del sys.modules[name]


@pytest.fixture
def client(document: Path, tmp_path: Path, importable: None) -> str:
    """The name of a package that openapi-python-client has made."""
    (tmp_path / "config.yml").write_text(AS_FILE)
    options = ("--meta", "none", "--output-path", "made_client", "--config", "config.yml")
    said = generated(tmp_path, "openapi-python-client", "generate", "--path", document, *options)
    assert said.strip() == "Generating made_client"
    return "made_client"


def application_of(house: House) -> Any:
    """The application behind a house; the clients speak to it without a port."""
    transport = house.http._transport
    assert isinstance(transport, ASGITransport)
    return transport.app


def module(name: str) -> Any:
    """A module of a client; nothing is known of its types here."""
    made: ModuleType = importlib.import_module(name)
    return made


async def test_an_order_is_placed_read_shipped_and_followed_with_a_generated_client(house: House, client: str) -> None:
    await house.stock("slc", SERUM_30=5)
    api, models = f"{client}.api", module(f"{client}.models")
    asking = module(client).AuthenticatedClient(
        base_url="http://switchyard",
        token=OPERATOR_KEY,
        httpx_args={"transport": httpx.ASGITransport(app=application_of(house))},
        raise_on_unexpected_status=True,
    )
    order = models.NewOrder.from_dict(house.body(("SERUM-30", 2)))
    placed = await module(f"{api}.orders.place_order").asyncio(client=asking, body=order)
    assert isinstance(placed, models.Placed)
    await house.work(placed.order)

    read = await module(f"{api}.orders.get_order").asyncio(placed.order, client=asking)
    assert isinstance(read, models.Order)
    assert [(line.sku, line.ordered, line.allocated) for line in read.lines] == [("SERUM-30", 2, 2)]
    (work,) = read.fulfillment_orders

    message = models.NodeMessage(
        message_id="slc-1", kind=models.MessageKind.SHIPPED, occurred_at=read.release_at, packages=[models.Package("1")]
    )
    send = module(f"{api}.nodes.send_node_message").asyncio
    assert isinstance(await send(work.fulfillment_order, client=asking, body=message), models.Kept)

    events = await module(f"{api}.channels.list_events").asyncio(client=asking, channel="web")
    shipped = [event for event in events.items if isinstance(event, models.ShippedEvent)]
    assert [(event.order, line.quantity) for event in shipped for line in event.data.lines] == [(placed.order, 2)]
    assert [parcel.package for event in shipped for parcel in event.data.packages] == ["1"]


async def test_a_refusal_reaches_a_generated_client_as_a_problem(house: House, client: str) -> None:
    asking = module(client).AuthenticatedClient(
        base_url="http://switchyard",
        token=OPERATOR_KEY,
        httpx_args={"transport": httpx.ASGITransport(app=application_of(house))},
    )
    answer = await module(f"{client}.api.orders.get_order").asyncio("web-0", client=asking)
    assert isinstance(answer, module(f"{client}.models").Problem)
    assert answer.status == 404


async def test_the_models_that_datamodel_code_generator_makes_read_an_order(
    house: House, document: Path, tmp_path: Path, importable: None
) -> None:
    options = (
        "--input-file-type",
        "openapi",
        "--output-model-type",
        "pydantic_v2.BaseModel",
        "--formatters",
        "builtin",
    )
    said = generated(tmp_path, "datamodel-codegen", "--input", document, "--output", "made_models.py", *options)
    assert said == ""
    models = module("made_models")
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 2))
    await house.work(name)
    order = models.Order.model_validate_json((await house.http.get(f"/orders/{name}")).content)
    assert [line.sku for line in order.lines] == ["SERUM-30"]
    page = models.PageEvent.model_validate_json((await house.http.get("/events")).content)
    assert {event.root.kind for event in page.items} >= {"accepted", "promised"}
