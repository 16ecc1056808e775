"""The documents of events: what channels learn of their orders, with what each kind of event carries."""

import json
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, RootModel
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy import text

from database.connect import ReadConnection
from database.documents.document import Document, LineUnits, sometimes
from database.documents.filters import given
from database.documents.fulfillment import ShippedPackage
from domain.event import EventKind
from domain.order import PromiseState
from domain.refund import RefundKind
from domain.request import Resolution


class _Event(Document):
    event: str
    """Its id, by which a repeat is known: the same in the feed and in every delivery."""
    order: str
    """The order's id."""
    channel: str
    """The order's channel."""
    occurred_at: AwareDatetime


class UnitsData(Document):
    """Units that something happened to."""

    lines: list[LineUnits]
    """The units of this event, not totals."""


class UnitsEvent(_Event):
    """The order was taken in, lines count more units, units wait for stock, or units were cancelled."""

    kind: Literal[EventKind.ACCEPTED, EventKind.ADDED, EventKind.BACKORDERED, EventKind.CANCELLED]
    data: UnitsData


class PromisedEvent(_Event):
    """Every unit has a node for the first time."""

    kind: Literal[EventKind.PROMISED]
    data: PromiseState


class WorkData(UnitsData):
    """Units of a fulfillment order."""

    fulfillment_order: str
    """The fulfillment order's id."""
    node: str


class PickupData(WorkData):
    """Units that lie ready for the customer."""

    collect_by: AwareDatetime | SkipJsonSchema[None] = sometimes()
    """Until when the customer may collect them; absent where the policy sets no limit."""


class PickupEvent(_Event):
    """All that is due lies ready for the customer; half of the time to collect it is over; or all of that time is over."""

    kind: Literal[EventKind.READY_FOR_PICKUP, EventKind.STILL_TO_COLLECT, EventKind.NOT_COLLECTED]
    data: PickupData


class ShippedData(WorkData):
    """Units that left a node."""

    packages: list[ShippedPackage]
    """All packages of the fulfillment order so far."""


class ShippedEvent(_Event):
    """Units left a node."""

    kind: Literal[EventKind.SHIPPED]
    data: ShippedData


class DeliveredData(WorkData):
    """Units that arrived."""

    assumed: bool
    """Whether that is only assumed, because no news came."""


class DeliveredEvent(_Event):
    """Units arrived."""

    kind: Literal[EventKind.DELIVERED]
    data: DeliveredData


class CancelRefusedEvent(_Event):
    """Units whose cancel was pending were kept or shipped by their node."""

    kind: Literal[EventKind.CANCEL_REFUSED]
    data: WorkData


class ReturnData(Document):
    """A return that something happened to."""

    return_: str = Field(alias="return")
    """The return's id."""


class ReturnEvent(_Event):
    """A return was declined, cancelled before anything came back, or expired because nothing came back in its time."""

    kind: Literal[EventKind.RETURN_DECLINED, EventKind.RETURN_CANCELLED, EventKind.RETURN_EXPIRED]
    data: ReturnData


class ReturnAuthorizedData(ReturnData):
    """A return that a person has authorized."""

    node: str | None
    """Where it should go; null when nothing says so."""


class ReturnAuthorizedEvent(_Event):
    """A person authorized a return that the policy left to a person."""

    kind: Literal[EventKind.RETURN_AUTHORIZED]
    data: ReturnAuthorizedData


class ReturnReminderData(ReturnData):
    """A return of which nothing has come back yet."""

    expires_at: AwareDatetime
    """When it is over if nothing comes back."""


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
    """A return or a claim that something happened to: exactly one of the two is there."""

    return_: str | SkipJsonSchema[None] = sometimes(alias="return")
    """The return's id; absent for a claim."""
    claim: str | SkipJsonSchema[None] = sometimes()
    """The claim's id; absent for a return."""


class SettledData(ReturnOrClaimData):
    """A return or a claim whose customer got what was owed."""

    resolution: Resolution | Literal["replacement"]
    """What the customer got; `replacement` only for a claim."""


class SettledEvent(_Event):
    """A return or a claim was settled."""

    kind: Literal[EventKind.SETTLED]
    data: SettledData


class ExchangedData(ReturnOrClaimData):
    """A return or a claim that is made good with another order."""

    order: str
    """The id of the order that the customer gets."""


class ExchangedEvent(_Event):
    """The customer gets another order for a return or a claim."""

    kind: Literal[EventKind.EXCHANGED]
    data: ExchangedData


class RefundRequestedData(ReturnOrClaimData, UnitsData):
    """A refund that the channel is asked to pay."""

    refund: str
    """The refund's id, by which a repeat is known."""
    amount: int
    """Minor units of `currency`."""
    currency: str
    """Three letters, ISO 4217."""
    resolution: RefundKind
    """How the customer is paid."""


class RefundRequestedEvent(_Event):
    """The customer is to be paid for a return or a claim."""

    kind: Literal[EventKind.REFUND_REQUESTED]
    data: RefundRequestedData


class Event(
    RootModel[
        Annotated[
            UnitsEvent
            | PromisedEvent
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
            | RefundRequestedEvent,
            Field(discriminator="kind"),
        ]
    ]
):
    """Something that a channel must know of its order. `kind` says what happened, and so what `data` holds. No event names a
    person."""


async def feed(
    connection: ReadConnection, *, channel: str | None, after: tuple[int, int], limit: int
) -> list[dict[str, Any]]:
    """Events of a channel (of all, without one), the oldest first, after the one with these numbers."""
    asked = given({"channel = :channel": channel})
    rows = await connection.execute(
        text(f"{_FEED} AND {asked} ORDER BY transaction_id, event_id LIMIT :limit"),
        {"channel": channel, "transaction_id": after[0], "event_id": after[1], "limit": limit},
    )
    return [json.loads(row.shown) for row in rows]


SHOWN = """
    jsonb_build_object('event', transaction_id || '-' || event_id, 'kind', kind, 'order', order_id, 'channel', channel,
                       'occurred_at', occurred_at, 'data', data)::text AS shown
"""

_FEED = f"""
    SELECT {SHOWN} FROM event
    WHERE transaction_id < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)
      AND (transaction_id, event_id) > (:transaction_id, :event_id)
"""
