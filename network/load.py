"""Makes a network of its documents, or reports all their mistakes in one pass."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from domain.network import Network
from network.aliases_csv import read_aliases
from network.buffers_csv import read_buffers
from network.carriers_toml import read_carriers
from network.cases_toml import FOLDER as CASES
from network.cases_toml import read_folder as read_cases_folder
from network.channels_toml import read_channels
from network.closed_days import warn_of_days
from network.items_csv import read_items
from network.mappings import FOLDER, read_folder, read_mappings, try_samples, with_mappings
from network.mistakes import Mistake, Mistakes, NetworkMistakes
from network.nodes_toml import NodesRead, read_nodes
from network.partners_toml import FOLDER as PARTNERS
from network.partners_toml import read_folder as read_partners_folder
from network.partners_toml import read_partners, warehouses_of, with_partners, with_warehouses
from network.policy_toml import PolicyRead, read_policy
from network.rates_csv import read_rates
from network.replenishment_csv import read_replenishment
from network.retired import read_retired
from network.try_cases import refusals, try_cases
from network.warnings import channels_in, compared_amounts, find_warnings

FILES: Mapping[str, str] = {
    "nodes": "nodes.toml",
    "policy": "policy.toml",
    "items": "items.csv",
    "buffers": "buffers.csv",
    "rates": "rates.csv",
    "carriers": "carriers.toml",
    "channels": "channels.toml",
    "aliases": "aliases.csv",
    "replenishment": "replenishment.csv",
}
"""The file of each document."""

OPTIONAL = frozenset({"buffers", "rates", "carriers", "channels", "aliases", "replenishment"})
"""The documents whose file may be absent; an absent file counts as an empty text."""

__all__ = [
    "FILES",
    "Checked",
    "Mistake",
    "NetworkDocuments",
    "NetworkMistakes",
    "check",
    "examine",
    "load",
    "load_applied",
    "read",
]


@dataclass(frozen=True, slots=True)
class NetworkDocuments:
    """The texts of a network directory. They are stored in the database, and each worker loads the network from there."""

    nodes: str
    policy: str
    items: str
    buffers: str = ""
    rates: str = ""
    carriers: str = ""
    channels: str = ""
    aliases: str = ""
    replenishment: str = ""
    mappings: str = ""
    """The texts of mappings/*.toml by name, as JSON."""
    partners: str = ""
    """The same of partners/*.toml."""
    cases: str = ""
    """The same of cases/*.toml; with the version, so that a policy that is changed in the console is tried with them."""
    retired: str = field(default="", compare=False)
    """What earlier versions had and this one has not, as `network.retired` writes it; no file of the directory."""

    @property
    def digest(self) -> str:
        """The SHA-256 of the files, each with its length before it, in hexadecimal: equal texts, equal digest.

        Files that came later count only where they are there: versions from before them keep their digests.
        """
        later = [
            f"{name}\n{text}"
            for name in ("carriers", "channels", "aliases", "replenishment", "mappings", "partners", "cases")
            if (text := getattr(self, name))
        ]
        digest = hashlib.sha256()
        for text in (self.nodes, self.policy, self.items, self.buffers, *filter(None, [self.rates]), *later):
            content = text.encode()
            digest.update(len(content).to_bytes(8, "big") + content)
        return digest.hexdigest()


def read(directory: Path) -> NetworkDocuments:
    """The documents in a directory; an absent file of OPTIONAL is an empty text.

    Raises NetworkMistakes for any other absent file or directory, and for a file that is not UTF-8.
    """
    if not directory.is_dir():
        raise NetworkMistakes(
            [Mistake(str(directory), 0, "there is no such directory; a network directory holds nodes.toml and others")]
        )
    texts: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for name, file in FILES.items():
        try:
            texts[name] = (directory / file).read_bytes().decode()
        except OSError as error:
            if name in OPTIONAL and isinstance(error, FileNotFoundError):
                continue
            mistakes.append(Mistake(str(directory / file), 0, _unreadable(file, error)))
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            mistakes.append(Mistake(str(directory / file), line, "this is not UTF-8 text; save the file as UTF-8"))
    for folder, called, reading in _FOLDERS:
        try:
            texts[folder] = reading(directory)
        except (OSError, UnicodeDecodeError) as error:
            mistakes.append(Mistake(str(directory / folder), 0, f"{called} cannot be read as UTF-8 text: {error}"))
    if mistakes:
        raise NetworkMistakes(mistakes)
    return NetworkDocuments(**texts)


_FOLDERS = (
    (FOLDER, "a mapping", read_folder),
    (PARTNERS, "a partner's file", read_partners_folder),
    (CASES, "a file of cases", read_cases_folder),
)


def _unreadable(file: str, error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return f"{file} is missing"
        case PermissionError():
            return f"{file} may not be read by this user"
        case IsADirectoryError():
            return f"{file} is a directory, not a file"
    return f"{file} cannot be read: {error.strerror}"


class Checked(NamedTuple):
    """What the check of a network directory found."""

    network: Network | None
    """The network; None when there is a mistake."""
    mistakes: Sequence[Mistake]
    warnings: Sequence[Mistake] = ()
    """What is probably not meant, though the network can be applied; it is looked for when there is no mistake."""
    channels: Mapping[str, tuple[str, int]] = MappingProxyType({})
    """The channels that rules and buffers name, each with the file and line that name it first."""
    amounts: str = ""
    """The lines of policy.toml where amounts of orders are compared, as in "lines 7, 9"; "" = nowhere."""


def examine(directory: Path, now: datetime, accepted: Collection[str] = ()) -> Checked:
    """Check a network directory, and look for what is probably not meant, also on the days after now. It changes nothing.

    `accepted` are the names of broken cases that are no mistake.
    """
    try:
        documents = read(directory)
        loaded = _load(documents, _files(directory))
    except NetworkMistakes as error:
        return Checked(None, error.mistakes)
    if mistakes := _mistakes(loaded, directory) or _broken(documents, loaded.network, directory, accepted):
        return Checked(None, mistakes)
    warn_of_days(loaded.nodes, now)
    find_warnings(loaded.policy, loaded.network, loaded.quotas, loaded.found)
    warnings = [warning for one in loaded.found.values() for warning in one.warnings()]
    channels = channels_in(loaded.policy, loaded.quotas, loaded.found)
    amounts = compared_amounts(loaded.policy.top) if loaded.policy.top else ""
    return Checked(loaded.network, (), warnings, channels, amounts)


def _broken(documents: NetworkDocuments, network: Network, directory: Path, accepted: Collection[str]) -> list[Mistake]:
    folder = str(directory / CASES)
    return refusals(try_cases(documents.cases, folder, network), folder, accepted)


def check(directory: Path) -> list[Mistake]:
    """All mistakes of the files of a network directory, but for its cases. It changes nothing."""
    try:
        return _mistakes(_load(read(directory), _files(directory)), directory)
    except NetworkMistakes as error:
        return list(error.mistakes)


def _mistakes(loaded: "_Loaded", directory: Path) -> list[Mistake]:
    """Those of the files; without any, those of the samples of mappings, which only the directory has."""
    return loaded.mistakes() or try_samples(directory, loaded.mappings, loaded.network.connections)


def _files(directory: Path) -> dict[str, str]:
    return {name: str(directory / file) for name, file in FILES.items()}


def load(documents: NetworkDocuments) -> Network:
    """The network that the documents describe. Raises NetworkMistakes with all their mistakes."""
    loaded = _load(documents, FILES)
    if mistakes := loaded.mistakes():
        raise NetworkMistakes(mistakes)
    return loaded.network


def load_applied(documents: NetworkDocuments) -> Network:
    """The network of documents that were applied before, without the checks: some may be newer than these documents."""
    return _load(documents, FILES, were_applied=True).network


class _Loaded(NamedTuple):
    """A network, complete only if there are no mistakes, and what was found in each document."""

    network: Network
    nodes: NodesRead
    policy: PolicyRead
    quotas: Mapping[str, int]
    found: Mapping[str, Mistakes]
    mappings: Mapping[str, str]

    def mistakes(self) -> list[Mistake]:
        return [mistake for mistakes in self.found.values() for mistake in mistakes.found()]


def _load(documents: NetworkDocuments, files: Mapping[str, str], *, were_applied: bool = False) -> _Loaded:
    found = {name: Mistakes(file, was_applied=were_applied) for name, file in files.items()}
    nodes = read_nodes(documents.nodes, found["nodes"])
    items = read_items(documents.items, found["items"])
    policy = read_policy(documents.policy, nodes, found["policy"], has_carriers=bool(documents.carriers.strip()))
    buffers, quotas = read_buffers(documents.buffers, nodes, items, found["buffers"])
    retired = read_retired(documents.retired)
    rates = read_rates(documents.rates, found["rates"])
    carriers = read_carriers(documents.carriers, _services(policy), found["carriers"])
    channels = read_channels(documents.channels, nodes, _services(policy), found["channels"])
    beside = Path(files["channels"])
    mappings = read_mappings(documents.mappings, str(beside.with_name(FOLDER)), found, was_applied=were_applied)
    folder = str(beside.with_name(PARTNERS))
    warehouses = warehouses_of(nodes.nodes)
    partners = read_partners(documents.partners, folder, _services(policy), warehouses, found, was_applied=were_applied)
    connections = with_mappings(channels.connections, mappings, found["channels"])
    network = Network(
        version=policy.version,
        nodes=with_warehouses(nodes.nodes, partners),
        items=items,
        policy=policy.policy,
        buffers=buffers,
        retired_items=retired.items,
        retired_nodes=retired.nodes,
        rates=rates,
        carriers=carriers.carriers,
        connections=with_partners(connections, partners, warehouses, found),
        aliases=read_aliases(documents.aliases, channels.names, items, found["aliases"]),
        replenishment=read_replenishment(
            documents.replenishment, nodes, items, _services(policy), found["replenishment"]
        ),
    )
    return _Loaded(network, nodes, policy, quotas, found, mappings)


def _services(policy: PolicyRead) -> Collection[str] | None:
    """The services of the policy; None when they could not be read."""
    return policy.policy.transit if policy.top and "transit" not in policy.top.failed else None
