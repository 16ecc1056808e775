"""What an app does with the fulfillment orders and the stock of the simulated shop, with the refusals of the real one.

The rules are those of the texts in Shopify's published schema (`fulfillmentCreate`, `fulfillmentOrderMove`,
`fulfillmentOrderClose`, `InventoryQuantityInput`), where not said otherwise.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from demo.peers.shopify.shop import Shop
from demo.peers.shopify.state import Event, Fulfillment, Hold, Level, Location, Work, WorkLine

Input = Mapping[str, Any]


class Refused(Exception):
    """A user error: which field, what is wrong, and its code where the mutation has codes."""

    def __init__(self, message: str, *field: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message, self.field, self.code = message, list(field) or None, code


def accept(shop: Shop, work: Work) -> None:
    """The fulfillment service takes the work on."""
    _need(work, work.request == "SUBMITTED", "Cannot accept fulfillment request for the fulfillment order.")
    shop.changed(work, status="IN_PROGRESS", request="ACCEPTED")


def reject(shop: Shop, work: Work) -> None:
    """The fulfillment service does not take the work on: the merchant decides again."""
    _need(work, work.request == "SUBMITTED", "Cannot reject fulfillment request for the fulfillment order.")
    shop.changed(work, status="OPEN", request="REJECTED")


def accept_cancellation(shop: Shop, work: Work) -> None:
    """The fulfillment service stops; what has not left becomes new work that is asked of nobody.

    That the old work ends as CANCELLED, and as INCOMPLETE after a part has left, is taken from Shopify's REST examples.
    """
    _need(
        work, work.request == "CANCELLATION_REQUESTED", "Cannot accept cancellation request for the fulfillment order."
    )
    left = [(part.line, part.remaining) for part in work.lines if part.remaining]
    has_shipped = any(part.remaining < part.total for part in work.lines)
    shop.end(work, "INCOMPLETE" if has_shipped else "CANCELLED")
    shop.changed(work, request="CANCELLATION_ACCEPTED")
    if left and work.order.cancelled_at is None:
        shop.new_work(work.order, work.location, left)
    shop.touch(work.order)


def reject_cancellation(shop: Shop, work: Work) -> None:
    """The fulfillment service goes on."""
    _need(
        work, work.request == "CANCELLATION_REQUESTED", "Cannot reject cancellation request for the fulfillment order."
    )
    shop.changed(work, request="CANCELLATION_REJECTED")


def close(shop: Shop, work: Work) -> None:
    """The fulfillment service cannot ship the rest: the merchant has it again."""
    is_ours = work.location.service is not None and work.request == "ACCEPTED" and work.status == "IN_PROGRESS"
    _need(work, is_ours, "The fulfillment order cannot be closed.")
    left = [(part.line, part.remaining) for part in work.lines if part.remaining]
    shop.end(work, "INCOMPLETE")
    shop.changed(work, request="CLOSED")
    if left:
        shop.new_work(work.order, work.location, left)


def cancel(shop: Shop, work: Work) -> Work | None:
    """Take back work that nobody accepted; answers what replaces it."""
    can = work.request in ("SUBMITTED", "CANCELLATION_REQUESTED", "UNSUBMITTED") and work.is_live
    _need(work, can, "The fulfillment order cannot be cancelled.")
    left = [(part.line, part.remaining) for part in work.lines if part.remaining]
    shop.end(work, "CLOSED")
    return shop.new_work(work.order, work.location, left) if left else None


def move(shop: Shop, work: Work, target: Location, lines: Sequence[Input] | None) -> tuple[Work, Work | None]:
    """Give work to another location; answers what was moved, and what stays where it was.

    Progress that somebody has reported by hand would forbid it; here work is in progress only because a part has left.
    """
    asked = {"SUBMITTED", "ACCEPTED", "CANCELLATION_REQUESTED", "CANCELLATION_REJECTED"}
    if work.request in asked or work.status not in ("OPEN", "ON_HOLD", "IN_PROGRESS"):
        raise Refused("Fulfillment order is not in a state in which it can be moved.", "id")
    moved = _asked(work, lines)
    if not all(shop.stocked(part.line, target) for part, _ in moved):
        raise Refused("Some items are not stocked at the new location.", "newLocationId")
    for part, units in moved:
        if (before := shop.committed(part.line, work.location)) and (after := shop.committed(part.line, target)):
            before.committed, before.available = before.committed - units, before.available + units
            after.committed, after.available = after.committed + units, after.available - units
    if all(units == part.remaining == part.total for part, units in moved) and len(moved) == len(work.lines):
        work.location = target
        shop.changed(work)
        return work, None
    there = [one for one in work.order.live() if one.location is target and one.request == "UNSUBMITTED"]
    made = _split_off(shop, work, moved, target)
    made.status = "ON_HOLD" if work.status == "ON_HOLD" else "OPEN"
    shop.changed(work, status=work.status if _open(work) else "CLOSED")
    return (_joined(shop, there[0], made) if there else made), work


def split(shop: Shop, work: Work, lines: Sequence[Input]) -> tuple[Work, Work]:
    """Divide work at one location into two; answers what stays, and the new part."""
    _need(work, work.status in ("OPEN", "IN_PROGRESS", "ON_HOLD"), "The fulfillment order cannot be split.")
    return work, _split_off(shop, work, _asked(work, lines), work.location)


def hold(shop: Shop, work: Work, given: Input) -> Hold:
    """Let work not begin."""
    _need(work, work.status in ("OPEN", "ON_HOLD", "SCHEDULED"), "The fulfillment order is not in a state to be held.")
    made = Hold(shop.new_id(), given["reason"], given.get("reasonNotes"), given.get("handle"))
    work.holds.append(made)
    shop.changed(work, status="ON_HOLD")
    return made


def release_hold(shop: Shop, work: Work, holds: Sequence[int] | None) -> None:
    """End holds; without a list, all of them."""
    work.holds = [one for one in work.holds if holds and one.id not in holds]
    shop.changed(work, status="ON_HOLD" if work.holds else "OPEN")


def fulfill(shop: Shop, given: Input, may_ship: Callable[[Work], bool]) -> Fulfillment:
    """Units of fulfillment orders leave together. Without lines everything of a fulfillment order leaves."""
    parts = [
        (work := _work(shop, one["fulfillmentOrderId"]), _asked(work, one.get("fulfillmentOrderLineItems")))
        for one in given["lineItemsByFulfillmentOrder"]
    ]
    _one_parcel([work for work, _ in parts], may_ship)
    lines = [(shop.new_id(), part, units) for _, asked in parts for part, units in asked]
    order = parts[0][0].order
    made = Fulfillment(
        shop.new_id(), order, f"{order.name}-F{len(order.fulfillments) + 1}", parts[0][0].location, lines,
        [work for work, _ in parts], shop.now(), shop.now(), tracking_of(given.get("trackingInfo")),
        given.get("originAddress"),
    )  # fmt: skip
    for work, asked in parts:
        _leave(shop, work, asked)
    order.fulfillments.append(made)
    shop.fulfillments[made.id] = made
    shop.touch(
        order, "ORDERS_UPDATED", *(() if any(line.fulfillable for line in order.lines) else ("ORDERS_FULFILLED",))
    )
    return made


def cancel_fulfillment(shop: Shop, made: Fulfillment) -> None:
    """Units did not leave after all: they are work again."""
    if made.status == "CANCELLED":
        raise Refused("Fulfillment has already been cancelled.", "id")
    made.status, made.updated_at = "CANCELLED", shop.now()
    for _, part, units in made.lines:
        part.line.fulfilled -= units
        if level := shop.committed(part.line, made.location):
            level.committed += units
    shop.new_work(made.order, made.location, [(part.line, units) for _, part, units in made.lines])
    shop.touch(made.order)


def correct_tracking(shop: Shop, made: Fulfillment, given: Input) -> None:
    """Other tracking numbers for what left."""
    if made.status == "CANCELLED":
        raise Refused("Fulfillment is cancelled.", "fulfillmentId")
    made.tracking, made.updated_at = tracking_of(given), shop.now()
    shop.touch(made.order)


def report(shop: Shop, made: Fulfillment, given: Input) -> Event:
    """News of what left."""
    event = Event(shop.new_id(), given["status"], given.get("happenedAt") or shop.now(), given.get("message"))
    made.events.append(event)
    made.updated_at = shop.now()
    shop.touch(made.order)
    return event


def set_quantities(shop: Shop, given: Input, *, activates: bool) -> list[Mapping[str, Any]]:
    """Set what is available or on hand, all or nothing, where it is now what the caller believes; answers the changes.

    `activates`: an item that the location does not keep is kept from now on. In 2026-10 the schema has no error for it any
    more; what Shopify does then is concluded from that, and not seen.
    """
    name = given["name"]
    if name not in ("available", "on_hand"):
        raise Refused(
            "The quantity name must be either 'available' or 'on_hand'.", "input", "name", code="INVALID_NAME"
        )
    rows = [(_level(shop, row, index, activates), row, index) for index, row in enumerate(given["quantities"])]
    for (_, _, level), row, index in rows:
        _compare(level, name, row, index)
    return [_set(shop, item, place, level, name, row["quantity"]) for (item, place, level), row, _ in rows]


def activate(shop: Shop, inventory_item: int, location: Location, available: int | None) -> Level:
    """Keep an item at a location. Where it is kept already nothing changes, unless a number is given: that is refused."""
    place = (inventory_item, location.id)
    if place in shop.levels and available is not None:
        raise Refused(
            "Not allowed to set available quantity when the item is already active at the location.", "available"
        )
    return shop.levels.setdefault(place, Level(available or 0))


def tracking_of(given: Input | None) -> list[Mapping[str, Any]]:
    """One entry for each number, each with the company, and the address at the same place."""
    if not given:
        return []
    numbers = given.get("numbers") or ([given["number"]] if given.get("number") else [])
    urls = given.get("urls") or ([given["url"]] if given.get("url") else [])
    count = max(len(numbers), len(urls), 1 if given.get("company") else 0)
    return [
        {
            "company": given.get("company"),
            "number": dict(enumerate(numbers)).get(one),
            "url": dict(enumerate(urls)).get(one),
        }
        for one in range(count)
    ]


def _need(work: Work, can: bool, message: str) -> None:
    if not can:
        raise Refused(f"{message} Its status is {work.status}, its request status {work.request}.", "id")


def _work(shop: Shop, identifier: int) -> Work:
    if identifier not in shop.works:
        raise Refused("Fulfillment order does not exist.", "fulfillment")
    return shop.works[identifier]


def _open(work: Work) -> list[WorkLine]:
    return [part for part in work.lines if part.remaining]


def _asked(work: Work, lines: Sequence[Input] | None) -> list[tuple[WorkLine, int]]:
    """The units that are named of a fulfillment order; everything where no line is."""
    if not lines:
        return [(part, part.remaining) for part in _open(work)]
    asked = []
    for one in lines:
        part = next((part for part in work.lines if part.id == one["id"]), None)
        if part is None:
            raise Refused("Fulfillment order line item does not exist.", "fulfillment")
        if not 0 < one["quantity"] <= part.remaining:
            raise Refused("Invalid fulfillment order line item quantity requested.", "fulfillment")
        asked.append((part, one["quantity"]))
    return asked


def _one_parcel(works: Sequence[Work], may_ship: Callable[[Work], bool]) -> None:
    if len({work.order.id for work in works}) != 1:
        raise Refused("All fulfillment orders must belong to the same order.", "fulfillment")
    if len({work.location.id for work in works}) > 1:
        raise Refused("All fulfillment orders must be assigned to a single location.", "fulfillment")
    for work in works:
        if not may_ship(work):
            raise Refused("The fulfillment order is assigned to another fulfillment service.", "fulfillment")
        if work.status not in ("OPEN", "IN_PROGRESS") or not _open(work):
            raise Refused(
                f"Fulfillment order {work.id} has an unfulfillable status= {work.status.lower()}.", "fulfillment"
            )


def _leave(shop: Shop, work: Work, asked: Sequence[tuple[WorkLine, int]]) -> None:
    for part, units in asked:
        part.remaining -= units
        part.line.fulfilled += units
        if level := shop.committed(part.line, work.location):
            level.committed -= units
    shop.changed(work, status="IN_PROGRESS" if _open(work) else "CLOSED")


def _split_off(shop: Shop, work: Work, moved: Sequence[tuple[WorkLine, int]], target: Location) -> Work:
    for part, units in moved:
        part.remaining -= units
        part.total -= units
    made = shop.new_work(work.order, target, [(part.line, units) for part, units in moved])
    made.status = work.status
    shop.changed(work)
    return made


def _joined(shop: Shop, there: Work, moved: Work) -> Work:
    """Part of a fulfillment order was moved where another of the same order is: that one is closed, and the lines of both are
    those of a new one."""
    units = dict[int, int]()
    lines = {part.line.id: part.line for part in [*there.lines, *moved.lines]}
    for part in [*there.lines, *moved.lines]:
        units[part.line.id] = units.get(part.line.id, 0) + part.remaining
    for one in (there, moved):
        shop.end(one, "CLOSED")
    return shop.new_work(there.order, there.location, [(lines[line], units[line]) for line in units if units[line]])


def _level(shop: Shop, row: Input, index: int, activates: bool) -> tuple[int, int, Level]:
    item, place, where = row["inventoryItemId"], row["locationId"], ("input", "quantities", str(index))
    if place not in shop.locations:
        raise Refused("The specified location could not be found.", *where, "locationId", code="INVALID_LOCATION")
    if all(one.inventory_item != item for one in shop.items.values()):
        raise Refused(
            "The inventory item could not be found.", *where, "inventoryItemId", code="INVALID_INVENTORY_ITEM"
        )
    if (item, place) not in shop.levels and not activates:
        raise Refused(
            "The specified inventory item is not stocked at the location.",
            *where, "inventoryItemId", code="ITEM_NOT_STOCKED_AT_LOCATION",
        )  # fmt: skip
    return item, place, shop.levels.setdefault((item, place), Level())


def _compare(level: Level, name: str, row: Input, index: int) -> None:
    stands = level.available if name == "available" else level.on_hand
    believed = row.get("changeFromQuantity")
    where = ("input", "quantities", str(index))
    if believed is not None and believed != stands:
        raise Refused(
            "The changeFromQuantity value does not match persisted value.",
            *where, "changeFromQuantity", code="CHANGE_FROM_QUANTITY_STALE",
        )  # fmt: skip
    if not -1_000_000_000 <= row["quantity"] <= 1_000_000_000:
        raise Refused("The quantity is out of range.", *where, "quantity", code="INVALID_QUANTITY_TOO_HIGH")


def _set(shop: Shop, item: int, place: int, level: Level, name: str, quantity: int) -> Mapping[str, Any]:
    before = level.available
    level.available = quantity if name == "available" else quantity - level.committed
    shop.announce_level(item, place)
    return {"name": name, "item": item, "location": place, "delta": level.available - before, "after": quantity}
