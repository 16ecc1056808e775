"""Decides which operating system account PostgreSQL runs as and in which folder its files live.

PostgreSQL refuses to run as root, so root drops to `nobody`. Nobody cannot enter a clone below a folder that only
root may enter; then the files live in `/var/lib/switchyard/`, and a symbolic link in their place remembers where.
The permissions of a folder that is not ours are never touched.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from runtime.failure import EmbeddedFailure

SHARED = Path("/var/lib/switchyard")


class Account(NamedTuple):
    """An account of the operating system."""

    name: str
    uid: int
    gid: int


def own_account() -> Account:
    """The account of this process; raises `EmbeddedFailure` where it has no passwd entry, which PostgreSQL needs."""
    return _account_of(os.geteuid())


def server_account() -> Account:
    """The account that PostgreSQL runs as: our own, or `nobody` for root."""
    if os.geteuid() != 0:
        return own_account()
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedFailure("PostgreSQL must not run as root, and there is no user `nobody` to run it as") from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def can_enter(account: Account, directory: Path) -> bool:
    """Whether `account` may step into `directory`, asked of the kernel: mode bits alone do not know of ACLs."""
    return run_as(account, "/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory))


def run_as(account: Account, *arguments: str) -> bool:
    """Whether a short, silent command ends well when `account` runs it."""
    as_other = account.uid != os.geteuid()
    try:
        ended = subprocess.run(
            arguments,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
            user=account.uid if as_other else None,
            group=account.gid if as_other else None,
            extra_groups=[] if as_other else None,
        )
    except OSError:
        return False
    return ended.returncode == 0


def settle(directory: Path, account: Account) -> Path:
    """The real folder for `directory`, ours, and such that `account` can pass through it; made where it is missing.

    It stays ours, so that no file which root writes there can be swapped for a link by another process of `nobody`.
    Raises `EmbeddedFailure` when the folder is gone, belongs to somebody else or can no longer be entered.
    """
    if directory.is_symlink() and not directory.exists():
        raise EmbeddedFailure(f"{directory} points to {directory.readlink()}, which is gone, and the data with it")
    if not directory.exists():
        _make(directory, account)
    home = directory.resolve()
    if (owner := home.stat().st_uid) != os.geteuid():
        raise EmbeddedFailure(f"{home} belongs to user id {owner}, who alone can start PostgreSQL on it")
    if not can_enter(account, home):
        raise EmbeddedFailure(f"user {account.name}, who runs PostgreSQL, can no longer enter {home}")
    return home


def discard(directory: Path) -> None:
    """Delete a folder, and through a link of ours the folder that it names, but no further: `rmtree` refuses links."""
    if directory.exists():
        shutil.rmtree(directory.readlink() if directory.is_symlink() else directory)
    directory.unlink(missing_ok=True)


def shared_directory() -> Path:
    """`/var/lib/switchyard`, which every account can enter and only root can write to."""
    SHARED.mkdir(exist_ok=True)
    SHARED.chmod(0o755)
    return SHARED


def _account_of(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise EmbeddedFailure(f"user id {uid} has no passwd entry, and PostgreSQL does not run without one") from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _make(directory: Path, account: Account) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    if can_enter(account, directory.parent):
        directory.mkdir()
    else:
        directory.symlink_to(tempfile.mkdtemp(prefix="postgresql-", dir=shared_directory()))
    directory.chmod(0o700 if account.uid == os.geteuid() else 0o711)
