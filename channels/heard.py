"""Which events a connected channel is notified of."""

from collections.abc import Collection

from channels.kinds import KINDS
from domain.event import EventKind
from domain.network import Network


def heard(network: Network, channel: str) -> Collection[EventKind]:
    """The kinds of events that a channel's connection is notified of; none when the channel is not connected."""
    connection = network.connections.get(channel)
    return [kind for kind in EventKind if KINDS[connection.kind].hears_of(kind, connection.entry)] if connection else ()
