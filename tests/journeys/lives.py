"""Lives of orders that journeys live more than once, and what must be true of them in the end."""

import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import httpx2

from database.connect import Database
from starter.audit import findings_of
from tests.stack import Shop

SHORT_LIVES = {'window = "4286ms"': 'window = "2s"'}
DEADLINES_FOR_CRASHES = {
    'accept_within = "12000ms"': 'accept_within = "120s"',
    'ship_within = "72000ms"': 'ship_within = "300s"',
    'cancel_after = "8571ms"': 'cancel_after = "300s"',
}
"""Who is killed may be late; only stores are taken for silent."""
IMPATIENT_STORES = {'accept_within = "6000ms"': 'accept_within = "1s"'}
HURRIED = SHORT_LIVES | DEADLINES_FOR_CRASHES | IMPATIENT_STORES
REQUEST_SECONDS_MAX = 30.0

Story = Callable[[Shop], Awaitable[str]]
"""Lives an order, and answers its id."""


async def check_invariants(database_url: str) -> None:
    """What the audit computes from the facts."""
    database = Database(database_url)
    violations = [row for finding in await findings_of(database) for row in finding.violations]
    await database.close()
    assert not violations


def client_of(address: str, key: str) -> httpx2.AsyncClient:
    """Who talks to a service with this key."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx2.AsyncClient(base_url=address, headers=headers, timeout=REQUEST_SECONDS_MAX)


@contextmanager
def suspended(pid: int) -> Iterator[None]:
    """A process that is there and does nothing."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def check_each_shipped_once(shop: Shop, names: list[str], rounds: int = 1, works: int | None = None) -> None:
    """Every unit of the orders left in one box of one node, decided in as many rounds of sourcing as were needed.

    There are as many fulfillment orders as rounds, if not said otherwise.
    """
    for name in names:
        order = await shop.order(name)
        parts = [part for work in order["fulfillment_orders"] for part in work["lines"]]
        assert len(order["lines"]) > 1 or not order["lines"][0]["cancelled"]  # what was swapped is another line
        for line in order["lines"]:
            assert line["shipped"] == line["delivered"] == line["ordered"] - line["cancelled"]
            assert sum(part["shipped"] for part in parts if part["line"] == line["line"]) == line["shipped"]
        assert len(order["fulfillment_orders"]) == (works or rounds)
        assert len((await shop.send("GET", f"/orders/{name}/plan")).json()["rounds"]) == rounds
        assert not order["exceptions"]


async def check_its_end(shop: Shop, life: Story, rounds: int, works: int | None = None) -> str:
    """Live a life of two units, and look at what has become of it: it ships after so many rounds, or not at all.

    Answers the order's id.
    """
    name = await life(shop)
    if rounds:
        await check_each_shipped_once(shop, [name], rounds, works)
    else:
        document = await shop.order(name)
        assert (document["status"], document["lines"][0]["cancelled"]) == ("cancelled", 2)
    return name


async def a_plain_life(shop: Shop) -> str:
    name = await shop.place("SERUM-30", 2)
    await shop.live(name)
    return name


async def a_cancelled_life(shop: Shop) -> str:
    """Asked twice, the cancel answers twice the same: all that was ordered, cancelled once."""
    name = await shop.place("SERUM-30", 2)
    for _ in range(2):
        answer = await shop.cancel(name)
        assert [units["quantity"] for units in answer["cancelled"]] == [2]
        assert not answer["pending"] + answer["refused"]
    await shop.until(name, "cancelled")
    return name


async def a_life_with_a_silent_store(shop: Shop) -> str:
    """The store in Los Angeles says nothing, so Salt Lake City ships; then the store says that it has done nothing."""
    name = await shop.place("TONER-200", 2, ship_to={"postal_code": "90036", "country": "US"})
    await shop.fulfill(name, number=2)
    await shop.fulfill(name, ("cancel_accepted",), number=1)
    await shop.until(name, "completed")
    return name
