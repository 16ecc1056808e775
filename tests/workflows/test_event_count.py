"""What a standard order costs: every event is server time, and hosted Temporal bills by it, so the number may not creep.

The order: one line, one fulfillment order; accepted, picked, shipped, delivered; its return window passes. A fast warehouse
ships before the time to accept is over, a slow one after it.
"""

from collections import Counter

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from tests.house import Document, House

FAST_UNTIL_DELIVERED = 23
FAST_TASKS_UNTIL_DELIVERED = 3
FAST_TRANSITIONS_UNTIL_DELIVERED = 9
EVENTS_OF_A_LATE_LOOK = 7
"""The time to accept is over, and the node has accepted meanwhile: one workflow task for the timer, the look at the facts, the
search attributes, and the timer for the shipment."""
EVENTS_OF_CLOSING = 6
"""One workflow task for the timer, what closes the order, and the end."""
EVENTS_OF_A_TASK = 3

OF_THE_TESTS_CLOCK = (
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
)


def counted(history: WorkflowHistory) -> Counter[str]:
    """The events of an order by type, without those that only skipped time makes."""
    types = [event.event_type for event in history.events if event.event_type not in OF_THE_TESTS_CLOCK]
    return Counter(EventType.Name(kind).removeprefix("EVENT_TYPE_") for kind in types)


def without_tasks(events: Counter[str]) -> Counter[str]:
    """Skipping time starts a workflow task of its own now and then, so tasks cannot be counted where it skips."""
    return Counter({kind: n for kind, n in events.items() if not kind.startswith("WORKFLOW_TASK")})


async def released(house: House) -> tuple[str, str]:
    """A standard order that its node has, and its fulfillment order."""
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    work: str = (await house.work(name))["fulfillment_order"]
    await house.settle(name)
    return name, work


async def reported(house: House, name: str, work: str, *kinds: str) -> Document:
    """The order after its node has reported these."""
    for kind in kinds:
        await house.tell(work, kind)
        document = await house.settle(name)
    return document


async def so_far(house: House, name: str) -> Counter[str]:
    """The events of an order until now."""
    return counted(await house.workflow(name).fetch_history())


async def closing(house: House, name: str, closes_at: str) -> int:
    """How many events its closing costs, without workflow tasks."""
    before = await so_far(house, name)
    await house.skip_to(name, closes_at)
    assert await house.workflow(name).result() == {"status": "completed"}
    return without_tasks(await so_far(house, name) - before).total()


async def test_a_standard_order_costs_exactly_29_events_and_4_tasks_when_its_warehouse_is_fast(
    still_house: House,
) -> None:
    house = still_house
    name, work = await released(house)

    delivered = await reported(house, name, work, "accepted", "picked", "shipped", "delivered")

    events = await so_far(house, name)
    about = (await house.workflow(name).describe()).raw_description.workflow_execution_info
    assert events.total() == FAST_UNTIL_DELIVERED, dict(events)
    assert events["WORKFLOW_TASK_COMPLETED"] == FAST_TASKS_UNTIL_DELIVERED
    assert about.state_transition_count == FAST_TRANSITIONS_UNTIL_DELIVERED
    closes_with = await closing(house, name, delivered["closes_at"])
    assert closes_with == EVENTS_OF_CLOSING - EVENTS_OF_A_TASK
    assert FAST_UNTIL_DELIVERED + EVENTS_OF_CLOSING == 29
    assert FAST_TASKS_UNTIL_DELIVERED + 1 == 4


async def test_a_standard_order_costs_exactly_36_events_and_5_tasks_when_its_warehouse_ships_after_its_time_to_accept(
    still_house: House,
) -> None:
    house = still_house
    name, work = await released(house)
    accept_by = (await house.work(name))["deadline"]
    await reported(house, name, work, "accepted", "picked")
    before = await so_far(house, name)

    await house.skip_to(name, accept_by)
    await house.settle(name)

    looked = without_tasks(await so_far(house, name) - before)
    assert looked.total() == EVENTS_OF_A_LATE_LOOK - EVENTS_OF_A_TASK, dict(looked)
    delivered = await reported(house, name, work, "shipped", "delivered")
    closes_with = await closing(house, name, delivered["closes_at"])
    assert closes_with == EVENTS_OF_CLOSING - EVENTS_OF_A_TASK
    assert FAST_UNTIL_DELIVERED + EVENTS_OF_A_LATE_LOOK + EVENTS_OF_CLOSING == 36
