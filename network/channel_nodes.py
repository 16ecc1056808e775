"""Finds the nodes that may ship orders of a channel: it is shown only what these have.

A strategy counts where its `when` may be true for some order of the channel, and that of none before it must be. Where rules
ask only for the channel, this is exact. Where they ask for more, such as the country or the value, a strategy counts as soon
as one order could reach it. All nodes of its tiers count, whatever `require` and `[[exclude]]` say of one order or item.
"""

import json

from domain.network import Expression, Network
from network.expressions import Answer, compile_rule
from network.possible_facts import Wanted, World, can_hold
from network.reach import wanted
from network.rule_names import Sight

CHANNEL = "order.channel"


class ChannelNodes:
    """The nodes of each channel under one network version, which holds them; each is found when it is first asked for."""

    def __init__(self, network: Network) -> None:
        self._strategies = network.policy.strategies
        self._known: dict[str, frozenset[str]] = {}

    def of(self, channel: str) -> frozenset[str]:
        """The ids of the nodes that strategies can use for orders of a channel."""
        if channel not in self._known:
            self._known[channel] = self._found(channel)
        return self._known[channel]

    def _found(self, channel: str) -> frozenset[str]:
        is_its_own = compile_rule(f"{CHANNEL} == {json.dumps(channel)}", Sight.WHEN, Answer.CONDITION)
        known: list[Wanted] = wanted(is_its_own)
        nodes: set[str] = set()
        for strategy in self._strategies:
            holds = _answer(strategy.when, channel)
            if holds is False:
                continue
            if can_hold(known if holds else [*known, *wanted(strategy.when)], World()):
                nodes.update(*(tier.nodes for tier in strategy.tiers))
            if holds:
                break
            known += wanted(strategy.when, answer=False)
        return frozenset(nodes)


def _answer(when: Expression, channel: str) -> bool | None:
    """Whether a rule that asks only for the channel is true for it; None for a rule that asks for more."""
    return when.evaluate({CHANNEL: channel}) is True if set(when.names) <= {CHANNEL} else None


def nodes_of_channel(network: Network, channel: str) -> frozenset[str]:
    """The ids of the nodes that a network's strategies can use for orders of a channel."""
    found = network.learnt.get(ChannelNodes)
    if not isinstance(found, ChannelNodes):
        found = network.learnt[ChannelNodes] = ChannelNodes(network)
    return found.of(channel)
