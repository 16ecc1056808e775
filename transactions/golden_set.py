"""Makes cases of sourcing rounds that were really decided: a golden set, which a changed policy must not break unseen."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from pathlib import Path

from database import sourcing
from database.connect import Database
from database.sourcing import Round
from domain.network import Network
from domain.sourcing.recorded import unpacked
from domain.sourcing.rounds import RoundInput
from network.cases_toml import FOLDER
from network.load import NetworkDocuments, check, load, read
from network.try_cases import try_cases
from network.write_cases import NoCase, written
from transactions.network_version import NetworkRefused
from transactions.replay import READ_AT_ONCE

FILE = "history.toml"
NOT_THERE = "name an item, node, service or strategy that the directory has not got"
HEADER = (
    "# Orders as they were really decided, without what was personal of them; each postal code stands for its whole area.\n"
    "# `python -m starter policy record` has made this of orders since {since:%Y-%m-%d}.\n"
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The text of a file of cases, and why rounds gave none."""

    text: str
    cases: int
    left_out: Mapping[str, int]
    """Rounds by the reason, in words."""


async def record(database: Database, directory: Path, since: datetime, count: int) -> Recorded:
    """Up to `count` cases of first rounds since a moment, of as many kinds of decisions as there are, the newest first.

    Every case holds under the directory: a round that it decides otherwise gives none. Raises `NetworkRefused` and
    `WrongMasterKey`.
    """
    if mistakes := check(directory):
        raise NetworkRefused([str(mistake) for mistake in mistakes])
    documents = read(directory)
    network = load(documents)
    made, left_out = list[str](), Counter[str]()
    for one in _in_turn(await _rounds(database, since, count, left_out)):
        if len(made) == count:
            break
        try:
            made.append(_case(one, len(made) + 1, documents, network))
        except NoCase as error:
            left_out[str(error)] += 1
    text = HEADER.format(since=since) + "".join(f"\n{case}" for case in made)
    return Recorded(text, len(made), left_out)


async def _rounds(database: Database, since: datetime, count: int, left_out: Counter[str]) -> list[list[Round]]:
    """First rounds that were kept, by the kind of their decision, the newest first; no more of a kind than could be tried."""
    kinds: defaultdict[str, list[Round]] = defaultdict(list)
    after = "", 0
    async with database.read() as connection:
        while read := await sourcing.rounds_since(connection, since, after, READ_AT_ONCE):
            for one in (one for one in read if one.round == 1):
                if one.asked is None:
                    left_out["were forgotten, or have no input any more"] += 1
                    continue
                kind = kinds[_kind(one)]
                kind.append(one)
                if len(kind) > 2 * count:
                    kind[:] = sorted(kind, key=lambda known: known.decided_at)[-count:]
            after = read[-1].order, read[-1].round
    return [sorted(kind, key=lambda known: known.decided_at, reverse=True) for _, kind in sorted(kinds.items())]


def _kind(one: Round) -> str:
    """What decisions have in common of which one is enough: strategy, tier, nodes, and what becomes of the rest."""
    document = one.document
    nodes = sorted(shipment["node"] for shipment in document["shipments"])
    return json.dumps([document["strategy"], document["tier"], nodes, document["unfilled_action"]])


def _in_turn(kinds: list[list[Round]]) -> Iterator[Round]:
    """One of each kind, then the next of each."""
    for turn in zip_longest(*kinds):
        yield from (one for one in turn if one is not None)


def _case(one: Round, number: int, documents: NetworkDocuments, network: Network) -> str:
    """The case of a round that holds under the network. Raises `NoCase`."""
    try:
        asked = unpacked(one.asked or b"", network).asked
        text = written(_name(one, number, asked), asked, one.document, network, documents.policy)
    except KeyError as error:
        raise NoCase(NOT_THERE) from error
    tried = try_cases(json.dumps({"history": text}), FOLDER, network)
    if tried.mistakes:
        raise NoCase(NOT_THERE)
    if tried.broken:
        raise NoCase("are decided otherwise by the directory, or from what a case does not say")
    return text


def _name(one: Round, number: int, asked: RoundInput) -> str:
    units = sum(wanted.quantity for wanted in asked.wanted)
    nodes = [shipment["node"] for shipment in one.document["shipments"]] or ["nowhere"]
    return (
        f"{number}: {units} unit{'s' if units != 1 else ''} for {asked.facts.channel} to {asked.facts.country}"
        f" from {' and '.join(nodes)}, {asked.at:%Y-%m-%d}"
    )
