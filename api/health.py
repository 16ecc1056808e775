"""Routes for whoever watches the process: is it alive, and can it take orders."""

import asyncio

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from temporalio.service import RPCError

from api.access import Wired, known_query
from api.problems import NOT_READY, Problem, answer
from database.connect import DatabaseUnreachable

router = APIRouter(tags=["service"], dependencies=[Depends(known_query)])

TEMPORAL_ANSWERS_WITHIN_SECONDS = 1.0


@router.get("/healthz")
async def get_health() -> dict[str, str]:
    """200 while this process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def get_readiness(service: Wired) -> JSONResponse:
    """200 while orders and messages can be taken. Without Temporal they are stored, and go on later."""
    try:
        await service.database.check()
    except DatabaseUnreachable:
        return answer(Problem(NOT_READY, "PostgreSQL does not answer"))
    return JSONResponse({"database": "up", "temporal": "up" if await _temporal_answers(service) else "down"})


async def _temporal_answers(service: Wired) -> bool:
    try:
        async with asyncio.timeout(TEMPORAL_ANSWERS_WITHIN_SECONDS):
            return await service.client.service_client.check_health()
    except (RPCError, RuntimeError, TimeoutError):
        return False
