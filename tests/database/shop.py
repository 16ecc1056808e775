"""Drives orders and stock on real PostgreSQL without Temporal: what a workflow would call is called here, one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import text

from database import cart as carts
from database import network, stock
from database import order as orders
from database.connect import Database
from database.outbox.signal import Signal
from domain import identifiers
from domain.fulfillment import MessageKind, NodeMessage, Quantity
from domain.network import ShipComplete
from domain.order import BUCKETS, Address, NewHold, NewLine, NewOrder, OrderState
from domain.payment import PaymentMessage
from domain.stock import Movement, MovementKind, StockLine, StockMessage, StockMessageKind
from network.load import NetworkDocuments
from starter.audit import findings_of
from transactions import fulfillment, payment, quantity, reroute, sourcing
from transactions import order as order_transactions
from transactions import stock as stock_transactions
from transactions.backorder import Backorders
from transactions.fulfillment import ReleaseInput, SilenceInput
from transactions.network import Networks
from transactions.request import Done, RequestInput
from transactions.sourcing import SourceInput
from transactions.transaction import OrderTransactions

NODE = """
[[node]]
id = "{name}"
kind = "dc"
country = "US"
latitude = {latitude}
longitude = -105.0
time_zone = "America/Denver"
working_days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
accept_within = "4h"
ship_within = "1d"
on_silence = "reroute"
"""
POLICY = """
version = "tests"

[sets]
all = 'node.kind == "dc"'

[[strategy]]
id = "nearest"
when = 'true'
unfilled = "backorder"
rank = ["distance"]
[[strategy.tier]]
from = ["all"]
max_shipments = 1
[[strategy.tier]]
from = ["all"]
max_shipments = 3
split_line = true

[orders]
max_attempts = 3
grace = "0s"
assume_delivered = "5d"

[returns]
window = "30d"

[transit]
standard = [[20000, 3]]
"""
ITEMS = """sku,name,weight_g,safety_stock,components
CHAIR,Chair,6000,0,
LAMP,Lamp,900,0,
VASE,Vase,700,2,
DESK-SET,Lamp and two chairs,0,0,LAMP*1 CHAIR*2
"""
NEAREST, NEXT, FARTHEST = NODES = ("denver", "casper", "billings")
"""Seen from the customer; all are always open."""
MAP = NetworkDocuments(
    nodes="".join(NODE.format(name=name, latitude=39.7 + 3 * number) for number, name in enumerate(NODES)),
    policy=POLICY,
    items=ITEMS,
)
CUSTOMER = Address(postal_code="80202", country="US")
CART = text(
    """
    WITH made AS (
        INSERT INTO cart (cart_id, channel, asker, body_digest, promise, reserved_at, expires_at)
        VALUES (:cart, 'web', 'web', '', '{}', :at, :expires_at) RETURNING cart_id, expires_at)
    INSERT INTO cart_unit (cart_id, node, sku, quantity, expires_at)
    SELECT cart_id, :node, :sku, :quantity, expires_at FROM made
    """
)
UNTOLD = """
    SELECT count(*) FROM order_line l LEFT JOIN (
        SELECT e.order_id, t.line, sum(CASE e.kind WHEN 'shipped' THEN t.quantity ELSE -t.quantity END) AS reported
        FROM event e CROSS JOIN jsonb_to_recordset(e.data->'lines') AS t(line text, quantity bigint)
        WHERE e.kind IN ('shipped', 'shipment_voided') GROUP BY e.order_id, t.line) t USING (order_id, line)
    WHERE l.shipped <> coalesce(t.reported, 0)
"""
CART_LIVES = timedelta(minutes=15)
PAID_AT = datetime(2026, 11, 1, tzinfo=UTC)
"""When every payment was made, so that a repeated message is the same."""
_numbers = count(1)

Counters = tuple[int, int, int]
"""On hand, reserved, allocated."""


@dataclass(frozen=True, slots=True)
class Shop:
    """One process's transactions on one database, and looks at what they have done."""

    database: Database
    transactions: OrderTransactions
    backorders: Backorders
    sent: list[Signal]
    """The signals that have left, each after its transaction."""

    @classmethod
    async def open(cls, database: Database, documents: NetworkDocuments = MAP) -> "Shop":
        """Make the small map the active network and start without stock."""
        async with database.write() as connection:
            await network.activate(connection, asdict(documents), documents.digest)
        sent: list[Signal] = []
        transactions = OrderTransactions(database, Networks(), sent.extend)
        return cls(database, transactions, Backorders(transactions), sent)

    async def place(
        self,
        *lines: tuple[str, int],
        priority: int = 5,
        placed_at: datetime | None = None,
        ship_complete: ShipComplete | None = None,
        channel: str = "web",
        number: str | None = None,
        holds: Sequence[str] = (),
        not_after: datetime | None = None,
        pickup_node: str | None = None,
        currency: str = "USD",
        unit_price: int = 100,
        shipping_price: int = 0,
        paid: int | None = None,
    ) -> str:
        """Take an order in for `(sku, quantity)` lines numbered from 1; answers its id."""
        order = NewOrder(
            channel=channel,
            number=number or str(next(_numbers)),
            placed_at=placed_at or datetime.now(UTC),
            currency=currency,
            ship_to=CUSTOMER,
            shipping_price=shipping_price,
            paid=paid,
            priority=priority,
            ship_complete=ship_complete,
            holds=tuple(NewHold(hold=hold) for hold in holds),
            not_after=not_after,
            pickup_node=pickup_node,
            lines=tuple(
                NewLine(line=str(number), sku=sku, quantity=quantity, unit_price=unit_price)
                for number, (sku, quantity) in enumerate(lines, 1)
            ),
        )
        return (await order_transactions.take(self.transactions, order)).state.order

    async def source(self, order: str, round_: int | None = None, at: datetime | None = None) -> OrderState:
        """The order's next sourcing round, or the one that is named."""
        round_ = round_ or (await self.state(order)).rounds + 1
        return await sourcing.source(
            self.transactions, SourceInput(order=order, round=round_, at=at or datetime.now(UTC))
        )

    async def release(self, order: str, at: datetime | None = None) -> OrderState:
        """Show the order's nodes what is pinned at them."""
        return await fulfillment.release(self.transactions, ReleaseInput(order=order, at=at or datetime.now(UTC)))

    async def sold(self, *lines: tuple[str, int], placed_at: datetime | None = None) -> str:
        """An order that was placed and sourced."""
        order = await self.place(*lines, placed_at=placed_at)
        await self.source(order)
        return order

    async def released(self, *lines: tuple[str, int]) -> str:
        """An order that was placed, sourced and released."""
        order = await self.sold(*lines)
        await self.release(order)
        return order

    async def tell(
        self,
        order: str,
        kind: MessageKind,
        lines: Mapping[str, int] | None = None,
        *,
        number: int = 1,
        final: bool = False,
        message_id: str | None = None,
        at: datetime | None = None,
    ) -> bool:
        """What the node says of the order's `number`-th fulfillment order, and whether it is new; without lines, of all that is
        due."""
        message = NodeMessage(
            message_id=message_id or f"m-{next(_numbers)}",
            kind=kind,
            occurred_at=at or datetime.now(UTC),
            lines=None if lines is None else tuple(Quantity(line=line, quantity=n) for line, n in lines.items()),
            final=final,
        )
        name = identifiers.fulfillment_order_id(order, number)
        return await fulfillment.record(self.transactions, name, message, node=None, actor="node")

    async def wait_in_vain(self, order: str, number: int = 1) -> OrderState:
        """The node of a fulfillment order lets its deadline pass."""
        return await fulfillment.act_on_silence(self.transactions, await self.silence_of(order, number))

    async def silence_of(self, order: str, number: int = 1) -> SilenceInput:
        """What a workflow says when the deadline of a fulfillment order has passed."""
        name = identifiers.fulfillment_order_id(order, number)
        wait = (await self.state(order)).fulfillment_order(name)
        assert wait.waiting_for is not None, f"{name} waits for nothing"
        assert wait.deadline is not None, f"{name} waits for ever"
        return SilenceInput(order=order, fulfillment_order=name, waiting_for=wait.waiting_for, at=wait.deadline)

    async def cancel(self, order: str, lines: Mapping[str, int] | None = None, key: str | None = None) -> Done:
        """Cancel units of the order's lines; without lines, everything."""
        facts: dict[str, Any] = {}
        if lines is not None:
            facts["lines"] = [{"line": line, "quantity": quantity} for line, quantity in lines.items()]
        return await order_transactions.cancel(self.transactions, self._asked(order, "cancel", facts, key))

    async def change(self, order: str, lines: Mapping[str, int], key: str | None = None) -> Done:
        """Let lines count other quantities."""
        facts = {"lines": [{"line": line, "quantity": quantity} for line, quantity in lines.items()]}
        return await quantity.change_quantity(self.transactions, self._asked(order, "change_quantity", facts, key))

    async def hold(self, order: str, name: str = "fraud") -> Done:
        """Place a hold."""
        return await order_transactions.hold(self.transactions, self._asked(order, "hold", {"hold": name}))

    async def take_off(self, order: str, name: str = "fraud") -> Done:
        """Take a hold off."""
        return await order_transactions.release_hold(self.transactions, self._asked(order, "release", {"hold": name}))

    def _asked(self, order: str, kind: str, facts: dict[str, Any], key: str | None = None) -> RequestInput:
        key = key or f"{kind}-{next(_numbers)}"
        return RequestInput(order=order, request=None, kind=kind, facts=facts, key=key, at=datetime.now(UTC))

    async def reroute(self, order: str, to_node: str | None = None, number: int = 1) -> Done:
        """Take the order's `number`-th fulfillment order from its node."""
        facts = {"fulfillment_order": identifiers.fulfillment_order_id(order, number)}
        facts |= {"to_node": to_node} if to_node else {}
        return await reroute.reroute(self.transactions, self._asked(order, "reroute", facts))

    async def report(self, order: str, kind: str, amount: int, message_id: str | None = None) -> bool:
        """What the channel says of a payment, and whether it is new."""
        message = PaymentMessage.model_validate(
            {
                "message_id": message_id or f"p-{next(_numbers)}",
                "kind": kind,
                "amount": amount,
                "occurred_at": PAID_AT,
            }
        )
        return await payment.record(self.transactions, order, message, sender="web", actor="web")

    async def asked(self, order: str) -> list[str]:
        """What the channel was asked to capture, void and pay back, in its order: such as `capture 300`."""
        statement = text(
            "SELECT kind, data ->> 'amount' AS amount FROM event WHERE order_id = :order"
            " AND kind IN ('capture_requested', 'void_requested', 'refund_requested') ORDER BY event_id"
        )
        async with self.database.read() as connection:
            rows = await connection.execute(statement, {"order": order})
            return [f"{row.kind.partition('_')[0]} {row.amount}" for row in rows]

    async def receive(self, node: str, **units: int) -> None:
        """Goods come in; a SKU's dashes are written as underscores."""
        await self._stock_message(StockMessageKind.RECEIVED, node, units)

    async def count(self, node: str, **units: int) -> None:
        """Goods are counted; what the counters believed is of no account."""
        await self._stock_message(StockMessageKind.COUNTED, node, units)

    async def snapshot(self, node: str, **units: int) -> None:
        """Everything that a node has is counted: what is not named is not there."""
        await self._stock_message(StockMessageKind.SNAPSHOT, node, units)

    async def _stock_message(self, kind: StockMessageKind, node: str, units: Mapping[str, int]) -> None:
        message = StockMessage(
            message_id=f"s-{next(_numbers)}",
            node=node,
            kind=kind,
            occurred_at=datetime.now(UTC),
            lines=tuple(StockLine(sku=sku.replace("_", "-"), quantity=n) for sku, n in units.items()),
        )
        await stock_transactions.record(self.transactions, message, actor="node")

    async def fill_cart(self, sku: str, quantity: int, node: str = NEAREST) -> str:
        """A channel pins units for a customer who has not ordered yet; answers the cart's id."""
        cart, at = f"cart-{next(_numbers)}", datetime.now(UTC)
        wanted = [Movement(MovementKind.RESERVED, node, sku, reserved=quantity)]
        async with self.database.write() as connection:
            assert await stock.claim(connection, stock.Claim(wanted, {}, f"cart {cart}", "channel", at))
            facts = {"cart": cart, "sku": sku, "node": node, "quantity": quantity}
            await connection.execute(CART, facts | {"at": at, "expires_at": at + CART_LIVES})
        return cart

    async def ordered(self, cart: str, *lines: tuple[str, int]) -> str:
        """An order that was placed for a cart, and takes it over."""
        order = await self.place(*lines)
        async with self.database.write() as connection:
            await carts.become(connection, cart, "web", order)
        return order

    async def state(self, order: str) -> OrderState:
        """What everybody else sees of the order."""
        async with self.database.read() as connection:
            return await orders.state(connection, order)

    async def units(self, order: str, line: str = "1") -> dict[str, int]:
        """The buckets of a line that hold something."""
        found = next(one for one in (await self.state(order)).lines if one.line == line)
        return {bucket: units for bucket in BUCKETS if (units := getattr(found, bucket))}

    async def nodes(self, order: str) -> dict[str, int]:
        """Units that the order has pinned, by node."""
        statement = "SELECT node, sum(quantity)::int AS units FROM reservation WHERE order_id = :order GROUP BY node"
        async with self.database.read() as connection:
            rows = await connection.execute(text(statement), {"order": order})
            return {row.node: row.units for row in rows}

    async def counters(self, sku: str, node: str | None = None) -> Counters:
        """On hand, reserved and allocated of a SKU, at one node or everywhere."""
        return await self._three("stock", sku, node)

    async def ledger(self, sku: str, node: str | None = None) -> Counters:
        """The same, as the sum of the movements."""
        return await self._three("movement", sku, node)

    async def _three(self, table: str, sku: str, node: str | None) -> Counters:
        sums = ", ".join(f"coalesce(sum({name}), 0)::int" for name in ("on_hand", "reserved", "allocated"))
        where = "sku = :sku AND node = coalesce(CAST(:node AS text), node)"
        async with self.database.read() as connection:
            row = (
                await connection.execute(text(f"SELECT {sums} FROM {table} WHERE {where}"), {"sku": sku, "node": node})
            ).one()
            return row[0], row[1], row[2]

    async def number(self, statement: str, **parameters: object) -> int:
        """The one number that a question to PostgreSQL is answered with."""
        async with self.database.read() as connection:
            return int((await connection.execute(text(statement), parameters)).scalar_one())

    async def movements(self) -> int:
        """How many rows the ledger has."""
        return await self.number("SELECT count(*) FROM movement")

    async def check(self) -> None:
        """What `python -m starter audit` checks."""
        violations = [row for finding in await findings_of(self.database) for row in finding.violations]
        assert not violations, violations
        assert not await self.number(UNTOLD), "a unit has shipped and it has no event, or two"
