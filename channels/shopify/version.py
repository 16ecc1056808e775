"""Holds which versions of Shopify's interface are spoken, and how long each lives: a version appears every three months, and is
served for twelve at the least."""

from datetime import UTC, date, datetime, timedelta

VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")
"""Those in whose schema every document of `documents` is valid."""

DEFAULT = "2026-10"
WARNED_DAYS = 91
"""How long before its end a version is warned of: about three months."""


def ends(version: str) -> date:
    """The first day on which Shopify need not serve a version any more."""
    year, month = map(int, version.split("-"))
    return date(year + 1, month, 1)


def warning(version: str, at: datetime) -> str | None:
    """What to say of a version that is not known here, or is about to end; None = nothing."""
    if version not in VERSIONS:
        return f"version: {version!r} is not spoken here; write one of {', '.join(VERSIONS)}"
    until = ends(version)
    if at.astimezone(UTC).date() <= until - timedelta(days=WARNED_DAYS):
        return None
    newer = f"write version = {DEFAULT!r} in channels.toml" if ends(DEFAULT) > until else "update Switchyard"
    return f"Shopify serves version {version} until {until}; {newer}"
