"""What a standard order costs: every event is server time, and hosted Temporal bills by it, so the number may not creep.

The order: one line, one fulfillment order; accepted, picked, shipped, delivered; its return window passes.
"""

from collections import Counter

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from tests.house import House

EVENTS_UNTIL_DELIVERED = 45
TASKS_UNTIL_DELIVERED = 7
TRANSITIONS_UNTIL_DELIVERED = 21
EVENTS_OF_CLOSING = 12
"""The timer, the activity that closes, the status, the end, and two workflow tasks."""
EVENTS_OF_A_TASK = 3
EVENTS_MAX = 60

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


async def test_a_standard_order_costs_exactly_57_events(still_house: House) -> None:
    house = still_house
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    work = (await house.work(name))["fulfillment_order"]
    handle = house.workflow(name)
    await house.settle(name)

    for kind in ("accepted", "picked", "shipped", "delivered"):
        await house.tell(work, kind)
        delivered = await house.settle(name)
    until_delivered = counted(await handle.fetch_history())
    transitions = (await handle.describe()).raw_description.workflow_execution_info.state_transition_count
    await house.skip_to(name, delivered["closes_at"])
    assert await handle.result() == {"status": "completed"}
    closing = without_tasks(counted(await handle.fetch_history()) - until_delivered)

    assert until_delivered.total() == EVENTS_UNTIL_DELIVERED, dict(until_delivered)
    assert until_delivered["WORKFLOW_TASK_COMPLETED"] == TASKS_UNTIL_DELIVERED
    assert transitions == TRANSITIONS_UNTIL_DELIVERED
    assert closing.total() == EVENTS_OF_CLOSING - 2 * EVENTS_OF_A_TASK, dict(closing)
    assert EVENTS_UNTIL_DELIVERED + EVENTS_OF_CLOSING == 57 <= EVENTS_MAX
