"""The route of the report about the shadow."""

from fastapi import APIRouter, Response

from api.access import Operator, ServiceDep
from api.answer import shown
from database.documents import shadow as documents
from database.documents.shadow import ShadowReport

router = APIRouter(tags=["reports"])


@router.get("/reports/shadow", response_model=ShadowReport)
async def get_shadow_report(_: Operator, service: ServiceDep) -> Response:
    """How a network that is not applied would have decided the orders that came since it became the shadow."""
    async with service.database.read() as connection:
        return shown(await documents.report(connection))
