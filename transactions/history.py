"""Reads what the service itself kept of a time: its orders with what they were decided from, and everything else that moved
stock. It changes nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from database import ledger, sourcing
from database.connect import Database
from database.ledger import Booked
from database.sourcing import Round
from domain.network import Network
from domain.sourcing.recorded import unpacked
from domain.sourcing.rounds import RoundInput
from domain.stock import MovementKind, StockLevel
from transactions.network import Networks
from transactions.replay import READ_AT_ONCE

OF_GOODS = frozenset(MovementKind) - {
    MovementKind.RESERVED,
    MovementKind.ALLOCATED,
    MovementKind.FREED,
    MovementKind.SHIPPED,
}
"""The kinds of movements that a plan does not make: goods come, come back, are counted, missing or set aside."""


class PastOrder(NamedTuple):
    """An order at its first sourcing round."""

    at: datetime
    """When it was decided."""
    order: str
    asked: RoundInput
    nodes: frozenset[str]
    """The nodes that it was planned at."""


class PastRejection(NamedTuple):
    """A node did not ship units that were planned there: it rejected them, found them short, or stayed silent."""

    at: datetime
    order: str
    line: str
    node: str


class StockChange(NamedTuple):
    """Stock changed by itself, or by what is not planned again."""

    at: datetime
    node: str
    sku: str
    on_hand: int
    promised: int
    set_aside: int


@dataclass(frozen=True, slots=True)
class History:
    """What the service kept of a time."""

    network: Network
    """The active version."""
    orders: Sequence[PastOrder]
    rejections: Sequence[PastRejection]
    stock_changes: Sequence[StockChange]
    levels: Sequence[StockLevel]
    """What was there when the time began."""
    left_out: Mapping[str, int]
    """How many orders cannot be planned again, by the reason. Their goods move as they did."""


async def history(database: Database, since: datetime, until: datetime) -> History:
    """What was kept from `since` until before `until`. Raises `NoNetwork` and `WrongMasterKey`."""
    networks, rounds, left_out = Networks(), list[tuple[Round, RoundInput]](), Counter[str]()
    after = "", 0
    async with database.read() as connection:
        _, network = await networks.active(connection)
        while True:
            read = await sourcing.rounds_since(connection, since, after, READ_AT_ONCE)
            for one in (one for one in read if one.decided_at < until):
                if one.asked is None:
                    left_out["forgotten" if one.is_forgotten else "without their input"] += one.round == 1
                    continue
                _, version = await networks.version(connection, one.network_version)
                rounds.append((one, unpacked(one.asked, version).asked))
            if len(read) < READ_AT_ONCE:
                break
            after = read[-1].order, read[-1].round
        orders = [_order(one, asked) for one, asked in rounds if one.round == 1]
        known = {one.order for one in orders}
        booked = [one async for one in ledger.booked_since(connection, since) if one.at < until]
        levels = await ledger.levels_at(connection, since)
    changes = [_change(one, known) for one in booked if one.order not in known or one.kind in OF_GOODS]
    return History(network, orders, list(_rejections(rounds, known)), changes, levels, +left_out)


def _order(one: Round, asked: RoundInput) -> PastOrder:
    nodes = frozenset(shipment["node"] for shipment in one.document["shipments"])
    return PastOrder(one.decided_at, one.order, asked, nodes)


def _rejections(rounds: Sequence[tuple[Round, RoundInput]], known: set[str]) -> Iterator[PastRejection]:
    """Each node of each line at the first round that does not ask it any more."""
    seen: set[tuple[str, str, str]] = set()
    for one, asked in rounds:
        for wanted in asked.wanted if one.order in known else ():
            for node in wanted.tried:
                if (one.order, wanted.line, node) not in seen:
                    seen.add((one.order, wanted.line, node))
                    yield PastRejection(one.decided_at, one.order, wanted.line, node)


def _change(one: Booked, known: set[str]) -> StockChange:
    """A movement as it was; of one that belongs to an order that is planned again, only the goods."""
    promised = 0 if one.order in known else one.promised
    return StockChange(one.at, one.node, one.sku, one.on_hand, promised, one.set_aside)
