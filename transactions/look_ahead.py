"""Learns look-ahead prices from the orders of the last weeks, and stores a version of them each hour."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from database import look_ahead as statements
from database import network as networks
from database import stock
from database.connect import ReadConnection
from database.look_ahead import Came, Seen
from domain.network import Network
from domain.sourcing.look_ahead import SeenOrder
from domain.sourcing.recorded import unpacked
from domain.sourcing.seen_orders import LEARNED_FROM, ORDERS_MAX, expected, prices_of, seen_order
from transactions.transaction import OrderTransactions

EACH = timedelta(hours=1)

KEPT = timedelta(days=7)
"""How long a version is kept, for those who ask what prices were."""

A_DAY = timedelta(days=1)


async def learn(transactions: OrderTransactions) -> None:
    """Store the prices of this hour where a strategy looks ahead, unless they are stored. Several processes may try: the first
    one counts. Raises `WrongMasterKey`."""
    async with transactions.database.read_once() as connection:
        active = await networks.active_version(connection)
    if active is None:
        return
    now = datetime.now(UTC)
    version = int(now.timestamp() // EACH.total_seconds())
    async with transactions.database.read() as connection:
        _, network = await transactions.networks.version(connection, active)
        if not network.policy.looks_ahead or await statements.exists(connection, version):
            return
        came, versions = await _came(transactions, connection, network, now)
    seen = await asyncio.to_thread(
        _read, came.newest, versions, network
    )  # it may take longer than a transaction may be idle
    a_day = _a_day(came, len(seen), now)
    async with transactions.database.read_once() as connection:
        levels = await stock.levels(connection, {line.sku for order in seen for line in order.lines})
    prices = await asyncio.to_thread(prices_of, seen, a_day, levels.values(), network, version)
    async with transactions.database.write() as connection:
        await statements.keep(connection, version, len(seen), expected(a_day), prices)
        await statements.erase_old(connection, KEPT)


async def _came(
    transactions: OrderTransactions, connection: ReadConnection, network: Network, now: datetime
) -> tuple[Came, Mapping[int, Network]]:
    """The orders to learn from, and the network versions that they were planned under."""
    strategies = [strategy.id for strategy in network.policy.strategies if strategy.look_ahead]
    came = await statements.came(connection, strategies, now - LEARNED_FROM, ORDERS_MAX)
    known = {one.network_version for one in came.newest}
    return came, {number: (await transactions.networks.version(connection, number))[1] for number in known}


def _read(newest: Sequence[Seen], versions: Mapping[int, Network], network: Network) -> list[SeenOrder]:
    rounds = (unpacked(one.asked, versions[one.network_version]).asked for one in newest)
    return [one for asked in rounds if (one := seen_order(asked, network))]


def _a_day(came: Came, seen: int, now: datetime) -> float:
    """How many orders such as those seen come a day: of all that came, the share that the newest have."""
    if came.first_at is None or not came.newest:
        return 0.0
    return came.orders * seen / len(came.newest) / max(1.0, (now - came.first_at) / A_DAY)
