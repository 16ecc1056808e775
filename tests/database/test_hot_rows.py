"""The rows that many orders share are locked last: an order that waits for one waits for a few round trips and a commit."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from database.connect import Database
from domain.fulfillment import MessageKind
from tests.database.shop import NEAREST, Shop
from tests.sql_statements import round_trips_of_this_task, watched
from transactions import sourcing
from transactions.sourcing import SourceInput

HOT = re.compile(r"FOR UPDATE OF s\b|INSERT INTO node_day|UPDATE stock s")
"""Statements that lock stock or a node's day."""


@pytest.fixture
def watching(database: Database) -> Iterator[None]:
    """Counts what every connection sends."""
    with watched(database):
        yield


def after_the_first_lock(sent: list[str]) -> list[str]:
    """What is sent from the first statement that locks stock or a day, by the rows that it locks or its first word."""
    first = next(position for position, statement in enumerate(sent) if HOT.search(statement))
    return [_kind(statement) for statement in sent[first:]]


def _kind(statement: str) -> str:
    if "node_day" in statement:
        return "days"
    if "UPDATE stock s" in statement:
        return "claim" if "granted" in statement else "ledger"
    if "FOR UPDATE OF s" in statement:
        return "lock"
    if "INSERT INTO wake" in statement:
        return "signal"
    return statement.split()[0].rstrip(";")


# fmt: off
ROUND_TRIPS = {
    "place":              6,
    "source":             7,
    "source and release": 7,
    "release":            6,
    "accepted":           5,
    "picked":             5,
    "shipped":            7,
    "delivered":          6,
}
# fmt: on
"""Of a standard order of one line in a process that has seen one before, BEGIN and COMMIT included."""


async def test_a_standard_order_waits_for_postgresql_exactly_so_often(watching: None, database: Database) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=5)
    await shop.released(("CHAIR", 1))
    found = {}
    with round_trips_of_this_task() as trips:
        order = await shop.place(("CHAIR", 1))
    found["place"] = trips.sent
    with round_trips_of_this_task() as trips:
        await shop.source(order, round_=1)
    found["source"] = trips.sent
    other = await shop.place(("CHAIR", 1))
    at_once = SourceInput(order=other, round=1, at=datetime.now(UTC), releases=True)
    with round_trips_of_this_task() as trips:
        await sourcing.source(shop.transactions, at_once)
    found["source and release"] = trips.sent
    with round_trips_of_this_task() as trips:
        await shop.release(order)
    found["release"] = trips.sent
    for kind in (MessageKind.ACCEPTED, MessageKind.PICKED, MessageKind.SHIPPED, MessageKind.DELIVERED):
        with round_trips_of_this_task() as trips:
            await shop.tell(order, kind)
        found[kind] = trips.sent
    assert {step: len(sent) for step, sent in found.items()} == ROUND_TRIPS, "\n".join(
        f"{step}: {[statement[:60] for statement in sent]}" for step, sent in found.items()
    )


async def test_only_what_books_and_commits_is_sent_while_others_wait_for_the_stock_of_an_order(
    watching: None, database: Database
) -> None:
    shop = await Shop.open(database)
    await shop.receive(NEAREST, CHAIR=5)
    await (await Shop.open(database)).sold(("CHAIR", 1))  # the network and the common key are read once
    order = await shop.place(("CHAIR", 1))
    with round_trips_of_this_task() as sourced:
        await shop.source(order)
    other = await shop.place(("CHAIR", 1))
    with round_trips_of_this_task() as sourced_and_released:
        await sourcing.source(shop.transactions, SourceInput(order=other, round=1, at=datetime.now(UTC), releases=True))
    with round_trips_of_this_task() as released:
        await shop.release(order)
    with round_trips_of_this_task() as shipped:
        await shop.tell(order, MessageKind.SHIPPED)
    assert after_the_first_lock(sourced.sent) == ["claim", "COMMIT"]
    assert after_the_first_lock(sourced_and_released.sent) == ["claim", "COMMIT"]
    assert after_the_first_lock(released.sent) == ["ledger", "COMMIT"]
    assert after_the_first_lock(shipped.sent) == ["ledger", "COMMIT"]
    await shop.check()
