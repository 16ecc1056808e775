"""The pages of a newcomer can be followed: docs/start.md is performed call by call, docs/one-order.md event by event.

A reader pastes the Python blocks into an interpreter, so an interpreter reads them here, line by line. The shell blocks
run in a folder that looks like a clone. A `text` block is the output of the block before it; `…` stands for anything.
"""

import asyncio
import code
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from runtime.where import DATA, Stack
from tests.conftest import OPERATOR_KEY
from tests.house import House
from tests.http_server import listening

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/start.md"
README = ROOT / "README.md"
WALK = ROOT / "docs/one-order.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOT_SHOWN = ("WorkflowTask", "WorkflowExecutionOptionsUpdated", "WorkflowExecutionTimeSkippingTransitioned")
"""Events of the engine; the last two are what skipping time leaves."""
ORDERS = ["web-curl-1", *(f"web-start-{number}" for number in range(1, 5))]


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """Each block that is run: its language, its code, and the output that the page promises ('' = nothing)."""
    fences = FENCE.findall(page)
    for (language, text), following in zip(fences, [*fences[1:], ("", "")], strict=True):
        if language in ("python", "sh"):
            yield language, text, following[1] if following[0] == "text" else ""


def as_promised(promised: str, shown: str) -> bool:
    """Whether an output is the promised one, where `…` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in promised.strip("\n").split("…"))
    return re.fullmatch(pattern, shown.strip("\n"), re.DOTALL) is not None


class Reader(code.InteractiveConsole):
    """An interpreter that somebody pastes into; it remembers what it shows, and fails where a person would see an error."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        super().__init__({"__name__": "__console__", "print": self._print})

    def paste(self, text: str) -> str:
        """Push line after line, and answer what was shown."""
        self.shown.clear()
        incomplete = False
        for line in text.splitlines():
            incomplete = self.push(line)
        assert not incomplete, f"the block ends in the middle of a statement:\n{text}"
        return "\n".join(self.shown)

    def write(self, data: str) -> None:
        """Only errors are written."""
        raise AssertionError(data)

    def show(self, value: object) -> None:
        """What an interpreter does with the value of an expression."""
        if value is not None:
            self.shown.append(repr(value))

    def close(self) -> None:
        """Close the connections that the page leaves open."""
        for value in self.locals.values():
            if isinstance(value, httpx2.Client):
                value.close()

    def _print(self, *values: object) -> None:
        self.shown.append(" ".join(map(str, values)))


def clone(folder: Path) -> None:
    """A folder that looks like a clone with an installed `.venv`, as far as the page's commands look."""
    for name in ("examples", "network"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / DATA).mkdir()


def run(language: str, text: str, reader: Reader, environment: dict[str, str]) -> str:
    """Run one block and answer what it shows."""
    if language == "python":
        return reader.paste(text)
    done = subprocess.run(["bash", "-eu", "-c", text], env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


async def test_every_call_of_the_tutorial_answers_what_the_page_says(
    house: House, temporal_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.orders += ORDERS
    reader = Reader()
    clone(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "displayhook", reader.show)
    settings = {"DATABASE_URL": house.database_url, "TEMPORAL_ADDRESS": temporal_address, "PYTHONPATH": str(ROOT)}
    async with listening(house) as http:
        Stack(http, "", temporal_address, "default", house.database_url, OPERATOR_KEY).announce(DATA)
        for language, text, promised in blocks(PAGE.read_text()):
            shown = await asyncio.to_thread(run, language, text, reader, os.environ | settings)
            assert as_promised(promised, shown), f"the page promises\n{promised}\nof\n{text}\nand it shows\n{shown}"
        reader.close()


def test_the_calls_that_the_readme_shows_are_calls_of_the_tutorial() -> None:
    shown = [text for language, text, _ in blocks(README.read_text()) if language == "sh" and "curl" in text]
    assert len(shown) == 1
    assert shown[0] in PAGE.read_text()


async def test_every_list_filter_of_the_tutorial_is_understood_by_temporal(temporal_address: str) -> None:
    client = await Client.connect(temporal_address)
    filters = re.findall(r"\| `` (.*?) `` \|", PAGE.read_text())
    assert len(filters) > 5
    for wanted in filters:
        await client.count_workflows(wanted)


async def test_an_order_has_the_events_that_its_walk_tells(house: House) -> None:
    await house.stock("slc", NIGHT_CREAM_50=10)
    name = await house.place(("NIGHT-CREAM-50", 2))
    work = await house.work(name)
    await house.settle(name)
    for kind in ("accepted", "picked", "shipped", "delivered"):
        await house.tell(work["fulfillment_order"], kind)
        document = await house.settle(name)
    await house.skip_to(name, document["closes_at"])
    await house.until(name, "completed")
    await house.workflow(name).result()

    events = [event async for event in house.workflow(name).fetch_history_events()]
    shown = [event_in_words(event).replace(f"{name}-", "") for event in events]
    walk = next(text for language, text in FENCE.findall(WALK.read_text()) if language == "text")
    assert [line for line in shown if not line.startswith(NOT_SHOWN)] == walk.splitlines()


def event_in_words(event: HistoryEvent) -> str:
    """An event's type, with its summary or the name of its signal; a timer that ended has the summary that it began with."""
    kind = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").title().replace("_", "")
    about = (
        event.user_metadata.summary.data.decode().strip('"')
        or event.workflow_execution_signaled_event_attributes.signal_name
    )
    return f"{kind}: {about}" if about else kind


def test_what_is_not_promised_is_noticed() -> None:
    assert as_promised("a … c\n", "a b\nb c")
    assert not as_promised("a … c\n", "a b")
    assert not as_promised("", "surprise")


def test_a_block_that_cannot_be_pasted_is_noticed() -> None:
    with pytest.raises(AssertionError, match="SyntaxError"):
        Reader().paste("def f():\n    return 1\nf()\n")
    with pytest.raises(AssertionError, match="middle of a statement"):
        Reader().paste("for n in range(2):\n    n\n")
