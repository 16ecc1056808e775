"""The route by which carriers, or who speaks for them, report where parcels are."""

import json
import math
from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel, ValidationError

from api import request_log
from api.access import ServiceDep
from api.limits import Buckets
from api.paths import CarrierName
from api.problems import INVALID, NO_KEY, TOO_MANY, UNREADABLE, Problem, wrong_fields
from carriers.carrier import Scan
from database import connection as connections
from domain.mistake import mistakes
from domain.tracking import ScanReport
from formats.standard_webhooks import is_signed
from transactions import tracking
from transactions.label import CREDENTIALS, WEBHOOK_SECRET

router = APIRouter(tags=["carriers"])

log = structlog.get_logger("tracking")


class ScansKept(BaseModel):
    """How many scans are new, known already, of parcels that nobody knows yet, and of a time that has not come."""

    carrier: str
    new: int
    known: int
    unknown: int
    ahead: int


@router.post("/carriers/{carrier}/webhooks", include_in_schema=False)
async def take_scans(carrier: CarrierName, request: Request, service: ServiceDep) -> ScansKept:
    """Keep scans of parcels. 401 without a signature (Standard Webhooks) with the carrier's secret; 422 for a body of another
    shape, of which nothing is kept. A repeat changes nothing."""
    headers, body = dict(request.headers), await request.body()
    async with service.database.read() as connection:
        access = await connections.access(connection, CREDENTIALS.format(carrier))
    secret = access.credentials.get(WEBHOOK_SECRET) if access else None
    if not secret or not _is_genuine(carrier, secret, headers, body):
        raise Problem(NO_KEY, "this is not signed by a carrier of this name")
    request_log.show_key(f"carrier:{carrier}")
    rates: Buckets | None = request.app.state.webhook_rates
    if rates and (wait := rates.wait(f"carrier:{carrier}")):
        raise Problem(TOO_MANY, "this carrier sends too many webhooks", retry_after_seconds=math.ceil(wait))
    scans = [Scan(one.tracking, one.kind, one.code, one.at) for one in _read(body).scans]
    found = await tracking.report(service.transactions, carrier, scans)
    return ScansKept(carrier=carrier, new=found.new, known=found.known, unknown=found.unknown, ahead=found.ahead)


def _is_genuine(carrier: str, secret: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        return is_signed(secret, headers, body, datetime.now(UTC))
    except ValueError:  # the secret begins with whsec_, and what follows is no base64
        log.warning("the webhook_secret of a carrier cannot be read", carrier=carrier)
        return False


def _read(body: bytes) -> ScanReport:
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(UNREADABLE, "the body is not JSON") from None
    if not isinstance(given, dict):
        raise Problem(INVALID, "must be an object", field="body")
    try:
        return ScanReport.model_validate(given)
    except ValidationError as error:
        raise wrong_fields(mistakes(error.errors(include_input=False), ScanReport)) from None
