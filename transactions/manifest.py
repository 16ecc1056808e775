"""Asks for the manifests of nodes and keeps what carriers answer.

No carrier is called here: `jobs/manifest.py` calls, outside of any transaction, and brings the answer. Every change of a
manifest is made under the lock of its node and its carrier, so no parcel gets onto two.
"""

from datetime import UTC, datetime, timedelta

from carriers.carrier import MadeManifest, WantedManifest
from carriers.kinds import KINDS
from database import exception
from database import manifest as statements
from database.connect import ReadConnection
from database.exception import ClosingFact
from database.manifest import Change, NewManifest, StoredManifest
from database.request import Request
from domain.manifest import (
    ManifestOutcome,
    ManifestRequest,
    ManifestState,
    SettleManifestRequest,
    cutoff_of,
    when_missing,
)
from domain.network import Network
from domain.reasons import ExceptionCode
from domain.units import Opened
from transactions.label import SAID_MAX, address_of_node
from transactions.pause import UnknownNode
from transactions.request import Answer, Asked, answered_once, granted
from transactions.transaction import OrderTransactions, Transaction

FAILED = ExceptionCode.CARRIER_FAILED
OPEN = frozenset({ManifestState.ASKED, ManifestState.UNKNOWN})
NO_PARCEL = "none of its parcels is left: their labels were given back, or their orders were forgotten"
BY_ITSELF = "cut-off"
"""Who asks for the manifest of a node's cut-off."""


class UnknownManifest(LookupError):
    """There is no such manifest, or it is another node's."""


async def ask(transactions: OrderTransactions, asked: Asked[ManifestRequest]) -> str:
    """Store a manifest to be made of the parcels of a node that wait for one; answers its id.

    Raises `UnknownNode`, `RequestRefused` and `UsedForAnotherRequest`.
    """
    node, carrier = asked.about, asked.body.carrier
    async with transactions.begin() as transaction:
        connection = transaction.connection
        _, network = await transactions.networks.active(connection)
        if not network.knows_node(node):
            raise UnknownNode(node)

        async def doing(kept: Request) -> Answer:
            if why := _why_none(network, carrier):
                return {"refused": why}
            await statements.lock(connection, node, carrier)
            today = asked.at.astimezone(network.node(node).time_zone).date()
            made = await statements.add(connection, NewManifest(node, carrier, today, asked.actor))
            return {"manifest": made} if made else {"refused": f"no parcel of {node} waits for a manifest of {carrier}"}

        facts = {"node": node, "carrier": carrier}
        answer = await answered_once(connection, asked, "manifest", facts, doing, subject=node)
    return str(granted(answer)["manifest"])


def _why_none(network: Network, carrier: str) -> str | None:
    entry = network.carriers.get(carrier)
    if entry is None:
        return f"carriers.toml has no carrier of this name; it has {', '.join(sorted(network.carriers)) or 'none'}"
    if not KINDS[entry.kind].takes_manifests(entry.settings):
        return f"{carrier} has no manifests: its parcels are handed over without one"
    return None


def with_manifests(network: Network, *, at_cutoff: bool = False) -> list[str]:
    """The carriers of a network that make manifests; `at_cutoff` = only those of which they are asked for by themselves."""
    return [
        name
        for name, entry in sorted(network.carriers.items())
        if KINDS[entry.kind].takes_manifests(entry.settings) and (entry.manifest_at_cutoff or not at_cutoff)
    ]


async def ask_at_cutoff(transactions: OrderTransactions) -> None:
    """Store the manifests of the nodes whose cut-off has passed, once a day for each node and carrier whose entry says so, of
    the parcels that were labelled before it."""
    async with transactions.database.read_once() as connection:
        _, network = await transactions.networks.active(connection)
        carriers = with_manifests(network, at_cutoff=True)
        waiting = await statements.waiting_since(connection, carriers) if carriers else ()
    now = datetime.now(UTC)
    for node, carrier, since in waiting:
        passed = cutoff_of(network.node(node), now) if network.knows_node(node) else None
        if passed is None or since > passed.at:
            continue
        async with transactions.begin() as transaction:
            await statements.lock(transaction.connection, node, carrier)
            new = NewManifest(node, carrier, passed.day, BY_ITSELF, cutoff=passed.at)
            await statements.add(transaction.connection, new)


async def settle(transactions: OrderTransactions, asked: Asked[SettleManifestRequest], *, node: str | None) -> None:
    """Write what a person found at the carrier about a manifest that is unknown. `node` is the node whose key was used.

    Raises `UnknownManifest`, `RequestRefused` and `UsedForAnotherRequest`.
    """
    async with transactions.begin() as transaction:
        connection = transaction.connection
        known = await seen(connection, asked.about, node)

        async def doing(kept: Request) -> Answer:
            now = await _locked(transaction, known)
            if now.state is not ManifestState.UNKNOWN:
                return {"refused": f"{now.manifest} is {now.state}: only one that is unknown is settled by a person"}
            if asked.body.outcome is ManifestOutcome.MADE:
                await statements.change(connection, now.manifest, Change(ManifestState.MADE))
            else:
                await _give_up(transaction, now, Change(ManifestState.REFUSED))
            await _close(transaction, now)
            return {"manifest": now.manifest}

        facts = {"manifest": known.manifest, "outcome": asked.body.outcome}
        answer = await answered_once(connection, asked, "settle_manifest", facts, doing, subject=known.manifest)
    granted(answer)


async def seen(connection: ReadConnection, name: str, node: str | None) -> StoredManifest:
    """A manifest that a node may see; None = an operator. Raises `UnknownManifest`."""
    known = await statements.find(connection, name)
    if known is None or node not in (None, known.node):
        raise UnknownManifest(name)
    return known


async def wanted(transactions: OrderTransactions, stored: StoredManifest, *, is_first: bool) -> WantedManifest | None:
    """What a carrier is asked for; None = no parcel is left, or the network does not have the node any more.

    Before the first call, parcels whose labels were given back since the manifest was asked for are taken off it. After it they
    stay: the carrier may have put them on.
    """
    async with transactions.begin() as transaction:
        connection = transaction.connection
        _, network = await transactions.networks.active(connection)
        if is_first:
            await _locked(transaction, stored)
            await statements.take_off_voided(connection, stored.manifest)
        parcels = await statements.trackings(connection, stored.manifest)
    if not parcels or not network.knows_node(stored.node):
        return None
    sender = address_of_node(network.node(stored.node))
    return WantedManifest(stored.manifest, stored.day, sender, tuple(parcels))


async def made(transactions: OrderTransactions, stored: StoredManifest, given: MadeManifest) -> None:
    """Keep a manifest that a carrier made. Parcels that it left out wait for another one.

    One that was given up is made all the same, unless a parcel of it is on another one by now: then a person learns of it.
    """
    async with transactions.begin() as transaction:
        now, connection = await _locked(transaction, stored), transaction.connection
        if now.state is ManifestState.MADE and now.has_content:
            return
        if now.state is ManifestState.REFUSED and not await statements.put_on_again(connection, now.manifest):
            await _open(transaction, now, "has made it after all, and its parcels are on another one by now")
            return
        new = Change(ManifestState.MADE, theirs=given.theirs or None, content=given.content)
        await statements.change(connection, now.manifest, new)
        await _close(transaction, now)
        if given.trackings is None:
            return
        if left_out := await statements.take_off(connection, now.manifest, given.trackings):
            await _open(transaction, now, f"left out {left_out} of its parcels, which wait for another one")


async def refused(transactions: OrderTransactions, stored: StoredManifest, why: str) -> None:
    """The carrier did not make a manifest: a person learns what it said, and its parcels wait for another one."""
    new = Change(ManifestState.REFUSED, said=why[:SAID_MAX])
    await _settle(transactions, stored, new, f"did not make it: {why}")


async def without_parcels(transactions: OrderTransactions, stored: StoredManifest) -> None:
    """Nothing is left to ask for: the carrier is not called, and no person need look."""
    async with transactions.begin() as transaction:
        now = await _locked(transaction, stored)
        if now.state in OPEN:
            await _give_up(transaction, now, Change(ManifestState.REFUSED, said=NO_PARCEL))


async def unknown(transactions: OrderTransactions, stored: StoredManifest, why: str, again: timedelta | None) -> None:
    """The carrier did not answer well: it may have made the manifest, and is asked for it `again` (None = it cannot be asked,
    and a person decides)."""
    said = f"may have made it: {why}"
    if again is None:
        said += f"; look there for {stored.manifest}, and settle it here"
    await _settle(transactions, stored, Change(ManifestState.UNKNOWN, again, said=why[:SAID_MAX]), said)


async def missing(transactions: OrderTransactions, stored: StoredManifest) -> None:
    """The carrier says that it did not make a manifest."""
    now = datetime.now(UTC)
    found = when_missing(stored.called_at or now, now)
    new = Change(found.state, found.look_again_in, said="it has no manifest with our reference")
    await _settle(transactions, stored, new, "has not made it after all; ask for another")


async def unanswered(transactions: OrderTransactions, stored: StoredManifest, why: str) -> None:
    """A person learns that a carrier has not answered again and again; it is asked further on. Nobody learns it of a manifest
    that somebody has settled meanwhile."""
    async with transactions.begin() as transaction:
        now = await _locked(transaction, stored)
        if now.state not in OPEN:
            return
        await _open(transaction, now, f"has not answered {stored.tries} times: {why}")


async def _settle(transactions: OrderTransactions, stored: StoredManifest, new: Change, said: str) -> None:
    """Write what became of a manifest that was not made, and open the exception about it. One that somebody has settled
    meanwhile stays as it is."""
    async with transactions.begin() as transaction:
        now = await _locked(transaction, stored)
        if now.state not in OPEN:
            return
        if new.state is ManifestState.REFUSED:
            await _give_up(transaction, now, new)
        else:
            await statements.change(transaction.connection, now.manifest, new)
        if now.state is not new.state:
            await _open(transaction, now, said)


async def _give_up(transaction: Transaction, stored: StoredManifest, new: Change) -> None:
    await statements.change(transaction.connection, stored.manifest, new)
    await statements.take_off(transaction.connection, stored.manifest)


async def _locked(transaction: Transaction, stored: StoredManifest) -> StoredManifest:
    await statements.lock(transaction.connection, stored.node, stored.carrier)
    found = await statements.find(transaction.connection, stored.manifest)
    assert found is not None
    return found


async def _open(transaction: Transaction, stored: StoredManifest, said: str) -> None:
    """Open the exception of a manifest, instead of an earlier one."""
    at = datetime.now(UTC)
    await _close(transaction, stored)
    detail = f"{stored.carrier}, manifest {stored.manifest}: {said[:SAID_MAX]}"
    opened = Opened(FAILED, detail, node=stored.node, subject=stored.manifest)
    cause = f"manifest {stored.manifest} {at.isoformat()}"
    await exception.open_all(transaction.connection, [opened], order=None, cause=cause, at=at, about=stored.node)


async def _close(transaction: Transaction, stored: StoredManifest) -> None:
    """Close what is open about a manifest, and about earlier ones that its parcels were to be on."""
    fact = ClosingFact(f"manifest {stored.manifest}", f"carrier:{stored.carrier}", datetime.now(UTC))
    earlier = await statements.of_same_parcels(transaction.connection, stored.manifest)
    await exception.close_about(transaction.connection, None, FAILED, [stored.manifest, *earlier], fact)
