"""The figures of the database for `GET /metrics`: read as seldom as they take long to read."""

import time
from collections.abc import Callable

from database.connect import Database
from database.documents import metrics as documents
from database.documents.metrics import Rows

SHARE_MAX = 0.05
"""The part of the time that this process may spend with reading figures: what took long to read is shown for longer."""


class Figures:
    """The figures of the database, kept for so long that reading them takes a small part of the time, however often they are
    asked for and however many orders are under way."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing was read yet."""
        self._database = database
        self._clock = clock
        self._rows: Rows = {}
        self._kept_until = -1.0

    async def read(self) -> Rows:
        """The rows of every source."""
        began = self._clock()
        if began >= self._kept_until:
            async with self._database.read_once() as connection:
                self._rows = await documents.read(connection)
            ended = self._clock()
            self._kept_until = ended + (ended - began) * (1 / SHARE_MAX - 1)
        return self._rows
