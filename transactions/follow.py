"""Decides which parcels of a node are followed at their carriers."""

from collections.abc import Sequence

from carriers.kinds import KINDS
from database import tracking
from database.connect import WriteConnection
from domain.fulfillment import Package
from domain.network import Network


async def follow_packages(
    connection: WriteConnection, network: Network, order: str, fulfillment_order: str, packages: Sequence[Package]
) -> None:
    """Follow the parcels of a node's message whose carriers are carriers of the network."""
    by_carrier: dict[str, list[tuple[str, str]]] = {}
    for one in packages:
        name = (one.carrier or "").lower()
        if name in network.carriers and one.tracking:
            by_carrier.setdefault(name, []).append((one.tracking, one.package))
    for name, parcels in by_carrier.items():
        is_asked = KINDS[network.carriers[name].kind].tracks
        await tracking.follow(
            connection, name, parcels, order=order, fulfillment_order=fulfillment_order, is_asked=is_asked
        )
