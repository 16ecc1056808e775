"""A channel's points: as its answers say them, refilled by the second, less what is under way."""

from channels.channel import Allowance, Quota
from runtime.bucket import Bucket


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_nothing_is_limited_before_the_channel_has_said_something() -> None:
    bucket = Bucket(Clock())
    assert [bucket.wait(1000) for _ in range(5)] == [0] * 5


def test_points_are_taken_and_come_back_by_the_second() -> None:
    clock = Clock()
    bucket = Bucket(clock)
    bucket.said(Allowance(left=10, most=20, per_second=2))
    assert (bucket.wait(6), bucket.wait(6)) == (0, 1)
    clock.now += 1
    assert (bucket.wait(6), bucket.wait(1)) == (0, 0.5)
    clock.now += 1000
    assert (bucket.wait(20), bucket.wait(1)) == (0, 0.5), "there are never more than the most"


def test_a_request_that_costs_more_than_there_may_be_waits_until_all_are_there() -> None:
    clock = Clock()
    bucket = Bucket(clock)
    bucket.said(Allowance(left=0, most=20, per_second=2))
    assert bucket.wait(500) == 10
    clock.now += 10
    assert bucket.wait(500) == 0


def test_what_other_requests_will_take_is_not_given_twice() -> None:
    bucket = Bucket(Clock())
    with bucket.asking(8):
        bucket.said(Allowance(left=10, most=20, per_second=1))
    assert (bucket.wait(2), bucket.wait(1)) == (0, 1)


def test_a_quota_that_is_known_beforehand_counts_from_the_first_request() -> None:
    clock = Clock()
    bucket = Bucket(clock, Quota("search", 0.0056, 20))
    assert [bucket.wait(1) for _ in range(20)] == [0] * 20
    assert round(bucket.wait(1)) == 179, "one more in three minutes"
    clock.now += 179
    assert bucket.wait(1) == 0


def test_what_an_answer_does_not_say_stays_as_it_is_counted() -> None:
    bucket = Bucket(Clock(), Quota("confirm", 2, 10))
    bucket.wait(9)
    bucket.said(Allowance(None, None, 5))
    assert (bucket.wait(1), bucket.wait(1)) == (0, 0.2), "one was left; five come back each second"
    bucket.said(Allowance(0, None, None))
    assert bucket.wait(10) == 2, "nothing is left, and there are still ten at the most"


def test_without_a_quota_an_answer_that_says_half_limits_nothing() -> None:
    bucket = Bucket(Clock())
    bucket.said(Allowance(None, None, 1))
    assert bucket.wait(1000) == 0
