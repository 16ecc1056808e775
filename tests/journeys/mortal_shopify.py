"""Processes that notify connected shops, one after the other, each of which kills itself with -9 at one moment.

    python mortal_shopify.py MOMENT …

Moments are those of `tests.database.mortal_notices`, and `unanswered:N`: the N-th request is done, and its answer lost. Their
conversations are those of the service.
"""

import sys

from channels.channel import Answer, NoAnswer, Request, Settings
from database.connect import Database
from jobs.conversation import Conversations
from runtime.where import database_url, master_keys
from tests.database.mortal_notices import die_if, notify, one_after_the_other
from transactions.network import Networks


class Mortal(Conversations):
    """Has conversations until its moment comes."""

    def __init__(self, database: Database, networks: Networks, moment: str) -> None:
        """`moment` is when this process dies."""
        super().__init__(database, networks)
        self._moment, self._requests = moment, 0

    async def _send(self, settings: Settings, request: Request) -> Answer:
        self._requests += 1
        die_if(self._moment, f"before:{self._requests}")
        answer = await super()._send(settings, request)
        die_if(self._moment, f"after:{self._requests}")
        if self._moment == f"unanswered:{self._requests}":
            raise NoAnswer("no answer in time")
        return answer


async def live(moment: str) -> None:
    """Notify the shop."""
    database, networks = Database(database_url(), master_keys()), Networks()
    await notify(database, networks, Mortal(database, networks, moment), moment)


if __name__ == "__main__":
    one_after_the_other(sys.argv[1:], live)
