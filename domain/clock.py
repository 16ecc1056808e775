"""Decides when something happened that another system reports with its own clock."""

from datetime import datetime


def happened_at(reported: datetime, *, arrived: datetime, follows: datetime) -> datetime:
    """When it happened: as reported, but not after the report arrived, and not before the fact that it follows.

    What was reported is stored as it came; this is the moment that deadlines, windows and sequences count from.
    """
    return max(follows, min(reported, arrived))
