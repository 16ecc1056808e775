"""Makes new returns: decides whether units may be returned, on which terms, and to which node."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from database import returns
from domain import units
from domain.account import Cost, cost_between
from domain.network import EvaluationError, Far, FeePer, Network, ReturnRules, ReturnTerms, distance_km
from domain.request import ReturnFacts
from domain.returns import COMES_BACK_WITHIN, RefundOn, SoldLine, refusal
from domain.sourcing import OrderFacts, Wanted, item_facts
from domain.sourcing import order_facts as rule_facts
from transactions.supply import order_facts
from transactions.transaction import Work


async def judged(work: Work, body: ReturnFacts, at: datetime, *, is_by_channel: bool) -> returns.NewReturn | str:
    """The new return of these units, or why they cannot be returned.

    A channel that asks again for units of lines that were declined needs a person, whatever they cost: otherwise it could ask
    in smaller parts for what a person has refused.
    """
    rules = work.network.policy.returns
    requested = units.sums(body.lines)
    sold = await returns.sold(work.connection, work.header.order)
    refused = (
        refusal(sold, requested, at)
        or _wrong_reason(body, rules)
        or _wrong_node(body, work.network)
        or _wrong_exchange(body, work.active)
        or _without_effect(body)
    )
    if refused:
        return refused
    reasons = {line.line: line.reason for line in body.lines} if rules.reasons else {}
    instead = {line.line: line.exchange_for for line in body.lines}
    made = new_return(
        work,
        sold,
        requested,
        resolution=body.resolution,
        node=body.node,
        at=at,
        reasons=reasons,
        instead=instead,
        is_allowed=not (is_by_channel and any(sold[line].was_declined for line in requested)),
    )
    return replace(made, pickup_node=body.pickup_node)


def _without_effect(body: ReturnFacts) -> str | None:
    field = body.without_effect()
    return f"{field} has no effect with the resolution {body.resolution}" if field else None


def _wrong_exchange(body: ReturnFacts, network: Network) -> str | None:
    """Why an item cannot be sent in exchange; None = every requested item is in the network."""
    for line in body.lines:
        if line.exchange_for is not None and line.exchange_for not in network.items:
            is_retired = network.knows_item(line.exchange_for)
            why = "is retired: it cannot be sent any more" if is_retired else "is not an item of the network"
            return f"line {line.line}: {line.exchange_for} {why}"
    return None


def new_return(
    work: Work,
    sold: Mapping[str, SoldLine],
    units: Mapping[str, int],
    *,
    resolution: str,
    node: str | None,
    at: datetime,
    reasons: Mapping[str, str | None] | None = None,
    instead: Mapping[str, str | None] | None = None,
    is_allowed: bool = True,
) -> returns.NewReturn:
    """The new return of these units on the terms of their order; one that is not allowed waits for a person's approval."""
    goods = sum(_next_units(work, line, sold[line], quantity).goods for line, quantity in units.items())
    terms = _terms(work, {line: sold[line] for line in units})
    fees = {line: _fee(work, found) for line, found in terms.items()}
    return returns.NewReturn(
        resolution=resolution,
        node=node or _receiving_node(work, {found.receive_at for found in terms.values()}),
        is_authorized=is_allowed and None not in fees.values() and not _needs_approval(work, goods),
        expires_at=at + COMES_BACK_WITHIN,
        fee=max((fees[line] or 0 for line, found in terms.items() if found.fee_per is FeePer.RETURN), default=0),
        lines=[
            returns.NewLine(
                line=line,
                quantity=quantity,
                reason=(reasons or {}).get(line),
                exchange_for=(instead or {}).get(line),
                unit_fee=fees[line] or 0 if terms[line].fee_per is FeePer.UNIT else 0,
                refund_on=terms[line].refund_on,
            )
            for line, quantity in units.items()
        ],
    )


def _next_units(work: Work, name: str, line: SoldLine, units: int) -> Cost:
    """What the next units of a line cost that are not paid back and in no return."""
    ordered = work.order.lines[name]
    first = ordered.shipped - line.unpaid
    return cost_between(ordered.layers, first, first + units)


def _fee(work: Work, terms: ReturnTerms) -> int | None:
    """The fee in the order's currency; None where there is no rate to it: then nothing is deducted, and a person approves."""
    header = work.header
    fee = work.network.converted(terms.fee, terms.currency, header.currency, header.placed_at)
    return None if isinstance(fee, EvaluationError) else fee


def _needs_approval(work: Work, goods: int) -> bool:
    """Whether a person must approve a return of goods of this worth, because of it or because it is not known."""
    rules, header = work.network.policy.returns, work.header
    worth = work.network.converted(goods, header.currency, work.network.policy.currency, header.placed_at)
    if isinstance(worth, EvaluationError):
        return rules.approve_below is not None or any("order.value" in rule.when.names for rule in rules.rules)
    return rules.approve_below is not None and worth >= rules.approve_below


def _terms(work: Work, lines: Mapping[str, SoldLine]) -> dict[str, ReturnTerms]:
    """By line, the terms on which it was ordered; those of now for a line that was ordered before terms were kept."""
    network = work.network
    seen = rule_facts(_order_facts(work))
    return {
        name: network.policy.returns.terms_of(seen | item_facts(network.item(line.sku)))
        if line.terms is None
        else ReturnTerms(
            refund_on=RefundOn(line.terms["refund_on"]),
            fee=line.terms["fee"],
            fee_per=FeePer(line.terms["fee_per"]),
            receive_at=line.terms["receive_at"],
            currency=line.terms.get("currency"),
        )
        for name, line in lines.items()
    }


def _order_facts(work: Work) -> OrderFacts:
    wanted = [Wanted(name, line.sku, line.ordered) for name, line in work.order.lines.items()]
    return order_facts(work.header, work.network, work.order.lines, wanted)


def _wrong_reason(body: ReturnFacts, rules: ReturnRules) -> str | None:
    for line in body.lines:
        if rules.reasons is not None and line.reason not in rules.reasons:
            return f"line {line.line}: the reason must be one of {', '.join(rules.reasons)}"
    return None


def _wrong_node(body: ReturnFacts, network: Network) -> str | None:
    known = body.node is None or (body.node in network.nodes and network.policy.returns.accepts(body.node))
    return None if known else f"{body.node} does not accept returns"


def _receiving_node(work: Work, named: set[str]) -> str | None:
    """The node that the terms name, if they agree on one that is not retired; else the nearest one that accepts returns.

    From military mail none is nearer than another: it is the one with the smallest priority.
    """
    network, rules = work.network, work.network.policy.returns
    if len(named) == 1 and named <= network.nodes.keys():
        return named.pop()
    accepting = [node for node in network.nodes.values() if rules.accepts(node.id)]
    place = _order_facts(work).place
    if place.far is Far.MILITARY:
        return min(accepting, key=lambda node: (node.priority, node.id)).id if accepting else None
    near = {node.id: distance_km(place.latitude, place.longitude, node.latitude, node.longitude) for node in accepting}
    return min(sorted(near), key=near.__getitem__, default=None)
