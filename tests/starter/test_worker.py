"""What a process says when what it needs is not there at its start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOBODY_LISTENS = "127.0.0.1:1"


def run(*arguments: str, database_url: str) -> subprocess.CompletedProcess[str]:
    """Run one of our programs to its end, with Temporal where nobody listens."""
    environment = {**os.environ, "DATABASE_URL": database_url, "TEMPORAL_ADDRESS": NOBODY_LISTENS}
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("program", [("worker.py",), ("-m", "starter", "serve", "--port", "0")], ids=["worker", "http"])
def test_without_postgresql_nothing_starts_and_one_line_says_why(program: tuple[str, ...]) -> None:
    ended = run(*program, database_url=f"postgresql://switchyard@{NOBODY_LISTENS}/switchyard")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"PostgreSQL does not answer at postgresql+asyncpg://switchyard@{NOBODY_LISTENS}/switchyard" in line


def test_without_temporal_a_worker_does_not_start_and_one_line_says_why(template: str) -> None:
    ended = run("worker.py", database_url=template)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f"Temporal does not answer at {NOBODY_LISTENS}" in line
