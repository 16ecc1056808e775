"""Compiles the policy's rules: from CEL text to a typed `domain.network.Expression`, or to what is wrong.

Every name is declared by itself with its type, never as a field of a map. So a misspelt name or a wrong type is found when the
rule is read, not when an order needs it. The engine does not know our enumerations, so the caller looks at the rule's tree
for the texts that a name is compared with, and checks whether the name can have them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from cel_expr_python import cel

from domain.network import EvaluationError, Fact, RuleLine
from network.plain_rules import Plain, plainly
from network.rule_faults import Fault, faults, plainly_said, with_article
from network.rule_lines import POOL, messages
from network.rule_names import AMOUNTS, ATTRIBUTES, LINES, NAMES, Sight
from network.rule_tree import Call, Constant, Name, Tree, tree_of, walk

_KINDS = {name: kind.name().lower() for name, kind in NAMES[Sight.EXCLUDE].items()}
_ENVIRONMENTS = {sight: cel.NewEnv(descriptor_pool=POOL, variables=names) for sight, names in NAMES.items()}


class Answer(Enum):
    """The type of answer that a rule must have."""

    CONDITION = "a condition, true or false"
    AMOUNT = "an amount, an int or a double"


_ANSWER_TYPES = {Answer.CONDITION: ("BOOL",), Answer.AMOUNT: ("INT", "DOUBLE")}


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
    amounts: tuple[str, ...]
    """Those of its names whose value may not be known."""
    attributes: tuple[str, ...] = ()
    """The attributes of the order and of its lines that it reads."""

    @property
    def tree(self) -> Tree:
        """The rule as the engine understands it."""
        return tree_of(self.program.serialize())

    def evaluate(self, facts: Mapping[str, Fact]) -> bool | int | float | EvaluationError:
        """The rule's value for these facts. A division by zero, a missing fact and the like give an EvaluationError."""
        if self.amounts and (unknown := self._unknown(facts)):
            return self._in_part(facts, unknown)
        if self.plain:
            try:
                return self.plain(facts)
            except KeyError:  # the engine's message names the missing fact
                pass
        return self._by_engine({name: facts[name] for name in self.names if name in facts})

    def _unknown(self, facts: Mapping[str, Fact]) -> EvaluationError | None:
        return next((fact for name in self.amounts if isinstance(fact := facts.get(name), EvaluationError)), None)

    def _in_part(self, facts: Mapping[str, Fact], unknown: EvaluationError) -> bool | int | float | EvaluationError:
        """The value without an amount that is not known, if it does not depend on it."""
        answer = self._by_engine({name: facts[name] for name in self.names if name in facts and facts[name] != unknown})
        return unknown if isinstance(answer, EvaluationError) else answer

    def _by_engine(self, facts: Mapping[str, Fact]) -> bool | int | float | EvaluationError:
        try:
            answer = self.program.eval(data={name: self._given(name, fact) for name, fact in facts.items()})
        except RuntimeError as error:  # the engine raises only when a rule takes too many steps
            return self._failure(str(error))
        value: object = answer.plain_value()
        if isinstance(value, (bool, int, float)):
            return value
        return self._failure(str(value))  # the engine returns an error as its text

    def _given(self, name: str, fact: Any) -> object:
        """A fact as the engine reads it; attributes that the order does not have are ""."""
        if name == LINES:
            return messages(cast(Iterable[RuleLine], fact), self.attributes)
        if name == ATTRIBUTES:
            return {one: fact.get(one, "") for one in self.attributes}
        return fact

    def _failure(self, message: str) -> EvaluationError:
        """Why it could not be computed; without the engine's message where that may repeat an attribute."""
        return EvaluationError(_FAILS_WITH_ATTRIBUTES if self.attributes else plainly_said(message))


_FAILS_WITH_ATTRIBUTES = "it cannot be computed from the attributes of this order"


def compile_rule(source: str, sight: Sight, answer: Answer) -> CelExpression:
    """Compile a rule. Raises UnreadableRule for wrong syntax, an unknown name, a wrong type or another type of answer."""
    try:
        program = _ENVIRONMENTS[sight].compile(source)
    except RuntimeError as error:
        raise UnreadableRule(list(faults(str(error), source, sight, _parsed))) from None
    kind = program.return_type().name()
    if kind not in _ANSWER_TYPES[answer]:
        raise UnreadableRule([Fault(0, f"this is {with_article(kind.lower())}; it must be {answer.value}")])
    attributes = _attributes_in(source, program) if "attributes" in source else ()
    names = names_in(source)
    amounts = tuple(name for name in AMOUNTS if name in names)
    return CelExpression(source, names, program, plainly(source, _KINDS), amounts, attributes)


def _attributes_in(source: str, program: cel.Expression) -> tuple[str, ...]:
    """The attributes that a rule reads. Raises UnreadableRule where it does not read them by their names: those that an order
    does not have would look as if they were there."""
    found: dict[str, None] = {}
    for part in walk(tree_of(program.serialize())):
        match part:
            case Call("has", (Name(name),), at) | Name(name, at):
                _, is_attribute, key = name.partition(f".{ATTRIBUTES.partition('.')[2]}")
                is_read_by_name = key.startswith(".") and isinstance(part, Name)
            case Call("select", (_, Constant("attributes")), at):
                is_attribute, is_read_by_name, key = "attributes", False, ""
            case _:
                continue
        if is_attribute and not is_read_by_name:
            raise UnreadableRule([Fault(source.count("\n", 0, at), _BY_NAME)])
        if is_attribute:
            found[key[1:]] = None
    return tuple(found)


_BY_NAME = (
    'an attribute is read by its name, as in order.attributes.gift or order.attributes["gift note"];'
    ' where it is absent it reads as ""'
)


_MATCHING = _ENVIRONMENTS[Sight.WHEN].compile("order.channel.matches(order.region)")


def wrong_pattern(pattern: str) -> str | None:
    """What is wrong with a regular expression, which the engine reads only when it uses it; None = nothing."""
    answer: object = _MATCHING.eval(data={"order.channel": "", "order.region": pattern}).plain_value()
    return None if isinstance(answer, bool) else plainly_said(str(answer))


def _parsed(source: str) -> Tree:
    """A rule whose names and types are not checked; it must have no syntax error."""
    return tree_of(_ENVIRONMENTS[Sight.EXCLUDE].compile(source, disable_check=True).serialize())


def names_in(source: str) -> tuple[str, ...]:
    """The declared names that a rule reads, in order of appearance; a name in quotes does not count."""
    words = (token.group() for token in _TOKEN.finditer(source) if token.lastgroup == "name")
    names = (".".join("".join(word.split()).split(".")[:2]) for word in words)
    return tuple(dict.fromkeys(name for name in names if name in NAMES[Sight.EXCLUDE]))


def canonical(source: str) -> str:
    """A rule without comments and line breaks, so that rules that differ only in these are equal."""
    return " ".join(token.group() for token in _TOKEN.finditer(source) if token.lastgroup != "comment")


_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)
      | (?P<comment>//[^\n]*)
      | (?P<sign>==|!=|[^\s\w])
      | \d[\w.]*""",
    re.VERBOSE,
)
