"""Evaluates a rule when its facts are known in part only: which answers are possible at all.

A value is a text, true or false, a range of numbers, a tuple of values, or ANYTHING, which stands for every value and for an
error. An answer that is not ANYTHING is certain: the engine gives it for all facts of which these are a description.
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from network.csv_rows import WHOLE_MAX
from network.rule_names import LINES
from network.rule_tree import Call, Constant, Listing, Loop, Name, Other, Tree


class _Anything(Enum):
    ANYTHING = "anything"


ANYTHING: Final = _Anything.ANYTHING


@dataclass(frozen=True, slots=True)
class Range:
    """All numbers from `low` to `high`, both included."""

    low: int | float
    high: int | float


Value: TypeAlias = "bool | str | Range | tuple[Value, ...] | _Anything"


def answer_of(tree: Tree, facts: Mapping[str, Value]) -> Value:
    """The answer for these facts; a name that is not among them may have any value."""
    match tree:
        case Constant(value):
            return value if isinstance(value, bool | str) else Range(value, value)
        case Name(name):
            return facts.get(name, ANYTHING)
        case Listing(parts):
            return tuple(answer_of(part, facts) for part in parts)
        case Call(function, parts):
            evaluate = _FUNCTIONS.get(function)
            return evaluate(*(answer_of(part, facts) for part in parts)) if evaluate else ANYTHING
        case Loop():
            return _looped(tree, facts)
        case Other():
            return ANYTHING


def _looped(loop: Loop, facts: Mapping[str, Value]) -> Value:
    if loop.over == Name(LINES, loop.over.at):
        return _over_lines(loop, facts)
    elements = answer_of(loop.over, facts)
    if not isinstance(elements, tuple):
        return ANYTHING
    result = answer_of(loop.start, facts)
    for element in elements:
        inside: dict[str, Value] = {**facts, loop.element: element, loop.result_name: result}
        goes_on = answer_of(loop.condition, inside)
        if goes_on is ANYTHING:
            return ANYTHING
        if goes_on is False:
            break
        result = answer_of(loop.step, inside)
    final: dict[str, Value] = {**facts, loop.result_name: result}
    return answer_of(loop.result, final)


def _over_lines(loop: Loop, facts: Mapping[str, Value]) -> Value:
    """The answer for one line or more, each of any item: certain only where a second line would change nothing any more."""
    line: Mapping[str, Value] = {
        f"{loop.element}.quantity": Range(1, math.inf),
        f"{loop.element}.item.weight_g": Range(0, WHOLE_MAX),
    }
    result = answer_of(loop.start, facts)
    for _ in range(2):
        before = result
        result = answer_of(loop.step, {**facts, **line, loop.result_name: before})
    return answer_of(loop.result, {**facts, loop.result_name: result if result == before else ANYTHING})


def _and(*values: Value) -> Value:
    return False if False in values else True if all(value is True for value in values) else ANYTHING


def _or(*values: Value) -> Value:
    return True if True in values else False if all(value is False for value in values) else ANYTHING


def _not(value: Value) -> Value:
    return not value if isinstance(value, bool) else ANYTHING


def _choice(condition: Value, then: Value, otherwise: Value) -> Value:
    if condition is ANYTHING:
        return then if then == otherwise else ANYTHING
    return then if condition is True else otherwise


def _equal(value: Value, other: Value) -> Value:
    if isinstance(value, Range) and isinstance(other, Range):
        if value.high < other.low or other.high < value.low:
            return False
        return True if value.low == value.high == other.low == other.high else ANYTHING
    if isinstance(value, bool | str) and isinstance(other, bool | str):
        return value == other
    return ANYTHING


def _in(value: Value, elements: Value) -> Value:
    return _or(*(_equal(value, element) for element in elements)) if isinstance(elements, tuple) else ANYTHING


def _less(value: Value, other: Value) -> Value:
    if not (isinstance(value, Range) and isinstance(other, Range)):
        return ANYTHING
    return True if value.high < other.low else False if value.low >= other.high else ANYTHING


def _of_texts(compare: Callable[[str, str], bool]) -> Callable[..., Value]:
    def evaluate(text: Value, part: Value) -> Value:
        return compare(text, part) if isinstance(text, str) and isinstance(part, str) else ANYTHING

    return evaluate


def _size(value: Value) -> Value:
    if isinstance(value, str | tuple):
        return Range(len(value), len(value))
    return Range(0, math.inf)


def _of_numbers(compute: Callable[..., int | float]) -> Callable[..., Value]:
    """An operation that is greatest and least at the ends of its ranges. What overflows is an error, so it may be anything."""

    def evaluate(value: Value, other: Value) -> Value:
        if not (isinstance(value, Range) and isinstance(other, Range)):
            return ANYTHING
        try:
            ends = [compute(one, two) for one in (value.low, value.high) for two in (other.low, other.high)]
        except OverflowError:
            return ANYTHING
        return ANYTHING if any(map(math.isnan, ends)) else Range(min(ends), max(ends))

    return evaluate


def _times(value: float, other: float) -> float:
    """Nothing times something without a limit is nothing: the numbers are finite, only the range has no end."""
    return 0 if value == 0 or other == 0 else value * other


def _divided(value: Value, other: Value) -> Value:
    """Only of doubles: of ints the engine drops what is behind the point."""
    if isinstance(value, Range) and isinstance(other, Range) and isinstance(other.low, float):
        is_one = other.low == other.high != 0 and math.isfinite(other.low)
        return Range(*sorted((value.low / other.low, value.high / other.low))) if is_one else ANYTHING
    return ANYTHING


def _minus(value: Value) -> Value:
    return Range(-value.high, -value.low) if isinstance(value, Range) else ANYTHING


def _as_double(value: Value) -> Value:
    try:
        return Range(float(value.low), float(value.high)) if isinstance(value, Range) else ANYTHING
    except OverflowError:
        return ANYTHING


def _itself_unless_unknown(value: Value) -> Value:
    return value if isinstance(value, bool) else ANYTHING


_FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "_&&_": _and,
    "_||_": _or,
    "!_": _not,
    "_?_:_": _choice,
    "_==_": _equal,
    "_!=_": lambda value, other: _not(_equal(value, other)),
    "_<_": _less,
    "_>_": lambda value, other: _less(other, value),
    "_<=_": lambda value, other: _not(_less(other, value)),
    "_>=_": lambda value, other: _not(_less(value, other)),
    "@in": _in,
    "startsWith": _of_texts(str.startswith),
    "endsWith": _of_texts(str.endswith),
    "contains": _of_texts(operator.contains),
    "size": _size,
    "_+_": _of_numbers(operator.add),
    "_-_": _of_numbers(operator.sub),
    "_*_": _of_numbers(_times),
    "-_": _minus,
    "double": _as_double,
    "@not_strictly_false": _itself_unless_unknown,
}
