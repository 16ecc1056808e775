"""`python -m starter connect NAME`: stores the credentials of a connected channel, and checks whether its orders can flow."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from carriers.kinds import KINDS as CARRIERS
from channels.channel import Checked, Finding
from channels.kinds import KINDS
from database import connection as statements
from database import personal
from database.connect import Database
from domain.network import Carrier, Connection, Network
from jobs.connection import Connections, NotConnected
from jobs.conversation import ConversationFailed, Conversations
from network.toml_tables import did_you_mean
from nodes.kinds import KINDS as DISPATCHES
from runtime.where import database_url, master_keys
from transactions.label import CREDENTIALS, WEBHOOK_SECRET
from transactions.network import Networks
from transactions.transaction import OrderTransactions

OF_SFTP = ("password", "private_key")
"""What can show an SFTP server that it is us."""


class Refused(Exception):
    """What was asked for cannot be done; the text says what would be right, and never repeats a value."""


async def command(name: str) -> int:
    """Connect a shop of channels.toml: store its credentials from standard input, and print what is missing.

    The credentials are one JSON object; they are stored sealed. Without input it checks with those that are stored. Exit 0 when
    orders can flow. Of a carrier of carriers.toml the credentials are stored, and nothing is asked of it.

    Parameters
    ----------
    name
        Its name in channels.toml, or in carriers.toml.
    """
    return await connect(name, lambda: credentials_given(name))


async def connect(name: str, credentials: Callable[[], Any]) -> int:
    """Connect a shop as the command does, with `credentials` (None = those that are stored); answers its exit code."""
    database = Database(database_url(), master_keys())
    networks = Networks()
    conversations = Conversations(database, networks)
    connections = Connections(OrderTransactions(database, networks), conversations)
    try:
        await database.check()
        await personal.check(database)
        async with database.read() as connection:
            _, network = await networks.active(connection)
        if name in network.carriers and name not in network.connections:
            return await _connect_carrier(database, network.carriers[name], credentials())
        await _keep(database, _entry(network, name), credentials())
        checked = await connections.check(name)
    except Refused as refused:
        sys.stdout.write(f"{refused}\n")
        return 1
    except NotConnected:
        sys.stdout.write(f"{name} has no credentials yet: write them to standard input\n")
        return 1
    except ConversationFailed as failed:
        sys.stdout.write(f"missing: {name} cannot be asked: {failed.why}\n")
        return 1
    finally:
        await connections.close()
        conversations.close()
        await database.close()
    return _show(name, checked)


async def _connect_carrier(database: Database, carrier: Carrier, given: Any) -> int:
    """Store the credentials of a carrier: those of its kind, and the secret with which its webhooks are signed."""
    needed = CARRIERS[carrier.kind].credentials(carrier.settings)
    if given is not None:
        credentials = _checked(carrier.name, given, needed, (WEBHOOK_SECRET,))
        async with database.write() as connection:
            await statements.keep_credentials(connection, CREDENTIALS.format(carrier.name), credentials)
    async with database.read() as connection:
        known = await statements.access(connection, CREDENTIALS.format(carrier.name))
    missing = [name for name in needed if known is None or name not in known.credentials]
    sys.stdout.write("".join(f"missing: {name}\n" for name in missing))
    sys.stderr.write(f"{carrier.name}: {'labels can be bought' if not missing else 'labels cannot be bought yet'}\n")
    return 1 if missing else 0


def _entry(network: Network, name: str) -> Connection:
    entry = network.connections.get(name) or _warehouse(network, name)
    if entry is None:
        hint = did_you_mean(name, sorted(network.connections))
        raise Refused(
            f"no channel of the active network is called {name!r}{hint}; name it in channels.toml, and apply the network"
        )
    return entry


def _warehouse(network: Network, name: str) -> Connection | None:
    """A node that is reached by X12, as a connection: its files are exchanged as a buyer's are."""
    node = network.nodes.get(name)
    if node is None or not DISPATCHES[node.dispatch.kind].uses_mailbox:
        return None
    return Connection(name, "x12", "", node.settings)


def credentials_given(name: str) -> Any:
    """What stands on standard input; None = nothing. Raises `Refused`."""
    if sys.stdin.isatty():
        sys.stderr.write(f"the credentials of {name}, as one JSON object; end with Ctrl-D:\n")
    written = sys.stdin.read().strip()
    try:
        return json.loads(written) if written else None
    except ValueError as error:
        raise Refused(f"standard input is no JSON: {type(error).__name__}") from None


async def _keep(database: Database, entry: Connection, given: Any) -> None:
    if given is None and _needs_none(entry):
        given = {}
    if given is not None:
        credentials = _credentials(entry, given)
        async with database.write() as connection:
            await statements.keep_credentials(connection, entry.name, credentials)


def _needs_none(entry: Connection) -> bool:
    """Whether nothing secret is needed: the files of a trading partner lie in a directory of ours."""
    return KINDS[entry.kind].uses_mailbox and entry.entry["sftp"] is None


def _of_mailbox(entry: Connection, given: Any) -> Mapping[str, str]:
    """What shows an SFTP server that it is us: a password, a private key, or both."""
    known = () if _needs_none(entry) else OF_SFTP
    form = " or ".join(json.dumps({name: "…"}, ensure_ascii=False) for name in known) or "{}"
    if not isinstance(given, dict) or not set(given) <= set(known) or bool(given) != bool(known):
        raise Refused(f"the credentials of {entry.name} are one JSON object: {form}")
    for key, value in given.items():
        if not isinstance(value, str) or not value.strip():
            raise Refused(f"{key} must be a text that is not empty; {entry.name} needs {form}")
    return dict(given)


def _credentials(entry: Connection, given: Any) -> Mapping[str, str]:
    """The credentials that a channel of this kind needs. Raises `Refused`, which names the field and not its value."""
    if KINDS[entry.kind].uses_mailbox:
        return _of_mailbox(entry, given)
    return _checked(entry.name, given, KINDS[entry.kind].credentials, KINDS[entry.kind].optional_credentials)


def _checked(name: str, given: Any, needed: Sequence[str], optional: Sequence[str]) -> Mapping[str, str]:
    """The credentials that are needed, with those of the optional ones that are given."""
    form = json.dumps(dict.fromkeys(needed, "…"), ensure_ascii=False)
    if not isinstance(given, dict):
        raise Refused(f"the credentials of {name} are one JSON object: {form}")
    for key in given:
        if key not in (*needed, *optional):
            raise Refused(f"unknown field {key!r}{did_you_mean(key, [*needed, *optional])}; {name} needs {form}")
    for key in (*needed, *(one for one in optional if one in given)):
        if not isinstance(given.get(key), str) or not given[key].strip():
            raise Refused(f"{key} must be a text that is not empty; {name} needs {form}")
    return {key: given[key].strip() for key in (*needed, *optional) if key in given}


def _show(name: str, checked: Checked) -> int:
    sys.stdout.write("".join(f"{_line(finding)}\n" for finding in checked.findings))
    faults = sum(finding.is_fault for finding in checked.findings)
    sys.stderr.write(f"{name}: {_verdict(faults)}\n")
    return 1 if faults else 0


def _line(finding: Finding) -> str:
    return f"{'missing' if finding.is_fault else 'note'}: {finding.text}"


def _verdict(faults: int) -> str:
    if not faults:
        return "orders can flow"
    return f"orders cannot flow yet: {faults} thing{'' if faults == 1 else 's'} to see to"
