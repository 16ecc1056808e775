"""Reads a compiled rule as a tree, so that the check sees what the engine sees and not what a pattern finds in the text.

The engine gives a compiled rule as a message of the published schema cel.expr (checked.proto, syntax.proto). Only the few
fields below are read; whatever else a rule may contain becomes `Other`. Macros such as `exists` arrive as `Loop`.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that the author wrote."""

    value: bool | int | float | str
    at: int


@dataclass(frozen=True, slots=True)
class Name:
    """A declared name such as `order.channel`, the variable of a loop, or what is read of one, such as `line.item.tags`.

    A text that is read of texts by name is named the same way, however it is written: `order.attributes.gift`.
    """

    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """An operator such as `_==_` or `@in`, or a function. Of `x.contains(…)` the first part is `x`.

    `has` asks whether a field is there; `select` reads a field of what has no name, such as `order.lines[0]`.
    """

    function: str
    parts: "tuple[Tree, ...]"
    at: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that the author wrote."""

    parts: "tuple[Tree, ...]"
    at: int


@dataclass(frozen=True, slots=True)
class Loop:
    """`exists`, `all`, `filter` and the like: `step` is computed for each element while `condition` holds."""

    element: str
    over: "Tree"
    result_name: str
    start: "Tree"
    condition: "Tree"
    step: "Tree"
    result: "Tree"
    at: int

    @property
    def parts(self) -> "tuple[Tree, ...]":
        """The trees below it."""
        return self.over, self.start, self.condition, self.step, self.result


@dataclass(frozen=True, slots=True)
class Other:
    """A piece that the check does not look into."""

    parts: "tuple[Tree, ...]"
    at: int


Tree: TypeAlias = Constant | Name | Call | Listing | Loop | Other
"""A rule or a part of it; `at` is where it stands in the rule's text, in characters (an operator: where its sign stands)."""

Fields = Mapping[int, list["int | bytes"]]


def tree_of(compiled: bytes) -> Tree:
    """The tree of a rule as the engine serializes it, checked or only parsed."""
    wrapped = _fields(compiled)
    kind, message = _text(wrapped, 1), _fields(_bytes(wrapped, 2))
    expression, source = (4, 5) if kind.endswith("CheckedExpr") else (2, 3)
    positions = {}
    for entry in _fields(_bytes(message, source)).get(4, []):
        pair = _fields(entry) if isinstance(entry, bytes) else {}
        positions[_number(pair, 1)] = _number(pair, 2)
    return _tree(_bytes(message, expression), positions)


def walk(tree: Tree) -> Iterator[Tree]:
    """The tree and every tree below it."""
    yield tree
    if not isinstance(tree, Constant | Name):
        for part in tree.parts:
            yield from walk(part)


def _tree(message: bytes, positions: Mapping[int, int]) -> Tree:
    fields = _fields(message)
    at = positions.get(_number(fields, 2), 0)
    for number, read in ((3, _constant), (4, _name), (5, _select), (6, _call), (7, _listing), (9, _loop)):
        if number in fields:
            return read(_fields(_bytes(fields, number)), at, positions)
    return Other((), at)


def _constant(fields: Fields, at: int, _: Mapping[int, int]) -> Tree:
    (kind, found), *_none = fields.items()
    match kind, found[0]:
        case 2, int(value):
            return Constant(bool(value), at)
        case 3, int(value):
            return Constant(value - (1 << 64) if value >> 63 else value, at)
        case 5, bytes(value):
            return Constant(struct.unpack("<d", value)[0], at)
        case 6, bytes(value):
            return Constant(value.decode(), at)
    return Other((), at)


def _name(fields: Fields, at: int, _: Mapping[int, int]) -> Tree:
    return Name(_text(fields, 1), at)


def _select(fields: Fields, at: int, positions: Mapping[int, int]) -> Tree:
    """A field of an object. In a rule that was only parsed a declared name looks like this."""
    below, field = _tree(_bytes(fields, 1), positions), _text(fields, 2)
    if not isinstance(below, Name):
        return Call("select", (below, Constant(field, at)), at)
    name = Name(f"{below.name}.{field}", at)
    return Call("has", (name,), at) if _number(fields, 3) else name


def _call(fields: Fields, at: int, positions: Mapping[int, int]) -> Tree:
    match _text(fields, 2), _trees(fields, 1, positions) + _trees(fields, 3, positions):
        case "_[_]", (Name(name), Constant(str(key), place)):
            return Name(f"{name}.{key}", place)
        case function, parts:
            return Call(function, parts, at)


def _listing(fields: Fields, at: int, positions: Mapping[int, int]) -> Tree:
    return Listing(_trees(fields, 1, positions), at)


def _loop(fields: Fields, at: int, positions: Mapping[int, int]) -> Tree:
    over, start, condition, step, result = (_tree(_bytes(fields, number), positions) for number in (2, 4, 5, 6, 7))
    return Loop(_text(fields, 1), over, _text(fields, 3), start, condition, step, result, at)


def _trees(fields: Fields, number: int, positions: Mapping[int, int]) -> tuple[Tree, ...]:
    return tuple(_tree(one, positions) for one in fields.get(number, []) if isinstance(one, bytes))


def _bytes(fields: Fields, number: int) -> bytes:
    value = fields.get(number, [b""])[-1]
    return value if isinstance(value, bytes) else b""


def _text(fields: Fields, number: int) -> str:
    return _bytes(fields, number).decode()


def _number(fields: Fields, number: int) -> int:
    value = fields.get(number, [0])[-1]
    return value if isinstance(value, int) else 0


def _fields(message: bytes) -> Fields:
    """The fields of a Protocol Buffers message by number: numbers, or bytes that may be a message of their own."""
    found: dict[int, list[int | bytes]] = {}
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        if tag & 7 == 0:
            value: int | bytes
            value, at = _varint(message, at)
        else:
            length, at = (8, at) if tag & 7 == 1 else (4, at) if tag & 7 == 5 else _varint(message, at)
            value, at = message[at : at + length], at + length
        found.setdefault(tag >> 3, []).append(value)
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where the next field begins."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
