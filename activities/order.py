"""The activities that `OrderWorkflow` calls. Each method runs one transaction."""

from collections.abc import Callable
from typing import Any

from temporalio import activity

from activities.errors import as_application_errors
from domain.order import OrderState
from transactions import address, exception, first_rounds, fulfillment, lines, order, pickup, quantity, reroute
from transactions.fulfillment import ReleaseInput, SignalInput, SilenceInput
from transactions.order import Moment
from transactions.request import Done, RequestInput
from transactions.sourcing import SourceInput
from transactions.transaction import OrderTransactions


class OrderActivities:
    """The activities of orders."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions

    def activities(self) -> list[Callable[..., Any]]:
        """The activities that a worker registers."""
        return [
            self.source,
            self.release,
            self.act_on_silence,
            self.record_signal,
            self.look,
            self.give_up,
            self.close,
            self.cancel,
            self.hold,
            self.release_hold,
            self.reroute,
            self.change_address,
            self.change_service,
            self.add_lines,
            self.change_quantity,
            self.change_pickup,
            self.resolve,
        ]

    @activity.defn
    async def source(self, request: SourceInput) -> OrderState:
        """Pin the order's waiting units at real nodes, as the policy says. A round that was made before is not made again."""
        with as_application_errors():
            return await first_rounds.source(self._transactions, request)

    @activity.defn
    async def release(self, request: ReleaseInput) -> OrderState:
        """Turn pinned units into fulfillment orders and show each to its node; without pinned units, do nothing."""
        with as_application_errors():
            return await fulfillment.release(self._transactions, request)

    @activity.defn
    async def act_on_silence(self, request: SilenceInput) -> OrderState:
        """Act on a deadline that has passed, unless the facts say otherwise: the node may have answered meanwhile."""
        with as_application_errors():
            return await fulfillment.act_on_silence(self._transactions, request)

    @activity.defn
    async def record_signal(self, request: SignalInput) -> OrderState:
        """Record a message that came as a bare Temporal signal, as one over HTTP; an unreadable one opens an exception."""
        with as_application_errors():
            return await fulfillment.record_signal(self._transactions, request)

    @activity.defn
    async def look(self, asked: Moment) -> OrderState:
        """The order's state, read now."""
        with as_application_errors():
            return await order.look(self._transactions, asked)

    @activity.defn
    async def give_up(self, asked: Moment) -> OrderState:
        """Cancel units that were not released in time, and open an exception."""
        with as_application_errors():
            return await order.give_up(self._transactions, asked)

    @activity.defn
    async def close(self, asked: Moment) -> OrderState:
        """Close the order if no work is left and its return window is over; otherwise only return its state."""
        with as_application_errors():
            return await order.close(self._transactions, asked)

    @activity.defn
    async def cancel(self, asked: RequestInput) -> Done:
        """Cancel the units that can be cancelled, ask nodes to cancel the rest, refuse shipped units."""
        with as_application_errors():
            return await order.cancel(self._transactions, asked)

    @activity.defn
    async def hold(self, asked: RequestInput) -> Done:
        """Place a named hold: no unit is released until it is taken off. The policy says whether the units stay reserved."""
        with as_application_errors():
            return await order.hold(self._transactions, asked)

    @activity.defn
    async def release_hold(self, asked: RequestInput) -> Done:
        """Take a named hold off; the order continues when it was the last one."""
        with as_application_errors():
            return await order.release_hold(self._transactions, asked)

    @activity.defn
    async def reroute(self, asked: RequestInput) -> Done:
        """Take a fulfillment order from its node; a request that cannot be met as a whole changes nothing."""
        with as_application_errors():
            return await reroute.reroute(self._transactions, asked)

    @activity.defn
    async def change_address(self, asked: RequestInput) -> Done:
        """Change the address of unreleased units to that of the request's row, unless they cannot be filled there."""
        with as_application_errors():
            return await address.change_address(self._transactions, asked)

    @activity.defn
    async def change_service(self, asked: RequestInput) -> Done:
        """Change the service of unreleased units, unless they cannot be filled with it."""
        with as_application_errors():
            return await address.change_service(self._transactions, asked)

    @activity.defn
    async def add_lines(self, asked: RequestInput) -> Done:
        """Add lines to an order, or swap units of it for another item; what is added is sourced at once."""
        with as_application_errors():
            return await lines.add_lines(self._transactions, asked)

    @activity.defn
    async def change_quantity(self, asked: RequestInput) -> Done:
        """Change line quantities, unless one of the lines was released: units are cancelled, or added and sourced."""
        with as_application_errors():
            return await quantity.change_quantity(self._transactions, asked)

    @activity.defn
    async def change_pickup(self, asked: RequestInput) -> Done:
        """Pin the unreleased units at another pickup node, or at any node to send them home: all of them, or none."""
        with as_application_errors():
            return await pickup.change_pickup(self._transactions, asked)

    @activity.defn
    async def resolve(self, asked: RequestInput) -> Done:
        """Resolve an exception of an open or closed order; the units that waited for it continue."""
        with as_application_errors():
            return await exception.resolve(self._transactions, asked)
