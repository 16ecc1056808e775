"""The route of how marketplaces are content with the channels."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from api.access import Operator, ServiceDep
from api.answer import shown
from database.documents import marketplace_health as documents
from database.documents.marketplace_health import MarketplaceHealth
from transactions.marketplace_health import measured

router = APIRouter(tags=["reports"])


@router.get("/reports/marketplace-health", response_model=MarketplaceHealth)
async def get_marketplace_health(_: Operator, service: ServiceDep) -> Response:
    """Late shipments, cancellations, valid tracking and deliveries in time, by channel, as its marketplace counts them."""
    at = datetime.now(UTC)
    async with service.database.read() as connection:
        network = (await service.networks.active(connection))[1]
        found = await measured(connection, network, at)
    rates = {channel: documents.shown(one) for channel, one in found.items()}
    return shown({"items": [{"channel": name, "measured_at": at, "rates": of} for name, of in rates.items()]})
