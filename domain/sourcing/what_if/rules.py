"""Changes of the policy: without one rule, with the node in a tier, with more shipments; and of what the order asks for."""

from collections.abc import Iterator
from dataclasses import replace

from domain.network import Network, ShipComplete, Strategy, Tier
from domain.sourcing.facts import OrderFacts
from domain.sourcing.planner import strategy_for
from domain.sourcing.what_if.change import Case, Change, ChangeKind

SHIPMENTS_MAX = 20
"""The most shipments that a tier is tried with."""


def changes_of_rules(case: Case) -> Iterator[Change]:
    """Every change of this sort under which the node ships."""
    for kind, words, network in (*_of_strategy(case), *_of_exclusions(case)):
        if plan := case.tried(network=network):
            yield Change(kind, words, plan)
    yield from _shipments(case)
    yield from _order(case)


def _with_strategy(case: Case, strategy: Strategy) -> Network:
    """The network in which this strategy takes the place of the one with its id."""
    policy = case.network.policy
    strategies = tuple(strategy if one.id == strategy.id else one for one in policy.strategies)
    return replace(case.network, policy=replace(policy, strategies=strategies))


def _with_tier(case: Case, strategy: Strategy, number: int, tier: Tier) -> Network:
    tiers = tuple(tier if position == number else one for position, one in enumerate(strategy.tiers, start=1))
    return _with_strategy(case, replace(strategy, tiers=tiers))


def _of_strategy(case: Case) -> Iterator[tuple[ChangeKind, str, Network]]:
    strategy, node = strategy_for(case.asked.facts, case.network), case.node.id
    named = f"strategy {strategy.id}"
    if strategy.require:
        words = f"without require '{strategy.require.source}' of {named}"
        yield ChangeKind.RULE, words, _with_strategy(case, replace(strategy, require=None))
    for number, tier in enumerate(strategy.tiers, start=1):
        of_tier = f"tier {number} of {named}"
        if tier.require:
            words = f"without require '{tier.require.source}' of {of_tier}"
            yield ChangeKind.RULE, words, _with_tier(case, strategy, number, replace(tier, require=None))
        if node not in tier.nodes:
            named_too = replace(tier, nodes=tier.nodes | {node})
            yield ChangeKind.RULE, f"with {node} in {of_tier}", _with_tier(case, strategy, number, named_too)
        if not tier.split_line:
            words = f"with split_line in {of_tier}"
            yield ChangeKind.RULE, words, _with_tier(case, strategy, number, replace(tier, split_line=True))
        if len(strategy.tiers) > 1:
            others = tuple(one for position, one in enumerate(strategy.tiers, start=1) if position != number)
            yield ChangeKind.RULE, f"without {of_tier}", _with_strategy(case, replace(strategy, tiers=others))


def _of_exclusions(case: Case) -> Iterator[tuple[ChangeKind, str, Network]]:
    policy = case.network.policy
    for exclusion in policy.exclusions:
        others = tuple(one for one in policy.exclusions if one is not exclusion)
        network = replace(case.network, policy=replace(policy, exclusions=others))
        yield ChangeKind.RULE, f"without the exclusion '{exclusion.when.source}' ({exclusion.reason})", network


def _shipments(case: Case) -> Iterator[Change]:
    """The fewest shipments of each tier that are enough."""
    strategy = strategy_for(case.asked.facts, case.network)
    units = sum(one.quantity for one in case.asked.wanted)
    for number, tier in enumerate(strategy.tiers, start=1):
        for shipments in range(tier.max_shipments + 1, min(SHIPMENTS_MAX, units, len(case.network.nodes)) + 1):
            network = _with_tier(case, strategy, number, replace(tier, max_shipments=shipments))
            if plan := case.tried(network=network):
                words = (
                    f"{shipments} shipments in tier {number} of strategy {strategy.id} instead of {tier.max_shipments}"
                )
                yield Change(ChangeKind.SHIPMENTS, words, plan, shipments - tier.max_shipments)
                break


def _order(case: Case) -> Iterator[Change]:
    facts, node = case.asked.facts, case.node.id
    complete = facts.ship_complete or strategy_for(facts, case.network).ship_complete
    possible: list[tuple[bool, str, OrderFacts]] = [
        (
            facts.from_node not in (None, node),
            f"the order does not ask for {facts.from_node}",
            replace(facts, from_node=None),
        ),
        (
            complete is not ShipComplete.NO,
            f"the order may ship in parts, instead of ship_complete {complete}",
            replace(facts, ship_complete=ShipComplete.NO),
        ),
        (
            facts.deliver_by is not None,
            "the order may arrive after the promised day",
            replace(facts, deliver_by=None),
        ),
        (
            facts.not_after is not None,
            "the order may leave after its window",
            replace(facts, not_after=None),
        ),
    ]
    for is_asked, words, other in possible:
        if is_asked and (plan := case.tried(replace(case.asked, facts=other))):
            yield Change(ChangeKind.ORDER, words, plan)
