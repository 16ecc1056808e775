"""CEL over documents whose shape nobody declared: compiles an expression, and computes it from values of JSON.

The rules of a policy have types and are compiled in `network/expressions.py`. Here a name is a whole document, so a field that
is misspelt is found when the expression is computed, by a sample or by the first document.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cel_expr_python import cel

TYPES: Mapping[str, Any] = {
    "text": cel.Type.STRING,
    "int": cel.Type.INT,
    "double": cel.Type.DOUBLE,
    "list": cel.Type.LIST,
}
_FAULT = re.compile(r"ERROR: <input>:(?P<line>\d+):\d+: (?P<text>.*?)(?: \[INVALID_ARGUMENT\])?$", re.MULTILINE)


class Function(NamedTuple):
    """A function that expressions may call. It is found by the types of its arguments.

    Each list of types is written out: cel-expr-python 0.1.3 takes a parameter of any type at compile time and finds no overload
    when it computes.
    """

    name: str
    takes: Sequence[Sequence[str]]
    gives: str
    call: Callable[..., Any]

    def overload(self, takes: Sequence[str]) -> Any:
        """It for one list of types."""
        kinds = [TYPES[kind] for kind in takes]
        return cel.Overload(f"{self.name}_{'_'.join(takes)}", TYPES[self.gives], kinds, impl=self.call)


class Uncompilable(ValueError):
    """An expression that is not CEL; `line` is counted from 0 within its text."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class NotComputed(ValueError):
    """An expression that has no value for these documents. Its text may repeat what stands in them."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression."""

    source: str
    program: cel.Expression
    kind: str
    """The type of its value: bool, string, int, dyn and others."""

    def value(self, names: Mapping[str, Any]) -> Any:
        """Its value. Raises `NotComputed`: the engine answers an error as a value."""
        try:
            found = self.program.eval(data=dict(names))
        except RuntimeError as error:
            raise NotComputed(str(error)) from None
        if found.type().name() == "ERROR":
            raise NotComputed(str(found.plain_value()))
        return found.plain_value()


class Engine:
    """Compiles expressions over the same names and functions."""

    def __init__(self, names: Sequence[str], functions: Sequence[Function] = ()) -> None:
        declared = [cel.FunctionDecl(one.name, list(map(one.overload, one.takes))) for one in functions]
        self._environment = cel.NewEnv(variables=dict.fromkeys(names, cel.Type.DYN), functions=declared)

    def compiled(self, source: str) -> Expression:
        """An expression. Raises `Uncompilable` with the first thing that is wrong."""
        if not source.strip():
            raise Uncompilable(0, "the expression is empty")
        try:
            program = self._environment.compile(source)
        except RuntimeError as error:
            fault = _FAULT.search(str(error))
            raise Uncompilable(
                int(fault["line"]) - 1 if fault else 0, _plain(fault["text"] if fault else str(error))
            ) from None
        return Expression(source, program, program.return_type().name().lower())


def _plain(text: str) -> str:
    """The engine's complaint without its own list of what it would have expected."""
    return re.sub(r" \(in container ''\)| expecting \{.*\}$", "", text)
