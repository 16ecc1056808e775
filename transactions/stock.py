"""Records stock messages: books them in the ledger and the counters, and offers new units to the orders that wait for them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from database import cooldown, count, incoming, stock
from database.connect import WriteConnection
from database.order import Event
from domain.network import Network
from domain.stock import Movement, StockChange, StockLevel, StockMessage, StockMessageKind, recount
from transactions.message import receive
from transactions.transaction import OrderTransactions, open_shortages

LEVELS_AT_ONCE = 5_000
"""Stock levels that one statement changes; more are changed by several statements in the same transaction."""


class UnknownPlace(ValueError):
    """The message names a node or SKU that the network does not know, or a bundle, which has no stock of its own."""

    def __init__(self, field: str, message: str) -> None:
        """`field` is the field of the body that is wrong."""
        super().__init__(message)
        self.field = field


async def record(transactions: OrderTransactions, message: StockMessage, *, actor: str) -> bool:
    """Store a stock message and apply it, in one transaction; returns whether the message is new.

    Raises `UnknownPlace`, and `UsedWithAnotherBody` when the message id was used for another message.
    """
    return await apply(transactions, message, actor=actor) is not None


async def apply(
    transactions: OrderTransactions,
    message: StockMessage,
    *,
    actor: str,
    tell: Callable[[int, int], None] = lambda done, levels: None,
) -> StockChange | None:
    """As `record`; returns the changes, None when the message is stored already. Reports progress by `tell(done, all)`."""
    async with transactions.database.write() as connection:
        _, network = await transactions.networks.active(connection)
        _check(message, network)
        received = await receive(
            connection,
            message,
            sender=message.node,
            about="stock",
            kind=message.kind,
            facts=message.facts(),
            actor=actor,
        )
        if received is None:
            return None
        if message.expected_at is not None:
            await incoming.announce(connection, message.node, message.message_id, message.expected_at, message.units)
            return StockChange()
        cause = f"message {message.node} {message.message_id}"
        event = Event(cause, actor, received.received_at, message.occurred_at)
        change = await _change_levels(connection, message, event, tell)
        if message.expected is not None:
            await incoming.arrive(connection, message.node, message.expected, message.units)
        return change


def wrong_sku(sku: str, network: Network) -> str | None:
    """Why there can be no stock of this SKU; None = there can."""
    if not network.knows_item(sku):
        return f"{sku} is not an item of the network"
    if network.item(sku).components and sku not in network.retired_items:
        return f"{sku} is a bundle: name its components, which have stock"
    return None


def _check(message: StockMessage, network: Network) -> None:
    if not network.knows_node(message.node):
        raise UnknownPlace("node", f"{message.node} is not a node of the network")
    for index, line in enumerate(message.lines):
        if wrong := wrong_sku(line.sku, network):
            raise UnknownPlace(f"lines.{index}.sku", wrong)


async def _change_levels(
    connection: WriteConnection, message: StockMessage, event: Event, tell: Callable[[int, int], None]
) -> StockChange:
    """Apply a message to its stock levels; all are locked before the first is changed, in the one order of locks."""
    skus = sorted(await _skus(connection, message, event.happened_at))
    await stock.close_gates(connection, skus)
    locked = await stock.lock(connection, {(message.node, sku) for sku in skus})
    levels = {sku: locked[message.node, sku] for sku in skus}
    reported = _by_sku(message.movements())
    booked: list[Movement] = []
    shortages: list[stock.Shortage] = []
    for begin in range(0, len(skus), LEVELS_AT_ONCE):
        part = skus[begin : begin + LEVELS_AT_ONCE]
        movements = [movement for sku in part for movement in reported[sku]]
        movements += await _corrections(connection, message, [levels[sku] for sku in part], event.happened_at)
        shortages += await stock.record(
            connection, movements, order=None, cause=event.cause, actor=event.actor, at=event.happened_at
        )
        booked += movements
        tell(begin + len(part), len(skus))
    await open_shortages(connection, shortages, event)
    await _end_cool_downs(connection, message, levels, event.happened_at)
    return StockChange.of(levels, booked, event.happened_at)


async def _end_cool_downs(
    connection: WriteConnection, message: StockMessage, levels: Mapping[str, StockLevel], happened_at: datetime
) -> None:
    """A count or receipt after a rejection ends the node's cool-down for that SKU."""
    knows = message.kind is StockMessageKind.RECEIVED or message.kind.is_absolute
    rejected = [sku for sku, level in levels.items() if level.rejected_at and level.rejected_at <= happened_at]
    if knows and rejected:
        await cooldown.end(connection, message.node, rejected)


async def _skus(connection: WriteConnection, message: StockMessage, happened_at: datetime) -> set[str]:
    """The SKUs that a message is about; a snapshot is about every SKU with a stock level at its node."""
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
    connection: WriteConnection, message: StockMessage, levels: Sequence[StockLevel], taken_at: datetime
) -> list[Movement]:
    """The corrections of a count for locked stock levels, which are marked as counted; none for other messages."""
    if not message.kind.is_absolute:
        return []
    node, units = message.node, message.units
    later = await count.differences_after(connection, node, [level.sku for level in levels], taken_at)
    found = [recount(level, units[level.sku], taken_at, later.get(level.sku, 0)) for level in levels]
    corrections = [correction for correction in found if correction is not None]
    await count.mark_counted(connection, node, [correction.sku for correction in corrections], taken_at)
    return corrections
