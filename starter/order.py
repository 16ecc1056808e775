"""`python -m starter order FILE…`: starts orders from JSON files, one or many to a file, with a line for each.

With `--open` they are orders that another system has begun: each comes with what was done of it so far.
"""

import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, TypeVar

from cyclopts import Parameter
from pydantic import ValidationError
from rich.progress import track
from temporalio.client import Client
from temporalio.service import RPCError

from database import personal
from database.connect import Database
from domain.cut_over import OpenOrder
from domain.mistake import Mistake, describe
from domain.order import NewOrder
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


async def command(*files: Path, begun: Annotated[bool, Parameter(name="--open", negative="")] = False) -> int:
    """Start orders from JSON files; a file may hold several orders (JSON Lines).

    Parameters
    ----------
    files
        The files; without any, standard input.
    begun
        The orders come from another system, which has shipped, cancelled or got back some of their units. Prints which
        cannot be taken and why; running it again takes over the others only.
    """
    return await (open_order_files if begun else order_files)(list(files))


async def order_files(files: list[Path]) -> int:
    """Start every order in the files (standard input without any); 0 when all were accepted, 1 when one was not."""
    became = await _each(files, _start)
    return 1 if became["refused"] else 0


async def open_order_files(files: list[Path]) -> int:
    """Take over every order in the files, and say how many; 0 when all are here, 1 when one is not."""
    became = await _each(files, _take_over)
    sys.stdout.write(", ".join(f"{became[what]} {what}" for what in (TAKEN_OVER, KNOWN, "refused")) + "\n")
    return 1 if became["refused"] else 0


TAKEN_OVER, KNOWN = "taken over", "here already"


async def _each(files: list[Path], take: Take) -> Counter[str]:
    """Take every order in the files; how many became what. One that cannot be taken keeps nothing of the others back."""
    texts = list(_texts(files))
    became: Counter[str] = Counter()
    database = Database(database_url(), master_keys())
    try:
        await database.check()
        await personal.check(database)
        client = await connect()
        transactions = OrderTransactions(database, Networks())
        with suppress(NoNetwork):  # loading it takes its time, in which no transaction may be open
            async with database.at_once() as connection:
                await transactions.networks.active(connection)
        is_long = len(texts) >= LONG and sys.stderr.isatty()
        for where, text in track(texts) if is_long else texts:
            try:
                became[await take(transactions, client, text)] += 1
            except Refused as refused:
                sys.stderr.write(f"{where}: {refused}\n")
                became["refused"] += 1
    finally:
        await database.close()
    return became


def _texts(files: list[Path]) -> Iterator[tuple[str, str]]:
    """Each order's text with its place (file and line); a file is one JSON object, or one a line."""
    for name, content in [(str(f), f.read_text()) for f in files] or [("standard input", sys.stdin.read())]:
        try:
            json.loads(content)
            yield name, content
        except json.JSONDecodeError:
            yield from ((f"{name}:{n}", line) for n, line in enumerate(content.splitlines(), 1) if line.strip())


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
    return TAKEN_OVER if taken.is_new else KNOWN


Order = TypeVar("Order", bound=NewOrder)


def _read(text: str, model: type[Order]) -> Order:
    """The order in a text. Raises `Refused`."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise Refused(describe(error, model)) from error


async def _stored(order: NewOrder, taking: Awaitable[AcceptedOrder]) -> AcceptedOrder:
    """An order that was stored. Raises `Refused`."""
    try:
        return await taking
    except WrongField as error:
        raise Refused(str(Mistake(error.field, str(error)))) from error
    except UsedForAnotherOrder as error:
        raise Refused(f"{order.order} exists with another body") from error
    except NoNetwork as error:
        raise Refused(str(error)) from error
