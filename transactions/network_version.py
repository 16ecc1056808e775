"""Makes other documents the active version of the network: an earlier version, or the active one with another policy."""

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from channels.heard import heard
from database import backorder
from database import network as statements
from database.connect import Database, ReadConnection, WriteConnection
from database.notification import WORK, notify
from database.outbox import channel_notice
from domain.network import Network
from network.cases_toml import FOLDER as CASES
from network.load import NetworkDocuments, NetworkMistakes, load, load_applied
from network.retired import NOTHING, retire
from network.try_cases import Tried, try_cases
from network.try_cases import refusals as cases_refuse
from transactions.network import NoNetwork
from transactions.network_change import announced, refusals


class NetworkRefused(Exception):
    """The network was not applied: `lines` name every mistake. The active version stays active."""

    def __init__(self, lines: list[str]) -> None:
        """`lines` has one line per mistake."""
        super().__init__("\n".join(lines))
        self.lines = lines


class OtherVersion(Exception):
    """Another version is active than the one that was seen. Nothing was applied."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What applying documents would do now."""

    changes: list[str]
    """In words, a line each."""
    mistakes: list[str]
    """Why they cannot be applied, but for cases."""
    cases: Tried
    """What became of the cases that are stored with the documents."""

    def refusals(self, accepted: Collection[str] = ()) -> list[str]:
        """Why they cannot be applied; none when they can. A broken case whose name is in `accepted` is no reason."""
        return self.mistakes or [str(mistake) for mistake in cases_refuse(self.cases, CASES, accepted)]


async def documents_of(connection: ReadConnection, version: int) -> NetworkDocuments:
    """The documents of a version."""
    return NetworkDocuments(**await statements.documents(connection, version))


async def judged(connection: ReadConnection, before: NetworkDocuments, documents: NetworkDocuments) -> Judged:
    """What applying these documents in place of the active ones would change, and why it would be refused."""
    try:
        loaded = load(documents)
    except NetworkMistakes as error:
        return Judged([], [str(mistake) for mistake in error.mistakes], Tried(()))
    tried = try_cases(documents.cases, CASES, loaded)
    return Judged(await announced(connection, before, documents), await refusals(connection, Path(), loaded), tried)


async def apply(
    database: Database, documents: NetworkDocuments, *, seen: int, actor: str, accepted: Collection[str] = ()
) -> int:
    """Make documents the active version; answers its number.

    `seen` is the version that was active when it was decided, `accepted` the names of cases that may be broken. Raises
    `OtherVersion` when another version is active, and `NetworkRefused`.
    """
    async with database.write() as connection:
        before = await lock_active(connection)
        version = await apply_in(connection, before, documents, seen=seen, actor=actor, accepted=accepted)
    await notify(database, WORK)
    return version


async def apply_in(
    connection: WriteConnection,
    before: NetworkDocuments | None,
    documents: NetworkDocuments,
    *,
    seen: int,
    actor: str | None,
    accepted: Collection[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> int:
    """As `apply`, in a transaction in which `lock_active` has answered `before`. The caller notifies others afterwards.

    What it changes goes to `say`, line by line, before it is applied.
    """
    if before is None:
        raise NoNetwork("no network has been applied yet")
    if await statements.active_version(connection) != seen:
        raise OtherVersion
    found = await judged(connection, before, documents)
    for line in found.changes:
        say(line)
    if refused := found.refusals(accepted):
        raise NetworkRefused(refused)
    return await activate(connection, before, documents, actor)


async def lock_active(connection: WriteConnection) -> NetworkDocuments | None:
    """The documents of the active version, which nobody else replaces before this transaction ends; None = there is none.

    To a version from before retired things were kept it adds what all the versions before it had and it has not.
    """
    version = await statements.lock_active_version(connection)
    if version is None:
        return None
    documents = NetworkDocuments(**await statements.documents(connection, version))
    if documents.retired:
        return documents
    retired = NOTHING
    for earlier in await statements.earlier(connection, version):
        retired = retire(retired, earlier.nodes, earlier.items, documents.nodes, documents.items)
    await statements.keep_retired(connection, version, retired)
    return replace(documents, retired=retired)


async def activate(
    connection: WriteConnection, before: NetworkDocuments | None, documents: NetworkDocuments, actor: str | None = None
) -> int:
    """Make documents without a mistake the active version after `lock_active` has answered `before`; answers its number."""
    retired = NOTHING
    if before is not None:
        retired = retire(before.retired, before.nodes, before.items, documents.nodes, documents.items)
    kept = asdict(replace(documents, retired=retired))
    version = await statements.activate(connection, kept, documents.digest, actor)
    await backorder.reset_candidate_nodes(connection)
    if before is not None and before.channels != documents.channels:
        await _owe_what_was_missed(connection, load_applied(before), load_applied(documents))
    return version


async def _owe_what_was_missed(connection: WriteConnection, before: Network, network: Network) -> None:
    """Owe channels that are connected again what has happened to their open orders meanwhile."""
    for channel in network.connections.keys() - before.connections.keys():
        await channel_notice.owe_missed(connection, channel, heard(network, channel))
