"""Takes orders in: checks what only the network knows, stores the order, and answers from the facts when it comes again."""

from dataclasses import dataclass
from datetime import UTC, datetime

from activities.networks import Networks
from activities.situation import facts_of_new, return_windows
from database import cart, personal
from database import order as statements
from database.connect import Database, WriteConnection
from domain.hold import Placement, by_policy, by_request
from domain.network import Network
from domain.order import LineDemand, NewOrder, OrderInput, OrderState
from network.geography import postal_area
from network.known import WrongField, check


class UsedForAnotherOrder(Exception):
    """The channel has used this number for an order with another body."""


@dataclass(frozen=True, slots=True)
class Intaken:
    """An order that is stored: whether it is new, its state, and the input of its workflow."""

    is_new: bool
    state: OrderState
    input: OrderInput


class Intake:
    """The door for orders, with its collaborators."""

    def __init__(self, database: Database, networks: Networks) -> None:
        """`networks` tells which items, services and nodes exist."""
        self._database = database
        self._networks = networks

    async def take(self, order: NewOrder) -> Intaken:
        """Store an order in one transaction. Raises `WrongField`, `UsedForAnotherOrder` and `NoNetwork`."""
        async with self._database.write() as connection:
            network = await self._networks.hold_active(connection)
            check(order, network)
            body_digest = await personal.fingerprint(connection, order)
            taken = await statements.take(
                connection,
                order,
                body_digest=body_digest,
                postal_area=postal_area(order.ship_to.country, order.ship_to.postal_code),
                received_at=datetime.now(UTC),
                grace=network.policy.orders.grace,
                return_windows=return_windows(order, network),
                holds=_holds(order, network),
            )
            if not personal.is_same(taken.body_digest, body_digest):
                raise UsedForAnotherOrder(order.order)
            if taken.is_new:
                await _take_over_its_cart(connection, order)
            state = await statements.news(connection, order.order)
        return Intaken(taken.is_new, state, workflow_input(order))


def _holds(order: NewOrder, network: Network) -> list[Placement]:
    """The policy's holds, and those of its channel: one that both place is the policy's."""
    placed = by_policy(facts_of_new(order, network), network.policy) if network.policy.holds else []
    names = {placement.hold for placement in placed}
    return placed + [
        by_request(asked.hold, network.policy, asked.reason) for asked in order.holds if asked.hold not in names
    ]


async def _take_over_its_cart(connection: WriteConnection, order: NewOrder) -> None:
    """What the order's reservation holds is the order's from now on. Raises `WrongField`."""
    if order.reservation is None:
        return
    try:
        await cart.become(connection, order.reservation, order.channel, order.order)
    except cart.NotToBeHad as error:
        raise WrongField("reservation", str(error)) from error


def workflow_input(order: NewOrder) -> OrderInput:
    """What may travel through Temporal: ids, SKUs, quantities, a country and a postal area."""
    return OrderInput(
        order=order.order,
        channel=order.channel,
        service=order.service,
        country=order.ship_to.country,
        postal_area=postal_area(order.ship_to.country, order.ship_to.postal_code),
        lines=[LineDemand(line=line.line, sku=line.sku, quantity=line.quantity) for line in order.lines],
    )
