"""The route about jobs: what this process does by itself, and the status of each job."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from api.access import Operator, ServiceDep
from jobs.driver import Driver

router = APIRouter(tags=["service"])


class JobState(BaseModel):
    """The status of a job in the process that answers, since its start; null = not yet."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    job: str
    lane: str
    """Jobs of one lane run one after another."""
    every_seconds: float
    """About how often it runs while something is committed, or PostgreSQL's notifications are not received."""
    at_least_every_seconds: float | None
    """About how often it runs while nothing is committed; null = as often as ever."""
    runs: int
    """Runs that have ended, with success or not."""
    failures: int
    """Of these, the ones that failed."""
    last_started_at: datetime | None
    last_duration_ms: int | None
    last_succeeded_at: datetime | None
    last_failed_at: datetime | None
    last_error: str | None
    """The type of the last error; it stays here when later runs succeed."""


class Jobs(BaseModel):
    """Every job, in the order of the table `jobs/schedule.py`."""

    items: list[JobState]


@router.get("/jobs", response_model=Jobs)
async def list_jobs(holder: Operator, service: ServiceDep) -> Jobs:
    """What this process does by itself: how often each job runs, when it last ran and succeeded, its last error. Each HTTP
    process runs all jobs and answers with its own."""
    return Jobs(items=list(_states(service.driver)))


def _states(driver: Driver) -> Iterator[JobState]:
    for lane in driver.lanes.values():
        for job in lane.jobs:
            status = job.status
            yield JobState(
                job=job.name,
                lane=lane.name,
                every_seconds=lane.every.total_seconds(),
                at_least_every_seconds=lane.at_least_every.total_seconds() if lane.at_least_every else None,
                runs=status.runs,
                failures=status.failures,
                last_started_at=status.last_started_at,
                last_duration_ms=None if status.last_duration is None else status.last_duration // MILLISECOND,
                last_succeeded_at=status.last_succeeded_at,
                last_failed_at=status.last_failed_at,
                last_error=status.last_error,
            )


MILLISECOND = timedelta(milliseconds=1)
