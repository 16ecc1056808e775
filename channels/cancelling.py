"""Which reasons a connected channel knows for a cancel of its order."""

from collections.abc import Sequence

from channels.kinds import KINDS
from domain.network import Network


def cancel_codes(network: Network, channel: str) -> Sequence[str]:
    """The reasons that a channel knows, one of which a cancel must have; none when it needs none, or is not connected."""
    connection = network.connections.get(channel)
    return KINDS[connection.kind].cancel_codes if connection else ()
