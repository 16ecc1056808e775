"""Counts the requests of this process, for `GET /metrics`: how many, with which status, and how long they took."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
NO_ROUTE = "none"
"""The label of an address that no route has: callers make up addresses and methods, and each label costs memory for ever."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of durations; a caller waits for a workflow for 5 seconds at most."""
_BOUNDS = (*map(str, SECONDS), "+Inf")


@dataclass(slots=True)
class _Durations:
    by_bucket: list[int] = field(default_factory=lambda: [0] * len(_BOUNDS))
    sum_seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.by_bucket[bisect_left(SECONDS, seconds)] += 1
        self.sum_seconds += seconds


class RequestMetrics:
    """The requests that this process has answered since it started, by method, route and status."""

    def __init__(self) -> None:
        """No request was answered yet."""
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._durations: defaultdict[tuple[str, str], _Durations] = defaultdict(_Durations)

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request. `route` is the pattern of its address, never the address."""
        names = method if method in METHODS else OTHER, route or NO_ROUTE
        self._requests[*names, str(status)] += 1
        self._durations[names].add(seconds)

    def families(self) -> Iterator[Metric]:
        """The requests and their durations, as Prometheus families."""
        requests = CounterMetricFamily(
            "switchyard_http_requests", "Requests answered by this process", labels=("method", "route", "status")
        )
        for labels, number in self._requests.items():
            requests.add_metric(labels, number)
        durations = HistogramMetricFamily(
            "switchyard_http_request_seconds", "How long the requests took", labels=("method", "route")
        )
        for names, one in self._durations.items():
            buckets = list(zip(_BOUNDS, map(float, accumulate(one.by_bucket)), strict=True))
            durations.add_metric(names, buckets, one.sum_seconds)
        yield from (requests, durations)
