"""The way to reach nodes that a page adds: one file and one line, as they stand there."""

import re
from pathlib import Path
from types import ModuleType

from nodes.dispatch import DispatchKind

PAGE = Path(__file__).parent.parent / "docs/extending/adding-a-way-to-reach-nodes.md"


def added_kinds() -> dict[str, DispatchKind]:
    """What the page adds to the table."""
    file, line = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    module = ModuleType("nodes.added")
    exec(compile(file, str(PAGE), "exec"), vars(module))
    kinds: dict[str, DispatchKind] = eval(f"{{{line}}}", vars(module))
    return kinds


def added_keys() -> str:
    """What one of its nodes has in nodes.toml beside what every node has."""
    (table,) = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return str(table[table.index("dispatch = ") :])
