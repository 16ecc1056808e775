"""Decides where PostgreSQL and Temporal are: where the environment says, else where the embedded stack runs."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from database.sealing import DEFAULT_MASTER_KEYS, KEY_BYTES, MasterKeys, NotMasterKeys
from runtime.directory_lock import is_locked
from runtime.private_file import write_private

if TYPE_CHECKING:
    from temporalio.envconfig import ClientConnectConfig

DATA = Path(".data")
LOCK = "lock"
READY = "ready.json"
TEMPORAL_DEFAULT = "localhost:7233"  # what Temporal's own tools take for an address when none is set


class NotConfigured(Exception):
    """Neither the environment nor a running embedded stack gives the addresses; the message says what to do."""


@dataclass(frozen=True)
class Stack:
    """The addresses of a running embedded stack: the line that `up` prints, and what it keeps in `.data/ready.json`."""

    http: str
    ui: str
    temporal: str
    namespace: str
    database: str
    operator_key: str
    shop: str | None = None
    """The simulated shop; None = there is none."""

    def as_line(self) -> str:
        """One line of JSON, as `up` prints it; `shop` is there with a simulated one."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})

    def announce(self, directory: Path) -> None:
        """Leave the addresses for other commands of the same user; they contain a key, so no other user may read them."""
        write_private(directory / READY, self.as_line() + "\n")


def running_stack(directory: Path = DATA) -> Stack | None:
    """The embedded stack that runs on `directory`, or None; the files of a killed one do not count."""
    if not is_locked(directory / LOCK):
        return None
    try:
        return Stack(**json.loads((directory / READY).read_text()))
    except FileNotFoundError:
        return None


def database_url(environment: Mapping[str, str] = os.environ, directory: Path = DATA) -> str:
    """`postgresql://…` of the facts; raises `NotConfigured`."""
    if url := environment.get("DATABASE_URL"):
        return url
    if _says_temporal(environment):
        raise NotConfigured("DATABASE_URL is not set, while Temporal's settings are: set both or none")
    return _embedded(directory).database


def master_keys(environment: Mapping[str, str] = os.environ) -> MasterKeys:
    """The master keys for the personal data of the database; raises `NotConfigured` for an invalid key. Unset: no key."""
    written = environment.get("SWITCHYARD_MASTER_KEYS")
    if not written:
        return DEFAULT_MASTER_KEYS
    try:
        return MasterKeys.parse(written)
    except NotMasterKeys as error:
        raise NotConfigured(
            f"SWITCHYARD_MASTER_KEYS does not hold keys of {KEY_BYTES} bytes in base64: {error}"
        ) from error


def font_files(environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The TrueType fonts that paper is printed with before others: paths with colons between them."""
    named = environment.get("SWITCHYARD_FONTS", "")
    return tuple(filter(None, named.split(":")))


def temporal_connection(environment: Mapping[str, str] = os.environ, directory: Path = DATA) -> "ClientConnectConfig":
    """Arguments for `Client.connect`, by `temporalio.envconfig` where any setting is set; raises `NotConfigured`."""
    from temporalio.envconfig import ClientConfig, ClientConnectConfig

    if environment.get("DATABASE_URL") or _says_temporal(environment):
        settings = ClientConfig.load_client_connect_config(override_env_vars=dict(environment))
        return ClientConnectConfig({"target_host": TEMPORAL_DEFAULT, **settings})
    stack = _embedded(directory)
    return ClientConnectConfig(target_host=stack.temporal, namespace=stack.namespace)


def _says_temporal(environment: Mapping[str, str]) -> bool:
    return any(name.startswith("TEMPORAL_") and value for name, value in environment.items())


def _embedded(directory: Path) -> Stack:
    stack = running_stack(directory)
    if stack is None:
        raise NotConfigured(f"DATABASE_URL is not set and no embedded stack runs on {directory}: `make up` starts one")
    return stack
