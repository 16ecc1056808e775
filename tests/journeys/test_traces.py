"""The spans of an order join from the request that placed it, through its workflow and activities, to the statements of SQL."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from httpx2 import ASGITransport, AsyncClient
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import UnsandboxedWorkflowRunner

import worker
from api.app import application
from api.service import assemble
from database.connect import Database
from database.tracing import trace_statements
from runtime.traces import traces_of, traces_through, without_texts
from tests.conftest import OPERATOR_KEY
from tests.house import House

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
"""A `traceparent` of a channel that traces its own requests."""


@dataclass
class Traced:
    """A house whose spans are kept."""

    house: House
    exporter: InMemorySpanExporter

    def spans(self) -> tuple[ReadableSpan, ...]:
        """What was sent to the collector so far."""
        return self.exporter.get_finished_spans()


def context_of(span: ReadableSpan) -> SpanContext:
    """Its own and its trace's id."""
    context: SpanContext | None = span.context
    assert context is not None
    return context


@pytest.fixture
async def traced(
    temporal: TimeSkipper, temporal_address: str, database: Database, database_url: str
) -> AsyncIterator[Traced]:
    """A whole service as in production, with a collector in memory. `temporal` has registered the search attributes."""
    exporter = InMemorySpanExporter()
    traces = traces_through(SimpleSpanProcessor(without_texts(exporter)), "switchyard")
    trace_statements(database, traces.tracer)
    client = await Client.connect(
        temporal_address, data_converter=pydantic_data_converter, interceptors=traces.interceptors()
    )
    app = application(service := assemble(database, client), tracer=traces.tracer)
    headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
    async with (
        worker.build(client, database, UnsandboxedWorkflowRunner()),
        service.running(),
        AsyncClient(transport=ASGITransport(app=app), base_url="http://switchyard", headers=headers) as http,
    ):
        house = House(http, service, TimeSkipper(client, config=TimeSkippingConfig(enabled=False)), database_url)
        yield Traced(house, exporter)
        await house.leave()
    traces.stop()


async def test_one_trace_leads_from_the_channels_request_to_every_statement_of_its_order(traced: Traced) -> None:
    house = traced.house
    await house.stock("slc", SERUM_30=5)
    headers = {"traceparent": CALLER, "tracestate": "vendor=plantedstate", "baggage": "customer=plantedbaggage"}
    body = house.body(("SERUM-30", 2))
    body["ship_to"] |= {"name": "Plantedname", "email": "plantedmail@example.com"}
    placed = await house.http.post("/orders", json=body, headers=headers)
    assert placed.status_code == 201
    name = placed.json()["order"]
    await house.tell((await house.work(name))["fulfillment_order"], "shipped")
    await house.settle(name)

    of_the_caller = [span for span in traced.spans() if context_of(span).trace_id == int(CALLER[3:35], 16)]
    by_id = {context_of(span).span_id: span.name for span in of_the_caller}
    above = {span.name: by_id.get(span.parent.span_id) for span in of_the_caller if span.parent}
    assert above["StartUpdateWithStartWorkflow:OrderWorkflow"] == "POST /orders"
    assert above["RunWorkflow:OrderWorkflow"] == "StartUpdateWithStartWorkflow:OrderWorkflow"
    assert above["RunActivity:source"] == "StartActivity:source"
    statements = [span for span in of_the_caller if span.name.endswith(" postgresql")]
    under = {(by_id.get(span.parent.span_id) or "").partition(":")[0] for span in statements if span.parent}
    assert under == {"POST /orders", "RunActivity"}
    (request,) = [span for span in of_the_caller if span.name == "POST /orders"]
    assert request.parent is not None
    assert request.parent.span_id == int(CALLER[36:52], 16)
    assert (request.attributes or {})["http.response.status_code"] == 201

    written = "".join(span.to_json() for span in traced.spans())
    history = str(await house.workflow(name).fetch_history())
    assert "planted" not in (written + history).lower()
    assert "80202" not in written


async def test_what_jobs_look_for_by_themselves_makes_no_spans(traced: Traced) -> None:
    await traced.house.service.relay.sweep()
    assert [span.name for span in traced.spans() if span.parent is None] == []


async def test_a_failure_is_seen_and_its_text_is_not(traced: Traced) -> None:
    exporter = InMemorySpanExporter()
    tracer = traces_through(SimpleSpanProcessor(without_texts(exporter)), "switchyard").tracer
    with pytest.raises(ValueError, match="Ann"), tracer.start_as_current_span("does"):
        raise ValueError("Ann Example does not live here")
    (span,) = exporter.get_finished_spans()
    assert (span.status.is_ok, span.status.description, span.events) == (False, None, ())


def test_nothing_is_traced_unless_a_collector_is_named() -> None:
    assert traces_of("switchyard-http", {}) is None
    assert traces_of("switchyard-http", {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}) is None
    traces = traces_of("switchyard-http", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert traces is not None
    assert traces.provider.resource.attributes["service.name"] == "switchyard-http"
    traces.stop()
