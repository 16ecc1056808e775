"""Reads what nodes need by their rules of replenishment, and takes needs as transfers (docs/decisions/0067).

One taking at a time: who comes second reads the transfers that the first has made, and finds these needs covered.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from secrets import token_hex
from typing import NamedTuple, TypeVar

from database import need as statements
from database import stock
from database.connect import ReadConnection, WriteConnection
from database.need import TakenLine, Taking
from database.request import Request
from domain.identifiers import REPLENISHMENT
from domain.need import PRIORITY, REST, Lines, Need, Position, by_policy, free_units, needs_of, together
from domain.network import Network, ReplenishmentRule
from domain.order import LINES_MAX, OrderInput
from domain.replenishment import Taken, TakeRequest
from domain.sourcing import NodeLoad, OrderFacts, Situation
from domain.sourcing.supply import Entitlement, Places, cooling_at, keep_within, paused, supply_of
from domain.stock import StockLevel
from domain.transfer import TransferLine, TransferRequest
from network.validate_order import WrongField
from transactions import transfer as transfers
from transactions.request import Answer, Asked, RequestRefused, answered_once
from transactions.supply import workload
from transactions.transaction import OrderTransactions

SKUS_AT_ONCE = 100
"""Items whose needs are decided together: so much is held in memory, and so long one taking keeps others waiting."""
NEEDS_MAX = 500
"""Needs that one taking takes."""
NAME_BYTES = 5
"""Random ones in the name of a transfer, behind its destination."""

Which = Callable[[Need], bool]
Names = tuple[str, str, str]
"""Source, destination and service of a transfer."""


async def listed(
    connection: ReadConnection, network: Network, *, node: str | None, sku: str | None, after: str | None, limit: int
) -> list[Need]:
    """Needs by SKU and node, after the one that `place_of` calls `after`."""
    rules = _by_item(network, None if sku is None else [sku])
    first = after.partition("@")[2] if after else ""
    found: list[Need] = []
    for some in _chunks([name for name in rules if name >= first]):
        async for needs in _needs(connection, network, {name: rules[name] for name in some}, datetime.now(UTC)):
            found += [one for one in needs if node in (None, one.node) and (not after or _is_after(one, after))]
            if len(found) >= limit:
                return found[:limit]
    return found


def place_of(node: str, sku: str) -> str:
    """Where a need stands in a list: no node has an `@` in its id."""
    return f"{node}@{sku}"


def _is_after(one: Need, place: str) -> bool:
    node, _, sku = place.partition("@")
    return (one.sku, one.node) > (sku, node)


Rules = Mapping[str, Mapping[str, ReplenishmentRule]]
"""The rules by SKU and node."""


def _by_item(network: Network, skus: Iterable[str] | None, *, automatic: bool = False) -> Rules:
    """The rules of all items or of these, in the order of the SKUs; `automatic` = of those that have an automatic one."""
    found = _by_sku(network.replenishment)
    asked = found.keys() if skus is None else found.keys() & set(skus)
    is_asked = [sku for sku in asked if not automatic or any(rule.automatic for rule in found[sku].values())]
    return {sku: found[sku] for sku in sorted(is_asked)}


def _chunks(skus: Iterable[str]) -> list[Sequence[str]]:
    names = list(skus)
    return [names[first : first + SKUS_AT_ONCE] for first in range(0, len(names), SKUS_AT_ONCE)]


async def _needs(
    connection: ReadConnection, network: Network, rules: Rules, at: datetime
) -> AsyncIterator[Sequence[Need]]:
    """The needs for each item of these rules that has any, by node. They are decided when they are asked for."""
    days = {(node, sku): rule.sales_days for sku, by_node in rules.items() for node, rule in by_node.items()}
    positions = _by_sku(await statements.positions(connection, days, at))
    needy = [
        sku
        for sku, by_node in positions.items()
        if any(Need(node, sku, rules[sku][node], here).wanted for node, here in by_node.items())
    ]
    if not needy:
        return
    # What is owed is read before the stock: what is reserved in between counts twice, and not never.
    spoken_for = _by_sku(await statements.spoken_for(connection, needy))
    levels = _by_sku(await stock.levels(connection, needy))
    load = await workload(connection, network, at, {})
    for sku in sorted(needy):
        of_item = {(node, sku): level for node, level in levels.get(sku, {}).items()}
        yield _decided(_Case(network, sku, positions[sku], spoken_for.get(sku, {}), load, at), of_item)
        await asyncio.sleep(0)  # so that planning for many items keeps nobody waiting


Value = TypeVar("Value")


def _by_sku(by_place: Mapping[tuple[str, str], Value]) -> dict[str, dict[str, Value]]:
    """Values by SKU and node."""
    found: defaultdict[str, dict[str, Value]] = defaultdict(dict)
    for (node, sku), value in by_place.items():
        found[sku][node] = value
    return dict(found)


@dataclass(frozen=True, slots=True)
class _Case:
    """What the needs for one item are decided from beside its stock levels; positions and what is owed are by node."""

    network: Network
    sku: str
    positions: Mapping[str, Position]
    spoken_for: Mapping[str, int]
    load: Mapping[str, NodeLoad]
    at: datetime


def _decided(case: _Case, levels: Mapping[tuple[str, str], StockLevel]) -> list[Need]:
    """The needs for one item."""
    network, cooling = case.network, cooling_at(case.network, levels, case.at, REST)
    supply, limits = supply_of(network, levels, REPLENISHMENT, Entitlement())
    kept: Places = {place: 0 if place in cooling else units for place, units in keep_within(supply, limits).items()}
    free = free_units(network, case.sku, kept, case.positions, case.spoken_for)
    situation = Situation(
        network=network, supply={}, now=case.at, workload=case.load, paused=paused(levels), cooling=cooling
    )
    return needs_of(network, case.sku, case.positions, free, by_policy(situation, partial(_facts_to, network)))


def _facts_to(network: Network, node: str) -> OrderFacts:
    return transfers.facts_to(network.node(node), REPLENISHMENT, PRIORITY)


class Took(NamedTuple):
    """The answer to a taking, and the inputs of the workflows of its new transfers."""

    taken: Taken
    inputs: Sequence[OrderInput]


class Foreseen(NamedTuple):
    """A transfer that taking would make."""

    source: str
    destination: str
    service: str
    units: Mapping[str, int]
    """By SKU."""


async def foresee(connection: ReadConnection, network: Network, body: TakeRequest) -> list[Foreseen]:
    """The transfers that taking would make now; nothing is done. Raises `WrongField`."""
    _check(body, network)
    rules = _by_item(network, body.skus)
    found = await _first(connection, network, rules, partial(_is_at, body.node), datetime.now(UTC))
    return _foreseen(_transfers(found))


def _transfers(found: Sequence[Need]) -> list[tuple[Names, Lines]]:
    """The needs that one taking takes, as transfers of what their nodes have."""
    return [(names, lines) for names, all_lines in together(found[:NEEDS_MAX]) for lines in _parts(all_lines)]


def _foreseen(transfers: Iterable[tuple[Names, Lines]]) -> list[Foreseen]:
    return [Foreseen(*names, {need.sku: proposal.quantity for need, proposal in lines}) for names, lines in transfers]


def digest(foreseen: Sequence[Foreseen]) -> str:
    """Names transfers that somebody has seen, so that no others are made."""
    return sha256(json.dumps(foreseen, sort_keys=True).encode()).hexdigest()[:16]


async def take(transactions: OrderTransactions, asked: Asked[TakeRequest], seen: str | None = None) -> Took:
    """Take needs as transfers, once for an idempotency key. `seen` is the digest of the transfers that may be made; None =
    whatever is needed.

    Raises `WrongField`, `UsedForAnotherRequest`, `NoNetwork`, and `RequestRefused` when other transfers would be made.
    """
    inputs: list[OrderInput] = []
    async with transactions.begin() as transaction:
        connection = transaction.connection
        network = await transactions.networks.hold_active(connection)
        _check(asked.body, network)

        async def doing(_: Request) -> Answer:
            rules, taking = _by_item(network, asked.body.skus), Taking(asked.actor, asked.at)
            taken, made = await _take(connection, network, rules, partial(_is_at, asked.body.node), taking, seen)
            inputs.extend(made)
            return taken.model_dump(mode="json", by_alias=True)

        facts = asked.body.model_dump(mode="json", include={"node", "skus"}, exclude_none=True)
        answer = await answered_once(connection, asked, "take_needs", facts, doing)
    return Took(Taken.model_validate(answer), inputs)


def _is_at(node: str | None, need: Need) -> bool:
    return node in (None, need.node)


def _check(body: TakeRequest, network: Network) -> None:
    """Refuse a node or an item that the network does not have: a misspelt one must not look as if nothing were needed."""
    if body.node is not None and body.node not in network.nodes:
        raise WrongField("node", f"{body.node} is not a node of the network")
    for index, sku in enumerate(body.skus or ()):
        if sku not in network.items:
            raise WrongField(f"skus.{index}", f"{sku} is not an item of the network")


async def take_automatic(transactions: OrderTransactions) -> Sequence[OrderInput]:
    """Take the needs whose rules say so, some hundreds at most. Answers the inputs of the workflows of the new transfers."""
    async with transactions.database.read_once() as connection:
        _, network = await transactions.networks.active(connection)
    made: list[OrderInput] = []
    for some in _chunks(_by_item(network, None, automatic=True)):
        if sum(len(one.lines) for one in made) < NEEDS_MAX:
            made += await _take_of(transactions, network, some)
    return made


def _is_automatic(need: Need) -> bool:
    return need.rule.automatic and bool(need.proposals)


async def _take_of(transactions: OrderTransactions, network: Network, skus: Sequence[str]) -> Sequence[OrderInput]:
    """Take the automatic needs for these items in one transaction, as they are by then."""
    async with transactions.database.read() as connection:
        some = _needs(connection, network, _by_item(network, skus), datetime.now(UTC))
        needed = {need.sku async for needs in some for need in needs if _is_automatic(need)}
    if not needed:
        return ()
    async with transactions.database.write() as connection:
        network = await transactions.networks.hold_active(connection)
        taking = Taking("clock", datetime.now(UTC))
        return (await _take(connection, network, _by_item(network, needed), _is_automatic, taking)).inputs


async def _take(
    connection: WriteConnection, network: Network, rules: Rules, which: Which, taking: Taking, seen: str | None = None
) -> Took:
    """Take at most NEEDS_MAX needs for the items of these rules, of all that there are while nobody else takes any."""
    await statements.hold(connection)
    found = await _first(connection, network, rules, which, taking.at)
    wanted = _transfers(found)
    if seen not in (None, digest(_foreseen(wanted))):
        raise RequestRefused("the needs have changed since you saw them, and nothing was done; look again")
    made = [await _store(connection, network, names, lines, taking) for names, lines in wanted]
    answer = {"transfers": [document for document, _ in made], "more": len(found) > NEEDS_MAX}
    return Took(Taken.model_validate(answer), [input_ for _, input_ in made])


async def _first(connection: ReadConnection, network: Network, rules: Rules, which: Which, at: datetime) -> list[Need]:
    """Needs that can be taken, in the order of their SKUs: more than NEEDS_MAX when some must be left."""
    found: list[Need] = []
    for some in _chunks(rules):
        async for needs in _needs(connection, network, {sku: rules[sku] for sku in some}, at):
            found += [need for need in needs if need.proposals and which(need)]
            if len(found) > NEEDS_MAX:
                return found
    return found


def _parts(lines: Lines) -> list[Lines]:
    return [lines[first : first + LINES_MAX] for first in range(0, len(lines), LINES_MAX)]


async def _store(
    connection: WriteConnection, network: Network, names: Names, lines: Lines, taking: Taking
) -> tuple[Answer, OrderInput]:
    """Store one transfer, and from what each of its lines was decided."""
    source, destination, service = names
    moved = [TransferLine(sku=need.sku, quantity=proposal.quantity) for need, proposal in lines]
    body = {"from": source, "to": destination, "service": service, "lines": moved}
    asked = TransferRequest.model_validate(body | {"transfer": f"{destination}-{token_hex(NAME_BYTES)}"})
    stored = await transfers.store_asked(connection, network, asked, channel=REPLENISHMENT, priority=PRIORITY)
    numbered = [TakenLine(line.line, *decided) for line, decided in zip(stored.input.lines, lines, strict=True)]
    await statements.keep(connection, stored.input.order, numbered, taking)
    shown = {"transfer": asked.transfer, "order": stored.input.order, "from": source, "to": destination}
    return shown | {"lines": [line.model_dump(mode="json") for line in stored.input.lines]}, stored.input
