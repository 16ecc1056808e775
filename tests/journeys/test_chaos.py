"""Whatever befalls it, and whenever: every order ends right. Each seed of chance has a service of its own."""

import asyncio
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from embedded.ports import free_port
from tests.journeys.faults import FAULTS, Trial
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
from tests.listener import Listener, listening
from tests.stack import Service, Shop
from tests.unfinished import unfinished

MANY_A_DAY = {"capacity_per_day = 400": "capacity_per_day = 100000"}
"""An order that no node has the capacity for today waits until tomorrow, and no test does."""
PATIENT_VENDOR = {'accept_within = "72000ms"': 'accept_within = "300s"'}
SECRET = "whsec_" + "QUJD" * 8
SEED_SECONDS_MAX = 1500.0
"""A seed takes about three minutes on an idle machine. Within the limit of the test, so that what has not ended can be said."""


@contextmanager
def service_of_its_own(name: str, perfumer: Listener) -> Iterator[tuple[Service, Path]]:
    """A service that nobody shares, and its folder; its audit finds nothing in the end. When anything fails, its data and
    logs stay. The perfumer in Atlanta is called."""
    folder = Path(tempfile.mkdtemp(prefix=f"switchyard-{name}-"))
    folder.chmod(0o711)
    called = f'id = "atl"\ndispatch = "webhook"\nurl = "{perfumer.url}"\nsecret = "{SECRET}"'
    service = Service(folder, HURRIED | MANY_A_DAY | {'id = "atl"': called} | PATIENT_VENDOR)
    try:
        service.start()
        yield service, folder
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


async def _a_life_whose_node_is_called(shop: Shop) -> str:
    """The perfumer does not poll."""
    name = await shop.place("PERFUME-50", 2)
    await shop.until(name, lambda found: [fo["request"] for fo in found["fulfillment_orders"]] == ["sent"])
    await shop.live(name)
    return name


async def _a_life_of_a_kit(shop: Shop) -> str:
    """What is in it may change at any moment; the customer gets what was in it when it was ordered."""
    name = await shop.place("SET-TRAVEL", 2)
    await shop.live(name)
    return name


STORIES: tuple[tuple[Story, int], ...] = (
    (a_plain_life, 1),
    (_a_life_with_a_short_pick, 2),
    (a_cancelled_life, 0),
    (_a_life_that_ends_with_consent, 0),
    (a_life_with_a_silent_store, 2),
    (_a_life_whose_node_is_called, 1),
    (_a_life_of_a_kit, 1),
)
"""What may befall an order of two units, and in how many rounds it is decided if it ships."""
STOCK = (
    *(("slc", "SERUM-30"), ("nwk", "SERUM-30"), ("slc", "TONER-200"), ("lax", "TONER-200")),
    *(("atl", "PERFUME-50"), ("slc", "CLEANSER-150"), ("slc", "SUNSCREEN-50")),
)
UNDER_WAY = 16
RECOVERS_WITHIN_STARTS = 2.0
"""How long the recovery from one kill may take, in starts of the whole service: both are slow where the machine is busy."""
UNDER_FIRE_SECONDS = 300.0
"""How long one step of an order may take while something befalls it every few seconds: it must end, however often it begins."""
QUICK = ("kill worker", "kill HTTP", "change the network")
"""Faults after which no order waits for the sweep, which takes a minute or two."""


@pytest.mark.timeout(1800)
@pytest.mark.asyncio(loop_scope="function")
@pytest.mark.parametrize(
    ("seed", "orders", "faults"),
    [pytest.param(0, 10, QUICK, id="seed-0")]
    + [pytest.param(seed, 100, tuple(FAULTS), id=f"seed-{seed}", marks=pytest.mark.long) for seed in range(1, 21)],
)
async def test_whatever_befalls_it_at_random_moments_every_order_ends_right(
    seed: int, orders: int, faults: Sequence[str]
) -> None:
    """It has an event loop of its own, too: what a test that was interrupted leaves in a loop kills for the next one."""
    perfumer = Listener(free_port())
    with service_of_its_own(f"seed-{seed}", perfumer) as (service, folder):
        try:
            async with (
                asyncio.timeout(SEED_SECONDS_MAX),
                listening(perfumer),
                client_of(service.stack.http, service.stack.operator_key) as http,
            ):
                trial = Trial(service, Shop(http), random.Random(seed), perfumer, folder)
                await _live_under_fire(trial, orders, faults)
                await check_invariants(service.stack.database)
                sys.stderr.write(f"seed {seed}: {_figures(trial)}, 0 violations\n")
        except BaseException:
            sys.stderr.write(f"seed {seed}, {await unfinished(service.stack)}\n")
            raise


async def _live_under_fire(trial: Trial, orders: int, faults: Sequence[str]) -> None:
    """Every fault, in turns, until the last orders are under way; these must end without another one."""
    shop, service = trial.shop, trial.service
    shop.waits_seconds = UNDER_FIRE_SECONDS
    for node, sku in STOCK:
        await shop.receive(node, sku, 4 * orders)
    doors = asyncio.Semaphore(UNDER_WAY)
    stories = [STORIES[number % len(STORIES)] for number in range(orders)]
    async with asyncio.TaskGroup() as group:
        lives = [group.create_task(_ends_right(trial, story, rounds, doors)) for story, rounds in stories]
        while not trial.befell or sum(not life.done() for life in lives) > UNDER_WAY:
            for fault in trial.dice.sample(faults, len(faults)):
                await asyncio.sleep(trial.dice.uniform(0, 1))  # nothing to wait for: any moment may be the last
                await trial.befall(fault)
    if faults != QUICK:  # a figure of a machine that others use as well proves nothing
        slowest = max(seconds for _, seconds in trial.recovered)
        assert slowest <= RECOVERS_WITHIN_STARTS * service.start_seconds, trial.recovered


async def _ends_right(trial: Trial, story: Story, rounds: int, doors: asyncio.Semaphore) -> None:
    """Live a story, and look at what has become of it."""
    async with doors:
        trial.ended.add(await check_its_end(trial.shop, story, rounds))


def _figures(trial: Trial) -> str:
    recovered = {part: max(seconds for one, seconds in trial.recovered if one == part) for part, _ in trial.recovered}
    said = ", ".join(f"{part} back after at most {seconds:.1f} s" for part, seconds in recovered.items())
    faults = ", ".join(f"{times} × {fault}" for fault, times in trial.befell.items())
    return (
        f"{len(trial.shop.placed)} orders, {trial.shop.messages} messages, {trial.befell.total()} faults ({faults}); "
        f"{said}, the start of the service took {trial.service.start_seconds:.1f} s"
    )
