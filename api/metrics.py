"""The route for Prometheus: figures of the business, and of this process with its jobs, requests and connections."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from api.access import Operator, ServiceDep
from database.connect import CONNECTIONS_MAX, Database
from database.documents import metrics as documents
from database.documents.metrics import FAMILIES, Rows
from jobs.driver import Driver, JobStatus
from runtime.version import VERSION

router = APIRouter(tags=["service"])

TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/metrics", response_class=Response, responses=TEXT)
async def get_metrics(_: Operator, service: ServiceDep) -> Response:
    """Figures in the text format of Prometheus: the orders, exceptions and queues of the database, and the jobs, requests and
    connections of the process that answers."""
    rows = await service.figures.read()
    listens = await service.listeners.any()
    families = (
        *_of_the_database(rows),
        *_of_the_process(service.database, listens),
        *_of_jobs(service.driver),
        *service.requests.families(),
    )
    return Response(generate_latest(_Families(families)), media_type=CONTENT_TYPE_PLAIN_0_0_4)


@dataclass(frozen=True, slots=True)
class _Families:
    """Families in the place of a registry, which would keep them."""

    families: Sequence[Metric]

    def collect(self) -> Sequence[Metric]:
        return self.families


def _of_the_database(rows: Rows) -> Iterator[Metric]:
    for family in FAMILIES:
        metric = GaugeMetricFamily(family.name, family.meaning, labels=family.labels)
        for labels, value in documents.gauges(family, rows):
            metric.add_metric(labels, value)
        yield metric


def _of_the_process(database: Database, listens: bool | None) -> Iterator[Metric]:
    yield _gauge("switchyard_info", "The version that is running; always 1", "version", {VERSION: 1})
    yield _gauge("switchyard_temporal_up", "Whether Temporal answers", value=listens is not None)
    yield _gauge(
        "switchyard_workers_up", "Whether a worker has asked for work in the last 70 seconds", value=listens is True
    )
    used, spare = database.connections()
    yield _gauge(
        "switchyard_database_connections",
        "Connections to PostgreSQL of this process, in use and idle",
        "state",
        {"in_use": used, "idle": spare},
    )
    yield _gauge("switchyard_database_connections_max", "The most that this process opens", value=CONNECTIONS_MAX)


def _gauge(
    name: str,
    meaning: str,
    label: str | None = None,
    values: Mapping[str, float] | None = None,
    value: float | None = None,
) -> Metric:
    """A gauge with a value for each word of its label, or with one value and no label."""
    metric = GaugeMetricFamily(name, meaning, labels=[label] if label else None, value=value)
    for word, number in (values or {}).items():
        metric.add_metric([word], number)
    return metric


def _of_jobs(driver: Driver) -> Iterator[Metric]:
    jobs = {job.name: job.status for lane in driver.lanes.values() for job in lane.jobs}
    for name, meaning, count in COUNTS_OF_JOBS:
        counter = CounterMetricFamily(name, meaning, labels=("name",))
        for job, status in jobs.items():
            counter.add_metric([job], count(status))
        yield counter
    for name, meaning, figure in FIGURES_OF_JOBS:
        found = {job: value for job, status in jobs.items() if (value := figure(status)) is not None}
        yield _gauge(name, meaning, "name", found)


def _timestamp(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


COUNTS_OF_JOBS: tuple[tuple[str, str, Callable[[JobStatus], int]], ...] = (
    ("switchyard_job_runs", "Runs of the job in this process that have ended", lambda status: status.runs),
    ("switchyard_job_failures", "Of these, the ones that failed", lambda status: status.failures),
)
FIGURES_OF_JOBS: tuple[tuple[str, str, Callable[[JobStatus], float | None]], ...] = (
    (
        "switchyard_job_last_success_timestamp_seconds",
        "When the job last ended well in this process; absent before",
        lambda status: _timestamp(status.last_succeeded_at),
    ),
    (
        "switchyard_job_last_run_timestamp_seconds",
        "When the job last began in this process; absent before",
        lambda status: _timestamp(status.last_started_at),
    ),
    (
        "switchyard_job_last_duration_seconds",
        "How long its last run took; absent before",
        lambda status: None if status.last_duration is None else status.last_duration.total_seconds(),
    ),
)
