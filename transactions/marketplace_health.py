"""Measures channels as their marketplaces do, and warns a person before a threshold is passed."""

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from channels.thresholds import thresholds
from database import exception
from database import marketplace_health as statements
from database.connect import ReadConnection
from database.exception import ClosingFact
from domain.marketplace_health import MarketplaceRate, Measure, RateVerdict, measures
from domain.network import Network
from domain.reasons import ExceptionCode
from domain.units import Opened
from transactions.transaction import OrderTransactions

CODE = ExceptionCode.MARKETPLACE_AT_RISK
NAMED_MAX = 10
"""Orders that an exception names; it counts the others."""

log = structlog.get_logger("marketplace_health")


async def measured(connection: ReadConnection, network: Network, at: datetime) -> dict[str, list[Measure]]:
    """By channel, the rates that have a threshold."""
    wanted = {name: thresholds(known.entry) for name, known in sorted(network.connections.items())}
    return {
        name: measures(
            await statements.orders(connection, name, at), await statements.parcels(connection, name, at), limits, at
        )
        for name, limits in wanted.items()
        if limits
    }


async def warn(transactions: OrderTransactions) -> None:
    """Open an exception for each rate that passes its threshold, or will within a day; close those of rates that are good."""
    at = datetime.now(UTC)
    async with transactions.database.read_once() as connection:
        _, network = await transactions.networks.active(connection)
        found = await measured(connection, network, at)
    for channel, rates in found.items():
        await _warn(transactions, channel, rates, at)


async def _warn(transactions: OrderTransactions, channel: str, rates: Sequence[Measure], at: datetime) -> None:
    async with transactions.begin() as transaction:
        connection = transaction.connection
        good = [_subject(channel, one.rate) for one in rates if one.verdict is RateVerdict.GOOD]
        fact = ClosingFact(f"marketplace health of {channel}", "clock", at)
        await exception.close_about(connection, None, CODE, good, fact)
        for one in rates:
            subject = _subject(channel, one.rate)
            if one.verdict is RateVerdict.GOOD or await exception.is_open_about(connection, CODE, subject):
                continue
            opened = [Opened(CODE, in_words(channel, one), subject=subject)]
            cause = f"{subject} {one.verdict} {at:%Y-%m-%d}"  # once a day, also where a person has resolved it
            await exception.open_all(connection, opened, order=None, cause=cause, at=at, about=channel)
            log.warning("a marketplace rate is at risk", channel=channel, rate=one.rate, verdict=one.verdict)


def _subject(channel: str, rate: MarketplaceRate) -> str:
    return f"{channel} {rate}"


def in_words(channel: str, one: Measure) -> str:
    """The warning: the rate, its threshold, and the orders that would pass it, or have."""
    limit = f"{'most' if one.rate.is_of_faults else 'least'} {one.threshold:.2%}"
    name = str(one.rate).replace("_", " ")
    if one.verdict is RateVerdict.MISSED:
        named, why = one.faults, "the orders are"
    else:
        named, why = one.would_be_faults, f"it will be {one.foreseen:.2%} within a day because of"
    more = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
    return (
        f"the {name} of {channel} is {one.value or 0:.2%} of the last {one.rate.period.days} days, and its marketplace wants "
        f"at {limit}: {why} {', '.join(named[:NAMED_MAX])}{more}"
    )
