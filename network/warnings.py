"""Looks for what is no mistake but is probably not meant: names that nobody has, and rules that nothing can meet today.

It is asked only about a network without mistakes. A network with warnings can be applied.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import datetime

from domain.identifiers import OWN_CHANNELS
from domain.network import Network, Strategy, Tier
from domain.sourcing import item_facts
from domain.sourcing.rules import DISTANCE_KM, DISTANCE_KNOWN
from network.close_names import misspelt
from network.mistakes import Mistake, Mistakes
from network.named_texts import INEQUALITY, MEMBERSHIP, PARTS_OF_TEXTS, NamedText, named_texts, names_read
from network.policy_toml import PolicyRead
from network.possible_facts import World, can_hold
from network.reach import Reach, wanted
from network.rule_names import Sight
from network.toml_tables import RuleRead, Table, did_you_mean

_NOBODY: Mapping[str, str] = {
    "item.tags": "no item has the tag",
    "item.category": "no item has the category",
    "item.sku": "no item has the SKU",
    "node.kind": "no node is of the kind",
    "node.country": "no node is in",
    "node.region": "no node is in the region",
    "node.tags": "no node has the tag",
}
"""What is said of a text that no item or node has."""

_NO_PART: Mapping[str, str] = {
    "item.tags": "no item has a tag that",
    "item.category": "no item has a category that",
    "item.sku": "no item has a SKU that",
    "node.id": "no node has an id that",
    "node.kind": "no node is of a kind that",
    "node.country": "no node is in a country whose code",
    "node.region": "no node is in a region that",
    "node.tags": "no node has a tag that",
}
"""The same of a part of a text; then follows, for example, "starts with"."""

_OF_NO_ITEM: Mapping[str, str] = {
    "item.hazmat": "hazmat of items.csv is yes for no item",
    "item.ships_alone": "ships_alone of items.csv is yes for no item",
}
"""What is said of a rule that asks whether an item is something that none is."""

_CHOSEN = ("order.channel", "order.customer_tier")
"""Names whose values nobody lists: they exist as soon as an order has them."""


def find_warnings(read: PolicyRead, network: Network, quotas: Mapping[str, int], found: Mapping[str, Mistakes]) -> None:
    """Add the warnings of a network without mistakes; `quotas` are the channels of buffers.csv, each with its line."""
    if read.top is None:
        return
    warned = _warn_of_names_that_nobody_has(read, network)
    _warn_of_empty_sets(read)
    _warn_of_rules_that_nothing_meets(read.top.rules, network, warned)
    _warn_of_exclusions_by_distance(read.top.rules)
    for table, strategy in zip(read.top.tables("strategy"), network.policy.strategies, strict=True):
        _warn_of_what_is_never_filled(table, strategy, network)
    _warn_of_misspelt_names(read.top, network, quotas, found["buffers"])
    _warn_of_currencies(read.top, network)


def channels_in(
    read: PolicyRead, quotas: Mapping[str, int], found: Mapping[str, Mistakes]
) -> dict[str, tuple[str, int]]:
    """Every channel that the files name, with the file and line where it is named first."""
    places = {channel: (found["buffers"].file, line) for channel, line in quotas.items()}
    for rule, one in reversed(list(_named(read.top.rules if read.top else ()))):
        if one.name == "order.channel" and _is_whole(one):
            line = rule.table.line(rule.key) + rule.rule.source.count("\n", 0, one.at)
            places[one.text] = found["policy"].file, line
    return places


def warnings_of_channels(named: Mapping[str, tuple[str, int]], known: Set[str]) -> list[Mistake]:
    """A warning for each channel that nobody uses; `known` are those that have placed an order or have a key.

    As long as no channel is known, none is missed. Those of transfers have no orders and no key.
    """
    said = "no order came yet from the channel {!r}, and it has no key{}"
    selling = known - OWN_CHANNELS
    unknown = sorted(named.keys() - selling - OWN_CHANNELS) if selling else []
    return sorted(
        Mistake(*named[channel], said.format(channel, did_you_mean(channel, sorted(selling))), is_warning=True)
        for channel in unknown
    )


def warnings_of_currencies(
    file: str, network: Network, amounts: str, open_orders: Mapping[str, int], now: datetime
) -> list[Mistake]:
    """A warning for each currency of open orders whose amounts cannot be compared now with those of the policy.

    `file` is the table of rates, `amounts` where amounts are compared, `open_orders` their number by currency.
    """
    own = network.policy.currency
    if own is None or not amounts:
        return []
    without = [currency for currency in sorted(open_orders) if network.rates.converted(1, currency, own, now) is None]
    return [
        Mistake(file, 1, _NO_RATE.format(open_orders[currency], currency, own, amounts), is_warning=True)
        for currency in without
    ]


_NO_RATE = (
    "open orders in {1}: {0}; no rate to {2} is in force, so they cannot be judged where amounts are compared ({3})"
)


def _named(rules: Sequence[RuleRead]) -> Iterator[tuple[RuleRead, NamedText]]:
    for read in rules:
        for one in named_texts(read.rule.tree):
            yield read, one


def _warn(read: RuleRead, at: int, text: str) -> None:
    read.table.warn(read.key, f"{read.key}: {text}", line_offset=read.rule.source.count("\n", 0, at))


def _warn_of_names_that_nobody_has(policy: PolicyRead, network: Network) -> set[int]:
    """Warn of each such name; answers the rules, by identity."""
    known, missed = _values_of_today(network), _flags_of_no_item(network)
    warned: set[int] = set()
    for read in policy.top.rules if policy.top else ():
        if read.sight is Sight.SET and not policy.sets[read.key]:
            continue  # that the set is empty says it all
        found = named_texts(read.rule.tree)
        for one in found:
            if complaint := _nobody_has(one, known.get(one.name), found):
                _warn(read, one.at, complaint)
                warned.add(id(read))
        for name in names_read(read.rule.tree):
            if name.name in missed:
                _warn(read, name.at, _OF_NO_ITEM[name.name])
                warned.add(id(read))
    return warned


def _flags_of_no_item(network: Network) -> Set[str]:
    """What no item of today is. Of items nothing is known as long as there are none."""
    seen = [item_facts(item) for item in network.items.values()]
    return {name for name in _OF_NO_ITEM if seen and not any(facts[name] for facts in seen)}


def _values_of_today(network: Network) -> Mapping[str, Set[str]]:
    """The values of each name that the files list. Of items nothing is known as long as there are none."""
    nodes, items = network.nodes.values(), network.items.values()
    of_nodes: dict[str, Set[str]] = {
        "node.id": set(network.nodes),
        "node.kind": {str(node.kind) for node in nodes},
        "node.country": {node.country for node in nodes},
        "node.region": {node.region for node in nodes} | {""},
        "node.tags": {tag for node in nodes for tag in node.tags},
    }
    of_items: dict[str, Set[str]] = {
        "item.tags": {tag for item in items for tag in item.tags},
        "item.category": {item.category for item in items} | {""},
        "item.sku": set(network.items),
    }
    return of_nodes | of_items if items else of_nodes


def _nobody_has(one: NamedText, values: Set[str] | None, found: Sequence[NamedText]) -> str | None:
    """What is said of a text that no item or node has; None when one has it, when nobody can know, or when it is harmless."""
    if values is None:
        return None
    if one.relation in PARTS_OF_TEXTS:
        said = f"{_NO_PART[one.name]} {PARTS_OF_TEXTS[one.relation]} {one.text!r}"
        return None if _has_part(values, one) else said
    if one.name not in _NOBODY or one.text in values or _is_harmless(one, found, values):
        return None
    return f"{_NOBODY[one.name]} {one.text!r}{did_you_mean(one.text, sorted(values))}"


def _has_part(values: Set[str], one: NamedText) -> bool:
    match one.relation:
        case "startsWith":
            return any(value.startswith(one.text) for value in values)
        case "endsWith":
            return any(value.endswith(one.text) for value in values)
    return any(one.text in value for value in values)


def _is_harmless(one: NamedText, found: Sequence[NamedText], values: Set[str]) -> bool:
    """Whether a kind or country without a node is only one of several, or is only kept out."""
    if not one.name.startswith("node."):
        return False
    beside = [other.text for other in found if other.comparison == one.comparison]
    return one.relation == INEQUALITY or (one.relation == MEMBERSHIP and not values.isdisjoint(beside))


def _warn_of_empty_sets(policy: PolicyRead) -> None:
    for read in policy.top.rules if policy.top else ():
        if read.sight is Sight.SET and not policy.sets[read.key]:
            read.table.warn(read.key, f"no node is in {read.key}")


_NOTHING: Mapping[tuple[Sight, str], str] = {
    (Sight.EXCLUDE, "when"): "this excludes nothing: no node of today meets it",
    (Sight.RULE, "when"): "this cost is never charged: no node of today meets it",
}
"""What is said of a rule that none of the present nodes can meet, whatever the order and the item."""


def _warn_of_rules_that_nothing_meets(rules: Sequence[RuleRead], network: Network, warned: Set[int]) -> None:
    """`warned` are rules that name what nobody has: nothing more need be said of them."""
    world = World(network.policy.transit, list(network.nodes.values()))
    for read in rules:
        said = _NOTHING.get((read.sight, read.key))
        if said and read.rule.names and id(read) not in warned and not can_hold(wanted(read.rule), world):
            _warn(read, 0, said)


def _warn_of_exclusions_by_distance(rules: Sequence[RuleRead]) -> None:
    """Warn where an exclusion does not say what it means for places without a distance."""
    for read in rules:
        if read.sight is Sight.EXCLUDE and DISTANCE_KM in read.rule.names and DISTANCE_KNOWN not in read.rule.names:
            said = "where no distance can be measured, as for military mail, this excludes too; say so or not by"
            _warn(read, 0, f"{said} {DISTANCE_KNOWN}")


def _warn_of_what_is_never_filled(table: Table, strategy: Strategy, network: Network) -> None:
    for service in Reach(network.nodes, network.policy.transit).unserved(strategy):
        said = f"no node can fill an order of this strategy with service {service!r}: none meets what is required"
        table.warn("id", said)
    if network.policy.exclusions and not any(_may_ship(strategy, tier, network) for tier in strategy.tiers):
        table.warn("id", "no node can ship any item for this strategy: [[exclude]] leaves none")


def _may_ship(strategy: Strategy, tier: Tier, network: Network) -> bool:
    """Whether a node of the tier may ship an item of today, with what is required and with all exclusions."""
    nodes = [network.nodes[name] for name in sorted(tier.nodes)]
    items = list(network.items.values())
    world = World(network.policy.transit, nodes, items, is_parcel=True, weights_are_known=True)
    allowed = [one for exclusion in network.policy.exclusions for one in wanted(exclusion.when, answer=False)]
    needed = [one for rule in (strategy.when, strategy.require, tier.require) for one in wanted(rule)]
    return can_hold([*needed, *allowed], world)


def _warn_of_misspelt_names(top: Table, network: Network, quotas: Mapping[str, int], buffers: Mistakes) -> None:
    """Warn of a channel or customer tier that is named in one place only and is nearly another name."""
    ids = {strategy.id for strategy in network.policy.strategies} | {hold.id for hold in network.policy.holds}
    ids |= network.connections.keys()
    for name in _CHOSEN:
        what = name.removeprefix("order.").replace("_", " ")
        named = [(read, one) for read, one in _named(top.rules) if one.name == name and _is_whole(one)]
        kept_for = quotas if name == "order.channel" else {}
        places: dict[str, set[object]] = defaultdict(set)
        for text, place in [(one.text, id(read)) for read, one in named] + [(channel, 0) for channel in kept_for]:
            places[text].add(place)
        said = {
            text: f"the {what} {text!r} is named only here, and {close!r} is nearly the same; is it misspelt?"
            for text in places
            if len(places[text]) == 1 and text not in ids and (close := misspelt(text, places.keys() | ids))
        }
        for read, one in named:
            if one.text in said:
                _warn(read, one.at, said[one.text])
        for channel in kept_for.keys() & said.keys():
            buffers.warn(kept_for[channel], said[channel])


def _warn_of_currencies(top: Table, network: Network) -> None:
    """Warn where amounts are compared whose currencies may differ."""
    compared, own = compared_amounts(top), network.policy.currency
    if compared and own is None:
        said = "amounts of every currency are compared as mere numbers"
        top.warn("version", f'{said} ({compared}); name the currency of the policy\'s amounts: currency = "USD"')
    elif compared and own and not network.rates.knows(own):
        said = f"orders in another currency than {own} cannot be judged where amounts are compared"
        top.warn("currency", f"{said} ({compared}): rates.csv has no rate from or to {own}")


def compared_amounts(top: Table) -> str:
    """The rules and limits that compare an amount of any order, each with its line; a rule that names the currency does not."""
    read = [one for one in top.rules if "order.value" in one.rule.names and "order.currency" not in one.rule.names]
    returns = top.table("returns")
    tables = [returns, *returns.tables("rule")]
    limits = [table.line(key) for table in tables for key in ("approve_below", "fee") if table.has(key)]
    lines = sorted([one.table.line(one.key) for one in read] + limits)
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}" if lines else ""


def _is_whole(one: NamedText) -> bool:
    return one.relation not in PARTS_OF_TEXTS and bool(one.text)
