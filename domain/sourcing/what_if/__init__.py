"""Says what would have had to be different for a node to ship: each smallest single change, verified by planning with it."""

from domain.sourcing.what_if.answer import Answer, why_not
from domain.sourcing.what_if.change import Change, ChangeKind

__all__ = ["Answer", "Change", "ChangeKind", "why_not"]
