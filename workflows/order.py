"""OrderWorkflow: one workflow per order, from its acceptance to the end of its return window.

`run` is the operations manual. The facts are in PostgreSQL and the decisions in the domain; the workflow waits. It keeps a
copy of the order's state, and every activity and every signal brings a newer one. Handlers only record, the main coroutine
acts, and a separate task watches each fulfillment order.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    # `from workflows import card` passes only the package through and loads each module again for every order (5 ms).
    import workflows.card as card
    import workflows.messages as messages
    import workflows.timeouts as timeouts
    import workflows.visibility as visibility
    from activities.dispatch import DispatchActivities
    from activities.order import OrderActivities
    from database.outbox.signal import CHANGED, NODE_MESSAGE
    from domain import identifiers
    from domain.fulfillment import CALLED_ABOUT, RequestStatus, WaitingFor
    from domain.order import ROWS_OF_NEWS_MAX, OrderInput, OrderState, OrderStatus
    from nodes.kinds import KINDS
    from transactions.contact import CallInput
    from transactions.fulfillment import ReleaseInput, SignalInput, SilenceInput
    from transactions.order import Moment
    from transactions.request import Done, Refusal, RequestInput
    from transactions.returns import ReturnInput
    from transactions.sourcing import SourceInput
    from workflows.messages import ChangedSignal, OrderOutcome, PlaceAnswer, RequestBody
    from workflows.queues import CALLS_QUEUE
    from workflows.requests import REQUESTS, takes_requests
    from workflows.returns import ReturnWorkflow
    from workflows.steps import Steps, has_short_tasks, stop
    from workflows.waits import Waits

_CallKey = tuple[str, RequestStatus, datetime | None]
"""A fulfillment order, its request status, and the time of the last cancel request: each cancel request is another call."""
_NodeWait = tuple[WaitingFor, datetime, datetime | None]
"""What a fulfillment order waits for, its deadline, and the time of the last cancel request."""


@dataclass
class _PendingUpdate:
    """An update that waits for its answer."""

    kind: str
    body: RequestBody
    key: str
    done: Done | None = None


@workflow.defn(failure_exception_types=[ValidationError])
@takes_requests
class OrderWorkflow:
    """The workflow of one order."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        """Signals and updates may come before `run` begins, so every field that they use is set here."""
        self._name = order.order
        self._copy: OrderState | None = None
        self._copied_at = workflow.now()
        self._signals: list[tuple[int, str, Sequence[RawValue]]] = []
        self._signals_received = 0
        self._pending: list[_PendingUpdate] = []
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._called: set[_CallKey] = set()
        self._acting: set[str] = set()
        self._look_again = False
        self._look_at_lines = False
        self._lines_of_version = -1
        self._seen_version = -1
        self._shown: dict[str, object] = {}
        self._waits = Waits()
        self._steps = Steps(are_short=len(order.lines) <= ROWS_OF_NEWS_MAX)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderOutcome:
        """The operations manual of an order."""
        while not self._is_closed:
            try:
                await self._reserve_its_units_at_real_nodes()
                await self._read_signals()
                await self._look_at_the_facts()
                await self._answer_requests()
                await self._give_up_what_waited_too_long()
                await self._source_units_that_lost_their_node()
                await self._release_what_may_be_released()
                await self._watch_every_fulfillment_order()
                await self._close_when_the_return_window_is_over()
                self._show_where_it_stands()
                self._begin_a_new_history_when_this_one_is_long(order)
                await self._wait_for_a_change()
            except BaseException as error:
                if not is_cancelled_exception(error):
                    raise
                self._take_the_cancel_button_as_a_request()
        await self._look_at_the_facts()
        await self._answer_requests()
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._show_where_it_stands()
        return OrderOutcome(status=self._order.status)

    # --- what outsiders send: handlers only record ---------------------------------------------------------------

    @workflow.signal(dynamic=True, description="Facts from nodes, and new states of the order")
    def collect_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Accept every signal of any name and shape: no signal is dropped, and none can wedge the workflow."""
        self._signals_received += 1
        self._signals.append((self._signals_received, name, args))

    @workflow.update(description="Answers with the promise as soon as the units are reserved")
    async def place(self, *args: Any) -> PlaceAnswer:
        """Wait until the order's units have been sourced; `run` does the work, with or without this update."""
        await workflow.wait_condition(lambda: self._copy is not None)
        return PlaceAnswer(status=self._order.status, promise=self._order.promise)

    @place.validator
    def check_place(self, *args: Any) -> None:
        """`place` has no body."""
        if args:
            raise ApplicationError("place takes no argument", type="BadRequest", non_retryable=True)

    @workflow.query(description="The document of GET /orders/{order}, without free text; may lag")
    def view(self) -> dict[str, Any]:
        """The workflow's copy of the order."""
        if self._copy is None:
            return {"order": self._name, "status": "received"}
        return self._copy.model_dump(mode="json", exclude={"totals"})

    async def answer(self, kind: str, body: RequestBody) -> dict[str, Any]:
        """Wait until the main coroutine has carried out the request, and return its answer."""
        info = workflow.current_update_info()
        pending = _PendingUpdate(kind, body, info.id if info else kind)
        self._pending.append(pending)
        await workflow.wait_condition(lambda: pending.done is not None)
        assert pending.done is not None
        if pending.done.refused:
            raise ApplicationError(
                pending.done.refused.reason, pending.done.refused.model_dump(), type="Refused", non_retryable=True
            )
        return pending.done.answer

    # --- the steps of the manual ---------------------------------------------------------------------------------

    async def _reserve_its_units_at_real_nodes(self) -> None:
        """Make the first sourcing round; a workflow that was started again only reads the order's state."""
        if self._copy is None:
            is_new = workflow.info().continued_run_id is None
            self._adopt(await self._source(1, "reserve units at real nodes" if is_new else "go on where it stood"))

    async def _read_signals(self) -> None:
        """Process the signals: a change carries the order's new state, a bare message is recorded first."""
        while self._signals:
            number, name, args = self._signals[0]
            content = messages.decode(args)
            if not self._apply_change(name, content):
                await self._record(number, name, content)
            self._signals.pop(0)

    def _apply_change(self, name: str, content: dict[str, Any] | str) -> bool:
        if isinstance(content, str) or name not in (NODE_MESSAGE, CHANGED):
            return False
        try:
            change = ChangedSignal.model_validate(content)
        except ValidationError:
            return False
        if name == NODE_MESSAGE and change.recorded is None:
            return False
        if change.recorded and change.recorded.order != self._name:
            return False
        if change.recorded:
            self._keep_newer(change.recorded)
        self._look_again = self._look_again or change.look_again
        return True

    async def _record(self, number: int, name: str, content: dict[str, Any] | str) -> None:
        is_message = name == NODE_MESSAGE and not isinstance(content, str)
        unreadable = None if is_message else content if isinstance(content, str) else "not a signal of this workflow"
        signal = SignalInput(
            order=self._name,
            message=content if is_message and not isinstance(content, str) else None,
            unreadable=unreadable,
            key=f"{workflow.info().run_id}:{number}",
            at=workflow.now(),
        )
        self._adopt(
            await self._steps.run(OrderActivities.record_signal, signal, "record a message that came as a signal")
        )

    async def _look_at_the_facts(self) -> None:
        """Read the state again when the copy may be old: after `look_again`, or after a long time without a signal."""
        if not self._look_at_lines and (not self._look_again or self._order.total("backordered")):
            return
        self._look_again = self._look_at_lines = False
        found = await self._steps.run(
            OrderActivities.look, Moment(order=self._name, at=workflow.now()), "look at the facts"
        )
        self._lines_of_version = max(self._lines_of_version, found.version)
        self._keep_newer(found)

    async def _answer_requests(self) -> None:
        """Carry out the requests one after the other, and give each update its answer."""
        while self._pending:
            pending = self._pending[0]
            try:
                done = await self._do(pending)
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                pending.done = _no_such_request(self._order)
                self._pending.pop(0)
                continue
            self._adopt(done.state)
            if pending.kind == "request_return" and done.refused is None:
                await self._start_return(str(done.answer["return"]))
            pending.done = done
            self._pending.pop(0)

    async def _do(self, pending: _PendingUpdate) -> Done:
        request = RequestInput(
            order=self._name,
            request=pending.body.request,
            kind=pending.kind,
            facts=pending.body.model_extra or {},
            key=pending.key,
            at=workflow.now(),
        )
        return await self._steps.run(REQUESTS[pending.kind].activity, request, f"{pending.kind} as asked")

    async def _start_return(self, name: str) -> None:
        """Start the return's child workflow; it continues when its order closes."""
        workflow_id = identifiers.return_workflow_id(name)
        try:
            await workflow.start_child_workflow(
                ReturnWorkflow.run,
                ReturnInput(order=self._name, return_=name),
                id=workflow_id,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                task_timeout=timeouts.ONE_TASK,
                static_summary=f"return {name} of order {self._name}",
                search_attributes=visibility.for_return(self._name, self._order.channel),
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("return %s is under way already", name)

    async def _give_up_what_waited_too_long(self) -> None:
        """Cancel units that waited for stock longer than their strategy allows, and unreleased units after `not_after`."""
        gives_up_at = self._order.gives_up_at
        if gives_up_at is None or workflow.now() < gives_up_at:
            return
        self._adopt(
            await self._steps.run(
                OrderActivities.give_up,
                Moment(order=self._name, at=workflow.now()),
                "cancel what was not released in time",
            )
        )

    async def _source_units_that_lost_their_node(self) -> None:
        """Source short, rejected and timed-out units at another node, and backordered units when stock may have come."""
        while self._order.to_source or self._may_find_a_node_now():
            self._look_again = False
            rounds = self._order.rounds
            self._adopt(await self._source(rounds + 1, f"source again, round {rounds + 1}"))
            if self._order.rounds == rounds:
                return

    def _may_find_a_node_now(self) -> bool:
        """Whether stock has come, or a node that had the units and could not accept them may accept them now."""
        looks_again_at = self._order.looks_again_at
        is_time = looks_again_at is not None and workflow.now() >= looks_again_at
        return bool((self._look_again or is_time) and self._order.total("backordered"))

    async def _release_what_may_be_released(self) -> None:
        """Release pinned units to their nodes after the grace period, unless the order is on hold."""
        if not self._order.total("reserved") or self._order.holds or workflow.now() < self._order.release_at:
            return
        self._adopt(
            await self._steps.run(
                OrderActivities.release, ReleaseInput(order=self._name, at=workflow.now()), "release to the nodes"
            )
        )

    async def _watch_every_fulfillment_order(self) -> None:
        """Start a task for each fulfillment order that waits; a failed task fails the workflow, so that it is seen."""
        for name, watch in list(self._watches.items()):
            if watch.done():
                del self._watches[name]
                watch.result()
        for fo in self._order.fulfillment_orders:
            if fo.waiting_for and fo.fulfillment_order not in self._watches:
                watch = asyncio.create_task(self._watch(fo.fulfillment_order))
                self._watches[fo.fulfillment_order] = watch

    async def _watch(self, name: str) -> None:
        """Wait for the node until the deadline, act on its silence, and wait for the next event."""
        while (wait := self._wait_of(name)) is not None:
            waiting_for, deadline, _ = wait
            call = self._begin_to_call_the_node(name)
            try:
                await workflow.wait_condition(
                    partial(self._wait_has_changed, name, wait),
                    timeout=self._waits.time_until(name, deadline),
                    timeout_summary=f"{name}: {waiting_for.replace('_', ' ')}",
                )
            except TimeoutError:
                self._waits.has_passed(name, deadline)
                await self._act_on_silence(name, waiting_for)
            if call is not None:
                await stop(call)

    async def _act_on_silence(self, name: str, waiting_for: WaitingFor) -> None:
        self._acting.add(name)
        self._adopt(
            await self._steps.run(
                OrderActivities.act_on_silence,
                SilenceInput(order=self._name, fulfillment_order=name, waiting_for=waiting_for, at=workflow.now()),
                f"{name}: no {waiting_for.replace('_', ' ')} in time",
            )
        )
        self._acting.remove(name)

    def _begin_to_call_the_node(self, name: str) -> asyncio.Task[None] | None:
        """Start a call to a node that does not poll: about new work, each cancel request, and work that timed out. The call is
        retried until the node accepts it, while the fulfillment order waits.
        """
        fo = self._order.fulfillment_order(name)
        about = (name, fo.request, fo.cancel_asked_at)
        is_called = KINDS[fo.dispatch].dispatch.is_called and fo.request in CALLED_ABOUT and about not in self._called
        return asyncio.create_task(self._call_the_node(about, fo.node)) if is_called else None

    async def _call_the_node(self, about: _CallKey, node: str) -> None:
        name, request, cancel_asked_at = about
        try:
            self._adopt(
                await workflow.execute_activity_method(
                    DispatchActivities.call_node,
                    CallInput(
                        order=self._name,
                        fulfillment_order=name,
                        request=request,
                        cancel_asked_at=cancel_asked_at,
                        node=node,
                        at=workflow.now(),
                    ),
                    task_queue=CALLS_QUEUE,
                    start_to_close_timeout=timeouts.ONE_CALL,
                    retry_policy=timeouts.UNTIL_IT_ANSWERS,
                    summary=f"call {node} about {name}",
                )
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("%s could not be called about %s", node, name)
        else:
            self._called.add(about)

    async def _close_when_the_return_window_is_over(self) -> None:
        closes_at = self._order.closes_at
        if closes_at is None or workflow.now() < closes_at or self._is_closed:
            return
        self._adopt(
            await self._steps.run(OrderActivities.close, Moment(order=self._name, at=workflow.now()), "close the order")
        )

    async def _wait_for_a_change(self) -> None:
        """Wait for a signal, a request, a new state, or the order's own deadline."""
        if self._is_closed:
            return
        wakes_at, why = self._deadline()
        try:
            await workflow.wait_condition(self._has_changed, timeout=self._timeout(wakes_at), timeout_summary=why)
        except TimeoutError:
            self._waits.has_passed(self._name, wakes_at)
            is_early = wakes_at is None or workflow.now() < wakes_at
            self._look_at_lines = is_early and self._lines_are_old
            self._look_again = is_early and not self._lines_are_old
        self._seen_version = self._order.version

    def _begin_a_new_history_when_this_one_is_long(self, order: OrderInput) -> None:
        """Temporal suggests it after thousands of events. All facts are in PostgreSQL, so the new run needs only the order.

        Never while an update waits for its answer, a signal is unread, or an activity runs whose result the new run would
        miss. A call to a node is safe to repeat.
        """
        is_quiet = not (self._signals or self._pending or self._acting) and workflow.all_handlers_finished()
        if is_quiet and not self._is_closed and workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(order, task_timeout=timeouts.ONE_TASK)

    def _timeout(self, wakes_at: datetime | None) -> timedelta | None:
        """The time until the order's own deadline; at most a day for an order that may get no signal.

        A fulfillment order that waits has its own deadline, so its order needs no other timer.
        """
        left = self._waits.time_until(self._name, wakes_at) if wakes_at else None
        if self._lines_are_old:
            return min(left or timeouts.LINES_LAG_MAX, timeouts.LINES_LAG_MAX)
        if self._order.total("backordered"):
            return min(left or timeouts.LOOK_AGAIN_AFTER, timeouts.LOOK_AGAIN_AFTER)
        return left or (None if self._is_watched else timeouts.LOOK_AGAIN_AFTER)

    def _has_changed(self) -> bool:
        return bool(
            self._signals
            or self._pending
            or self._look_at_lines
            or self._order.version > self._seen_version
            or any(watch.done() and watch.exception() for watch in self._watches.values())
        )

    def _deadline(self) -> tuple[datetime | None, str]:
        """When the order continues without any signal, and the summary of that timer."""
        return min(self._order.deadlines(), default=(None, "look at the facts again"))

    def _take_the_cancel_button_as_a_request(self) -> None:
        """The UI's cancel button becomes a request to cancel everything; the workflow answers it and continues."""
        key = f"temporal-cancel-{workflow.info().run_id}"
        self._pending.append(_PendingUpdate("cancel", RequestBody(), key))

    # --- the copy ------------------------------------------------------------------------------------------------

    @property
    def _order(self) -> OrderState:
        assert self._copy is not None, "the first step sources the order"
        return self._copy

    @property
    def _is_watched(self) -> bool:
        return any(fo.waiting_for for fo in self._order.fulfillment_orders)

    @property
    def _is_closed(self) -> bool:
        return self._copy is not None and self._copy.closed

    def _adopt(self, state: OrderState) -> None:
        """Keep the state that an activity returned. Activities are few, so a large order's lines are read at once."""
        self._keep_newer(state)
        self._look_at_lines = self._look_at_lines or self._lines_are_old

    def _keep_newer(self, state: OrderState) -> None:
        """Keep the newer state: activity results and signals may overtake each other."""
        if self._copy is None:
            self._copy = state
        elif state.version >= self._copy.version:
            self._copy = state if state.totals is None else state.with_lines_of(self._copy)
        else:
            return
        self._copied_at = workflow.now()

    @property
    def _lines_are_old(self) -> bool:
        """Whether the order is large and its newest state came without its lines."""
        return self._order.totals is not None and self._order.version > self._lines_of_version

    def _wait_of(self, name: str) -> _NodeWait | None:
        fo = self._order.fulfillment_order(name)
        return (fo.waiting_for, fo.deadline, fo.cancel_asked_at) if fo.waiting_for and fo.deadline else None

    def _wait_has_changed(self, name: str, wait: _NodeWait) -> bool:
        return self._wait_of(name) != wait

    async def _source(self, round_: int, summary: str) -> OrderState:
        asked = SourceInput(order=self._name, round=round_, at=workflow.now(), releases=True)
        return await self._steps.run(OrderActivities.source, asked, summary)

    def _show_where_it_stands(self) -> None:
        """Update the card and the search attributes; only changed attributes are written to the history."""
        workflow.set_current_details(card.of(self._order, self._copied_at))
        if self._is_closed and has_short_tasks() and self._order.status is not OrderStatus.CANCELLED:
            return  # that it completed is what Temporal says of it itself
        wakes_at, _ = self._deadline()
        updates: list[visibility.Update] = []
        for name, value, update in visibility.of(self._order, wakes_at):
            if self._shown.get(name) != value:
                self._shown[name] = value
                updates.append(update)
        if updates:
            workflow.upsert_search_attributes(updates)


def _no_such_request(state: OrderState) -> Done:
    """The answer to an update that names a request of another order, or none."""
    return Done(state=state, refused=Refusal(reason="the order has no such request"))
