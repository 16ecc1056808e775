"""Decides what nodes need by their rules of replenishment, and which nodes give it (docs/decisions/0067).

Stock levels of one SKU compete for the same units, so they are looked at together; those of different SKUs never do. Each is
filled up to its target, the one that lacks the largest share of its minimum first. Where there is too little for all, each gets
what it lacks to its minimum before.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction
from typing import NamedTuple, Protocol

from domain.network import Network, ReplenishmentRule, RuleLine
from domain.sourcing import OrderFacts, Situation, Wanted, plan
from domain.sourcing.supply import Places
from domain.stock import LINE_UNITS_MAX

PRIORITY = 9
"""The last of all: every order of a customer with another priority is more urgent."""
REST = timedelta(days=1)
"""A source that rejected an item or was short of it is not asked for it again so soon, unless it reports its stock: an
automatic rule would ask again each minute."""
NOT_FROM_MAX = 5
"""Nodes that a need names because they give nothing."""


class Position(NamedTuple):
    """Everything that counts of one stock level, in units."""

    on_hand: int = 0
    """On hand and not set aside, safety stock included."""
    promised: int = 0
    """Reserved or allocated there."""
    waiting: int = 0
    """Not reserved yet, and can come from this node only, or is promised of what comes to it."""
    planned: int = 0
    """Of transfers to it: has not left its source."""
    in_transit: int = 0
    """Of transfers to it: left its source, and has not arrived."""
    announced: int = 0
    """Announced for it, and not late."""
    sold: int = 0
    """Shipped from it to customers in the days that its rule looks back."""

    @property
    def units(self) -> int:
        """What will lie there and be free when all that is on its way has come and all that is promised has gone. It may be
        below 0."""
        return self.on_hand - self.promised - self.waiting + self.planned + self.in_transit + self.announced


class Proposal(NamedTuple):
    """Units that a source should send."""

    source: str
    quantity: int
    free: int
    """What the source could give before: beyond its safety stock, its own minimum and what other needs were given."""


class NotFrom(NamedTuple):
    """Why a node gives nothing."""

    node: str
    reason: str


@dataclass(frozen=True, slots=True)
class Need:
    """A stock level whose position is below its minimum, and what should be sent there."""

    node: str
    sku: str
    rule: ReplenishmentRule
    position: Position
    pack_units: int = 1
    proposals: tuple[Proposal, ...] = ()
    not_from: tuple[NotFrom, ...] = ()
    """Why other nodes give nothing; only where less is proposed than is wanted."""

    @property
    def least(self) -> int:
        """Below so many units there is a need."""
        return self.rule.least(self.position.sold)

    @property
    def target(self) -> int:
        """Up to so many units it is filled."""
        return self.rule.target(self.position.sold)

    @property
    def proposed(self) -> int:
        """Units of all proposals."""
        return sum(proposal.quantity for proposal in self.proposals)

    @property
    def to_least(self) -> int:
        """Units that bring it to its minimum, in whole packs; 0 = there is no need."""
        packs = -(-(self.least - self.position.units) // self.pack_units)
        return max(0, packs) * self.pack_units

    @property
    def wanted(self) -> int:
        """Units that should be sent, in whole packs: as many as fit below the target, and no fewer than reach the minimum;
        no more than a line of a transfer may have."""
        packs = (self.target - self.position.units) // self.pack_units
        most = LINE_UNITS_MAX // self.pack_units
        return min(most * self.pack_units, max(self.to_least, packs * self.pack_units)) if self.to_least else 0


class Chosen(NamedTuple):
    """Which nodes send how many units, and why others send none."""

    units: Mapping[str, int]
    not_from: tuple[NotFrom, ...] = ()


class Choose(Protocol):
    """Chooses the sources of units for a need."""

    def __call__(self, need: Need, units: int, free: Mapping[str, int]) -> Chosen:
        """The nodes that send `units` of the need's SKU, or as many as there are; none more than it has `free`."""


def needs_of(
    network: Network, sku: str, positions: Mapping[str, Position], free: Mapping[str, int], choose: Choose
) -> list[Need]:
    """The needs of all nodes with a rule for a SKU, by node. `positions` are those of these nodes; `free` are the units that
    each node may give, which the proposals together never exceed."""
    pack = network.item(sku).pack_units
    known = [Need(node, sku, network.replenishment[node, sku], here, pack) for node, here in positions.items()]
    needy = sorted((need for need in known if need.wanted), key=_urgency)
    found = _divided(needy, free, choose, is_scarce=False)
    if len(found) > 1 and any(one.proposed < one.wanted for one in found):
        found = _divided(needy, free, choose, is_scarce=True)
    return sorted(found, key=lambda need: need.node)


def _divided(needy: Sequence[Need], free: Mapping[str, int], choose: Choose, *, is_scarce: bool) -> list[Need]:
    """The needs with their proposals, given in this sequence; where there is too little, each first to its minimum."""
    given, left = [_Given(need) for need in needy], dict(free)
    for one in given if is_scarce else ():
        _give(one, min(one.need.to_least, one.need.wanted), left, choose)
    for one in given:
        _give(one, one.need.wanted, left, choose)
    return [one.result() for one in given]


def _urgency(need: Need) -> tuple[Fraction, str]:
    """The share of its minimum that is there: what lacks most comes first."""
    return Fraction(need.position.units, max(1, need.least)), need.node


@dataclass(slots=True)
class _Given:
    """A need, and what it was given."""

    need: Need
    units: Counter[str] = field(default_factory=Counter)
    free: dict[str, int] = field(default_factory=dict)
    """Of each source that gives: what it could give before."""
    not_from: tuple[NotFrom, ...] = ()

    def result(self) -> Need:
        """The need with its proposals."""
        proposals = tuple(Proposal(node, units, self.free[node]) for node, units in self.units.items())
        is_filled = self.units.total() >= self.need.wanted
        others = () if is_filled else [one for one in self.not_from if one.node not in self.units]
        return replace(self.need, proposals=proposals, not_from=tuple(others))


def _give(given: _Given, goal: int, left: dict[str, int], choose: Choose) -> None:
    """Take units from what is left, in whole packs, until the need was given as many as its goal."""
    need, wanted = given.need, goal - given.units.total()
    if wanted <= 0:
        return
    pack = need.pack_units
    packed = {node: units // pack * pack for node, units in left.items() if node != need.node and units >= pack}
    chosen = choose(need, wanted, packed)
    for node, units in chosen.units.items():
        whole = min(units, packed.get(node, 0)) // pack * pack
        if whole:
            given.free.setdefault(node, left[node])
            given.units[node] += whole
            left[node] -= whole
    given.not_from = chosen.not_from


def free_units(
    network: Network, sku: str, supply: Places, positions: Mapping[str, Position], spoken_for: Mapping[str, int]
) -> dict[str, int]:
    """What each node may give of a SKU to others: what replenishment may claim there (`supply`), without what it owes already
    (`spoken_for`, by node), and without its own minimum where it has a rule.

    What is on its way to a node does not count, so that no node gives what it then needs itself.
    """
    found: dict[str, int] = {}
    for node, units in ((node, units) for (node, of), units in supply.items() if of == sku):
        free = units - spoken_for.get(node, 0)
        if here := positions.get(node):
            least = network.replenishment[node, sku].least(here.sold)
            free = min(free, here.on_hand - here.promised - here.waiting - least)
        found[node] = max(0, free)
    return found


def by_policy(situation: Situation, facts_of: Callable[[str], OrderFacts]) -> Choose:
    """Chooses sources as the policy plans them. `facts_of` answers the facts of a transfer to a node, without units."""

    def choose(need: Need, units: int, free: Mapping[str, int]) -> Chosen:
        chosen: Counter[str] = Counter()
        not_from: list[NotFrom] = []
        for source in need.rule.sources or (None,):
            if chosen.total() < units:
                asked = _asked(facts_of(need.node), need, units - chosen.total(), source, situation.network)
                found = _planned(asked, need, free, situation)
                chosen += Counter(found.units)
                not_from += found.not_from
        return Chosen(chosen, tuple(not_from[:NOT_FROM_MAX]))

    return choose


def _asked(facts: OrderFacts, need: Need, units: int, source: str | None, network: Network) -> OrderFacts:
    """The facts of a transfer of these units; None = from any node."""
    item = network.item(need.sku)
    return replace(
        facts,
        units=units,
        weight_kg=item.weight_g * units / 1000,
        from_node=source,
        service=need.rule.service,
        lines=[RuleLine(item, units)],
    )


def _planned(facts: OrderFacts, need: Need, free: Mapping[str, int], situation: Situation) -> Chosen:
    """What the policy sends from the node that the facts name, or from any."""
    supply = {(node, need.sku): units for node, units in free.items() if facts.from_node in (None, node)}
    found = plan(facts, [Wanted("1", need.sku, facts.units)], replace(situation, supply=supply))
    units = {shipment.node: sum(part.quantity for part in shipment.parts) for shipment in found.shipments}
    others = [one for one in found.explanation.nodes if one.node != need.node and facts.from_node in (None, one.node)]
    return Chosen(units, tuple(NotFrom(one.node, one.excluded) for one in others if one.excluded))


Lines = Sequence[tuple[Need, Proposal]]


def together(needs: Sequence[Need]) -> Iterator[tuple[tuple[str, str, str], Lines]]:
    """The proposals that become one transfer each: those of one (source, destination, service), by SKU."""
    found: dict[tuple[str, str, str], list[tuple[Need, Proposal]]] = {}
    for need in needs:
        for proposal in need.proposals:
            found.setdefault((proposal.source, need.node, need.rule.service), []).append((need, proposal))
    yield from sorted(found.items())
