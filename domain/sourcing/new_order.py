"""The facts of a new order for the policy, and on which terms each of its lines may be returned."""

from collections.abc import Callable, Iterable

from domain.network import Locality, Network, Place, ReturnTerms, RuleLine
from domain.order import NewLine, NewOrder
from domain.sourcing.facts import OrderFacts, Wanted, item_facts, order_facts, weight_kg

Locate = Callable[[Locality], Place]
"""Finds the place of an address."""


def facts_of_new(order: NewOrder, network: Network, locate: Locate) -> OrderFacts:
    """The facts of a new order for the policy."""
    wanted = [Wanted(line.line, line.sku, line.quantity) for line in order.lines]
    return OrderFacts(
        channel=order.channel,
        service=order.service,
        country=order.ship_to.country,
        region=order.ship_to.region or "",
        postal_code=order.ship_to.postal_code or "",
        place=locate(order.ship_to.locality),
        customer_tier=order.customer_tier or "",
        currency=order.currency,
        value=network.converted(order.value, order.currency, network.policy.currency, order.placed_at),
        units=sum(one.quantity for one in wanted),
        priority=order.priority,
        weight_kg=weight_kg(network, wanted),
        ship_complete=order.ship_complete,
        pickup_node=order.pickup_node,
        from_node=order.from_node,
        not_after=order.not_after,
        reference=order.reference or "",
        purchase_order=order.purchase_order or "",
        tags=list(order.tags),
        attributes=order.attributes,
        lines=rule_lines(order.lines, network),
    )


def rule_lines(lines: Iterable[NewLine], network: Network) -> list[RuleLine]:
    """The lines of a new order or a cart as rules see them."""
    return [
        RuleLine(network.items[line.sku], line.quantity, line.gift_message is not None, line.attributes)
        for line in lines
    ]


def return_terms(order: NewOrder, network: Network, locate: Locate) -> dict[str, ReturnTerms]:
    """By line: on which terms it may be returned."""
    rules = network.policy.returns
    seen = order_facts(facts_of_new(order, network, locate)) if rules.rules else {}
    return {line.line: rules.terms_of(seen | item_facts(network.items[line.sku])) for line in order.lines}
