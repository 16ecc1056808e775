"""Numbers the cartons of a fulfillment order, and says what their labels show: the numbers that its shipment notice repeats."""

from collections.abc import Mapping, Sequence
from typing import Any

from database import carton as statements
from database.documents import fulfillment
from domain.network import Network
from formats.carton_label import CartonLabel, Packed
from formats.sscc import INTERNAL_PREFIX, own_code, sscc
from transactions.transaction import OrderTransactions

Document = Mapping[str, Any]


class NoLabels(Exception):
    """Labels cannot be made; the text says why and what to do."""


async def labels(transactions: OrderTransactions, fulfillment_order: str, cartons: int | None) -> list[CartonLabel]:
    """The labels of the packages that the node has named, or of so many cartons, which are then packages 1, 2 and so on.

    A package has the same SSCC however often this is called: a package is named by its id. Raises `NoLabels`.
    """
    async with transactions.database.write() as connection:
        _, network = await transactions.networks.active(connection)
        shown = await fulfillment.show(connection, network, node=None, fulfillment_order=fulfillment_order)
        if shown is None:
            raise NoLabels(f"there is no fulfillment order {fulfillment_order}")
        names = _names(shown, cartons)
        numbered = [(fulfillment_order, name) for name in names if own_code(name) is None]
        serials = await statements.serials(connection, numbered)
    prefix = prefix_of(network, shown["channel"])
    codes = [own_code(name) or sscc(prefix, serials[fulfillment_order, name]) for name in names]
    return [_label(network, shown, names, position, code) for position, code in enumerate(codes)]


def prefix_of(network: Network, channel: str) -> str:
    """The GS1 prefix of a channel's connection; the one for internal use where it has none."""
    connection = network.connections.get(channel)
    return (connection and connection.entry.get("gs1_prefix")) or INTERNAL_PREFIX


def _names(shown: Document, cartons: int | None) -> Sequence[str]:
    if shown["forgotten"]:
        raise NoLabels(f"the address of {shown['order']} was erased, so its cartons get no labels")
    reported = sorted((package["package"] for package in shown["packages"]), key=lambda name: (len(name), name))
    names = reported if cartons is None else _counted(cartons)
    if not names:
        said = f"{shown['fulfillment_order']} has no packages yet"
        raise NoLabels(f"{said}: let the node report them with `picked`, or say how many cartons there will be")
    return names


def _counted(cartons: int) -> list[str]:
    return [str(number) for number in range(1, cartons + 1)]


def _label(network: Network, shown: Document, names: Sequence[str], position: int, code: str) -> CartonLabel:
    node = network.node(shown["node"])
    package = next((one for one in shown["packages"] if one["package"] == names[position]), None)
    lines = {line["line"]: line for line in shown["lines"]}
    packed = package["lines"] if package else []
    return CartonLabel(
        sscc=code,
        ship_from=[node.name, " ".join(filter(None, (node.postal_code, node.country)))],
        ship_to=_address(shown["ship_to"]),
        purchase_order=shown["purchase_order"] or shown["reference"] or shown["order"],
        carton=position + 1,
        cartons=len(names),
        carrier=(package and package["carrier"]) or "",
        tracking=(package and package["tracking"]) or "",
        contents=[
            Packed(one["line"], lines[one["line"]]["sku"], lines[one["line"]]["name"], one["quantity"])
            for one in packed
            if one["line"] in lines
        ],
    )


def _address(ship_to: Document) -> list[str]:
    place = " ".join(filter(None, (ship_to.get("city"), ship_to.get("region"), ship_to.get("postal_code"))))
    lines = [ship_to.get("company"), ship_to.get("name"), *(ship_to.get("street") or ()), place, ship_to["country"]]
    return [line for line in lines if line]
