"""Takes in what is told about stock: the counters follow the ledger, and who waits for the goods is woken."""

from datetime import UTC, datetime

from activities.digest import digest
from activities.networks import Networks
from activities.transaction import open_shortages
from database import inbox, stock
from database.connect import Database, WriteConnection
from database.inbox import Received
from database.order import Event
from domain.network import Network
from domain.stock import Movement, MovementKind, StockMessage, StockMessageKind


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

    async def record(self, message: StockMessage, *, actor: str) -> bool:
        """Store a stock message and apply it, in one transaction; answers whether it is new.

        Raises `UnknownPlace`, and `UsedWithAnotherBody` when the message id was used for something else.
        """
        async with self._database.write() as connection:
            _, network = await self._networks.active(connection)
            _check(message, network)
            received = _received(message, actor)
            if not await inbox.receive(connection, received):
                return False
            movements = await _movements(connection, message)
            event = Event(f"message {message.node} {message.message_id}", actor, received.received_at)
            shortages = await stock.record(
                connection, movements, order=None, cause=event.cause, actor=actor, at=message.occurred_at
            )
            await open_shortages(connection, shortages, event)
            return True


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
        shelves = await stock.lock(connection, {(message.node, line.sku) for line in message.lines})
        before = {place: shelf.on_hand for place, shelf in shelves.items()}
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
