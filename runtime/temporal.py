"""Connects to Temporal as the environment configures it."""

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from runtime.where import temporal_connection


class TemporalUnreachable(Exception):
    """Temporal does not answer at the configured address."""


async def connect(*, lazy: bool = False) -> Client:
    """A client as the environment configures it; a lazy one connects at its first call. Raises `TemporalUnreachable`."""
    settings = temporal_connection()
    address = settings.setdefault("target_host", "localhost:7233")
    try:
        return await Client.connect(**settings, data_converter=pydantic_data_converter, lazy=lazy)
    except RuntimeError as error:
        raise TemporalUnreachable(f"Temporal does not answer at {address}: {error}") from error
