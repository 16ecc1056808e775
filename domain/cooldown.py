"""Decides for which SKUs a node is not asked again for a while: those that it rejected, or found short."""

from domain.fulfillment import Counts, FulfillmentOrder, MessageKind


def failed(before: FulfillmentOrder, after: FulfillmentOrder, kind: MessageKind) -> set[str]:
    """The SKUs of which the node, by a message of this kind, rejected units or found too few."""
    return {
        fo_line.sku for line, fo_line in after.lines.items() if _failed(before.counts(line), after.counts(line), kind)
    }


def _failed(was: Counts, now: Counts, kind: MessageKind) -> bool:
    is_rejected = kind is MessageKind.REJECTED and now.freed > was.freed
    return is_rejected or now.written_off > was.written_off
