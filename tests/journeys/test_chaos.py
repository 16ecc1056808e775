"""Whatever befalls it, and whenever: every order ends right. Each seed of chance has a service of its own."""

import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.lives import (
    HURRIED,
    Story,
    a_cancelled_life,
    a_life_with_a_silent_store,
    a_plain_life,
    check_invariants,
    check_its_end,
    client_of,
)
from tests.stack import PARTS, Service, Shop
from tests.unfinished import unfinished

MANY_A_DAY = {"capacity_per_day = 400": "capacity_per_day = 100000"}
"""An order that no node has the capacity for today waits until tomorrow, and no test does."""
SEED_SECONDS_MAX = 540.0
"""Within the limit of the test, so that what has not ended can still be said."""


@contextmanager
def service_of_its_own(name: str) -> Iterator[Service]:
    """A service that nobody shares; its audit finds nothing in the end. When anything fails, its data and logs stay."""
    folder = Path(tempfile.mkdtemp(prefix=f"switchyard-{name}-"))
    folder.chmod(0o711)
    service = Service(folder, HURRIED | MANY_A_DAY)
    try:
        service.start()
        yield service
        service.audit()
        service.stop()
    except BaseException:
        sys.stderr.write(f"{name}: the data and the logs are kept in {folder}\n")
        service.end()
        raise
    shutil.rmtree(folder)


async def _a_life_with_a_short_pick(shop: Shop) -> str:
    """One of two is not found; a second fulfillment order brings it."""
    name = await shop.place("SERUM-30", 2)
    first = await shop.work(name)
    await shop.tell(first, "picked", {"1": 1}, final=True)
    await shop.fulfill(name, number=2)
    await shop.fulfill(name, ("shipped", "delivered"))
    await shop.until(name, "completed")
    return name


async def _a_life_that_ends_with_consent(shop: Shop) -> str:
    """Cancelled after its node has accepted, which consents."""
    name = await shop.place("SERUM-30", 2)
    await shop.fulfill(name, ("accepted",))
    assert [units["quantity"] for units in (await shop.cancel(name))["pending"]] == [2]
    await shop.fulfill(name, ("cancel_accepted",))
    await shop.until(name, "cancelled")
    return name


STORIES: tuple[tuple[Story, int], ...] = (
    (a_plain_life, 1),
    (_a_life_with_a_short_pick, 2),
    (a_cancelled_life, 0),
    (_a_life_that_ends_with_consent, 0),
    (a_life_with_a_silent_store, 2),
)
"""What may befall an order of two units, and in how many rounds it is decided if it ships."""
UNDER_WAY = 16
RECOVERS_WITHIN_STARTS = 2.0
"""How long the recovery from one kill may take, in starts of the whole service: both are slow where the machine is busy."""
UNDER_FIRE_SECONDS = 300.0
"""How long one step of an order may take while something is killed every few seconds: it must end, however often it begins."""


async def ends_right(shop: Shop, story: Story, rounds: int, doors: asyncio.Semaphore) -> None:
    """Live a story, and look at what has become of it."""
    async with doors:
        await check_its_end(shop, story, rounds)


async def kill_one(service: Service, shop: Shop, part: str) -> float:
    """Kill a part with -9; answers how many seconds after its restart a new order was at its node."""
    killed = await asyncio.to_thread(service.kill_part, part)
    await asyncio.to_thread(service.restarted, part, killed)
    restarted = time.monotonic()
    await shop.work(await shop.place("SERUM-30"))
    return time.monotonic() - restarted


@pytest.mark.timeout(600)
@pytest.mark.asyncio(loop_scope="function")
@pytest.mark.parametrize(
    ("seed", "orders", "kills"),
    [(0, 10, 2)] + [pytest.param(seed, 200, len(PARTS), marks=pytest.mark.long) for seed in range(1, 21)],
)
async def test_whichever_parts_are_killed_at_random_moments_every_order_ends_right(
    seed: int, orders: int, kills: int
) -> None:
    """It has an event loop of its own, too: what a test that was interrupted leaves in a loop kills for the next one."""
    with service_of_its_own(f"seed-{seed}") as service:
        try:
            async with (
                asyncio.timeout(SEED_SECONDS_MAX),
                client_of(service.stack.http, service.stack.operator_key) as http,
            ):
                await _live_under_fire(service, Shop(http), random.Random(seed), orders, kills)
                await check_invariants(service.stack.database)
        except BaseException:
            sys.stderr.write(f"seed {seed}, {await unfinished(service.stack)}\n")
            raise


async def _live_under_fire(service: Service, shop: Shop, dice: random.Random, orders: int, kills: int) -> None:
    """At least so many kills, and as many as it takes until the last order has ended."""
    shop.waits_seconds = UNDER_FIRE_SECONDS
    for node, sku in (("slc", "SERUM-30"), ("nwk", "SERUM-30"), ("slc", "TONER-200"), ("lax", "TONER-200")):
        await shop.receive(node, sku, 4 * orders)
    doors = asyncio.Semaphore(UNDER_WAY)
    stories = [STORIES[number % len(STORIES)] for number in range(orders)]
    recovered: list[tuple[str, float]] = []
    async with asyncio.TaskGroup() as group:
        lives = [group.create_task(ends_right(shop, story, rounds, doors)) for story, rounds in stories]
        while len(recovered) < kills or not all(life.done() for life in lives):
            if len(recovered) % len(PARTS) == 0:
                turn = dice.sample(list(PARTS), len(PARTS))
            await asyncio.sleep(dice.uniform(0, 1))  # nothing to wait for: any moment may be the last
            part = turn[len(recovered) % len(PARTS)]
            recovered.append((part, await kill_one(service, shop, part)))
    sys.stderr.write(f"{len(recovered)} killed, {_slowest(recovered)}; the start took {service.start_seconds:.1f} s\n")
    assert max(seconds for _, seconds in recovered) <= RECOVERS_WITHIN_STARTS * service.start_seconds, recovered


def _slowest(recovered: list[tuple[str, float]]) -> str:
    slowest = {part: max(seconds for one, seconds in recovered if one == part) for part, _ in recovered}
    return ", ".join(f"{part} back after at most {seconds:.1f} s" for part, seconds in slowest.items())
