"""Turns errors that no retry can fix into Temporal's non-retryable errors, for all activities."""

from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.exceptions import ApplicationError

from database.order import UnknownOrder
from database.request import UnknownRequest
from database.returns import UnknownReturn

NOT_WORTH_RETRYING = (UnknownOrder, UnknownRequest, UnknownReturn)
"""Rows are stored before workflows learn their names, so an unknown name was sent to Temporal by hand."""


@contextmanager
def as_application_errors() -> Iterator[None]:
    """Other errors are retried as `workflows/timeouts.py` says: PostgreSQL comes back, a bug is fixed."""
    try:
        yield
    except NOT_WORTH_RETRYING as error:
        raise ApplicationError(
            f"{type(error).__name__}: {error}", type=type(error).__name__, non_retryable=True
        ) from error
