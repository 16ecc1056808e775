"""`python -m starter stock KIND NODE FILE`: reports a node's stock from a CSV file, all of it in one transaction or nothing."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import App, Parameter
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import Progress

from database import personal
from database.connect import Database
from database.outbox.inbox import UsedWithAnotherBody
from domain.mistake import mistakes
from domain.network import Network
from domain.stock import LINE_UNITS_MAX, StockChange, StockFile, StockLine, StockMessageKind
from domain.text import MessageId, Moment
from network.csv_rows import Row, read_rows
from network.mistakes import Mistakes
from network.toml_tables import did_you_mean
from runtime.where import database_url, master_keys
from transactions.network import Networks
from transactions.stock import apply, wrong_sku
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
    name="stock", help="Report a node's stock from a CSV file with the header sku,quantity: the whole file or nothing."
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
    """Check a file and apply it; return the mistakes, none when it was applied, now or before."""
    database = Database(database_url(), master_keys())
    transactions = OrderTransactions(database, Networks())
    try:
        await database.check()
        await personal.check(database)
        async with database.read() as connection:
            _, network = await transactions.networks.active(connection)
        message = _message(report, network)
        with _progress(len(message.lines)) as tell:
            change = await apply(transactions, message, actor=ACTOR, tell=tell)
    except StockFileRefused as refused:
        return refused.lines
    except UsedWithAnotherBody as used:
        return [f"--message-id: {used} was used before with another body; a new file needs a new id"]
    finally:
        await database.close()
    sys.stdout.write(_summary(message, change))
    return []


def _message(report: Report, network: Network) -> StockFile:
    """The message that the file makes. Raises `StockFileRefused` with every mistake."""
    if not network.knows_node(report.node):
        raise StockFileRefused(
            f"{report.node} is not a node of the network{did_you_mean(report.node, list(network.nodes))}"
        )
    content = _content(report.file)
    moment = _moment(report)
    file_digest = sha256(content).hexdigest()
    return StockFile(
        message_id=_message_id(report, moment, file_digest),
        node=report.node,
        kind=report.kind,
        occurred_at=moment,
        lines=_lines(report, content, network),
        file_digest=file_digest,
    )


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


def _lines(report: Report, content: bytes, network: Network) -> tuple[StockLine, ...]:
    mistakes = Mistakes(str(report.file))
    rows = read_rows(_text(report.file, content), ("sku", "quantity"), (), mistakes)
    first_lines: dict[str, int] = {}
    found = [_line(row, report.kind, network, first_lines) for row in rows]
    if not found and not mistakes.found():
        mistakes.add(1, "there are no rows under the header; a row is a SKU and its units")
    if wrong := mistakes.found():
        raise StockFileRefused(*map(str, wrong))
    return tuple(line for line in found if line is not None)


def _text(file: Path, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise StockFileRefused(f"{file}:{line}: this is not UTF-8 text") from error


def _line(row: Row, kind: StockMessageKind, network: Network, first_lines: dict[str, int]) -> StockLine | None:
    """A row's SKU and units; None when the row is wrong, and then its mistakes are reported."""
    sku, quantity = (row.cells[column].strip() for column in ("sku", "quantity"))
    first = first_lines.setdefault(sku, row.line)
    complaints = [_wrong_with_sku(sku, network), _wrong_with_quantity(quantity, kind)]
    if kind.is_absolute and first != row.line:
        complaints.append(f"sku {sku!r} is counted twice; the first is in line {first}")
    for complaint in filter(None, complaints):
        row.wrong(complaint)
    return None if any(complaints) else StockLine(sku=sku, quantity=int(quantity))


def _wrong_with_sku(sku: str, network: Network) -> str | None:
    if not sku.isprintable() or not sku:
        return f"sku must be an item of the network, not {sku!r}"
    return wrong_sku(sku, network)


def _wrong_with_quantity(quantity: str, kind: StockMessageKind) -> str | None:
    if not re.fullmatch(r"[+-]?\d{1,7}", quantity, re.ASCII) or abs(int(quantity)) > LINE_UNITS_MAX:
        return f"quantity must be a whole number of no more than {LINE_UNITS_MAX} units, not {quantity!r}"
    return kind.refuses(int(quantity))


@contextmanager
def _progress(rows: int) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar for a long file on a terminal: call the result with the rows done and all rows."""
    with Progress(console=Console(stderr=True), disable=rows < LONG or not sys.stderr.isatty()) as progress:
        task = progress.add_task("rows", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _summary(message: StockFile, change: StockChange | None) -> str:
    what = f"{message.node}: {message.kind} as {message.message_id}"
    if change is None:
        return f"{what}: was here already, nothing has changed\n"
    return (
        f"{what}: rows {len(message.lines)}, not named {change.stock_levels - len(message.units)}, changed {change.changed}, "
        f"units up {change.units_up}, units down {change.units_down}\n"
    )
