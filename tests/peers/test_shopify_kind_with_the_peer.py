"""Our side of Shopify speaks with the simulated shop, which keeps Shopify's rules: what each believes is then the same."""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from channels.channel import (
    Answer,
    Checked,
    Done,
    Level,
    Message,
    NoAnswer,
    Notice,
    Paid,
    Refused,
    Request,
    Said,
    Settings,
)
from channels.shopify.kind import Shopify
from channels.shopify.scopes import SCOPES
from demo.peers.shopify import order_json
from demo.peers.shopify.service import Peer
from demo.peers.shopify.shop import Bought, Shop
from demo.peers.shopify.state import Order
from domain.channel_difference import PaidBack
from domain.event import EventKind
from tests.channels.shopify_orders import Items
from tests.channels.test_shopify_notify import fo, line
from tests.shopify_schema import published

Result = TypeVar("Result")
KIND = Shopify()
CATALOGUE = Items("SHIRT-S", "CAP")
AT = datetime(2026, 11, 30, 9, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that moves a second with each look."""

    now: datetime = AT

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Connected:
    """A shop with two items in the merchant's warehouse, to which we are connected with the scopes that we ask for."""

    def __init__(self, **entry: Any) -> None:
        self.clock = Clock()
        self.shop = Shop(now=self.clock)
        self.own = next(iter(self.shop.locations.values()))
        for sku, price in (("SHIRT-S", 1999), ("CAP", 900)):
            self.shop.add_item(sku, sku, price, {self.own.id: 5})
        self.peer = Peer(self.shop)
        self.peer.graph.published = {"2026-10": published("2026-10")}
        self.entry = {"api": "https://acme.myshopify.com", "mode": "one"} | entry
        self.kept: Mapping[str, Any] = {}
        self.cut: tuple[int, str] = (0, "")
        self.mutations = 0
        self.checked = self.check()

    @property
    def settings(self) -> Settings:
        """The connection."""
        return Settings("web", self.entry, {"client_id": "client", "client_secret": "secret of the app"}, self.kept)

    def answer(self, request: Request) -> Answer:
        """What the shop answers. Raises `NoAnswer` before or after the mutation of `cut`."""
        asked = json.loads(request.body)
        is_change = asked["query"].startswith("mutation")
        self.mutations += is_change
        number, when = self.cut
        if is_change and self.mutations == number and when == "before":
            raise NoAnswer
        version = request.path.split("/")[3]
        found = self.peer.graph.execute(version, tuple(SCOPES), asked["query"], asked["variables"])
        if is_change and self.mutations == number and when == "after":
            raise NoAnswer
        return Answer(200, {}, json.dumps(found, default=str).encode())

    def run(self, conversation: Generator[Request, Answer, Result]) -> Result:
        """Hold a conversation."""
        try:
            request = next(conversation)
            while True:
                try:
                    request = conversation.send(self.answer(request))
                except NoAnswer as silent:
                    request = conversation.throw(silent)
        except StopIteration as ended:
            result: Result = ended.value
            return result

    def check(self) -> Checked:
        """Connect."""
        found = self.run(KIND.check(self.settings, CATALOGUE, AT))
        self.kept = found.settings
        return found

    def by_graphql(self, order: Order) -> Said:
        """What the shop says when it is asked."""
        message = self.run(KIND.read_again(self.settings, str(order.id)))
        assert message is not None
        return self.read(message)

    def by_webhook(self, order: Order) -> Said:
        """What the webhook of a new order says."""
        return self.read(Message("orders/create", json.dumps(order_json.order(order)).encode()))

    def read(self, message: Message) -> Said:
        """What a message says."""
        [said] = KIND.read(self.settings, CATALOGUE, message)
        assert isinstance(said, Said)
        return said

    def wanted(self, order: Order) -> dict[str, int]:
        """Units by SKU that are wanted of us."""
        said = self.by_graphql(order).order
        return {line.sku: line.quantity for line in said.lines} if said else {}

    def place(self) -> Order:
        """An order of two shirts and a cap, paid."""
        return self.shop.place(Bought("SHIRT-S", 2), Bought("CAP"))

    def notify(self, order: Order, kind: EventKind, document: dict[str, Any], **data: Any) -> Any:
        """Notify the shop."""
        about = {"fulfillment_order": "web-f1", "node": "slc", "lines": []} | data
        return self.run(
            KIND.notify(self.settings, Notice("1", kind, about, str(order.id), document, {}, datetime.now(UTC)))
        )

    def left(self, order: Order) -> list[tuple[dict[str, int], str | None]]:
        """What the shop shows as fulfilled: units by SKU, and the number."""
        shown = order_json.order(order)["fulfillments"]
        return [
            ({line["sku"]: line["quantity"] for line in one["line_items"]}, one["tracking_number"])
            for one in shown
            if one["status"] == "success"
        ]


def test_connecting_makes_our_location_and_asks_for_no_more_than_it_needs() -> None:
    acme = Connected()
    assert [finding.text for finding in acme.checked.findings if finding.is_fault] == []
    [ours] = [location for location in acme.shop.locations.values() if location.name == "Switchyard"]
    assert acme.kept["location"] == str(ours.id)
    assert [location.name for location in acme.shop.locations.values()].count("Switchyard") == 1
    acme.check()
    assert [location.name for location in acme.shop.locations.values()].count("Switchyard") == 1


def test_a_new_order_is_the_same_by_its_webhook_and_when_it_is_read() -> None:
    acme = Connected()
    order = acme.place()
    assert acme.by_webhook(order) == acme.by_graphql(order)
    assert acme.wanted(order) == {"SHIRT-S": 2, "CAP": 1}


@pytest.mark.parametrize("currency", ["JPY", "USD", "KWD"])
@pytest.mark.parametrize("taxes_included", [True, False])
@pytest.mark.parametrize(("discount", "tax"), [(1001, 0), (0, 317), (1001, 317)])
def test_a_discount_or_tax_that_only_the_order_as_a_whole_has_is_the_same_by_its_webhook_and_when_it_is_read(
    currency: str, taxes_included: bool, discount: int, tax: int
) -> None:
    acme = Connected()
    acme.shop.currency = currency
    bought = Bought("SHIRT-S", 2), Bought("CAP", 3)
    order = acme.shop.place(*bought, shipping_price=500, discount=discount, tax=tax, taxes_included=taxes_included)
    said = acme.by_graphql(order)
    assert acme.by_webhook(order) == said
    assert said.order is not None
    assert sum(line.discount for line in said.order.lines) == discount
    assert sum(line.tax for line in said.order.lines) == tax
    assert sum(line.goods for line in said.order.lines) == 2 * 1999 + 3 * 900 - discount


def test_edits_refunds_and_a_cancel_of_the_shop_are_what_is_wanted_then() -> None:
    acme = Connected()
    order = acme.place()
    acme.shop.set_quantity(order, order.lines[0].id, 1)
    assert acme.wanted(order) == {"SHIRT-S": 1, "CAP": 1}
    acme.shop.add_line(order, Bought("CAP", 2))
    said = acme.by_graphql(order).order
    assert said is not None
    assert [(line.sku, line.quantity) for line in said.lines] == [("SHIRT-S", 1), ("CAP", 1), ("CAP", 2)]
    acme.shop.cancel(order)
    assert acme.by_graphql(order).why_not == "cancelled"


def test_a_poll_finds_what_changed_and_reads_it_once() -> None:
    acme = Connected()
    orders = [acme.place() for _ in range(3)]
    acme.clock.now += timedelta(minutes=1)
    first = acme.run(KIND.poll(acme.settings, {}, acme.clock()))
    assert sorted(acme.read(message).external for message in first.messages) == sorted(
        str(order.id) for order in orders
    )
    acme.shop.set_quantity(orders[1], orders[1].lines[0].id, 1)
    second = acme.run(KIND.poll(acme.settings, first.cursor, acme.clock()))
    assert [acme.read(message).external for message in second.messages] == [str(orders[1].id)]


def test_a_change_in_the_second_in_which_a_poll_read_the_order_is_found_by_the_next_poll() -> None:
    acme = Connected()
    order = acme.place()
    changed_at = order.updated_at
    first = acme.run(KIND.poll(acme.settings, {}, acme.clock()))
    acme.shop.set_quantity(order, order.lines[0].id, 1)
    order.updated_at = changed_at
    second = acme.run(KIND.poll(acme.settings, first.cursor, acme.clock()))
    assert [acme.read(message).order for message in second.messages] == [acme.by_graphql(order).order]


def document(order: Order, *parts: dict[str, Any], **buckets: int) -> dict[str, Any]:
    """The document of our order; all units of every line are in these buckets."""
    lines = [line(str(one.id)) | dict.fromkeys(buckets, one.quantity) for one in order.lines]
    return {"lines": lines, "fulfillment_orders": list(parts)}


def parcels(order: Order) -> dict[str, Any]:
    """Our order when it has left in three parcels of two nodes."""
    shirt, cap = (str(one.id) for one in order.lines)

    def parcel(name: str, number: str, of: str) -> dict[str, Any]:
        return {"package": name, "carrier": "ups", "tracking": number, "lines": [{"line": of, "quantity": 1}]}

    first = fo(1) | {
        "packages": [parcel("1", "1Z1", shirt), parcel("2", "1Z2", cap)],
        "lines": [{"line": name, "shipped": 1, "delivered": 0} for name in (shirt, cap)],
    }
    second = fo(2) | {
        "packages": [parcel("1", "1Z3", shirt)],
        "lines": [{"line": shirt, "shipped": 1, "delivered": 0}],
    }
    return document(order, first, second, shipped=1)


SHIPPED = [({"SHIRT-S": 1}, "1Z1"), ({"CAP": 1}, "1Z2"), ({"SHIRT-S": 1}, "1Z3")]


def stocked(acme: Connected) -> Connected:
    """With stock at our location."""
    answer = acme.run(KIND.stock(acme.settings, "k", [Level("SHIRT-S", 20, None), Level("CAP", 20, None)]))
    assert answer == {"SHIRT-S": 20, "CAP": 20}
    return acme


def test_an_order_is_taken_over_accepted_and_shipped_in_parcels() -> None:
    acme = stocked(Connected())
    order = acme.place()
    assert isinstance(acme.notify(order, EventKind.ACCEPTED, document(order, reserved=1)), Done)
    assert {work.request for work in order.live()} == {"ACCEPTED"}
    assert isinstance(acme.notify(order, EventKind.SHIPPED, parcels(order)), Done)
    assert acme.left(order) == SHIPPED
    assert acme.wanted(order) == {"SHIRT-S": 2, "CAP": 1}


@pytest.mark.parametrize("when", ["before", "after"])
def test_cut_off_at_any_change_the_shop_has_no_unit_fulfilled_twice(when: str) -> None:
    whole = stocked(Connected())
    begun = whole.mutations
    order = whole.place()
    whole.notify(order, EventKind.SHIPPED, parcels(order))
    for number in range(begun + 1, whole.mutations + 1):
        acme = stocked(Connected())
        acme.cut = (number, when)
        order = acme.place()
        with pytest.raises(NoAnswer):
            acme.notify(order, EventKind.SHIPPED, parcels(order))
        assert isinstance(acme.notify(order, EventKind.SHIPPED, parcels(order)), Done)
        assert acme.left(order) == SHIPPED


def test_a_request_to_cancel_is_answered_and_the_units_stay_cancelled() -> None:
    acme = stocked(Connected())
    order = acme.place()
    acme.notify(order, EventKind.ACCEPTED, document(order, reserved=1))
    for work in order.live():
        acme.shop.request_cancellation(work)
    assert acme.wanted(order) == {}
    assert isinstance(acme.notify(order, EventKind.CANCELLED, document(order, cancelled=1)), Done)
    assert acme.wanted(order) == {}


def test_units_that_came_back_and_were_refunded_are_no_cancel() -> None:
    acme = stocked(Connected())
    order = acme.place()
    acme.notify(order, EventKind.SHIPPED, parcels(order))
    acme.shop.refund(order, {order.lines[0].id: 1}, "RETURN")
    assert acme.wanted(order) == {"SHIRT-S": 2, "CAP": 1}


def came_back(acme: Connected, order: Order, **more: Any) -> Any:
    """A shirt came back, and its money is asked for, less a fee; `more` is what else the notice has."""
    shirt = str(order.lines[0].id)
    data = {"refund": "web-1-r1-m1", "amount": 1500, "resolution": "refund", "lines": [{"line": shirt, "quantity": 1}]}
    data |= {name: more.pop(name) for name in ("amount", "resolution", "refund") if name in more}
    here = {"paid_back": {shirt: 1}} | more
    document = parcels(order)
    notice = Notice("1", "refund_requested", data, str(order.id), document, {}, AT, **here)
    return acme.run(KIND.notify(acme.settings, notice))


def shipped_order(acme: Connected, **presentment: Any) -> Order:
    order = acme.place()
    for name, value in presentment.items():
        setattr(order, name, value)
    assert isinstance(acme.notify(order, EventKind.SHIPPED, parcels(order)), Done)
    return order


def test_what_is_to_be_paid_back_is_paid_in_the_shop_once_with_the_amount_that_is_owed() -> None:
    acme = stocked(Connected())
    order = shipped_order(acme)
    first = came_back(acme, order)
    again = came_back(acme, order)

    [made] = order.refunds
    assert (made.amount, made.note, [(one.quantity, one.restock) for one in made.lines]) == (
        1500,
        "web-1-r1-m1",
        [(1, "NO_RESTOCK")],
    )
    assert first.paid == again.paid == Paid("web-1-r1-m1", 1500, made.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert first.ids == {"refund/web-1-r1-m1": f"gid://shopify/Refund/{made.id}"}
    assert acme.wanted(order) == {"SHIRT-S": 2, "CAP": 1}, "what came back is no cancel"
    assert acme.by_graphql(order).paid_back == {str(order.lines[0].id): PaidBack(units=1, amount=1500)}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_refund_whose_answer_is_lost_is_paid_once(when: str) -> None:
    acme = stocked(Connected())
    order = shipped_order(acme)
    acme.cut = (acme.mutations + 1, when)
    with pytest.raises(NoAnswer):
        came_back(acme, order)
    assert came_back(acme, order).paid.amount == 1500
    assert len(order.refunds) == 1


def test_what_the_shops_own_people_have_paid_back_meanwhile_is_not_paid_again() -> None:
    acme = stocked(Connected())
    order = shipped_order(acme)
    acme.shop.refund(order, {order.lines[0].id: 1}, "RETURN")
    assert came_back(acme, order).paid.amount == 1500
    assert len(order.refunds) == 1

    assert came_back(acme, order, paid_back={str(order.lines[0].id): 2}, refund="web-1-r2-m1").paid is not None
    assert [made.note for made in order.refunds] == [None, "web-1-r2-m1"], "that was another unit"


@pytest.mark.parametrize(
    ("more", "presentment", "why"),
    [
        ({"resolution": "store_credit"}, {}, "web-1-r1-m1 is a store credit: give it in the shop"),
        ({"amount": 999900}, {}, "of 9999.00 can be paid back by the way that it was paid"),
        ({}, {"presentment": ("EUR", "0.9")}, "the customer has paid in EUR: pay it back in the shop"),
    ],
)
def test_what_cannot_be_paid_in_the_shop_is_said_and_nothing_is_paid(
    more: dict[str, Any], presentment: dict[str, Any], why: str
) -> None:
    acme = stocked(Connected())
    order = shipped_order(acme, **presentment)
    outcome = came_back(acme, order, **more)
    assert isinstance(outcome, Refused)
    assert why in outcome.why
    assert order.refunds == []


def test_levels_are_set_at_our_location_and_a_sale_in_between_is_not_overwritten() -> None:
    acme = stocked(Connected())
    ours = int(acme.kept["location"])
    acme.shop.sell("CAP", 3, ours)
    answer = acme.run(KIND.stock(acme.settings, "k2", [Level("SHIRT-S", 7, 20), Level("CAP", 30, 20)]))
    assert answer == {"SHIRT-S": 7, "CAP": 17}
