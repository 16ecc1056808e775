"""Lets callers that come while others are served share one transaction: many wait for one lock and one commit."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

import structlog

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

AT_ONCE = 2
"""Callers, or groups of them, that are served at the same time: while one commits, the other prepares."""

TOGETHER_MAX = 16
"""Callers in one transaction. All of them get their answers when it has committed, so more would wait longer."""

WAITS_MAX = timedelta(milliseconds=500)
"""How long a caller waits until it is served with others. Then it goes alone: an order that takes long holds up nobody else."""

LASTS_MAX = timedelta(seconds=1)
"""How long callers are served together. What takes longer hangs, and each of them goes alone, while its workflow still waits
for it (`workflows/timeouts.py`): a group waits for the stock of all its orders, and most of it is free."""

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class _Caller(Generic[Asked, Answer]):
    """A caller that waits for its turn."""

    asked: Asked
    answer: asyncio.Future[Answer | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def resolve(self, answer: Answer | None) -> None:
        if not self.answer.done():  # the caller may have been cancelled
            self.answer.set_result(answer)


class Gathering(Generic[Asked, Answer]):
    """Serves callers, alone where nobody is before them and together otherwise. One for each process and event loop."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._waiting: list[_Caller[Asked, Answer]] = []
        self._running = 0
        self._groups: set[asyncio.Task[None]] = set()

    async def serve(
        self,
        asked: Asked,
        alone: Callable[[Asked], Awaitable[Answer]],
        together: Callable[[Sequence[Asked]], Awaitable[Mapping[int, Answer]]],
    ) -> Answer:
        """The answer of `alone`, or that of `together` to the caller's position where it has one.

        When `together` fails, or lasts for `LASTS_MAX`, each of its callers goes alone. They may have been served all the same,
        so `alone` must find out. Raises what `alone` raises.
        """
        if self._running < AT_ONCE:
            self._running += 1
            try:
                return await alone(asked)
            finally:
                self._go_on(together)
        caller = _Caller[Asked, Answer](asked)
        self._waiting.append(caller)
        try:
            await asyncio.wait([caller.answer], timeout=WAITS_MAX.total_seconds())
        finally:
            if is_left := caller in self._waiting:
                self._waiting.remove(caller)
        answer = None if is_left else await caller.answer
        return await alone(asked) if answer is None else answer

    def _go_on(self, together: Callable[[Sequence[Asked]], Awaitable[Mapping[int, Answer]]]) -> None:
        group, self._waiting = self._waiting[:TOGETHER_MAX], self._waiting[TOGETHER_MAX:]
        if not group:
            self._running -= 1
            return
        # A task of its own outlives a cancelled caller, and belongs to the trace of none.
        task = asyncio.create_task(self._serve(group, together), context=Context())
        self._groups.add(task)
        task.add_done_callback(self._groups.discard)

    async def _serve(
        self,
        group: Sequence[_Caller[Asked, Answer]],
        together: Callable[[Sequence[Asked]], Awaitable[Mapping[int, Answer]]],
    ) -> None:
        answers: Mapping[int, Answer] = {}
        try:
            async with asyncio.timeout(LASTS_MAX.total_seconds()):
                answers = await together([caller.asked for caller in group])
        except Exception as error:
            log.info("not served together, each goes alone", callers=len(group), reason=type(error).__name__)
        finally:
            for position, caller in enumerate(group):
                caller.resolve(answers.get(position))
            self._go_on(together)
