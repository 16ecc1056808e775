"""The comparison of two builds: a table at its end, nothing left when it is interrupted, whole statements counted."""

import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from benchmarks.compare import ratio
from benchmarks.statement_log import statements, transactions

ROOT = Path(__file__).parent.parent.parent
COMMAND = (sys.executable, "-m", "benchmarks", "compare", "--against", "HEAD", "--pairs", "1", "--lives", "4")
STARTED_SECONDS_MAX = 60.0
POLL_SECONDS = 0.05

LOG = """\
sql 11 LOG:  statement: BEGIN;
sql 12 LOG:  execute __asyncpg_stmt_1__: SELECT 1
sql 11 LOG:  execute __asyncpg_stmt_2__: UPDATE orders
\tSET version = version + 1
sql 11 LOG:  checkpoint starting: time
\tnot of a statement
sql 12 LOG:  statement: BEGIN;
sql 11 LOG:  statement: COMMIT;
sql 12 LOG:  statement: ROLLBACK;
sql 13 LOG:  statement: BEGIN;
"""


def test_statements_are_read_from_the_log_by_transaction_of_each_process() -> None:
    assert list(transactions(statements(LOG.splitlines()))) == [
        ("SELECT 1",),
        ("BEGIN;", "UPDATE orders\n\tSET version = version + 1", "COMMIT;"),
        ("BEGIN;", "ROLLBACK;"),
        ("BEGIN;",),
    ]


@pytest.mark.parametrize(
    ("others", "these", "wanted"),
    [
        ([100.0, 200.0, 50.0], [50.0, 50.0, 50.0], "0.50 (0.25–1.00)"),
        ([100.0, None], [50.0, 10.0], "0.50 (0.50–0.50)"),
        ([100.0, 100.0], [50.0, None], "0.50 (0.50–0.50)"),
        ([0.0], [50.0], "–"),
    ],
)
def test_the_ratio_is_the_median_of_the_pairs(
    others: list[float | None], these: list[float | None], wanted: str
) -> None:
    assert ratio(others, these) == wanted


def test_the_caller_imports_nothing_of_the_product() -> None:
    product = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    program = f"import sys, benchmarks.caller; print(sorted({{*{product}, 'worker'}} & {{*sys.modules}}))"
    assert subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True) == "[]\n"


@pytest.mark.long
@pytest.mark.timeout(420)
def test_a_build_is_compared_with_another_version_and_nothing_is_left_behind() -> None:
    before = leftovers()
    ended = subprocess.run(COMMAND, cwd=ROOT, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stderr
    rows = {
        words[0].strip(): words[1:] for line in ended.stdout.splitlines() if len(words := line.split("│")[1:-1]) == 4
    }
    for name in (
        "processor ms, all processes",
        "Temporal",
        "PostgreSQL",
        "worker",
        "HTTP",
        "caller",
        "lives per second",
    ):
        other, this, _ = rows[name]
        assert float(other) > 0
        assert float(this) > 0
    for life in ("fast", "slow"):
        for count in ("events", "workflow tasks", "SQL statements"):
            assert float(rows[f"{life} life alone, {count}"][1]) > 0
    assert leftovers() == before


@pytest.mark.long
def test_an_interrupted_comparison_stops_what_it_started() -> None:
    before = leftovers()
    comparing = subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + STARTED_SECONDS_MAX
    while not any("benchmarks.caller" in one for one in leftovers() - before):
        assert comparing.poll() is None, comparing.communicate()
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)
    comparing.send_signal(signal.SIGINT)

    _, said = comparing.communicate()
    assert comparing.returncode == 128 + signal.SIGINT
    assert "Traceback" not in said
    assert leftovers() == before


def leftovers() -> set[str]:
    """Folders of benchmarks, and processes that work in one or for one, by their command lines."""
    folders = {str(folder) for folder in (ROOT / ".data").glob("benchmark-*")}
    lines = {pid: command_line(pid) for pid in filter(str.isdigit, os.listdir("/proc"))}
    return folders | {f"{pid} {line}" for pid, line in lines.items() if f"{ROOT}/.data/benchmark-" in line}


def command_line(pid: str) -> str:
    """The words of a process; none when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
