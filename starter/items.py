"""`python -m starter items FILE DIR`: the items of another system's CSV file, into items.csv of a network directory."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from network.load import FILES
from network.merge_items import merge
from network.mistakes import Mistakes
from runtime.where import database_url
from transactions.prepare import apply_network

ITEMS = FILES["items"]


async def command(
    file: Annotated[Path, Parameter(help="The CSV file, with the columns of items.csv.")],
    directory: Annotated[Path, Parameter(help="The network directory.")],
) -> int:
    """Put the items of a CSV file into items.csv of a network directory, and apply it.

    Wrong rows are named and left out. Items that the file does not name stay as they are.
    """
    wrong = await take_items(str(file), file.read_bytes(), directory)
    sys.stdout.write("".join(f"{line}\n" for line in wrong))
    return 1 if wrong else 0


async def take_items(name: str, content: bytes, directory: Path) -> list[str]:
    """Put the good rows into items.csv and make the directory the active network; answers a line for each mistake.

    The items of the directory that the file does not name stay as they are. The same file again changes nothing.
    """
    mistakes = Mistakes(name)
    target = directory / ITEMS
    try:
        current = target.read_bytes().decode()
        merged = merge(current, content.decode(), mistakes)
    except UnicodeDecodeError as error:
        mistakes.add(error.object.count(b"\n", 0, error.start) + 1, "this is not UTF-8 text")
        return [str(mistake) for mistake in mistakes.found()]
    if merged != current:
        draft = directory / f".{ITEMS}.draft"
        draft.write_bytes(merged.encode())
        draft.replace(target)
    refused = await apply_network(database_url(), directory)
    return [str(mistake) for mistake in mistakes.found()] + refused
