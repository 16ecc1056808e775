"""Locks a directory for one process, for as long as the process lives."""

import contextlib
import fcntl
import os
import time
from pathlib import Path

from runtime.failure import EmbeddedFailure

# A reader of `is_locked` holds the lock for some microseconds, so one refusal proves nothing.
TRIES = 10
TRY_PAUSE_SECONDS = 0.03


class DirectoryLock:
    """An exclusive lock on one file; the kernel drops it when its owner dies, however it dies."""

    def __init__(self, file: Path, what: str) -> None:
        """`what` names the thing that is locked, for the message: `/srv/switchyard/.data`."""
        self._file = file
        self._what = what
        self._held: int | None = None

    def acquire(self) -> None:
        """Take the lock; a no-op for its holder. Raises `EmbeddedFailure` naming the process that has it."""
        if self._held is not None:
            return
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        if not _locked_in_time(descriptor):
            owner = os.read(descriptor, 20).decode() or "unknown"
            os.close(descriptor)
            raise EmbeddedFailure(f"{self._what} is in use by process {owner}")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._held = descriptor

    def release(self) -> None:
        """Give the lock back; no effect for a process that does not hold it."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


def is_locked(file: Path) -> bool:
    """Whether a living process holds the lock on `file`; a missing file is not locked."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _locked_in_time(descriptor: int) -> bool:
    for _ in range(TRIES):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(TRY_PAUSE_SECONDS)
    return False
