"""A Temporal that takes connections and says nothing: callers are not kept waiting for it, and monitoring sees it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from httpx2 import ASGITransport, AsyncClient, Response
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from api import problems
from api.app import application
from api.service import Service, assemble
from embedded.ports import LOOPBACK
from runtime.temporal import Listeners
from tests.conftest import OPERATOR_KEY
from tests.house import ANSWERS_WITHIN_SECONDS, House
from workflows.client import TIMEOUTS_MAX

SOON = timedelta(milliseconds=300)
LONG = timedelta(hours=1)


@pytest.fixture
async def hanging() -> AsyncIterator[Client]:
    """A client of a Temporal that hangs."""
    ends = asyncio.Event()

    async def say_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ends.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, LOOPBACK, 0)
    address = f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    yield await Client.connect(address, data_converter=pydantic_data_converter, lazy=True)
    ends.set()
    server.close()


@asynccontextmanager
async def door(service: Service) -> AsyncIterator[AsyncClient]:
    """The HTTP interface of a service, for an operator."""
    transport = ASGITransport(app=application(service))
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    async with AsyncClient(transport=transport, base_url="http://switchyard", headers=headers) as http:
        yield http


async def test_after_a_few_time_outs_orders_are_acknowledged_and_requests_refused_at_once(
    house: House, hanging: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.stock("slc", SERUM_30=1)
    waits = await house.place(("SERUM-30", 1))
    monkeypatch.setattr("workflows.client.REST", LONG)
    monkeypatch.setattr("workflows.client.ANSWER_WITHIN", SOON)
    async with door(assemble(house.service.database, hanging)) as http:
        for _ in range(TIMEOUTS_MAX):
            assert (await http.post("/orders", json=house.body(("SERUM-30", 1)))).status_code == 202
        monkeypatch.setattr("workflows.client.ANSWER_WITHIN", LONG)

        taken = await http.post("/orders", json=house.body(("SERUM-30", 1)))
        assert (taken.status_code, taken.json()["promise"]) == (202, None)
        refused = await cancel(http, waits)
        assert (refused.status_code, refused.json()["type"]) == (503, problems.NO_ANSWER.type)
        assert refused.headers["retry-after"]

    assert (await cancel(house.http, waits)).status_code == 200
    await house.until(taken.json()["order"], "backordered")


async def cancel(http: AsyncClient, order: str) -> Response:
    """The same request to cancel an order, whenever it is sent."""
    return await http.post(f"/orders/{order}/cancel", json={"lines": None}, headers={"Idempotency-Key": "once"})


async def test_when_temporal_answers_a_trial_again_callers_get_their_promise(
    house: House, hanging: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.client.REST", timedelta())
    monkeypatch.setattr("workflows.client.ANSWER_WITHIN", SOON)
    service = assemble(house.service.database, hanging)
    async with door(service) as http:
        for _ in range(TIMEOUTS_MAX):
            assert (await http.post("/orders", json=house.body(("SERUM-30", 1)))).status_code == 202
    monkeypatch.setattr("workflows.client.ANSWER_WITHIN", timedelta(seconds=ANSWERS_WITHIN_SECONDS))
    async with door(replace(service, client=house.service.client)) as http:
        placed = [await http.post("/orders", json=house.body(("SERUM-30", 1))) for _ in range(2)]
    assert [answer.status_code for answer in placed] == [201, 201]


async def test_monitoring_sees_whether_a_worker_listens(house: House, hanging: Client) -> None:
    ready = await house.http.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"database": "up", "temporal": "up", "workers": "up"})

    nobody = replace(house.service, listeners=Listeners(house.service.client, "a-queue-that-nobody-serves"))
    async with door(nobody) as http:
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["type"]) == (503, problems.NOT_READY.type)
        assert ready.json()["workers"] == "down"
        assert (await http.get("/healthz")).status_code == 200

    async with door(assemble(house.service.database, hanging)) as http:
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"database": "up", "temporal": "down", "workers": "unknown"})
