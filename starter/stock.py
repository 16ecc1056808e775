"""`python -m starter stock KIND NODE FILE`: reports a node's stock from a CSV file, all of its good rows in one transaction."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import App, Parameter
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import Progress

from database import personal
from database.connect import Database
from database.notification import WORK, notify
from database.outbox.inbox import UsedWithAnotherBody
from domain.mistake import mistakes
from domain.network import Network
from domain.stock import LINE_UNITS_MAX, StockFile, StockLine, StockMessageKind, WrongRow, sku_of
from domain.stock_rows import RowNotApplied
from domain.text import MessageId, Moment
from network.csv_rows import Row, read_rows
from network.mistakes import Mistakes
from network.toml_tables import did_you_mean
from runtime.where import database_url, master_keys
from transactions.network import Networks
from transactions.stock import Recorded, UnknownPlace, apply
from transactions.transaction import OrderTransactions

Value = TypeVar("Value")

ACTOR = "command line"
LONG = 5_000
"""From this many rows on, a terminal gets a progress bar."""

Node = Annotated[str, Parameter(help="The node whose stock it is.")]
File = Annotated[Path, Parameter(help="The CSV file.")]
OccurredAt = Annotated[
    str | None,
    Parameter(help="When the stock was counted, as 2026-11-22T15:04:05Z. Without it, when the file was last changed."),
]
GivenId = Annotated[
    str | None,
    Parameter(help="The id of the report. Without it, the same file with the same moment counts once."),
]

command = App(
    name="stock",
    help="Report a node's stock from a CSV file with the header sku,quantity. Wrong rows are named and left out.",
)


@command.command
async def snapshot(node: Node, file: File, *, occurred_at: OccurredAt = None, message_id: GivenId = None) -> int:
    """Everything that the node has: an item that the file does not name is counted as 0."""
    return await _report(StockMessageKind.SNAPSHOT, node, file, occurred_at, message_id)


@command.command
async def counted(node: Node, file: File, *, occurred_at: OccurredAt = None, message_id: GivenId = None) -> int:
    """How many units there are of the items in the file; other items stay as they are."""
    return await _report(StockMessageKind.COUNTED, node, file, occurred_at, message_id)


@command.command
async def received(node: Node, file: File, *, occurred_at: OccurredAt = None, message_id: GivenId = None) -> int:
    """How many units came in."""
    return await _report(StockMessageKind.RECEIVED, node, file, occurred_at, message_id)


@command.command
async def adjusted(node: Node, file: File, *, occurred_at: OccurredAt = None, message_id: GivenId = None) -> int:
    """How many units more or fewer there are."""
    return await _report(StockMessageKind.ADJUSTED, node, file, occurred_at, message_id)


async def _report(
    kind: StockMessageKind, node: str, file: Path, occurred_at: str | None, message_id: str | None
) -> int:
    mistakes = await stock_file(Report(kind, node, file, occurred_at, message_id))
    sys.stdout.write("".join(f"{mistake}\n" for mistake in mistakes))
    return 1 if mistakes else 0


class StockFileRefused(Exception):
    """The file is not applied and nothing has changed; `lines` are the mistakes."""

    def __init__(self, *lines: str) -> None:
        """One line per mistake."""
        super().__init__("\n".join(lines))
        self.lines = list(lines)


@dataclass(frozen=True, slots=True)
class Report:
    """The command's arguments: the node, the kind and the file."""

    kind: StockMessageKind
    node: str
    file: Path
    occurred_at: str | None
    """When the stock was counted, as RFC 3339; None = when the file was last changed."""
    message_id: str | None
    """None = made of node, kind, moment and file, so that the same report, repeated, is one message."""


async def stock_file(report: Report) -> list[str]:
    """Apply a file; return a line for each mistake, none when all of it counts, now or before. Rows with a mistake are left
    out, and the others are applied. Rows of an unknown SKU are only printed: they are kept, and count once it is known."""
    try:
        return await apply_content(report, _content(report.file), _moment(report))
    except StockFileRefused as refused:
        return refused.lines


async def apply_content(report: Report, content: bytes, moment: datetime) -> list[str]:
    """The same for the content of a file that was last changed at a moment; the file itself is not read."""
    database = Database(database_url(), master_keys())
    transactions = OrderTransactions(database, Networks())
    try:
        await database.check()
        await personal.check(database)
        async with database.read() as connection:
            _, network = await transactions.networks.active(connection)
        message = _message(report, network, content, moment)
        with _progress(len(message.lines)) as tell:
            recorded = await apply(transactions, message, actor=ACTOR, tell=tell)
        await notify(database, WORK)
    except StockFileRefused as refused:
        return refused.lines
    except UnknownPlace as unknown:
        return [_placed(report, message, row) for row in unknown.rows]
    except UsedWithAnotherBody as used:
        return [f"--message-id: {used} was used before with another body; a new file needs a new id"]
    finally:
        await database.close()
    sys.stdout.write(_summary(message, recorded))
    return [_placed(report, message, row) for row in recorded.not_applied if not row.kept]


def _placed(report: Report, message: StockFile, row: RowNotApplied) -> str:
    """A row that was not applied, with its place in the file."""
    return f"{report.file}:{message.file_lines[row.line]}: {row.why}"


def _message(report: Report, network: Network, content: bytes, moment: datetime) -> StockFile:
    """The message that the file makes. Raises `StockFileRefused` with every mistake."""
    if not network.knows_node(report.node):
        raise StockFileRefused(
            f"{report.node} is not a node of the network{did_you_mean(report.node, list(network.nodes))}"
        )
    file_digest = sha256(content).hexdigest()
    rows = _rows(report, content)
    return _valid_file(
        report,
        {
            "message_id": _message_id(report, moment, file_digest),
            "node": report.node,
            "kind": report.kind,
            "occurred_at": moment,
            "lines": list(rows.values()),
            "file_digest": file_digest,
            "file_lines": list(rows),
        },
    )


def _valid_file(report: Report, content: dict[str, Any]) -> StockFile:
    """The message, unless no row of the file can count. Raises `StockFileRefused` with the mistakes of all rows."""
    try:
        return StockFile.model_validate(content)
    except ValidationError:
        wrong = StockFile.model_construct(**content).wrong
        lines = content["file_lines"]
        raise StockFileRefused(*(f"{report.file}:{lines[place]}: {row}" for place, row in wrong.items())) from None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise StockFileRefused(f"{file}:1: cannot be read: {error.strerror}") from error


def _moment(report: Report) -> datetime:
    if report.occurred_at is None:
        return datetime.fromtimestamp(report.file.stat().st_mtime, UTC)
    return _valid(TypeAdapter(Moment), report.occurred_at, "--occurred-at")


def _message_id(report: Report, moment: datetime, file_digest: str) -> str:
    if report.message_id is not None:
        return _valid(TypeAdapter(MessageId), report.message_id, "--message-id")
    words = (report.node, report.kind, moment.astimezone(UTC).isoformat(), file_digest)
    return f"{report.kind}-{sha256('|'.join(words).encode()).hexdigest()[:32]}"


def _valid(adapter: TypeAdapter[Value], text: str, option: str) -> Value:
    try:
        return adapter.validate_python(text)
    except ValidationError as error:
        raise StockFileRefused(f"{option}: {mistakes(error.errors())[0].detail}") from error


def _rows(report: Report, content: bytes) -> dict[int, StockLine | WrongRow]:
    """The rows by the line of the file on which each begins. Raises `StockFileRefused` when the file as a whole is wrong."""
    mistakes = Mistakes(str(report.file))
    rows = read_rows(_text(report.file, content), ("sku", "quantity"), (), mistakes)
    wrong = mistakes.found()
    if not rows and not wrong:
        mistakes.add(1, "there are no rows under the header; a row is a SKU and its units")
    if not rows or any(mistake.line == 1 for mistake in wrong):
        raise StockFileRefused(*map(str, mistakes.found()))
    found: dict[int, StockLine | WrongRow] = {mistake.line: WrongRow(detail=mistake.text) for mistake in wrong}
    found |= {row.line: _row(row) for row in rows}
    return dict(sorted(found.items()))


def _text(file: Path, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise StockFileRefused(f"{file}:{line}: this is not UTF-8 text") from error


def _row(row: Row) -> StockLine | WrongRow:
    """A row's SKU and units, or what is wrong with it."""
    sku, quantity = (row.cells[column].strip() for column in ("sku", "quantity"))
    if not re.fullmatch(r"[+-]?\d{1,7}", quantity, re.ASCII) or abs(int(quantity)) > LINE_UNITS_MAX:
        detail = f"quantity must be a whole number of no more than {LINE_UNITS_MAX} units, not {quantity!r}"
        return WrongRow(sku=sku_of(sku), detail=detail)
    if sku_of(sku) is None:
        return WrongRow(detail=f"sku must be an item of the network, not {sku!r}")
    return StockLine(sku=sku, quantity=int(quantity))


@contextmanager
def _progress(rows: int) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar for a long file on a terminal: call the result with the rows done and all rows."""
    with Progress(console=Console(stderr=True), disable=rows < LONG or not sys.stderr.isatty()) as progress:
        task = progress.add_task("rows", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _summary(message: StockFile, recorded: Recorded) -> str:
    what, change = f"{message.node}: {message.kind} as {message.message_id}", recorded.change
    kept = [f"line {message.file_lines[row.line]}: {row.why}; it is kept\n" for row in recorded.not_applied if row.kept]
    if change is None:
        return f"{what}: was here already, nothing has changed\n" + "".join(kept)
    not_applied = {row.line for row in recorded.not_applied}
    applied = [row.sku for place, row in message.good.items() if place not in not_applied]
    unnamed = change.stock_levels - len(set(applied))
    return (
        f"{what}: rows {len(applied)}, not named {unnamed}, changed {change.changed}, "
        f"units up {change.units_up}, units down {change.units_down}\n"
    ) + "".join(kept)
