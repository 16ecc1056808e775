"""Carries out what a warehouse has sent by X12: what it shipped, what its stock is, and whether it took what it was sent.

A set is read, its messages are recorded and the set is finished in one transaction. So what a message is made of is what the
transaction sees, and a set that is carried out twice has one effect.
"""

from datetime import UTC, datetime

from channels.channel import Acknowledged
from channels.channel import Misfit as NotSent
from database import fulfillment as fulfillment_orders
from database import order
from database.connect import ReadConnection
from database.documents import fulfillment as documents
from database.exchange import Exchange
from database.x12_document import Known
from domain import identifiers
from domain.fulfillment import MessageKind, NodeMessage, RequestStatus
from domain.network import Network, Node
from formats.x12.acknowledgment import ACKNOWLEDGES_NOTHING, NEVER_ACKNOWLEDGED, Acknowledgment, acknowledged
from formats.x12.parts import Interchange
from network.warehouse_items import WarehouseItems
from nodes.x12 import shipping_advice, stock_reports
from nodes.x12.items import Misfit, Received
from nodes.x12.profile import WarehouseProfile
from nodes.x12.sets import TAKES, interchange_of, received
from nodes.x12.shipping_order import NUMBER_MAX, PREFIX_LENGTH, order_number
from transactions import fulfillment, stock, transfer, warehouse_notice, x12_document
from transactions.exchange import applied_in
from transactions.transaction import OrderTransactions, Transaction


def actor_of(node: str) -> str:
    """Who is named for what a node has sent."""
    return f"node:{node}"


async def follow(transactions: OrderTransactions, network: Network, node: str, known: Exchange) -> None:
    """Carry out one set that a warehouse has sent. Raises `Misfit`, and then nothing of it counts."""
    if known.message is None:
        raise Misfit("its bytes are kept no longer: ask for it again")
    warehouse, interchange = network.node(node), interchange_of(known.message.body)
    transactions.heard.note(node)
    said = _acknowledgments(interchange)
    for acknowledgment in said:
        await _answered(transactions, node, acknowledgment)
    one = None if said else received(interchange, f"x12-{known.exchange}", warehouse.settings["profile"])
    async with transactions.begin() as transaction:
        if one is not None:
            await _record(transactions, transaction, network, warehouse, one)
        await applied_in(transaction.connection, known, actor_of(node))


async def _answered(transactions: OrderTransactions, node: str, said: Acknowledged) -> None:
    """What a warehouse says of a document of ours. Of a 940 it is an answer to what that asked for."""
    try:
        known = await x12_document.settle(transactions, node, said)
    except NotSent as error:
        raise Misfit(str(error)) from error
    if known is None or known.about is None or (message := answer_to(known, said)) is None:
        return
    await fulfillment.record(transactions, known.about, message, node=node, actor=actor_of(node))


def answer_to(known: Known, said: Acknowledged) -> NodeMessage | None:
    """The message of a node that an acknowledgment of a 940 is; None = it is none.

    New work that was taken is accepted, and rejected if it was not. A request to cancel that was taken is answered by the 945
    that follows: only that says whether something has left.
    """
    asks_for_work = known.key.endswith(f"-{RequestStatus.UNSENT}")
    if known.code != "940" or (said.is_accepted and not asks_for_work):
        return None
    kind = MessageKind.CANCEL_REJECTED
    if asks_for_work:
        kind = MessageKind.ACCEPTED if said.is_accepted else MessageKind.REJECTED
    why = None if said.is_accepted else f"its 997 rejects the 940 ({', '.join(said.codes) or said.verdict})"
    return NodeMessage(
        message_id=f"997-{known.control}-{said.verdict}", kind=kind, occurred_at=datetime.now(UTC), reason=why
    )


async def _record(
    transactions: OrderTransactions, transaction: Transaction, network: Network, node: Node, one: Received
) -> None:
    """Record what one set says."""
    if one.set.code == "945":
        await _advise(transactions, transaction, network, node, one)
    elif one.set.code in TAKES:
        await _report(transactions, transaction, network, node, one)
    else:
        raise Misfit(f"a set {one.set.code} is none that a warehouse sends here: 945, 944, 947, 846 and 997 are")


async def _advise(
    transactions: OrderTransactions, transaction: Transaction, network: Network, node: Node, one: Received
) -> None:
    """A 945, about a fulfillment order as it is under its order's lock."""
    name = await _fulfillment_order(transaction.connection, node.id, shipping_advice.number(one))
    await order.lock(transaction.connection, identifiers.order_of_fulfillment_order(name))
    document = await documents.show(transaction.connection, network, node=node.id, fulfillment_order=name)
    assert document is not None, "it was found, and none is ever removed"
    for message in shipping_advice.read(one, document, node.settings["profile"]):
        await fulfillment.record_in(transactions, transaction, name, message, node=node.id, actor=actor_of(node.id))


async def _fulfillment_order(connection: ReadConnection, node: str, number: str) -> str:
    """The fulfillment order of a depositor's order number, which warehouses may write in capitals. Raises `Misfit`."""
    wanted = identifiers.in_one_case(number)
    if await fulfillment_orders.is_of(connection, node, wanted):
        return wanted
    if len(wanted) == NUMBER_MAX:
        for name in await fulfillment_orders.beginning_with(connection, node, wanted[:PREFIX_LENGTH]):
            if order_number(name) == wanted:
                return name
    raise Misfit(f"W0602 {number} is no order that {node} was sent")


async def _report(
    transactions: OrderTransactions, transaction: Transaction, network: Network, node: Node, one: Received
) -> None:
    """A 944, 947 or 846."""
    connection, actor = transaction.connection, actor_of(node.id)
    known = await warehouse_notice.announcements(connection, node.id) if one.set.code == "944" else None
    profile: WarehouseProfile = node.settings["profile"]
    messages = stock_reports.read(one, node.id, WarehouseItems(network), profile, known)
    await stock.lock_for(connection, network, [message for message in messages if message.transfer is None])
    for message in messages:
        try:
            if message.transfer is None:
                await stock.apply_in(connection, network, message, actor=actor)
            else:
                await transfer.record_in(transactions, transaction, message, actor=actor)
        except stock.UnknownPlace as error:
            raise Misfit(str(error)) from error


def _acknowledgments(interchange: Interchange) -> list[Acknowledged]:
    """What it says of what it was sent: by a TA1 of an interchange, by a 997 or 999 of a group."""
    of_interchanges = [
        Acknowledged(
            None, segment[1], segment[4] if segment[4] in ("A", "E") else "R", tuple(filter(None, [segment[5]]))
        )
        for segment in interchange.acknowledgments
    ]
    sets = [one for group in interchange.groups for one in group.sets if one.code in NEVER_ACKNOWLEDGED]
    of_groups = [_of_group(found) for one in sets for found in acknowledged(one)]
    if sets and not of_groups:
        raise Misfit(ACKNOWLEDGES_NOTHING)
    return of_interchanges + of_groups


def _of_group(found: Acknowledgment) -> Acknowledged:
    codes = dict.fromkeys(code for one in found.sets for code in one.faults)
    return Acknowledged(found.function, found.control, found.verdict, tuple(codes))
