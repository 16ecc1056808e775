"""Named statements about exceptions: what needs a person is opened once per cause and stays until someone resolves it."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import text

from database.connect import WriteConnection
from domain.units import Opened

DUE_WITHIN = timedelta(hours=4)
"""How soon a person should look at an exception."""


async def open_all(
    connection: WriteConnection, opened: Iterable[Opened], *, order: str | None, cause: str, at: datetime
) -> None:
    """Open exceptions of one event; one that this cause has opened before is not opened again."""
    for index, exception in enumerate(opened):
        await connection.execute(
            OPEN,
            {
                "order": order,
                "fulfillment_order": exception.fulfillment_order,
                "node": exception.node,
                "code": exception.code,
                "detail": exception.detail,
                "cause": f"{order or ''}|{cause}|{index}",
                "since": at,
                "due_at": at + DUE_WITHIN,
                "prefix": order or "stock",
            },
        )


OPEN = text(
    """
    INSERT INTO exception (exception_id, order_id, fulfillment_order_id, node, code, detail, cause, since, due_at)
    VALUES (:prefix || '-x' || nextval('exception_number'), :order, :fulfillment_order, :node, :code, :detail, :cause,
            :since, :due_at)
    ON CONFLICT (code, cause) DO NOTHING
    """
)
