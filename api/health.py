"""Routes for monitoring: is the process alive, and can it accept orders that somebody works on."""

from typing import Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict

from api.access import ServiceDep, known_query
from api.answer import shown
from api.problems import NOT_READY, Problem, answer
from database.connect import DatabaseUnreachable
from runtime import time_zones

router = APIRouter(tags=["service"], dependencies=[Depends(known_query)])


class Health(BaseModel):
    """The process answers."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Literal["ok"]
    time_zones: str
    """The version of the time zone database that decides days and cut-offs, such as 2026b."""


class Readiness(BaseModel):
    """What can be reached."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    database: Literal["up"]
    """PostgreSQL; without it the answer is 503."""
    temporal: Literal["up", "down"]
    """Without Temporal orders and messages are stored, and go on later."""
    workers: Literal["up", "unknown"]
    """Whether a worker has asked for work in the last 70 seconds; when none has, the answer is 503. Unknown without
    Temporal."""


@router.get("/healthz")
async def get_health() -> Health:
    """200 while this process answers."""
    return Health(status="ok", time_zones=time_zones.VERSION)


@router.get("/readyz", response_model=Readiness)
async def get_readiness(service: ServiceDep) -> Response:
    """200 while orders and messages can be accepted and a worker listens. Without Temporal they are stored, and go on later."""
    try:
        await service.database.check()
    except DatabaseUnreachable:
        return answer(Problem(NOT_READY, "PostgreSQL does not answer"))
    listens = await service.listeners.any()
    if listens is False:
        problem = Problem(
            NOT_READY, "no worker listens: orders and messages are stored, and nobody works on them", more=NO_WORKERS
        )
        return answer(problem)
    return shown({"database": "up"} | (WITHOUT_TEMPORAL if listens is None else WHOLE))


WHOLE = {"temporal": "up", "workers": "up"}
WITHOUT_TEMPORAL = {"temporal": "down", "workers": "unknown"}
NO_WORKERS = {"database": "up", "temporal": "up", "workers": "down"}
