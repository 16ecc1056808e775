"""`python -m starter forget ORDER…`: erases what is personal of orders; `rewrap`: changes what their keys are sealed with."""

import sys
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from pydantic import ValidationError

from database import personal
from database.connect import Database
from database.order import UnknownOrder
from database.sealing import COMMON, MasterKeys
from domain.request import ForgetRequest
from transactions.personal import StillOpen, forget
from workflows.messages import describe

BATCH = 500
"""Keys that are sealed anew in one transaction."""


async def forget_orders(
    database_url: str, master_keys: MasterKeys, orders: Sequence[str], asked: dict[str, Any]
) -> int:
    """Forget orders, a transaction each, with a line for each; 0 when all of them are forgotten, now or before.

    Raises `DatabaseUnreachable`, `NoCommonKey` and `WrongMasterKey`.
    """
    try:
        body = ForgetRequest.model_validate(asked)
    except ValidationError as error:
        return _say(describe(error), is_good=False)
    database = Database(database_url, master_keys)
    try:
        await database.check()
        await personal.check(database)
        return max([await _forget(database, name, body) for name in orders], default=0)
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


async def rewrap(database_url: str, master_keys: MasterKeys) -> int:
    """Seal every key with the first master key, many in a transaction, and say how many were not; 0.

    Raises `DatabaseUnreachable`, `NoCommonKey` and `WrongMasterKey`.
    """
    database = Database(database_url, master_keys)
    after, sealed = "", 0
    try:
        await database.check()
        await personal.check(database)
        while after != COMMON:
            async with database.write() as connection:
                after, some = await personal.rewrap(connection, after, BATCH)
            sealed += some
    finally:
        await database.close()
    return _say(f"{sealed} key{'s' if sealed != 1 else ''} sealed anew; the first master key opens all of them")


def _say(line: str, *, is_good: bool = True) -> int:
    (sys.stdout if is_good else sys.stderr).write(line + "\n")
    return 0 if is_good else 1
