"""Reads [returns] of policy.toml: what customers may return, how long and where, and what becomes of it."""

import re
from collections.abc import Mapping, Sequence

from domain.network import NEAREST, EvaluationError, Expression, FeePer, ReturnRule, ReturnRules, ReturnTerms
from domain.returns import Condition, Disposition, RefundOn
from network.expressions import Answer, canonical, compile_rule
from network.nodes_toml import NodesRead
from network.reach import Transit, always, covers
from network.rule_names import Sight
from network.toml_tables import Table, did_you_mean
from network.vocabulary import WORD, Vocabulary

Sets = Mapping[str, frozenset[str] | None]
"""Node ids by set; None for a set that could not be read."""

_STAND_IN = compile_rule("true", Sight.RETURN, Answer.CONDITION)
"""Replaces a rule that could not be read."""


def read_returns(
    table: Table,
    vocabulary: Vocabulary,
    nodes: NodesRead,
    sets: Sets,
    transit: Transit | None,
    currency: str | None,
) -> ReturnRules:
    """The rules for returns; a rule without a field has the value of [returns]. `currency` is that of its amounts."""
    accepting = _accepting(table, sets)
    terms = _terms(table, ReturnTerms(currency=currency), nodes, accepting)
    tables = table.tables("rule")
    rules = ReturnRules(
        terms=terms,
        rules=tuple(_rule(rule, terms, vocabulary, nodes, accepting) for rule in tables),
        reasons=_reasons(table),
        accepting=accepting,
        approve_below=table.whole("approve_below", 0, least=0) if table.has("approve_below") else None,
        refund_shipping=table.boolean("refund_shipping", default=False),
        dispositions=_dispositions(table.table("dispositions")),
    )
    _check_order(tables, rules.rules, transit)
    table.finish()
    return rules


def _terms(table: Table, default: ReturnTerms, nodes: NodesRead, accepting: frozenset[str] | None) -> ReturnTerms:
    """The terms in one table."""
    is_final = table.boolean("final_sale", default.final_sale and not table.has("window"))
    if is_final and table.has("window"):
        table.wrong("final_sale", "a final sale has no window: give one or the other")
    return ReturnTerms(
        window=table.duration("window", default.window),
        final_sale=is_final,
        refund_on=table.word("refund_on", RefundOn, default.refund_on),
        fee=table.whole("fee", default.fee, least=0),
        fee_per=table.word("fee_per", FeePer, default.fee_per),
        receive_at=_receive_at(table, default.receive_at, nodes, accepting),
        currency=default.currency,
    )


def _rule(
    table: Table, default: ReturnTerms, vocabulary: Vocabulary, nodes: NodesRead, accepting: frozenset[str] | None
) -> ReturnRule:
    table.need("when")
    when = table.rule("when", Sight.RETURN, Answer.CONDITION, vocabulary.complaint)
    terms = _terms(table, default, nodes, accepting)
    table.finish()
    return ReturnRule(when or _STAND_IN, terms)


def _check_order(tables: Sequence[Table], rules: Sequence[ReturnRule], transit: Transit | None) -> None:
    """Check that every rule can be reached. A rule that could not be read hides no other."""
    readable = [(table, rule.when) for table, rule in zip(tables, rules, strict=True) if "when" not in table.failed]
    for position, (table, when) in enumerate(readable):
        earlier = [other for _, other in readable[:position]]
        if _always(when, transit) is False or _fails(when):
            table.wrong("when", "this rule never applies: its when is never true")
        elif any(_always(other, transit) is True for other in earlier):
            table.wrong("when", "this rule is never reached: one before it always applies")
        elif canonical(when.source) in {canonical(other.source) for other in earlier}:
            table.wrong("when", "this rule is never reached: one before it has the same when")
        elif covers(earlier, when, units_least=0):
            table.wrong("when", "this rule is never reached: those before it apply to all that it names")


def _always(rule: Expression, transit: Transit | None) -> bool | None:
    return always(rule, transit, units_least=0)


def _fails(rule: Expression) -> bool:
    return not rule.names and isinstance(rule.evaluate({}), EvaluationError)


def _reasons(table: Table) -> tuple[str, ...] | None:
    if not table.has("reasons"):
        return None
    found: list[str] = []
    for position, reason in enumerate(table.values("reasons")):
        if not isinstance(reason, str) or not re.fullmatch(WORD[0], reason):
            table.wrong("reasons", f"a reason must be {WORD[1]}, not {reason!r}", position)
        elif reason in found:
            table.wrong("reasons", f"reasons names {reason!r} twice", position)
        else:
            found.append(reason)
    return tuple(found)


def _accepting(table: Table, sets: Sets) -> frozenset[str] | None:
    """The nodes that accept returns; None = every node."""
    names = table.words("accepting", sets)
    members = [sets[name] for name in names]
    known = [found for found in members if found is not None]
    accepting = frozenset[str]().union(*known)
    if names and len(known) == len(members) and not accepting:
        table.wrong("accepting", f"no node accepts returns: none is in {' or '.join(names)}")
    return accepting if names and "accepting" not in table.failed and len(known) == len(members) else None


def _receive_at(table: Table, default: str, nodes: NodesRead, accepting: frozenset[str] | None) -> str:
    name = table.text("receive_at", default)
    if name in (NEAREST, default) or not nodes.certain:
        return name
    if name not in nodes.nodes:
        known = [NEAREST, *nodes.nodes]
        table.wrong("receive_at", f'receive_at must be "nearest" or a node, not {name!r}{did_you_mean(name, known)}')
    elif accepting is not None and name not in accepting:
        table.wrong("receive_at", f"{name} does not accept returns")
    return name


def _dispositions(table: Table) -> Mapping[Condition, Disposition]:
    default = ReturnRules().dispositions
    found = {condition: table.word(condition, Disposition, default[condition]) for condition in Condition}
    if found[Condition.WRONG_ITEM] is Disposition.RESTOCK:
        table.wrong("wrong_item", "a wrong item cannot be restocked in place of the ordered one")
    table.finish()
    return found
