"""Says what is wrong with a rule that does not compile, in words of the policy and with the author's own names and numbers."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from network.rule_names import FIELDS, LINES, NAMES, Sight
from network.rule_tree import Call, Constant, Name, Tree, walk


class Fault(NamedTuple):
    """One mistake in a rule: the line of the rule's text, counted from 0, and what would be right."""

    line: int
    text: str


_FAULT = re.compile(
    r"ERROR: <input>:(?P<line>\d+):(?P<column>\d+): (?P<text>.*?)(?: \[INVALID_ARGUMENT\])?$", re.MULTILINE
)


_FOLLOWS_FROM_ANOTHER = "'*error*'"
"""In what the engine says only because it did not understand a part before."""


def faults(message: str, source: str, sight: Sight, parse: Callable[[str], Tree]) -> Iterator[Fault]:
    """The engine's error message, reworded. Of syntax errors only the first: the others mostly follow from it.

    `parse` reads a rule without checking its names and types.
    """
    if not source.strip():
        yield Fault(0, "the rule is empty")
        return
    found: dict[Fault, None] = {}
    for fault in _FAULT.finditer(message):
        line, text = int(fault["line"]) - 1, fault["text"]
        if _FOLLOWS_FROM_ANOTHER in text:
            continue
        if text.startswith(("Syntax error", "reserved identifier")):
            yield Fault(line, f"syntax error: {_explain_syntax(text, source)}")
            return
        at = sum(map(len, source.splitlines(keepends=True)[:line])) + int(fault["column"]) - 1
        found[Fault(line, _explain(text, source, at, sight, parse))] = None
    yield from found or [Fault(0, plainly_said(message))]


def plainly_said(message: str) -> str:
    """An engine's message without its codes."""
    return re.sub(r"^[A-Z_]+: | \[[A-Z_]+\]$", "", message).strip()


def with_article(word: str) -> str:
    """A type with its article: an int, a list of strings."""
    kind = re.sub(r"list\((\w+)\)", r"list of \1s", word)
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _explain(complaint: str, source: str, at: int, sight: Sight, parse: Callable[[str], Tree]) -> str:
    if unknown := re.match(r"undeclared reference to '([\w.]+)'", complaint):
        is_function = re.match(r"\.?\w+\s*\(|\(", source[at:]) is not None
        return _explain_function(unknown[1]) if is_function else _explain_name(unknown[1], sight)
    if mixed := re.match(r"found no matching overload for '(\S+)' applied to '\((.*)\)'", complaint):
        calls = (tree for tree in walk(parse(source)) if isinstance(tree, Call))
        call = next((one for one in calls if one.at == at and one.function == mixed[1]), None)
        kinds = [kind.strip() for kind in re.split(r", (?![^(]*\))", mixed[2])]
        return _explain_types(mixed[1], kinds, call.parts if call else ())
    if field := re.match(r"undefined field '(\w+)' not found in struct '(\w+)'", complaint):
        names = (tree.name for tree in walk(parse(source)) if isinstance(tree, Name) and tree.at == at)
        return _explain_field(field[1], field[2], next(names, field[1]))
    if complaint == "invalid int literal":
        return "this number is too large"
    return complaint


_UNSEEN: Sequence[tuple[str, str]] = (
    (
        r".*\b(available\w*|availability|stock|\w+_stock|stock_\w+|on_hand|onhand|inventory|supply|reserved|allocated|atp)",
        "a rule does not see stock: the plan itself takes what is available",
    ),
    (
        r"(.*\.)?(now|today|time|date|day|weekday|hour|month|year|season|placed_at|created_at)",
        "a rule does not see the time",
    ),
    (
        r"order\.(items?|line|line_items|skus?|products?|category|categories|hazmat|weight_g)",
        f"write {LINES}.exists(line, …) or {LINES}.all(line, …), which see each line with its line.item",
    ),
    (r"lines?\..*", f"a line has a name only inside {LINES}.exists(line, …) or {LINES}.all(line, …)"),
    (
        r"order\.(name|first_name|last_name|customer|customer_\w+|e?mail|phone|street|city|address|ship_to)",
        "a rule does not see who the customer is; of the address it sees"
        " order.country, order.region and order.postal_code",
    ),
    (r"item\.(price|unit_price|cost|value|currency)", "a rule does not see prices; order.value is that of all goods"),
)
"""What rules do not see, by a pattern of the names that are tried for it."""

_FUNCTIONS = ("startsWith", "endsWith", "contains", "matches", "size", "int", "double", "string", "exists", "all")
_BEHIND_A_NAME = ("startsWith", "endsWith", "contains", "matches")
_OVER_LINES = ("exists", "all")
NAME_LIKENESS = 0.7


def _explain_name(name: str, sight: Sight) -> str:
    visible = NAMES[sight]
    if name in NAMES[Sight.EXCLUDE]:
        sees = sorted({known.partition(".")[0] for known in visible})
        hint = f"; of its items write {LINES}.exists(line, line.{name})" if name.startswith("item.") else ""
        return f"{name} cannot be used here: {sight.value} may use only " + (
            ", ".join(visible) if sight is Sight.SET else " and ".join(f"{one}.*" for one in sees) + hint
        )
    for pattern, sentence in _UNSEEN:
        if re.fullmatch(pattern, name):
            return f"unknown name {name!r}: {sentence}"
    if close := _close(name, visible):
        return f"unknown name {name!r}; did you mean {close}?"
    known = [one for one in visible if one.startswith(f"{name.partition('.')[0]}.")]
    if "." not in name and not known:
        return _explain_word(name)
    return f"unknown name {name!r}; known: {', '.join(known or visible)}"


def _explain_field(field: str, struct: str, written: str) -> str:
    """A field that a line or its item does not have; `written` is the whole name, as in `line.item.tagz`."""
    known = FIELDS[struct]
    of_item = FIELDS["Item"] if struct == "Line" else {}
    before = written.removesuffix(field)
    meant = {**{one: f"item.{one}" for one in of_item}, **{one: one for one in known}}
    if close := get_close_matches(field, meant, n=1, cutoff=NAME_LIKENESS):
        return f"unknown name {written!r}; did you mean {before}{meant[close[0]]}?"
    return f"unknown name {written!r}; known: {', '.join(f'{before}{one}' for one in known)}"


def _explain_word(word: str) -> str:
    """A word without a point: mostly a text that lost its quotes."""
    if word.lower() in ("true", "false"):
        return f"write {word.lower()} instead of {word}"
    return f'unknown name {word!r}; if it is a text, write "{word}" in quotes'


def _close(name: str, visible: Mapping[str, object]) -> str | None:
    """The visible name that was meant: the same but for capitals or its first part, or one with nearly the same last part."""
    group, point, last = name.lower().rpartition(".")
    ends = {one.partition(".")[2]: one for one in visible if not point or one.startswith(f"{group}.")}
    everywhere = {one.partition(".")[2]: one for one in visible}
    found = get_close_matches(last, ends or everywhere, n=1, cutoff=NAME_LIKENESS)
    return (ends or everywhere)[found[0]] if found else None


def _explain_function(name: str) -> str:
    if name in _OVER_LINES:
        return f"{name} stands behind a name, as in {LINES}.{name}(line, …)"
    if name in _BEHIND_A_NAME:
        return f"{name} stands behind a name, as in order.channel.{name}(…)"
    close = get_close_matches(name, _FUNCTIONS, n=1, cutoff=NAME_LIKENESS)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(_FUNCTIONS)}"
    return f"unknown function {name!r}; {hint}"


_ORDERING = ("_<_", "_<=_", "_>_", "_>=_")


def _explain_types(function: str, kinds: Sequence[str], parts: Sequence[Tree]) -> str:
    operator = function.strip("@").replace("_", "") or function
    said = f"{operator} does not work on {' and '.join(map(with_article, kinds))}"
    if len(kinds) != 2 or len(parts) != 2:
        return said
    if set(kinds) == {"int", "double"}:
        return f"{operator} mixes an int and a double: {_as_one_kind(function, kinds, parts)}"
    hint = _hint_for_lists(function, kinds, parts) or _hint_for_others(function, kinds, parts)
    return f"{said}; {hint}" if hint else said


def _as_one_kind(function: str, kinds: Sequence[str], parts: Sequence[Tree]) -> str:
    """How to write an int and a double as the same kind, with the numbers that are there."""
    whole, fraction = (parts[kinds.index(kind)] for kind in ("int", "double"))
    if isinstance(whole, Constant):
        is_double = f"{fraction.name} is a double, " if isinstance(fraction, Name) else ""
        return f"{is_double}write {whole.value}.0 instead of {whole.value}"
    is_int = f"{whole.name} is an int, " if isinstance(whole, Name) else ""
    around = f"put double(…) around {whole.name if isinstance(whole, Name) else 'the int'}"
    if not isinstance(fraction, Constant) or not isinstance(fraction.value, float):
        return around
    if fraction.value.is_integer():
        return f"{is_int}write {fraction.value:.0f} instead of {fraction.value}"
    return f"{is_int}write a whole number instead of {fraction.value}" if function in _ORDERING else around


def _hint_for_lists(function: str, kinds: Sequence[str], parts: Sequence[Tree]) -> str | None:
    if function == "@in" and kinds[1] == "string" and isinstance(parts[0], Name) and isinstance(parts[1], Constant):
        return f'write {parts[0].name} in ["{parts[1].value}"]'
    lists = [
        part for part, kind in zip(parts, kinds, strict=True) if kind.startswith("list") and isinstance(part, Name)
    ]
    return f'{lists[0].name} is a list: write "…" in {lists[0].name}' if len(lists) == 1 else None


def _hint_for_others(function: str, kinds: Sequence[str], parts: Sequence[Tree]) -> str | None:
    if "null_type" in kinds:
        return 'there is no null; an absent text is ""'
    if function in _ORDERING and kinds[0] == "bool" and kinds[1] in ("int", "double"):
        return "compare twice, as in 1 < order.units && order.units < 9"
    for part, other in zip(parts, reversed(kinds), strict=True):
        if other in ("int", "double") and isinstance(part, Constant) and re.fullmatch(r"[\d.]+", str(part.value)):
            return f"a number has no quotes: write {part.value}" if isinstance(part.value, str) else None
    return None


_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")
_WRITTEN = {"and": "&&", "or": "||", "not": "!"}
_SIGNS = (
    (r"[“”„‘’]", "write straight quotes instead of {0}"),
    (r"===", "'===' must be written '=='"),
    (r"!==", "'!==' must be written '!='"),
    (r"<>", "'<>' must be written '!='"),
    (r"=<|=>", "{0!r} must be written '<=' or '>='"),
    (r"(?<![=!<>])=(?!=)", "'=' does not compare; write '=='"),
    (r"(?<!&)&(?!&)", "'&' must be written '&&'"),
    (r"(?<!\|)\|(?!\|)", "'|' must be written '||'"),
    (r"\d[,_]\d{3}\b", "write a number without a sign between its digits, not {0}"),
    (r"(?i)\b(?:if|then|else)\b", "{0!r} cannot stand in a rule; write condition ? then : otherwise"),
    (r"(?i)\b(?:and|or|not)\b", ""),
    (r"(?i)\blike\b", "{0!r} cannot stand in a rule; write order.channel.startsWith(…), endsWith or contains"),
)
"""What other languages write, and what is said of it."""


def _explain_syntax(complaint: str, source: str) -> str:
    plain = _QUOTED.sub('""', source)
    for pattern, sentence in _SIGNS:
        if found := re.search(pattern, plain):
            word = found.group()
            return sentence.format(word) or f"{word!r} must be written {_WRITTEN[word.lower()]!r}"
    if plain.replace('""', "").count('"') + plain.count("'") > 0:
        return "the quotes around a text are not closed"
    if "'<EOF>'" in complaint.partition("expecting")[0]:
        return "a '(' is not closed" if plain.count("(") > plain.count(")") else "the rule ends too early"
    if plain.count(")") > plain.count("("):
        return "there is a ')' too many"
    wrong = re.search(r"(?:at:|input) '(.*?)'(?: expecting.*)?$", complaint)
    return f"{wrong[1].strip()!r} cannot stand here" if wrong else complaint.removeprefix("Syntax error: ")
