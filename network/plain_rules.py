"""Translates simple rules from CEL to Python, because a call of the engine costs twenty times as much as the arithmetic.

A plan evaluates dozens of rules, such as `500.0 + 0.4 * node.distance_km`. A rule is simple if it is made of names, numbers,
texts, lists of these, comparisons, `in`, `&&`, `||`, `!`, `? :`, `+`, `-`, and `*` of doubles. Then no value is an error
and nothing overflows, so Python gives the same result as CEL. The engine evaluates every other rule; it has checked the names
and types of all rules.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from domain.network import Fact

Plain = Callable[[Mapping[str, Fact]], bool | int | float]

_TOKEN = re.compile(
    r"""\s*(?:(?P<double>\d+\.\d+)(?![\w.])|(?P<int>\d{1,9})(?![\w.])|(?P<text>"[^"\\\n]*"|'[^'\\\n]*')
      |(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)(?![\w.(\"'])|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*<>!?:()\[\],]))""",
    re.VERBOSE,
)
_RELATIONS = ("==", "!=", "<", "<=", ">", ">=", "in")


class _Part(NamedTuple):
    """A piece of a rule in Python, always in brackets, and the kind of its value."""

    python: str
    kind: str


class _NotSimple(Exception):
    """The rule must be evaluated by the engine."""


def plainly(source: str, kinds: Mapping[str, str]) -> Plain | None:
    """The rule in Python, or None when it is not simple; `kinds` is the type of each name.

    A kind is "int", "double", "string" or "list<string>". The returned function raises KeyError for a missing fact.
    """
    try:
        tokens = [*_tokens(source), ("end", "")]
        reader = _Reader(tokens, kinds)
        part = reader.choice()
        reader.take("")
    except _NotSimple:
        return None
    plain: Plain = eval(f"lambda facts: {part.python}", {"__builtins__": {}})
    return plain


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    position, end = 0, len(source.rstrip())
    while position < end:
        found = _TOKEN.match(source, position)
        if found is None or found.lastgroup is None:
            raise _NotSimple
        yield found.lastgroup, found[found.lastgroup]
        position = found.end()


class _Reader:
    """Reads tokens by CEL's grammar, the loosest operator first."""

    def __init__(self, tokens: list[tuple[str, str]], kinds: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._kinds = kinds
        self._at = 0

    def take(self, *signs: str) -> str | None:
        """Read the next token if it is one of `signs`, and answer it; None otherwise. The sign "" is the end of the rule."""
        _, text = self._tokens[self._at]
        if text in signs and self._tokens[self._at][0] != "text":
            self._at += 1
            return text
        if signs == ("",):
            raise _NotSimple
        return None

    def _expect(self, sign: str) -> None:
        if self.take(sign) is None:
            raise _NotSimple

    def choice(self) -> _Part:
        """A whole rule: `condition ? then : otherwise`, or a part without the choice."""
        condition = self._either()
        if self.take("?") is None:
            return condition
        then = self._either()
        self._expect(":")
        otherwise = self.choice()
        _same({condition.kind}, {"bool"})
        _same({then.kind}, {otherwise.kind})
        return _Part(f"({then.python} if {condition.python} else {otherwise.python})", then.kind)

    def _either(self) -> _Part:
        return self._chain(self._both, {"||": "or"}, {"bool"})

    def _both(self) -> _Part:
        return self._chain(self._relation, {"&&": "and"}, {"bool"})

    def _relation(self) -> _Part:
        part = self._sum()
        sign = self.take(*_RELATIONS)
        if sign is None:
            return part
        other = self._sum()
        _same({other.kind}, {f"list<{part.kind}>" if sign == "in" else part.kind})
        if part.kind not in ("int", "double", "string") or self.take(*_RELATIONS):
            raise _NotSimple
        return _Part(f"({part.python} {sign} {other.python})", "bool")

    def _sum(self) -> _Part:
        return self._chain(self._product, {"+": "+", "-": "-"}, {"int", "double"})

    def _product(self) -> _Part:
        return self._chain(self._unary, {"*": "*"}, {"double"})

    def _chain(self, part_of: Callable[[], _Part], signs: Mapping[str, str], kinds: set[str]) -> _Part:
        """Parts joined by operators of one precedence, from left to right, all of one of these kinds."""
        part = part_of()
        while sign := self.take(*signs):
            other = part_of()
            _same({part.kind, other.kind}, {part.kind} & kinds)
            part = _Part(f"({part.python} {signs[sign]} {other.python})", part.kind)
        return part

    def _unary(self) -> _Part:
        if self.take("!"):
            part = self._unary()
            _same({part.kind}, {"bool"})
            return _Part(f"(not {part.python})", "bool")
        if self.take("-"):
            part = self._unary()
            _same({part.kind}, {part.kind} & {"int", "double"})
            return _Part(f"(-{part.python})", part.kind)
        return self._atom()

    def _atom(self) -> _Part:
        if self.take("("):
            part = self.choice()
            self._expect(")")
            return part
        if self.take("["):
            return self._list()
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind in ("int", "double"):
            return _Part(repr(float(text) if kind == "double" else int(text)), kind)
        if kind == "text":
            return _Part(repr(text[1:-1]), "string")
        if text in ("true", "false"):
            return _Part(text.title(), "bool")
        if text in self._kinds:
            return _Part(f"facts[{text!r}]", self._kinds[text])
        raise _NotSimple

    def _list(self) -> _Part:
        parts: list[_Part] = []
        while not self.take("]"):
            parts.append(self._atom())
            if not self.take(","):
                self._expect("]")
                break
        kinds = {part.kind for part in parts}
        _same(kinds, {parts[0].kind} if parts else {"unknown"})
        return _Part(f"({''.join(f'{part.python}, ' for part in parts)})", f"list<{parts[0].kind}>")


def _same(kinds: set[str], others: set[str]) -> None:
    if kinds != others:
        raise _NotSimple
