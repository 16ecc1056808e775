"""`python -m starter policy`: the cases of a network directory are planned under its policy, or made of what was decided."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from database.connect import Database
from network.cases_toml import FOLDER
from network.load import check, load, read
from network.try_cases import try_cases
from runtime.where import database_url, master_keys
from transactions import golden_set
from transactions.golden_set import FILE
from transactions.network_version import NetworkRefused

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

command = App(
    name="policy", help="Test a policy: plan the cases of a network directory, or make cases of what was decided."
)


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


@command.command
async def record(
    directory: Path, *, since: datetime = BEGINNING, count: Annotated[int, Parameter(validator=Number(gte=1))] = 50
) -> int:
    """Make cases of orders that were really decided, without what is personal of them: `cases/history.toml` of the directory.

    Each holds under the directory. It changes nothing else; exit 1 when no case could be made.

    Parameters
    ----------
    directory
        The folder with nodes.toml, policy.toml and items.csv.
    since
        Only orders that were decided on this day or later, such as 2026-11-01 (UTC).
    count
        How many cases at most. They are of as many kinds of decisions as there are.
    """
    file = directory / FOLDER / FILE
    if file.exists():
        return _say([f"{file} is there already: give it another name, or remove it"], code=1)
    database = Database(database_url(), master_keys())
    try:
        await database.check()
        made = await golden_set.record(database, directory, since if since.tzinfo else since.replace(tzinfo=UTC), count)
    except NetworkRefused as error:
        return _say(error.lines, code=1)
    finally:
        await database.close()
    for reason, rounds in made.left_out.items():
        sys.stderr.write(f"left out: {rounds:,} that {reason}\n")
    if not made.cases:
        return _say(["no order that was kept can be made a case of"], code=1)
    file.parent.mkdir(exist_ok=True)
    file.write_text(made.text)
    return _say([f"{made.cases} cases in {file}"], code=0)


def _say(lines: Iterable[str], *, code: int) -> int:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return code
