"""A process to which nobody talks leaves PostgreSQL alone, and still does at once what another process makes possible."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

import pytest

from database.connect import Database
from database.notification import ASKED_EVERY
from jobs import schedule
from tests.house import House
from tests.journeys.test_known_keys import process, until
from tests.sql_statements import RoundTrips, round_trips_of_this_task, watched

# fmt: off
OF_A_ROUND = {
    # lane         round trips of a round that finds nothing to do
    "signals":     4,
    "sweep":       2,
    "stock":       8,
    "supply":      1,
    "replenishment": 1,
    "exceptions":  5,
    "contacts":    0,
    "webhooks":    2,
    "channels":    2,
    "polls":       2,
    "retention":   5,
    "shadow":      1,
    "look_ahead":  1,
    "marketplaces": 1,
    "labels":      2,
    "manifests":   2,
    "tracking":    1,
    "scans":       1,
    "notices":     1,
    "levels":      1,
}
# fmt: on
IDLE_LONGEST = defaultdict(
    lambda: schedule.TEN_SECONDS,
    dict.fromkeys(("channels", "notices", "levels"), schedule.HALF_A_MINUTE)
    | dict.fromkeys(("polls", "supply", "labels"), schedule.MINUTE)
    | dict.fromkeys(("scans", "tracking", "manifests"), schedule.FIVE_MINUTES)
    | dict.fromkeys(("shadow", "replenishment"), schedule.TEN_MINUTES),
)
"""How long a lane waits for a commit before it looks by itself; in these tests some wait for a day."""
A_SECOND_MAX = 2
WATCHED_SECONDS = 12


@pytest.fixture
def sent(database: Database) -> Iterator[RoundTrips]:
    """What every connection of the house sends: it is asked for before the house, which opens them."""
    with watched(database) as seen:
        yield seen


@pytest.fixture
def jobs_only_when_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A house that is made after this never looks by itself whether something was committed."""
    monkeypatch.setattr(schedule, "IDLE", timedelta(days=1))


async def settled(house: House) -> None:
    """Wait until every job has run and notifications are received."""
    await until(lambda: house.service.notifications.is_received)
    jobs = [job for lane in house.service.driver.lanes.values() for job in lane.jobs]
    await until(lambda: all(job.status.runs > 1 or job.status.last_succeeded_at for job in jobs))


async def test_a_round_that_finds_nothing_to_do_asks_exactly_so_often_and_all_lanes_together_less_than_twice_a_second(
    jobs_only_when_called: None, sent: RoundTrips, house: House
) -> None:
    await settled(house)
    found = {}
    for lane in house.service.driver.lanes.values():
        with round_trips_of_this_task() as trips:
            for job in lane.jobs:
                await job.run()
        found[lane.name] = trips.sent
    assert {lane: len(trips) for lane, trips in found.items()} == OF_A_ROUND, found
    every = {
        lane.name: min(lane.at_least_every, IDLE_LONGEST[lane.name]) if lane.at_least_every else lane.every
        for lane in house.service.driver.lanes.values()
    }
    a_second = sum(number / every[lane].total_seconds() for lane, number in OF_A_ROUND.items())
    assert a_second + 1 / ASKED_EVERY.total_seconds() <= A_SECOND_MAX


async def test_a_process_to_which_nobody_talks_asks_at_most_twice_a_second(sent: RoundTrips, house: House) -> None:
    await settled(house)
    await asyncio.sleep(2 * schedule.SECOND.total_seconds())
    before = len(sent)
    await asyncio.sleep(WATCHED_SECONDS)
    assert len(sent) - before <= A_SECOND_MAX * WATCHED_SECONDS, "\n".join(sent.sent[before:])


async def test_an_order_that_waits_gets_what_another_process_receives_though_its_own_never_looks_by_itself(
    jobs_only_when_called: None, house: House
) -> None:
    await settled(house)
    name = await house.place(("SERUM-30", 1))
    await house.until(name, "backordered")
    async with process(house.database_url) as (_, elsewhere):
        body = {"message_id": "in-elsewhere", "node": "slc", "kind": "received", "occurred_at": "2026-11-21T15:04:05Z"}
        answer = await elsewhere.post("/stock/messages", json=body | {"lines": [{"sku": "SERUM-30", "quantity": 1}]})
        assert answer.status_code == 202, answer.text
        await house.until(name, "in_fulfillment")
