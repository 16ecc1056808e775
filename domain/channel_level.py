"""Decides which stock level a connected channel is sent: never one that sells again what the channel has sold already.

A channel counts its own sales down before their orders are here. So where fewer units stand there than we knew, the missing
ones may be sold, and they are left out until every order of the channel has been read.
"""

from dataclasses import dataclass

TRIES_MAX = 5
"""After so many answers in a row with another number than was sent, a person must look."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of an item at a channel since it last answered."""

    available: int | None
    """What stood there; None = it has no such item."""
    wanted: int
    """What was to stand there."""
    missing: int = 0
    """Units fewer than we knew that stood there."""
    tries: int = 0
    """How often in a row another number stood there than was sent."""
    is_settled: bool = True
    """Whether all orders were read that the channel took before another number was found; True where none was. For an item that
    the channel does not have: False when somebody asked to have it sent again."""
    is_doubted: bool = False
    """Whether the channel may have changed the number that stood there, and it is to be compared again."""


def next_level(wanted: int, kept: Kept | None) -> int | None:
    """The level to send now; None = none: it stands there, a person must look, or what was sold there is not known yet."""
    if kept is None:
        return wanted
    if kept.available is None:
        return None if kept.is_settled else wanted
    if kept.available == kept.wanted:
        return wanted if wanted != kept.wanted or kept.is_doubted else None
    if kept.tries >= TRIES_MAX and kept.wanted == wanted:
        return None
    if kept.is_settled:
        return wanted
    safe = max(0, wanted - kept.missing)
    return safe if kept.available > safe else None


def answered(wanted: int, sent: int, stands: int, before: Kept | None) -> Kept:
    """What is known of an item after the channel has answered with `stands`."""
    if stands == wanted:
        return Kept(stands, wanted)
    known = before or Kept(stands, wanted)
    missing = 0 if known.is_settled else known.missing
    if stands != sent and known.available is not None:
        missing += max(0, known.available - stands)
    same = known.tries if known.wanted == wanted else 0
    return Kept(stands, wanted, missing, same + (stands != sent), is_settled=False)
