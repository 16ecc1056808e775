"""How long jobs wait before they call a channel again that did not answer."""

from datetime import timedelta

WAIT_MAX = timedelta(minutes=10)


def wait_after(tries: int) -> timedelta:
    """How long to wait after the `tries`-th try: a second, then twice as long each time, and ten minutes at most."""
    return min(timedelta(seconds=2 ** min(tries - 1, 30)), WAIT_MAX)
