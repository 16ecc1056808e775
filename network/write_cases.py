"""Writes a sourcing round as a case: the order without what is personal, the stock that it could take, and what was decided.

Forgetting does not reach cases, so nothing personal may be in them: a postal code becomes one of its whole area, and a text
that a channel wrote stays only where the policy names it.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC
from typing import Any

from domain.network import EvaluationError, Network, RuleLine
from domain.sourcing.facts import OrderFacts
from domain.sourcing.rounds import RoundInput
from domain.sourcing.supply import cooling_at, paused
from network.geography import ImpossiblePlace, code_of_area, postal_area

Document = Mapping[str, Any]


class NoCase(Exception):
    """A case cannot say this round; the text says why, in the plural."""


def written(name: str, asked: RoundInput, decided: Document, network: Network, policy: str) -> str:
    """A round as a `[[case]]` that expects what was decided; `policy` is the text of policy.toml.

    Raises `NoCase`. Whether the case holds has to be tried: it says less than the round was decided from.
    """
    facts = asked.facts
    if facts.to_node is not None:
        raise NoCase("are transfers")
    if facts.deliver_by is not None or any(one.tried for one in asked.wanted):
        raise NoCase("were promised or tried before")
    at = asked.at.astimezone(UTC).replace(microsecond=0)
    return "\n".join(
        [
            "[[case]]",
            f"name = {_text(name)}",
            f"at = {at.isoformat().replace('+00:00', 'Z')}",
            "[case.order]",
            *_order(facts, asked, network, policy),
            "[case.stock]",
            *_stock(asked, network),
            *_nodes(asked, network),
            "[case.plan]",
            *_plan(decided),
            "",
        ]
    )


def _text(value: str) -> str:
    """A TOML string; JSON's is one, but for the character 127."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _table(values: Mapping[str, int]) -> str:
    return "{ " + ", ".join(f"{_text(name)} = {units}" for name, units in sorted(values.items())) + " }"


def _order(facts: OrderFacts, asked: RoundInput, network: Network, policy: str) -> Iterator[str]:
    """The order, without what does not decide."""
    texts = {
        "channel": facts.channel,
        "service": facts.service,
        "customer_tier": _named(policy, facts.customer_tier),
        "ship_complete": facts.ship_complete or "",
        "pickup_node": facts.pickup_node or "",
        "from_node": facts.from_node or "",
    }
    yield from (f"{field} = {_text(str(value))}" for field, value in texts.items() if value)
    yield f"ship_to = {{ {', '.join(_place(facts, policy))} }}"
    yield f"priority = {facts.priority}"
    if facts.not_after:
        yield f"not_after = {_text(facts.not_after.isoformat())}"
    if tags := [tag for tag in facts.tags if _named(policy, tag)]:
        yield f"tags = [{', '.join(map(_text, tags))}]"
    if attributes := _attributes(facts.attributes, policy):
        yield f"attributes = {attributes}"
    yield from _lines(facts, asked, network, policy)


def _place(facts: OrderFacts, policy: str) -> Iterator[str]:
    """The country and the area of the postal code; the region where the policy names it."""
    try:
        area = postal_area(facts.country, facts.postal_code)
    except ImpossiblePlace as error:
        raise NoCase("have a postal code that is not taken any more") from error
    yield f"country = {_text(facts.country)}"
    if area:
        yield f"postal_code = {_text(code_of_area(facts.country, area))}"
    if region := _named(policy, facts.region):
        yield f"region = {_text(region)}"


def _named(policy: str, value: str) -> str:
    """A text that the policy names, so that it is no detail of a person; otherwise none."""
    return value if value and any(f"{quote}{value}{quote}" in policy for quote in "\"'") else ""


def _attributes(attributes: Mapping[str, str], policy: str) -> str:
    known = {name: value for name, value in attributes.items() if name in policy and _named(policy, value)}
    return f"{{ {', '.join(f'{_text(name)} = {_text(value)}' for name, value in known.items())} }}" if known else ""


def _lines(facts: OrderFacts, asked: RoundInput, network: Network, policy: str) -> Iterator[str]:
    """The lines with new numbers. The first one has the price that makes the order worth what it was."""
    known = list(facts.lines) or [RuleLine(network.item(one.sku), one.quantity) for one in asked.wanted]
    discount, price = _prices(facts, known, network)
    yield from discount
    yield "lines = ["
    for number, line in enumerate(known, 1):
        more = [f"unit_price = {price}"] if number == 1 and price else []
        more += ['gift_message = "a gift"'] if line.has_gift_message else []
        attributes = _attributes(line.attributes, policy)
        more += [f"attributes = {attributes}"] if attributes else []
        fields = [f'line = "{number}"', f"sku = {_text(line.item.sku)}", f"quantity = {line.quantity}", *more]
        yield f"    {{ {', '.join(fields)} }},"
    yield "]"


def _prices(facts: OrderFacts, lines: list[RuleLine], network: Network) -> tuple[list[str], int]:
    """The fields of the order, and the price of a unit of its first line, that make the order worth what it was."""
    if facts.currency != (network.policy.currency or "USD"):
        return [f"currency = {_text(facts.currency)}"], 0
    if isinstance(facts.value, EvaluationError) or not facts.value:
        return [], 0
    price = -(-facts.value // lines[0].quantity)
    discount = price * lines[0].quantity - facts.value
    return [f"discount = {discount}"] if discount else [], price


def _stock(asked: RoundInput, network: Network) -> Iterator[str]:
    """What each node could give, with the safety stock that lay beneath it."""
    cooling = cooling_at(network, asked.levels, asked.at)
    by_node: dict[str, dict[str, int]] = {}
    for (node, sku), level in sorted(asked.levels.items()):
        if node not in network.nodes or (node, sku) in cooling:
            continue
        kept, own = network.safety_stock(node, sku), asked.entitlement.own.get((node, sku), 0)
        units = level.sellable(kept, offer=asked.entitlement.offers.get((node, sku)), own=own)
        units -= asked.entitlement.kept_for_others.get((node, sku), 0)
        if units > 0:
            by_node.setdefault(node, {})[sku] = units + kept
    yield from (f"{node} = {_table(units)}" for node, units in by_node.items())


def _nodes(asked: RoundInput, network: Network) -> Iterator[str]:
    """Nodes with work, or at which nothing may be planned."""
    closed = asked.kept_out | paused(asked.levels)
    lines = []
    for node in sorted(network.nodes):
        load = asked.workload.get(node)
        counts = {"open_orders": load.open_orders, "capacity_used": load.capacity_used_today} if load else {}
        fields = [f"{name} = {count}" for name, count in counts.items() if count]
        fields += ["paused = true"] if node in closed else []
        if fields:
            lines.append(f"{node} = {{ {', '.join(fields)} }}")
    if lines:
        yield "[case.nodes]"
        yield from lines


def _plan(decided: Document) -> Iterator[str]:
    """What was decided, but for costs and days: these change whenever an amount or a calendar does."""
    yield f"strategy = {_text(decided['strategy'])}"
    if decided["tier"]:
        yield f"tier = {decided['tier']}"
    if decided["shipments"]:
        ships = (f"{one['node']} = {_table(_by_sku(one['lines']))}" for one in decided["shipments"])
        yield f"ships = {{ {', '.join(ships)} }}"
    else:
        yield "nodes = []"
    if decided["unfilled"]:
        yield f"unfilled = {_table(_by_sku(decided['unfilled']))}"
        yield f"unfilled_action = {_text(decided['unfilled_action'])}"


def _by_sku(lines: list[Document]) -> dict[str, int]:
    units: Counter[str] = Counter()
    for line in lines:
        units[line["sku"]] += line["quantity"]
    return dict(units)
