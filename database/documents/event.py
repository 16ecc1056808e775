"""The documents of events: what channels learn of their orders, and the data of each kind of event."""

import json
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, RootModel
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import text

from database.connect import ReadConnection
from database.documents.document import Document, NamedUnits, sometimes
from database.documents.filters import given
from database.documents.fulfillment import ShippedPackage
from database.horizon import OLDEST_OPEN
from domain.event import EventKind
from domain.order import PromiseState
from domain.refund import RefundKind
from domain.request import Resolution


class _Event(Document):
    event: str
    """Its id, the same in the feed and in every delivery: use it to recognize a repeat."""
    order: str
    """The order's id."""
    reference: str | None
    """What people call the order; null when the channel did not say, or the order was forgotten."""
    channel: str
    """The order's channel."""
    occurred_at: AwareDatetime


class UnitsData(Document):
    """The units of an event."""

    lines: list[NamedUnits]
    """The units of this event, not totals."""


class UnitsEvent(_Event):
    """The order was accepted, units were added to lines, units wait for stock or have a node after they waited, or units were
    cancelled."""

    kind: Literal[
        EventKind.ACCEPTED, EventKind.ADDED, EventKind.BACKORDERED, EventKind.BACKORDER_FILLED, EventKind.CANCELLED
    ]
    data: UnitsData


class PromisedEvent(_Event):
    """Every unit of the order has a node, or announced goods that it waits for, for the first time."""

    kind: Literal[EventKind.PROMISED]
    data: PromiseState


class NewPromiseData(Document):
    """The promise that replaces the one before."""

    ship_by: AwareDatetime | None
    """When the last shipment leaves; null while nobody knows when its goods come."""
    deliver_by: AwareDatetime | None
    """When the last shipment arrives; null when nobody knows."""


class PromiseChangedEvent(_Event):
    """The order is promised for other days: the goods that it waits for come later, earlier, or nobody knows when."""

    kind: Literal[EventKind.PROMISE_CHANGED]
    data: NewPromiseData


class WorkData(UnitsData):
    """Units of a fulfillment order."""

    fulfillment_order: str
    """The fulfillment order's id."""
    node: str


class PickupData(WorkData):
    """Units that are ready for pickup."""

    collect_by: AwareDatetime | SkipJsonSchema[None] = sometimes()
    """Until when the customer may collect them; absent where the policy sets no limit."""


class PickupEvent(_Event):
    """All units are ready for pickup; half of the time to collect them is over; or all of that time is over."""

    kind: Literal[EventKind.READY_FOR_PICKUP, EventKind.STILL_TO_COLLECT, EventKind.NOT_COLLECTED]
    data: PickupData


class ShippedData(WorkData):
    """Units that left a node, or did not leave it after all; none where only packages were corrected."""

    packages: list[ShippedPackage]
    """All packages of the fulfillment order so far."""


class ShippedEvent(_Event):
    """Units left a node, or their node has taken a parcel back that did not leave, or has corrected a package."""

    kind: Literal[EventKind.SHIPPED, EventKind.SHIPMENT_VOIDED, EventKind.SHIPMENT_CORRECTED]
    data: ShippedData


class DeliveredData(WorkData):
    """Units that arrived."""

    assumed: bool
    """Whether this is only assumed, because no message about the delivery came."""


class DeliveredEvent(_Event):
    """Units arrived."""

    kind: Literal[EventKind.DELIVERED]
    data: DeliveredData


class CancelRefusedEvent(_Event):
    """The node kept or shipped units whose cancel was pending."""

    kind: Literal[EventKind.CANCEL_REFUSED]
    data: WorkData


class ReturnData(Document):
    """The return of an event."""

    return_: str = Field(alias="return")
    """The return's id."""


class ReturnEvent(_Event):
    """A return was declined, was cancelled before anything came back, or expired because nothing came back in time."""

    kind: Literal[EventKind.RETURN_DECLINED, EventKind.RETURN_CANCELLED, EventKind.RETURN_EXPIRED]
    data: ReturnData


class ReturnAuthorizedData(ReturnData):
    """A return that a person has authorized."""

    node: str | None
    """Where the customer should send it; null when neither the request nor the policy says so."""


class ReturnAuthorizedEvent(_Event):
    """A person authorized a return that the policy does not grant by itself."""

    kind: Literal[EventKind.RETURN_AUTHORIZED]
    data: ReturnAuthorizedData


class ReturnReminderData(ReturnData):
    """A return of which nothing has come back yet."""

    expires_at: AwareDatetime
    """When it expires if nothing comes back."""


class ReturnReminderEvent(_Event):
    """Nothing of a return has come back: 14 and 3 days before it expires."""

    kind: Literal[EventKind.RETURN_REMINDER]
    data: ReturnReminderData


class ReturnedData(UnitsData, ReturnData):
    """Units that came back."""


class ReturnedEvent(_Event):
    """Units of a return came back."""

    kind: Literal[EventKind.RETURNED]
    data: ReturnedData


class ReturnOrClaimData(Document):
    """The return or the claim of an event: exactly one of the two is present."""

    return_: str | SkipJsonSchema[None] = sometimes(alias="return")
    """The return's id; absent for a claim."""
    claim: str | SkipJsonSchema[None] = sometimes()
    """The claim's id; absent for a return."""


class SettledData(ReturnOrClaimData):
    """A return or a claim that was settled: the customer got what was owed."""

    resolution: Resolution | Literal["replacement"]
    """What the customer got; `replacement` only for a claim."""


class SettledEvent(_Event):
    """A return or a claim was settled."""

    kind: Literal[EventKind.SETTLED]
    data: SettledData


class ExchangedData(ReturnOrClaimData):
    """A return or a claim for which the customer gets another order."""

    order: str
    """The id of the order that the customer gets."""


class ExchangedEvent(_Event):
    """The customer gets another order for a return or a claim."""

    kind: Literal[EventKind.EXCHANGED]
    data: ExchangedData


class RefundRequestedData(ReturnOrClaimData, UnitsData):
    """A refund that the channel is asked to pay."""

    refund: str
    """The refund's id: use it to recognize a repeat."""
    amount: int
    """Minor units of `currency`."""
    currency: str
    """Three letters, ISO 4217."""
    resolution: RefundKind
    """How the customer is paid."""


class RefundRequestedEvent(_Event):
    """The channel must pay the customer for a return or a claim."""

    kind: Literal[EventKind.REFUND_REQUESTED]
    data: RefundRequestedData


class PaymentRequestedData(Document):
    """What the channel is asked to do with a payment."""

    request: str
    """The id of the request: use it to recognize a repeat."""
    amount: int
    """Minor units of `currency`."""
    currency: str
    """Three letters, ISO 4217."""


class CaptureRequestedData(PaymentRequestedData):
    """An amount to capture."""

    fulfillment_order: str | SkipJsonSchema[None] = sometimes()
    """The fulfillment order that has shipped; absent where the money was authorized after the goods had left."""


class CaptureRequestedEvent(_Event):
    """Units shipped that are not paid yet: capture this of what is authorized, and report it."""

    kind: Literal[EventKind.CAPTURE_REQUESTED]
    data: CaptureRequestedData


class VoidRequestedEvent(_Event):
    """Nothing more of the order will ship: void this of what is authorized, and report it."""

    kind: Literal[EventKind.VOID_REQUESTED]
    data: PaymentRequestedData


class Event(
    RootModel[
        Annotated[
            UnitsEvent
            | PromisedEvent
            | PromiseChangedEvent
            | PickupEvent
            | ShippedEvent
            | DeliveredEvent
            | CancelRefusedEvent
            | ReturnEvent
            | ReturnAuthorizedEvent
            | ReturnReminderEvent
            | ReturnedEvent
            | SettledEvent
            | ExchangedEvent
            | RefundRequestedEvent
            | CaptureRequestedEvent
            | VoidRequestedEvent,
            Field(discriminator="kind"),
        ]
    ]
):
    """Something that happened to an order of a channel. `kind` says what happened and which fields `data` has. No event
    contains personal data."""


async def feed(
    connection: ReadConnection, *, channel: str | None, order: str | None, after: tuple[int, int], limit: int
) -> list[dict[str, Any]]:
    """Events of a channel and of an order (None = of all), the oldest first, after the event with these two numbers."""
    asked = given({"channel = :channel": channel, "order_id = :order": order})
    rows = await connection.execute(
        text(f"{_FEED} AND {asked} ORDER BY transaction_id, event_id LIMIT {limit:d}"),
        {"channel": channel, "order": order, "transaction_id": after[0], "event_id": after[1], "limit": limit},
    )
    return [json.loads(row.shown) for row in rows]


SHOWN = """
    jsonb_build_object('event', e.transaction_id || '-' || e.event_id, 'kind', e.kind, 'order', e.order_id,
                       'reference', (SELECT o.reference FROM orders o WHERE o.order_id = e.order_id),
                       'channel', e.channel, 'occurred_at', e.occurred_at,
                       'data', CASE WHEN e.data ? 'lines' THEN e.data || jsonb_build_object('lines', (
                                   SELECT coalesce(jsonb_agg(u.line || jsonb_build_object('name', l.name)
                                                             ORDER BY u.position), '[]')
                                   FROM jsonb_array_elements(e.data->'lines') WITH ORDINALITY AS u(line, position)
                                   LEFT JOIN order_line l ON l.order_id = e.order_id AND l.line = u.line->>'line'))
                               ELSE e.data END)::text AS shown
"""
"""An event `e` as it is shown. What people call its order and lines is read now, so that nothing is left of it once the order
was forgotten."""

_FEED = f"""
    SELECT {SHOWN} FROM event e
    WHERE transaction_id < {OLDEST_OPEN}
      AND (transaction_id, event_id) > (:transaction_id, :event_id)
"""
