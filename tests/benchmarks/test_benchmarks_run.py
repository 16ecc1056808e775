"""The benchmark itself works: a short run of it, whose figures are not for quoting."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_quick_benchmark_compares_orders_with_skeletons_of_the_same_shape_and_leaves_nothing_behind() -> None:
    before = set((ROOT / ".data").glob("benchmark-*"))
    ended = subprocess.run([sys.executable, "-m", "benchmarks", "--quick"], cwd=ROOT, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stderr
    assert "orders : skeletons = " in ended.stdout
    assert "invariants are violated" not in ended.stdout
    assert ended.stdout.count("reservations : ") == 4
    assert ended.stdout.count(" 0 of 50 differ") == 4
    assert ended.stdout.count("a promise over HTTP, ") == 1
    assert ended.stdout.count("finding the dearest address in ") == 5
    assert ended.stdout.count("message to effect") == 2
    assert ended.stdout.count("beside a silent node") == 2
    assert ended.stdout.count("search by mail : read by primary key") == 2
    assert ended.stdout.count("hot item : 64 callers, 1 caller") == 1
    assert ended.stdout.count("a slip of 20 orders: ") == 1
    assert ended.stdout.count("pages of the console: 33, of which 0 are not as they must be") == 1
    assert ended.stdout.count("1 instances of 200 orders, stock x1: 99 cities") == 1
    assert ended.stdout.count("850s of 100 lines, ") == 2
    assert set((ROOT / ".data").glob("benchmark-*")) == before
