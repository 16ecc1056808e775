"""A shadow: a network that is not applied plans every new round beside the active one, from the input that is kept of it.

No order, node or lock of an order is touched: rounds are planned after they were committed. What a shadow decides is never
carried out. It may become the active version, which is an `apply` like any other.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from database import network as networks
from database import shadow as statements
from database.connect import Database, ReadConnection, WriteConnection
from database.notification import WORK, notify
from database.shadow import New, Running, Waiting
from domain.network import Network
from domain.sourcing.shadow import Compared, added, compared
from network.load import NetworkDocuments, check, load, load_applied, read
from network.retired import retire
from transactions.network import NoNetwork
from transactions.network_version import NetworkRefused, apply_in, documents_of, lock_active

ROUNDS_AT_ONCE = 100
"""Rounds that are read, planned and stored together."""
BATCHES_MAX = 20
"""Batches of one run; the next run goes on."""
CLAIMED_FOR = timedelta(minutes=1)
"""How long a shadow stays claimed by a process that has died."""
KEPT = timedelta(days=90)
"""How long single rounds are kept after a shadow has ended."""
ERASED_AT_ONCE = 1_000


class NoShadow(Exception):
    """No shadow runs, or another one than was seen."""


@dataclass(frozen=True, slots=True)
class Begun:
    """The shadow that runs now."""

    shadow: int
    is_new: bool
    """False = the same directory was the shadow already, and keeps its figures."""


async def begin(database: Database, directory: Path) -> Begun:
    """Let a network directory plan every round from now on beside the active version; a shadow that runs is replaced.

    Its cases are not planned before it is promoted: a shadow is there to look at a network before it is right. Raises
    `NetworkRefused` and `NoNetwork`.
    """
    if mistakes := check(directory):
        raise NetworkRefused([str(mistake) for mistake in mistakes])
    documents = read(directory)
    async with database.write() as connection:
        version = await networks.active_version(connection)
        if version is None:
            raise NoNetwork("no network has been applied yet: `python -m starter network apply DIR` does it")
        running = await statements.lock_for_begin(connection)
        if running and running.digest == documents.digest:
            return Begun(running.shadow, is_new=False)
        if running:
            await statements.end(connection, running.shadow, "replaced")
        before = await documents_of(connection, version)
        retired = retire(before.retired, before.nodes, before.items, documents.nodes, documents.items)
        files = asdict(replace(documents, retired=retired))
        new = New(files, documents.digest, load(documents).version, version)
        return Begun(await statements.begin(connection, new), is_new=True)


async def stop(database: Database, seen: int | None = None) -> int:
    """End the shadow that runs; answers its number. `seen` is the one that is meant, None = whichever runs. Raises
    `NoShadow`."""
    async with database.write() as connection:
        running = await _locked(connection, seen)
        await statements.end(connection, running.shadow, "stopped")
        return running.shadow


async def promote(
    database: Database,
    *,
    seen: int | None = None,
    over: int | None = None,
    actor: str | None = None,
    accepted: Collection[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> int:
    """Make the shadow the active version, and end it; answers the version. What it changes goes to `say`, line by line.

    `seen` is the shadow that is meant; None = whichever runs. `over` is the version that it may replace; None = the one that
    was active when it began. Raises `NoShadow`, `OtherVersion` when another version is active, and `NetworkRefused` as `apply`
    does, also where a case is broken that `accepted` does not name. Then the shadow goes on.
    """
    async with database.write() as connection:
        before = await lock_active(connection)
        running = await _locked(connection, seen)
        documents = await files_of(connection, running.shadow)
        replaced = running.network_version if over is None else over
        version = await apply_in(connection, before, documents, seen=replaced, actor=actor, accepted=accepted, say=say)
        await statements.end(connection, running.shadow, "promoted", version)
    await notify(database, WORK)
    return version


async def _locked(connection: WriteConnection, seen: int | None) -> Running:
    running = await statements.lock(connection)
    if running is None:
        raise NoShadow("no shadow runs: `python -m starter shadow begin DIR` begins one")
    if seen not in (None, running.shadow):
        raise NoShadow(f"shadow {running.shadow} runs now, and not {seen}")
    return running


async def files_of(connection: ReadConnection, shadow: int) -> NetworkDocuments:
    """The network of a shadow, as its files."""
    return NetworkDocuments(**await statements.documents(connection, shadow))


@dataclass(slots=True)
class Shadows:
    """Compares new rounds under the shadow that runs. Several processes may do it."""

    database: Database
    loaded: tuple[int, Network] | None = field(default=None)
    """The shadow that was used last."""

    async def compare(self) -> timedelta | None:
        """Plan the rounds that were stored since the last run; answers 0 when there are more.

        A round is counted once, whichever process stops in between.
        """
        async with self.database.at_once() as connection:
            running = await statements.claim(connection, CLAIMED_FOR)
        if running is None:
            return None
        network = await self._network(running.shadow)
        after = running.reached
        for _ in range(BATCHES_MAX):
            async with self.database.read_once() as connection:
                found = await statements.not_compared(connection, after, ROUNDS_AT_ONCE)
            came = await asyncio.to_thread(_compared, found, network)
            if not found or not await self._keep(running.shadow, list(zip(found, came, strict=True))):
                break
            after = found[-1].at, found[-1].order, found[-1].round
        async with self.database.at_once() as connection:
            await statements.give_up(connection, running.shadow)
        return timedelta() if found else None

    async def _network(self, shadow: int) -> Network:
        """The network of a shadow; the one before it is dropped."""
        if self.loaded is None or self.loaded[0] != shadow:
            async with self.database.read() as connection:
                documents = await files_of(connection, shadow)
            self.loaded = shadow, await asyncio.to_thread(load_applied, documents)
        return self.loaded[1]

    async def _keep(self, shadow: int, found: Sequence[tuple[Waiting, Compared]]) -> bool:
        """Store rounds and count those that were not counted before; False = the shadow has ended, and nothing was stored."""
        async with self.database.write() as connection:
            running = await statements.lock(connection)
            if running is None or running.shadow != shadow:
                return False
            stored = set(await statements.keep(connection, shadow, found))
            new = [came for one, came in found if (one.order, one.round) in stored]
            last = found[-1][0]
            reached = max(running.reached, (last.at, last.order, last.round))
            await statements.reach(
                connection, shadow, reached, added(await statements.figures(connection, shadow), new)
            )
        return True


def _compared(found: Sequence[Waiting], network: Network) -> list[Compared]:
    return [compared(one.content, network) for one in found]


async def erase_old(database: Database) -> None:
    """Erase the single rounds of shadows that ended long ago."""
    erased = ERASED_AT_ONCE
    while erased == ERASED_AT_ONCE:
        async with database.at_once() as connection:
            erased = await statements.erase_old(connection, KEPT, ERASED_AT_ONCE)
