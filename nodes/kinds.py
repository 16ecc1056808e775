"""The table of all ways to reach nodes: `dispatch` of nodes.toml → its kind. The first is that of a node that names none."""

from nodes.dispatch import DispatchKind
from nodes.pull import Pull
from nodes.webhook import Webhook

KINDS: dict[str, DispatchKind] = {
    "pull": Pull(),
    "webhook": Webhook(),
}
