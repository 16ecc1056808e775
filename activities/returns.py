"""Temporal's door for returns: what the workflows call. Each method names one transaction."""

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
    """What the workflow of a return asks for."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions

    def activities(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.request_return, self.look_at_return, self.pay, self.remind, self.expire_return, self.close_return]

    @activity.defn
    async def request_return(self, asked: RequestInput) -> Done:
        """Take a return of delivered units in, as the policy allows; never more than are not in a return already."""
        with as_application_errors():
            return await returns.request_return(self._transactions, asked)

    @activity.defn
    async def look_at_return(self, step: ReturnStep) -> ReturnState:
        """The return's state, read now."""
        with as_application_errors():
            return await returns.look_at_return(self._transactions, step)

    @activity.defn
    async def pay(self, step: ReturnStep) -> ReturnState:
        """Ask the channel for what the customer is owed now; apart from the goods, so that either can fail and be repeated."""
        with as_application_errors():
            return await returns.pay(self._transactions, step)

    @activity.defn
    async def remind(self, step: ReturnStep) -> ReturnState:
        """Tell the channel that nothing has come back yet; late, it is told once, not once for each time it was missed."""
        with as_application_errors():
            return await returns.remind(self._transactions, step)

    @activity.defn
    async def expire_return(self, step: ReturnStep) -> ReturnState:
        """Give a return up of which nothing has come back in its time; its units may be returned again."""
        with as_application_errors():
            return await returns.expire_return(self._transactions, step)

    @activity.defn
    async def close_return(self, step: ReturnStep) -> ReturnState:
        """Close the case once it is settled and everything that came back has found its place."""
        with as_application_errors():
            return await returns.close_return(self._transactions, step)
