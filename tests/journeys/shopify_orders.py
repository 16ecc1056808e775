"""What a shop and Switchyard say of the same order, in the same form; and nodes that ship it."""

from collections import Counter

from demo.peers.shopify import order_json
from demo.peers.shopify.shop import Bought
from demo.peers.shopify.state import Order
from tests.house import Document
from tests.journeys.shopify_house import Connected

Parcels = Counter[tuple[str | None, tuple[tuple[str, int], ...]]]
"""Tracking numbers with the units by line."""


def parcels_there(order: Order) -> Parcels:
    """What the shop shows as fulfilled."""
    return Counter(
        (one["tracking_number"], tuple(sorted((str(line["id"]), line["quantity"]) for line in one["line_items"])))
        for one in order_json.order(order)["fulfillments"]
        if one["status"] == "success"
    )


def parcels_here(document: Document) -> Parcels:
    """What our nodes have shipped."""
    return Counter(
        (package["tracking"], tuple(sorted((line["line"], line["quantity"]) for line in package["lines"])))
        for fo in document["fulfillment_orders"]
        for package in fo["packages"]
    )


def wanted_there(order: Order) -> dict[str, int]:
    """Today's units of each line in the shop; nothing of a cancelled order."""
    return {str(line.id): line.current for line in order.lines if line.current and not order.cancelled_at}


def wanted_here(document: Document) -> dict[str, int]:
    """The units of each line that we hold, by the line of the shop that they belong to."""
    units = Counter[str]()
    for line in document["lines"]:
        units[line["line"].partition("-")[0]] += line["ordered"] - line["cancelled"]
    return dict(+units)


def left_there(order: Order) -> dict[str, int]:
    """The units of each line that the shop shows as fulfilled."""
    units = Counter[str]()
    for _, lines in parcels_there(order).elements():
        units.update(dict(lines))
    return dict(units)


def street_there(order: Order) -> str:
    """Where an order goes, as the shop has it."""
    return str((order.ship_to or {})["address1"])


def street_here(document: Document) -> str:
    """Where an order goes, as we have it."""
    return str(document["ship_to"]["street"][0])


async def follows(acme: Connected, order: Order) -> Document:
    """Our order, as soon as its units are those of the shop."""
    return await acme.house.until(acme.number(order), lambda found: wanted_here(found) == wanted_there(order))


async def in_two_parcels(acme: Connected, order: Order) -> None:
    """Two nodes ship an order: each accepts, picks and ships its part in a parcel of its own."""
    document = await acme.house.until(acme.number(order), lambda found: len(found["fulfillment_orders"]) == 2)
    for fo in document["fulfillment_orders"]:
        name = fo["fulfillment_order"]
        await acme.house.tell(name, "accepted")
        await acme.house.tell(name, "picked")
        lines = [{"line": line["line"], "quantity": line["quantity"]} for line in fo["lines"]]
        parcel = {"package": "1", "carrier": "ups", "tracking": f"1Z-{name}", "lines": lines}
        await acme.house.tell(name, "shipped", packages=[parcel])
    await acme.house.until(acme.number(order), "shipped")
    await acme.notified()


async def ship_all(acme: Connected, order: Order) -> None:
    """The nodes ship everything that an order still wants, as it becomes theirs."""
    name, done = acme.number(order), set[str]()

    async def are_all_shipped() -> bool:
        document = await acme.house.order(name)
        for fo in document["fulfillment_orders"]:
            work = fo["fulfillment_order"]
            if work not in done:
                done.add(work)
                for kind in ("accepted", "picked", "shipped"):
                    await acme.house.tell(work, kind)
        return bool(document["status"] == "shipped")

    await acme.until(are_all_shipped)
    await acme.notified()


async def taken(acme: Connected) -> tuple[Order, str]:
    """An order that a node has accepted, as the shop knows, and its fulfillment order."""
    order = acme.shop.place(Bought("SERUM-30", 3))
    await acme.webhooks()
    await acme.come(order)
    work = (await acme.house.work(acme.number(order)))["fulfillment_order"]
    await acme.house.tell(work, "accepted")
    await acme.until(lambda: {one.request for one in order.live()} == {"ACCEPTED"})
    await acme.notified()
    await acme.webhooks()
    return order, work


def is_asked_back(document: Document) -> bool:
    """Whether a node was asked to cancel."""
    return any(fo["cancel_asked_at"] for fo in document["fulfillment_orders"])
