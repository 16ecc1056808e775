"""`python -m starter stock`: a node's stock from a CSV file; every mistake in a line of its own, and the other rows count."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import text

from database.connect import Database
from domain.stock import StockMessageKind
from starter.stock import Report, stock_file

ROOT = Path(__file__).parents[2]
MORNING = "2026-11-20T08:00:00Z"
NOON = "2026-11-20T12:00:00Z"


@pytest.fixture
def folder(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files are, and where commands run that find a database with the example network."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(content: str | bytes) -> Path:
    file = Path("stock.csv")
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


async def report(
    kind: str, content: str | bytes, at: str | None = MORNING, *, node: str = "slc", message_id: str | None = None
) -> list[str]:
    """Write `stock.csv` and tell it; answers the mistakes."""
    return await stock_file(Report(StockMessageKind(kind), node, write(content), at, message_id))


async def rows(database: Database, statement: str) -> list[tuple[object, ...]]:
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(statement))]


async def on_hand(database: Database) -> dict[object, object]:
    found = await rows(database, "SELECT sku, on_hand FROM stock WHERE node = 'slc'")
    return {row[0]: row[1] for row in found}


async def test_each_kind_of_file_does_what_the_message_of_that_name_does(folder: Path, database: Database) -> None:
    assert await report("received", "sku,quantity\nSERUM-30,10\nTONER-200,4\n", MORNING) == []
    assert await report("adjusted", "sku,quantity\nSERUM-30,-3\n", MORNING) == []
    assert await report("counted", "sku,quantity\nTONER-200,5\n", NOON) == []
    assert await on_hand(database) == {"SERUM-30": 7, "TONER-200": 5}
    assert await report("snapshot", "sku,quantity\nSERUM-30,6\n", "2026-11-20T13:00:00Z") == []
    assert await on_hand(database) == {"SERUM-30": 6, "TONER-200": 0}


async def test_what_changed_is_printed_at_the_end(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await report("received", "sku,quantity\nSERUM-30,10\nTONER-200,4\n", message_id="in-1")
    await report("snapshot", "sku,quantity\nSERUM-30,12\nCLEANSER-150,0\n", NOON, message_id="all-1")
    assert capsys.readouterr().out.splitlines() == [
        "slc: received as in-1: rows 2, not named 0, changed 2, units up 14, units down 0",
        "slc: snapshot as all-1: rows 2, not named 1, changed 2, units up 2, units down 4",
    ]


async def test_the_same_file_of_the_same_moment_reported_twice_counts_once(
    folder: Path, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert await report("received", "sku,quantity\nSERUM-30,10\n") == []
    assert capsys.readouterr().out.splitlines()[1].endswith("was here already, nothing has changed")
    assert await on_hand(database) == {"SERUM-30": 10}


# fmt: off
OTHERS = [
    # what differs          kind        units  moment    node
    ("the file",            "received", 11,    MORNING,  "slc"),
    ("the moment",          "received", 10,    NOON,     "slc"),
    ("the kind",            "adjusted", 10,    MORNING,  "slc"),
    ("the node",            "received", 10,    MORNING,  "lax"),
]
# fmt: on


@pytest.mark.parametrize(("what", "kind", "units", "at", "node"), OTHERS)
async def test_what_differs_in_anything_is_another_message(
    folder: Path, database: Database, what: str, kind: str, units: int, at: str, node: str
) -> None:
    await report("received", "sku,quantity\nSERUM-30,10\n")
    assert await report(kind, f"sku,quantity\nSERUM-30,{units}\n", at, node=node) == []
    assert await rows(database, "SELECT sum(on_hand)::int FROM stock") == [(10 + units,)], what


async def test_a_file_without_a_moment_is_of_when_it_was_last_changed(folder: Path, database: Database) -> None:
    file = write("sku,quantity\nSERUM-30,10\n")
    os.utime(file, (1_795_000_000, 1_795_000_000))
    for _ in range(2):
        assert await stock_file(Report(StockMessageKind.RECEIVED, "slc", file, None, None)) == []
    moment = datetime.fromtimestamp(1_795_000_000, UTC)
    assert await rows(database, "SELECT occurred_at FROM movement") == [(moment,)]


async def test_the_inbox_keeps_which_file_it_was_and_not_its_lines(folder: Path, database: Database) -> None:
    content = "sku,quantity\nSERUM-30,10\nTONER-200,4\n"
    await report("received", content, message_id="in-1")
    ((facts, actor),) = await rows(database, "SELECT facts, actor FROM inbox")
    assert facts == {
        "file_digest": sha256(content.encode()).hexdigest(),
        "message_id": "in-1",
        "node": "slc",
        "kind": "received",
        "occurred_at": MORNING,
        "lines": 2,
        "units": 14,
    }
    assert actor == "command line"


READABLE = {
    "columns the other way round": "quantity,sku\n10,SERUM-30\n",
    "a byte order mark": "\ufeffsku,quantity\r\nSERUM-30,10\r\n",
    "quotes, blanks and an empty line": 'sku,quantity\n\n"SERUM-30", 10 \n',
}


@pytest.mark.parametrize("content", READABLE.values(), ids=READABLE)
async def test_a_file_may_be_written_as_spreadsheets_write_it(folder: Path, database: Database, content: str) -> None:
    assert await report("counted", content) == []
    assert await on_hand(database) == {"SERUM-30": 10}


HEAD = "sku,quantity\n"
# fmt: off
MISTAKES = [
    # what is wrong            kind        file                              what is said
    ("another column",         "counted",  "sku,quantity,color\nSERUM-30,1,red\n", ["1: unknown column 'color'"]),
    ("no quantity",            "counted",  "sku\nSERUM-30\n",                ["1: missing column quantity"]),
    ("nothing",                "counted",  "",                               ["1: missing columns sku, quantity"]),
    ("no rows",                "counted",  HEAD,                             ["1: there are no rows under the header"]),
    ("a column too many",      "counted",  HEAD + "SERUM-30,1,2\n",          ["2: 3 columns instead of 2"]),
    ("a bundle",               "counted",  HEAD + "SET-01,1\n",              ["2: SET-01 is a bundle: name its components"]),
    ("no item",                "counted",  HEAD + ",1\n",                    ["2: sku must be an item of the network, not ''"]),
    ("an escape in an item",   "counted",  HEAD + "\x1b[31m,1\n",            ["2: sku must be an item of the network, not"]),
    ("half a unit",            "counted",  HEAD + "SERUM-30,1.5\n",          ["2: quantity must be a whole number of no more"]),
    ("units in words",         "counted",  HEAD + "SERUM-30,ten\n",          ["2: quantity must be a whole number of no more"]),
    ("more than a million",    "counted",  HEAD + "SERUM-30,1000001\n",      ["2: quantity must be a whole number of no more"]),
    ("a count below zero",     "snapshot", HEAD + "SERUM-30,-1\n",           ["2: `quantity`: counted units are 0 or more"]),
    ("nothing received",       "received", HEAD + "SERUM-30,0\n",            ["2: `quantity`: received units are 1 or more"]),
    ("an adjustment by 0",     "adjusted", HEAD + "SERUM-30,0\n",            ["2: `quantity`: an adjustment of 0 says"]),
    ("broken UTF-8",           "counted",  b"sku,quantity\nSERUM-30,1\n\xff,1\n", ["3: this is not UTF-8 text"]),
    ("not CSV any more",       "counted",  HEAD + 'SERUM-30,1\n"TONER', ["3: the quotes that open in this row are not closed"]),
    ("all that is wrong",      "counted",  HEAD + "SERUM-30,x\nTONER-200,-4\n,1\n",
     ["2: quantity must be", "3: `quantity`: counted units are", "4: sku must be"]),
]
# fmt: on


@pytest.mark.parametrize(("what", "kind", "content", "said"), MISTAKES, ids=[what for what, *_ in MISTAKES])
async def test_every_mistake_of_a_file_is_a_line_with_its_place_and_nothing_is_stored_when_no_row_counts(
    folder: Path, database: Database, what: str, kind: str, content: str | bytes, said: list[str]
) -> None:
    found = await report(kind, content)
    assert len(found) == len(said), found
    for mistake, beginning in zip(found, said, strict=True):
        assert mistake.startswith(f"stock.csv:{beginning}")
    assert await rows(database, "SELECT 1 FROM inbox UNION ALL SELECT 1 FROM stock") == [], what


# fmt: off
ROWS = [
    # a row                                         what is said of it
    ("a bundle",                 "SET-01,1",        ["3: SET-01 is a bundle: name its components, which have stock"]),
    ("a quantity in words",      "CLEANSER-150,x",  ["3: quantity must be a whole number of no more than 1000000 units"]),
    ("a count below zero",       "CLEANSER-150,-1", ["3: `quantity`: counted units are 0 or more"]),
    ("an item twice",            "SERUM-30,9",      ["3: `sku`: it is counted twice in one message"]),
    ("a column too many",        "TONER-200,1,x",   ["3: 3 columns instead of 2; put a text with a comma in quotes"]),
    ("an item that is unknown",  "SERUM-31,1",      []),
]
# fmt: on


@pytest.mark.parametrize(("row", "said"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
async def test_a_wrong_row_is_named_each_time_and_the_others_count(
    folder: Path, database: Database, capsys: pytest.CaptureFixture[str], row: str, said: list[str]
) -> None:
    content = f"sku,quantity\nSERUM-30,10\n{row}\nTONER-200,4\n"
    for _ in range(2):
        found = await report("snapshot", content, message_id="all-1")
        assert [line[: len(f"stock.csv:{begin}")] for line, begin in zip(found, said, strict=True)] == [
            f"stock.csv:{begin}" for begin in said
        ]
    assert await on_hand(database) == {"SERUM-30": 10, "TONER-200": 4}
    printed = capsys.readouterr().out
    assert "slc: snapshot as all-1: rows 2, not named 0, changed 2" in printed
    is_kept = not said
    assert printed.count("line 3: SERUM-31 is not an item of the network; it is kept") == 2 * is_kept
    (detail,) = await rows(database, "SELECT code, detail FROM exception")
    assert detail[0] == "stock_misfit"
    assert str(detail[1]).startswith("1 of 3 rows of snapshot all-1: line 1 (")


async def test_a_snapshot_does_not_say_that_an_item_is_not_there_whose_row_is_wrong(
    folder: Path, database: Database
) -> None:
    await report("received", "sku,quantity\nSERUM-30,10\nTONER-200,4\nCLEANSER-150,3\n")
    await report("snapshot", "sku,quantity\nSERUM-30,9\nTONER-200,x\n", NOON)
    assert await on_hand(database) == {"SERUM-30": 9, "TONER-200": 4, "CLEANSER-150": 0}


async def test_what_is_wrong_with_the_command_is_printed_by_its_name(folder: Path) -> None:
    good = "sku,quantity\nSERUM-30,1\n"
    (wrong,) = await report("counted", good, node="slcc")
    assert wrong == "slcc is not a node of the network; did you mean 'slc'?"
    (wrong,) = await report("counted", good, "yesterday")
    assert wrong.startswith("--occurred-at: ")
    (wrong,) = await report("counted", good, message_id="a b")
    assert wrong.startswith("--message-id: ")
    assert await report("counted", good, message_id="count-1") == []
    (wrong,) = await report("counted", "sku,quantity\nSERUM-30,2\n", message_id="count-1")
    assert wrong.startswith("--message-id: count-1 was used before")
    absent = Report(StockMessageKind.COUNTED, "slc", Path("absent.csv"), None, None)
    assert await stock_file(absent) == ["absent.csv:1: cannot be read: No such file or directory"]


def starter(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "starter", "stock", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("kind", ["snapshot", "counted", "received", "adjusted"])
def test_the_command_ends_with_0_when_the_file_is_taken_and_with_1_when_it_is_not(folder: Path, kind: str) -> None:
    Path("good.csv").write_text("sku,quantity\nSERUM-30,1\n")
    Path("bad.csv").write_text("sku,quantity\nSET-01,1\nSERUM-30,x\n")
    good = starter(kind, "slc", "good.csv", "--occurred-at", MORNING, "--message-id", "it-1")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith(f"slc: {kind} as it-1: rows 1, not named 0, changed 1, units up 1")
    bad = starter(kind, "slc", "bad.csv")
    assert (bad.returncode, bad.stderr) == (1, "")
    assert [line.split(" ")[0] for line in bad.stdout.splitlines()] == ["bad.csv:2:", "bad.csv:3:"]
