"""Traces by OpenTelemetry, from a request through workflow and activity to SQL: off unless the environment names a collector.

The exporter reads OpenTelemetry's own `OTEL_*` variables. While it is off, nothing of it is imported, and nothing is in the way
of a request.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Tracer
    from temporalio.client import Interceptor

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SCOPE = "switchyard"


@dataclass(frozen=True, slots=True)
class Traces:
    """The spans of this process."""

    provider: "TracerProvider"

    @property
    def tracer(self) -> "Tracer":
        """Makes spans."""
        return self.provider.get_tracer(SCOPE)

    def interceptors(self) -> list["Interceptor"]:
        """For a client of Temporal: its calls, and the workflows and activities of its workers, become spans."""
        from temporalio.contrib.opentelemetry import TracingInterceptor

        return [TracingInterceptor(self.tracer)]

    def stop(self) -> None:
        """Send what has not been sent; it waits a few seconds for a collector that does not answer."""
        self.provider.shutdown()


def traces_of(process: str, environment: Mapping[str, str] = os.environ) -> Traces | None:
    """The traces of a process, which has this name unless `OTEL_SERVICE_NAME` says otherwise; None = no collector is named."""
    if not environment.get(ENDPOINT):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = environment.get("OTEL_SERVICE_NAME") or process
    return traces_through(BatchSpanProcessor(without_texts(OTLPSpanExporter())), name)


def traces_through(processor: "SpanProcessor", name: str) -> Traces:
    """Traces whose spans go through a processor, of a service with this name."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource.create({"service.name": name}), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return Traces(provider)


def without_texts(exporter: "SpanExporter") -> "SpanExporter":
    """An exporter that leaves out the texts of exceptions, which may be personal: they can hold what somebody wrote.

    That something failed stays in the status of its span.
    """
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class WithoutTexts(SpanExporter):
        """Sends spans without events and without a description of their status."""

        def export(self, spans: "Sequence[ReadableSpan]") -> SpanExportResult:
            return exporter.export([_without_texts(span) for span in spans])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return WithoutTexts()


def _without_texts(span: "ReadableSpan") -> "ReadableSpan":
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Status

    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
