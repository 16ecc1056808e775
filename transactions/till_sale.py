"""Takes units that a channel sold and handed over at nodes off the stock of these nodes: they are in no order here.

What the channel says is how many in all; what is booked is the difference to what it said before, in the same transaction that
keeps it. So a document may come again, in any sequence, and a return at the till gives units back.
"""

import json
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

from channels.channel import Said
from database.connect import WriteConnection
from domain.network import Network
from domain.stock import StockLine, StockMessage, StockMessageKind
from transactions import stock

Sold = Mapping[str, Mapping[str, int]]
"""By node, units by SKU."""


async def record(
    connection: WriteConnection, network: Network, channel: str, said: Said, exchange: int, before: Sold
) -> Sold:
    """Book what was sold since `before`; answers what is booked in all."""
    for node, units in sorted(said.sold_there.items()):
        change = _stocked(network, before.get(node, {}))
        change.subtract(_stocked(network, units))
        lines = [StockLine(sku=sku, quantity=quantity) for sku, quantity in sorted(change.items()) if quantity]
        if lines:
            message = _message(f"till/{channel}/{exchange}", said, node, lines)
            await stock.apply_in(connection, network, message, actor=f"channel:{channel}")
    return {**before, **said.sold_there}


def _stocked(network: Network, units: Mapping[str, int]) -> Counter[str]:
    """Units of what has stock: of a bundle its parts."""
    found = Counter[str]()
    for sku, quantity in units.items():
        for part, of_one in network.components(sku):
            found[part] += quantity * of_one
    return found


def _message(name: str, said: Said, node: str, lines: list[StockLine]) -> StockMessage:
    content = json.dumps([said.version.isoformat(), said.sold_there], sort_keys=True)
    return StockMessage(
        message_id=f"{name}/{sha256(content.encode()).hexdigest()[:16]}",
        node=node,
        kind=StockMessageKind.ADJUSTED,
        occurred_at=said.version,
        lines=tuple(lines),
    )
