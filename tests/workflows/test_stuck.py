"""Each activity is made to fail for ever: a person is notified why, and when it is mended the life goes on."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio import activity
from temporalio.testing import TimeSkipper

import activities.stuck
from activities.dispatch import DispatchActivities
from activities.order import OrderActivities
from activities.returns import ReturnActivities
from database.connect import Database
from embedded.ports import free_port
from tests.conftest import OPERATOR_KEY
from tests.house import ANSWERS_WITHIN_SECONDS, Document, House, furnished
from tests.listener import Listener, listening
from tests.workflows.test_calling_nodes import SECRETS, network_of
from tests.workflows.test_return_life import asked, delivered, tell, workflow
from transactions.prepare import apply_network
from transactions.sourcing import StockTaken

KINDS = (OrderActivities, ReturnActivities, DispatchActivities)
ACTIVITIES = {
    method.__name__: kind
    for kind in KINDS
    for method in kind(cast(Any, None)).activities()  # they are only listed, so no transactions are needed
}
"""Every activity that a worker registers, with its class."""
TRIES = 2
"""Few, so that nobody waits: how many they really are is no matter for these tests."""


class Sabotage:
    """Makes one activity fail, until it is mended."""

    def __init__(self) -> None:
        self.broken: str | None = None
        self.error: Exception = KeyError("OLD-1")
        self.failures = 0

    def plant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let every activity ask whether it is the broken one."""
        for name, kind in ACTIVITIES.items():
            monkeypatch.setattr(kind, name, self._breakable(name, getattr(kind, name)))

    def _breakable(self, name: str, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wrapped(itself: Any, given: Any) -> Any:
            if self.broken == name:
                self.failures += 1
                raise self.error
            return await real(itself, given)

        functools.update_wrapper(wrapped, real, updated=())
        return activity.defn(wrapped)


@pytest.fixture
def sabotage(monkeypatch: pytest.MonkeyPatch) -> Sabotage:
    """It is planted before the worker is built."""
    planted = Sabotage()
    planted.plant(monkeypatch)
    monkeypatch.setattr(activities.stuck, "STUCK_AFTER_TRIES", TRIES)
    return planted


@pytest.fixture
async def stage(
    patient: None, sabotage: Sabotage, database: Database, database_url: str, temporal: TimeSkipper, tmp_path: Path
) -> AsyncIterator[House]:
    """A house whose activities can be broken; two of its nodes are called."""
    async with (
        listening(node := Listener(free_port())),
        furnished(temporal, database, database_url, OPERATOR_KEY) as made,
    ):
        assert await apply_network(database_url, network_of(tmp_path / "network", node, SECRETS[0])) == []
        yield made
        await made.check_invariants()
        await made.leave()


async def pinned(house: House) -> str:
    """An order with a hold: its units are pinned."""
    await house.stock("asks", SERUM_30=2)
    name = await house.place(("SERUM-30", 2), holds=[{"hold": "fraud"}])
    await house.settle(name)
    return name


async def at_work(house: House) -> str:
    """An order that a node works on."""
    await house.stock("asks", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    await house.work(name)
    await house.settle(name)
    return name


async def waiting(house: House, **more: Any) -> str:
    """An order that waits for stock."""
    name = await house.place(("SERUM-30", 2), **more)
    await house.settle(name)
    return name


async def with_return(house: House) -> tuple[str, str]:
    """A delivered order and its return."""
    name = await delivered(house)
    return name, await asked(house, name, 2)


class Asking:
    """A request that is not answered while its activity fails: nobody waits for it."""

    def __init__(self, order: Callable[[House], Awaitable[str]], what: str, body: Document) -> None:
        self.order, self.what, self.body = order, what, body

    async def __call__(self, house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
        name = await self.order(house)
        body = {key: value.format(name) if isinstance(value, str) else value for key, value in self.body.items()}

        async def act() -> None:
            asking.append(asyncio.create_task(house.ask(name, self.what, **body)))

        return name, act


asking: list[asyncio.Task[Any]] = []
Scene = Callable[[House], Awaitable[tuple[str, Callable[[], Awaitable[None]]]]]
LINES = [{"line": "1", "quantity": 1}]
ADDRESS = {"ship_to": {"postal_code": "80203", "country": "US"}}


async def source(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    name = await waiting(house)
    return name, lambda: look_again(house, name)


async def look_again(house: House, name: str) -> None:
    """What a relay says when stock may have come."""
    await house.workflow(name).signal("changed", {"look_again": True})


async def release(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    name = await pinned(house)

    async def act() -> None:
        await house.ask(name, "release", hold="fraud")

    return name, act


async def act_on_silence(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    name = await at_work(house)
    return name, lambda: house.wait_out(name)


async def record_signal(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    name = await at_work(house)
    return name, lambda: house.workflow(name).signal("what is this", "?")


async def look(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    name = await at_work(house)
    return name, lambda: look_again(house, name)


async def give_up(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    name = await waiting(house, not_after=(datetime.now(UTC) + timedelta(days=10)).isoformat())
    return name, lambda: house.skip(name, timedelta(days=11))


async def close(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    name = await delivered(house)
    return name, lambda: house.skip(name, timedelta(days=31))


async def look_at_return(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    name = await delivered(house)

    async def act() -> None:
        await asked(house, name, 2)

    return name, act


async def pay(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    name, made = await with_return(house)
    graded = {"line": "1", "quantity": 2, "condition": "as_new"}
    return name, lambda: tell(house, made, "graded", lines=[graded])


async def remind(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    name, made = await with_return(house)
    return name, partial(skip_return, house, made, timedelta(days=17))


async def skip_return(house: House, made: str, span: timedelta) -> None:
    """Let the clock of a return run ahead."""
    await house.time.fast_forward(workflow(house, made), span)


async def expire_return(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    name, made = await with_return(house)
    return name, partial(skip_return, house, made, timedelta(days=31))


async def close_return(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    name, made = await with_return(house)
    graded = {"line": "1", "quantity": 2, "condition": "as_new"}

    async def act() -> None:
        await tell(house, made, "graded", lines=[graded])
        await tell(house, made, "settled")

    return name, act


async def call_node(house: House) -> tuple[str, Callable[[], Awaitable[None]]]:
    await house.stock("reroutes", SERUM_30=2)
    name = await house.place(("SERUM-30", 2), holds=[{"hold": "fraud"}])

    async def act() -> None:
        await house.ask(name, "release", hold="fraud")

    return name, act


SCENES: dict[str, Scene] = {
    "source": source,
    "release": release,
    "act_on_silence": act_on_silence,
    "record_signal": record_signal,
    "look": look,
    "give_up": give_up,
    "close": close,
    "cancel": Asking(waiting, "cancel", {}),
    "hold": Asking(waiting, "hold", {"hold": "fraud"}),
    "release_hold": Asking(pinned, "release", {"hold": "fraud"}),
    "reroute": Asking(at_work, "reroute", {"fulfillment_order": "{}-f1"}),
    "change_address": Asking(waiting, "address", ADDRESS),
    "change_service": Asking(waiting, "service", {"service": "standard"}),
    "add_lines": Asking(
        waiting, "lines", {"lines": [{"line": "2", "sku": "SERUM-30", "quantity": 1, "unit_price": 1}]}
    ),
    "change_quantity": Asking(waiting, "quantities", {"lines": LINES}),
    "change_pickup": Asking(waiting, "pickup", {"pickup_node": None}),
    "resolve": Asking(waiting, "resolve", {"exception": "{}-x0"}),
    "request_return": Asking(delivered, "returns", {"lines": LINES}),
    "look_at_return": look_at_return,
    "pay": pay,
    "remind": remind,
    "expire_return": expire_return,
    "close_return": close_return,
    "call_node": call_node,
}
"""By activity: an order, and what makes the activity run."""


ONE_OF_EACH_KIND = ("source", "give_up", "cancel", "pay", "call_node")
"""What the order does by itself, at a deadline, or on request; what a return does; and a call to a node."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ONE_OF_EACH_KIND else pytest.mark.long) for name in ACTIVITIES]
)
async def test_an_activity_that_fails_for_ever_is_reported_and_goes_on_when_it_is_mended(
    stage: House, sabotage: Sabotage, name: str
) -> None:
    order, act = await SCENES[name](stage)
    sabotage.broken = name
    acting = asyncio.ensure_future(act())  # a clock that is turned stands still until the activity works

    await until_open(stage, order, 1)
    (reported,) = await stuck(stage, "true")
    assert reported["order"] == order
    assert f"{name} of {order}" in reported["detail"]
    assert f"has failed {TRIES} times: KeyError: 'OLD-1'." in reported["detail"]

    failures = sabotage.failures
    await until(lambda: sabotage.failures >= failures + 2)  # retries go on, and tell nothing more
    assert len(await stuck(stage, "true")) == 1

    sabotage.broken = None
    await until_open(stage, order, 0)
    assert len(await stuck(stage, "false")) == 1
    await acting
    await stage.settle(order)
    await asyncio.gather(*asking)
    asking.clear()


async def test_every_activity_has_a_scene() -> None:
    assert SCENES.keys() == ACTIVITIES.keys()


async def test_that_others_were_quicker_is_no_reason_to_tell_a_person_before_many_tries(
    stage: House, sabotage: Sabotage
) -> None:
    order, act = await release(stage)
    sabotage.broken, sabotage.error = "release", StockTaken(order)
    await act()
    await until(lambda: sabotage.failures > 2 * TRIES)
    assert await stuck(stage, "true") == []
    sabotage.broken = None
    await stage.work(order)


async def test_a_workflow_that_was_started_again_closes_what_its_earlier_run_was_stuck_in(
    stage: House, sabotage: Sabotage
) -> None:
    """Its activities count their tries from one."""
    order, act = await release(stage)
    sabotage.broken = "release"
    await act()
    await until_open(stage, order, 1)
    await stage.workflow(order).terminate("an operator lost patience")
    sabotage.broken = None
    await stage.ask(order, "hold", hold="payment")
    await until_open(stage, order, 0)


async def stuck(house: House, is_open: str) -> list[Document]:
    """The exceptions of this code that are open, or were resolved."""
    answer = await house.http.get("/exceptions", params={"code": "stuck", "open": is_open})
    assert answer.status_code == 200, answer.text
    found: list[Document] = answer.json()["items"]
    return found


async def until_open(house: House, order: str, number: int) -> None:
    """Poll until an order has so many open exceptions of this code."""
    async with asyncio.timeout(2 * ANSWERS_WITHIN_SECONDS):
        while (await codes(house, order)).count("stuck") != number:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # PostgreSQL rings no bell


async def codes(house: House, order: str) -> list[str]:
    """The codes of an order's open exceptions."""
    return [one["code"] for one in (await house.order(order))["exceptions"]]


async def until(is_there: Callable[[], bool]) -> None:
    """Poll until something is true."""
    async with asyncio.timeout(2 * ANSWERS_WITHIN_SECONDS):
        while not is_there():  # noqa: ASYNC110  (failures ring no bell)
            await asyncio.sleep(0.05)
