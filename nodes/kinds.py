"""The table of all dispatch kinds, by the value of `dispatch` in nodes.toml. The first kind is the default."""

from nodes.dispatch import DispatchKind
from nodes.edi940 import Edi940
from nodes.pull import Pull
from nodes.webhook import Webhook

KINDS: dict[str, DispatchKind] = {
    "pull": Pull(),
    "webhook": Webhook(),
    "edi940": Edi940(),
}
