"""A mailbox in a directory of this machine, or of a network drive that is mounted here: the drop directory."""

import asyncio
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from runtime.mailbox import Folder, MailboxUnreachable, NotReadable, SeenFile

Result = TypeVar("Result")


class DropDirectory:
    """The folders of a drop directory. The directory must exist: a drive that is not mounted is no empty mailbox."""

    def __init__(self, directory: Path) -> None:
        """`directory` holds `in`, `out`, `done`, `failed` and `work`; they are made where they are missing."""
        self._directory = directory

    async def files(self, folder: Folder) -> list[SeenFile]:
        """See `Folders`."""
        return await self._run(_files, self._directory / folder)

    async def exists(self, path: str) -> bool:
        """See `Folders`."""
        return await self._run(os.path.lexists, self._directory / path)

    async def read(self, path: str, bytes_max: int) -> bytes:
        """See `Folders`."""
        return await self._run(_read, self._directory / path, bytes_max)

    async def write(self, path: str, body: bytes) -> None:
        """See `Folders`."""
        await self._run(_write, self._directory / path, body)

    async def move(self, path: str, to: str) -> None:
        """See `Folders`."""
        await self._run(_move, self._directory / path, self._directory / to)

    async def remove(self, path: str) -> None:
        """See `Folders`."""
        await self._run(_remove, self._directory / path)

    async def close(self) -> None:
        """See `Folders`."""

    async def _run(self, act: Callable[..., Result], *given: object) -> Result:
        """Act in a thread: a network drive may take its time."""
        try:
            return await asyncio.to_thread(act, *given)
        except (FileNotFoundError, FileExistsError) as error:
            if not await asyncio.to_thread(self._directory.is_dir):
                said = "is not there; make it, or mount it, and give it to the user that runs Switchyard"
                raise MailboxUnreachable(f"the drop directory {self._directory} {said}") from error
            raise
        except OSError as error:
            said = f"the drop directory {self._directory} cannot be used: {error.strerror}"
            raise MailboxUnreachable(f"{said} ({error.filename}); correct it, it is tried again") from error


def _files(folder: Path) -> list[SeenFile]:
    folder.mkdir(exist_ok=True)
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another process has claimed it since
                if entry.is_file(follow_symlinks=False):
                    seen = entry.stat(follow_symlinks=False)
                    found.append(SeenFile(entry.name, seen.st_size, seen.st_mtime))
    return found


def _read(file: Path, bytes_max: int) -> bytes:
    try:
        # A link would let its sender read any file of this machine, and a pipe would make us wait for ever.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if file.is_symlink():
            raise NotReadable("is a link, not a file") from error
        raise
    with open(descriptor, "rb") as content:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotReadable("is not a file")
        body = content.read(bytes_max + 1)
    if len(body) > bytes_max:
        raise NotReadable(f"has more than {bytes_max} bytes")
    return body


def _write(file: Path, body: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    with open(file, "xb") as output:
        output.write(body)
        output.flush()
        os.fsync(output.fileno())


def _move(file: Path, to: Path) -> None:
    to.parent.mkdir(exist_ok=True)
    # Looked at first, since a rename replaces what is there. Not one step: only processes of ours write into these folders,
    # and a link, which would be one step, is refused by many network drives.
    if os.path.lexists(to):
        raise FileExistsError(to)
    file.rename(to)
    _keep(to.parent)
    _keep(file.parent)


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)


def _keep(folder: Path) -> None:
    """Let the names in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network drives keep names by themselves and refuse this
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
