"""`python -m starter order FILE…`: starts orders from JSON files, one or many to a file, with a line for each."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError
from rich.progress import track
from temporalio.client import Client

from database import personal
from database.connect import Database
from domain.mistake import Mistake, describe
from domain.order import NewOrder
from network.validate_order import WrongField
from runtime.temporal import connect
from runtime.where import database_url, master_keys
from transactions import order as orders
from transactions.network import Networks, NoNetwork
from transactions.order import UsedForAnotherOrder
from transactions.transaction import OrderTransactions
from workflows.client import new_breaker, place

LONG = 20
"""From this many orders on, a terminal gets a progress bar."""


async def command(*files: Path) -> int:
    """Start orders from JSON files; a file may hold several orders (JSON Lines).

    Parameters
    ----------
    files
        The files; without any, standard input.
    """
    return await order_files(list(files))


async def order_files(files: list[Path]) -> int:
    """Start every order in the files (standard input without any); 0 when all were accepted, 1 when one was not."""
    texts = list(_texts(files))
    database = Database(database_url(), master_keys())
    try:
        await database.check()
        await personal.check(database)
        client = await connect()
        transactions = OrderTransactions(database, Networks())
        is_long = len(texts) >= LONG and sys.stderr.isatty()
        taken = [await _start(transactions, client, *named) for named in (track(texts) if is_long else texts)]
    finally:
        await database.close()
    return 0 if all(taken) else 1


def _texts(files: list[Path]) -> Iterator[tuple[str, str]]:
    """Each order's text with its place (file and line); a file is one JSON object, or one a line."""
    for name, content in [(str(f), f.read_text()) for f in files] or [("standard input", sys.stdin.read())]:
        try:
            json.loads(content)
            yield name, content
        except json.JSONDecodeError:
            yield from ((f"{name}:{n}", line) for n, line in enumerate(content.splitlines(), 1) if line.strip())


async def _start(transactions: OrderTransactions, client: Client, where: str, text: str) -> bool:
    try:
        order = NewOrder.model_validate_json(text)
        taken = await orders.take(transactions, order)
    except ValidationError as error:
        return _say(f"{where}: {describe(error, NewOrder)}", is_good=False)
    except WrongField as error:
        return _say(f"{where}: {Mistake(error.field, str(error))}", is_good=False)
    except UsedForAnotherOrder:
        return _say(f"{where}: {order.order} exists with another body", is_good=False)
    except NoNetwork as error:
        return _say(f"{where}: {error}", is_good=False)
    # Each is started here: no relay may run.
    answer = await place(client, new_breaker(), taken.input, is_known=not taken.is_new)
    arrives = answer.promise.deliver_by if answer and answer.promise else None
    promised = f", promised by {arrives:%Y-%m-%d}" if arrives else ""
    return _say(f"{order.order}: {answer.status if answer else 'kept; its workflow has not answered yet'}{promised}")


def _say(line: str, *, is_good: bool = True) -> bool:
    (sys.stdout if is_good else sys.stderr).write(line + "\n")
    return is_good
