"""The demo tells its story on a service of its own, in a hurried copy of the example network, and leaves nothing behind."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from database.audit.invariants import INVARIANTS
from demo.edi_story import EDI_STORY
from demo.hurry import always_open, hurried, hurried_copy
from demo.service import EXAMPLES
from demo.shop_story import SHOP_STORY
from demo.story import STORY
from domain.order import NewOrder
from domain.stock import StockMessage
from network.load import load, read

ROOT = Path(__file__).parents[2]
Processes = set[tuple[int, str]]

# fmt: off
SPANS = [
    # in the business's time             in the demo's time
    ('accept_within = "4h"   # open',    'accept_within = "12000ms"   # open'),
    ('accept_within = "30s"',            'accept_within = "25ms"'),
    ('accept_within = "1ms"',            'accept_within = "1ms"'),
    ('ship_within = "1d"',               'ship_within = "72000ms"'),
    ('window = "30d"',                   'window = "4286ms"'),
    ('cancel_after = "7d"',              'cancel_after = "1000ms"'),
    ('grace = "0s"',                     'grace = "0ms"'),
    ('handling_days = 2',                'handling_days = 2'),
    ('# accept_within = "4h"',           '# accept_within = "4h"'),
]
# fmt: on


@pytest.mark.parametrize(("in_the_network", "in_the_demo"), SPANS)
def test_the_demo_shortens_time_spans_and_nothing_else(in_the_network: str, in_the_demo: str) -> None:
    assert hurried(in_the_network) == in_the_demo


def test_a_node_of_the_demo_never_closes_whatever_its_own_hours_are() -> None:
    nodes = always_open('[[node]]\nid = "slc"\nhours = "08:00-18:00"   # local\nholidays = "US"\npriority = 1\n')
    assert nodes == (
        '[[node]]\ncutoff = "23:59"\nworking_days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]\n'
        'id = "slc"\npriority = 1\n'
    )


def test_the_hurried_network_has_the_same_nodes_and_rules_and_waits_for_seconds(tmp_path: Path) -> None:
    hurried_copy(ROOT / "network/example", tmp_path)
    usual, hurry = load(read(ROOT / "network/example")), load(read(tmp_path))
    assert set(hurry.nodes) == set(usual.nodes)
    assert hurry.items == usual.items
    assert [strategy.id for strategy in hurry.policy.strategies] == [
        strategy.id for strategy in usual.policy.strategies
    ]
    assert hurry.policy.returns.terms.window < timedelta(seconds=10)
    for name, node in hurry.nodes.items():
        assert node.hours is None
        assert node.accept_within * 1200 == usual.nodes[name].accept_within


def test_the_hurried_network_keeps_back_what_the_usual_one_does(tmp_path: Path) -> None:
    usual = Path(shutil.copytree(ROOT / "network/example", tmp_path / "usual"))
    (usual / "buffers.csv").write_text("kind,sku,node,channel,units\nthreshold,SERUM-30,,,20\n")
    hurried_copy(usual, tmp_path / "hurried")
    assert load(read(tmp_path / "hurried")).kept_back("SERUM-30", "web") == 20


def test_every_order_of_the_examples_is_valid_and_has_its_chapter_in_the_story_and_in_the_readme() -> None:
    files = {file.stem: NewOrder.model_validate_json(file.read_bytes()) for file in (EXAMPLES / "orders").iterdir()}
    assert {chapter.file for chapter in STORY} == set(files)
    assert len({order.order for order in files.values()}) == len(files)
    in_readme = re.findall(r"^\| `([\w-]+)\.(?:json|edi)` \|", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert in_readme == [chapter.file for chapter in (*STORY, *SHOP_STORY, *EDI_STORY)]
    assert {file.stem for file in (EXAMPLES / "shop").iterdir()} == {chapter.file for chapter in SHOP_STORY}
    assert {file.stem for file in (EXAMPLES / "edi").iterdir()} == {chapter.file for chapter in EDI_STORY}


def test_every_stock_message_of_the_examples_is_valid_and_names_items_of_the_example_network() -> None:
    network = load(read(ROOT / "network/example"))
    for file in (EXAMPLES / "stock").iterdir():
        message = StockMessage.model_validate_json(file.read_bytes())
        assert message.node in network.nodes
        assert {line.sku for line in message.lines} <= set(network.items)


@pytest.mark.timeout(300)
def test_row_17_the_demo_comes_out_as_expected_ends_by_itself_and_leaves_nothing_running(
    open_folder: Path, family: Callable[[int], Processes], remaining: Callable[[Processes], Processes]
) -> None:
    demo = subprocess.Popen(
        [sys.executable, "-m", "starter", "demo"],
        cwd=open_folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert demo.stdout is not None
    printed, started = [], set[tuple[int, str]]()
    with demo:
        for line in demo.stdout:
            printed.append(line)
            started |= family(demo.pid)
    story = "".join(printed)
    assert demo.returncode == 0, story
    assert "slc 596 km $7.38; chi 1,479 km $10.91; nwk 2,604 km $15.42: slc wins" in story
    ended = re.findall(r"^│ [a-z]+-\S+ .*(?:completed|cancelled)", story, re.MULTILINE)
    assert len(ended) == len(STORY) + len(SHOP_STORY) + len(EDI_STORY)
    at_the_shop = re.findall(r"^│ #\d+ +│ ([^│]*?) *│ ([^│]*?) *│ (\w+) ", story, re.MULTILINE)
    assert [(ordered, fulfilled.partition(" as ")[0], state) for ordered, fulfilled, state in at_the_shop] == [
        ("2 CLEANSER-150", "2 CLEANSER-150", "fulfilled"),
        ("2 CLEANSER-150", "2 CLEANSER-150", "fulfilled"),
        ("0 CLEANSER-150", "none", "cancelled"),
    ]
    (at_the_retailer,) = re.findall(r"^│ PO-8804 +│ (.*?) │$", story, re.MULTILINE)
    ordered, confirmed, announced, invoiced = re.split(r" *│ *", at_the_retailer.strip())
    assert (ordered, confirmed, invoiced) == ("4 cases", "4 cases", "4 cases, $720.00")
    assert re.fullmatch(r"4 cases in 00\d{18}", announced)
    assert f"{len(INVARIANTS) + 1} invariants hold" in story, "and each open order has a workflow"
    assert len(started) > 5
    assert remaining(started) == set()
