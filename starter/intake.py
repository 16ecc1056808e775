"""Takes orders in: checks what only the network knows, stores the order, and answers from the facts when it comes again."""

from dataclasses import dataclass
from datetime import UTC, datetime

from activities.digest import digest
from activities.networks import Networks
from database import order as statements
from database.connect import Database
from domain.network import Network
from domain.order import LineDemand, NewOrder, OrderInput, OrderState
from network.geography import ImpossiblePlace, locate, postal_area


class WrongField(ValueError):
    """A field of the order says something that cannot be; nothing was stored."""

    def __init__(self, field: str, message: str) -> None:
        """`field` is its path in the body."""
        super().__init__(message)
        self.field = field


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
            taken = await statements.take(
                connection,
                order,
                body_digest=digest(order),
                postal_area=postal_area(order.ship_to.country, order.ship_to.postal_code),
                received_at=datetime.now(UTC),
                grace=network.policy.orders.grace,
                return_window=network.policy.returns.window,
            )
            if taken.body_digest != digest(order):
                raise UsedForAnotherOrder(order.order)
            state = await statements.state(connection, order.order)
        return Intaken(taken.is_new, state, workflow_input(order))


def check(order: NewOrder, network: Network) -> None:
    """Refuse what the network does not know. Raises `WrongField`."""
    for index, line in enumerate(order.lines):
        if line.sku not in network.items:
            raise WrongField(f"lines.{index}.sku", f"{line.sku} is not an item of the network")
    check_destination(order.service, order.ship_to.country, order.ship_to.postal_code, network)
    check_pickup(order.pickup_node, network)


def check_pickup(name: str | None, network: Network) -> None:
    """Refuse a node where customers cannot collect. Raises `WrongField`."""
    node = network.nodes.get(name) if name is not None else None
    if name is not None and (node is None or not node.pickup):
        raise WrongField("pickup_node", f"customers cannot collect at {name}")


def check_destination(service: str | None, country: str, postal_code: str, network: Network) -> None:
    """Refuse a service that is not offered and a place that cannot be. Raises `WrongField`."""
    if service is not None and service not in network.policy.transit:
        offered = ", ".join(sorted(network.policy.transit))
        raise WrongField("service", f"{service} is not offered; there is: {offered}")
    try:
        locate(country, postal_code)
    except ImpossiblePlace as error:
        raise WrongField(f"ship_to.{error.field}", str(error)) from error


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
