"""Keeps the network in memory: each version is loaded once per process, because versions never change."""

import gc
from operator import itemgetter

from database import network as statements
from database.connect import ReadConnection, WriteConnection
from domain.network import Network
from network.load import NetworkDocuments, load_applied


class NoNetwork(Exception):
    """No network has been applied yet: `python -m starter network apply DIR` does it."""


class Networks:
    """The network versions that this process has loaded."""

    def __init__(self) -> None:
        """A version is loaded when it is first needed."""
        self._loaded: dict[int, Network] = {}

    @property
    def newest(self) -> tuple[int, Network] | None:
        """The newest version that this process has loaded, which is the active one unless another was applied since."""
        return max(self._loaded.items(), key=itemgetter(0), default=None)

    async def active(self, connection: ReadConnection) -> tuple[int, Network]:
        """The active version and its number. Raises `NoNetwork` when none was applied."""
        return await self.version(connection, await statements.active_version(connection))

    async def hold_active(self, connection: WriteConnection) -> Network:
        """The active version, locked so that it stays active until the transaction ends. Raises `NoNetwork`."""
        _, network = await self.version(connection, await statements.hold_active_version(connection))
        return network

    async def version(self, connection: ReadConnection, version: int | None) -> tuple[int, Network]:
        """One version by its number. Raises `NoNetwork` for None."""
        if version is None:
            raise NoNetwork("no network has been applied yet: `python -m starter network apply DIR` does it")
        if version not in self._loaded:
            self._loaded[version] = load_applied(NetworkDocuments(**await statements.documents(connection, version)))
            # It is never freed, so garbage collection should skip it (with 10,000 nodes, that was half of a plan's time).
            gc.collect()
            gc.freeze()
        return version, self._loaded[version]
