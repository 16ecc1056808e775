"""Named statements about where an order goes: the address that somebody asked for, and the one that it has."""

from sqlalchemy import text

from database.connect import ReadConnection, WriteConnection
from domain.order import Address


async def keep(connection: WriteConnection, request: int, order: str, ship_to: Address) -> None:
    """Keep the address that a request asks for, in the schema for personal data; a repeated request has it already."""
    document = ship_to.model_dump_json(exclude_none=True)
    await connection.execute(KEEP, {"request": request, "order": order, "ship_to": document})


KEEP = text(
    """
    INSERT INTO personal.new_address (request_id, order_id, ship_to) VALUES (:request, :order, CAST(:ship_to AS jsonb))
    ON CONFLICT DO NOTHING
    """
)


async def asked_for(connection: ReadConnection, request: int) -> Address:
    """The address that a request asks for."""
    found = await connection.execute(ASKED_FOR, {"request": request})
    return Address.model_validate_json(found.scalar_one())


ASKED_FOR = text("SELECT ship_to::text FROM personal.new_address WHERE request_id = :request")


async def takes_a_parcel(connection: ReadConnection, order: str) -> bool:
    """Whether an order's address names a street; one that is collected may do without."""
    return bool((await connection.execute(TAKES_A_PARCEL, {"order": order})).scalar())


TAKES_A_PARCEL = text(
    "SELECT jsonb_array_length(ship_to->'street') > 0 FROM personal.recipient WHERE order_id = :order"
)


async def change(connection: WriteConnection, order: str, ship_to: Address, postal_area: str) -> None:
    """Let an order go elsewhere, under its lock."""
    document = ship_to.model_dump_json(exclude_none=True)
    await connection.execute(
        CHANGE, {"order": order, "ship_to": document, "country": ship_to.country, "postal_area": postal_area}
    )


CHANGE = text(
    """
    WITH moved AS (UPDATE orders SET country = :country, postal_area = :postal_area WHERE order_id = :order)
    UPDATE personal.recipient SET ship_to = CAST(:ship_to AS jsonb) WHERE order_id = :order
    """
)
