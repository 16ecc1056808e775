"""`python -m starter files PLACE`: takes the files of an ERP, in a drop directory or on an SFTP server, by their names."""

import asyncio
import csv
import io
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from cyclopts import Parameter

from database import export
from database.connect import Database
from database.documents import event
from domain.event import EventKind
from domain.stock import StockMessageKind
from network.csv_rows import read_rows
from network.mistakes import Mistakes
from runtime.drop_directory import DropDirectory
from runtime.mailbox import SETTLE, Mailbox, MailboxUnreachable, NotClaimed
from runtime.sftp import SftpCredentials, SftpFolders, SftpPlace, mistake_of_host_key
from runtime.where import database_url, master_keys
from starter.connect import OF_SFTP, Refused, credentials_given
from starter.export import COLUMNS, EVERYTHING, harmless, rows_of
from starter.items import take_items
from starter.order import orders_of_csv, start_orders
from starter.stock import Report, apply_content

LOOK_AGAIN_SECONDS = 1.0
SFTP, SFTP_PORT = "sftp://", 22


@dataclass(frozen=True, slots=True)
class Came:
    """A file that came."""

    name: str
    content: bytes
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Setting:
    """What the command was asked."""

    network: Path | None
    channel: str | None
    puts_out: bool = False


Take = Callable[[Came, Setting], Awaitable[list[str]]]
"""Takes the good rows of a file, and answers a line for each mistake."""


class WrongPlace(Exception):
    """The files lie nowhere that can be used; the text says what would be right."""


async def command(
    place: Annotated[
        str, Parameter(help="The drop directory, or sftp://USER@HOST:PORT/PATH. Files come in the folder `in` there.")
    ],
    *,
    host_key: Annotated[
        str,
        Parameter(help="The public key of an SFTP server, as “ssh-ed25519 AAAA…”; its credentials are read as JSON."),
    ] = "",
    network: Annotated[Path | None, Parameter(help="The network directory, for files of items.")] = None,
    channel: Annotated[str | None, Parameter(help="The channel of orders that name none.")] = None,
    puts_out: Annotated[
        bool, Parameter(name="--out", negative="", help="Write files for the ERP into `out`, too.")
    ] = False,
    every: Annotated[float | None, Parameter(help="Go on, and look every so many seconds; without it, once.")] = None,
) -> int:
    """Take the files of an ERP: orders*.csv, stock*.csv, snapshot*.csv and items*.csv.

    A file whose every row was taken moves to `done`, one with a mistake to `failed`, with a line for each mistake beside it.
    The credentials of an SFTP server are one JSON object on standard input: a password, or a private_key.
    """
    try:
        folders = folders_of(place, host_key, lambda: credentials_given(place))
    except (WrongPlace, Refused) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    setting = Setting(network, channel, puts_out)
    try:
        return await _go_on(Mailbox(folders), setting, every)
    finally:
        await folders.close()


async def _go_on(mailbox: Mailbox, setting: Setting, every: float | None) -> int:
    if every is None:
        return await once(mailbox, setting)
    while True:
        try:
            await visit(mailbox, setting)
        except MailboxUnreachable as error:
            sys.stderr.write(f"{error}\n")
        await asyncio.sleep(every)


def folders_of(place: str, host_key: str, credentials: Callable[[], Any]) -> DropDirectory | SftpFolders:
    """The folders of a place. `credentials` are those of an SFTP server. Raises `WrongPlace`."""
    if not place.startswith(SFTP):
        return DropDirectory(Path(place))
    if mistake := mistake_of_host_key(host_key):
        raise WrongPlace(mistake.replace("host_key", "--host-key"))
    return SftpFolders(_sftp_place(place, host_key), _secret(credentials()))


def _sftp_place(place: str, host_key: str) -> SftpPlace:
    found = urlsplit(place)
    try:
        port = found.port or SFTP_PORT
    except ValueError:
        port = 0
    if (
        not found.hostname
        or not found.username
        or not port
        or found.password is not None
        or found.query
        or found.fragment
    ):
        raise WrongPlace(
            f"an SFTP server is named as {SFTP}USER@HOST:PORT/PATH, without a password: that is read as JSON"
        )
    return SftpPlace(found.hostname, port, unquote(found.username), host_key, unquote(found.path.removeprefix("/")))


def _secret(given: Any) -> SftpCredentials:
    if not isinstance(given, dict) or not given or not given.keys() <= set(OF_SFTP):
        raise WrongPlace(f"write the credentials as one JSON object to standard input: {' or '.join(OF_SFTP)}")
    if not all(isinstance(value, str) and value for value in given.values()):
        raise WrongPlace(f"{' and '.join(OF_SFTP)} are texts that are not empty")
    return SftpCredentials(**given)


async def once(mailbox: Mailbox, setting: Setting) -> int:
    """Take all that is there now, once it is finished; 1 when a file has a mistake or the directory cannot be used."""
    try:
        await mailbox.names()
        await asyncio.sleep(SETTLE.total_seconds() + LOOK_AGAIN_SECONDS)
        return 1 if await visit(mailbox, setting) else 0
    except MailboxUnreachable as error:
        sys.stderr.write(f"{error}\n")
        return 1


async def visit(mailbox: Mailbox, setting: Setting) -> int:
    """Take every finished file, and put out what is new; answers how many files failed. What stops the work gives the file
    back: it is offered again."""
    failed = 0
    for name in await mailbox.names():
        try:
            content = await mailbox.claim(name)
        except NotClaimed as why:
            sys.stderr.write(f"{why}\n")
            continue
        try:
            wrong = await _take(Came(name, content, mailbox.written_at(name)), setting)
        except BaseException:
            mailbox.give_back(name)
            raise
        if wrong:
            failed += 1
            sys.stderr.write("".join(f"{line}\n" for line in wrong))
            await mailbox.failed(name, "\n".join(wrong))
        else:
            await mailbox.done(name)
    if setting.puts_out:
        await put_out(mailbox)
    return failed


async def _take(came: Came, setting: Setting) -> list[str]:
    kind = next((kind for kind in KINDS if came.name.lower().startswith(kind)), None)
    if kind is None or not came.name.lower().endswith(".csv"):
        return [f"{came.name}: the name says not what it is; begin it with {', '.join(KINDS)}, and end it with .csv"]
    return await KINDS[kind](came, setting)


async def _orders(came: Came, setting: Setting) -> list[str]:
    given, wrong = orders_of_csv(came.name, came.content, setting.channel)
    return wrong + await start_orders(given)


async def _counted(came: Came, _: Setting) -> list[str]:
    return await _stock(came, StockMessageKind.COUNTED)


async def _snapshot(came: Came, _: Setting) -> list[str]:
    return await _stock(came, StockMessageKind.SNAPSHOT)


async def _stock(came: Came, kind: StockMessageKind) -> list[str]:
    """Report the stock of every node of a file."""
    mistakes = Mistakes(came.name)
    try:
        contents = by_node(came.content.decode(), mistakes)
    except UnicodeDecodeError as error:
        line = came.content.count(b"\n", 0, error.start) + 1
        return [f"{came.name}:{line}: this is not UTF-8 text"]
    wrong = [str(mistake) for mistake in mistakes.found()]
    if wrong and kind is StockMessageKind.SNAPSHOT:  # what it does not name is counted as 0
        return [
            *wrong,
            f"{came.name}: nothing was taken, because a row of a snapshot that cannot be read may name any item",
        ]
    for node, content in contents.items():
        report = Report(kind, node, Path(came.name), None, None)
        found = await apply_content(report, content.encode(), came.written_at)
        wrong += [line if line.startswith(came.name) else f"{came.name}: {line}" for line in found]
    return wrong


def by_node(text: str, mistakes: Mistakes) -> Mapping[str, str]:
    """A file with the columns node, sku, quantity as one file with sku and quantity for each node. A row keeps its line."""
    found: dict[str, list[str]] = {}
    for row in read_rows(text, ("node", "sku", "quantity"), (), mistakes):
        if not (node := row.cells["node"].strip()):
            row.wrong("node is missing")
            continue
        lines = found.setdefault(node, ["sku,quantity"])
        lines += [""] * (row.line - 1 - len(lines))
        cells = io.StringIO()
        csv.writer(cells, lineterminator="").writerow([row.cells["sku"], row.cells["quantity"]])
        lines.append(cells.getvalue())
    return {node: "\n".join(lines) + "\n" for node, lines in found.items()}


async def _items(came: Came, setting: Setting) -> list[str]:
    if setting.network is None:
        return [f"{came.name}: items belong into a network directory; name it with --network"]
    return await take_items(came.name, came.content, setting.network)


KINDS: Mapping[str, Take] = {"orders": _orders, "stock": _counted, "snapshot": _snapshot, "items": _items}
"""What the name of a file begins with, and what takes it."""


async def put_out(mailbox: Mailbox) -> None:
    """Put the orders and shipments of the events since the last time into `out`, and the stock when it is another.

    Each file is there before it is remembered that it was: what ends in between puts the same events out once more.
    """
    database = Database(database_url(), master_keys())
    try:
        await database.check()
        after = _numbers(await mailbox.remembered(EVENTS) or BEGINNING)
        while found := await _events(database, after):
            last = found[-1]["event"]
            await _put_rows(mailbox, "orders", COLUMNS, await _changed_orders(database, found))
            await _put_rows(mailbox, "shipments", SHIPMENT_COLUMNS, list(_shipments(found)))
            await mailbox.remember(EVENTS, last)
            after = _numbers(last)
        await _put_stock(mailbox, database)
    finally:
        await database.close()


EVENTS, STOCK, BEGINNING = "events", "stock", "0-0"
EVENTS_MAX = 1_000
SHIPPED = frozenset({EventKind.SHIPPED, EventKind.SHIPMENT_VOIDED})
SHIPMENT_COLUMNS = (
    *("event", "kind", "occurred_at", "order", "reference", "channel", "fulfillment_order", "node"),
    *("line", "sku", "quantity", "carrier", "tracking"),
)
"""A row is a line of an order of which units have left; `tracking` names each package that may hold them."""


def _numbers(event_id: str) -> tuple[int, int]:
    transaction, number = event_id.split("-")
    return int(transaction), int(number)


async def _events(database: Database, after: tuple[int, int]) -> list[dict[str, Any]]:
    async with database.read() as connection:
        return await event.feed(connection, channel=None, order=None, after=after, limit=EVENTS_MAX)


async def _changed_orders(database: Database, events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    only = sorted({one["order"] for one in events})
    found = export.orders(database, EVERYTHING, is_personal=False, only=only)
    return [row async for order in found for row in rows_of(order)]


def _shipments(events: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for one in events:
        for line in one["data"]["lines"] if one["kind"] in SHIPPED else ():
            holding = [package for package in one["data"]["packages"] if _may_hold(package, line["line"])]
            named = {
                name: " ".join(dict.fromkeys(filter(None, (p[name] for p in holding))))
                for name in ("carrier", "tracking")
            }
            known = one | one["data"] | line | named
            yield {column: harmless(known[column] or "") for column in SHIPMENT_COLUMNS}


def _may_hold(package: Mapping[str, Any], line: str) -> bool:
    return not package["lines"] or any(one["line"] == line for one in package["lines"])


async def _put_stock(mailbox: Mailbox, database: Database) -> None:
    async with database.at_once() as connection:
        levels = await export.stock(connection, None)
    rows = [dict(zip(("node", "sku", "on_hand"), level, strict=True)) for level in levels]
    body = _csv(("node", "sku", "on_hand"), rows)
    digest = sha256(body).hexdigest()[:32]
    if digest != await mailbox.remembered(STOCK):
        await mailbox.put(_file_name("stock"), body)
        await mailbox.remember(STOCK, digest)


async def _put_rows(mailbox: Mailbox, what: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        await mailbox.put(_file_name(what), _csv(columns, rows))


def _file_name(what: str) -> str:
    """No two files have one name, and names in their order are files in theirs."""
    return f"{what}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.csv"


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    output = io.StringIO(newline="")
    sheet = csv.DictWriter(output, columns, lineterminator="\n")
    sheet.writeheader()
    sheet.writerows(rows)
    return output.getvalue().encode()
