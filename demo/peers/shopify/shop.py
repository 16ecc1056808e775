"""The shop's side of the simulated Shopify: customers buy, and the merchant edits, cancels, refunds and asks to cancel.

What each does is announced to the subscriptions, as Shopify does it. Which location ships is decided at once.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

from demo.peers.shopify import order_json
from demo.peers.shopify.state import (
    Address,
    Fulfillment,
    Item,
    Level,
    Line,
    Location,
    MerchantRequest,
    Order,
    Refund,
    RefundLine,
    Work,
    WorkLine,
)
from demo.peers.shopify.webhooks import Webhooks

ORDERS_FROM = 820982911946154_000
"""Real ids of orders have up to 18 digits: as a floating-point number they are others."""


class Impossible(ValueError):
    """What is asked cannot be done; the text says why, as Shopify would."""


@dataclass(frozen=True, slots=True)
class Bought:
    """A line of a cart: `item` is a SKU of the shop, or None for goods that are no item of it."""

    item: str | None
    quantity: int = 1
    price: int | None = None
    title: str = "An item of no catalogue"
    discount: int = 0
    tax: int = 0
    requires_shipping: bool = True
    is_gift_card: bool = False
    is_tip: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)


class Shop:
    """One shop with everything that it knows."""

    def __init__(
        self,
        domain: str = "acme.myshopify.com",
        *,
        currency: str = "USD",
        now: Callable[[], datetime] | None = None,
        secrets: Sequence[str] = ("secret of the app",),
        shows_people: bool = True,
        requests_fulfillment: bool = True,
        ids_from: int = 0,
    ) -> None:
        """`now` is its clock; `secrets` sign webhooks, the first is the present one. `shows_people`: whether names and
        addresses may be read, as from the Shopify plan upwards. `requests_fulfillment`: whether work for a fulfillment
        service is asked of it as soon as the order is paid. `ids_from` is added to the ids of orders and events: one who
        knew an earlier shop takes none for another."""
        self.domain = domain
        self.currency = currency
        self.clock = now or (lambda: datetime.now(UTC))
        self.shows_people = shows_people
        self.requests_fulfillment = requests_fulfillment
        self.webhooks = Webhooks(domain, secrets, self.clock, ids_from=ids_from)
        self.items: dict[int, Item] = {}
        self.locations: dict[int, Location] = {}
        self.levels: dict[tuple[int, int], Level] = {}
        """By inventory item and location."""
        self.orders: dict[int, Order] = {}
        self.works: dict[int, Work] = {}
        self.fulfillments: dict[int, Fulfillment] = {}
        self._order_ids = count(ORDERS_FROM + ids_from)
        self._numbers = count(1001)
        self._ids = count(1_046_000_001)
        self.add_location("Main warehouse")

    def new_id(self) -> int:
        """An id that nothing has."""
        return next(self._ids)

    def now(self) -> datetime:
        """The time, to the second, as Shopify writes it: two changes may have the same."""
        return self.clock().replace(microsecond=0)

    def add_location(self, name: str, service: str | None = None) -> Location:
        """A new location."""
        location = Location(self.new_id(), name, service=service)
        self.locations[location.id] = location
        return location

    def add_item(self, sku: str | None, title: str, price: int, stock: Mapping[int, int] | None = None) -> Item:
        """A new item, with what is available of it by location (the first one has 0 of it without)."""
        item = Item(self.new_id(), self.new_id(), self.new_id(), sku, title, price)
        self.items[item.id] = item
        for location, units in (stock or {next(iter(self.locations)): 0}).items():
            self.levels[item.inventory_item, location] = Level(units)
        return item

    def by_sku(self, sku: str) -> Item:
        """The first item with a SKU: it is not unique at Shopify. Raises `Impossible`."""
        for item in self.items.values():
            if item.sku == sku:
                return item
        raise Impossible(f"the shop has no item {sku}")

    def place(
        self,
        *bought: Bought,
        ship_to: Address | None = None,
        paid: str = "PAID",
        shipping_title: str | None = "Standard",
        shipping_price: int = 0,
        at_the_till: bool = False,
        location: int | None = None,
        **more: Any,
    ) -> Order:
        """A customer buys. At the till the goods leave at once, and nothing is shipped. `location`: where the till stands;
        without a till, where the customer collects the goods."""
        address = order_json.ADDRESS if ship_to is None else ship_to
        is_shipped = not at_the_till and location is None
        now = self.now()
        order = Order(
            id=next(self._order_ids),
            number=next(self._numbers),
            created_at=now,
            updated_at=now,
            currency=self.currency,
            email=more.pop("email", "buyer@example.com"),
            ship_to=address if is_shipped else None,
            bill_to=more.pop("bill_to", None if at_the_till else address),
            lines=[self._line(one) for one in bought],
            shipping_title=None if at_the_till else shipping_title,
            shipping_price=0 if at_the_till else shipping_price,
            method="SHIPPING" if is_shipped else "RETAIL" if at_the_till else "PICK_UP",
            paid=paid,
            source="pos" if at_the_till else "web",
            **more,
        )
        self.orders[order.id] = order
        self._route(order, order.lines, location=location)
        self._announce(order, "ORDERS_CREATE", *(("ORDERS_PAID",) if paid == "PAID" else ()))
        if at_the_till:
            self._leave_at_once(order)
        elif paid == "PAID" and self.requests_fulfillment:
            self._request_all(order)
        return order

    def pay(self, order: Order) -> None:
        """The customer's payment arrives."""
        order.paid = "PAID"
        self._announce(order, "ORDERS_UPDATED", "ORDERS_PAID")
        if self.requests_fulfillment:
            self._request_all(order)

    def set_quantity(self, order: Order, line: int, quantity: int) -> None:
        """The merchant edits a line: units are removed or added. Its `quantity` never falls. Raises `Impossible`."""
        edited = order.line(line)
        change = quantity - edited.current
        if change < 0:
            self._remove(order, edited, -change)
        else:
            edited.quantity += change
            self._route(order, [edited], change)
        self._edited(order, edited, change)

    def add_line(self, order: Order, bought: Bought) -> Line:
        """The merchant adds a line to an order."""
        line = self._line(bought)
        order.lines.append(line)
        self._route(order, [line])
        self._edited(order, line, line.quantity)
        return line

    def change_address(self, order: Order, **parts: Any) -> None:
        """The merchant corrects where an order goes."""
        order.ship_to = {**(order.ship_to or {}), **parts}
        self._announce(order, "ORDERS_UPDATED")

    def cancel(self, order: Order, reason: str = "CUSTOMER", *, restock: bool = True) -> None:
        """The merchant cancels what has not left. Raises `Impossible` where it is cancelled already.

        Work that a fulfillment service has accepted goes on until the service accepts to cancel it.
        """
        if order.cancelled_at:
            raise Impossible("Order has already been cancelled")
        order.cancelled_at, order.cancel_reason = self.now(), reason
        removed = [(line, line.fulfillable) for line in order.lines if line.fulfillable]
        for line, units in removed:
            self._uncommit(order, line, units, restock)
            line.removed += units
        for work in list(order.live()):
            if work.request in ("ACCEPTED", "CANCELLATION_REJECTED"):
                self._ask_to_cancel(work, "The order was cancelled")
            elif work.request != "CANCELLATION_REQUESTED":
                self.end(work, "CANCELLED")
        if order.paid == "PAID" and removed:
            self._refund_units(order, [(line, units, "CANCEL" if restock else "NO_RESTOCK") for line, units in removed])
        order.paid = "REFUNDED" if order.paid == "PAID" else "VOIDED"
        order.closed_at = order.cancelled_at
        self._announce(order, "ORDERS_CANCELLED", "ORDERS_UPDATED")

    def refund(
        self,
        order: Order,
        units: Mapping[int, int],
        restock: str = "RETURN",
        note: str | None = None,
        amount: int | None = None,
    ) -> Refund:
        """The merchant gives money back for units by line: `CANCEL` removes what has not left, `RETURN` is what came back,
        `NO_RESTOCK` is either. `amount` in minor units; None = what the units cost. Raises `Impossible` for more units than
        there are."""
        lines = [(order.line(line), quantity, restock) for line, quantity in units.items()]
        for line, quantity, _ in lines:
            if quantity > line.current:
                raise Impossible("Quantity cannot refund more items than were purchased")
        for line, quantity, how in lines:
            self._take_back(order, line, quantity, how)
        made = self._refund_units(order, lines, note)
        made.amount = made.amount if amount is None else amount
        order.paid = "PARTIALLY_REFUNDED" if any(line.current for line in order.lines) else "REFUNDED"
        self._announce(order, "ORDERS_UPDATED")
        self.webhooks.announce("REFUNDS_CREATE", order_json.refund(order, made))
        return made

    def request_fulfillment(self, work: Work, message: str | None = None, *, notify: bool = True) -> None:
        """The merchant asks the fulfillment service of the location to ship. Raises `Impossible`."""
        if work.location.service is None:
            raise Impossible("Fulfillment order is not assigned to a fulfillment service")
        if work.request not in ("UNSUBMITTED", "REJECTED", "CANCELLATION_ACCEPTED") or work.status != "OPEN":
            raise Impossible("Fulfillment order is not in a state in which fulfillment can be requested")
        asked = MerchantRequest(self.new_id(), "FULFILLMENT_REQUEST", message, self.now(), {"notify_customer": notify})
        work.requests.append(asked)
        self.changed(work, request="SUBMITTED")
        self.webhooks.announce("FULFILLMENT_ORDERS_FULFILLMENT_REQUEST_SUBMITTED", order_json.submitted(work, asked))

    def request_cancellation(self, work: Work, message: str | None = None) -> None:
        """The merchant asks a fulfillment service to stop. Raises `Impossible` where it has not accepted the work."""
        if work.request not in ("ACCEPTED", "CANCELLATION_REJECTED") or not work.is_live:
            raise Impossible("Fulfillment order is not in a state in which a cancellation can be requested")
        self._ask_to_cancel(work, message)

    def sell(self, sku: str, units: int = 1, location: int | None = None) -> None:
        """Units are sold somewhere else at the same time: only their stock is seen."""
        item = self.by_sku(sku)
        place = location or next(place for one, place in self.levels if one == item.inventory_item)
        level = self.levels[item.inventory_item, place]
        level.available -= units
        level.committed += units
        self.announce_level(item.inventory_item, place)

    def changed(self, work: Work, *, status: str | None = None, request: str | None = None) -> None:
        """Give a fulfillment order a new status or request status."""
        work.status, work.request = status or work.status, request or work.request
        work.updated_at = work.order.updated_at = self.now()

    def end(self, work: Work, status: str) -> None:
        """Nothing more of a fulfillment order is to be shipped."""
        for part in work.lines:
            part.remaining = 0
        self.changed(work, status=status)

    def touch(self, order: Order, *topics: str) -> None:
        """Say that an order has changed."""
        self._announce(order, *(topics or ("ORDERS_UPDATED",)))

    def announce_level(self, inventory_item: int, location: int) -> None:
        """Say that a stock level has changed."""
        level = self.levels[inventory_item, location]
        self.webhooks.announce("INVENTORY_LEVELS_UPDATE", order_json.level(inventory_item, location, level, self.now()))

    def stocked(self, line: Line, location: Location) -> bool:
        """Whether a location keeps the item of a line; a line without an item can be shipped from anywhere."""
        return line.item is None or (line.item.inventory_item, location.id) in self.levels

    def new_work(self, order: Order, location: Location, units: Iterable[tuple[Line, int]]) -> Work:
        """A fulfillment order for units of lines at a location."""
        lines = [WorkLine(self.new_id(), line, quantity, quantity) for line, quantity in units]
        work = Work(self.new_id(), order, location, lines, self.now(), self.now())
        order.works.append(work)
        self.works[work.id] = work
        return work

    def committed(self, line: Line, location: Location) -> Level | None:
        """The level that a line's units at a location are committed in; None = its item is kept nowhere there."""
        return self.levels.get((line.item.inventory_item, location.id)) if line.item else None

    def _line(self, bought: Bought) -> Line:
        item = self.by_sku(bought.item) if bought.item is not None else None
        price = bought.price if bought.price is not None else item.price if item else 0
        title, sku = (item.title, item.sku) if item else (bought.title, None)
        ships = bought.requires_shipping and not bought.is_gift_card and not bought.is_tip
        return Line(
            self.new_id(), item, title, sku, price, bought.quantity, bought.discount, bought.tax,
            requires_shipping=ships, is_gift_card=bought.is_gift_card, is_tip=bought.is_tip, properties=bought.properties,
        )  # fmt: skip

    def _route(
        self, order: Order, lines: Sequence[Line], units: int | None = None, location: int | None = None
    ) -> None:
        """Give each line's units to the location that was chosen, else to that of a fulfillment service that keeps the item,
        else to one of the merchant's."""
        chosen = self.locations[location] if location else None
        found: dict[int, deque[tuple[Line, int]]] = {}
        for line in lines:
            if not line.is_tip:
                place = chosen or self._location_for(line)
                found.setdefault(place.id, deque()).append((line, line.quantity if units is None else units))
                if level := self.committed(line, place):
                    level.available -= found[place.id][-1][1]
                    level.committed += found[place.id][-1][1]
        for id, what in found.items():
            self.new_work(order, self.locations[id], what)

    def _location_for(self, line: Line) -> Location:
        active = [location for location in self.locations.values() if location.is_active]
        at_service = [location for location in active if location.service and line.requires_shipping]
        for location in at_service:
            if line.item is not None and self.stocked(line, location):
                return location
        own = [location for location in active if location.service is None]
        return max(own, key=lambda location: level.available if (level := self.committed(line, location)) else -(10**9))

    def _request_all(self, order: Order) -> None:
        for work in list(order.live()):
            if work.location.service is not None and work.request == "UNSUBMITTED" and work.status == "OPEN":
                self.request_fulfillment(work)

    def _leave_at_once(self, order: Order) -> None:
        for work in order.works:
            for line in work.lines:
                line.line.fulfilled, line.remaining = line.total, 0
                if level := self.committed(line.line, work.location):
                    level.committed -= line.total
            work.status = "CLOSED"
            left = [(self.new_id(), part, part.total) for part in work.lines]
            name = f"{order.name}-F{len(order.fulfillments) + 1}"
            made = Fulfillment(self.new_id(), order, name, work.location, left, [work], self.now(), self.now())
            order.fulfillments.append(made)
            self.fulfillments[made.id] = made
        order.closed_at = self.now()
        self._announce(order, "ORDERS_FULFILLED", "ORDERS_UPDATED")

    def _remove(self, order: Order, line: Line, units: int) -> None:
        """Take units that have not left out of the order and out of the work for it, the latest work first."""
        if units > line.fulfillable:
            raise Impossible("Cannot remove units that were fulfilled")
        line.removed += units
        self._uncommit(order, line, units, True)
        for work in reversed([work for work in order.works if work.is_live]):
            for part in work.lines:
                taken = min(units, part.remaining) if part.line is line else 0
                part.remaining -= taken
                part.total -= taken
                units -= taken
            if not any(part.remaining for part in work.lines):
                self.changed(work, status="CLOSED")

    def _uncommit(self, order: Order, line: Line, units: int, restock: bool) -> None:
        for work in order.works:
            for part in work.lines:
                level = self.committed(line, work.location) if part.line is line else None
                given = min(units, part.remaining) if level else 0
                if level and given:
                    level.committed -= given
                    level.available += given if restock else 0
                    units -= given

    def _take_back(self, order: Order, line: Line, units: int, how: str) -> None:
        """What has not left is removed first, unless the units were returned."""
        unshipped = 0 if how == "RETURN" else min(units, line.fulfillable)
        if unshipped:
            self._remove(order, line, unshipped)
        if units - unshipped > line.fulfilled - line.returned:
            raise Impossible("Quantity cannot return more items than were fulfilled")
        line.returned += units - unshipped
        level = self.committed(line, self._came_from(line))
        if how == "RETURN" and level:
            level.available += units

    def _came_from(self, line: Line) -> Location:
        """The location that a line's units left, else the first one: they come back there."""
        left = [
            one.location for one in self.fulfillments.values() if any(part.line is line for _, part, _ in one.lines)
        ]
        return left[0] if left else next(iter(self.locations.values()))

    def _refund_units(self, order: Order, units: Sequence[tuple[Line, int, str]], note: str | None = None) -> Refund:
        lines = [
            RefundLine(
                self.new_id(), line, quantity, how, self._came_from(line) if how != "NO_RESTOCK" else None,
                line.price * quantity - line.discount * quantity // line.quantity, line.tax * quantity // line.quantity,
            )
            for line, quantity, how in units
        ]  # fmt: skip
        tax = 0 if order.taxes_included else sum(line.tax for line in lines)
        made = Refund(self.new_id(), self.now(), note, lines, sum(line.subtotal for line in lines) + tax)
        order.refunds.append(made)
        return made

    def _ask_to_cancel(self, work: Work, message: str | None) -> None:
        asked = MerchantRequest(self.new_id(), "CANCELLATION_REQUEST", message, self.now())
        work.requests.append(asked)
        self.changed(work, request="CANCELLATION_REQUESTED")
        self.webhooks.announce(
            "FULFILLMENT_ORDERS_CANCELLATION_REQUEST_SUBMITTED", order_json.cancellation(work, asked)
        )

    def _edited(self, order: Order, line: Line, change: int) -> None:
        order.is_edited = True
        if order.paid == "PAID" and self.requests_fulfillment:
            self._request_all(order)
        self._announce(order, "ORDERS_UPDATED")
        self.webhooks.announce("ORDERS_EDITED", order_json.edited(order, line, change, self.new_id()))

    def _announce(self, order: Order, *topics: str) -> None:
        order.updated_at = self.now()
        for topic in topics:
            self.webhooks.announce(topic, order_json.order(order, shows_people=self.shows_people))
