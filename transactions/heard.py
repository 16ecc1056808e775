"""When each node was last heard, in the memory of a process until a job stores it."""

from datetime import UTC, datetime

from database import contact
from database.connect import Database


class Heard:
    """When each node was last heard. Stored by a job, so that a request of a node costs no statement."""

    def __init__(self) -> None:
        self._at: dict[str, datetime] = {}
        self._unstored: dict[str, datetime] = {}

    def note(self, node: str) -> None:
        """The node has sent a request just now."""
        self._at[node] = self._unstored[node] = datetime.now(UTC)

    def last(self, node: str) -> datetime | None:
        """When this process last heard the node."""
        return self._at.get(node)

    async def store(self, database: Database) -> None:
        """Store what was not stored yet, in one statement; after a failure it is stored the next time."""
        noted = dict(self._unstored)
        if noted:
            async with database.at_once() as connection:
                await contact.heard(connection, noted)
        self._unstored = {node: at for node, at in self._unstored.items() if noted.get(node) != at}
