"""Decides where every unit of an order ships from: the provably best plan under the business's own rules, and why.

1. The first strategy whose `when` is true decides.
2. Survey: for each node, the units that it could give, what that would cost and when it would arrive.
3. The tiers are tried in turn. A node takes part in a tier that names it and whose requirements it meets.
4. The first tier in which some choice of nodes fills everything wins, with the best choice by rank.
5. If no tier can, the last tier fills what `ship_complete` allows: most units, whole lines, or nothing.
6. The plan explains every node, and shows the next best choices.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from domain.identifiers import REPLENISHMENT
from domain.network import Item, Network, ShipComplete, Strategy, Tier, Unfilled
from domain.promise import Promise
from domain.rate_card import packed, unit_of
from domain.sourcing.charges import COST_SCALE
from domain.sourcing.division import Demand
from domain.sourcing.eligible import Survey, Surveyed, exclusions_by_tier, shortfall
from domain.sourcing.facts import OrderFacts, Situation, Wanted, order_facts
from domain.sourcing.outlook import Outlook, outlook
from domain.sourcing.plans import ConsideredNode, ExclusionReason, Explanation, Part, Plan, PlannedShipment, RunnerUp
from domain.sourcing.rules import Site, rules_of
from domain.sourcing.search import Choice, Found, Measures, Problem, alone, cover, fill

METRES_PER_KM = 1000

UNKNOWN_KM, UNKNOWN_DAYS = 20_016, 1_000
"""What a shipment counts in a rank by distance and days where nobody knows them: more than any that is known."""


def plan(order: OrderFacts, wanted: Sequence[Wanted], situation: Situation) -> Plan:
    """Decide where the wanted units ship from; the same input gives the same plan.

    A SKU that the network does not know stays unfilled. A plan that keeps the promise to the customer is better than every
    plan that does not. Raises ValueError when no strategy matches, which a checked policy excludes.
    """
    decided = _decide(order, wanted, situation)
    if order.deliver_by is None or not decided.unfilled:
        return decided
    return _decide(replace(order, deliver_by=None), wanted, situation)


def shipment_alone(
    order: OrderFacts, wanted: Wanted, situation: Situation, strategy: Strategy, node: str
) -> PlannedShipment | None:
    """The shipment that `plan` would plan for units of a plain item if only this node had them, all of them; None when it may
    not ship them. `strategy` is the order's. It compares nothing and explains nothing, so it costs a fraction.
    """
    sites = [site for site in _sites_in_question(order, situation.network) if site.node.id == node]
    survey = Survey(order, [wanted], situation, strategy)
    surveyed = tuple(survey.of(sites))
    case = _Case(order, (wanted,), situation, strategy, survey, surveyed)
    rules = rules_of(situation.network)
    for number, tier in _tiers(order, strategy):
        if exclusions_by_tier(surveyed, tier, rules) == [None]:
            complete, members = ShipComplete.ORDER, ((0,),)
            problem = _problem(case, surveyed, tier, members)
            everything = Choice((0,), wanted.quantity, (((0, wanted.quantity),),))
            found = Found((everything,), exact=True)
            tried = _Try(number, tier, complete, surveyed, (), members, problem, problem, found)
            return _shipments(case, tried, everything, {0: (_part(case, 0, wanted.quantity),)})[0]
    return None


def _decide(order: OrderFacts, wanted: Sequence[Wanted], situation: Situation) -> Plan:
    strategy = strategy_for(order, situation.network)
    survey = Survey(order, wanted, situation, strategy)
    surveyed = survey.of(_sites_in_question(order, situation.network))
    case = _Case(order, tuple(wanted), situation, strategy, survey, tuple(surveyed))
    tries: list[_Try] = []
    for number, tier in _tiers(order, strategy):
        tries.append(_try_tier(case, number, tier))
        if tries[-1].found.choices:
            return _plan(case, tries)
    complete = order.ship_complete or strategy.ship_complete
    if complete is not ShipComplete.ORDER:
        tries.append(_try_in_part(case, tries[-1], complete))
    return _plan(case, tries)


def strategy_for(order: OrderFacts, network: Network) -> Strategy:
    """The first strategy whose `when` is true for an order; one that cannot be computed is not true.

    Raises ValueError when there is none.
    """
    facts, rules = order_facts(order), rules_of(network)
    for strategy in network.policy.strategies:
        if rules.of(strategy.when).evaluate(facts) is True:
            return strategy
    raise ValueError(f"no strategy of policy {network.version} matches the order")


@dataclass(frozen=True, slots=True)
class _Case:
    """One call of the planner: its input, the strategy and the survey."""

    order: OrderFacts
    wanted: tuple[Wanted, ...]
    situation: Situation
    strategy: Strategy
    survey: Survey
    surveyed: tuple[Surveyed, ...]


@dataclass(frozen=True, slots=True)
class _Try:
    """One tier that was tried: the nodes that took part, the search's problem, and what it found."""

    number: int | None
    tier: Tier
    complete: ShipComplete
    admitted: tuple[Surveyed, ...]
    """By node number of the problem."""
    excluded: Sequence[tuple[Surveyed, ExclusionReason]]
    """The others, with the reason."""
    members: tuple[tuple[int, ...], ...]
    """By demand of the problem: the positions of its wanted."""
    problem: Problem
    """With what units cost."""
    compared: Problem
    """The same with look-ahead prices: what was searched."""
    found: Found


def _sites_in_question(order: OrderFacts, network: Network) -> list[Site]:
    """The nodes by id; for a pickup, only the chosen node."""
    sites = rules_of(network).sites
    if order.pickup_node is None:
        return list(sites.values())
    return [sites[order.pickup_node]] if order.pickup_node in sites else []


def _tiers(order: OrderFacts, strategy: Strategy) -> list[tuple[int | None, Tier]]:
    """The tiers with their numbers; for a pickup, one tier without a number that has only the chosen node."""
    if order.pickup_node is not None:
        return [(None, Tier(sets=(), nodes=frozenset({order.pickup_node})))]
    return list(enumerate(strategy.tiers, start=1))


def _try_tier(case: _Case, number: int | None, tier: Tier) -> _Try:
    """Search a tier for the best choices of nodes that fill everything."""
    rules = rules_of(case.situation.network)
    reasons = exclusions_by_tier(case.surveyed, tier, rules)
    admitted = tuple([one for one, reason in zip(case.surveyed, reasons, strict=True) if reason is None])
    excluded = [(one, reason) for one, reason in zip(case.surveyed, reasons, strict=True) if reason is not None]
    members = _members(case, admitted, tier, ShipComplete.ORDER)
    problem = _problem(case, admitted, tier, members)
    compared = _with_prices(case, admitted, problem)
    return _Try(number, tier, ShipComplete.ORDER, admitted, excluded, members, problem, compared, cover(compared))


def _try_in_part(case: _Case, last: _Try, complete: ShipComplete) -> _Try:
    """Search a tier that cannot fill everything for the choices of nodes that fill the most."""
    members = _members(case, last.admitted, last.tier, complete)
    problem = last.problem if members == last.members else _problem(case, last.admitted, last.tier, members)
    compared = _with_prices(case, last.admitted, problem)
    found = fill(compared, complete)
    return replace(last, complete=complete, members=members, problem=problem, compared=compared, found=found)


def _members(
    case: _Case, admitted: Sequence[Surveyed], tier: Tier, complete: ShipComplete
) -> tuple[tuple[int, ...], ...]:
    """The wanted that are one demand, by position.

    Where lines may be split, units of one SKU that may come from the same nodes are one demand, unless lines must be
    whole; otherwise each wanted stays whole.
    """
    if not tier.split_line or len({one.sku for one in case.wanted}) == len(case.wanted):
        return tuple((position,) for position in range(len(case.wanted)))
    groups: dict[object, list[int]] = defaultdict(list)
    for position, one in enumerate(case.wanted):
        allowed = tuple(surveyed.limits[position] > 0 for surveyed in admitted)
        line = one.line if complete is ShipComplete.LINE else None
        groups[one.sku, allowed, line].append(position)
    return tuple(map(tuple, groups.values()))


def _problem(case: _Case, admitted: tuple[Surveyed, ...], tier: Tier, members: Sequence[tuple[int, ...]]) -> Problem:
    """The search's problem, in whole numbers."""
    limits = list(zip(*(surveyed.limits for surveyed in admitted), strict=True)) or [()] * len(case.wanted)
    per_unit = tuple(surveyed.charges.per_unit for surveyed in admitted)
    sums = [surveyed.charges.in_all(one_shipment=tier.max_shipments == 1) for surveyed in admitted]
    per_gram = [gram for _, gram in sums]
    demands: list[Demand] = []
    for positions in members:
        one = case.wanted[positions[0]]
        item = case.situation.network.items.get(one.sku)
        components = case.situation.network.components(one.sku) if item else ()
        quantity = sum(case.wanted[position].quantity for position in positions)
        own = limits[positions[0]] if len(positions) == 1 else _joint_limits(case, admitted, positions, components)
        costs = per_unit
        if item and any(per_gram):
            weight = item.weight_g
            costs = tuple([unit + round(gram * weight) for unit, gram in zip(per_unit, per_gram, strict=True)])
        demands.append(Demand(one.line, components, quantity, own, costs))
    return Problem(
        tuple(demands),
        _supply(case, admitted, demands),
        tuple([_measures(surveyed, shipment) for surveyed, (shipment, _) in zip(admitted, sums, strict=True)]),
        case.strategy.rank,
        tier.max_shipments,
        tier.split_line,
    )


def _with_prices(case: _Case, admitted: Sequence[Surveyed], problem: Problem) -> Problem:
    """The problem in which a unit costs its look-ahead price, too, where the strategy looks ahead."""
    prices = case.situation.prices
    if not case.strategy.look_ahead or not prices:
        return problem

    def priced(demand: Demand) -> Demand:
        costs = [
            cost + sum(prices.get((surveyed.node.id, sku), 0) * count for sku, count in demand.components)
            for surveyed, cost in zip(admitted, demand.unit_costs, strict=True)
        ]
        return replace(demand, unit_costs=tuple(costs))

    return replace(problem, demands=tuple(map(priced, problem.demands)))


def _joint_limits(
    case: _Case, admitted: Sequence[Surveyed], positions: Sequence[int], components: Sequence[tuple[str, int]]
) -> tuple[int, ...]:
    """Units that each node could give of several wanted together, without other demands."""
    supply = case.situation.supply
    quantity = sum(case.wanted[position].quantity for position in positions)
    return tuple(
        min(quantity, *(supply[surveyed.node.id, sku] // count for sku, count in components))
        if surveyed.limits[positions[0]]
        else 0
        for surveyed in admitted
    )


def _supply(case: _Case, admitted: Sequence[Surveyed], demands: Sequence[Demand]) -> Sequence[Mapping[str, int]]:
    """The units that each node has of components that several demands need."""
    wanting = Counter(sku for demand in demands for sku, _ in demand.components)
    shared = [sku for sku, count in wanting.items() if count > 1]
    if not shared:
        return ({},) * len(admitted)
    supply = case.situation.supply
    return [{sku: supply.get((surveyed.node.id, sku), 0) for sku in shared} for surveyed in admitted]


def _measures(surveyed: Surveyed, per_shipment: int) -> Measures:
    return Measures(
        per_shipment,
        round((UNKNOWN_KM if surveyed.distance_km is None else surveyed.distance_km) * METRES_PER_KM),
        UNKNOWN_DAYS if (days := _promise(surveyed).days) is None else days,
        surveyed.node.priority,
    )


def _promise(surveyed: Surveyed) -> Promise:
    if surveyed.promise is None:
        raise AssertionError(f"{surveyed.node.id} was admitted without a promise")
    return surveyed.promise


def _plan(case: _Case, tries: Sequence[_Try]) -> Plan:
    """The plan of the last try."""
    decided = tries[-1]
    best = decided.found.choices[0] if decided.found.choices else None
    parts = _parts(case, decided, best) if best else {}
    unfilled = _unfilled(case, parts)
    outlook = _outlook(case, [part.wanted_index for part in unfilled])
    return Plan(
        policy_version=case.situation.network.version,
        strategy=case.strategy.id,
        tier=decided.number if parts else None,
        shipments=_shipments(case, decided, best, parts) if best else (),
        unfilled=unfilled,
        unfilled_action=_unfilled_action(case),
        cancel_after=case.strategy.cancel_after,
        explanation=_explanation(case, decided, exact=all(map(_is_exact, tries))),
        hopes=outlook.nodes if _unfilled_action(case) is Unfilled.BACKORDER else {},
        hopeless=outlook.hopeless,
        only_node=case.order.only_node,
        incoming_lag=_incoming_lag(case),
        sells_returns=case.strategy.sell_returns,
        beyond_sell_ahead=case.strategy.beyond_sell_ahead,
    )


def _incoming_lag(case: _Case) -> timedelta | None:
    """How late announced goods are counted on, where units that wait are promised from them."""
    sells = case.strategy.sell_incoming and _unfilled_action(case) is Unfilled.BACKORDER
    return case.strategy.incoming_lag if sells else None


def _unfilled_action(case: _Case) -> Unfilled:
    """What happens to unfilled units. Where the channel wants one node, a person decides what it cannot ship; a transfer has
    one source, and waits for it as the strategy says. Replenishment never waits before orders: the need stays, and is seen."""
    if case.order.channel == REPLENISHMENT and case.order.to_node is not None:
        return Unfilled.CANCEL
    is_asked_for = case.order.only_node is not None and case.order.to_node is None
    return Unfilled.EXCEPTION if is_asked_for else case.strategy.unfilled


def _outlook(case: _Case, positions: Sequence[int]) -> Outlook:
    """What may become of unfilled units; nothing is said of those that are planned again without the promise."""
    if not positions or case.order.deliver_by is not None:
        return Outlook()
    network = case.situation.network
    sites = _sites_in_question(case.order, network)
    prospects = case.survey.prospects([site for site in sites if case.order.only_node in (None, site.node.id)])
    tiers = [tier for _, tier in _tiers(case.order, case.strategy)]
    complete = case.order.ship_complete or case.strategy.ship_complete
    return outlook(case.wanted, positions, prospects, tiers, complete, nodes=len(network.nodes))


def _parts(case: _Case, decided: _Try, choice: Choice) -> dict[int, tuple[Part, ...]]:
    """The parts of each chosen node, by node number: a demand's portions are dealt to its wanted in turn."""
    given: dict[int, list[Part]] = {node: [] for node in choice.nodes}
    for positions, portions in zip(decided.members, choice.portions, strict=True):
        missing = {position: case.wanted[position].quantity for position in positions}
        for node, units in portions:
            left = units
            for position in positions:
                taken = min(left, missing[position])
                left, missing[position] = left - taken, missing[position] - taken
                if taken:
                    given[node].append(_part(case, position, taken))
    return {node: tuple(sorted(parts)) for node, parts in given.items()}


def _unfilled(case: _Case, parts: Mapping[int, Sequence[Part]]) -> tuple[Part, ...]:
    """The wanted units that are in no part."""
    missing = [one.quantity for one in case.wanted]
    for part in (part for given in parts.values() for part in given):
        missing[part.wanted_index] -= part.quantity
    return tuple(_part(case, position, units) for position, units in enumerate(missing) if units)


def _part(case: _Case, position: int, units: int) -> Part:
    return Part(position, case.wanted[position].line, case.wanted[position].sku, units)


def _shipments(
    case: _Case, decided: _Try, choice: Choice, parts: Mapping[int, tuple[Part, ...]]
) -> tuple[PlannedShipment, ...]:
    costs, prices = _shipment_costs(case, decided, choice), _prices(decided, choice)
    return tuple(_shipment(decided.admitted[node], parts[node], costs[node], prices[node]) for node in choice.nodes)


def _shipment(surveyed: Surveyed, parts: tuple[Part, ...], cost: int, price: int) -> PlannedShipment:
    promised = _promise(surveyed)
    return PlannedShipment(
        surveyed.node.id,
        parts,
        surveyed.distance_km,
        cost,
        promised.ship_by,
        promised.deliver_by,
        promised.days,
        surveyed.carriage.offer.carrier if surveyed.carriage else None,
        price,
    )


def _shipment_costs(case: _Case, decided: _Try, choice: Choice) -> dict[int, int]:
    """Minor units by node number, its units included."""
    problem = decided.problem
    costs = {node: problem.measures[node].cost for node in choice.nodes}
    content: dict[int, list[tuple[Item, int]]] = {node: [] for node in choice.nodes}
    for positions, demand, portions in zip(decided.members, problem.demands, choice.portions, strict=True):
        item = case.situation.network.items.get(case.wanted[positions[0]].sku)
        for node, units in portions:
            costs[node] += units * demand.unit_costs[node]
            content[node] += [(item, units)] if item else []
    one = decided.tier.max_shipments == 1
    return {node: _priced(decided.admitted[node], cost, content[node], one) for node, cost in costs.items()}


def _prices(decided: _Try, choice: Choice) -> dict[int, int]:
    """The look-ahead prices of what is shipped, in minor units by node number."""
    prices = dict.fromkeys(choice.nodes, 0)
    for demand, compared, portions in zip(
        decided.problem.demands, decided.compared.demands, choice.portions, strict=True
    ):
        for node, units in portions:
            prices[node] += units * (compared.unit_costs[node] - demand.unit_costs[node])
    return {node: _minor_units(price) for node, price in prices.items()}


def _priced(surveyed: Surveyed, cost: int, shipped: Sequence[tuple[Item, int]], one_shipment: bool) -> int:
    """The cost of a shipment in minor units, with what its carrier asks in place of what the search added up for it."""
    carriage = surveyed.charges.carriage
    if carriage is None or not shipped:
        return _minor_units(cost)
    grams = sum(item.weight_g * units for item, units in shipped)
    line = carriage.line(one_shipment=one_shipment)
    added = round((line.per_shipment + line.per_gram * grams) * COST_SCALE)
    asked = carriage.amount(packed([(unit_of(item), units) for item, units in shipped]))
    return _minor_units(cost - added + asked * COST_SCALE)


def _minor_units(cost: int) -> int:
    """Thousandths of a minor unit as whole minor units, half rounded up."""
    return (cost + COST_SCALE // 2) // COST_SCALE


def _is_exact(tried: _Try) -> bool:
    """Whether the best choice is proven: prices of carriers that go in steps are only known once it is known what ships."""
    if tried.tier.max_shipments > 1 and any(one.charges.carriage for one in tried.admitted):
        return False
    return tried.found.exact


def _explanation(case: _Case, decided: _Try, exact: bool) -> Explanation:
    return Explanation(
        precision=case.order.place.precision,
        nodes=_considered(case, decided),
        runners_up=tuple(_runner_up(case, decided, choice) for choice in decided.found.choices[1:]),
        exact=exact,
        gap=0.0 if exact else decided.found.gap or None,
    )


def _considered(case: _Case, decided: _Try) -> tuple[ConsideredNode, ...]:
    """Each node in the tier that decided: those that could take part first, then by distance."""
    considered = [_considered_out(surveyed, reason) for surveyed, reason in decided.excluded]
    units_wanted = sum(one.quantity for one in case.wanted)
    one_box = decided.complete is ShipComplete.ORDER and decided.tier.max_shipments == 1
    charged = alone(decided.problem)
    compared = charged if decided.compared is decided.problem else alone(decided.compared)
    for surveyed, measures, (units, cost), (_, with_prices) in zip(
        decided.admitted, decided.problem.measures, charged, compared, strict=True
    ):
        short = one_box and units < units_wanted
        considered.append(
            ConsideredNode(
                surveyed.node.id,
                surveyed.distance_km,
                _minor_units(measures.cost + cost),
                _promise(surveyed).days,
                shortfall(units, units_wanted, surveyed.notes) if short else None,
                surveyed.forbidden,
                _minor_units(with_prices - cost),
            )
        )
    return tuple(sorted(considered, key=lambda one: (one.exclusion is not None, one.distance_km or 0.0, one.node)))


def _considered_out(surveyed: Surveyed, reason: ExclusionReason) -> ConsideredNode:
    days = surveyed.promise.days if surveyed.promise else None
    return ConsideredNode(surveyed.node.id, surveyed.distance_km, None, days, reason, surveyed.forbidden)


def _runner_up(case: _Case, decided: _Try, choice: Choice) -> RunnerUp:
    chosen = [decided.admitted[node] for node in choice.nodes]
    distances = [surveyed.distance_km for surveyed in chosen]
    days = [_promise(surveyed).days for surveyed in chosen]
    return RunnerUp(
        nodes=tuple(surveyed.node.id for surveyed in chosen),
        units=choice.units,
        cost=sum(_shipment_costs(case, decided, choice).values()),
        shipments=len(chosen),
        distance_km=None if None in distances else sum(filter(None, distances)),
        days=None if None in days else max(one for one in days if one is not None),
        look_ahead=sum(_prices(decided, choice).values()),
    )
