"""Routes for monitoring: is the process alive, and can it accept orders."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict
from temporalio.service import RPCError

from api.access import ServiceDep, known_query
from api.answer import shown
from api.problems import NOT_READY, Problem, answer
from database.connect import DatabaseUnreachable

router = APIRouter(tags=["service"], dependencies=[Depends(known_query)])

TEMPORAL_ANSWERS_WITHIN_SECONDS = 1.0


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """What can be reached."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    database: Literal["up"]
    """PostgreSQL; without it the answer is 503."""
    temporal: Literal["up", "down"]
    """Without Temporal orders and messages are stored, and go on later."""


@router.get("/healthz")
async def get_health() -> Health:
    """200 while this process answers."""
    return Health(status="ok")


@router.get("/readyz", response_model=Readiness)
async def get_readiness(service: ServiceDep) -> Response:
    """200 while orders and messages can be accepted. Without Temporal they are stored, and go on later."""
    try:
        await service.database.check()
    except DatabaseUnreachable:
        return answer(Problem(NOT_READY, "PostgreSQL does not answer"))
    return shown({"database": "up", "temporal": "up" if await _temporal_answers(service) else "down"})


async def _temporal_answers(service: ServiceDep) -> bool:
    try:
        async with asyncio.timeout(TEMPORAL_ANSWERS_WITHIN_SECONDS):
            return await service.client.service_client.check_health()
    except (RPCError, RuntimeError, TimeoutError):
        return False
