"""ReturnWorkflow: one workflow per return, a child that outlives its order's workflow.

requested → authorized → in transit → received → graded → disposed → settled → closed. Signals carry states that PostgreSQL
has recorded already. This workflow waits, reminds, expires the return when nothing comes back, and closes it.
"""

from collections.abc import Awaitable, Callable, Sequence

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel, ValidationError

    import workflows.card as card
    import workflows.messages as messages
    import workflows.timeouts as timeouts
    from activities.returns import ReturnActivities
    from domain.refund import is_to_be_closed, owed
    from domain.returns import ReturnState, ReturnStatus
    from transactions.returns import ReturnInput, ReturnStep
    from workflows.steps import Steps


class ReturnSignal(BaseModel):
    """A signal with the return's new state."""

    recorded: ReturnState


@workflow.defn(failure_exception_types=[ValidationError])
class ReturnWorkflow:
    """The workflow of one return."""

    @workflow.init
    def __init__(self, request: ReturnInput) -> None:
        """Signals may come before `run` begins, so every field that they use is set here."""
        self._input = request
        self._copy: ReturnState | None = None
        self._signals: list[Sequence[RawValue]] = []
        self._steps = Steps()

    @workflow.run
    async def run(self, request: ReturnInput) -> ReturnStatus:
        """The operations manual of a return."""
        while self._copy is None or not self._state.status.is_over:
            try:
                await self._read_where_it_stands()
                self._read_signals()
                await self._pay_what_is_owed()
                await self._close_when_settled()
                await self._remind_and_expire_when_nothing_comes_back()
                self._show_where_it_stands()
                self._begin_a_new_history_when_this_one_is_long()
                await self._wait_for_a_change()
            except BaseException as error:
                if not is_cancelled_exception(error):
                    raise
                workflow.logger.info("return %s ends when its goods are accounted for", self._input.return_)
        self._show_where_it_stands()
        return self._state.status

    @workflow.signal(dynamic=True, description="New states of the return")
    def collect_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Accept every signal of any name and shape; the facts are in PostgreSQL already."""
        self._signals.append(args)

    @workflow.query(description="The document of GET /returns/{return}; may lag")
    def view(self) -> dict[str, object]:
        """The workflow's copy of the return."""
        return self._copy.model_dump(mode="json") if self._copy else {"return": self._input.return_}

    async def _read_where_it_stands(self) -> None:
        """Read the return's state; a workflow that was started again, or whose cancel button was pressed, continues from it."""
        if self._copy is None:
            self._copy = await self._step(ReturnActivities.look_at_return, "look at the return")

    def _read_signals(self) -> None:
        while self._signals:
            try:
                change = ReturnSignal.model_validate(messages.decode(self._signals.pop(0)))
            except ValidationError:
                workflow.logger.warning("a signal of return %s could not be read", self._input.return_)
            else:
                self._adopt(change.recorded)

    async def _pay_what_is_owed(self) -> None:
        if owed(self._state):
            self._adopt(await self._step(ReturnActivities.pay, "ask the channel to pay the customer"))

    async def _close_when_settled(self) -> None:
        if is_to_be_closed(self._state):
            self._adopt(await self._step(ReturnActivities.close_return, "close the return"))

    async def _remind_and_expire_when_nothing_comes_back(self) -> None:
        wakes_at = self._state.wakes_at
        if wakes_at is None or workflow.now() < wakes_at:
            return
        if workflow.now() < self._state.expires_at:
            self._adopt(await self._step(ReturnActivities.remind, "remind: nothing has come back yet"))
        else:
            self._adopt(await self._step(ReturnActivities.expire_return, "expire: nothing came back in time"))

    def _begin_a_new_history_when_this_one_is_long(self) -> None:
        """Temporal suggests it after some megabytes. All facts are in PostgreSQL: the new run needs only the return's name."""
        if not self._signals and not self._state.status.is_over and workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(self._input, task_timeout=timeouts.ONE_TASK)

    async def _wait_for_a_change(self) -> None:
        if self._state.status.is_over:
            return
        wakes_at = self._state.wakes_at
        timeout = wakes_at - workflow.now() if wakes_at else timeouts.LOOK_AGAIN_AFTER
        try:
            await workflow.wait_condition(
                lambda: bool(self._signals),
                timeout=max(timeout, timeouts.A_MOMENT),
                timeout_summary="until the parcel comes back" if wakes_at else "look at the return again",
            )
        except TimeoutError:
            if wakes_at is None:
                self._adopt(await self._step(ReturnActivities.look_at_return, "look at the return again"))

    @property
    def _state(self) -> ReturnState:
        assert self._copy is not None, "the first step reads the return"
        return self._copy

    def _adopt(self, state: ReturnState) -> None:
        if state.version >= self._state.version:
            self._copy = state

    async def _step(
        self, doing: Callable[[ReturnActivities, ReturnStep], Awaitable[ReturnState]], summary: str
    ) -> ReturnState:
        step = ReturnStep(order=self._input.order, return_=self._input.return_, at=workflow.now())
        return await self._steps.run(doing, step, summary)

    def _show_where_it_stands(self) -> None:
        rows = [
            f"- line {line.line}, {card.plain(line.sku)}: {line.received} of {line.quantity} back, {line.graded} graded"
            + "".join(f", {lot.quantity} {lot.condition} → {lot.disposition}" for lot in line.lots)
            for line in self._state.lines
        ]
        workflow.set_current_details("\n".join([f"**{self._state.status}**, order `{self._state.order}`", "", *rows]))
