"""Every deadline wakes its order, and none keeps it awake: without messages, its history hardly grows."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from tests.house import SMALL_MAP, House, units
from transactions.prepare import apply_network
from workflows import timeouts

DAYS = 10
EVENTS_OF_A_DAY = 20
"""A timer, what is done when it fires, and the tasks of both; most orders do nothing on most days."""
EVENTS_OF_A_LIFE = 60
RULES = """
[[hold]]
id = "fraud"
owner = "risk"
stock = "wait"
"""
OF_THE_TESTS_CLOCK = (
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
)


def in_days(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def held(house: House) -> str:
    await house.stock("reroutes", SERUM_30=1)
    return await house.place(("SERUM-30", 1), holds=[{"hold": "payment"}])


async def held_without_stock(house: House) -> str:
    await house.stock("reroutes", SERUM_30=1)
    return await house.place(("SERUM-30", 1), holds=[{"hold": "fraud"}])


async def held_after_it_began_to_wait(house: House) -> str:
    name = await house.place(("SERUM-30", 1))
    await house.ask(name, "hold", hold="fraud")
    return name


async def held_until_its_window_ends(house: House) -> str:
    await house.stock("reroutes", SERUM_30=1)
    return await house.place(("SERUM-30", 1), holds=[{"hold": "payment"}], not_after=in_days(3))


async def held_without_stock_until_its_window_ends(house: House) -> str:
    return await house.place(("SERUM-30", 1), holds=[{"hold": "fraud"}], not_after=in_days(3))


async def with_a_node_when_its_window_ends(house: House) -> str:
    await house.stock("escalates", SERUM_30=1)
    name = await house.place(("SERUM-30", 2), not_after=in_days(3))
    await house.work(name)
    return name


async def waiting_for_stock(house: House) -> str:
    return await house.place(("SERUM-30", 1))


async def waiting_for_a_node_that_is_full(house: House) -> str:
    await house.stock("spare", SERUM_30=2)
    name = await house.place(("SERUM-30", 1))
    await house.work(name)
    return await house.place(("SERUM-30", 1))


async def for_later(house: House) -> str:
    await house.stock("reroutes", SERUM_30=1)
    return await house.place(("SERUM-30", 1), not_before=in_days(20))


async def with_a_part_that_was_moved_while_the_whole_waits(house: House) -> str:
    await house.stock("asks", SERUM_30=1)
    await house.stock("escalates", TONER_200=1)
    name = await house.place(("SERUM-30", 1), ("TONER-200", 1), ship_complete="order")
    works = {(await house.work(name, number))["node"]: number for number in (1, 2)}
    await house.stock("spare", TONER_200=1)
    await house.tell(f"{name}-f{works['asks']}", "rejected")
    await house.until(name, lambda found: units(found) == {"backordered": 1})
    moved = await house.ask(name, "reroute", fulfillment_order=f"{name}-f{works['escalates']}", to_node="spare")
    assert moved.status_code == 200
    return name


async def shipped(house: House) -> str:
    await house.stock("reroutes", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    await house.tell((await house.work(name))["fulfillment_order"], "shipped")
    return name


async def lying_ready(house: House) -> str:
    await house.stock("asks", SERUM_30=1)
    name = await house.place(("SERUM-30", 1), pickup_node="asks")
    await house.tell((await house.work(name))["fulfillment_order"], "ready_for_pickup")
    return name


@pytest.mark.parametrize(
    "placed",
    [
        held_after_it_began_to_wait,
        with_a_node_when_its_window_ends,
        waiting_for_a_node_that_is_full,
        with_a_part_that_was_moved_while_the_whole_waits,
        lying_ready,
        pytest.param(held, marks=pytest.mark.long),
        pytest.param(held_without_stock, marks=pytest.mark.long),
        pytest.param(held_until_its_window_ends, marks=pytest.mark.long),
        pytest.param(held_without_stock_until_its_window_ends, marks=pytest.mark.long),
        pytest.param(waiting_for_stock, marks=pytest.mark.long),
        pytest.param(for_later, marks=pytest.mark.long),
        pytest.param(shipped, marks=pytest.mark.long),
    ],
)
async def test_an_order_without_messages_sleeps(
    small_house: House, tmp_path: Path, placed: Callable[[House], Awaitable[str]]
) -> None:
    house = small_house
    await _apply_rules(house, tmp_path)
    name = await placed(house)
    await house.settle(name)

    await house.skip(name, timedelta(days=DAYS))
    document = await house.settle(name)

    events = (await house.workflow(name).fetch_history()).events
    own = [event for event in events if event.event_type not in OF_THE_TESTS_CLOCK]
    assert len(own) <= EVENTS_OF_A_LIFE + DAYS * EVENTS_OF_A_DAY
    assert timeouts.A_MOMENT not in _open_timers(events), "what is due and is not done would be due for ever"
    assert await house.asleep_for_ever(name, document) == ""


def _open_timers(events: Sequence[HistoryEvent]) -> list[timedelta]:
    """For how long each timer that has not ended was set."""
    ended = {event.timer_fired_event_attributes.started_event_id for event in events}
    ended |= {event.timer_canceled_event_attributes.started_event_id for event in events}
    return [
        event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
        for event in events
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED and event.event_id not in ended
    ]


async def _apply_rules(house: House, directory: Path) -> None:
    changed = copytree(SMALL_MAP, directory / "network")
    nodes, policy = (changed / "nodes.toml").read_text(), (changed / "policy.toml").read_text()
    nodes = nodes.replace('id = "spare"', 'id = "spare"\ncapacity_per_day = 1')
    (changed / "nodes.toml").write_text(nodes.replace('id = "asks"', 'id = "asks"\npickup = true'))
    more = 'grace = "0s"\ncollect_within = "2d"\nat_risk_before = "4h"'
    (changed / "policy.toml").write_text(policy.replace('grace = "0s"', more) + RULES)
    assert await apply_network(house.database_url, changed) == []
