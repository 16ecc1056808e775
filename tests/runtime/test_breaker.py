"""A breaker opens after failures in a row, lets one trial through after each rest, and closes with a success."""

from datetime import timedelta

from runtime.breaker import AtOnce, Breaker


class Clock:
    """A clock that is set by hand."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def opened(clock: Clock) -> Breaker:
    """A breaker that three failures have opened."""
    breaker = Breaker(3, timedelta(seconds=10), clock)
    for _ in range(3):
        assert breaker.admits("node")
        breaker.failed("node")
    return breaker


def test_it_opens_after_so_many_failures_in_a_row_and_only_for_the_name_that_failed() -> None:
    breaker = opened(Clock())
    assert not breaker.admits("node")
    assert breaker.admits("another node")


def test_a_success_between_failures_starts_the_count_again() -> None:
    breaker = Breaker(3, timedelta(seconds=10), Clock())
    for _ in range(5):
        breaker.failed("node")
        breaker.failed("node")
        breaker.succeeded("node")
    assert breaker.admits("node")


def test_after_a_rest_one_call_tries_it_and_the_others_wait_for_the_result() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.seconds += 10
    assert [breaker.admits("node") for _ in range(3)] == [True, False, False]
    breaker.failed("node")
    assert not breaker.admits("node")
    clock.seconds += 10
    assert breaker.admits("node")
    breaker.succeeded("node")
    assert [breaker.admits("node") for _ in range(3)] == [True] * 3


def test_a_trial_without_a_result_is_followed_by_another_one() -> None:
    clock = Clock()
    breaker = opened(clock)
    for _ in range(3):
        clock.seconds += 10
        assert [breaker.admits("node") for _ in range(2)] == [True, False]


def test_failures_about_the_same_thing_count_once() -> None:
    breaker = Breaker(3, timedelta(seconds=10), Clock())
    for _ in range(10):
        breaker.failed("temporal", about="the same order")
    assert breaker.admits("temporal")
    breaker.failed("temporal", about="another order")
    breaker.failed("temporal", about="a third order")
    assert not breaker.admits("temporal")


def test_only_so_many_are_under_way_for_a_name_and_one_that_fails_frees_its_place() -> None:
    at_once = AtOnce(2)
    with at_once.one_more("host") as first, at_once.one_more("host") as second, at_once.one_more("host") as third:
        assert (first, second, third) == (True, True, False)
        with at_once.one_more("another host") as other:
            assert other
    try:
        with at_once.one_more("host"):
            raise ValueError
    except ValueError:
        pass
    with at_once.one_more("host") as first, at_once.one_more("host") as second:
        assert (first, second) == (True, True)
