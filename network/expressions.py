"""Compiles the policy's rules: from CEL text to a typed `domain.network.Expression`, or to what is wrong.

Every name is declared by itself with its type, never as a field of a map. So a misspelt name or a wrong type is found when the
rule is read, not when an order needs it. The engine does not know our enumerations, so `comparisons` finds the texts that a
name is compared with; the caller checks whether the name can have them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import NamedTuple

from cel_expr_python import cel

from domain.network import EvaluationError, Fact
from network.plain_rules import Plain, plainly

_ORDER = {
    **dict.fromkeys(
        (f"order.{name}" for name in ("channel", "service", "country", "region", "postal_code", "customer_tier")),
        cel.Type.STRING,
    ),
    **dict.fromkeys((f"order.{name}" for name in ("value", "units", "priority")), cel.Type.INT),
    "order.weight_kg": cel.Type.DOUBLE,
}
_NODE_ITSELF = {
    "node.id": cel.Type.STRING,
    "node.kind": cel.Type.STRING,
    "node.country": cel.Type.STRING,
    "node.priority": cel.Type.INT,
}
_NODE = {
    **_NODE_ITSELF,
    **dict.fromkeys((f"node.{name}" for name in ("promise_days", "open_orders", "capacity_left")), cel.Type.INT),
    "node.distance_km": cel.Type.DOUBLE,
}
_ITEM = {
    "item.sku": cel.Type.STRING,
    "item.category": cel.Type.STRING,
    "item.tags": cel.Type.List(cel.Type.STRING),
    "item.weight_g": cel.Type.INT,
}


class Sight(Enum):
    """The place of a rule in the policy, which decides what names it may read; the value is its name in messages."""

    SET = "a set"
    WHEN = "a strategy's when"
    HOLD = "a hold's when"
    RULE = "a require or cost"
    EXCLUDE = "an exclude"
    RETURN = "a rule for returns"


_NAMES: Mapping[Sight, Mapping[str, cel.Type]] = {
    Sight.SET: _NODE_ITSELF,
    Sight.WHEN: _ORDER,
    Sight.HOLD: _ORDER,
    Sight.RULE: {**_ORDER, **_NODE},
    Sight.EXCLUDE: {**_ORDER, **_NODE, **_ITEM},
    Sight.RETURN: {**_ORDER, **_ITEM},
}
_KINDS = {name: kind.name().lower() for name, kind in _NAMES[Sight.EXCLUDE].items()}
_ENVIRONMENTS = {sight: cel.NewEnv(variables=names) for sight, names in _NAMES.items()}


class Answer(Enum):
    """The type of answer that a rule must have."""

    CONDITION = "a condition, true or false"
    AMOUNT = "an amount, an int or a double"


_ANSWER_TYPES = {Answer.CONDITION: ("BOOL",), Answer.AMOUNT: ("INT", "DOUBLE")}


class Fault(NamedTuple):
    """One mistake in a rule: the line of the rule's text, counted from 0, and what would be right."""

    line: int
    text: str


class UnreadableRule(ValueError):
    """A rule that does not compile; `faults` are all its mistakes."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.text for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class CelExpression:
    """A compiled rule; it implements `domain.network.Expression`."""

    source: str
    names: tuple[str, ...]
    program: cel.Expression
    plain: Plain | None
    """The same rule in Python; None when it is not simple enough."""

    def evaluate(self, facts: Mapping[str, Fact]) -> bool | int | float | EvaluationError:
        """The rule's value for these facts. A division by zero, a missing fact and the like give an EvaluationError."""
        if self.plain:
            try:
                return self.plain(facts)
            except KeyError:  # the engine's message names the missing fact
                pass
        try:
            answer = self.program.eval(data={name: facts[name] for name in self.names if name in facts})
        except RuntimeError as error:  # the engine raises only when a rule takes too many steps
            return EvaluationError(_plainly(str(error)))
        value: object = answer.plain_value()
        if isinstance(value, (bool, int, float)):
            return value
        return EvaluationError(_plainly(str(value)))  # the engine returns an error as its text


def compile_rule(source: str, sight: Sight, answer: Answer) -> CelExpression:
    """Compile a rule. Raises UnreadableRule for wrong syntax, an unknown name, a wrong type or another type of answer."""
    try:
        program = _ENVIRONMENTS[sight].compile(source)
    except RuntimeError as error:
        raise UnreadableRule(list(_faults(str(error), source, sight))) from None
    kind = program.return_type().name()
    if kind not in _ANSWER_TYPES[answer]:
        raise UnreadableRule([Fault(0, f"this is {_article(kind.lower())}; it must be {answer.value}")])
    return CelExpression(source, names_in(source), program, plainly(source, _KINDS))


def names_of(sight: Sight) -> Set[str]:
    """The qualified names that rules of this place may read."""
    return _NAMES[sight].keys()


def names_in(source: str) -> tuple[str, ...]:
    """The declared names that a rule reads, in order of appearance; a name in quotes does not count."""
    words = (token.group() for token in _TOKEN.finditer(source) if token.lastgroup == "name")
    names = (".".join("".join(word.split()).split(".")[:2]) for word in words)
    return tuple(dict.fromkeys(name for name in names if name in _NAMES[Sight.EXCLUDE]))


def canonical(source: str) -> str:
    """A rule without comments and line breaks, so that rules that differ only in these are equal."""
    return " ".join(token.group() for token in _TOKEN.finditer(source) if token.lastgroup != "comment")


class Comparison(NamedTuple):
    """A name compared with a text, and the line of the rule where it is, counted from 0."""

    name: str
    text: str
    line: int


def comparisons(source: str) -> list[Comparison]:
    """Every text that a rule compares a name with, by ==, !=, `in [...]`, or by looking for it `in` the name."""
    tokens = list(_TOKEN.finditer(source))
    found: list[Comparison] = []
    for position, token in enumerate(tokens):
        if token.group() in ("==", "!=", "in"):
            found += _compared(source, tokens[max(0, position - 1) : position + 2 : 2])
        if token.group() == "in" and position:
            found += _listed(source, tokens[position - 1], tokens[position + 1 :])
    return found


_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)
      | (?P<comment>//[^\n]*)
      | (?P<sign>==|!=|[^\s\w])
      | \d[\w.]*""",
    re.VERBOSE,
)


def _compared(source: str, tokens: Sequence[re.Match[str]]) -> Iterator[Comparison]:
    names = [token for token in tokens if token.lastgroup == "name"]
    texts = [token for token in tokens if token.lastgroup == "text"]
    if len(names) == len(texts) == 1:
        yield _comparison(source, names[0], texts[0])


def _listed(source: str, name: re.Match[str], after: Sequence[re.Match[str]]) -> Iterator[Comparison]:
    if not after or after[0].group() != "[":
        return
    for token in after[1:]:
        if token.group() == "]":
            return
        if token.lastgroup == "text":
            yield _comparison(source, name, token)


def _comparison(source: str, name: re.Match[str], quoted: re.Match[str]) -> Comparison:
    return Comparison("".join(name.group().split()), quoted.group()[1:-1], source.count("\n", 0, quoted.start()))


_FAULT = re.compile(
    r"ERROR: <input>:(?P<line>\d+):(?P<column>\d+): (?P<text>.*?)(?: \[INVALID_ARGUMENT\])?$", re.MULTILINE
)


def _faults(message: str, source: str, sight: Sight) -> Iterator[Fault]:
    """The engine's error messages, reworded for the author of a policy."""
    faults = [
        Fault(int(fault["line"]) - 1, _explain(fault["text"], source, sight)) for fault in _FAULT.finditer(message)
    ]
    yield from dict.fromkeys(faults or [Fault(0, _plainly(message))])


def _explain(complaint: str, source: str, sight: Sight) -> str:
    if unknown := re.match(r"undeclared reference to '([\w.]+)'", complaint):
        return _explain_name(unknown[1], sight)
    if mixed := re.match(r"found no matching overload for '(\S+)' applied to '\((.*)\)'", complaint):
        return _explain_types(mixed[1], mixed[2])
    if complaint.startswith("Syntax error"):
        return _explain_syntax(complaint, source)
    return complaint


def _explain_name(name: str, sight: Sight) -> str:
    visible = _NAMES[sight]
    if name in _NAMES[Sight.EXCLUDE]:
        sees = sorted({known.partition(".")[0] for known in visible})
        return f"{name} cannot be used here: {sight.value} may use only " + (
            ", ".join(visible) if sight is Sight.SET else " and ".join(f"{one}.*" for one in sees)
        )
    close = get_close_matches(name, [*visible, *_NAMES[Sight.EXCLUDE], *_FUNCTIONS], n=1)
    return f"unknown name {name!r}" + (f"; did you mean {close[0]}?" if close else f"; known: {', '.join(visible)}")


_FUNCTIONS = ("startsWith", "endsWith", "contains", "matches", "size", "int", "double", "string", "exists", "all")


def _explain_types(function: str, types: str) -> str:
    operator = function.strip("@").replace("_", "") or function
    kinds = types.split(", ")
    if "int" in kinds and "double" in kinds:
        return (
            f"{operator} mixes an int and a double: with a double such as node.distance_km write 400.0, not 400;"
            " with an int write 400, not 400.0; or put double(…) around an int name"
        )
    return f"{operator} does not work on {' and '.join(map(_article, kinds))}"


def _explain_syntax(complaint: str, source: str) -> str:
    if re.search(r"[^=!<>]=[^=]", _TEXT.sub('""', source)):
        return "syntax error: '=' does not compare; write '=='"
    if wrong := re.search(r"\b(and|or|not)\b", _TEXT.sub('""', source)):
        return f"syntax error: {wrong[1]!r} must be written {_WRITTEN[wrong[1]]!r}"
    if "'<EOF>'" in complaint.partition("expecting")[0]:
        return "syntax error: the rule ends too early"
    return "syntax error: " + complaint.removeprefix("Syntax error: ").partition(" expecting")[0]


_TEXT = re.compile(r""""[^"]*"|'[^']*'""")
_WRITTEN = {"and": "&&", "or": "||", "not": "!"}


def _article(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _plainly(message: str) -> str:
    """An engine's message without its codes."""
    return re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$", "", message).strip()
