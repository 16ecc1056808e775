"""Takes in what is told about stock: the counters follow the ledger, and who waits for the goods is offered them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from database import cooldown, count, incoming, personal, stock
from database.connect import WriteConnection
from database.order import Event
from database.outbox import inbox
from database.outbox.inbox import Received
from domain.network import Network
from domain.stock import Movement, StockChange, StockLevel, StockMessage, StockMessageKind, recount
from transactions.transaction import OrderTransactions, open_shortages

SHELVES_AT_ONCE = 5_000
"""Shelves that one statement changes; more are changed by several in the same transaction."""


class UnknownPlace(ValueError):
    """The message names a node or SKU that the network does not know, or a bundle, which no shelf holds."""

    def __init__(self, field: str, message: str) -> None:
        """`field` is the field of the body that is wrong."""
        super().__init__(message)
        self.field = field


async def record(transactions: OrderTransactions, message: StockMessage, *, actor: str) -> bool:
    """Store a stock message and apply it, in one transaction; answers whether it is new.

    Raises `UnknownPlace`, and `UsedWithAnotherBody` when the message id was used for something else.
    """
    return await apply(transactions, message, actor=actor) is not None


async def apply(
    transactions: OrderTransactions,
    message: StockMessage,
    *,
    actor: str,
    tell: Callable[[int, int], None] = lambda done, shelves: None,
) -> StockChange | None:
    """The same; answers what changed, None when the message is here already, and tells how many shelves are done."""
    async with transactions.database.write() as connection:
        _, network = await transactions.networks.active(connection)
        _check(message, network)
        received = _received(message, await personal.fingerprint(connection, message), actor)
        if not await inbox.receive(connection, received):
            return None
        if message.expected_at is not None:
            await incoming.announce(connection, message.node, message.message_id, message.expected_at, message.units)
            return StockChange()
        cause = f"message {message.node} {message.message_id}"
        event = Event(cause, actor, received.received_at, message.occurred_at)
        change = await _change_shelves(connection, message, event, tell)
        if message.expected is not None:
            await incoming.arrive(connection, message.node, message.expected, message.units)
        return change


def wrong_sku(sku: str, network: Network) -> str | None:
    """Why no shelf can hold this SKU; None = it can."""
    if sku not in network.items:
        return f"{sku} is not an item of the network"
    if network.items[sku].components:
        return f"{sku} is a bundle: name its components, which are on the shelf"
    return None


def _check(message: StockMessage, network: Network) -> None:
    if message.node not in network.nodes:
        raise UnknownPlace("node", f"{message.node} is not a node of the network")
    for index, line in enumerate(message.lines):
        if wrong := wrong_sku(line.sku, network):
            raise UnknownPlace(f"lines.{index}.sku", wrong)


async def _change_shelves(
    connection: WriteConnection, message: StockMessage, event: Event, tell: Callable[[int, int], None]
) -> StockChange:
    """Apply a message to its shelves; all are locked before the first is changed, in the one order of locks."""
    skus = sorted(await _skus(connection, message, event.happened_at))
    await stock.close_gates(connection, skus)
    locked = await stock.lock(connection, {(message.node, sku) for sku in skus})
    shelves = {sku: locked[message.node, sku] for sku in skus}
    told = _by_sku(message.movements())
    booked: list[Movement] = []
    shortages: list[stock.Shortage] = []
    for begin in range(0, len(skus), SHELVES_AT_ONCE):
        part = skus[begin : begin + SHELVES_AT_ONCE]
        movements = [movement for sku in part for movement in told[sku]]
        movements += await _corrections(connection, message, [shelves[sku] for sku in part], event.happened_at)
        shortages += await stock.record(
            connection, movements, order=None, cause=event.cause, actor=event.actor, at=event.happened_at
        )
        booked += movements
        tell(begin + len(part), len(skus))
    await open_shortages(connection, shortages, event)
    await _end_cool_downs(connection, message, shelves, event.happened_at)
    return StockChange.of(shelves, booked, event.happened_at)


async def _end_cool_downs(
    connection: WriteConnection, message: StockMessage, shelves: Mapping[str, StockLevel], happened_at: datetime
) -> None:
    """Who counts or receives goods after he rejected them knows what he has: he may be asked for them again."""
    knows = message.kind is StockMessageKind.RECEIVED or message.kind.is_absolute
    rejected = [sku for sku, shelf in shelves.items() if shelf.rejected_at and shelf.rejected_at <= happened_at]
    if knows and rejected:
        await cooldown.end(connection, message.node, rejected)


async def _skus(connection: WriteConnection, message: StockMessage, happened_at: datetime) -> set[str]:
    """What the message speaks of; a snapshot speaks of everything that its node has a shelf for."""
    named = set(message.units)
    if message.kind is not StockMessageKind.SNAPSHOT:
        return named
    return named | await count.not_counted_since(connection, message.node, happened_at)


def _by_sku(movements: Iterable[Movement]) -> defaultdict[str, list[Movement]]:
    found: defaultdict[str, list[Movement]] = defaultdict(list)
    for movement in movements:
        found[movement.sku].append(movement)
    return found


async def _corrections(
    connection: WriteConnection, message: StockMessage, shelves: Sequence[StockLevel], taken_at: datetime
) -> list[Movement]:
    """What a count changes on locked shelves, which remember that they were counted; nothing of another message."""
    if not message.kind.is_absolute:
        return []
    node, units = message.node, message.units
    later = await count.differences_after(connection, node, [shelf.sku for shelf in shelves], taken_at)
    found = [recount(shelf, units[shelf.sku], taken_at, later.get(shelf.sku, 0)) for shelf in shelves]
    corrections = [correction for correction in found if correction is not None]
    await count.mark_counted(connection, node, [correction.sku for correction in corrections], taken_at)
    return corrections


def _received(message: StockMessage, body_digest: str, actor: str) -> Received:
    return Received(
        sender=message.node,
        message_id=message.message_id,
        about="stock",
        kind=message.kind,
        body_digest=body_digest,
        occurred_at=message.occurred_at,
        received_at=datetime.now(UTC),
        actor=actor,
        facts=message.facts(),
    )
