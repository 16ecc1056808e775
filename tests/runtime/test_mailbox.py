"""Files go in and out of a mailbox whole, once, and without losing one, whatever happens in the middle."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from runtime.drop_directory import DropDirectory
from runtime.mailbox import LEASE, Folders, Mailbox, MailboxUnreachable, NameTaken, NotClaimed
from tests.sftp_server import sftp_server

NOW = timedelta(0)


class Clock:
    """A clock that is set by hand."""

    seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    """The clock of every process of a test."""
    return Clock()


@pytest.fixture(params=["directory", "sftp"])
async def folders(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Folders]:
    """The folders of the partner, which lie in `tmp_path`."""
    if request.param == "directory":
        yield DropDirectory(tmp_path)
        return
    async with sftp_server(tmp_path) as server:
        yield server.folders()


@pytest.fixture
def process(folders: Folders, clock: Clock) -> Callable[[], Mailbox]:
    """Each call is another process of ours that uses the mailbox."""
    return lambda: Mailbox(folders, settle=NOW, clock=clock)


@pytest.fixture
def mailbox(process: Callable[[], Mailbox]) -> Mailbox:
    """The mailbox as one process uses it."""
    return process()


def arrive(drop: Path, name: str, body: bytes = b"ISA", *, age: int = 0) -> Path:
    """A file of the partner that was written `age` seconds ago."""
    file = drop / "in" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(body)
    os.utime(file, (1_700_000_000 - age, 1_700_000_000 - age))
    return file


def there(drop: Path) -> set[str]:
    """Every file of the mailbox."""
    return {file.relative_to(drop).as_posix() for file in drop.rglob("*") if file.is_file()}


async def test_the_oldest_file_is_read_first_and_stands_in_done_afterwards(tmp_path: Path, mailbox: Mailbox) -> None:
    arrive(tmp_path, "b.edi", b"first", age=60)
    arrive(tmp_path, "a.edi", b"second")
    assert await mailbox.names() == ["b.edi", "a.edi"]
    assert await mailbox.claim("b.edi") == b"first"
    assert await mailbox.names() == ["a.edi"]
    assert [mailbox.written_at(name).timestamp() for name in ("b.edi", "a.edi")] == [1_699_999_940, 1_700_000_000]
    await mailbox.done("b.edi")
    assert there(tmp_path) == {"done/b.edi", "in/a.edi"}


async def test_a_file_from_a_machine_whose_clock_is_fast_was_written_now(
    tmp_path: Path, mailbox: Mailbox, clock: Clock
) -> None:
    arrive(tmp_path, "a.edi", age=-200_000_000)
    await mailbox.names()
    assert mailbox.written_at("a.edi").timestamp() == clock.seconds


async def test_what_cannot_be_read_stands_in_failed_with_the_reason_beside_it(tmp_path: Path, mailbox: Mailbox) -> None:
    arrive(tmp_path, "photo.jpg")
    await mailbox.claim("photo.jpg")
    await mailbox.failed("photo.jpg", "this is no X12: it does not begin with ISA")
    assert there(tmp_path) == {"failed/photo.jpg", "failed/photo.jpg.why"}
    assert (tmp_path / "failed/photo.jpg.why").read_text() == "this is no X12: it does not begin with ISA\n"


@pytest.mark.parametrize("name", ["orders.csv.part", "orders.csv.TMP", "orders.csv.filepart", ".orders.csv"])
async def test_a_file_whose_name_says_that_it_is_still_written_waits(
    tmp_path: Path, mailbox: Mailbox, name: str
) -> None:
    half = arrive(tmp_path, name)
    assert await mailbox.names() == []
    half.rename(half.with_name("orders.csv"))
    assert await mailbox.names() == ["orders.csv"]


async def test_a_file_that_still_grows_or_changes_waits(tmp_path: Path, folders: Folders, clock: Clock) -> None:
    mailbox = Mailbox(folders, settle=timedelta(seconds=5), clock=clock)
    arrive(tmp_path, "slow.edi", b"IS")
    assert await mailbox.names() == []
    clock.seconds += 4
    arrive(tmp_path, "slow.edi", b"ISA*00")
    assert await mailbox.names() == []
    clock.seconds += 4
    arrive(tmp_path, "slow.edi", b"ISA*01", age=1)  # of the same size, written again
    assert await mailbox.names() == []
    clock.seconds += 4
    assert await mailbox.names() == []
    clock.seconds += 1
    assert await mailbox.names() == ["slow.edi"]
    assert await mailbox.claim("slow.edi") == b"ISA*01"


async def test_a_file_that_has_grown_since_it_was_offered_is_not_read_half(tmp_path: Path, mailbox: Mailbox) -> None:
    arrive(tmp_path, "slow.edi", b"IS")
    assert await mailbox.names() == ["slow.edi"]
    arrive(tmp_path, "slow.edi", b"ISA*00")
    with pytest.raises(NotClaimed, match="still being written"):
        await mailbox.claim("slow.edi")
    assert await mailbox.names() == ["slow.edi"]
    assert await mailbox.claim("slow.edi") == b"ISA*00"


async def test_many_processes_never_read_the_same_file(tmp_path: Path, process: Callable[[], Mailbox]) -> None:
    sent = {f"{number}.edi": f"{number}".encode() for number in range(60)}
    for name, body in sent.items():
        arrive(tmp_path, name, body)
    read: list[tuple[str, bytes]] = []

    async def work(mailbox: Mailbox) -> None:
        for name in await mailbox.names():
            try:
                read.append((name, await mailbox.claim(name)))
            except NotClaimed:
                continue
            await mailbox.done(name)

    await asyncio.gather(*(work(process()) for _ in range(4)))
    assert sorted(read) == sorted(sent.items())
    assert there(tmp_path) == {f"done/{name}" for name in sent}


async def test_what_a_dead_process_was_reading_is_offered_again_and_read_by_one(
    tmp_path: Path, process: Callable[[], Mailbox], clock: Clock
) -> None:
    arrive(tmp_path, "a.edi", b"once")
    await process().claim("a.edi")
    others = [process(), process()]
    clock.seconds += LEASE.total_seconds() - 1
    assert [await other.names() for other in others] == [[], []]
    clock.seconds += 1
    assert [await other.names() for other in others] == [["a.edi"], ["a.edi"]]
    assert await others[0].claim("a.edi") == b"once"
    with pytest.raises(NotClaimed, match="another process has it"):
        await others[1].claim("a.edi")
    await others[0].done("a.edi")
    assert there(tmp_path) == {"done/a.edi"}


async def test_a_process_that_was_too_slow_does_not_move_what_another_one_reads(
    tmp_path: Path, process: Callable[[], Mailbox], clock: Clock
) -> None:
    slow, other = process(), process()
    arrive(tmp_path, "a.edi")
    await slow.claim("a.edi")
    clock.seconds += LEASE.total_seconds()
    await other.names()
    await other.claim("a.edi")
    await slow.done("a.edi")
    assert not (tmp_path / "done/a.edi").exists()
    await other.failed("a.edi", "it says nothing")
    assert there(tmp_path) == {"failed/a.edi", "failed/a.edi.why"}


async def test_what_is_given_back_is_offered_again(tmp_path: Path, mailbox: Mailbox) -> None:
    arrive(tmp_path, "a.edi", b"once")
    await mailbox.claim("a.edi")
    mailbox.give_back("a.edi")
    assert await mailbox.names() == ["a.edi"]
    assert await mailbox.claim("a.edi") == b"once"


async def test_the_same_name_every_night_loses_no_file(tmp_path: Path, mailbox: Mailbox) -> None:
    for night in range(3):
        arrive(tmp_path, "stock.csv", f"{night}".encode())
        await mailbox.claim("stock.csv")
        await (mailbox.failed("stock.csv", "no") if night == 2 else mailbox.done("stock.csv"))
        arrive(tmp_path, "stock.csv", f"{night} again".encode())
        await mailbox.claim("stock.csv")
        await (mailbox.failed("stock.csv", "no") if night == 2 else mailbox.done("stock.csv"))
    kept = [(tmp_path / name).read_text() for name in there(tmp_path) if not name.endswith(".why")]
    assert sorted(kept) == ["0", "0 again", "1", "1 again", "2", "2 again"]


async def test_the_next_file_of_a_name_waits_until_the_earlier_one_is_read(tmp_path: Path, mailbox: Mailbox) -> None:
    arrive(tmp_path, "stock.csv", b"monday", age=60)
    await mailbox.claim("stock.csv")
    arrive(tmp_path, "stock.csv", b"tuesday")
    assert await mailbox.names() == []
    with pytest.raises(NotClaimed, match=r"an earlier file stock.csv is being read"):
        await mailbox.claim("stock.csv")
    await mailbox.done("stock.csv")
    assert await mailbox.names() == ["stock.csv"]
    assert await mailbox.claim("stock.csv") == b"tuesday"


async def test_a_file_that_is_put_is_seen_whole_or_not_at_all(tmp_path: Path, mailbox: Mailbox) -> None:
    body = os.urandom(2_000_000)
    seen: set[tuple[str, int]] = set()
    (tmp_path / "out").mkdir()

    async def partner(stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            seen.update((file.name, file.stat().st_size) for file in os.scandir(tmp_path / "out"))
            await asyncio.sleep(0)

    stopped = asyncio.Event()
    looking = asyncio.create_task(partner(stopped))
    await mailbox.put("856-1.edi", body)
    await asyncio.sleep(0.01)
    stopped.set()
    await looking
    assert seen == {("856-1.edi", len(body))}
    assert (tmp_path / "out/856-1.edi").read_bytes() == body


async def test_a_file_put_twice_is_one_file_and_another_one_of_its_name_replaces_nothing(
    tmp_path: Path, mailbox: Mailbox
) -> None:
    await mailbox.put("810-7.edi", b"invoice")
    await mailbox.put("810-7.edi", b"invoice")
    for other in (b"an invoice", b"invoices", b"INVOICE", b""):
        with pytest.raises(NameTaken, match=r"810-7.edi"):
            await mailbox.put("810-7.edi", other)
    assert (tmp_path / "out/810-7.edi").read_bytes() == b"invoice"
    assert there(tmp_path) == {"out/810-7.edi"}


async def test_what_a_dead_process_has_half_written_is_never_seen_and_removed_later(
    tmp_path: Path, folders: Folders, mailbox: Mailbox, clock: Clock
) -> None:
    await folders.write(f"work/{int(clock.seconds * 1000)}.0123abcd-7.out.856-1.edi", b"hal")
    await mailbox.names()
    assert there(tmp_path) == {f"work/{int(clock.seconds * 1000)}.0123abcd-7.out.856-1.edi"}
    clock.seconds += LEASE.total_seconds()
    assert await mailbox.names() == []
    assert there(tmp_path) == set()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../a", "a/b", "/etc/passwd", "a\\b", "a\nb", "a\0b", ".a", "é" * 91, "\udce9.csv"]
)
async def test_a_name_that_leads_elsewhere_is_neither_read_nor_written(
    tmp_path: Path, mailbox: Mailbox, name: str
) -> None:
    before = there(tmp_path)
    with pytest.raises(NotClaimed):
        await mailbox.claim(name)
    with pytest.raises(ValueError, match="cannot be put into out"):
        await mailbox.put(name, b"")
    assert there(tmp_path) == before


async def test_a_file_with_a_name_that_is_not_read_stays_and_the_others_are_read(
    tmp_path: Path, mailbox: Mailbox
) -> None:
    arrive(tmp_path, "gut.csv")
    for name in (b"Gr\xf6\xdfe.csv", b"a\nb.csv", b"x" * 181):
        (tmp_path / "in" / os.fsdecode(name)).write_bytes(b"")
    assert await mailbox.names() == ["gut.csv"]


async def test_a_link_or_a_folder_is_no_file_of_the_partner(tmp_path: Path, mailbox: Mailbox) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the password")
    (tmp_path / "in/folder").mkdir(parents=True)
    (tmp_path / "in/link").symlink_to(secret)
    assert await mailbox.names() == []


async def test_a_file_of_this_machine_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    mailbox = Mailbox(DropDirectory(tmp_path), settle=NOW)
    secret = tmp_path / "secret"
    secret.write_text("the password")
    file = arrive(tmp_path, "a.edi")
    assert await mailbox.names() == ["a.edi"]
    file.unlink()
    file.symlink_to(secret)
    with pytest.raises(NotClaimed, match=r"a.edi is a link, not a file"):
        await mailbox.claim("a.edi")
    assert (tmp_path / "failed/a.edi").is_symlink()
    assert secret.read_text() == "the password"


async def test_a_file_that_is_too_large_fails_and_says_so(
    tmp_path: Path, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.mailbox.BYTES_MAX", 10)
    arrive(tmp_path, "ten.edi", b"0123456789")
    arrive(tmp_path, "eleven.edi", b"01234567890")
    assert await mailbox.claim("ten.edi") == b"0123456789"
    with pytest.raises(NotClaimed):
        await mailbox.claim("eleven.edi")
    assert (tmp_path / "failed/eleven.edi.why").read_text() == "has more than 10 bytes\n"


async def test_a_directory_that_is_not_mounted_is_no_empty_mailbox(tmp_path: Path) -> None:
    mailbox = Mailbox(DropDirectory(tmp_path / "mnt"), settle=NOW)
    with pytest.raises(MailboxUnreachable, match="is not there; make it, or mount it"):
        await mailbox.names()
    with pytest.raises(MailboxUnreachable, match="is not there"):
        await mailbox.put("a.edi", b"")
    assert not (tmp_path / "mnt").exists()
