"""Tells the story of `examples/` on a service of its own, looks whether it came out as told, and takes everything down."""

import asyncio
import contextlib
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from starter.demo.screen import Screen, Step
from starter.demo.stage import EXAMPLES, audit, settings, stage
from starter.demo.story import STORY, Chapter
from starter.demo.tale import Company, NotAsTold, Tale, read, shipped_by_node, words_of
from starter.simulate import AnsweredOtherwise, Document
from starter.where import Stack

__all__ = ["demo"]

DIRECTORY = Path(".demo")
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a chapter ended: the order as it is then and how long it took, or what did not come as told."""

    chapter: Chapter
    seconds: float
    order: Document | None = None
    trouble: str | None = None


def demo(*, keep: bool, directory: Path = DIRECTORY) -> int:
    """Run the demo in a directory of its own and return the exit code: 0 when everything came out as told, else 1.

    With `keep` the service runs on afterwards until Ctrl-C. Raises `EmbeddedFailure` when it does not start.
    """
    return asyncio.run(_until_interrupted(_demo(keep, directory)))


async def _until_interrupted(telling: "asyncio._CoroutineLike[int]") -> int:
    """SIGTERM and Ctrl-C end the telling in the same orderly way, and are no defect."""
    task = asyncio.ensure_future(telling)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        return await task
    return INTERRUPTED


async def _demo(keep: bool, directory: Path) -> int:
    with Screen() as screen:
        starting = screen.step("Start PostgreSQL, Temporal, a worker and the HTTP interface")
        async with stage(directory, starting.say) as stack:
            starting.done(f"Temporal UI {stack.ui} · HTTP {stack.http}")
            code = await _tell(stack, screen)
            if keep:
                await _keep(stack, screen)
            stopping = screen.step("Stop everything")
            stopping.say("stopping")
        stopping.done()
    return code
