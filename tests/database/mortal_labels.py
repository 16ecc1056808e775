"""Processes that buy labels, one after the other, each of which kills itself with -9 at one moment.

    python -m tests.database.mortal_labels ACCOUNT MOMENT …

A moment is `claimed`, `before:CALL` or `after:CALL` about a call of the carrier, or `before:STORE` or `after:STORE` about the
commit of what became of it; `never` ends well. What the carrier has sold and taken back stands in the file ACCOUNT, so that it
outlives the processes.
"""

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import text

from carriers.carrier import Bought, Settings, Shipment
from carriers.kinds import KINDS
from database import label as statements
from database.connect import Database
from jobs.carrier import CarrierCalls
from jobs.label import Labels
from runtime.where import database_url, master_keys
from tests.database.mortal_notices import die_if, one_after_the_other
from tests.peers.stub_carrier import StubCarrier
from transactions import label as labels
from transactions.network import Networks
from transactions.transaction import OrderTransactions

Result = TypeVar("Result")
STORES = ("bought", "voided")
DUE = text("UPDATE label SET due_at = clock_timestamp() WHERE due_at IS NOT NULL")


class Accountant(StubCarrier):
    """A carrier whose account outlives the processes that call it."""

    def __init__(self, account: Path, moment: str = "never", *, finds: bool = True) -> None:
        """`moment` is when the process dies that calls it."""
        super().__init__(finds=finds)
        self._account, self._moment = account, moment
        for line in account.read_text().splitlines() if account.exists() else ():
            what, reference = line.split()
            if what == "sold":
                self.sold[reference] = self._label(reference)
            else:
                self.taken_back.append(reference)
                del self.sold[reference]

    def buy(self, settings: Settings, shipment: Shipment) -> Bought:
        """Sell a label, once by each reference."""
        assert shipment.reference not in {*self.sold, *self.taken_back}, "sold twice by one reference"
        return self._call("buy", f"sold {shipment.reference}", self._label(shipment.reference))

    def find(self, settings: Settings, reference: str) -> Bought | None:
        """What was sold by a reference."""
        return self._call("find", "", self.sold.get(reference))

    def void(self, settings: Settings, tracking: str, theirs: str) -> None:
        """Take a label back, also a second time."""
        reference = tracking.removeprefix("T-").lower()
        self._call("void", f"back {reference}" if reference in self.sold else "", None)

    def _label(self, reference: str) -> Bought:
        return Bought(f"T-{reference}".upper(), b"^XA^FDTO YOU^FS^XZ", amount=777, currency="USD")

    def _call(self, name: str, done: str, answer: Result) -> Result:
        die_if(self._moment, f"before:{name}")
        if done:
            with self._account.open("a") as account:
                account.write(f"{done}\n")
        die_if(self._moment, f"after:{name}")
        return answer


async def carry_out(account: Path, moment: str) -> None:
    """Do all that is due, as if every earlier lease and wait were over."""
    vars(statements)["claim"] = mortal(statements.claim, moment, after="claimed")
    for name in STORES:
        vars(labels)[name] = mortal(getattr(labels, name), moment, f"before:{name}", f"after:{name}")
    KINDS["stub"] = Accountant(account, moment)
    database = Database(database_url(), master_keys())
    jobs = Labels(OrderTransactions(database, Networks()), CarrierCalls(timedelta(seconds=5)))
    for _ in range(3):
        async with database.at_once() as connection:
            await connection.execute(DUE)
        await jobs.carry_out()
    await database.close()


def mortal(
    step: Callable[..., Awaitable[Any]], moment: str, before: str = "", after: str = ""
) -> Callable[..., Awaitable[Any]]:
    """The same step, before or after which the process dies at a moment. A step that has found nothing kills nobody."""

    async def mortal(*given: Any, **named: Any) -> Any:
        die_if(moment, before)
        done = await step(*given, **named)
        if done != []:
            die_if(moment, after)
        return done

    return mortal


def main(arguments: Sequence[str]) -> None:
    """Live and die as the arguments say."""
    one_after_the_other(arguments[1:], partial(carry_out, Path(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)
