"""Holds the business's map in memory: each version is loaded once per process, because versions never change."""

import gc

from database import network as statements
from database.connect import ReadConnection, WriteConnection
from domain.network import Network
from network.load import NetworkDocuments, load_applied


class NoNetwork(Exception):
    """No network has been applied yet: `python -m starter network apply DIR` does it."""


class Networks:
    """The versions of the network that this process has met."""

    def __init__(self) -> None:
        """Nothing is loaded before it is asked for."""
        self._loaded: dict[int, Network] = {}

    async def active(self, connection: ReadConnection) -> tuple[int, Network]:
        """The active version and its number. Raises `NoNetwork` before one was applied."""
        return await self.version(connection, await statements.active_version(connection))

    async def hold_active(self, connection: WriteConnection) -> Network:
        """The active version, which stays it until the transaction ends. Raises `NoNetwork`."""
        _, network = await self.version(connection, await statements.hold_active_version(connection))
        return network

    async def version(self, connection: ReadConnection, version: int | None) -> tuple[int, Network]:
        """One version by its number. Raises `NoNetwork` for None."""
        if version is None:
            raise NoNetwork("no network has been applied yet: `python -m starter network apply DIR` does it")
        if version not in self._loaded:
            self._loaded[version] = load_applied(NetworkDocuments(**await statements.documents(connection, version)))
            # It stays for good: collecting garbage need not walk through it again (of 10,000 nodes that was half of a plan).
            gc.collect()
            gc.freeze()
        return version, self._loaded[version]
