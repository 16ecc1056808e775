"""Takes transfers between nodes, and records what of them arrives at the destination (docs/decisions/0066).

A transfer is stored as an order, and lives as one. A receipt books the goods at the destination and counts them as arrived in
one transaction, under the transfer's lock first.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import BaseModel

from database import order, stock
from database.connect import WriteConnection
from database.order import Event
from domain import identifiers, units
from domain.fulfillment import receive
from domain.network import Network, Node, ReturnTerms
from domain.order import Address, NewLine, OrderInput
from domain.reasons import ExceptionCode
from domain.sourcing import OrderFacts
from domain.sourcing.new_order import facts_of_new
from domain.stock import StockMessage
from domain.transfer import NO_CURRENCY, PRIORITY, TransferOrder, TransferRequest, allot, not_released
from domain.units import Opened
from network.geography import ImpossiblePlace, locate
from network.validate_order import check_transfer
from transactions import stock as stocks
from transactions.order import AcceptedOrder, area_of, store_as, workflow_input
from transactions.stock import Recorded, UnknownPlace, wrong_sku
from transactions.transaction import OrderTransactions, Transaction, Work


async def take(transactions: OrderTransactions, asked: TransferRequest) -> AcceptedOrder:
    """Store a transfer in one transaction. Raises `WrongField`, `UsedForAnotherOrder` and `NoNetwork`."""
    async with transactions.database.write() as connection:
        network = await transactions.networks.hold_active(connection)
        check_transfer(asked, network)
        stored = await store_asked(connection, network, asked, channel=identifiers.TRANSFERS, priority=PRIORITY)
        state = await order.news(connection, stored.input.order)
    return AcceptedOrder(stored.is_new, state, stored.input)


class StoredTransfer(NamedTuple):
    """Whether a transfer was not known before, and the input of its workflow."""

    is_new: bool
    input: OrderInput


async def store_asked(
    connection: WriteConnection, network: Network, asked: TransferRequest, *, channel: str, priority: int
) -> StoredTransfer:
    """Store a checked request in the caller's transaction. Raises `UsedForAnotherOrder`."""
    made = _order(asked, network, channel, priority)
    is_new = await store(connection, made, network, asked, asked.to_node)
    return StoredTransfer(is_new, workflow_input(made, _area(made)))


async def store(
    connection: WriteConnection,
    made: TransferOrder,
    network: Network,
    sent: BaseModel,
    to_node: str,
    *,
    for_order: str | None = None,
) -> bool:
    """Store a transfer to a node, made of what was `sent`; `for_order` is the order that it is for. False when it is known.
    Raises `UsedForAnotherOrder`."""
    terms = {line.line: ReturnTerms(final_sale=True) for line in made.lines}
    area = _area(made)
    return await store_as(
        connection, made, network, sent=sent, area=area, terms=terms, to_node=to_node, for_order=for_order
    )


def _area(made: TransferOrder) -> str:
    """The area of the destination's postal code; "" where the network knows only its coordinates."""
    with suppress(ImpossiblePlace):
        return area_of(made)
    return ""


def _order(asked: TransferRequest, network: Network, channel: str, priority: int) -> TransferOrder:
    """The order that a transfer is: from its source only."""
    lines = [(name, line.sku, line.quantity) for name, line in asked.numbered()]
    node = network.node(asked.to_node)
    made = order_to(node, asked.transfer, lines, service=asked.service, placed_at=datetime.now(UTC))
    own = {"channel": channel, "priority": priority, "from_node": asked.from_node, "not_before": asked.ship_after}
    return made.model_copy(update=own)


def order_to(
    node: Node,
    number: str,
    lines: Iterable[tuple[str, str, int]],
    *,
    service: str,
    placed_at: datetime,
) -> TransferOrder:
    """The order that a transfer to a node is: without prices, to where the node is, from wherever the policy says. `lines` are
    (line, SKU, quantity)."""
    return TransferOrder(
        channel=identifiers.TRANSFERS,
        number=number,
        placed_at=placed_at,
        service=service,
        ship_to=_address(node),
        paid=0,
        lines=tuple(NewLine(line=line, sku=sku, quantity=quantity, unit_price=0) for line, sku, quantity in lines),
    )


def facts_of(made: TransferOrder, network: Network, to_node: str) -> OrderFacts:
    """The facts for the policy of a transfer to a node that is not stored."""
    return replace(facts_of_new(made, network, locate), to_node=to_node)


def facts_to(node: Node, channel: str, priority: int) -> OrderFacts:
    """The facts of a transfer to a node for the policy, before it is known what moves and from where."""
    locality = _address(node).locality
    return OrderFacts(
        channel=channel,
        service="",
        country=locality.country,
        region=locality.region,
        postal_code=locality.postal_code,
        place=locate(locality),
        currency=NO_CURRENCY,
        priority=priority,
        to_node=node.id,
    )


def _address(node: Node) -> Address:
    """Where a node is: as the network has it, which may be spelled otherwise than the address of a customer must be."""
    return Address.model_construct(
        name=node.name,
        street=node.street,
        city=node.city or None,
        region=node.state or None,
        postal_code=node.postal_code,
        country=node.country,
        phone=node.phone or None,
        latitude=node.latitude,
        longitude=node.longitude,
    )


async def record(transactions: OrderTransactions, message: StockMessage, *, actor: str) -> Recorded:
    """Store a receipt that names a transfer and apply it, in one transaction. Raises as `transactions.stock.apply`."""
    try:
        async with transactions.begin(locks=_named(message)) as transaction:
            return await record_in(transactions, transaction, message, actor=actor)
    except order.UnknownOrder:
        raise _unknown(message) from None


async def record_in(
    transactions: OrderTransactions, transaction: Transaction, message: StockMessage, *, actor: str
) -> Recorded:
    """As `record`, inside a transaction that is open already and has locked no stock."""
    try:
        work = await transactions.on(transaction, _named(message))
    except order.UnknownOrder:
        raise _unknown(message) from None
    return await _record(work, message, actor)


def _named(message: StockMessage) -> str:
    assert message.transfer is not None
    return identifiers.transfer_order_id(message.transfer)


def _unknown(message: StockMessage) -> UnknownPlace:
    return UnknownPlace("transfer", f"there is no transfer {message.transfer}")


async def _record(work: Work, message: StockMessage, actor: str) -> Recorded:
    if work.header.to_node != message.node:
        why = f"transfer {message.transfer} goes to {work.header.to_node}, which alone receives it"
        raise UnknownPlace("node", why)
    received = {sku: units for sku, units in message.units.items() if wrong_sku(sku, work.active) is None}
    await _lock_stock(work, received)
    recorded = await stocks.apply_in(work.connection, work.active, message, actor=actor)
    if recorded.change is None:
        return recorded
    at = datetime.now(UTC)
    event = Event(f"message {message.node} {message.message_id}", actor, at, message.occurred_at)
    _count(work, message, received, event)
    await work.write(event, work.notify)
    return recorded


async def _lock_stock(work: Work, received: Mapping[str, int]) -> None:
    """Lock the stock levels of both nodes, in the one order of locks: what arrives has left its source."""
    await stock.close_gates(work.connection, set(received))
    nodes = {fo.node for fo in work.order.fulfillment_orders.values()} | {work.header.to_node or ""}
    await stock.lock(work.connection, {(node, sku) for node in nodes for sku in received})


def _count(work: Work, message: StockMessage, received: Mapping[str, int], event: Event) -> None:
    """Count received units as arrived on the fulfillment orders that brought them."""
    allotted = allot(work.order.fulfillment_orders.values(), received)
    for name, quantities in allotted.lines.items():
        arrived = receive(work.order.fulfillment_orders[name], quantities, event.happened_at)
        units.change_fulfillment_order(work.order, work.changes, arrived)
    if allotted.unknown:
        detail = not_released(work.header.order, allotted.unknown)
        work.changes.opened.append(Opened(ExceptionCode.MESSAGE_MISFIT, detail, node=message.node))
