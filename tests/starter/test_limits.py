"""Token buckets: so many requests a second, twice as many at once, and nobody is remembered for ever."""

import pytest

from api import limits
from api.limits import Buckets


class Clock:
    """A clock that is set by hand."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_bucket_gives_twice_its_rate_at_once_and_its_rate_afterwards() -> None:
    clock = Clock()
    buckets = Buckets(4, clock)
    assert [buckets.wait("node") for _ in range(8)] == [0.0] * 8
    assert buckets.wait("node") == 0.25
    for _ in range(20):
        clock.seconds += 0.25
        assert buckets.wait("node") == 0.0
        assert buckets.wait("node") > 0.0


def test_a_client_that_waits_for_the_retry_time_is_let_in() -> None:
    clock = Clock()
    buckets = Buckets(0.1, clock)
    assert buckets.wait("node") == 0.0
    clock.seconds += buckets.wait("node")
    assert buckets.wait("node") == 0.0


def test_each_name_has_a_bucket_of_its_own() -> None:
    buckets = Buckets(1, Clock())
    assert [buckets.wait("node") > 0 for _ in range(3)] == [False, False, True]
    assert buckets.wait("channel") == 0.0


def test_only_so_many_names_are_remembered_and_the_longest_unseen_is_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "NAMES_MAX", 2)
    buckets = Buckets(1, Clock())
    for name in ("first", "first", "second", "second", "first", "third"):
        buckets.wait(name)
    assert buckets.wait("first") > 0.0
    assert buckets.wait("second") == 0.0
