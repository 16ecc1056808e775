"""What the service does by itself: each job runs again and again, whatever goes wrong, and operators see how each is doing."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from jobs.driver import Driver, Job, JobStatus, Lane
from jobs.schedule import STOCK
from tests.house import ANSWERS_WITHIN_SECONDS, Document, House

AT_ONCE = timedelta()
REFERENCE = (Path(__file__).parents[2] / "docs/reference/http.md").read_text()
NEVER_BY_ITSELF = timedelta(days=1)


class Runs:
    """What jobs did, in order, and how to wait for it."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self._news = asyncio.Event()

    def job(self, name: str, *, fails: Callable[[int], bool] = lambda _: False) -> Job:
        """A job that notes its runs and fails in those of a number."""

        async def run() -> None:
            self.made.append(name)
            self._news.set()
            await asyncio.sleep(0)
            if fails(self.made.count(name)):
                raise LookupError("Ada Lovelace")

        return Job(name, run)

    async def until(self, is_so: Callable[[list[str]], bool]) -> None:
        async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
            while not is_so(self.made):
                self._news.clear()
                await self._news.wait()


async def test_a_job_that_fails_is_run_again_and_ends_nothing() -> None:
    runs = Runs()
    jobs = [runs.job("fails", fails=lambda number: number <= 2), runs.job("works")]
    with capture_logs() as lines:
        async with Driver([Lane("one", AT_ONCE, jobs)]).running():
            await runs.until(lambda made: made.count("fails") >= 3 and made.count("works") >= 4)
    failures = [line for line in lines if line["event"] == "a job failed and will be run again"]
    assert [line["job"] for line in failures] == ["fails", "fails"]
    failing, working = jobs[0].status, jobs[1].status
    assert failing.last_error == "LookupError", "and nobody's name"
    assert failing.last_failed_at is not None
    assert failing.last_succeeded_at is not None
    assert failing.last_succeeded_at >= failing.last_failed_at
    assert (working.last_error, working.last_failed_at) == (None, None)


async def test_jobs_of_one_lane_run_in_their_order_and_lanes_do_not_wait_for_each_other() -> None:
    runs, ends = Runs(), asyncio.Event()

    async def takes_long() -> None:
        runs.made.append("long")
        await ends.wait()

    lanes = [
        Lane("slow", AT_ONCE, [Job("long", takes_long), runs.job("after")]),
        Lane("quick", AT_ONCE, [runs.job("first"), runs.job("second")]),
    ]
    async with Driver(lanes).running():
        await runs.until(lambda made: made.count("second") >= 3)
        assert [name for name in runs.made if name in ("first", "second")][:6] == ["first", "second"] * 3
        assert "after" not in runs.made
        ends.set()
        await runs.until(lambda made: "after" in made)


async def test_a_lane_that_is_asked_for_does_not_wait_and_a_round_under_way_is_followed_by_another() -> None:
    runs, is_under_way, goes_on = Runs(), asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        is_under_way.set()
        await goes_on.wait()

    stock = Lane("stock", NEVER_BY_ITSELF, [runs.job("looks"), Job("waits", waits)])
    driver = Driver([stock, Lane("clock", AT_ONCE, [runs.job("ticks")])])
    async with driver.running():
        await is_under_way.wait()
        driver.run_soon("stock")
        goes_on.set()
        await runs.until(lambda made: made.count("looks") == 2)
        driver.run_soon("stock")
        await runs.until(lambda made: made.count("looks") == 3)
        ticks = runs.made.count("ticks")
        await runs.until(lambda made: made.count("ticks") > ticks + 5)
        assert runs.made.count("looks") == 3, "once asked, once run"


async def test_a_lane_that_is_asked_for_at_the_last_moment_ends_with_the_others() -> None:
    runs = Runs()
    driver = Driver([Lane("stock", NEVER_BY_ITSELF, [runs.job("looks")])])
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        async with driver.running():
            await runs.until(lambda made: bool(made))
            for _ in range(10):  # until it waits for its next round
                await asyncio.sleep(0)
            driver.run_soon("stock")
    assert runs.made == ["looks"]


LONG = timedelta(days=1)


def _has_ticked(more_than: int, made: list[str]) -> bool:
    return made.count("ticks") > more_than


async def test_a_lane_that_is_notified_runs_when_something_is_committed_and_not_before() -> None:
    runs = Runs()
    lanes = [
        Lane("stock", AT_ONCE, [runs.job("looks")], at_least_every=LONG),
        Lane("clock", AT_ONCE, [runs.job("ticks")]),
    ]
    driver = Driver(lanes, is_notified=lambda: True)
    async with driver.running():
        for round_ in (1, 2, 3):
            ticks = runs.made.count("ticks")
            await runs.until(partial(_has_ticked, ticks + 5))
            assert runs.made.count("looks") == round_
            driver.announce()
            driver.announce()
        driver.run_soon("stock")
        await runs.until(lambda made: made.count("looks") >= 4)


async def test_what_is_committed_while_a_round_is_under_way_is_followed_by_another() -> None:
    runs, is_under_way, goes_on = Runs(), asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        is_under_way.set()
        await goes_on.wait()

    driver = Driver(
        [Lane("stock", AT_ONCE, [runs.job("looks"), Job("waits", waits)], at_least_every=LONG)],
        is_notified=lambda: True,
    )
    async with driver.running():
        await is_under_way.wait()
        driver.announce()
        goes_on.set()
        await runs.until(lambda made: made.count("looks") == 2)


async def test_while_no_notifications_come_every_lane_looks_by_itself() -> None:
    runs = Runs()
    async with Driver([Lane("stock", AT_ONCE, [runs.job("looks")], at_least_every=LONG)]).running():
        await runs.until(lambda made: made.count("looks") == 3)


async def test_a_job_that_says_when_it_has_something_to_do_is_run_then() -> None:
    runs = Runs()

    async def lapses() -> timedelta:
        runs.made.append("lapses")
        return timedelta(milliseconds=20)

    lane = Lane("stock", AT_ONCE, [Job("lapses", lapses), runs.job("looks")], at_least_every=LONG)
    async with Driver([lane], is_notified=lambda: True).running():
        await runs.until(lambda made: made.count("looks") == 3)


async def test_what_is_known_of_a_job_before_its_first_run_has_ended() -> None:
    is_under_way = asyncio.Event()

    async def run() -> None:
        is_under_way.set()
        await asyncio.Event().wait()

    job = Job("long", run)
    assert job.status == JobStatus()
    async with Driver([Lane("one", AT_ONCE, [job])]).running():
        await is_under_way.wait()
        assert job.status.last_started_at is not None
        assert (job.status.runs, job.status.last_duration) == (0, None)


async def states(house: House) -> dict[str, Document]:
    answer = await house.http.get("/jobs")
    assert answer.status_code == 200, answer.text
    return {state["job"]: state for state in answer.json()["items"]}


async def until_states(house: House, is_so: Callable[[dict[str, Document]], bool]) -> dict[str, Document]:
    async with asyncio.timeout(ANSWERS_WITHIN_SECONDS):
        while not is_so(found := await states(house)):  # noqa: ASYNC110  (nobody rings a bell)
            await asyncio.sleep(0.03)
    return found


async def test_an_operator_sees_every_job_and_how_it_is_doing(house: House) -> None:
    began = datetime.now(UTC)
    shown = await until_states(house, lambda found: all(state["runs"] for state in found.values()))
    assert {(state["lane"], state["every_seconds"], name) for name, state in shown.items()} == {
        ("signals", 1.0, "send_overdue_signals"),
        ("signals", 1.0, "start_orders"),
        ("sweep", 30.0, "sweep"),
        ("stock", 1.0, "apply_kept_rows"),
        ("stock", 1.0, "offer_under_new_rules"),
        ("stock", 1.0, "source_shortages_again"),
        ("stock", 1.0, "clear_paused_nodes"),
        ("stock", 1.0, "free_lapsed_carts"),
        ("stock", 1.0, "give_turns"),
        ("stock", 1.0, "judge_under_new_rules"),
        ("supply", 1.0, "make_transfers"),
        ("supply", 1.0, "give_pegs"),
        ("replenishment", 60.0, "take_needs"),
        ("exceptions", 60.0, "escalate_exceptions"),
        ("exceptions", 60.0, "open_at_risk"),
        ("exceptions", 60.0, "tell_of_retired"),
        ("marketplaces", 600.0, "measure_channels"),
        ("exceptions", 60.0, "look_for_silence"),
        ("contacts", 60.0, "store_last_heard"),
        ("webhooks", 1.0, "call_channels"),
        ("channels", 1.0, "carry_out_exchanges"),
        ("polls", 1.0, "ask_channels"),
        ("notices", 1.0, "notify_channels"),
        ("levels", 1.0, "send_stock_levels"),
        ("labels", 1.0, "buy_labels"),
        ("manifests", 60.0, "ask_for_manifests"),
        ("manifests", 60.0, "make_manifests"),
        ("tracking", 60.0, "ask_where_parcels_are"),
        ("scans", 60.0, "apply_kept_scans"),
        ("supply", 1.0, "give_pegs"),
        ("retention", 3600.0, "erase_exchanges"),
        ("retention", 3600.0, "erase_plan_inputs"),
        ("retention", 3600.0, "erase_unknown_scans"),
        ("shadow", 10.0, "compare_shadow"),
        ("retention", 3600.0, "erase_shadow_rounds"),
        ("retention", 3600.0, "forget_orders"),
        ("look_ahead", 3600.0, "learn_prices"),
    }
    for name, state in shown.items():
        idle = f"{state['at_least_every_seconds']:g} s " if state["at_least_every_seconds"] else ""
        assert f"| `{name}` | `{state['lane']}` | {state['every_seconds']:g} s | {idle}| " in REFERENCE, (
            "the reference lists it"
        )
    assert {(state["last_error"], state["last_failed_at"]) for state in shown.values()} == {(None, None)}
    before = shown["give_turns"]["runs"]
    house.service.driver.run_soon(STOCK)
    later = await until_states(house, lambda found: found["give_turns"]["runs"] > before)
    turn = later["give_turns"]
    assert turn["last_duration_ms"] >= 0
    assert datetime.fromisoformat(turn["last_succeeded_at"]) > began


def has_healed(state: Document) -> bool:
    """Whether a job that had failed has succeeded since."""
    succeeded_at = state["last_succeeded_at"]
    return bool(succeeded_at) and datetime.fromisoformat(succeeded_at) > datetime.fromisoformat(state["last_failed_at"])


async def test_an_operator_sees_that_a_job_fails_and_why_and_it_goes_on_when_that_is_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ConnectionRefusedError("Ada Lovelace")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("transactions.shortage.settle", broken)
        house.service.driver.run_soon(STOCK)
        failed = await until_states(house, lambda found: found["source_shortages_again"]["last_error"] is not None)
    state = failed["source_shortages_again"]
    assert state["last_error"] == "ConnectionRefusedError"
    assert "Ada" not in str(failed)
    assert failed["give_turns"]["last_error"] is None
    house.service.driver.run_soon(STOCK)
    healed = await until_states(house, lambda found: has_healed(found["source_shortages_again"]))
    assert healed["source_shortages_again"]["last_error"] == "ConnectionRefusedError", "it stays to be seen"
