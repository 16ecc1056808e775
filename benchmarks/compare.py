"""This checkout against another version of the same product: what a life costs, in alternating pairs on one machine.

Each turn runs one build's `up` on an empty folder and calls it from outside with the same caller (`benchmarks/caller.py`), on
the same network, with the same interpreter and packages. The other version is exported from the repository into a scratch
folder.
"""

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from statistics import median

from rich.table import Table

from benchmarks.caller import ACCEPT_WITHIN, Figures
from benchmarks.stack import ROOT, WITH_BYTECODE, network_with_a_short_window
from embedded.postgres import EmbeddedPostgres
from embedded.process import Child, Command, run_to_end
from runtime.failure import EmbeddedFailure

BASE = "d4a2a33"
"""The default version to compare the speed with."""

SLOW_NODE = re.compile(r'(\bid = "nwk".*?\baccept_within = )"[^"]*"', re.DOTALL)
PORTS = ("--http-port", "0", "--temporal-port", "0", "--ui-port", "0")
COUNTED_PAIRS = 3
"""In this number of pairs, lives alone are counted too: exact counts need no more repetitions."""

STARTED_SECONDS_MAX = 120.0
STOPPED_SECONDS_MAX = 20.0
CALLED_SECONDS_MAX = 1800.0
AUDITED_SECONDS_MAX = 300.0
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Plan:
    """How much is compared, and with what."""

    against: str = BASE
    pairs: int = 10
    lives: int = 100
    """Lives under load in each turn."""

    @property
    def steps(self) -> int:
        """The number of steps that `run` reports, for a progress bar."""
        return 1 + 2 * self.pairs


@dataclass(frozen=True)
class Pair:
    """One turn of each build, one right after the other."""

    other: Figures
    this: Figures


class NotExported(Exception):
    """The repository cannot export the other version."""


def run(folder: Path, plan: Plan, say: Callable[[str], None]) -> Iterator[Pair]:
    """Run all turns; yields each pair as soon as it is measured.

    Raises `NotExported`, and `EmbeddedFailure` when a build does not run, fails a call or its audit.
    """
    say(f"exporting {plan.against}")
    other = exported(plan.against, folder / "other")
    network = _network(other, folder)
    turn = _Turn(folder, network, plan.lives)
    for number in range(1, plan.pairs + 1):
        yield _pair(turn, other, number, plan, say)


def _pair(turn: "_Turn", other: Path, number: int, plan: Plan, say: Callable[[str], None]) -> Pair:
    """The build that goes first changes with each pair."""
    builds = {"other": other, "this": ROOT}
    names = {"other": plan.against, "this": "this build"}
    figures = {}
    for which in ("other", "this") if number % 2 else ("this", "other"):
        say(f"pair {number} of {plan.pairs}: {names[which]}")
        figures[which] = turn.take(builds[which], counts=number <= COUNTED_PAIRS)
    return Pair(figures["other"], figures["this"])


def exported(revision: str, folder: Path) -> Path:
    """The files of a revision, without the repository. Raises `NotExported`."""
    packed = subprocess.run(("git", "archive", "--format=tar", revision), cwd=ROOT, capture_output=True)
    if packed.returncode != 0:
        raise NotExported(packed.stderr.decode().strip())
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder


def _network(tree: Path, folder: Path) -> Path:
    """The network of the older build, which both understand; Newark has little time to accept."""
    network = network_with_a_short_window(folder, tree / "network" / "example")
    file = network / "nodes.toml"
    text, changed = SLOW_NODE.subn(rf'\1"{ACCEPT_WITHIN}"', file.read_text())
    assert changed == 1, f"{file} has no node like {SLOW_NODE.pattern}"
    file.write_text(text)
    return network


@dataclass(frozen=True)
class _Turn:
    """Runs one build from an empty folder to its audit."""

    folder: Path
    network: Path
    lives: int

    def take(self, tree: Path, *, counts: bool) -> Figures:
        with self._running(tree) as (up, announced):
            figures = self.folder / "figures.json"
            words = ("-m", "benchmarks.caller", str(up), str(self.lives), f"{counts:d}", str(figures))
            call = Command((sys.executable, *words), _environment(), ROOT, input=announced)
            run_to_end("the caller", call, self.folder / "caller.log", CALLED_SECONDS_MAX)
            self._audit(tree, json.loads(announced))
            found: Figures = json.loads(figures.read_text())
        return found

    @contextmanager
    def _running(self, tree: Path) -> Iterator[tuple[int, str]]:
        """`up` of a build: its process, and what it has announced."""
        data, log = self.folder / "data", self.folder / "up.log"
        log.unlink(missing_ok=True)
        words = ("-m", "starter", "up", "--network", str(self.network), "--data", str(data), *PORTS)
        command = Command((sys.executable, *words), _environment(), tree, death_signal=SIGTERM)
        up = Child("up", command, log)
        try:
            yield up.pid, _announced(up, log)
        finally:
            up.stop(((SIGTERM, STOPPED_SECONDS_MAX),))
            EmbeddedPostgres(data / "postgresql").discard()
            shutil.rmtree(data, ignore_errors=True)

    def _audit(self, tree: Path, stack: Mapping[str, str]) -> None:
        servers = {
            "DATABASE_URL": stack["database"],
            "TEMPORAL_ADDRESS": stack["temporal"],
            "TEMPORAL_NAMESPACE": stack["namespace"],
            "TEMPORAL_CONFIG_FILE": os.devnull,
        }
        audit = Command((sys.executable, "-m", "starter", "audit"), _environment() | servers, tree)
        run_to_end("the audit", audit, self.folder / "audit.log", AUDITED_SECONDS_MAX)


def _environment() -> dict[str, str]:
    """The user's environment, without settings of other servers and other code."""
    names = ("TEMPORAL_", "DATABASE_URL", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if not name.startswith(names)} | WITH_BYTECODE


def _announced(up: Child, log: Path) -> str:
    """The line of JSON, as soon as it is written."""
    deadline = time.monotonic() + STARTED_SECONDS_MAX
    while True:
        for line in log.read_text().splitlines(keepends=True):
            if line.startswith("{") and line.endswith("}\n"):
                return line
        if up.exit_code() is not None or time.monotonic() > deadline:
            raise EmbeddedFailure("the build does not start", up.log_tail())
        time.sleep(POLL_SECONDS)


def table(pairs: Sequence[Pair], plan: Plan) -> Table:
    """Every figure of both builds, in the median of the pairs, and the ratio of each pair's two."""
    shown = Table(f"median of {len(pairs)} pairs", plan.against, "this build", "ratio (lowest–highest)")
    for column in shown.columns[1:]:
        column.justify = "right"
    shown.columns[0].no_wrap = True
    for name in dict.fromkeys(name for pair in pairs for name in (*pair.other, *pair.this)):
        others, these = [pair.other.get(name) for pair in pairs], [pair.this.get(name) for pair in pairs]
        shown.add_row(name, _median(others), _median(these), ratio(others, these))
    return shown


def _median(figures: Sequence[float | None]) -> str:
    known = [figure for figure in figures if figure is not None]
    return f"{median(known):,.1f}" if known else "–"


def ratio(others: Sequence[float | None], these: Sequence[float | None]) -> str:
    """This build's figure for each of the other's: the median of the pairs and its extremes."""
    ratios = [this / other for other, this in zip(others, these, strict=True) if other and this is not None]
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})" if ratios else "–"
