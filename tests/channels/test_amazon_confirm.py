"""What leaves is confirmed to Amazon once, in a form that its models take; what its interface cannot take, a person learns."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.amazon.parcels import confirmation, is_ours, numbers
from channels.channel import Answer, Done, NoAccess, Notice, Outcome, Refused, Request
from channels.kinds import KINDS
from channels.parcels import Parcel
from domain.event import EventKind
from tests.channels.amazon_orders import BOWL, MUG, ORDER, UNSHIPPED, US, changed, settings
from tests.peers import amazon_judge as judge

AMAZON = KINDS["amazon"]
LEFT_AT = datetime(2026, 11, 21, 15, 4, 5, tzinfo=UTC)
Package = tuple[str, str | None, str | None, dict[str, int]]
FIRST: Package = ("1", "ups", "1Z1", {MUG: 2})
SECOND: Package = ("2", "Jo's Vans", "JV-2", {MUG: 1, BOWL: 12})


def ours(*packages: Package, **more: Any) -> dict[str, Any]:
    """Our document of the order, of which these packages left."""
    shipped = {line: sum(units.get(line, 0) for *_, units in packages) for line in (MUG, BOWL)}
    lines = [
        {"line": MUG, "attributes": {}, "open": 0, "backordered": 0, "reserved": 0, "allocated": 3 - shipped[MUG]},
        {"line": BOWL, "attributes": {"units_of_one": "12"}, "open": 0, "backordered": 0, "reserved": 0}
        | {"allocated": 12 - shipped[BOWL]},
    ]
    work = {
        "fulfillment_order": "amz-1-f1",
        "node": "slc",
        "lines": [{"line": line, "shipped": units} for line, units in shipped.items()],
        "packages": [
            {"package": name, "carrier": carrier, "tracking": tracking}
            | {"lines": [{"line": line, "quantity": quantity} for line, quantity in units.items()]}
            for name, carrier, tracking, units in packages
        ],
    }
    return {
        "lines": [line | {"cancelled": 0, "shipped": shipped[str(line["line"])]} for line in lines],
        "fulfillment_orders": [work],
    } | more


@dataclass
class Standing:
    """Amazon, with one order: it judges each request, and does what it is asked."""

    order: dict[str, Any] = field(default_factory=lambda: changed("packages", to=[]))
    bodies: list[Any] = field(default_factory=list)
    status: int = 204

    def answer(self, request: Request) -> Answer:
        if request.method == "GET":
            judge.of_order(request.path)
            body = json.dumps({"order": self.order}).encode()
            judge.of_answer(request.path, body)
            return Answer(200, {}, body)
        order, _ = judge.of_confirmation(request.path, request.body)
        assert order == ORDER
        if self.status != 204:
            return Answer(self.status, {}, b'{"errors": [{"code": "InvalidInput", "message": "no such carrier"}]}')
        detail = json.loads(request.body)["packageDetail"]
        self.bodies.append(detail)
        package = {
            "packageReferenceId": detail["packageReferenceId"],
            "trackingNumber": detail["trackingNumber"],
            "packageItems": detail["orderItems"],
        }
        others = [one for one in self.order["packages"] if one["packageReferenceId"] != detail["packageReferenceId"]]
        self.order["packages"] = [*others, package]
        for item in self.order["orderItems"]:
            done = sum(
                unit["quantity"]
                for one in self.order["packages"]
                for unit in one["packageItems"]
                if unit["orderItemId"] == item["orderItemId"]
            )
            item["fulfillment"] |= {"quantityFulfilled": done, "quantityUnfulfilled": item["quantityOrdered"] - done}
        return Answer(204, {}, b"")

    def notify(
        self,
        document: Mapping[str, Any],
        kind: EventKind = EventKind.SHIPPED,
        data: Mapping[str, Any] | None = None,
        ids: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Outcome:
        notice = Notice("7", kind, data or {}, ORDER, document, ids or {}, LEFT_AT, **more)
        conversation = AMAZON.notify(settings(carriers={"brown": "UPS"}), notice)
        try:
            request = next(conversation)
            while True:
                request = conversation.send(self.answer(request))
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome


def ids_of(outcome: Outcome) -> dict[str, str]:
    """What is kept with the order after a notice."""
    assert isinstance(outcome, Done | Refused)
    return dict(outcome.ids)


def test_a_parcel_is_confirmed_with_its_number_its_carrier_and_the_units_in_it() -> None:
    amazon = Standing()
    outcome = amazon.notify(ours(FIRST))
    number = numbers(["amz-1-f1/1"], {})["amz-1-f1/1"]
    assert isinstance(outcome, Done)
    assert outcome.ids["amz-1-f1/1"].startswith(f"{number} ")
    assert amazon.bodies == [
        {
            "packageReferenceId": number,
            "carrierCode": "UPS",
            "trackingNumber": "1Z1",
            "shipDate": "2026-11-21T15:04:05Z",
            "orderItems": [{"orderItemId": MUG, "quantity": 2}],
        }
    ]


def test_a_carrier_that_amazon_does_not_list_is_other_with_its_name_and_a_case_counts_once() -> None:
    amazon = Standing()
    amazon.notify(ours(FIRST, SECOND))
    assert [body["carrierCode"] for body in amazon.bodies] == ["UPS", "Other"]
    assert amazon.bodies[1]["carrierName"] == "Jo's Vans"
    assert amazon.bodies[1]["orderItems"] == [{"orderItemId": MUG, "quantity": 1}, {"orderItemId": BOWL, "quantity": 1}]


@pytest.mark.parametrize(
    ("carrier", "code"),
    [("UPS", "UPS"), ("brown", "UPS"), ("fed-ex", "FedEx"), ("Federal Express", "FedEx"), ("dhl express", "DHL")],
)
def test_carriers_are_spelled_as_amazon_does(carrier: str, code: str) -> None:
    parcel = Parcel("f1/1", "f1", "slc", carrier, "T1", {MUG: 1})
    made = confirmation(parcel, "1", US, LEFT_AT, {"brown": "UPS"})
    assert made["packageDetail"]["carrierCode"] == code


def test_nothing_is_confirmed_twice_whatever_was_lost() -> None:
    amazon = Standing()
    for _ in range(3):
        assert isinstance(amazon.notify(ours(FIRST)), Done), "as if the answer of the try before had been lost"
    amazon.notify(ours(FIRST, SECOND))
    assert [body["trackingNumber"] for body in amazon.bodies] == ["1Z1", "JV-2"]


def test_a_parcel_that_amazon_shows_late_is_not_confirmed_again() -> None:
    kept = ids_of(Standing().notify(ours(FIRST)))
    amazon = Standing()
    assert amazon.notify(ours(FIRST), ids=kept) == Done(kept)
    assert amazon.bodies == []


def test_parcels_with_one_tracking_number_are_a_package_each() -> None:
    amazon = Standing()
    one, two, three = (("1", "ups", "1Z1", {MUG: 1}), ("2", "ups", "1Z1", {MUG: 1}), ("3", "ups", "1Z1", {MUG: 1}))
    ids = ids_of(amazon.notify(ours(one)))
    amazon.notify(ours(one, two), ids=ids)
    amazon.notify(ours(one, two, three))
    assert [body["orderItems"][0]["quantity"] for body in amazon.bodies] == [1, 1, 1]
    assert len({body["packageReferenceId"] for body in amazon.bodies}) == 3


@pytest.mark.parametrize("is_shown", [True, False], ids=["shown", "not shown yet"])
@pytest.mark.parametrize("are_kept", [True, False], ids=["kept", "lost"])
def test_units_that_come_to_a_known_parcel_are_confirmed_in_it(is_shown: bool, are_kept: bool) -> None:
    if not is_shown and not are_kept:
        return  # a sender waits until Amazon shows what it has done
    amazon = Standing()
    ids = ids_of(amazon.notify(ours(("1", "ups", "1Z1", {MUG: 1}))))
    there = amazon.order
    amazon.order = there if is_shown else changed("packages", to=[])
    for _ in range(2):
        ids = ids_of(amazon.notify(ours(("1", "ups", "1Z1", {MUG: 3})), ids=ids if are_kept else {}))
    assert [(body["packageReferenceId"], body["orderItems"]) for body in amazon.bodies] == [
        (amazon.bodies[0]["packageReferenceId"], [{"orderItemId": MUG, "quantity": units}]) for units in (1, 3)
    ]


def test_a_number_that_was_corrected_before_amazon_shows_the_parcel_is_corrected() -> None:
    ids = ids_of(Standing().notify(ours(FIRST)))
    amazon = Standing()
    ids = ids_of(amazon.notify(ours(("1", "ups", "1Z9", {MUG: 2})), ids=ids))
    amazon.order = changed("packages", to=[])
    amazon.notify(ours(("1", "ups", "1Z9", {MUG: 2})), ids=ids)
    assert [body["trackingNumber"] for body in amazon.bodies] == ["1Z9"]


def test_a_correction_takes_no_units_from_the_parcels_after_it() -> None:
    amazon = Standing()
    two = ("2", "ups", "1Z2", {MUG: 1})
    ids = ids_of(amazon.notify(ours(FIRST)))
    outcome = amazon.notify(ours(("1", "ups", "1Z9", {MUG: 2}), two), ids=ids)
    assert isinstance(outcome, Done)
    assert [body["trackingNumber"] for body in amazon.bodies] == ["1Z1", "1Z9", "1Z2"]


def test_what_amazon_refuses_of_one_parcel_stops_no_other_and_is_not_confirmed_again() -> None:
    amazon = Standing()
    outcome = amazon.notify(ours(("1", "ups", None, {MUG: 2}), SECOND))
    amazon.order = changed("packages", to=[])
    amazon.notify(ours(("1", "ups", None, {MUG: 2}), SECOND), ids=ids_of(outcome))
    assert [body["trackingNumber"] for body in amazon.bodies] == ["JV-2"]


def test_when_the_customer_has_cancelled_units_that_left_the_others_are_confirmed_in_time() -> None:
    amazon = Standing(
        changed("orderItems", 0, to=UNSHIPPED["orderItems"][0] | {"quantityOrdered": 1, "fulfillment": {}})
    )
    outcome = amazon.notify(ours(FIRST))
    assert isinstance(outcome, Refused)
    assert f"1 of line {MUG} of amz-1-f1/1 are more than Amazon waits for" in outcome.why
    assert [body["orderItems"] for body in amazon.bodies] == [[{"orderItemId": MUG, "quantity": 1}]]
    amazon.notify(ours(FIRST), ids=ids_of(outcome))
    assert len(amazon.bodies) == 1


def test_an_item_is_never_confirmed_beyond_what_was_ordered_whatever_amazon_shows() -> None:
    amazon = Standing()
    ids = ids_of(amazon.notify(ours(FIRST)))
    amazon.order = changed("packages", to=[])
    outcome = amazon.notify(ours(FIRST, ("2", "ups", "1Z2", {MUG: 3})), ids=ids)
    assert isinstance(outcome, Refused)
    assert [body["orderItems"][0]["quantity"] for body in amazon.bodies] == [2, 1]


def test_parcels_that_leave_together_are_not_confirmed_beyond_what_was_ordered() -> None:
    amazon = Standing()
    outcome = amazon.notify(ours(FIRST, ("2", "ups", "1Z2", {MUG: 2})))
    assert isinstance(outcome, Refused)
    assert f"1 of line {MUG} of amz-1-f1/2" in outcome.why
    assert [body["orderItems"][0]["quantity"] for body in amazon.bodies] == [2, 1]


def test_a_parcel_without_a_number_is_no_persons_any_more_when_its_units_are_confirmed_in_seller_central() -> None:
    amazon = Standing(changed("packages", to=[{"packageReferenceId": "3", "trackingNumber": "OWN-1"}]))
    amazon.order["packages"][0]["packageItems"] = [{"orderItemId": MUG, "quantity": 2}]
    assert isinstance(amazon.notify(ours(("1", None, None, {MUG: 2}))), Done)
    assert amazon.bodies == []


def test_a_parcel_that_did_not_leave_is_named_also_when_another_has_its_tracking_number() -> None:
    amazon = Standing()
    one, two = ("1", "ups", "1Z1", {MUG: 1}), ("2", "ups", "1Z1", {MUG: 2})
    ids = ids_of(amazon.notify(ours(one, two)))
    outcome = amazon.notify(ours(two), EventKind.SHIPMENT_VOIDED, ids=ids)
    assert isinstance(outcome, Refused)
    assert "1Z1 was confirmed and did not leave" in outcome.why


def test_each_parcel_is_confirmed_with_the_day_on_which_it_left() -> None:
    amazon = Standing()
    amazon.notify(ours(FIRST, SECOND), left_at={"amz-1-f1/1": datetime(2026, 11, 20, 9, tzinfo=UTC)})
    by_tracking = {body["trackingNumber"]: body["shipDate"] for body in amazon.bodies}
    assert by_tracking == {"1Z1": "2026-11-20T09:00:00Z", "JV-2": "2026-11-21T15:04:05Z"}


def test_a_tracking_number_that_was_corrected_changes_the_same_package() -> None:
    amazon = Standing()
    amazon.notify(ours(FIRST))
    amazon.notify(ours(("1", "ups", "1Z9", {MUG: 2})))
    assert [(body["packageReferenceId"], body["trackingNumber"]) for body in amazon.bodies] == [
        (amazon.bodies[0]["packageReferenceId"], "1Z1"),
        (amazon.bodies[0]["packageReferenceId"], "1Z9"),
    ]


def test_a_parcel_that_a_person_has_confirmed_at_amazon_is_known_by_its_number_and_units() -> None:
    amazon = Standing(changed("packages", to=[{"packageReferenceId": "3", "trackingNumber": "1Z1"}]))
    amazon.order["packages"][0]["packageItems"] = [{"orderItemId": MUG, "quantity": 2}]
    assert isinstance(amazon.notify(ours(FIRST)), Done)
    assert amazon.bodies == []


@pytest.mark.parametrize(
    "package", [("1", "ups", None, {MUG: 2}), ("1", None, "1Z1", {MUG: 2}), ("1", " ", "1", {MUG: 2})]
)
def test_a_parcel_without_a_number_or_carrier_is_a_persons_and_stops_no_other(package: Package) -> None:
    amazon = Standing()
    outcome = amazon.notify(ours(package, SECOND))
    assert isinstance(outcome, Refused)
    assert "amz-1-f1/1 has no tracking number or no carrier" in outcome.why
    assert [body["trackingNumber"] for body in amazon.bodies] == ["JV-2"]


def test_units_that_amazon_does_not_wait_for_are_named_and_not_confirmed() -> None:
    amazon = Standing(changed("orderItems", 0, "fulfillment", "quantityUnfulfilled", to=1))
    outcome = amazon.notify(ours(FIRST))
    assert isinstance(outcome, Refused)
    assert f"1 of line {MUG}" in outcome.why
    assert amazon.bodies == []


def test_lines_that_an_operator_added_here_are_not_confirmed() -> None:
    document = ours(("1", "ups", "1Z1", {MUG: 2, "own": 1}))
    document["lines"].append({"line": "own", "attributes": {}})
    amazon = Standing()
    amazon.notify(document)
    assert amazon.bodies[0]["orderItems"] == [{"orderItemId": MUG, "quantity": 2}]


def test_a_parcel_of_a_program_whose_label_is_amazons_is_not_confirmed_by_us() -> None:
    amazon = Standing(changed("programs", to=["EASY_SHIP"]))
    assert amazon.notify(ours(FIRST)) == Done()
    assert amazon.bodies == []


def test_what_amazon_refuses_is_said_in_its_own_words() -> None:
    outcome = Standing(status=400).notify(ours(FIRST))
    assert outcome == Refused("amz-1-f1/1: Amazon answered 400: InvalidInput: no such carrier")


def test_a_role_that_lacks_keeps_the_connection_out_and_is_no_fault_of_the_order() -> None:
    with pytest.raises(NoAccess, match="roles"):
        Standing(status=403).notify(ours(FIRST))


def test_a_parcel_that_did_not_leave_after_all_is_a_persons_once_it_was_confirmed() -> None:
    amazon = Standing()
    assert isinstance(amazon.notify(ours(), EventKind.SHIPMENT_VOIDED), Done)
    amazon.notify(ours(FIRST))
    outcome = amazon.notify(ours(), EventKind.SHIPMENT_VOIDED)
    assert isinstance(outcome, Refused)
    assert "1Z1" in outcome.why


CANCELLED = [line | {"allocated": 0, "cancelled": 3 if line["line"] == MUG else 12} for line in ours()["lines"]]


@pytest.mark.parametrize(
    ("code", "reason"),
    [(None, "No inventory"), ("customer_request", "Buyer cancelled"), ("pricing_error", "Pricing error")],
)
def test_a_cancel_of_ours_is_entered_at_amazon_by_a_person_with_a_reason_that_amazon_knows(
    code: str | None, reason: str
) -> None:
    outcome = Standing().notify(ours(lines=CANCELLED), EventKind.CANCELLED, cancel_code=code)
    assert isinstance(outcome, Refused)
    assert f"with the reason “{reason}”" in outcome.why
    assert "before 2026-11-23 07:59 UTC" in outcome.why


def test_units_of_a_line_that_are_cancelled_here_are_named_also_when_others_of_it_leave() -> None:
    lines = [line | ({"allocated": 0, "cancelled": 1} if line["line"] == MUG else {}) for line in ours(FIRST)["lines"]]
    amazon = Standing()
    ids = ids_of(amazon.notify(ours(FIRST)))
    outcome = amazon.notify(ours(FIRST, lines=lines), EventKind.CANCELLED, ids=ids)
    assert isinstance(outcome, Refused)
    assert f"Amazon still waits for 1 of line {MUG}:" in outcome.why


def test_units_in_place_of_others_that_are_cancelled_here_are_named_by_amazons_line() -> None:
    mug, bowl = ours()["lines"]
    lines = [mug | {"allocated": 2}, bowl, mug | {"line": f"{MUG}-s1", "allocated": 0, "cancelled": 1}]
    outcome = Standing().notify(ours(lines=lines), EventKind.CANCELLED)
    assert isinstance(outcome, Refused)
    assert f"Amazon still waits for 1 of line {MUG}:" in outcome.why


def test_units_that_others_took_the_place_of_are_not_to_be_cancelled_at_amazon() -> None:
    mug, bowl = ours()["lines"]
    swapped = [mug | {"allocated": 0, "cancelled": 3}, bowl, mug | {"line": f"{MUG}-s1", "allocated": 3}]
    assert Standing().notify(ours(lines=swapped), EventKind.CANCELLED) == Done()


@pytest.mark.parametrize(
    "there",
    [
        changed("fulfillment", "fulfillmentStatus", to="CANCELLED"),
        changed(
            "orderItems", to=[item | {"quantityOrdered": 0, "fulfillment": {}} for item in UNSHIPPED["orderItems"]]
        ),
    ],
    ids=["the order is cancelled there", "its units are"],
)
def test_what_amazon_has_cancelled_itself_is_not_entered_again(there: dict[str, Any]) -> None:
    assert Standing(there).notify(ours(lines=CANCELLED), EventKind.CANCELLED) == Done()


def test_a_refund_is_made_by_a_person_who_learns_the_amount() -> None:
    outcome = Standing().notify(ours(), EventKind.REFUND_REQUESTED, {"amount": 1250, "currency": "USD"})
    assert isinstance(outcome, Refused)
    assert "1250 minor units of USD" in outcome.why


def test_every_parcel_has_a_number_of_its_own_which_stays_and_is_known_as_ours() -> None:
    keys = [f"amz-{order}-f{work}/{package}" for order in range(20) for work in range(3) for package in range(40)]
    made = numbers(keys, {})
    assert len(set(made.values())) == len(keys)
    assert all(is_ours(number) for number in made.values())
    assert numbers(keys[:7], {}) == {key: made[key] for key in keys[:7]}
    assert not any(is_ours(text) for text in ("1", "97", "", "UK-PKG-1", "1000000001", "٣", "9" * 30, "-1"))


BAD: Sequence[tuple[str, str, Any]] = [
    ("a number", "packageReferenceId", 1),
    ("letters", "packageReferenceId", "PKG1"),
    ("nought", "packageReferenceId", "0"),
    ("an unlisted code", "carrierCode", "ups"),
    ("no name of another carrier", "carrierCode", "Other"),
    ("no tracking number", "trackingNumber", ""),
    ("no items", "orderItems", []),
    ("no units", "orderItems", [{"orderItemId": MUG, "quantity": 0}]),
    ("no zone", "shipDate", "2026-11-21T15:04:05"),
]


@pytest.mark.parametrize(("name", "value"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_the_judge_refuses_what_amazon_refuses(name: str, value: Any) -> None:
    good = confirmation(Parcel("f1/1", "f1", "slc", "ups", "T1", {MUG: 1}), "1", US, LEFT_AT, {})
    path = f"/orders/v0/orders/{ORDER}/shipmentConfirmation"
    judge.of_confirmation(path, json.dumps(good).encode())
    bad = dict(good) | {"packageDetail": dict(good["packageDetail"]) | {name: value}}
    with pytest.raises((judge.Wrong, ValueError)):
        judge.of_confirmation(path, json.dumps(bad).encode())
