"""Named statements about where an order goes: the addresses that requests ask for, and the order's address."""

from sqlalchemy import text

from database import customer, details, personal
from database.connect import ReadConnection, WriteConnection
from database.sealing import Key
from domain.order import Address, BillTo


async def keep(connection: WriteConnection, request: int, order: str, ship_to: Address) -> None:
    """Store the address that a request asks for. Does nothing for a forgotten order or a repeated request."""
    key = await personal.key_of(connection, order)
    if key is not None:
        parameters = {"request": request, "order": order, "ship_to": _sealed(key, ship_to)}
        await connection.execute(KEEP, parameters)


KEEP = text(
    """
    INSERT INTO personal.new_address (request_id, order_id, ship_to)
    SELECT :request, owner, :ship_to FROM personal.key WHERE owner = :order FOR KEY SHARE
    ON CONFLICT DO NOTHING
    """
)
"""The key row is locked: when another transaction is forgetting the order, this waits for it and then stores nothing."""


async def asked_for(connection: ReadConnection, order: str, request: int) -> Address | None:
    """The address that a request asks for; None when the order was forgotten."""
    sealed = (await connection.execute(ASKED_FOR, {"request": request})).scalar()
    document = personal.unseal(await personal.key_of(connection, order), "address", sealed)
    return None if document is None else Address.model_validate(document)


ASKED_FOR = text("SELECT ship_to FROM personal.new_address WHERE request_id = :request")


async def of(connection: ReadConnection, order: str) -> Address | None:
    """The order's address; None when the order was forgotten."""
    sealed = (await connection.execute(GOES_TO, {"order": order})).scalar()
    document = personal.unseal(await personal.key_of(connection, order), "address", sealed)
    return None if document is None else Address.model_validate(document)


async def takes_a_parcel(connection: ReadConnection, order: str) -> bool:
    """Whether an order's address has a street, so that a parcel can go there. The address of a pickup may have none."""
    goes_to = await of(connection, order)
    return goes_to is not None and bool(goes_to.street)


GOES_TO = text("SELECT ship_to FROM personal.recipient WHERE order_id = :order")


async def change(connection: WriteConnection, order: str, ship_to: Address, postal_area: str) -> None:
    """Replace the address of an order, under the order's lock. Does nothing when the order was forgotten."""
    row = (await connection.execute(KEY_AND_DETAILS, {"order": order})).one_or_none()
    key = personal.open_key(connection, order, row.wrapped) if row is not None else None
    if row is None or key is None:
        return
    bill_to = details.unseal(key, row.details).bill_to
    people = [ship_to, *([BillTo.model_construct(**bill_to)] if bill_to else [])]
    parameters = {"order": order, "ship_to": _sealed(key, ship_to), "country": ship_to.country}
    parameters |= {"postal_area": postal_area, "digests": await customer.digests(connection, *people)}
    await connection.execute(CHANGE, parameters)


KEY_AND_DETAILS = text(
    """
    SELECT k.wrapped, r.details FROM personal.key k JOIN personal.recipient r ON r.order_id = k.owner WHERE k.owner = :order
    """
)


CHANGE = text(
    f"""
    WITH moved AS (UPDATE orders SET country = :country, postal_area = :postal_area WHERE order_id = :order),
    {customer.REPLACE}
    UPDATE personal.recipient SET ship_to = :ship_to WHERE order_id = :order
    """
)


def _sealed(key: Key, ship_to: Address) -> bytes:
    return key.seal("address", ship_to.model_dump(mode="json", exclude_none=True))
