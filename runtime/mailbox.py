"""Exchanges files with a partner through folders: one process reads each file that came, and what goes is there whole.

A mailbox has the folders `in`, `out`, `done` and `failed`, which the partner sees, and `work`, which is ours. A file that is
claimed moves to `work` in one step, under a name that says when and by whom: of two processes one gets it. What a process that
died left there is offered again when the lease is over. What goes is written in `work` and moved to `out` when it is whole.

Whether the folders are a directory or lie behind SFTP is the matter of `Folders`.
"""

import math
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count
from typing import Protocol

import structlog

SETTLE = timedelta(seconds=5)
"""A file whose size and time have not changed for this long is taken for finished."""
LEASE = timedelta(minutes=10)
"""After this time a file that was claimed, and is neither done nor failed, is offered again."""
BYTES_MAX = 100_000_000
NAME_BYTES_MAX = 180
"""Longer names of files are not read: the folders add to a name, and file systems take 255 bytes."""

_UNFINISHED = (".part", ".tmp", ".filepart")
"""How the names of files end that a program is still writing."""
_STAMPED = re.compile(r"(?P<at_ms>\d{13})\.(?P<process>[0-9a-f]{8})-\d+\.(?P<way>in|out)\.(?P<name>.+)", re.DOTALL)

_MARK = "mark"

_Offered = tuple[float, str, str, int | None]
"""When a file was written, its name, its path and its size."""

log = structlog.get_logger("mailbox")


class MailboxUnreachable(Exception):
    """The folders cannot be used now; the text says why and what to do. Nothing is lost, and the same may be tried again."""


class NotClaimed(Exception):
    """A file is not for us: another process has it, its sender took it back or still writes it, or it cannot be read."""


class NotReadable(Exception):
    """What has a file's name cannot be read as one; the text says why."""


class NameTaken(Exception):
    """Another file of this name, with another content, still waits in `out`."""


class Folder(StrEnum):
    """The folders of a mailbox."""

    IN = "in"
    OUT = "out"
    DONE = "done"
    FAILED = "failed"
    WORK = "work"


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file in a folder, as it was when somebody looked."""

    name: str
    size: int | None
    """In bytes; None = the server does not say it."""
    modified: float
    """Seconds since 1970, by the clock of the machine that has the file."""


class Folders(Protocol):
    """The folders, wherever they are. A path is `folder/name`. All raise `MailboxUnreachable`."""

    async def files(self, folder: Folder) -> list[SeenFile]:
        """The files of a folder, in no order; no folders in it, and no links. Makes the folder where it is missing."""

    async def exists(self, path: str) -> bool:
        """Whether something has this path."""

    async def read(self, path: str, bytes_max: int) -> bytes:
        """The content. Raises `FileNotFoundError`, and `NotReadable` for what is no file or larger."""

    async def write(self, path: str, body: bytes) -> None:
        """Write a new file, so that it outlives a power cut."""

    async def move(self, path: str, to: str) -> None:
        """Give a file another path in one step. Raises `FileNotFoundError` when it is gone, and `FileExistsError`."""

    async def remove(self, path: str) -> None:
        """Remove a file; no effect where there is none."""

    async def close(self) -> None:
        """Let go of what is open; it is opened again when it is needed."""


def mistake_of_name(name: str) -> str | None:
    """Why a file of this name is never read or written; None = it may be. Names come from outside and may be anything."""
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if length > NAME_BYTES_MAX:
        return f"its name has more than {NAME_BYTES_MAX} bytes"
    if not name or name.startswith(".") or re.search(r"[/\\\x00-\x1f\x7f-\x9f]", name):
        return "its name must not begin with a dot, nor hold a slash, a backslash or a control character"
    return None


def is_unfinished(name: str) -> bool:
    """Whether a name says that its file is still being written."""
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


class Mailbox:
    """The files of one partner, as one process exchanges them; several processes share the work."""

    def __init__(
        self,
        folders: Folders,
        *,
        settle: timedelta = SETTLE,
        lease: timedelta = LEASE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives seconds since 1970."""
        self._folders = folders
        self._settle = settle.total_seconds()
        self._lease = lease.total_seconds()
        self._clock = clock
        self._process = secrets.token_hex(4)
        self._numbers = count(1)
        self._since: dict[SeenFile, float] = {}
        """When each file in `in` was first seen as it is now."""
        self._found: dict[str, tuple[str, int | None]] = {}
        """Path and size of each file that the last look offered, by its name."""
        self._written: dict[str, float] = {}
        """When each file was last written, of those that were offered."""
        self._claims: dict[str, str] = {}
        """The path of each file that this process reads, by the name with which it came."""
        self._refused: set[str] = set()

    async def names(self) -> list[str]:
        """The finished files that came and that nobody reads, oldest first. One that is still written waits for a later look.

        Raises `MailboxUnreachable`.
        """
        offered = await self._left_behind() + await self._arrived()
        self._found = {}
        self._written = {name: at for name, at in self._written.items() if name in self._claims}
        for at, name, path, size in sorted(offered, key=lambda file: file[:2]):
            if name not in self._claims:
                self._found.setdefault(name, (path, size))
                self._written.setdefault(name, at)
        return list(self._found)

    def written_at(self, name: str) -> datetime:
        """When a file that was offered was last written, as its machine says; never later than now."""
        return datetime.fromtimestamp(min(self._written.get(name, math.inf), self._clock()), UTC)

    async def claim(self, name: str) -> bytes:
        """Take a file for this process and answer its content; `done` or `failed` must follow.

        What cannot be read, or has more than `BYTES_MAX` bytes, is moved to `failed` here. Raises `NotClaimed` and
        `MailboxUnreachable`.
        """
        path, size = self._found.pop(name, (f"{Folder.IN}/{name}", None))
        if mistake := mistake_of_name(name):
            raise NotClaimed(f"{name!r} is not read: {mistake}")
        if name in self._claims:
            raise NotClaimed(f"an earlier file {name} is being read")
        claimed = self._claims[name] = self._stamped("in", name)
        try:
            await self._folders.move(path, claimed)
            body = await self._folders.read(claimed, BYTES_MAX)
        except NotReadable as error:
            await self.failed(name, str(error))
            raise NotClaimed(f"{name} {error}") from error
        except FileNotFoundError as error:
            self.give_back(name)
            raise NotClaimed(f"{name} is gone: another process has it, or its sender took it back") from error
        except BaseException:
            self.give_back(name)
            raise
        if size is not None and size != len(body):
            self.give_back(name)
            raise NotClaimed(f"{name} is still being written")
        return body

    def give_back(self, name: str) -> None:
        """Stop reading a claimed file: `names` offers it again."""
        self._claims.pop(name, None)

    async def done(self, name: str) -> None:
        """Move a claimed file to `done`: what it says is taken. Raises `MailboxUnreachable`; it is then offered again."""
        await self._leave(name, Folder.DONE, await self._free(Folder.DONE, name))

    async def failed(self, name: str, why: str) -> None:
        """Move a claimed file to `failed`, with the reason in a file beside it whose name ends with `.why`.

        Raises `MailboxUnreachable`; the file is then offered again.
        """
        free = await self._free(Folder.FAILED, name)
        await self._deliver(Folder.FAILED, f"{free}.why", f"{why}\n".encode())
        await self._leave(name, Folder.FAILED, free)

    async def put(self, name: str, body: bytes) -> None:
        """Put a file into `out`, whole or not at all. The same file that still waits there is left as it is.

        Raises `ValueError` for a name that no file may have, `NameTaken`, and `MailboxUnreachable`.
        """
        if (mistake := mistake_of_name(name)) or is_unfinished(name):
            raise ValueError(
                f"{name!r} cannot be put into {Folder.OUT}: {mistake or 'its name is of an unfinished file'}"
            )
        try:
            await self._deliver(Folder.OUT, name, body)
        except FileExistsError:
            match await self._is_there(f"{Folder.OUT}/{name}", body):
                case None:
                    await self.put(name, body)
                case False:
                    raise NameTaken(f"{Folder.OUT} has another file {name}; it waits for the partner") from None

    async def remembered(self, key: str) -> str | None:
        """What `remember` kept last under a key; None = nothing. Raises `MailboxUnreachable`."""
        marks = await self._marks(key)
        return marks[-1].name.removeprefix(f"{_MARK}.{key}.") if marks else None

    async def remember(self, key: str, value: str) -> None:
        """Keep how far something has got, for every process, in the name of a file of ours. Raises `MailboxUnreachable`.

        Key and value are letters, digits and hyphens. What ends in the middle leaves the old value or the new one.
        """
        mark = f"{_MARK}.{key}.{value}"
        if not re.fullmatch(r"mark(\.[A-Za-z0-9-]{1,80}){2}", mark):
            raise ValueError(f"{key!r} and {value!r} must be letters, digits and hyphens")
        earlier = [seen.name for seen in await self._marks(key)]
        if mark not in earlier:
            await self._folders.write(f"{Folder.WORK}/{mark}", b"")
        for name in earlier:
            if name != mark:
                await self._folders.remove(f"{Folder.WORK}/{name}")

    async def _marks(self, key: str) -> list[SeenFile]:
        """The marks of a key, the newest last."""
        marks = [seen for seen in await self._folders.files(Folder.WORK) if seen.name.startswith(f"{_MARK}.{key}.")]
        return sorted(marks, key=lambda seen: (seen.modified, seen.name))

    async def close(self) -> None:
        """End the connection, where there is one. What is claimed is offered again when the lease is over."""
        await self._folders.close()

    async def _arrived(self) -> list[_Offered]:
        """The finished files of `in`."""
        now = self._clock()
        seen = [file for file in await self._folders.files(Folder.IN) if self._may_be_read(file.name)]
        self._since = {file: self._since.get(file, now) for file in seen}
        finished = [file for file, since in self._since.items() if now - since >= self._settle]
        return [(file.modified, file.name, f"{Folder.IN}/{file.name}", file.size) for file in finished]

    async def _left_behind(self) -> list[_Offered]:
        """The files that somebody claimed and reads no more. Removes what somebody began to write and did not finish."""
        found = []
        for file in await self._folders.files(Folder.WORK):
            stamp = _STAMPED.fullmatch(file.name)
            path = f"{Folder.WORK}/{file.name}"
            if stamp is None or not self._is_free(path, stamp):
                continue
            if stamp["way"] == "out":
                await self._folders.remove(path)
            else:
                found.append((file.modified, stamp["name"], path, file.size))
        return found

    def _is_free(self, path: str, stamp: re.Match[str]) -> bool:
        if self._clock() - int(stamp["at_ms"]) / 1000 >= self._lease:
            self._claims = {name: claimed for name, claimed in self._claims.items() if claimed != path}
            return True
        is_mine = stamp["way"] == "in" and stamp["process"] == self._process
        return is_mine and path not in self._claims.values()

    def _may_be_read(self, name: str) -> bool:
        if is_unfinished(name):
            return False
        mistake = mistake_of_name(name)
        if mistake and name not in self._refused:
            self._refused.add(name)
            log.warning("a file is not read; its sender must give it another name", file=ascii(name), reason=mistake)
        return mistake is None

    def _stamped(self, way: str, name: str) -> str:
        at_ms = int(self._clock() * 1000)
        return f"{Folder.WORK}/{at_ms:013d}.{self._process}-{next(self._numbers)}.{way}.{name}"

    async def _free(self, folder: Folder, name: str) -> str:
        """A name under which a file can stand in the folder; the same one wherever it can."""
        if await self._folders.exists(f"{folder}/{name}") or await self._folders.exists(f"{folder}/{name}.why"):
            return f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{name}"
        return name

    async def _leave(self, name: str, folder: Folder, free: str) -> None:
        claimed = self._claims.pop(name, None)
        if claimed is None:
            raise NotClaimed(f"{name} is not claimed by this process, or its lease is over")
        try:
            await self._folders.move(claimed, f"{folder}/{free}")
        except FileNotFoundError:
            log.warning("a file that was read is gone: its lease was over, and another process has it", file=name)

    async def _deliver(self, folder: Folder, name: str, body: bytes) -> None:
        """Put a whole file into a folder. Raises `FileExistsError`."""
        if await self._folders.exists(f"{folder}/{name}"):
            raise FileExistsError(name)
        draft = self._stamped("out", name)
        await self._folders.write(draft, body)
        await self._folders.move(draft, f"{folder}/{name}")

    async def _is_there(self, path: str, body: bytes) -> bool | None:
        """Whether a file has this content; None = it is gone by now."""
        try:
            return await self._folders.read(path, len(body)) == body
        except NotReadable:
            return False
        except FileNotFoundError:
            return None
