"""Decides for which items a node is left in peace for a while: those that it rejected, or did not find on its shelf."""

from domain.fulfillment import Counts, FulfillmentOrder, MessageKind


def failed(before: FulfillmentOrder, after: FulfillmentOrder, kind: MessageKind) -> set[str]:
    """The SKUs of which a message of this kind says that its node will not send some units, or has not found them."""
    return {told.sku for line, told in after.lines.items() if _failed(before.counts(line), after.counts(line), kind)}


def _failed(was: Counts, now: Counts, kind: MessageKind) -> bool:
    is_rejected = kind is MessageKind.REJECTED and now.freed > was.freed
    return is_rejected or now.written_off > was.written_off
