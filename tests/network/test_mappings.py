"""Mappings in the network directory: the page's example is right, and every mistake is reported with file and line."""

import json
import re
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from channels.channel import Message, Settings, Units
from channels.json_mapping.kinds import JSON
from network.load import check, load, read

ROOT = Path(__file__).parent.parent.parent
PAGE: str = (ROOT / "docs/connect/json.md").read_text()
ENTRY: str
MAPPING: str
ENTRY, MAPPING = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SAMPLE, ORDER = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The example network with the files of the page."""
    shutil.copytree(ROOT / "network/example", tmp_path, dirs_exist_ok=True)
    (tmp_path / "channels.toml").write_text(ENTRY)
    samples = tmp_path / "mappings/farm"
    samples.mkdir(parents=True)
    (tmp_path / "mappings/farm.toml").write_text(MAPPING)
    (samples / "one.json").write_text(SAMPLE)
    (samples / "one.order.json").write_text(ORDER)
    return tmp_path


def mistakes(directory: Path) -> list[str]:
    """What the check says, with files as the directory calls them."""
    return [str(mistake).removeprefix(f"{directory}/") for mistake in check(directory)]


def test_the_files_of_the_page_are_right(directory: Path) -> None:
    assert mistakes(directory) == []


class EverySku:
    """A catalogue that knows every SKU."""

    def nodes(self) -> Collection[str]:
        """None."""
        return ()

    def item(self, kind: str, external: str) -> Units | None:
        """The item of a SKU."""
        return Units(external) if kind == "sku" else None


def test_the_connection_has_the_text_of_its_mapping_also_from_the_database(directory: Path) -> None:
    network = load(read(directory))
    entry = network.connections["farm"].entry
    [said] = JSON.read(Settings("farm", entry, {}), EverySku(), Message("", SAMPLE.encode()))
    assert getattr(said, "external", None) == "o-77"


def test_another_mapping_is_another_version_of_the_network(directory: Path) -> None:
    before = read(directory).digest
    (directory / "mappings/farm.toml").write_text(MAPPING + "\n")
    assert read(directory).digest != before


def line_of(text: str) -> int:
    """The line of the mapping in which a text stands."""
    return len(MAPPING[: MAPPING.index(text)].splitlines()) + 1


def replaced(before: str, after: str) -> Callable[[Path], object]:
    """Write the mapping with another text in it."""
    return lambda directory: (directory / "mappings/farm.toml").write_text(MAPPING.replace(before, after, 1))


POLL_TWO_LINES = "path = '''\"/orders?since=\"\n  + nope'''"

WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "a field that an order does not have": (
        replaced("currency =", "curency ="),
        f"mappings/farm.toml:{line_of('currency =')}: unknown key 'curency'; did you mean 'currency'?",
    ),
    "an expression that is no CEL": (
        replaced("'body.items'", "'body.items['"),
        f"mappings/farm.toml:{line_of('over =')}: over: Syntax error",
    ),
    "a name in the second line of an expression": (
        replaced(MAPPING[MAPPING.index("path = '\"/orders?") : MAPPING.index("\norders =")], POLL_TWO_LINES),
        f"mappings/farm.toml:{line_of('path =') + 1}: path: undeclared reference to 'nope'",
    ),
    "an event that there is not": (
        replaced("notify.shipped", "notify.shiped"),
        f"mappings/farm.toml:{line_of('[[notify')}: unknown key 'shiped'; did you mean 'shipped'?",
    ),
    "no TOML": (replaced("[lines]", "[lines"), "mappings/farm.toml:"),
    "no such mapping": (
        lambda directory: (directory / "channels.toml").write_text(
            ENTRY.replace('mapping = "farm"', 'mapping = "frm"')
        ),
        "channels.toml: channel 'farm' has no mapping: there is no mappings/frm.toml; did you mean 'farm'?",
    ),
    "a sample that becomes another order": (
        replaced("'line.count'", "'line.count + 1'"),
        "mappings/farm/one.json: lines.0.quantity becomes 3, and should be 2",
    ),
    "a sample that cannot be read": (
        replaced("body.shipping.title", "body.shipping.titel"),
        "mappings/farm/one.json: it cannot be read: order.service cannot be computed from this document: Key not found",
    ),
    "a sample without its order": (
        lambda directory: (directory / "mappings/farm/one.order.json").unlink(),
        "mappings/farm/one.order.json: it is missing: the order that one.json must become, or null",
    ),
    "a sample whose order is none": (
        lambda directory: (directory / "mappings/farm/one.order.json").write_text("{}x"),
        "mappings/farm/one.json: its order file is no order",
    ),
    "a sample that should become nothing": (
        lambda directory: (directory / "mappings/farm/one.order.json").write_text("null"),
        "mappings/farm/one.json: it becomes an order, and should not",
    ),
    "no text": (
        lambda directory: (directory / "mappings/farm.toml").write_bytes(b"\xff"),
        "mappings: a mapping cannot be read as UTF-8 text",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_reported_with_file_and_line(directory: Path, case: str) -> None:
    break_it, expected = WRONG[case]
    break_it(directory)
    found = mistakes(directory)
    assert any(one.startswith(expected) for one in found), found


def test_a_sample_of_a_cancelled_order_becomes_nothing(directory: Path) -> None:
    cancelled = json.loads(SAMPLE) | {"state": "cancelled"}
    (directory / "mappings/farm/gone.json").write_text(json.dumps(cancelled))
    (directory / "mappings/farm/gone.order.json").write_text("null")
    assert mistakes(directory) == []
