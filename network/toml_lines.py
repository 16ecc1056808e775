"""Finds the line of every table, key and array element of a TOML text, which `tomllib` reads but does not locate.

It scans text that `tomllib` has accepted, so it only skips values and does not check them.
"""

import re
import tomllib

Path = tuple[str | int, ...]
"""Keys and array positions from the top, such as ("strategy", 0, "tier", 1, "require")."""

_KEY = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)(?:[ \t]*\.[ \t]*(?=["'\w-]))?""")
_BLANK = re.compile(r"[ \t\r\n]+|#[^\n]*")
_TEXT = re.compile(
    r"\"\"\"(?:[^\\]|\\.)*?\"{3,5}|'''.*?'{3,5}|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


def lines_of(text: str) -> dict[Path, int]:
    """The line, counted from 1, of each table's header, each key's value and each array element.

    The line of a text that begins after its opening quotes is the line where it begins.
    """
    return _Scanner(text).scan()


class _Scanner:
    """Scans a TOML text once and stores the line of each path."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted_to, self._line_there = 0, 1
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        self._skip_blank()
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._entry(table)
            self._skip_blank()
        return self._lines

    def _header(self) -> Path:
        """Read `[a.b]` or `[[a.b]]`; each part that is an array of tables means its latest element."""
        array = self._text.startswith("[[", self._at)
        line = self._line()
        self._at += 2 if array else 1
        self._skip_blank()
        path: Path = ()
        keys = self._keys()
        for position, key in enumerate(keys, start=1):
            path = (*path, key)
            if array and position == len(keys):
                self._counts[path] = self._counts.get(path, -1) + 1
            if path in self._counts:
                path = (*path, self._counts[path])
        self._skip_blank()
        self._at += 2 if array else 1
        self._lines[path] = line
        return path

    def _entry(self, table: Path) -> None:
        path = (*table, *self._keys())
        for depth in range(len(table) + 1, len(path)):
            self._lines.setdefault(path[:depth], self._line())
        self._skip_blank()
        self._at += 1  # the equals sign
        self._skip_blank()
        self._value(path)

    def _keys(self) -> list[str]:
        """Read a dotted key."""
        keys = []
        while match := _KEY.match(self._text, self._at):
            self._at = match.end()
            bare = match.group().rstrip()
            dotted = bare.endswith(".")
            keys.append(_unquoted(bare.rstrip(". \t") if dotted else bare))
            if not dotted:
                break
        return keys

    def _value(self, path: Path) -> None:
        self._lines[path] = self._line()
        opening = self._text[self._at]
        if opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        elif match := _TEXT.match(self._text, self._at):
            if re.match(r"(\"\"\"|''')\r?\n", match.group()):
                self._lines[path] += 1
            self._at = match.end()
        elif match := _SCALAR.match(self._text, self._at):
            self._at = match.end()

    def _array(self, path: Path) -> None:
        self._at += 1
        position = 0
        self._skip_separators()
        while self._text[self._at] != "]":
            self._value((*path, position))
            position += 1
            self._skip_separators()
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        self._skip_separators()
        while self._text[self._at] != "}":
            self._entry(path)
            self._skip_separators()
        self._at += 1

    def _line(self) -> int:
        """The present line, counted on from the last call, because a file of 10,000 nodes has 80,000 values."""
        self._line_there += self._text.count("\n", self._counted_to, self._at)
        self._counted_to = self._at
        return self._line_there

    def _skip_blank(self) -> None:
        while match := _BLANK.match(self._text, self._at):
            self._at = match.end()

    def _skip_separators(self) -> None:
        self._skip_blank()
        while self._text.startswith(",", self._at):
            self._at += 1
            self._skip_blank()


def _unquoted(key: str) -> str:
    """A bare or quoted key as `tomllib` names it."""
    if key[0] not in "\"'":
        return key
    return next(iter(tomllib.loads(f"{key} = 0")))
