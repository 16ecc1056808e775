"""Takes over orders that another system has begun: each in one transaction, with what was done of it so far."""

from datetime import UTC, datetime

from database import cut_over, fulfillment, refund, returns
from database import order as statements
from database.order import Event
from database.returns import NewLine, NewReturn
from domain import identifiers
from domain.cut_over import OpenOrder, take_over
from domain.network import Network
from domain.refund import Payment, RefundKind
from domain.returns import RefundOn
from network.toml_tables import did_you_mean
from network.validate_order import WrongField, check
from transactions.order import AcceptedOrder, holds_of_channel, store, workflow_input
from transactions.transaction import OrderTransactions, Work

ACTOR = "cut-over"


async def take(transactions: OrderTransactions, asked: OpenOrder) -> AcceptedOrder:
    """Store an order with its past; one that is known stays as it is.

    Raises `WrongField`, `UsedForAnotherOrder` and `NoNetwork`. The policy places no holds: what the other
    system held is held here as the order says.
    """
    at, order = datetime.now(UTC), asked.demand()
    if field := asked.in_future(at):
        raise WrongField(field, "is in the future")
    async with transactions.begin() as transaction:
        connection = transaction.connection
        network = await transactions.networks.hold_active(connection)
        check(order, network)
        _check_node(asked.shipped_from, network)
        is_new = await store(connection, order, network, holds_of_channel(order, network))
        if is_new:
            await cut_over.note(connection, order.order, at)
            await _write_past(await transactions.on(transaction, order.order), asked, at)
        state = await statements.news(connection, order.order)
    return AcceptedOrder(is_new, state, workflow_input(order))


def _check_node(name: str | None, network: Network) -> None:
    if name is not None and not network.knows_node(name):
        raise WrongField(
            "shipped_from", f"{name!r} is not a node of the network{did_you_mean(name, list(network.nodes))}"
        )


async def _write_past(work: Work, asked: OpenOrder, at: datetime) -> None:
    take_over(work.order, work.changes, asked)
    await work.write_past(Event("cut-over", ACTOR, at))
    if asked.shipped_from is not None:
        first = identifiers.fulfillment_order_id(work.header.order, 1)
        await cut_over.note_what_left_before(work.connection, work.header.order)
        await fulfillment.add_packages(work.connection, first, asked.packages, asked.left_at)
        await _write_return(work, asked, asked.shipped_from, at)


async def _write_return(work: Work, asked: OpenOrder, node: str, at: datetime) -> None:
    """What came back before, as one return that is over, and what was paid for it."""
    back = {line: units for line, units in asked.so_far("returned").items() if units}
    if not back:
        return
    came = asked.delivered_at or asked.left_at
    lines = [NewLine(line, units, None, None, 0, RefundOn.RECEIPT) for line, units in back.items()]
    new = NewReturn("refund", node, is_authorized=True, expires_at=at, fee=0, lines=lines)
    name = await returns.add(work.connection, work.header.order, new, came)
    paid = asked.refunded or 0
    payment = Payment(amount=paid, shipping=0, units=back, paid=back)
    made = await refund.ask(work.connection, work.header.order, name, RefundKind.REFUND, payment, came)
    await refund.mark_settled(work.connection, made, paid, at)
    await cut_over.close_return(work.connection, name, node, at)
