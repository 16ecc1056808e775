"""The front door: what is running here and where things are, and the interface as a page to read. No key needed."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel

from api.access import known_query
from runtime.version import VERSION

router = APIRouter(tags=["service"], dependencies=[Depends(known_query)])

NOTHING_FROM_ELSEWHERE = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}
CONSOLE = "/console"
TO_THE_CONSOLE: dict[int | str, dict[str, Any]] = {303: {"description": "A browser is sent to the console"}}


class Running(BaseModel):
    """What is running here, and where things are."""

    service: str
    version: str
    openapi: str
    docs: str
    health: str
    readiness: str
    temporal_ui: str | None
    """Where the Temporal UI is, if this process was started with its address."""


@router.get("/", response_model=Running, responses=TO_THE_CONSOLE)
async def get_service(request: Request) -> Response:
    """What is running here and where things are, as JSON. A browser is sent to the console."""
    running = Running(
        service="switchyard",
        version=VERSION,
        openapi="/openapi.json",
        docs="/docs",
        health="/healthz",
        readiness="/readyz",
        temporal_ui=request.app.state.temporal_ui,
    )
    if "text/html" in request.headers.get("accept", ""):
        response: Response = RedirectResponse(CONSOLE, 303)
    else:
        response = JSONResponse(running.model_dump())
    response.headers["Vary"] = "Accept"
    return response


@router.get("/docs", include_in_schema=False)
async def get_docs(request: Request) -> HTMLResponse:
    """The OpenAPI document as a page to read."""
    return HTMLResponse(request.app.state.docs(), headers=NOTHING_FROM_ELSEWHERE)
