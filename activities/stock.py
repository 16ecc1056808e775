"""Takes in what is told about stock: the counters follow the ledger, and who waits for the goods is woken."""

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import text

from activities.digest import digest
from activities.networks import Networks
from activities.transaction import open_shortages
from database import inbox, stock, wake
from database.connect import Database, WriteConnection
from database.inbox import Received
from database.order import Event
from domain import identifiers
from domain.network import Network
from domain.stock import Movement, MovementKind, StockMessage, StockMessageKind

CHANGED = "changed"
"""The signal that tells an order to look at the facts again."""


class UnknownPlace(ValueError):
    """The message names a node or SKU that the network does not know, or a bundle, which no shelf holds."""

    def __init__(self, field: str, message: str) -> None:
        """`field` is the field of the body that is wrong."""
        super().__init__(message)
        self.field = field


class StockTransactions:
    """Facts about stock, with their collaborators."""

    def __init__(self, database: Database, networks: Networks) -> None:
        """`networks` tells which nodes and SKUs exist."""
        self._database = database
        self._networks = networks

    async def record(self, message: StockMessage, *, actor: str) -> tuple[bool, list[wake.Wake]]:
        """Store a stock message and apply it, in one transaction; answers whether it is new, and whom to wake.

        Raises `UnknownPlace`, and `UsedWithAnotherBody` when the message id was used for something else.
        """
        async with self._database.write() as connection:
            _, network = await self._networks.active(connection)
            _check(message, network)
            received = _received(message, actor)
            if not await inbox.receive(connection, received):
                return False, []
            movements = await _movements(connection, message)
            event = Event(f"message {message.node} {message.message_id}", actor, received.received_at)
            shortages = await stock.record(
                connection, movements, order=None, cause=event.cause, actor=actor, at=message.occurred_at
            )
            await open_shortages(connection, shortages, event)
            return True, await wake_those_who_wait(connection, network, {m.sku for m in movements if m.on_hand > 0})


def _check(message: StockMessage, network: Network) -> None:
    if message.node not in network.nodes:
        raise UnknownPlace("node", f"{message.node} is not a node of the network")
    for index, line in enumerate(message.lines):
        if line.sku not in network.items:
            raise UnknownPlace(f"lines.{index}.sku", f"{line.sku} is not an item of the network")
        if network.items[line.sku].components:
            raise UnknownPlace(
                f"lines.{index}.sku", f"{line.sku} is a bundle: name its components, which are on the shelf"
            )


async def _movements(connection: WriteConnection, message: StockMessage) -> list[Movement]:
    """What the message changes; a count is the difference to what we believed, under the lock of its rows."""
    kind = MovementKind(message.kind)
    before: dict[tuple[str, str], int] = {}
    if message.kind is StockMessageKind.COUNTED:
        skus = sorted({line.sku for line in message.lines})
        before = await stock.lock_on_hand(connection, message.node, skus)
    return [
        Movement(
            kind,
            message.node,
            line.sku,
            on_hand=line.quantity - before.get((message.node, line.sku), 0),
            reference=str(position),
        )
        for position, line in enumerate(message.lines)
    ]


async def wake_those_who_wait(
    connection: WriteConnection, network: Network, stocked: Collection[str]
) -> list[wake.Wake]:
    """New stock of some SKUs came: tell every open order that waits for an item made of them to source again, in sequence."""
    items = [sku for sku in network.items if any(part in stocked for part, _ in network.components(sku))]
    if not stocked:
        return []
    rows = await connection.execute(WAITING_FOR, {"items": items})
    return [
        await wake.add(
            connection, identifiers.order_workflow_id(row.order_id), row.order_id, CHANGED, {"look_again": True}
        )
        for row in rows
    ]


WAITING_FOR = text(
    """
    SELECT o.order_id FROM orders o
    WHERE o.closed_at IS NULL AND EXISTS (
        SELECT FROM waiting w JOIN order_line l USING (order_id, line)
        WHERE w.order_id = o.order_id AND w.awaits = 'stock' AND l.sku = ANY(CAST(:items AS text[])))
    ORDER BY o.priority, o.promise_deliver_by NULLS LAST, o.placed_at, o.order_id
    """
)


def _received(message: StockMessage, actor: str) -> Received:
    return Received(
        sender=message.node,
        message_id=message.message_id,
        about="stock",
        kind=message.kind,
        body_digest=digest(message),
        occurred_at=message.occurred_at,
        received_at=datetime.now(UTC),
        actor=actor,
        facts=message.model_dump(mode="json", exclude={"reason"}, exclude_unset=True),
    )
