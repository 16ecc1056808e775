"""Processes that notify the stand-in channel, one after the other, each of which kills itself with -9 at one moment.

    python mortal_notices.py PORT MOMENT …

A moment is `before:N` or `after:N`, about the N-th request of a process, or `before:took` or `after:took`, about the commit
that notes that the channel took a notice. `never` ends well. What the requests do is done in the test's process, at PORT.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from sqlalchemy import text

from channels.channel import Answer, Request
from database.connect import Database
from database.outbox.channel_notice import Owed
from jobs.channel_notice import ChannelNoticeSender
from jobs.conversation import Conversations
from runtime.where import database_url, master_keys
from tests.database.connected import ConnectedNetworks, StandInConversations, StandInKind, StandInShop
from transactions import channel_notice
from transactions.network import Networks
from transactions.transaction import OrderTransactions

DUE = text("UPDATE channel_notice SET due_at = clock_timestamp() WHERE due_at IS NOT NULL")


def die_if(moment: str, is_now: str) -> None:
    """Die, if it is the moment."""
    if moment == is_now:
        os.kill(os.getpid(), signal.SIGKILL)


class Mortal(StandInConversations):
    """Has conversations over TCP until its moment comes."""

    def __init__(self, port: int, moment: str) -> None:
        """`moment` is when this process dies."""
        super().__init__(StandInShop(), StandInKind())
        self._port, self._moment, self._requests = port, moment, 0

    async def perform(self, request: Request) -> Answer | None:
        """One request."""
        self._requests += 1
        die_if(self._moment, f"before:{self._requests}")
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(json.dumps([request.method, request.path, request.body.decode()]).encode() + b"\n")
        answered = json.loads(await reader.readline())
        writer.close()
        die_if(self._moment, f"after:{self._requests}")
        return None if answered is None else Answer(answered[0], {}, answered[1].encode())


async def notify(database: Database, networks: Networks, conversations: Conversations, moment: str) -> None:
    """Notify the channels of all that is due, as if every earlier lease and wait were over."""
    took = channel_notice.took

    async def mortal_took(transactions: OrderTransactions, owed: Owed, ids: Mapping[str, str], *more: Any) -> None:
        die_if(moment, "before:took")
        await took(transactions, owed, ids, *more)
        die_if(moment, "after:took")

    vars(channel_notice)["took"] = mortal_took
    async with database.at_once() as connection:
        await connection.execute(DUE)
    sender = ChannelNoticeSender(OrderTransactions(database, networks), conversations)
    await sender.visit()
    await asyncio.gather(*sender._serving.values())
    await database.close()


def one_after_the_other(moments: Sequence[str], live: Callable[[str], Coroutine[Any, Any, None]]) -> None:
    """Processes that live until their moment, forked: what they import is read once."""
    for moment in moments:
        child = os.fork()
        if not child:
            asyncio.run(live(moment))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, f"{moment}: {status}"
        print(f"{moment} {'died' if os.WIFSIGNALED(status) else 'ended'}", flush=True)  # noqa: T201 - the test reads it


if __name__ == "__main__":

    async def live(moment: str) -> None:
        """Notify the stand-in channel."""
        conversations = Mortal(int(sys.argv[1]), moment)
        await notify(Database(database_url(), master_keys()), ConnectedNetworks(), conversations, moment)

    one_after_the_other(sys.argv[2:], live)
