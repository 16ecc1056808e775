"""Records stock messages: books them in the ledger and the counters, and offers new units to the orders that wait for them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from database import cooldown, count, exception, incoming, stock, stock_rows
from database.connect import WriteConnection
from database.order import Event
from database.outbox import inbox
from database.stock_rows import KeptRows
from domain.network import Network
from domain.reasons import ExceptionCode
from domain.stock import Movement, StockChange, StockLevel, StockMessage, StockMessageKind, recount
from domain.stock_rows import RowNotApplied, SortedRows, sort_rows, summary
from domain.units import Opened
from transactions import announcement, warehouse_notice
from transactions.message import keep_reason, receive
from transactions.transaction import OrderTransactions, open_shortages

LEVELS_AT_ONCE = 5_000
"""Stock levels that one statement changes; more are changed by several statements in the same transaction."""


class UnknownPlace(ValueError):
    """The message names a node or SKU that the network does not know, or a bundle, which has no stock of its own."""

    def __init__(self, field: str, message: str, rows: Sequence[RowNotApplied] = ()) -> None:
        """`field` is the field of the body that is wrong; `rows` are those of a stock message of which none counts."""
        super().__init__(message)
        self.field = field
        self.rows = rows


@dataclass(frozen=True, slots=True)
class Recorded:
    """A stock message as it was recorded."""

    change: StockChange | None
    """What it changed; None = it was stored before, and nothing has changed."""
    not_applied: Sequence[RowNotApplied] = ()
    """The rows that do not count, or not yet; of a repeated message, as they were answered the first time."""


async def record(transactions: OrderTransactions, message: StockMessage, *, actor: str) -> bool:
    """As `apply`; returns whether the message is new."""
    return (await apply(transactions, message, actor=actor)).change is not None


async def apply(
    transactions: OrderTransactions,
    message: StockMessage,
    *,
    actor: str,
    tell: Callable[[int, int], None] = lambda done, levels: None,
) -> Recorded:
    """Store a stock message and apply it, in one transaction. Reports progress by `tell(done, all)`.

    Rows that do not fit are left out. Those of a SKU that the network does not have are kept; `apply_kept` applies them later.
    Raises `UnknownPlace`, also when every row is refused, and `UsedWithAnotherBody` when the id was used for another message.
    """
    assert message.transfer is None, "transactions.transfer counts it on its transfer"
    async with transactions.database.write() as connection:
        _, network = await transactions.networks.active(connection)
        return await apply_in(connection, network, message, actor=actor, tell=tell)


async def apply_in(
    connection: WriteConnection,
    network: Network,
    message: StockMessage,
    *,
    actor: str,
    tell: Callable[[int, int], None] = lambda done, levels: None,
) -> Recorded:
    """As `apply`, inside a transaction that is open already; `network` is the active one."""
    if not network.knows_node(message.node):
        raise UnknownPlace("node", f"{message.node} is not a node of the network")
    rows = sort_rows(message, network.knows_item, partial(wrong_sku, network=network))
    if not rows.applied and not rows.kept:
        raise UnknownPlace("lines.0.sku", rows.not_applied[0].why, rows.not_applied)
    await _check_its_announcement(connection, message)
    not_applied = [row.model_dump() for row in rows.not_applied]
    received = await receive(
        connection,
        message,
        sender=message.node,
        about="stock",
        kind=message.kind,
        facts=message.facts() | ({NOT_APPLIED: not_applied} if not_applied else {}),
        actor=actor,
    )
    if received is None:
        facts = await inbox.facts(connection, message.node, message.message_id)
        return Recorded(None, [RowNotApplied.model_validate(row) for row in facts.get(NOT_APPLIED, ())])
    await keep_reason(connection, received, None, message.reason)
    cause = f"message {message.node} {message.message_id}"
    event = Event(cause, actor, received.received_at, message.occurred_at)
    named = {row.sku for row in rows.not_applied if row.sku is not None}
    applied = message.with_rows(rows.applied)
    change = await _apply(connection, applied, event, named, tell)
    await _set_aside(connection, message, rows, event)
    if message.kind is StockMessageKind.EXPECTED and message.expected_at is not None:
        await warehouse_notice.announce(connection, network, applied, received.received_at)
    return Recorded(change, rows.not_applied)


async def lock_for(connection: WriteConnection, network: Network, messages: Sequence[StockMessage]) -> None:
    """Lock what several messages change that are applied in one transaction, in the one order of locks: gates, stock levels,
    and the dated rows of announcements. Else a later message would lock a stock level behind the rows of an earlier one.
    """
    named = [(one, sku) for one in messages for sku in one.units if wrong_sku(sku, network) is None]
    places = {(one.node, sku) for one, sku in named if not one.kind.is_about_the_future}
    await stock.close_gates(connection, {sku for _, sku in named})
    await stock.lock(connection, places)
    await incoming.lock(connection, {(sku, one.node, one.announcement) for one, sku in named if one.announcement})


async def _check_its_announcement(connection: WriteConnection, message: StockMessage) -> None:
    """Raise `UnknownPlace` when a change is of goods that nobody announced."""
    is_change = message.kind is StockMessageKind.EXPECTED_CHANGED
    if is_change and not await announcement.is_known(connection, message.node, message.expected or ""):
        raise UnknownPlace("expected", f"no message of {message.node} announced goods under the id {message.expected}")


NOT_APPLIED = "not_applied"
"""Where the inbox has the rows of a message that were not applied."""


def wrong_sku(sku: str, network: Network) -> str | None:
    """Why there can be no stock of this SKU; None = there can."""
    if not network.knows_item(sku):
        return f"{sku} is not an item of the network"
    if network.item(sku).components and sku not in network.retired_items:
        return f"{sku} is a bundle: name its components, which have stock"
    return None


async def _set_aside(connection: WriteConnection, message: StockMessage, rows: SortedRows, event: Event) -> None:
    """Keep the rows that wait for their SKU, and open one exception for all that is not applied. A count ends what older
    messages say of the same SKUs."""
    if rows.kept:
        await stock_rows.keep(connection, message.node, message.message_id, rows.kept)
    if rows.not_applied:
        opened = Opened(ExceptionCode.STOCK_MISFIT, summary(message, rows.not_applied), node=message.node)
        await exception.open_all(connection, [opened], order=None, cause=event.cause, at=event.occurred_at)
    is_whole = message.kind is StockMessageKind.SNAPSHOT
    if is_whole or (message.kind.is_absolute and rows.kept):
        skus = None if is_whole else {row.sku for row in rows.kept.values()}
        await stock_rows.supersede(connection, message.node, message.message_id, skus, event.happened_at)
        whole_at = event.happened_at if is_whole else None
        await stock_rows.close_exceptions(connection, message.node, event.occurred_at, whole_at)


async def _apply(
    connection: WriteConnection,
    message: StockMessage,
    event: Event,
    not_applied: Collection[str],
    tell: Callable[[int, int], None] = lambda done, levels: None,
) -> StockChange:
    """Apply a message whose rows all fit; `not_applied` are SKUs that it also names, in rows that do not count."""
    if message.kind.is_about_the_future:
        await announcement.announce(connection, message, event.happened_at)
        return StockChange()
    change = await _change_levels(connection, message, event, not_applied, tell)
    if message.expected is not None:
        await announcement.arrive(connection, message.node, message.expected, message.units, event.happened_at)
    return change


async def apply_kept(transactions: OrderTransactions) -> None:
    """Apply the rows that were kept and whose SKU the network has now: those of a node in one transaction, each once."""
    async with transactions.database.read_once() as connection:
        waiting = await stock_rows.waiting(connection)
    if not waiting:
        return
    async with transactions.database.read() as connection:
        _, network = await transactions.networks.active(connection)
    known: defaultdict[str, set[str]] = defaultdict(set)
    for node, sku in waiting:
        if network.knows_node(node) and wrong_sku(sku, network) is None:
            known[node].add(sku)
    for node, skus in known.items():
        async with transactions.database.write() as connection:
            await _apply_kept_of(connection, network, node, skus)


def _message_of(kept: KeptRows) -> StockMessage:
    """The message of the rows that were kept of it, with these alone."""
    facts = {name: value for name, value in kept.facts.items() if name in StockMessage.model_fields}
    return StockMessage.model_validate(facts | {"lines": kept.lines[:1]}).later_rows(kept.lines)


async def _apply_kept_of(connection: WriteConnection, network: Network, node: str, skus: Collection[str]) -> None:
    """Apply the rows as if their SKUs had been known: the counts and the ledger do not depend on the order of reports."""
    await stock.close_gates(connection, skus)
    await stock.lock(connection, {(node, sku) for sku in skus})
    taken = [(kept, _message_of(kept)) for kept in await stock_rows.take(connection, node, skus)]
    await lock_for(connection, network, [message for _, message in taken])
    for kept, message in taken:
        happened_at = min(kept.occurred_at, kept.received_at)
        event = Event(f"message {node} {message.message_id}", kept.actor, datetime.now(UTC), happened_at)
        if not kept.is_superseded:
            await _apply(connection, message, event, ())
        elif message.expected is not None:
            await announcement.arrive(connection, node, message.expected, message.units, happened_at)
    await stock_rows.close_exceptions(connection, node, datetime.now(UTC))


async def _change_levels(
    connection: WriteConnection,
    message: StockMessage,
    event: Event,
    not_applied: Collection[str],
    tell: Callable[[int, int], None],
) -> StockChange:
    """Apply a message to its stock levels; all are locked before the first is changed, in the one order of locks."""
    skus = sorted(await _skus(connection, message, not_applied, event.happened_at))
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


async def _skus(
    connection: WriteConnection, message: StockMessage, not_applied: Collection[str], happened_at: datetime
) -> set[str]:
    """The SKUs that a message is about; a snapshot is about every SKU with a stock level at its node, but for those that it
    names in rows that do not count: it does not say that they are not there."""
    named = set(message.units)
    if message.kind is not StockMessageKind.SNAPSHOT:
        return named
    others = await count.not_counted_since(connection, message.node, happened_at)
    return named | (others - set(not_applied))


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
