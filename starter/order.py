"""`python -m starter order FILE…`: starts orders from JSON or CSV files, one or many to a file, with a line for each.

With `--open` they are orders that another system has begun: each comes with what was done of it so far.
"""

import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import Parameter
from pydantic import ValidationError
from rich.progress import track
from temporalio.client import Client
from temporalio.service import RPCError

from database import personal
from database.connect import Database
from database.notification import WORK, notify
from domain.cut_over import OpenOrder
from domain.mistake import Mistake, mistakes
from domain.order import NewOrder
from network.mistakes import Mistakes
from network.orders_csv import OrderRows, read_orders
from network.validate_order import WrongField
from runtime.temporal import connect
from runtime.where import database_url, master_keys
from transactions import cut_over
from transactions import order as orders
from transactions.network import Networks, NoNetwork
from transactions.order import AcceptedOrder, UsedForAnotherOrder
from transactions.transaction import OrderTransactions
from workflows.client import new_breaker, place, start

LONG = 20
"""From this many orders on, a terminal gets a progress bar."""


Take = Callable[[OrderTransactions, Client, str], Awaitable[str]]
"""Takes an order from its text, and answers what became of it."""


class Refused(Exception):
    """An order cannot be taken; the text says why."""

    def __init__(self, why: str | Mistake) -> None:
        """`why` names the field where one is wrong."""
        super().__init__(str(why))
        self.why = why


@dataclass(frozen=True, slots=True)
class Given:
    """An order as a file gives it, and how a mistake in it is named."""

    text: str
    """The body of a `POST /orders`, as JSON."""
    named: Callable[[Refused], str]


async def command(
    *files: Path,
    begun: Annotated[bool, Parameter(name="--open", negative="")] = False,
    channel: str | None = None,
) -> int:
    """Start orders from JSON files; a file may hold several orders (JSON Lines).

    A file whose name ends with .csv has a row for each line of an order.

    Parameters
    ----------
    files
        The files; without any, standard input.
    begun
        The orders come from another system, which has shipped, cancelled or got back some of their units. Prints which
        cannot be taken and why; running it again takes over the others only.
    channel
        The channel of orders in CSV files that have no column for it.
    """
    if begun:
        return await open_order_files(list(files))
    return await order_files(list(files), channel)


async def order_files(files: list[Path], channel: str | None = None) -> int:
    """Start every order in the files (standard input without any); 0 when all were accepted, 1 when one was not."""
    wrong: list[str] = []
    given = [order for file in files for order in _of_file(file, channel, wrong)] if files else _of_standard_input()
    refused = wrong + await start_orders(given)
    sys.stderr.write("".join(f"{line}\n" for line in refused))
    return 1 if refused else 0


async def start_orders(given: Sequence[Given]) -> list[str]:
    """Start orders, with a line on standard output for each; answers a line for each that cannot be taken."""
    _, refused = await _each(given, _start)
    return refused


async def open_order_files(files: list[Path]) -> int:
    """Take over every order in the files, and say how many; 0 when all are here, 1 when one is not."""
    texts = [(str(file), file.read_text()) for file in files] or [("standard input", sys.stdin.read())]
    given = [order for name, text in texts for order in _of_json(name, text)]
    became, refused = await _each(given, _take_over)
    sys.stderr.write("".join(f"{line}\n" for line in refused))
    counts = {TAKEN_OVER: became[TAKEN_OVER] + became[WITHOUT_PAID], KNOWN: became[KNOWN], "refused": became["refused"]}
    sys.stdout.write(", ".join(f"{count} {what}" for what, count in counts.items()) + "\n")
    if became[WITHOUT_PAID]:
        sys.stdout.write(f"{became[WITHOUT_PAID]} {WITHOUT_PAID}\n")
    return 1 if became["refused"] else 0


TAKEN_OVER, KNOWN = "taken over", "here already"
WITHOUT_PAID = (
    "with shipped units and no `paid`: these count as paid, but as unpaid from the first payment that is reported;"
    " where payments will be reported, name `paid`"
)


async def _each(given: Sequence[Given], take: Take) -> tuple[Counter[str], list[str]]:
    """Take every order; how many became what, and why others cannot be taken. One of these keeps nothing of the others back."""
    became: Counter[str] = Counter()
    refused: list[str] = []
    database = Database(database_url(), master_keys())
    try:
        await database.check()
        await personal.check(database)
        client = await connect()
        transactions = OrderTransactions(database, Networks())
        with suppress(NoNetwork):  # loading it takes its time, in which no transaction may be open
            async with database.at_once() as connection:
                await transactions.networks.active(connection)
        is_long = len(given) >= LONG and sys.stderr.isatty()
        for order in track(given) if is_long else given:
            try:
                became[await take(transactions, client, order.text)] += 1
            except Refused as why:
                refused.append(order.named(why))
                became["refused"] += 1
        await notify(database, WORK)
    finally:
        await database.close()
    return became, refused


def _of_file(file: Path, channel: str | None, wrong: list[str]) -> list[Given]:
    if file.suffix.lower() == ".csv":
        orders, found = orders_of_csv(str(file), file.read_bytes(), channel)
        wrong += found
        return orders
    return _of_json(str(file), file.read_text())


def _of_standard_input() -> list[Given]:
    return _of_json("standard input", sys.stdin.read())


def _of_json(name: str, content: str) -> list[Given]:
    """The orders of a text, which is one JSON object, or one a line."""
    try:
        json.loads(content)
        return [Given(content, _at(name))]
    except json.JSONDecodeError:
        lines = enumerate(content.splitlines(), 1)
        return [Given(line, _at(f"{name}:{number}")) for number, line in lines if line.strip()]


def orders_of_csv(name: str, content: bytes, channel: str | None) -> tuple[list[Given], list[str]]:
    """The orders of a CSV file, and a line for each mistake; an order with a mistake is left out."""
    mistakes = Mistakes(name)
    try:
        orders = read_orders(content.decode(), channel, mistakes)
    except UnicodeDecodeError as error:
        orders = []
        mistakes.add(content.count(b"\n", 0, error.start) + 1, "this is not UTF-8 text")
    given = [Given(json.dumps(order.body), _in_rows(name, order)) for order in orders]
    return given, [str(mistake) for mistake in mistakes.found()]


def _at(where: str) -> Callable[[Refused], str]:
    return lambda refused: f"{where}: {refused}"


def _in_rows(name: str, order: OrderRows) -> Callable[[Refused], str]:
    def named(refused: Refused) -> str:
        if isinstance(refused.why, str):
            return f"{name}:{order.line}: {refused}"
        line, column = order.place(refused.why.field)
        return f"{name}:{line}: {column}: {refused.why.detail}"

    return named


async def _start(transactions: OrderTransactions, client: Client, text: str) -> str:
    order = _read(text, NewOrder)
    taken = await _stored(order, orders.take(transactions, order))
    # Each is started here: no relay may run.
    answer = await place(client, new_breaker(), taken.input, is_known=not taken.is_new)
    arrives = answer.promise.deliver_by if answer and answer.promise else None
    promised = f", promised by {arrives:%Y-%m-%d}" if arrives else ""
    became = answer.status if answer else "kept; its workflow has not answered yet"
    sys.stdout.write(f"{order.order}: {became}{promised}\n")
    return became


async def _take_over(transactions: OrderTransactions, client: Client, text: str) -> str:
    order = _read(text, OpenOrder)
    taken = await _stored(order, cut_over.take(transactions, order))
    if not taken.state.closed:
        with suppress(RPCError):  # the relay starts it
            await start(client, taken.input)
    if not taken.is_new:
        return KNOWN
    return WITHOUT_PAID if order.shipped_from and order.paid is None else TAKEN_OVER


Order = TypeVar("Order", bound=NewOrder)


def _read(text: str, model: type[Order]) -> Order:
    """The order in a text. Raises `Refused`."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise Refused(mistakes(error.errors(include_url=False), model)[0]) from error


async def _stored(order: NewOrder, taking: Awaitable[AcceptedOrder]) -> AcceptedOrder:
    """An order that was stored. Raises `Refused`."""
    try:
        return await taking
    except WrongField as error:
        raise Refused(Mistake(error.field, str(error))) from error
    except UsedForAnotherOrder as error:
        raise Refused(f"{order.order} exists with another body") from error
    except NoNetwork as error:
        raise Refused(str(error)) from error
