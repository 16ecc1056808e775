"""Reads what an entry of a trading partner has, a channel or a node: the ids of the envelope, and where the files lie."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from formats.x12.parts import Party
from formats.x12.write import ID_LENGTH, clean
from network.toml_tables import Table

KEYS = ("us", "partner", "drop", "sftp", "gs1_prefix")
"""The keys of such an entry."""
SFTP_KEYS = ("host", "port", "user", "host_key", "path")
PORT_MAX = 65_535


def read_x12(table: Table) -> Mapping[str, Any]:
    """The values of `KEYS`: parties, and `drop` (a directory) or `sftp` (a server), of which the other is None."""
    us, partner = _party(table, "us"), _party(table, "partner")
    drop, sftp = _drop(table), _sftp(table)
    if us == partner and us.id:
        table.wrong(
            "partner", f"partner is {partner.qualifier}:{partner.id}, and so is us: an envelope names two parties"
        )
    if table.has("drop") == table.has("sftp"):
        said = (
            "drop and sftp are both there; files lie in one place" if table.has("drop") else "drop or sftp is missing"
        )
        table.wrong("drop", f'{said}: drop = "/a/directory", or sftp = {{host, port, user, host_key, path}}')
    return {"us": us, "partner": partner, "drop": drop, "sftp": sftp, "gs1_prefix": _gs1_prefix(table)}


def _party(table: Table, key: str) -> Party:
    if not table.need(key):
        return Party("", "")
    named = table.table(key)
    party = Party(*(named.text(name) if named.need(name) else "" for name in ("qualifier", "id")))
    if party.qualifier and not re.fullmatch(r"[A-Z0-9]{2}", party.qualifier):
        table.wrong(key, f"qualifier is two characters such as ZZ, 01 or 12, not {party.qualifier!r}", "qualifier")
    if len(party.id) > ID_LENGTH or party.id != clean(party.id).strip():
        table.wrong(key, f"id is 1 to {ID_LENGTH} characters of ASCII without * ~ or >, not {party.id!r}", "id")
    named.finish()
    return party


def _drop(table: Table) -> str | None:
    drop = table.text("drop") if table.has("drop") else None
    if drop and not PurePosixPath(drop).is_absolute():
        table.wrong("drop", f"drop must be a whole path such as /var/lib/switchyard/buyer, not {drop!r}")
    return drop


def _sftp(table: Table) -> Mapping[str, Any] | None:
    if not table.has("sftp"):
        return None
    named = table.table("sftp")
    found: dict[str, Any] = {
        key: named.text(key) if named.need(key) else "" for key in SFTP_KEYS if key not in ("port", "path")
    }
    found["port"] = named.whole("port", 22, 1)
    found["path"] = named.text("path")
    if found["port"] > PORT_MAX:
        table.wrong("sftp", f"port is at most {PORT_MAX}, not {found['port']}", "port")
    if found["host_key"] and not re.fullmatch(r"\S+ \S+( .*)?", found["host_key"]):
        table.wrong(
            "sftp", 'host_key is a public key as ssh-keyscan writes it, such as "ssh-ed25519 AAAA…"', "host_key"
        )
    for key in named.unread():
        named.has(key)
        table.wrong("sftp", _unknown_of_sftp(key), key)
    return found


def _unknown_of_sftp(key: str) -> str:
    if re.search(r"passw|secret|private|key", key, re.IGNORECASE):
        return f"{key} must not stand here: `python -m starter connect` reads credentials and seals them"
    return f"unknown key {key!r}; sftp has {', '.join(SFTP_KEYS)}"


def _gs1_prefix(table: Table) -> str:
    prefix = table.text("gs1_prefix")
    if prefix and not re.fullmatch(r"[0-9]{7,10}", prefix):
        table.wrong("gs1_prefix", f"gs1_prefix has 7 to 10 digits, not {prefix!r}")
    return prefix
