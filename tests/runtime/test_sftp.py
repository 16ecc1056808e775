"""An SFTP server that is wrong, slow or lost costs nothing but time, and people read what to do."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncssh
import pytest

from runtime.mailbox import Mailbox, MailboxUnreachable, NotClaimed
from runtime.sftp import SftpCredentials, mistake_of_host_key
from tests.sftp_server import PASSWORD, USER, SftpServer, sftp_server

NOW = timedelta(0)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[SftpServer]:
    """A partner's server whose files lie in `tmp_path`."""
    async with sftp_server(tmp_path) as running:
        yield running


def arrive(drop: Path, name: str, body: bytes) -> None:
    """A file of the partner."""
    (drop / "in").mkdir(exist_ok=True)
    (drop / "in" / name).write_bytes(body)


def there(drop: Path) -> dict[str, bytes]:
    """Every file of the mailbox, with its content; ours by the folder only."""
    found = {file.relative_to(drop).as_posix(): file.read_bytes() for file in drop.rglob("*") if file.is_file()}
    return {name if not name.startswith("work/") else "work": body for name, body in found.items()}


async def test_nothing_is_sent_to_a_server_with_another_host_key(server: SftpServer) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    place = replace(server.place, host_key=other.export_public_key().decode())
    with pytest.raises(MailboxUnreachable) as failed:
        await Mailbox(server.folders(place)).names()
    assert server.host_key.get_fingerprint() in str(failed.value)
    assert other.get_fingerprint() in str(failed.value)
    assert "Nothing was sent. Ask the partner, by another way, which key is right" in str(failed.value)
    assert server.faults.calls == []


async def test_a_server_without_a_host_key_of_the_expected_type_is_refused_too(server: SftpServer) -> None:
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    place = replace(server.place, host_key=other.export_public_key().decode())
    with pytest.raises(MailboxUnreachable, match="ask the partner for its host key"):
        await Mailbox(server.folders(place)).names()


async def test_a_wrong_password_is_said_and_not_repeated_in_the_message(server: SftpServer) -> None:
    folders = server.folders(secret=SftpCredentials(password="battery staple"))
    with pytest.raises(MailboxUnreachable, match=f"refused the user {USER}: give the right password") as failed:
        await Mailbox(folders).names()
    assert "battery" not in str(failed.value)
    assert "battery" not in repr(SftpCredentials(password="battery staple"))


async def test_a_private_key_lets_us_in(server: SftpServer) -> None:
    secret = SftpCredentials(private_key=server.client_key.export_private_key().decode())
    assert await Mailbox(server.folders(secret=secret)).names() == []


async def test_a_private_key_with_a_passphrase_or_none_at_all_is_named_and_said_how_to_mend(server: SftpServer) -> None:
    sealed = server.client_key.export_private_key("pkcs8-pem", passphrase="staple").decode()
    for text in (sealed, "no key"):
        mailbox = Mailbox(server.folders(secret=SftpCredentials(private_key=text)))
        with pytest.raises(MailboxUnreachable, match=r"the private key for .* give one without a passphrase") as failed:
            await mailbox.names()
        assert text not in str(failed.value)


async def test_keys_of_the_user_who_runs_the_process_are_not_used(
    server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    server.client_key.write_private_key(str(home / ".ssh/id_ed25519"))
    (home / ".ssh/config").write_text("Host *\n  User somebody\n  Port 1\n")
    monkeypatch.setenv("HOME", str(home))
    assert await Mailbox(server.folders()).names() == []
    with pytest.raises(MailboxUnreachable, match="refused the user"):
        await Mailbox(server.folders(secret=SftpCredentials())).names()


async def test_a_host_key_that_is_none_is_named_before_anything_is_sent(server: SftpServer) -> None:
    with pytest.raises(MailboxUnreachable, match="host_key must be a public key such as"):
        await Mailbox(server.folders(replace(server.place, host_key="ssh-ed25519 AAAA"))).names()
    assert server.connections == []


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "SHA256:abc", "no key"])
def test_a_host_key_that_is_none_is_a_mistake_of_the_network_directory(text: str) -> None:
    assert "must be a public key such as" in str(mistake_of_host_key(text))


def test_a_host_key_is_the_text_that_ssh_keyscan_prints() -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    assert mistake_of_host_key(key) is None


async def test_a_path_that_is_not_there_is_no_empty_mailbox(server: SftpServer, tmp_path: Path) -> None:
    folders = server.folders(replace(server.place, path="inbound"))
    with pytest.raises(MailboxUnreachable, match="has no folder in; let it be made, or correct `path`"):
        await Mailbox(folders).names()
    assert not (tmp_path / "inbound").exists()
    (tmp_path / "inbound").mkdir()
    assert await Mailbox(folders).names() == []


async def test_a_server_that_is_not_there_is_tried_again_later(server: SftpServer) -> None:
    mailbox = Mailbox(server.folders(replace(server.place, port=1)))
    with pytest.raises(MailboxUnreachable, match=r"cannot be reached.*it is tried again"):
        await mailbox.names()


async def test_a_server_that_answers_nothing_keeps_nobody_waiting(server: SftpServer, tmp_path: Path) -> None:
    arrive(tmp_path, "a.edi", b"ISA")
    mailbox = Mailbox(server.folders(within=2), settle=NOW)

    async def read() -> bytes:
        """On a busy machine the limit may end an act that would have gone well: then it is tried again, as a job does."""
        for _ in range(50):
            with suppress(MailboxUnreachable):
                (name,) = await mailbox.names()
                return await mailbox.claim(name)
        raise AssertionError("the server never answers in time")

    server.faults.silent = True
    with pytest.raises(MailboxUnreachable, match="did not answer in time"):
        await mailbox.claim("a.edi")
    server.faults.silent = False
    assert await read() == b"ISA"


@pytest.mark.parametrize("when", ["lost_before", "lost_after"])
@pytest.mark.parametrize("call", ["rename", "open", "read"])
async def test_a_line_that_is_cut_while_a_file_is_read_loses_nothing(
    server: SftpServer, tmp_path: Path, when: str, call: str
) -> None:
    body = bytes(range(256)) * 1_000
    arrive(tmp_path, "a.edi", body)
    mailbox = Mailbox(server.folders(), settle=NOW)
    assert await mailbox.names() == ["a.edi"]
    setattr(server.faults, when, call)
    with pytest.raises(MailboxUnreachable, match="it is tried again"):
        await mailbox.claim("a.edi")
    assert list(there(tmp_path).values()) == [body]
    assert await mailbox.names() == ["a.edi"]
    assert await mailbox.claim("a.edi") == body
    await mailbox.done("a.edi")
    assert there(tmp_path) == {"done/a.edi": body}


@pytest.mark.parametrize("when", ["lost_before", "lost_after"])
async def test_a_line_that_is_cut_when_a_file_is_done_offers_it_again_or_has_moved_it(
    server: SftpServer, tmp_path: Path, when: str
) -> None:
    arrive(tmp_path, "a.edi", b"ISA")
    mailbox = Mailbox(server.folders(), settle=NOW)
    await mailbox.claim("a.edi")
    setattr(server.faults, when, "rename")
    with pytest.raises(MailboxUnreachable):
        await mailbox.done("a.edi")
    offered = await mailbox.names()
    assert offered == (["a.edi"] if when == "lost_before" else [])
    assert there(tmp_path) == {("work" if offered else "done/a.edi"): b"ISA"}


@pytest.mark.parametrize("when", ["lost_before", "lost_after"])
@pytest.mark.parametrize("call", ["open", "write", "rename"])
async def test_a_line_that_is_cut_while_a_file_is_put_leaves_all_of_it_or_nothing(
    server: SftpServer, tmp_path: Path, when: str, call: str
) -> None:
    body = bytes(range(256)) * 1_000
    mailbox = Mailbox(server.folders())
    assert await mailbox.names() == []
    setattr(server.faults, when, call)
    with pytest.raises(MailboxUnreachable):
        await mailbox.put("856-1.edi", body)
    moved = (when, call) == ("lost_after", "rename")
    assert [name for name in there(tmp_path) if name.startswith("out/")] == (["out/856-1.edi"] if moved else [])
    await mailbox.put("856-1.edi", body)
    assert (tmp_path / "out/856-1.edi").read_bytes() == body


async def test_one_connection_serves_until_it_is_lost(server: SftpServer, tmp_path: Path) -> None:
    mailbox = Mailbox(server.folders(), settle=NOW)
    for number in range(3):
        arrive(tmp_path, f"{number}.edi", b"ISA")
        for name in await mailbox.names():
            await mailbox.claim(name)
            await mailbox.done(name)
    assert len(server.connections) == 1
    server.connections[0].abort()
    await server.connections[0].wait_closed()
    with suppress(MailboxUnreachable):  # it may not be known here yet
        await mailbox.names()
    await mailbox.put("a.edi", b"ISA")
    assert len(server.connections) == 2


async def test_names_of_a_hostile_server_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["../../etc/passwd", "..", "a/b", "/etc/passwd", "a\nb", "a\0b", "good.edi"]

    def listed(self: asyncssh.SFTPServer, path: bytes) -> list[asyncssh.SFTPName]:
        attrs = asyncssh.SFTPAttrs(type=asyncssh.FILEXFER_TYPE_REGULAR, permissions=0o100644, size=3, mtime=1)
        return [asyncssh.SFTPName(name.encode(), b"", attrs) for name in names if path.endswith(b"in")]

    monkeypatch.setattr(asyncssh.SFTPServer, "listdir", listed, raising=False)
    async with sftp_server(tmp_path) as server:
        mailbox = Mailbox(server.folders(), settle=NOW)
        offered = await mailbox.names()
        assert offered == ["good.edi"]
        for name in names[:-1]:
            with pytest.raises(NotClaimed, match="is not read"):
                await mailbox.claim(name)


def test_what_opens_a_place_is_shown_nowhere(server: SftpServer) -> None:
    assert repr(SftpCredentials(PASSWORD, "key")) == "SftpCredentials()"
    assert PASSWORD not in f"{server.place} {server.place!r}"
