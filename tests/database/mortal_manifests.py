"""Processes that make manifests, one after the other, each of which kills itself with -9 at one moment.

    python -m tests.database.mortal_manifests ACCOUNT MOMENT …

The moments are those of `tests/database/mortal_labels.py`. What the carrier has made stands in the file ACCOUNT, so that it
outlives the processes.
"""

import os
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import text

from carriers.carrier import MadeManifest, Settings, WantedManifest
from carriers.kinds import KINDS
from database import manifest as statements
from database.connect import Database
from jobs.carrier import CarrierCalls
from jobs.manifest import Manifests
from runtime.where import database_url, master_keys
from tests.database.mortal_labels import mortal
from tests.database.mortal_notices import die_if, one_after_the_other
from tests.peers.stub_carrier import PDF, StubCarrier
from transactions import manifest as manifests
from transactions.network import Networks
from transactions.transaction import OrderTransactions

DUE = text("UPDATE manifest SET due_at = clock_timestamp() WHERE due_at IS NOT NULL")


class Printer(StubCarrier):
    """A carrier whose manifests outlive the processes that ask for them."""

    def __init__(self, account: Path, moment: str = "never", *, finds: bool = True) -> None:
        """`moment` is when the process dies that calls it."""
        super().__init__(finds=finds)
        self.account, self._moment = account, moment

    @property
    def made(self) -> dict[str, tuple[str, ...]]:
        """The tracking numbers on each manifest that was made, by our reference."""
        lines = self.account.read_text().splitlines() if self.account.exists() else []
        return {line.split()[0]: tuple(line.split()[1:]) for line in lines}

    def make_manifest(self, settings: Settings, wanted: WantedManifest) -> MadeManifest:
        """Make a manifest, once by each reference and of each parcel."""
        assert wanted.reference not in self.made, "made twice by one reference"
        assert not {name for names in self.made.values() for name in names} & set(wanted.trackings)
        die_if(self._moment, "before:make")
        with self.account.open("a") as account:
            account.write(f"{wanted.reference} {' '.join(wanted.trackings)}\n")
        die_if(self._moment, "after:make")
        return MadeManifest(PDF, "M1", wanted.trackings)

    def find_manifest(self, settings: Settings, reference: str) -> MadeManifest | None:
        """What was made by a reference."""
        found = self.made.get(reference)
        return MadeManifest(PDF, "M1", found) if found else None


async def carry_out(account: Path, moment: str) -> None:
    """Do all that is due, as if every earlier lease and wait were over."""
    vars(statements)["claim"] = mortal(statements.claim, moment, after="claimed")
    vars(manifests)["made"] = mortal(manifests.made, moment, "before:made", "after:made")
    KINDS["stub"] = Printer(account, moment)
    database = Database(database_url(), master_keys())
    jobs = Manifests(OrderTransactions(database, Networks()), CarrierCalls(timedelta(seconds=5)))
    for _ in range(3):
        async with database.at_once() as connection:
            await connection.execute(DUE)
        await jobs.carry_out()
    await database.close()


if __name__ == "__main__":
    one_after_the_other(sys.argv[2:], partial(carry_out, Path(sys.argv[1])))
    sys.stdout.flush()
    os._exit(0)
