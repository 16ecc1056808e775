"""Named statements about cartons: each package gets a serial number once, from which its SSCC is made."""

from collections.abc import Collection

from sqlalchemy import text

from database.connect import WriteConnection


async def serials(connection: WriteConnection, packages: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """The serial numbers of packages, each named by its fulfillment order and its id there; new ones get one. No number is ever
    given twice."""
    if not packages:
        return {}
    parameters = {"orders": [order for order, _ in packages], "packages": [package for _, package in packages]}
    await connection.execute(NUMBER, parameters)
    rows = await connection.execute(SERIALS, parameters)
    return {(row.fulfillment_order_id, row.package): row.serial for row in rows}


_NAMED = "unnest(CAST(:orders AS text[]), CAST(:packages AS text[])) AS n(fulfillment_order_id, package)"

NUMBER = text(
    f"""
    INSERT INTO carton (fulfillment_order_id, package)
    SELECT DISTINCT fulfillment_order_id, package FROM {_NAMED} ORDER BY 1, 2
    ON CONFLICT DO NOTHING
    """
)

SERIALS = text(f"SELECT c.* FROM carton c JOIN {_NAMED} USING (fulfillment_order_id, package)")
