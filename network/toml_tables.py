"""Reads the fields of a TOML table into our types, and reports fields that are missing, misspelt or of a wrong type.

Reading never stops at a mistake: a default or a stand-in replaces the field, so that one pass finds all mistakes.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from domain.text import SPAN_MAX, span
from network.expressions import Answer, CelExpression, UnreadableRule, compile_rule, wrong_pattern
from network.mistakes import Mistakes
from network.named_texts import PARTS_OF_TEXTS, named_texts, patterns_in
from network.rule_names import Sight
from network.toml_faults import toml_fault
from network.toml_lines import Path, lines_of

Word = TypeVar("Word", bound=StrEnum)
Value = TypeVar("Value")


class Table:
    """One table of a TOML file: its values, its place in the file, and the mistakes met while reading it."""

    def __init__(
        self,
        values: Mapping[str, Any],
        path: Path,
        lines: Mapping[Path, int],
        mistakes: Mistakes,
        rules: "list[RuleRead] | None" = None,
    ) -> None:
        self._values = values
        self._path = path
        self._lines = lines
        self._mistakes = mistakes
        self._rules: list[RuleRead] = [] if rules is None else rules
        self._known: list[str] = []
        self.failed: set[str] = set()
        """The fields that could not be read."""

    def line(self, *keys: str | int) -> int:
        """The line of a value below this table, or of the nearest table or key above it that has a line."""
        path = (*self._path, *keys)
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def wrong(self, key: str, text: str, *below: str | int, line_offset: int = 0) -> None:
        """Report a mistake at a field, or at a value below it."""
        self.failed.add(key)
        self._mistakes.add(self.line(key, *below) + line_offset, text)

    def warn(self, key: str, text: str, *below: str | int, line_offset: int = 0) -> None:
        """Report what only looks like a mistake, at a field or at a value below it."""
        self._mistakes.warn(self.line(key, *below) + line_offset, text)

    @property
    def rules(self) -> "list[RuleRead]":
        """All rules of the whole file that were read and are right, in the order in which they were read."""
        return self._rules

    @property
    def was_applied(self) -> bool:
        """Whether the file was applied once: what is refused now was accepted then, and holds."""
        return self._mistakes.was_applied

    def has(self, key: str) -> bool:
        """Whether the field is present; then it counts as known."""
        self._known.append(key)
        return key in self._values

    def need(self, key: str) -> bool:
        """Whether the field is present; a missing field is reported."""
        if self.has(key):
            return True
        self.wrong(key, f"{key} is missing")
        return False

    def unread(self) -> list[str]:
        """The fields that were not read so far."""
        return [key for key in self._values if key not in self._known]

    def finish(self) -> None:
        """Report every field that was not read: it is unknown."""
        for key in self.unread():
            self.wrong(key, f"unknown key {key!r}{did_you_mean(key, self._known)}")

    def text(self, key: str, default: str = "") -> str:
        """A text that is not empty."""
        value = self._read(key, default)
        if isinstance(value, str) and (value or key not in self._values):
            return value
        self.wrong(key, f'{key} must be a text in quotes, such as "…", not {_shown(value)}')
        return default

    def whole(self, key: str, default: int, least: int) -> int:
        """A whole number of at least `least`."""
        value = self._read(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        self.wrong(key, f"{key} must be a whole number of at least {least}, not {_shown(value)}")
        return default

    def number(self, key: str, least: float, most: float) -> float:
        """A number between two others."""
        value = self._read(key, None)
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return float(value)
        self.wrong(key, f"{key} must be a number from {least:g} to {most:g}, not {_shown(value)}")
        return 0.0

    def boolean(self, key: str, default: bool) -> bool:
        """The field as true or false."""
        value = self._read(key, default)
        if isinstance(value, bool):
            return value
        self.wrong(key, f"{key} must be true or false, not {_shown(value)}")
        return default

    def word(self, key: str, words: type[Word], default: Word, known: Iterable[Word] | None = None) -> Word:
        """The field as a member of an enumeration."""
        return words(self.one_of(key, [str(word) for word in known or words], default))

    def one_of(self, key: str, allowed: Sequence[str], default: str) -> str:
        """The field as one of the allowed texts."""
        value = self._read(key, default)
        if isinstance(value, str) and value in allowed:
            return value
        self.wrong(key, f"{key} must be one of {', '.join(allowed)}, not {_shown(value)}{did_you_mean(value, allowed)}")
        return default

    def duration(self, key: str, default: timedelta, least: timedelta = timedelta()) -> timedelta:
        """A time span such as 500ms, 30s, 15m, 4h or 2d, of at least `least` and at most a century."""
        if not self.has(key):
            return default
        value = self._values[key]
        span = _parse_duration(value)
        if span is None:
            self.wrong(key, f"{key} must be a time span such as 500ms, 30s, 15m, 4h or 2d, not {_shown(value)}")
        elif not least <= span <= SPAN_MAX:
            self.wrong(key, f"{key} must be {'more than 0' if span < least else 'at most 36525d'}, not {_shown(value)}")
        else:
            return span
        return default

    def clock(self, key: str, default: time) -> time:
        """A time of day such as 14:00."""
        value = self._read(key, None)
        moment = parse_clock(value)
        if moment is not None:
            return moment
        if key in self._values:
            self.wrong(key, f'{key} must be a time of day in quotes such as "14:00", not {_shown(value)}')
        return default

    def days(self, key: str) -> list[date]:
        """The field's list of days such as 2026-12-24, with or without quotes, each at most once."""
        found: list[date] = []
        for position, value in enumerate(self.values(key)):
            day = _parse_day(value)
            if day is None:
                self.wrong(key, f"{key} must be a list of days such as [2026-12-24], not {_shown(value)}", position)
            elif day in found:
                self.wrong(key, f"{key} names {day} twice", position)
            else:
                found.append(day)
        return found

    def values(self, key: str) -> list[Any]:
        """The field's list, which must not be empty; an empty list when the field is absent or wrong."""
        value = self._read(key, [])
        if isinstance(value, list) and (value or key not in self._values):
            return value
        self.wrong(key, f"{key} must be a list that is not empty, not {_shown(value)}")
        return []

    def words(self, key: str, known: Iterable[str]) -> list[str]:
        """The field's list of known words, each at most once."""
        allowed = list(known)
        found: list[str] = []
        for position, value in enumerate(self.values(key)):
            if value not in allowed:
                hint = did_you_mean(value, allowed) or f"; known: {', '.join(allowed) or 'none'}"
                self.wrong(key, f"unknown {key} {_shown(value)}{hint}", position)
            elif value in found:
                self.wrong(key, f"{key} names {_shown(value)} twice", position)
            else:
                found.append(value)
        return found

    def table(self, key: str) -> "Table":
        """The table of this name below this one; an empty table when there is none."""
        value = self._read(key, {})
        if isinstance(value, dict):
            return self._below(value, key)
        self.wrong(key, f"{key} must be a table [{key}], not {_shown(value)}")
        return self._below({}, key)

    def tables(self, key: str) -> "list[Table]":
        """The tables [[key]] below this one, in the order of the file."""
        value = self._read(key, [])
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            return [self._below(one, key, position) for position, one in enumerate(value)]
        self.wrong(key, f"{key} must be a list of tables [[{key}]], not {_shown(value)}")
        return []

    def anything(self, key: str) -> Any:
        """The value of a field that is there, as TOML has it; who asks for it checks it."""
        return self._read(key, None)

    def names(self) -> list[str]:
        """The names of all fields; then they count as known."""
        self._known.extend(self._values)
        return list(self._values)

    def rule(self, key: str, sight: Sight, answer: Answer, check: "Complain") -> CelExpression | None:
        """A compiled CEL rule; None when the field is absent, or wrong, which is reported."""
        if not self.has(key):
            return None
        source = self._values[key]
        if not isinstance(source, str):
            self.wrong(key, f"{key} must be a rule in quotes, such as '{_as_rule(source)}', not {_shown(source)}")
            return None
        try:
            rule = compile_rule(source, sight, answer)
        except UnreadableRule as error:
            for fault in error.faults:
                self.wrong(key, f"{key}: {fault.text}", line_offset=fault.line)
            return None
        # A rule that was applied holds as it is: it must not be replaced because a check of today finds fault with it.
        complaints = {} if self._mistakes.was_applied else _complaints(rule, check)
        for at, complaint in complaints.items():
            self.wrong(key, f"{key}: {complaint}", line_offset=source.count("\n", 0, at))
        if complaints:
            return None
        self._rules.append(RuleRead(self, key, sight, rule))
        return rule

    def _read(self, key: str, default: Any) -> Any:
        return self._values[key] if self.has(key) else default

    def _below(self, values: Mapping[str, Any], *keys: str | int) -> "Table":
        return Table(values, (*self._path, *keys), self._lines, self._mistakes, self._rules)


class RuleRead(NamedTuple):
    """A rule, and where it stands."""

    table: Table
    key: str
    sight: Sight
    rule: CelExpression


Complain = Callable[[str, str], str | None]
"""Answers why a comparison of a name with a text is wrong; None = it is right."""


def _complaints(rule: CelExpression, check: Complain) -> dict[int, str]:
    """What is wrong with the texts of a rule that compiles, by their place in it."""
    tree = rule.tree
    compared = [one for one in named_texts(tree) if one.relation not in PARTS_OF_TEXTS]
    found = {one.at: complaint for one in compared if (complaint := check(one.name, one.text))}
    return found | {at: complaint for at, pattern in patterns_in(tree) if (complaint := wrong_pattern(pattern))}


def read_toml(text: str, mistakes: Mistakes) -> Table | None:
    """The top table of a TOML text; None, with the mistake reported, when the text is not TOML."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = toml_fault(text, error)
        mistakes.add(fault.line, fault.text)
        return None
    return Table(values, (), lines_of(text), mistakes)


def _parse_duration(value: object) -> timedelta | None:
    try:
        return span(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _parse_day(value: object) -> date | None:
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return day if isinstance(day, date) and not isinstance(day, datetime) else None


def parse_clock(value: object) -> time | None:
    """A time of day such as 09:30; None when the value is not one."""
    parts = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value, re.ASCII) if isinstance(value, str) else None
    return time(int(parts[1]), int(parts[2])) if parts else None


COMPARED_MAX = 2000
"""Of more words than these only those are compared that begin or end as the value: the comparison takes long."""


def did_you_mean(value: object, known: Sequence[str]) -> str:
    """A hint with the known word that is most like a value; empty when none is close."""
    if not isinstance(value, str):
        return ""
    if len(known) > COMPARED_MAX:
        known = [word for word in known if word[:3] == value[:3] or word[-3:] == value[-3:]][:COMPARED_MAX]
    close = get_close_matches(value, known, n=1)
    return f"; did you mean {str(close[0])!r}?" if close else ""


def _as_rule(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(value: object) -> str:
    """A value as it is written in a TOML file, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:60] + "…"
