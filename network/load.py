"""Makes a network of four documents, or reports all their mistakes in one pass."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from domain.network import Network
from network.buffers_csv import read_buffers
from network.items_csv import read_items
from network.mistakes import Mistake, Mistakes, NetworkMistakes
from network.nodes_toml import read_nodes
from network.policy_toml import read_policy
from network.retired import read_retired

FILES: Mapping[str, str] = {
    "nodes": "nodes.toml",
    "policy": "policy.toml",
    "items": "items.csv",
    "buffers": "buffers.csv",
}
"""The file of each document."""

OPTIONAL = frozenset({"buffers"})
"""The documents whose file may be absent; an absent file counts as an empty text."""

__all__ = ["FILES", "Mistake", "NetworkDocuments", "NetworkMistakes", "check", "load", "load_applied", "read"]


@dataclass(frozen=True, slots=True)
class NetworkDocuments:
    """The texts of a network directory. They are stored in the database, and each worker loads the network from there."""

    nodes: str
    policy: str
    items: str
    buffers: str = ""
    retired: str = field(default="", compare=False)
    """What earlier versions had and this one has not, as `network.retired` writes it; no file of the directory."""

    @property
    def digest(self) -> str:
        """The SHA-256 of the four files, each with its length before it, in hexadecimal: equal texts, equal digest."""
        digest = hashlib.sha256()
        for text in (self.nodes, self.policy, self.items, self.buffers):
            content = text.encode()
            digest.update(len(content).to_bytes(8, "big") + content)
        return digest.hexdigest()


def read(directory: Path) -> NetworkDocuments:
    """The documents in a directory; an absent file of OPTIONAL is an empty text.

    Raises NetworkMistakes for any other absent file, and for a file that is not UTF-8.
    """
    texts: dict[str, str] = {}
    mistakes: list[Mistake] = []
    for name, file in FILES.items():
        try:
            texts[name] = (directory / file).read_bytes().decode()
        except OSError as error:
            if name in OPTIONAL and isinstance(error, FileNotFoundError):
                continue
            mistakes.append(Mistake(str(directory / file), 1, f"cannot be read: {error.strerror}"))
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            mistakes.append(Mistake(str(directory / file), line, "this is not UTF-8 text"))
    if mistakes:
        raise NetworkMistakes(mistakes)
    return NetworkDocuments(**texts)


def check(directory: Path) -> list[Mistake]:
    """All mistakes of a network directory; none when it can be applied. It changes nothing."""
    try:
        documents = read(directory)
    except NetworkMistakes as error:
        return list(error.mistakes)
    _, mistakes = _load(documents, {name: str(directory / file) for name, file in FILES.items()})
    return mistakes


def load(documents: NetworkDocuments) -> Network:
    """The network that the documents describe. Raises NetworkMistakes with all their mistakes."""
    network, mistakes = _load(documents, FILES)
    if mistakes:
        raise NetworkMistakes(mistakes)
    return network


def load_applied(documents: NetworkDocuments) -> Network:
    """The network of documents that were applied before, without the checks: some may be newer than these documents."""
    network, _ = _load(documents, FILES)
    return network


def _load(documents: NetworkDocuments, files: Mapping[str, str]) -> tuple[Network, list[Mistake]]:
    """A network and the mistakes; the network is complete only if there are none."""
    found = {name: Mistakes(file) for name, file in files.items()}
    nodes = read_nodes(documents.nodes, found["nodes"])
    items = read_items(documents.items, found["items"])
    version, policy = read_policy(documents.policy, nodes, found["policy"])
    buffers = read_buffers(documents.buffers, nodes, items, found["buffers"])
    retired = read_retired(documents.retired)
    network = Network(version, nodes.nodes, items, policy, buffers, retired.items, retired.nodes)
    return network, [mistake for mistakes in found.values() for mistake in mistakes.found()]
