"""A partner's SFTP server in the process of the tests, with the faults of a bad line."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from io import IOBase
from pathlib import Path
from typing import TypeVar

import asyncssh

from runtime.sftp import WITHIN, SftpCredentials, SftpFolders, SftpPlace

USER, PASSWORD = "switchyard", "correct horse"
Result = TypeVar("Result")


@dataclass
class Faults:
    """What goes wrong at the server, until it is set back."""

    lost_before: str | None = None
    """The connection ends before this call does something, once: `rename`, `write`, `read`, `open`, `mkdir`."""
    lost_after: str | None = None
    """The connection ends when this call was done and is not answered yet, once."""
    silent: bool = False
    """Calls are taken and never answered."""
    calls: list[str] = field(default_factory=list)


class _Server(asyncssh.SSHServer):
    """Lets in the one user, by password or by the one key."""

    def __init__(self, client_key: asyncssh.SSHKey, connections: list[asyncssh.SSHServerConnection]) -> None:
        self._client_key = client_key
        self._connections = connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and key == self._client_key.convert_to_public()


class _Files(asyncssh.SFTPServer):
    """The files below one directory, with faults."""

    def __init__(self, root: Path, faults: Faults, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(chan, chroot=str(root).encode())
        self._faults = faults

    async def _do(self, call: str, act: Callable[[], Result | Awaitable[Result]]) -> Result:
        self._faults.calls.append(call)
        if self._faults.silent:
            await asyncio.Event().wait()
        if self._faults.lost_before == call:
            self._faults.lost_before = None
            self._lose()
        made = act()
        done = await made if isinstance(made, Awaitable) else made
        if self._faults.lost_after == call:
            self._faults.lost_after = None
            if isinstance(done, IOBase):
                done.close()
            self._lose()
        return done

    def _lose(self) -> None:
        self.channel.get_connection().abort()
        raise asyncssh.SFTPConnectionLost("the line is cut")

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._do("rename", partial(asyncssh.SFTPServer.rename, self, oldpath, newpath))

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        return await self._do("open", partial(asyncssh.SFTPServer.open, self, path, pflags, attrs))

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        return await self._do("write", partial(asyncssh.SFTPServer.write, self, file_obj, offset, data))

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        return await self._do("read", partial(asyncssh.SFTPServer.read, self, file_obj, offset, size))


@dataclass
class SftpServer:
    """A server that runs."""

    port: int
    host_key: asyncssh.SSHKey
    client_key: asyncssh.SSHKey
    faults: Faults
    opened: list[SftpFolders] = field(default_factory=list)
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)

    @property
    def place(self) -> SftpPlace:
        """Where the folders are."""
        public = self.host_key.export_public_key().decode().strip()
        return SftpPlace("127.0.0.1", self.port, USER, public, "")

    def folders(
        self, place: SftpPlace | None = None, secret: SftpCredentials | None = None, within: float | None = None
    ) -> SftpFolders:
        """A client of the server; it is closed with it."""
        limit = WITHIN if within is None else WITHIN * (within / WITHIN.total_seconds())
        folders = SftpFolders(place or self.place, secret or SftpCredentials(password=PASSWORD), within=limit)
        self.opened.append(folders)
        return folders


@asynccontextmanager
async def sftp_server(root: Path) -> AsyncIterator[SftpServer]:
    """A server on a port of its own that serves `root`."""
    host_key, client_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    server = SftpServer(0, host_key, client_key, Faults())
    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        server_factory=lambda: _Server(client_key, server.connections),
        sftp_factory=partial(_Files, root, server.faults),
    )
    server.port = listener.get_port()
    try:
        yield server
    finally:
        for folders in server.opened:
            await folders.close()
        for connection in server.connections:
            connection.abort()
        listener.close()
        await listener.wait_closed()
