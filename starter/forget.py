"""`python -m starter forget ORDER…`: erases the personal data of orders, a transaction for each."""

import sys
from collections.abc import Sequence
from datetime import UTC
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import ValidationError

from database import personal
from database.connect import Database
from database.order import UnknownOrder
from database.sealing import MasterKeys
from domain.identifiers import in_one_case
from domain.mistake import describe
from domain.request import ForgetRequest
from runtime.where import database_url, master_keys
from transactions.personal import StillOpen, forget


async def command(
    *orders: str,
    even_if_open: Annotated[bool, Parameter(negative="")] = False,
    reason: str | None = None,
    actor: str = "command line",
) -> int:
    """Erase the personal data of orders: the keys to addresses and remarks, and tracking numbers. This is final.

    Everything else stays, and orders go on. Repeated, it prints when, by whom and why. Exit 1 if an order was not forgotten.

    Parameters
    ----------
    orders
        The orders' ids, such as web-1001.
    even_if_open
        Also where units have not shipped yet: a node that has not fetched the address will not get it any more.
    reason
        Why, without naming the customer.
    actor
        Who asks for it.
    """
    asked = {"even_if_open": even_if_open, "reason": reason, "actor": actor}
    return await forget_orders(database_url(), master_keys(), orders, asked)


async def forget_orders(
    database_url: str, master_keys: MasterKeys, orders: Sequence[str], asked: dict[str, Any]
) -> int:
    """Forget orders, a transaction each, with a line for each; 0 when all of them are forgotten, now or before.

    Raises `DatabaseUnreachable`, `NoCommonKey` and `WrongMasterKey`.
    """
    try:
        body = ForgetRequest.model_validate(asked)
    except ValidationError as error:
        return _say(describe(error, ForgetRequest), is_good=False)
    database = Database(database_url, master_keys)
    try:
        await database.check()
        await personal.check(database)
        return max([await _forget(database, in_one_case(name), body) for name in orders], default=0)
    finally:
        await database.close()


async def _forget(database: Database, name: str, body: ForgetRequest) -> int:
    try:
        forgotten = await forget(database, name, body, actor="command line")
    except UnknownOrder:
        return _say(f"there is no order {name}", is_good=False)
    except StillOpen as error:
        return _say(f"{error}: cancel them first, or forget it with --even-if-open", is_good=False)
    reason = f" ({forgotten.reason})" if forgotten.reason else ""
    at = forgotten.at.astimezone(UTC)
    return _say(f"{name} is forgotten since {at:%Y-%m-%dT%H:%M:%SZ} for {forgotten.actor}{reason}")


def _say(line: str, *, is_good: bool = True) -> int:
    (sys.stdout if is_good else sys.stderr).write(line + "\n")
    return 0 if is_good else 1
