"""`python -m starter policy`: the cases of a network directory are planned under its policy."""

import sys
from collections.abc import Iterable
from pathlib import Path

from cyclopts import App

from network.cases_toml import FOLDER
from network.load import check, load, read
from network.try_cases import try_cases

command = App(name="policy", help="Test a policy: plan the cases of a network directory.")


@command.command
def test(directory: Path) -> int:
    """Plan every case in cases/*.toml of a network directory, and say which becomes something else than it should; exit 1 then.

    Parameters
    ----------
    directory
        The folder with nodes.toml, policy.toml, items.csv and cases/.
    """
    if mistakes := check(directory):
        return _say(map(str, mistakes), code=1)
    documents = read(directory)
    tried = try_cases(documents.cases, str(directory / FOLDER), load(documents))
    lines = [str(tried.broken.get(name) or f"{name}: as it should be") for name in tried.names]
    count = f"{len(tried.names)} case{'s' if len(tried.names) != 1 else ''}, {len(tried.broken)} broken"
    sys.stderr.write(f"{count if tried.names else f'there is no case in {directory / FOLDER}'}\n")
    return _say([*map(str, tried.mistakes), *lines], code=1 if tried.broken or tried.mistakes else 0)


def _say(lines: Iterable[str], *, code: int) -> int:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return code
