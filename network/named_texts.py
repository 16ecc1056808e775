"""Finds the texts that a rule compares names with, wherever they stand in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from network.rule_names import LINES
from network.rule_tree import Call, Constant, Listing, Loop, Name, Tree, walk

EQUALITY = "=="
INEQUALITY = "!="
MEMBERSHIP = "in"

_COMPARING = {"_==_": EQUALITY, "_!=_": INEQUALITY, "@in": MEMBERSHIP}
PARTS_OF_TEXTS = {"startsWith": "starts with", "endsWith": "ends with", "contains": "contains"}
"""The functions that look for a part of a text, and the same in words."""


@dataclass(frozen=True, slots=True)
class NamedText:
    """A name, a text that it is compared with, and how."""

    name: str
    relation: str
    """`==`, `!=`, `in`, or a function of PARTS_OF_TEXTS."""
    text: str
    at: int
    """Where the text stands in the rule, in characters."""
    comparison: int
    """Where its comparison stands: the texts of one list have the same."""


def named_texts(tree: Tree) -> list[NamedText]:
    """Every text that a rule compares a name with. An element of a list such as `item.tags` counts as the list, and an item of
    a line of the order, such as `line.item`, as `item`."""
    return list(_found(tree, {}))


def names_read(tree: Tree) -> list[Name]:
    """Every name that a rule reads, each as in `named_texts`."""
    return list(_read(tree, {}))


def patterns_in(tree: Tree) -> Iterator[tuple[int, str]]:
    """Every regular expression that a rule matches a text with, and where it stands."""
    for part in walk(tree):
        if isinstance(part, Call) and part.function == "matches" and len(part.parts) == 2:
            pattern = part.parts[1]
            if isinstance(pattern, Constant) and isinstance(pattern.value, str):
                yield pattern.at, pattern.value


def _read(tree: Tree, elements: Mapping[str, Tree]) -> Iterator[Name]:
    if isinstance(tree, Name):
        yield Name(_meant(tree.name, elements), tree.at)
    elif isinstance(tree, Loop):
        yield from _read(tree.over, elements)
        yield from _read(tree.step, {**elements, tree.element: tree.over})
    elif not isinstance(tree, Constant):
        for part in tree.parts:
            yield from _read(part, elements)


def _found(tree: Tree, elements: Mapping[str, Tree]) -> Iterator[NamedText]:
    if isinstance(tree, Call) and len(tree.parts) == 2:
        yield from _compared(tree, elements)
    if isinstance(tree, Loop):
        yield from _found(tree.over, elements)
        yield from _found(tree.step, {**elements, tree.element: tree.over})
    elif not isinstance(tree, Constant | Name):
        for part in tree.parts:
            yield from _found(part, elements)


def _compared(call: Call, elements: Mapping[str, Tree]) -> Iterator[NamedText]:
    relation = _COMPARING.get(call.function) or (call.function if call.function in PARTS_OF_TEXTS else None)
    sides = [inner for part in call.parts for inner in _spread(part, elements)] if relation else []
    names = {_meant(side.name, elements) for side in sides if isinstance(side, Name)}
    for side in sides:
        if relation and len(names) == 1 and isinstance(side, Constant) and isinstance(side.value, str):
            yield NamedText(next(iter(names)), relation, side.value, side.at, call.at)


def _meant(name: str, elements: Mapping[str, Tree]) -> str:
    """A name; of a line without the name that it has in its loop, such as `item.tags`, or `line.attributes.gift`."""
    element, point, field = name.partition(".")
    over = elements.get(element)
    is_of_line = point and isinstance(over, Name) and over.name == LINES
    return name if not is_of_line else field if field.startswith("item.") else f"line.{field}"


def _spread(tree: Tree, elements: Mapping[str, Tree]) -> tuple[Tree, ...]:
    """The parts of a list; for the variable of a loop, what it loops over."""
    if isinstance(tree, Name) and tree.name in elements:
        tree = elements[tree.name]
    return tree.parts if isinstance(tree, Listing) else (tree,)
