"""`python -m starter labels FULFILLMENT_ORDER`: the labels of its cartons, in ZPL, on standard output for a printer."""

import sys
from typing import Annotated

from cyclopts import Parameter, validators

from database import personal
from database.connect import Database
from domain.identifiers import in_one_case
from formats.carton_label import carton_label, packing_list
from runtime.where import database_url, master_keys
from transactions.carton import NoLabels, labels
from transactions.network import Networks
from transactions.transaction import OrderTransactions

CARTONS_MAX = 1_000


async def command(
    fulfillment_order: str,
    *,
    cartons: Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=CARTONS_MAX))] = None,
    contents: Annotated[bool, Parameter(name="--contents", negative="")] = False,
) -> int:
    """Write the labels of a fulfillment order's cartons to standard output, in ZPL for a label printer.

    Parameters
    ----------
    fulfillment_order
        Its id, such as web-1001-f1.
    cartons
        How many cartons there will be: packages 1, 2 and so on. Without it, the packages that the node has reported.
    contents
        Write after each label the list of what is in the carton, too.
    """
    database = Database(database_url(), master_keys())
    try:
        await database.check()
        await personal.check(database)
        made = await labels(OrderTransactions(database, Networks()), in_one_case(fulfillment_order), cartons)
    except NoLabels as why:
        sys.stderr.write(f"{why}\n")
        return 1
    finally:
        await database.close()
    for label in made:
        sys.stdout.write(carton_label(label) + (packing_list(label) if contents else ""))
    return 0
