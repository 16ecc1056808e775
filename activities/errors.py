"""Turns what cannot be mended by trying again into Temporal's non-retryable errors, once for all activities."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.exceptions import ApplicationError

from database.order import UnknownOrder
from database.request import UnknownRequest
from database.returns import UnknownReturn

NOT_WORTH_RETRYING = (UnknownOrder, UnknownRequest, UnknownReturn)
"""Rows exist before workflows hear of them, so an unknown one was named by somebody who wrote to Temporal by hand."""


@contextmanager
def as_application_errors() -> Iterator[None]:
    """Everything else is retried with the patience of `workflows/timeouts.py`: PostgreSQL comes back, a bug is fixed."""
    try:
        yield
    except NOT_WORTH_RETRYING as error:
        raise ApplicationError(
            f"{type(error).__name__}: {error}", type=type(error).__name__, non_retryable=True
        ) from error
