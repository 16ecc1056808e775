"""Says in plain words why a text is not TOML, and where, from the message of the library and the line itself."""

import re
import tomllib
from typing import NamedTuple


class TomlFault(NamedTuple):
    """The line, counted from 1, and what is wrong."""

    line: int
    text: str


_WHERE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_OPENED = re.compile(r"""^\s*[\w."'-]+\s*=\s*(?P<rest>(?P<quote>["'])(?!\2\2).*)$""")
_STRING = re.compile(r"""^(?:"(?:[^"\\]|\\.)*"|'[^']*')""")
_PLAIN_VALUE = re.compile(r"""^\s*(?P<key>[\w.-]+)\s*=\s*(?P<value>[^#\s"'\[{][^#]*?)\s*(?:#.*)?$""")


def toml_fault(text: str, error: tomllib.TOMLDecodeError) -> TomlFault:
    """What is wrong with a text that the library refused."""
    where = _WHERE.search(str(error))
    lines = text.splitlines()
    number = int(where["line"]) if where and where["line"] else len(lines) or 1
    said = str(error)[: where.start()] if where else str(error)
    line = lines[number - 1] if number <= len(lines) else ""
    return TomlFault(number, _in_words(said, line) or f"this is not TOML: {said}")


def _in_words(said: str, line: str) -> str | None:
    return _about_quotes(line) or _about_a_value(said, line) or _about_tables(said) or _OTHERS.get(said)


def _about_quotes(line: str) -> str | None:
    """Quotes in quotes, quotes that are not closed, and quotes of a text processor."""
    outside = re.sub(r"#.*", "", re.sub(r"\"[^\"]*\"|'[^']*'", "", line))
    if found := re.search(r"[“”„‘’]", outside):
        return f"write straight quotes instead of {found.group()}"
    opened = _OPENED.match(line)
    if not opened:
        return None
    quote, first = opened["quote"], _STRING.match(opened["rest"])
    if not first:
        return f"the text is not closed: {quote} is missing at its end"
    after = opened["rest"][first.end() :].split("#")[0].strip()
    if not after:
        return None
    if re.match(r",\s*[\"']", after):
        return 'several texts are a list in brackets: ["…", "…"]'
    if quote == '"' and '"' in after:
        return 'a text in "…" ends at the next "; use \'…\' around a rule that has "…" in it'
    if quote == "'" and "'" in after:
        return "a text in '…' ends at the next '; write texts inside a rule as \"…\""
    return f"after the text stands {after!r}; one line has one key"


def _about_a_value(said: str, line: str) -> str | None:
    plain = _PLAIN_VALUE.match(line)
    if said == "Expected '=' after a key in a key/value pair" or (said == "Invalid statement" and ":" in line):
        return "write = between a key and its value"
    if said == "Invalid value" and re.search(r"=\s*\[\s*[A-Za-z_]", line):
        return 'the texts of a list need quotes: ["…", "…"]'
    if not plain:
        return None
    key, value = plain["key"], plain["value"]
    if value.lower() in ("true", "false", "yes", "no", "on", "off"):
        return f"{value} must be written {'true' if value.lower() in ('true', 'yes', 'on') else 'false'}"
    if re.fullmatch(r"[+-]?\d+,\d+", value):
        return f"write {value.replace(',', '.')} with a point instead of {value}"
    if said in ("Invalid value", "Expected newline or end of document after a statement"):
        return f'a text needs quotes: {key} = "{value}"' if re.search(r"^0\d|[^\d]", value) else None
    return None


def _about_tables(said: str) -> str | None:
    if found := re.match(r"Cannot declare \((.*?),?\) twice|Cannot redefine namespace \((.*?),?\)", said):
        keys = re.findall(r"'([^']*)'", found[1] or found[2] or "")
        name = ".".join(keys)
        return f"[{name}] is there twice, or once as [{name}] and once as [[{name}]]; write each [[{name}]] in two brackets"
    if re.match(r"Cannot (?:overwrite|mutate)|Duplicate", said):
        return "this key is there twice in its table"
    return None


_OTHERS = {
    "Unclosed array": "a list is not closed: ] or , is missing in this line or before it",
    "Unclosed inline table": "a table in {…} is not closed: } or , is missing in this line or before it",
    "Expected ']' at the end of a table declaration": "] is missing at the end of the name of a table",
    "Expected ']]' at the end of an array declaration": "]] is missing at the end of the name of a table",
    "Unterminated string": "a text is not closed: the quotes at its end are missing",
    "Unescaped '\\' in a string": "a \\ in \"…\" must be written \\\\, or the text as '…'",
    "Invalid initial character for a key part": "here a key must stand, of letters, digits, _ and -",
    "Expected newline or end of document after a statement": "one line has one key; the rest of this line cannot stand here",
    "Invalid value": "here a value must stand: a text in quotes, a number, true, false, or a list in […]",
    "Invalid statement": "this is neither a key with a value nor the name of a table",
    "Invalid date or datetime": 'this is no date; a text needs quotes: "…"',
}
"""What the library says, and the same in plain words."""
