"""The activities for returns. Each method runs one transaction."""

from collections.abc import Callable
from typing import Any

from temporalio import activity

from activities.errors import as_application_errors
from domain.returns import ReturnState
from transactions import returns
from transactions.request import Done, RequestInput
from transactions.returns import ReturnStep
from transactions.transaction import OrderTransactions


class ReturnActivities:
    """The activities of returns."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions

    def activities(self) -> list[Callable[..., Any]]:
        """The activities that a worker registers."""
        return [self.request_return, self.look_at_return, self.pay, self.remind, self.expire_return, self.close_return]

    @activity.defn
    async def request_return(self, asked: RequestInput) -> Done:
        """Store a return of delivered units, as the policy allows; never of units that are in another return."""
        with as_application_errors():
            return await returns.request_return(self._transactions, asked)

    @activity.defn
    async def look_at_return(self, step: ReturnStep) -> ReturnState:
        """The return's state, read now."""
        with as_application_errors():
            return await returns.look_at_return(self._transactions, step)

    @activity.defn
    async def pay(self, step: ReturnStep) -> ReturnState:
        """Ask the channel to pay what the customer is owed now; apart from the goods, so that each can fail and be retried."""
        with as_application_errors():
            return await returns.pay(self._transactions, step)

    @activity.defn
    async def remind(self, step: ReturnStep) -> ReturnState:
        """Remind the channel that nothing has come back yet; several missed reminders become one."""
        with as_application_errors():
            return await returns.remind(self._transactions, step)

    @activity.defn
    async def expire_return(self, step: ReturnStep) -> ReturnState:
        """Expire a return of which nothing has come back in time; its units may be returned again."""
        with as_application_errors():
            return await returns.expire_return(self._transactions, step)

    @activity.defn
    async def close_return(self, step: ReturnStep) -> ReturnState:
        """Close a return when it is settled and everything that came back is graded."""
        with as_application_errors():
            return await returns.close_return(self._transactions, step)
