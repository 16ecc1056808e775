"""Runs PostgreSQL from the wheel's programs, as root or as an ordinary user, and survives every way of being killed.

Who may connect: there is no TCP port, and the Unix socket admits by `peer`, the kernel's word on who is calling. Only
the user who started the server becomes the database's owner, so the URL needs no password and is of no use to others.
"""

import contextlib
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

from embedded.account import Account, discard, own_account, server_account, settle
from embedded.binaries import postgres_programs
from embedded.process import Child, Command, Part, bare_environment, run_to_end, stop_part, wait_until_ready
from runtime.directory_lock import DirectoryLock
from runtime.failure import EmbeddedFailure

NAME = "switchyard"
"""The database, its owner, and the map that admits the operating system's user as this owner."""

SETTINGS = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": "128MB",
        "max_wal_size": "512MB",
        "io_method": "sync",  # no processes of its own for reading; the data is small
        "max_parallel_workers_per_gather": "0",
        "jit": "off",
        "log_checkpoints": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
)
"""For a machine with two cores and little memory. What is acknowledged is on disk: `fsync` stays on."""

FORGETFUL = MappingProxyType({"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"})
"""For tests only: a power cut destroys the database, a killed process does not."""

SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_BYTES_MAX = 107  # sun_path of <sys/un.h>, less its terminating zero
LEFTOVER_SECONDS_MAX = 6.0  # PostgreSQL itself kills what does not quit within 5 s
POLL_SECONDS = 0.02
STOP_STEPS = ((signal.SIGINT, 3.0), (signal.SIGQUIT, 2.0))  # PostgreSQL's fast, then its immediate shutdown


class EmbeddedPostgres:
    """One PostgreSQL server on one directory, which nobody else uses meanwhile.

    Tests call `start` and `stop`, or use it as a context manager; a supervisor runs its `part`. The directory may be
    anywhere: where the server's account cannot enter it, it becomes a symbolic link (see `embedded.account`).
    """

    def __init__(self, directory: Path, settings: Mapping[str, str] = MappingProxyType({})) -> None:
        """`settings` are PostgreSQL's own, over those of `SETTINGS`; `FORGETFUL` makes tests fast."""
        self._directory = directory.absolute()
        self._settings = {**SETTINGS, **settings}
        self._lock: DirectoryLock | None = None
        self._child: Child | None = None
        self._url: str | None = None
        self.part = Part("PostgreSQL", self._command, self._obstacle, STOP_STEPS, lambda: end_leftovers(self._data))

    @property
    def url(self) -> str:
        """`postgresql://switchyard@/switchyard?host=…`, for asyncpg, SQLAlchemy and psql, once the files are made."""
        if self._url is None:
            raise EmbeddedFailure("PostgreSQL has not been started, so it has no address yet")
        return self._url

    def start(self) -> str:
        """Make what is missing, start the server, wait until it answers, and return its URL."""
        self._child = Child(self.part.name, self.part.command(), self._directory / "postgresql.log")
        try:
            wait_until_ready(self._child, self.part)
        except EmbeddedFailure:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """End every process of the server, and let others have the directory. Stopping twice is stopping once."""
        if self._child is not None:
            stop_part(self._child, self.part)
            self._child = None
        if self._lock is not None:
            self._lock.release()

    def discard(self) -> None:
        """Delete the stopped server's files, wherever they are."""
        self.stop()
        discard(self._directory / "socket")
        discard(self._directory)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _data(self) -> Path:
        return self._directory.resolve() / "data"

    def _command(self) -> Command:
        account = server_account()
        home = settle(self._directory, account)
        self._claim(home)
        programs = postgres_programs(account)
        end_leftovers(self._data)
        if not (self._data / "PG_VERSION").exists():
            _initialise(home, programs, account)
        socket_directory = _socket_directory(home, account)
        _clear(socket_directory, self._data)
        self._url = f"postgresql://{NAME}@/{NAME}?host={socket_directory}"
        settings = {**self._settings, **_admission(home), "unix_socket_directories": str(socket_directory)}
        flags = (word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
        return _command(home, account, str(programs / "postgres"), "-D", str(self._data), *flags)

    def _claim(self, home: Path) -> None:
        if self._lock is None:
            self._lock = DirectoryLock(home / "lock", str(self._directory))
        self._lock.acquire()

    def _obstacle(self) -> str | None:
        """PostgreSQL writes its state into the eighth line of its pid file; `_clear` has removed any older file."""
        with contextlib.suppress(OSError):
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return None
        return "it has not finished starting"


def end_leftovers(data: Path) -> None:
    """End every PostgreSQL process that still works in `data`; call it only as the owner of the directory.

    PostgreSQL makes its data directory its working directory. That finds what a pid file cannot: backends that outlived
    their killed server. And it spares what a pid file would hit: a reused pid, and a zombie, which has no directory.
    """
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for pid in _processes_in(data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + LEFTOVER_SECONDS_MAX
        while any(_processes_in(data)):
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
        else:
            return
    raise EmbeddedFailure(f"PostgreSQL processes {list(_processes_in(data))} of {data} cannot be ended")


def _processes_in(data: Path) -> Iterator[int]:
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                is_postgres = os.readlink(process / "exe").removesuffix(" (deleted)").endswith("/postgres")
                if is_postgres and os.readlink(process / "cwd") == str(data):
                    yield int(process.name)


def _command(home: Path, account: Account, *arguments: str, text: str = "") -> Command:
    # SIGQUIT: when this process dies, the server ends its backends at once; the next start recovers what was committed.
    return Command(arguments, bare_environment(), home, (account.uid, account.gid), signal.SIGQUIT, text)


def _initialise(home: Path, programs: Path, account: Account) -> None:
    """Make the cluster and its database aside, then rename: what was interrupted never looks finished."""
    draft = home / "draft"
    discard(draft)
    draft.mkdir(mode=0o700)
    os.chown(draft, account.uid, account.gid)
    log = home / "initdb.log"
    locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    access = ("--auth-local=peer", "--auth-host=reject")
    initdb = (str(programs / "initdb"), "-D", str(draft), "-U", NAME, *locale, *access)
    run_to_end("initdb", _command(home, account, *initdb), log)
    single_user = (str(programs / "postgres"), "--single", "-D", str(draft), "postgres")
    statement = f"CREATE DATABASE {NAME}\n"
    run_to_end("creating the database", _command(home, account, *single_user, text=statement), log)
    draft.rename(home / "data")


def _admission(home: Path) -> dict[str, str]:
    """Settings that admit this process's user and nobody else; written at every start, for the user may differ."""
    access, users = home / "pg_hba.conf", home / "pg_ident.conf"
    access.write_text(f"local all all peer map={NAME}\n")
    users.write_text(f'{NAME} "{own_account().name}" {NAME}\n')
    for file in (access, users):
        file.chmod(0o644)
    return {"hba_file": str(access), "ident_file": str(users)}


def _socket_directory(home: Path, account: Account) -> Path:
    """`home/socket`: a folder, or a link to one in /tmp where its path is too long or needs quoting in a URL."""
    link = home / "socket"
    if not (link.is_dir() and link.stat().st_uid == account.uid):
        discard(link)
        if _fits_a_socket(link):
            link.mkdir(mode=0o700)
        else:
            link.symlink_to(tempfile.mkdtemp(prefix="switchyard-", dir="/tmp"))
        os.chown(link, account.uid, account.gid)
    return link.resolve()


def _fits_a_socket(directory: Path) -> bool:
    fits = len(os.fsencode(directory / SOCKET)) <= SOCKET_PATH_BYTES_MAX
    return fits and re.fullmatch(r"[\w/.+-]+", str(directory), re.ASCII) is not None


def _clear(socket_directory: Path, data: Path) -> None:
    """Remove what a killed server leaves; no process of it is alive any more."""
    for stale in (data / "postmaster.pid", socket_directory / SOCKET, socket_directory / f"{SOCKET}.lock"):
        stale.unlink(missing_ok=True)
