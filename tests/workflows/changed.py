"""The workflows as a later version may have them: before a release, or the end of a return, the facts are looked at once more.

An order's change as it is first written, while it is retired, and when it is done (docs/operating/changing-the-workflow.md).
"""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from activities.order import OrderActivities
    from activities.returns import ReturnActivities
    from domain.order import OrderInput
    from domain.returns import ReturnStatus
    from transactions.order import Moment
    from transactions.returns import ReturnInput
    from workflows.messages import OrderOutcome
    from workflows.order import OrderWorkflow
    from workflows.returns import ReturnWorkflow
    from workflows.timeouts import ONE_TRANSACTION, UNTIL_IT_WORKS

PATCH = "look-before-release"


class _Changed(OrderWorkflow):
    async def _look_first(self) -> None:
        self._adopt(
            await workflow.execute_activity_method(
                OrderActivities.look,
                Moment(order=self._name, at=workflow.now()),
                start_to_close_timeout=ONE_TRANSACTION,
                retry_policy=UNTIL_IT_WORKS,
                summary="look at the facts before the release",
            )
        )

    def _is_about_to_release(self) -> bool:
        order = self._order
        return bool(order.total("reserved")) and not order.holds and workflow.now() >= order.release_at


@workflow.defn(name="OrderWorkflow", failure_exception_types=[ValidationError])
class Unguarded(_Changed):
    """The step is simply there: right when no open order has gone past it, fatal before."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        """As before."""
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderOutcome:
        """As before."""
        return await super().run(order)

    async def _release_what_may_be_released(self) -> None:
        if self._is_about_to_release():
            await self._look_first()
        await super()._release_what_may_be_released()


@workflow.defn(name="OrderWorkflow", failure_exception_types=[ValidationError])
class Guarded(_Changed):
    """The step is there for orders that come to it from now on."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        """As before."""
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderOutcome:
        """As before."""
        return await super().run(order)

    async def _release_what_may_be_released(self) -> None:
        if self._is_about_to_release() and workflow.patched(PATCH):
            await self._look_first()
        await super()._release_what_may_be_released()


@workflow.defn(name="OrderWorkflow", failure_exception_types=[ValidationError])
class Retiring(_Changed):
    """No order is open any more that went past without the step; those with the mark in their history still are."""

    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        """As before."""
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderOutcome:
        """As before."""
        return await super().run(order)

    async def _release_what_may_be_released(self) -> None:
        if self._is_about_to_release():
            workflow.deprecate_patch(PATCH)
            await self._look_first()
        await super()._release_what_may_be_released()


@workflow.defn(name="ReturnWorkflow", failure_exception_types=[ValidationError])
class GuardedReturn(ReturnWorkflow):
    """The step is there for returns that come to it from now on."""

    @workflow.init
    def __init__(self, request: ReturnInput) -> None:
        """As before."""
        super().__init__(request)

    @workflow.run
    async def run(self, request: ReturnInput) -> ReturnStatus:
        """As before."""
        return await super().run(request)

    async def _close_when_settled(self) -> None:
        if self._state.status is ReturnStatus.SETTLED and workflow.patched(PATCH):
            self._adopt(await self._step(ReturnActivities.look_at_return, "look at the facts before the end"))
        await super()._close_when_settled()
