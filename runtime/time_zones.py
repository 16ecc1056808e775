"""Makes the pinned `tzdata` package decide what time it is where, whatever zone data the operating system has."""

import zoneinfo

import tzdata

VERSION: str = tzdata.IANA_VERSION
"""The version of the time zone database, such as 2026b."""


def pin() -> None:
    """Leave `zoneinfo` nothing but the package. Every program calls it first.

    By itself `zoneinfo` prefers the system's files, and those that PYTHONTZPATH names, to the package: then two processes on
    two images may disagree on when a day ends.
    """
    zoneinfo.reset_tzpath(())
    zoneinfo.ZoneInfo.clear_cache()
