"""Refuses an order or a promise request with an item, service, place or pickup node that the network does not have."""

from collections.abc import Mapping, Sequence

from domain.cart import PromiseRequest
from domain.identifiers import OWN_CHANNELS
from domain.network import Locality, Network
from domain.order import NewLine, NewOrder
from domain.request import Swap
from domain.transfer import TransferRequest
from network.geography import ImpossiblePlace, check_locality


class WrongField(ValueError):
    """A field of the body has a wrong value; nothing was stored."""

    def __init__(self, field: str, message: str) -> None:
        """`field` is its path in the body."""
        super().__init__(message)
        self.field = field


def check(demand: NewOrder | PromiseRequest, network: Network) -> None:
    """Check an order or a promise request against the network. Raises `WrongField`."""
    if demand.channel in OWN_CHANNELS:
        raise WrongField("channel", f"{demand.channel} is the channel of transfers between nodes: send POST /transfers")
    check_items({"lines": demand.lines}, network)
    _check_destination(demand.service, demand.ship_to.locality, network)
    check_pickup(demand.pickup_node, network)
    _check_from_node(demand, network)


def check_transfer(asked: TransferRequest, network: Network) -> None:
    """Check that a transfer moves stocked items between two nodes. Raises `WrongField`."""
    for field, name in (("from", asked.from_node), ("to", asked.to_node)):
        if name not in network.nodes:
            is_retired = network.knows_node(name)
            why = "is retired: nothing moves there or from there" if is_retired else "is not a node of the network"
            raise WrongField(field, f"{name} {why}")
    check_service(asked.service, network)
    for index, line in enumerate(asked.lines):
        if line.sku not in network.items:
            raise WrongField(f"lines.{index}.sku", f"{line.sku} {_why_no_item(line.sku, network)}")
        if network.items[line.sku].components:
            raise WrongField(f"lines.{index}.sku", f"{line.sku} is a bundle: name its components, which have stock")


def _why_no_item(sku: str, network: Network) -> str:
    is_retired = network.knows_item(sku)
    return "is retired: it cannot be ordered any more" if is_retired else "is not an item of the network"


def check_items(lists: Mapping[str, Sequence[NewLine | Swap]], network: Network) -> None:
    """Check that every line of these lists, by the field of each, names an item that is sold. Raises `WrongField`."""
    for field, lines in lists.items():
        for index, line in enumerate(lines):
            if line.sku not in network.items:
                raise WrongField(f"{field}.{index}.sku", f"{line.sku} {_why_no_item(line.sku, network)}")


def check_pickup(name: str | None, network: Network) -> None:
    """Check that customers can collect at this node; None = no pickup. Raises `WrongField`."""
    node = network.nodes.get(name) if name is not None else None
    if name is not None and (node is None or not node.pickup):
        raise WrongField("pickup_node", f"customers cannot collect at {name}")


def _check_from_node(demand: NewOrder | PromiseRequest, network: Network) -> None:
    name = demand.from_node
    if name is None:
        return
    if demand.pickup_node is not None:
        raise WrongField("from_node", "must be absent when the customer collects: the order ships from pickup_node")
    if name not in network.nodes:
        is_retired = network.knows_node(name)
        why = "is retired: nothing ships from it any more" if is_retired else "is not a node of the network"
        raise WrongField("from_node", f"{name} {why}")


def check_service(service: str | None, network: Network) -> None:
    """Check that a service is offered; None = any. Raises `WrongField`."""
    if service is not None and service not in network.policy.transit:
        offered = ", ".join(sorted(network.policy.transit))
        raise WrongField("service", f"{service} is not offered; offered are: {offered}")


def _check_destination(service: str | None, locality: Locality, network: Network) -> None:
    check_service(service, network)
    try:
        check_locality(locality)
    except ImpossiblePlace as error:
        raise WrongField(f"ship_to.{error.field}", str(error)) from error
