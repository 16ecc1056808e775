"""How long a workflow waits for a deadline: what is due is done, and not waited for."""

from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.timeouts as timeouts
    from workflows.steps import has_short_tasks


class Waits:
    """The waits of one workflow, each with a name."""

    def __init__(self) -> None:
        """No deadline has passed yet."""
        self._passed: dict[str, datetime] = {}

    def time_until(self, name: str, deadline: datetime) -> timedelta:
        """The time that is left. After a deadline has passed: none, or a moment if acting on it had no effect."""
        left = deadline - workflow.now()
        is_due_at_once = has_short_tasks() and self._passed.get(name) != deadline
        return left if is_due_at_once else max(left, timeouts.A_MOMENT)

    def has_passed(self, name: str, deadline: datetime | None) -> None:
        """Note that a deadline has passed, and is acted on now."""
        if deadline is not None:
            self._passed[name] = deadline
