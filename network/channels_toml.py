"""Reads channels.toml: the channels that are connected, each with its kind, its address and how it is reconciled."""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from channels.channel import ChannelKind, Key
from channels.kinds import KINDS
from domain.identifiers import OWN_CHANNELS
from domain.network import Connection
from network.mistakes import Mistakes
from network.nodes_toml import NodesRead
from network.toml_tables import Table, did_you_mean, read_toml
from network.x12_toml import read_x12

POLL_DEFAULT = timedelta(minutes=1)
POLL_LEAST = timedelta(seconds=1)
KEEP_DEFAULT = timedelta(days=30)

_SECRET = re.compile(r"secret|token|passw|credential|(api|access|private|consumer|client)_?(key|id)", re.IGNORECASE)
"""Names of what authorizes somebody."""


class ChannelsRead(NamedTuple):
    """The connections by channel, and the names of all entries; None when the file could not be read."""

    connections: Mapping[str, Connection]
    names: frozenset[str] | None


def read_channels(text: str, nodes: NodesRead, services: Collection[str] | None, mistakes: Mistakes) -> ChannelsRead:
    """Read the connections; none for an empty text. Mistakes are reported, and the rest is read.

    `services` are those of policy.toml, None when they are not known. An entry of a kind that this version does not know is a
    mistake; in a version that was applied it is passed over.
    """
    top = read_toml(text, mistakes)
    if top is None:
        return ChannelsRead({}, None)
    tables = top.tables("channel")
    top.finish()
    connections: dict[str, Connection] = {}
    names: set[str] = set()
    for table in tables:
        connection = _read_channel(table, nodes, services)
        name = connection.name if connection else ""
        if name in names:
            table.wrong("name", f"channel {name!r} is there twice")
        elif connection and name and connection.kind:
            connections[name] = connection
        names.add(name)
    certain = "channel" not in top.failed and not any("name" in table.failed for table in tables)
    return ChannelsRead(connections, frozenset(names) if certain else None)


def _read_channel(table: Table, nodes: NodesRead, services: Collection[str] | None) -> Connection:
    name, kind = _read_name(table), _read_kind(table)
    common: dict[str, Any] = {
        "name": name,
        "kind": kind.kind if kind else "",
        "api": "" if kind and kind.uses_mailbox else _read_api(table),
        "services": _read_services(table, services),
        "test_orders": table.boolean("test_orders", default=False),
        "poll": _read_poll(table, kind.poll_least if kind else POLL_LEAST),
        "keep": table.duration("keep", KEEP_DEFAULT),
    }
    own: Mapping[str, Any] = _read_keys(table, kind, nodes) if kind else {}
    _refuse_secrets(table, name, kind)
    if kind:  # of an unknown kind nobody knows which keys it has
        _refuse_keys_of_others(table)
        table.finish()
    return Connection(name, common["kind"], common["api"], {**common, **own})


def _read_name(table: Table) -> str:
    name = table.text("name") if table.need("name") else ""
    if name and not re.fullmatch(r"[a-z0-9]{1,16}", name):
        table.wrong("name", f"name must be 1 to 16 of a-z and 0-9, not {name!r}")
        return ""
    if name in OWN_CHANNELS:
        table.wrong("name", f"{name!r} is the channel of transfers between nodes: give this one another name")
        return ""
    return name


def _read_kind(table: Table) -> ChannelKind | None:
    name = table.text("kind") if table.need("kind") else ""
    if name and name not in KINDS:
        known = f"it knows {', '.join(sorted(KINDS))}" if KINDS else "it knows none"
        hint = did_you_mean(name, sorted(KINDS))
        table.wrong("kind", f"this version of Switchyard has no channels of the kind {name!r}; {known}{hint}")
    return KINDS.get(name)


def _read_api(table: Table) -> str:
    api = table.text("api") if table.need("api") else ""
    if api and (mistake := mistake_of_api(api)):
        table.wrong("api", mistake)
    return api.rstrip("/")


def mistake_of_api(api: str) -> str | None:
    """What is wrong with the base address of a channel; None = nothing. It does not repeat a password that stands there."""
    try:
        parts = urlsplit(api)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if "@" in api:
        return "api must not hold a user or a password: `python -m starter connect` reads credentials"
    if not host or parts.scheme not in ("https", "http") or port == 0 or not re.fullmatch(r"[!-~]+", api):
        return f'api must be a base address such as "https://shop.example.com", not {api!r}'
    if parts.query or parts.fragment or api.endswith(("?", "#")):
        return f"api must be a base address, without what begins with ? or #, not {api!r}"
    if parts.scheme == "http" and not is_loopback(api):
        return f"api must begin with https://, since http:// is only for this machine itself, not {api!r}"
    return None


def is_loopback(api: str) -> bool:
    """Whether an address without mistakes names this machine itself."""
    host = urlsplit(api).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _read_services(table: Table, services: Collection[str] | None) -> dict[str, str]:
    """Our service for each shipping title of the channel."""
    titles = table.table("services")
    found = {title: titles.text(title) for title in titles.names()}
    for title, service in found.items():
        if service and services is not None and service not in services:
            known = sorted(services)
            said = f"unknown service {service!r}; it must be one of [transit] in policy.toml"
            table.wrong("services", f"{said}{did_you_mean(service, known)}", title)
    return found


def _read_poll(table: Table, least: timedelta) -> timedelta:
    poll = table.duration("poll", max(POLL_DEFAULT, least))
    if poll < least and "poll" not in table.failed:
        table.wrong("poll", f"poll must be at least {_written(least)}")
    return poll


def _written(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    return f"{seconds}s" if seconds % 60 else f"{seconds // 60}m"


def _read_keys(table: Table, kind: ChannelKind, nodes: NodesRead) -> Mapping[str, Any]:
    """The keys that entries of the kind have beside the common ones."""
    if kind.uses_mailbox:
        return read_x12(table)
    return {key.name: _read_own(table, key, nodes) for key in kind.keys}


def _read_own(table: Table, key: Key, nodes: NodesRead) -> Any:
    """The value of a key of the kind, or its default."""
    value = _read_value(table, key)
    if table.has(key.name) and key.name not in table.failed and (mistake := key.mistake(value)):
        table.wrong(key.name, mistake)
    if key.names_nodes and nodes.certain:
        for name, node in value.items():
            if node not in nodes.nodes:
                said = f"unknown node {node!r}; it must be one of nodes.toml{did_you_mean(node, list(nodes.nodes))}"
                table.wrong(key.name, said, name)
    return value


def _read_value(table: Table, key: Key) -> Any:
    match key.default:
        case None:
            return table.text(key.name) if table.need(key.name) else ""
        case bool():
            return table.boolean(key.name, default=key.default)
        case str():
            return table.text(key.name, key.default)
    values = table.table(key.name)
    return {name: values.text(name) for name in values.names()} if table.has(key.name) else key.default


def _refuse_secrets(table: Table, channel: str, kind: ChannelKind | None) -> None:
    """Report every key that would hold what authorizes us; its value is not repeated."""
    names = {*kind.credentials, *kind.optional_credentials} if kind else set()
    for key in table.unread():
        if key in names or _SECRET.search(key):
            table.has(key)
            said = f"{key} must not stand here: `python -m starter connect {channel}` reads credentials and seals them"
            table.wrong(key, said)


def _refuse_keys_of_others(table: Table) -> None:
    users: dict[str, list[str]] = {}
    for name, other in KINDS.items():
        for key in other.keys:
            users.setdefault(key.name, []).append(f'"{name}"')
    for unused in table.unread():  # those of the kind itself were read
        if unused in users:
            table.has(unused)
            table.wrong(unused, f"{unused} is used only with kind = {' or '.join(users[unused])}")
