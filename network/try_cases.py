"""Plans each case of a network directory under its policy, and says which of them become something else than they should."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from domain.explanation import division
from domain.network import Network
from domain.sourcing import Plan, Situation, Wanted
from domain.sourcing.new_order import facts_of_new
from domain.sourcing.plans import Part
from domain.sourcing.supply import Entitlement, plan_within, supply_of
from domain.stock import StockLevel
from network.cases_toml import Case, read_cases
from network.geography import locate
from network.mistakes import Mistake


class Tried(NamedTuple):
    """What became of the cases of a network."""

    names: tuple[str, ...]
    """Those that could be read."""
    mistakes: tuple[Mistake, ...] = ()
    """What is wrong with the files themselves."""
    broken: Mapping[str, Mistake] = MappingProxyType({})
    """By the name of a case: where its plan is another one, with that plan."""


def try_cases(texts: str, folder: str, network: Network) -> Tried:
    """Plan every case under a network. It changes nothing. `texts` and `folder` are as `network.cases_toml.read_cases` wants
    them."""
    cases, mistakes = read_cases(texts, folder, network)
    tried = {case.name: _difference(case, network) for case in cases}
    return Tried(tuple(tried), tuple(mistakes), {name: broken for name, broken in tried.items() if broken})


def refusals(tried: Tried, folder: str, accepted: Collection[str]) -> list[Mistake]:
    """Why the cases forbid to apply a network; a broken case whose name is in `accepted` does not."""
    unknown = [
        Mistake(folder, 0, f"no case {name!r} is broken, so nothing is accepted")
        for name in accepted
        if name not in tried.broken
    ]
    broken = [mistake for name, mistake in tried.broken.items() if name not in accepted]
    return [*tried.mistakes, *broken, *unknown]


def plan_of(case: Case, network: Network) -> Plan:
    """The plan that the network's policy makes for a case."""
    wanted = tuple(Wanted(line.line, line.sku, line.quantity) for line in case.order.lines)
    levels = {place: StockLevel(*place, units, 0, 0) for place, units in case.stock.items()}
    supply, limits = supply_of(network, levels, case.order.channel, Entitlement())
    situation = Situation(
        network=network,
        supply=supply,
        now=network.leaves_at([line.sku for line in wanted], case.order.placed_at),
        workload=case.workload,
        paused=case.paused,
    )
    return plan_within(facts_of_new(case.order, network, locate), wanted, situation, limits)[0]


def found(plan: Plan) -> dict[str, Any]:
    """What a case may say of a plan, by field."""
    days = [shipment.days for shipment in plan.shipments]
    return {
        "strategy": plan.strategy,
        "tier": plan.tier,
        "nodes": sorted(shipment.node for shipment in plan.shipments),
        "shipments": len(plan.shipments),
        "ships": {shipment.node: _by_sku(shipment.parts) for shipment in plan.shipments},
        "unfilled": _by_sku(plan.unfilled),
        "unfilled_action": str(plan.unfilled_action) if plan.unfilled else None,
        "cost": plan.cost,
        "days": None if None in days else max(filter(None, days), default=0),
    }


def _by_sku(parts: Iterable[Part]) -> dict[str, int]:
    units: Counter[str] = Counter()
    for part in parts:
        units[part.sku] += part.quantity
    return dict(units)


def _difference(case: Case, network: Network) -> Mistake | None:
    """How the plan differs from what is expected, at the line of the first difference; None = it does not."""
    plan = plan_of(case, network)
    made = found(plan)
    wrong = [field for field, expected in case.expected.items() if made[field] != expected]
    if not wrong:
        return None
    said = "; ".join(f"{field} is {_shown(made[field])}, not {_shown(case.expected[field])}" for field in wrong)
    tier = f", tier {plan.tier}" if plan.tier else ""
    whole = "; ".join(division(plan.document())) or "nothing ships"
    line = min(case.table.line(field) for field in wrong)
    text = f"case {case.name!r} is broken: {said}. The plan would be: {whole} (strategy {plan.strategy}{tier})"
    return Mistake(case.file, line, text)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
