"""Commands find the servers by the environment, else by the stack that runs here, and never by one that is gone."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.directory_lock import DirectoryLock
from runtime.where import NotConfigured, Stack, database_url, running_stack, temporal_connection

STACK = Stack("http://127.0.0.1:1", "http://127.0.0.1:2", "127.0.0.1:3", "default", "postgresql://embedded", "key")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[DirectoryLock]:
    """A stack that runs on `tmp_path`, as far as others can see."""
    lock = DirectoryLock(tmp_path / "lock", "the data directory")
    lock.acquire()
    STACK.announce(tmp_path)
    yield lock
    lock.release()


# fmt: off
SETTINGS = [
    # the environment says                                                    database                 Temporal
    ({},                                                                      "postgresql://embedded", "127.0.0.1:3"),
    ({"DATABASE_URL": ""},                                                    "postgresql://embedded", "127.0.0.1:3"),
    ({"DATABASE_URL": "postgresql://own"},                                    "postgresql://own",      "localhost:7233"),
    ({"DATABASE_URL": "postgresql://own", "TEMPORAL_ADDRESS": "own:7233"},    "postgresql://own",      "own:7233"),
]
# fmt: on


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(("environment", "database", "temporal"), SETTINGS)
def test_the_environment_wins_as_a_whole_over_the_stack_that_runs_here(
    environment: dict[str, str], database: str, temporal: str, tmp_path: Path
) -> None:
    without_profile = (
        environment | {"TEMPORAL_CONFIG_FILE": "/dev/null"} if environment.get("DATABASE_URL") else environment
    )
    assert database_url(without_profile, tmp_path) == database
    assert temporal_connection(without_profile, tmp_path).get("target_host") == temporal


def test_the_environment_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://own")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "own:7233")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", "/dev/null")
    assert (database_url(), temporal_connection()["target_host"]) == ("postgresql://own", "own:7233")


@pytest.mark.usefixtures("running")
def test_a_temporal_setting_alone_is_not_mixed_with_the_stack_that_runs_here(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="set both or none"):
        database_url({"TEMPORAL_ADDRESS": "own:7233"}, tmp_path)


def test_what_a_killed_stack_left_behind_counts_for_nothing(running: DirectoryLock, tmp_path: Path) -> None:
    assert running_stack(tmp_path) == STACK
    running.release()
    assert running_stack(tmp_path) is None
    with pytest.raises(NotConfigured, match="no embedded stack runs"):
        database_url({}, tmp_path)


@pytest.mark.usefixtures("running")
def test_a_stack_that_is_still_starting_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "ready.json").unlink()
    assert running_stack(tmp_path) is None


@pytest.mark.usefixtures("running")
def test_the_announcement_is_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    assert json.loads(file.read_text())["operator_key"] == "key"
    assert stat.filemode(file.stat().st_mode) == "-rw-------"
