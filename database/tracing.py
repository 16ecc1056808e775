"""Makes a span of each SQL statement that is sent for something that is traced."""

from typing import Any

from opentelemetry.trace import SpanKind, StatusCode, Tracer, get_current_span
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from database.connect import Database

TEXT_MAX = 2_000
"""Characters of a statement that its span shows. It has no values: they are sent beside it."""


def trace_statements(database: Database, tracer: Tracer) -> None:
    """From now on, a statement that is sent inside a span has a span of its own.

    What jobs look for by themselves is in no span, and makes none. What `Database.fetch` reads goes below SQLAlchemy and is not
    seen here.
    """

    def begin(_: object, __: object, statement: str, ___: object, context: Any, ____: bool) -> None:
        if not get_current_span().get_span_context().is_valid:
            return
        words = " ".join(statement.split())[:TEXT_MAX]
        operation = words.partition(" ")[0].upper()
        about = {"db.system.name": "postgresql", "db.operation.name": operation, "db.query.text": words}
        context.span = tracer.start_span(f"{operation} postgresql", kind=SpanKind.CLIENT, attributes=about)

    def end(_: object, __: object, ___: str, ____: object, context: Any, _____: bool) -> None:
        if (span := getattr(context, "span", None)) is not None:
            span.end()

    def fail(failed: ExceptionContext) -> None:
        if (span := getattr(failed.execution_context, "span", None)) is not None:
            span.set_status(StatusCode.ERROR)
            span.end()

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "after_cursor_execute", end)
    event.listen(engine, "handle_error", fail)
