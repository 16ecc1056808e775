"""Plans stored rounds again from their stored input, to see that the same decisions come out; erases old inputs."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from database import sourcing
from database.connect import Database
from database.sourcing import Round
from domain.network import Network
from domain.sourcing.replay import cause, differs, made_again
from transactions.network import Networks
from transactions.transaction import OrderTransactions

KEPT = timedelta(days=90)
"""How long the input of a round is kept."""

READ_AT_ONCE = 500
ERASED_AT_ONCE = 1_000


class Verdict(StrEnum):
    """What became of a round when it was planned again."""

    SAME = "the same"
    EXPLAINED_OTHERWISE = "the same decision, explained otherwise"
    DIFFERENT = "different"
    FORGOTTEN = "forgotten"
    """Its order's personal data were erased, and with them what it was decided from."""
    NOT_KEPT = "without their input"
    """Decided before inputs were kept, longer ago than `KEPT`, or too large."""


class Replayed(NamedTuple):
    """A round that was planned again, if it could be."""

    order: str
    round: int
    verdict: Verdict
    cause: str = ""
    """What came out differently first; empty where nothing did."""


BESIDE_THE_PLAN = {"beyond_sell_ahead"}
"""What a stored round says that its plan did not decide: it depends on what waits for other orders."""


async def replay(database: Database, since: datetime) -> AsyncIterator[Replayed]:
    """Plan every round again that was decided at this moment or later. It changes nothing. Raises `WrongMasterKey`."""
    networks = Networks()
    after = "", 0
    while True:
        async with database.read() as connection:
            read = await sourcing.rounds_since(connection, since, after, READ_AT_ONCE)
            versions = {one.network_version: None for one in read}
            loaded = {version: (await networks.version(connection, version))[1] for version in versions}
        for one in read:
            yield judged(one, loaded[one.network_version])
        if len(read) < READ_AT_ONCE:
            return
        after = read[-1].order, read[-1].round


def judged(one: Round, version: Network) -> Replayed:
    """Plan one round again under its network version; one that cannot be planned comes out differently."""
    if one.asked is None:
        return Replayed(one.order, one.round, Verdict.FORGOTTEN if one.is_forgotten else Verdict.NOT_KEPT)
    try:
        made = made_again(one.asked, version)
    except Exception as error:  # one round that this program cannot plan must not hide what becomes of the others
        return Replayed(one.order, one.round, Verdict.DIFFERENT, f"it cannot be planned again: {error!r}")
    planned = {field: value for field, value in one.document.items() if field not in BESIDE_THE_PLAN}
    if differs(planned, made):
        return Replayed(one.order, one.round, Verdict.DIFFERENT, cause(planned, made))
    if planned != made:
        return Replayed(one.order, one.round, Verdict.EXPLAINED_OTHERWISE, cause(planned, made))
    return Replayed(one.order, one.round, Verdict.SAME)


async def erase_old(transactions: OrderTransactions) -> None:
    """Erase the inputs of rounds that were decided longer ago than they are kept."""
    erased = ERASED_AT_ONCE
    while erased == ERASED_AT_ONCE:
        async with transactions.database.at_once() as connection:
            erased = await sourcing.erase_old_inputs(connection, KEPT, ERASED_AT_ONCE)
