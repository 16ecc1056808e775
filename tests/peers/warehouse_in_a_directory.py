"""A warehouse that exchanges its files by a directory: it takes what lies in `out` and leaves its own files in `in`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.peers.warehouse import Asked, Warehouse

LOOKS_EVERY_SECONDS = 0.2

Work = Callable[[Warehouse, Asked], bytes | None]
"""What the warehouse sends about an order that it was sent or changed; None = nothing yet."""


@dataclass(slots=True)
class DirectoryWarehouse:
    """The warehouse and its directory."""

    directory: Path
    work: Work
    warehouse: Warehouse = field(default_factory=Warehouse)
    _names: "count[int]" = field(default_factory=lambda: count(1))

    def leave(self, content: bytes) -> None:
        """Leave a file, whole or not at all."""
        name = f"w{next(self._names)}.edi"
        folder = self.directory / "in"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.part").write_bytes(content)
        (folder / f"{name}.part").rename(folder / name)

    def look(self) -> None:
        """Take every file that lies there, acknowledge it, and send what there is to say of each order in it."""
        for path in sorted((self.directory / "out").glob("*.edi")):
            content = path.read_bytes()
            path.unlink()
            before = {number: asked.purpose for number, asked in self.warehouse.orders.items()}
            for answer in self.warehouse.take(content):
                self.leave(answer)
            for number, asked in list(self.warehouse.orders.items()):
                if before.get(number) != asked.purpose and (advice := self.work(self.warehouse, asked)):
                    self.leave(advice)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["DirectoryWarehouse"]:
        """Look again and again while the block lasts."""

        async def forever() -> None:
            while True:
                self.look()
                await asyncio.sleep(LOOKS_EVERY_SECONDS)

        looking = asyncio.create_task(forever())
        try:
            yield self
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
