"""Temporal's door for orders: what `OrderWorkflow` calls. Each method names one transaction, or one call to a node."""

from collections.abc import Callable
from typing import Any

from temporalio import activity

from activities.errors import as_application_errors
from domain.order import OrderState
from transactions import address, exception, fulfillment, order, pickup, quantity, reroute, sourcing
from transactions.fulfillment import ReleaseInput, SignalInput, SilenceInput
from transactions.order import Moment
from transactions.request import Done, RequestInput
from transactions.sourcing import SourceInput
from transactions.transaction import OrderTransactions


class OrderActivities:
    """What the workflow of an order asks for."""

    def __init__(self, transactions: OrderTransactions) -> None:
        """`transactions` opens orders under their lock."""
        self._transactions = transactions

    def activities(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
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
            self.change_quantity,
            self.change_pickup,
            self.resolve,
        ]

    @activity.defn
    async def source(self, request: SourceInput) -> OrderState:
        """Pin the order's waiting units at real nodes, as the policy says. A round that was made before is not made again."""
        with as_application_errors():
            return await sourcing.source(self._transactions, request)

    @activity.defn
    async def release(self, request: ReleaseInput) -> OrderState:
        """Turn what is pinned into fulfillment orders and show each to its node; nothing pinned, nothing done. What must ship
        complete is sourced as a whole instead while a part of it looks for a node: left as it is, it would ask again at once.
        """
        with as_application_errors():
            return await fulfillment.release(self._transactions, request)

    @activity.defn
    async def act_on_silence(self, request: SilenceInput) -> OrderState:
        """Act on a deadline that has passed, unless the facts say that it has not: someone may have answered meanwhile."""
        with as_application_errors():
            return await fulfillment.act_on_silence(self._transactions, request)

    @activity.defn
    async def record_signal(self, request: SignalInput) -> OrderState:
        """Take a message that came as a bare Temporal signal through the same door as one over HTTP; nothing is lost."""
        with as_application_errors():
            return await fulfillment.record_signal(self._transactions, request)

    @activity.defn
    async def look(self, asked: Moment) -> OrderState:
        """The order's state, read now."""
        with as_application_errors():
            return await order.look(self._transactions, asked)

    @activity.defn
    async def give_up(self, asked: Moment) -> OrderState:
        """Cancel what was not released in time: all of it once `not_after` has come, before that what has waited for stock as
        long as its strategy lets it. A person is told.
        """
        with as_application_errors():
            return await order.give_up(self._transactions, asked)

    @activity.defn
    async def close(self, asked: Moment) -> OrderState:
        """Close the order if nothing is left to be done and its return window is over; otherwise only tell its state."""
        with as_application_errors():
            return await order.close(self._transactions, asked)

    @activity.defn
    async def cancel(self, asked: RequestInput) -> Done:
        """Cancel what can be cancelled, ask nodes for the rest, refuse what has shipped; asked twice, done once."""
        with as_application_errors():
            return await order.cancel(self._transactions, asked)

    @activity.defn
    async def hold(self, asked: RequestInput) -> Done:
        """Place a named hold: what is not released yet stays here, pinned or back on its shelf, until it is off."""
        with as_application_errors():
            return await order.hold(self._transactions, asked)

    @activity.defn
    async def release_hold(self, asked: RequestInput) -> Done:
        """Take a named hold off; the order goes on when it was the last one."""
        with as_application_errors():
            return await order.release_hold(self._transactions, asked)

    @activity.defn
    async def reroute(self, asked: RequestInput) -> Done:
        """Take a fulfillment order from its node; what cannot be done as it was asked for changes nothing."""
        with as_application_errors():
            return await reroute.reroute(self._transactions, asked)

    @activity.defn
    async def change_address(self, asked: RequestInput) -> Done:
        """Let the order go to the address of the request's row, unless it was released or cannot be filled there."""
        with as_application_errors():
            return await address.change_address(self._transactions, asked)

    @activity.defn
    async def change_quantity(self, asked: RequestInput) -> Done:
        """Let lines count other quantities, unless one of them was released: units are cancelled, or added and sourced."""
        with as_application_errors():
            return await quantity.change_quantity(self._transactions, asked)

    @activity.defn
    async def change_pickup(self, asked: RequestInput) -> Done:
        """Pin what is not released at another place of collection, or anywhere to be sent home; all of it, or nothing."""
        with as_application_errors():
            return await pickup.change_pickup(self._transactions, asked)

    @activity.defn
    async def resolve(self, asked: RequestInput) -> Done:
        """Close an exception of an order, open or closed, and let what waited for a person go on."""
        with as_application_errors():
            return await exception.resolve(self._transactions, asked)
