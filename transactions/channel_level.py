"""What becomes of stock levels that connected channels were sent: what stood there afterwards, and what needs a person."""

from collections.abc import Mapping
from datetime import UTC, datetime

from database import channel_level, exception
from database.exception import ClosingFact
from domain.channel_level import TRIES_MAX, Kept
from domain.network import Alias, AliasKind, Network
from domain.reasons import ExceptionCode
from domain.units import Opened
from transactions.transaction import OrderTransactions

REFUSED = ExceptionCode.CHANNEL_REFUSED
WHY_LENGTH_MAX = 500
BY_ID = "variant:"
"""Before the channel's own number of an item, where it has no other name."""


def externals(network: Network, channel: str) -> dict[str, Alias]:
    """What a channel calls the items, and the units of each: by its aliases, and by our SKU where an item has none."""
    spelt = {AliasKind.SKU: "", AliasKind.VARIANT: BY_ID}
    found = {
        f"{spelt[AliasKind(kind)]}{external}": alias
        for (of, kind, external), alias in network.aliases.items()
        if of == channel and kind in spelt
    }
    named = {alias.sku for alias in found.values()}
    items = {*network.items, *network.retired_items} - named
    return {sku: Alias(sku) for sku in items if sku not in found} | found


async def keep(
    transactions: OrderTransactions,
    channel: str,
    place: str,
    now: Mapping[str, Kept],
    asked_at: datetime,
    refused: str | None = None,
) -> None:
    """Store what is known of items at a place since the channel answered, or `refused` them, which is its text. It was asked
    at `asked_at`, by the clock of PostgreSQL.

    An item that the channel refuses, or of which it goes on having another number, opens an exception; the exception closes
    when the number that is wanted stands there.
    """
    failing = [external for external, kept in now.items() if kept.tries >= TRIES_MAX]
    agreed = [external for external, kept in now.items() if kept.available == kept.wanted]
    async with transactions.begin() as transaction:
        connection = transaction.connection
        await channel_level.keep(connection, channel, place, now, asked_at)
        fact = ClosingFact(f"stock levels of {channel}", f"channel:{channel}", datetime.now(UTC))
        subjects = [_subject(channel, place, external) for external in agreed + failing]
        await exception.close_about(connection, None, REFUSED, subjects, fact)
        opened = [
            _opened(channel, place, external, refused or _differs(external, now[external])) for external in failing
        ]
        cause = f"{fact.cause} {fact.at.isoformat()}"
        await exception.open_all(connection, opened, order=None, cause=cause, at=fact.at, about=channel)


async def doubt(transactions: OrderTransactions, channel: str, order: str) -> None:
    """Have the levels of an order's items compared again: the channel has moved units of it from one of its places to another,
    and has changed by itself what can be sold at both."""
    async with transactions.database.at_once() as connection:
        _, network = await transactions.networks.active(connection)
        skus = await channel_level.skus_of(connection, order)
        named = [external for external, alias in externals(network, channel).items() if alias.sku in skus]
        await channel_level.doubt(connection, channel, named)


async def retry(transactions: OrderTransactions, channel: str) -> int:
    """Send the levels again that a person must look at, and those of items that the channel did not have; how many."""
    async with transactions.database.at_once() as connection:
        return await channel_level.retry(connection, channel)


def _differs(external: str, kept: Kept) -> str:
    return (
        f"{kept.wanted} of {external} were sent {TRIES_MAX} times, and {kept.available} stand there: somebody or something "
        "else changes them"
    )


def _opened(channel: str, place: str, external: str, why: str) -> Opened:
    where = f"{external} at {place}" if place else external
    detail = f"{channel} does not take the stock level of {where}: {why[:WHY_LENGTH_MAX]}"
    return Opened(REFUSED, detail, subject=_subject(channel, place, external))


def _subject(channel: str, place: str, external: str) -> str:
    return f"{channel} {external} at {place}" if place else f"{channel} {external}"
