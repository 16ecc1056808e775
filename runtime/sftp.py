"""A mailbox on a partner's SFTP server.

The server must show the host key that the network directory names; nothing is sent to another one. Nothing of the user who runs
the process is used: no `~/.ssh`, no agent. A connection is kept while it lives, and made again when it is needed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_REGULAR, FILEXFER_TYPE_UNKNOWN

from runtime.mailbox import Folder, MailboxUnreachable, NotReadable, SeenFile

Result = TypeVar("Result")
Act = Callable[[asyncssh.SFTPClient], Awaitable[Result]]

WITHIN = timedelta(seconds=30)
"""A connection, and each act of it without the bytes of a file, takes this long at most."""
BYTES_PER_SECOND_LEAST = 50_000
"""A file may take as long as it takes at this speed, in addition."""
KEEP_ALIVE_SECONDS = 15
"""How often a silent server is asked whether it is there; the third question without an answer ends the connection."""


@dataclass(frozen=True, slots=True)
class SftpPlace:
    """Where a partner's folders are."""

    host: str
    port: int
    user: str
    host_key: str
    """The server's public key, as `ssh-ed25519 AAAA…`: what `ssh-keyscan` prints, without the name of the host."""
    path: str
    """The directory that holds the folders, as the server names it; "" = where a user begins."""

    def __str__(self) -> str:
        """The place, as people read it in messages."""
        return f"sftp://{self.user}@{self.host}:{self.port}/{self.path}"


@dataclass(frozen=True, slots=True)
class SftpCredentials:
    """What shows the server that it is us: a password, or a private key in a form of OpenSSH, or both."""

    password: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    """Without a passphrase: it is sealed with everything else that is secret."""


def mistake_of_host_key(text: str) -> str | None:
    """What is wrong with a host key of the network directory; None = nothing."""
    try:
        asyncssh.import_public_key(text)
    except (asyncssh.KeyImportError, ValueError):
        return "host_key must be a public key such as “ssh-ed25519 AAAA…”: what ssh-keyscan prints behind the name of the host"
    return None


class SftpFolders:
    """The folders of a partner's SFTP server."""

    def __init__(self, place: SftpPlace, credentials: SftpCredentials, *, within: timedelta = WITHIN) -> None:
        """`within` is the time that a connection, and each act of it, takes at most. The folders are made where they are
        missing; the directory `path` must exist."""
        self._place = place
        self._credentials = credentials
        self._within = within.total_seconds()
        self._connecting = asyncio.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    async def files(self, folder: Folder) -> list[SeenFile]:
        """See `Folders`."""

        async def act(client: asyncssh.SFTPClient) -> list[SeenFile]:
            return [
                SeenFile(str(entry.filename), entry.attrs.size, float(entry.attrs.mtime or 0))
                async for entry in client.scandir(self._path(folder))
                if entry.attrs.type in (FILEXFER_TYPE_REGULAR, FILEXFER_TYPE_UNKNOWN)
            ]

        return await self._run(act)

    async def exists(self, path: str) -> bool:
        """See `Folders`."""
        return await self._run(lambda client: client.lexists(self._path(path)))

    async def read(self, path: str, bytes_max: int) -> bytes:
        """See `Folders`."""

        async def act(client: asyncssh.SFTPClient) -> bytes:
            async with client.open(self._path(path), "rb") as file:
                size = (await file.stat()).size or 0
                if size > bytes_max:
                    raise NotReadable(f"has more than {bytes_max} bytes")
                return await file.read(size)

        return await self._run(act, bytes_max)

    async def write(self, path: str, body: bytes) -> None:
        """See `Folders`."""

        async def act(client: asyncssh.SFTPClient) -> None:
            async with client.open(self._path(path), "xb") as file:
                await file.write(body)
                with suppress(asyncssh.SFTPOpUnsupported):
                    await file.fsync()
                kept = (await file.stat()).size
            if kept is not None and kept != len(body):
                raise MailboxUnreachable(f"{self._place} kept {kept} of {len(body)} bytes of {path}; it is tried again")

        await self._run(act, len(body))

    async def move(self, path: str, to: str) -> None:
        """See `Folders`."""

        async def act(client: asyncssh.SFTPClient) -> None:
            if await client.lexists(self._path(to)):  # some servers replace what is there
                raise FileExistsError(to)
            try:
                await client.rename(self._path(path), self._path(to))
            except asyncssh.SFTPFailure:  # some say no more than that when the file is gone
                if await client.lexists(self._path(path)):
                    raise
                raise FileNotFoundError(path) from None

        await self._run(act)

    async def remove(self, path: str) -> None:
        """See `Folders`."""

        async def act(client: asyncssh.SFTPClient) -> None:
            with suppress(asyncssh.SFTPNoSuchFile):
                await client.remove(self._path(path))

        await self._run(act)

    async def close(self) -> None:
        """End the connection. It is made again when it is needed."""
        if self._connection is not None:
            self._connection.abort()
            await self._connection.wait_closed()
        self._connection = self._client = None

    def _path(self, path: str) -> str:
        return f"{self._place.path.rstrip('/')}/{path}" if self._place.path else path

    async def _run(self, act: Act[Result], size: int = 0) -> Result:
        """Act on the connection, which ends when the act fails: what is half done there ends with it."""
        try:
            async with asyncio.timeout(self._within):
                client = await self._connected()
            async with asyncio.timeout(self._within + size / BYTES_PER_SECOND_LEAST):
                return await act(client)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
            raise FileNotFoundError(str(error)) from error
        except asyncssh.SFTPFileAlreadyExists as error:
            raise FileExistsError(str(error)) from error
        except (FileNotFoundError, FileExistsError, NotReadable):
            raise
        except (OSError, asyncssh.Error, asyncssh.KeyImportError, MailboxUnreachable) as error:
            await self.close()
            raise _unreachable(self._place, error) from error
        except asyncio.CancelledError:
            await self.close()
            raise

    async def _connected(self) -> asyncssh.SFTPClient:
        async with self._connecting:
            if self._client is None or self._connection is None or self._connection.is_closed():
                self._connection = await self._connect()
                # Names are bytes for a server: one that is no UTF-8 must not hide the others.
                client = await self._connection.start_sftp_client(path_errors="surrogateescape")
                await self._make_folders(client)
                self._client = client
            return self._client

    async def _connect(self) -> asyncssh.SSHClientConnection:
        place, secret = self._place, self._credentials
        if mistake := mistake_of_host_key(place.host_key):
            raise MailboxUnreachable(f"{place}: {mistake}")
        keys = [asyncssh.import_private_key(secret.private_key)] if secret.private_key else None
        return await asyncssh.connect(
            place.host,
            place.port,
            username=place.user,
            client_factory=lambda: _Client(place),
            known_hosts=([asyncssh.import_public_key(place.host_key)], [], []),
            password=secret.password,
            client_keys=keys,
            # What the library else takes from the user who runs the process:
            config=None,
            agent_path=None,
            gss_host=None,
            pkcs11_provider=None,
            keepalive_interval=KEEP_ALIVE_SECONDS,
        )

    async def _make_folders(self, client: asyncssh.SFTPClient) -> None:
        for folder in Folder:
            if not await client.isdir(self._path(folder)):
                with suppress(asyncssh.SFTPError):  # perhaps another process was faster
                    await client.mkdir(self._path(folder))
            if not await client.isdir(self._path(folder)):
                raise MailboxUnreachable(f"{self._place} has no folder {folder}; let it be made, or correct `path`")


class _Client(asyncssh.SSHClient):
    """Says which host key a server showed that is not the one that we know."""

    def __init__(self, place: SftpPlace) -> None:
        self._place = place

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        shown = f"{key.get_algorithm()} {key.get_fingerprint()}"
        expected = asyncssh.import_public_key(self._place.host_key)
        raise MailboxUnreachable(_WRONG_HOST_KEY.format(self._place, shown, expected.get_fingerprint()))


_WRONG_HOST_KEY = (
    "{} showed the host key {}, not the {} of host_key in the network directory. Nothing was sent. Ask the partner, by another "
    "way, which key is right; correct host_key if the partner has changed it"
)


def _unreachable(place: SftpPlace, error: Exception) -> MailboxUnreachable:
    """What a person reads of an error."""
    match error:
        case MailboxUnreachable():
            return error
        case asyncssh.PermissionDenied():
            return MailboxUnreachable(
                f"{place} refused the user {place.user}: give the right password or private key with"
                " `python -m starter connect`, or ask the partner to let the user in"
            )
        case asyncssh.KeyImportError():
            return MailboxUnreachable(
                f"the private key for {place} cannot be read: {error}; give one without a passphrase with"
                " `python -m starter connect` (`ssh-keygen -p` takes a passphrase off)"
            )
        case asyncssh.KeyExchangeFailed():
            expected = asyncssh.import_public_key(place.host_key).get_algorithm()
            return MailboxUnreachable(
                f"{place} and Switchyard did not agree ({error.reason}). Nothing was sent. host_key is of the type {expected}:"
                " ask the partner for its host key, of every type that it has"
            )
        case asyncssh.SFTPPermissionDenied():
            return MailboxUnreachable(
                f"{place} does not let the user {place.user} do this: {error.reason}; ask the partner"
            )
        case TimeoutError():
            return MailboxUnreachable(f"{place} did not answer in time; it is tried again")
        case asyncssh.Error():
            return MailboxUnreachable(f"{place} failed: {error.reason}; it is tried again")
    return MailboxUnreachable(f"{place} cannot be reached: {error}; it is tried again")
