"""Reads partners/NAME.toml: what is agreed with the trading partner NAME, a channel of channels.toml or a node of nodes.toml.

A file may be absent: then everything is as `Partner` and `Profile` have it by default, which is what most guides say.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from channels.x12.profile import BY_A_PERSON, CANCEL, ITEM_IDS, NOTHING, REPLACE, Profile
from domain.money import MINOR_DIGITS
from domain.network import AliasKind, Connection, Node
from domain.order import Address
from formats.x12.partner import ACKNOWLEDGED_WITHIN, ALWAYS, ASKED, CONTROL_MAX, NEVER, Partner
from network.mistakes import Mistakes
from network.toml_tables import Table, did_you_mean, read_toml
from network.warehouse_toml import read_warehouse
from nodes.x12.profile import WarehouseProfile

FOLDER = "partners"
KIND = "x12"
"""The kind of channels whose partners have files."""
DISPATCH = "edi940"
"""The way to reach nodes that have files."""
DOCUMENTS = ("855", "856", "810", "846", "865")
"""The sets that a buyer may get, beside 997."""
STOCK_EVERY_LEAST = timedelta(minutes=1)
WRONG_NOTICES = (BY_A_PERSON, REPLACE, CANCEL)
WRONG_INVOICES = (BY_A_PERSON, "810", "812")
WAITING_UNITS = (NOTHING, "855", "865")
DATES = ("not_before", "not_before_delivery", "not_after", "ship_by", "deliver_by")
SHIP_COMPLETE = ("order", "line", "no")
VERSIONS = ("004010", "004030", "004050", "004060", "005010", "005030")
"""The versions that can be named; segments and elements are those of 004010, which later ones kept."""


@dataclass(frozen=True, slots=True)
class PartnerFile:
    """A partner's file: what every document needs, and how a buyer's documents are read and written."""

    agreed: Mapping[str, Any] = field(default_factory=dict)
    """Values of `Partner` that are not its default."""
    profile: Profile | WarehouseProfile = field(default_factory=Profile)


def read_folder(directory: Path) -> str:
    """The texts of all partners' files by name, as JSON; `""` where there is none. Raises OSError and UnicodeDecodeError."""
    files = sorted((directory / FOLDER).glob("*.toml"))
    return json.dumps({file.stem: file.read_bytes().decode() for file in files}) if files else ""


def read_partners(
    texts: str,
    folder: str,
    services: Collection[str] | None,
    warehouses: Mapping[str, Node],
    found: dict[str, Mistakes],
    *,
    was_applied: bool,
) -> Mapping[str, PartnerFile]:
    """The partners' files by name; their mistakes are added to `found`, each under its file.

    `services` are those of policy.toml, None when they are not known; `warehouses` are the nodes that are reached by X12.
    """
    named: Mapping[str, str] = json.loads(texts) if texts else {}
    partners: dict[str, PartnerFile] = {}
    for name, text in named.items():
        mistakes = found[f"{FOLDER}/{name}"] = Mistakes(f"{folder}/{name}.toml", was_applied=was_applied)
        top = read_toml(text, mistakes)
        if top is not None:
            node = warehouses.get(name)
            profile = _profile(top, services) if node is None else read_warehouse(top, services, node.time_zone)
            partners[name] = PartnerFile(_agreed(top), profile)
            top.finish()
    return partners


def with_partners(
    connections: Mapping[str, Connection],
    partners: Mapping[str, PartnerFile],
    warehouses: Collection[str],
    found: Mapping[str, Mistakes],
) -> Mapping[str, Connection]:
    """The connections, those of trading partners with what is agreed: `entry["agreed"]` is a `Partner`, `entry["profile"]` a
    `Profile`."""
    of_x12 = {name: one for name, one in connections.items() if one.kind == KIND}
    for name in partners.keys() - of_x12.keys() - set(warehouses):
        hint = did_you_mean(name, sorted({*of_x12, *warehouses}))
        said = f'no channel of the kind {KIND} and no node with dispatch = "{DISPATCH}" is called {name!r}{hint}'
        found[f"{FOLDER}/{name}"].add(0, said)
    for name in of_x12.keys() & set(warehouses):
        said = f"channel {name!r} and node {name!r} are both trading partners by X12: control numbers are by name; rename one"
        found["channels"].add(0, said)
    return {**connections, **{name: _whole(one, partners.get(name, PartnerFile())) for name, one in of_x12.items()}}


def _whole(connection: Connection, file: PartnerFile) -> Connection:
    entry = connection.entry
    agreed = Partner(connection.name, entry["us"], entry["partner"], **file.agreed)
    return replace(connection, entry={**entry, "agreed": agreed, "profile": file.profile})


def with_warehouses(nodes: Mapping[str, Node], partners: Mapping[str, PartnerFile]) -> Mapping[str, Node]:
    """The nodes, those that are reached by X12 with what is agreed: `settings["agreed"]` is a `Partner`, `settings["profile"]`
    a `WarehouseProfile`."""
    return {**nodes, **{name: _warehouse(node, partners.get(name)) for name, node in warehouses_of(nodes).items()}}


def warehouses_of(nodes: Mapping[str, Node]) -> Mapping[str, Node]:
    """The nodes that are reached by X12."""
    return {name: node for name, node in nodes.items() if node.dispatch.kind == DISPATCH and "us" in node.settings}


def _warehouse(node: Node, file: PartnerFile | None) -> Node:
    file = file or PartnerFile(profile=WarehouseProfile(zone=node.time_zone))
    agreed = Partner(node.id, node.settings["us"], node.settings["partner"], **file.agreed)
    return replace(node, settings={**node.settings, "agreed": agreed, "profile": file.profile})


def _agreed(top: Table) -> Mapping[str, Any]:
    first_control = top.whole("first_control", 1, 1)
    if first_control > CONTROL_MAX:
        top.wrong("first_control", f"first_control is at most {CONTROL_MAX}, not {first_control}")
    return {
        "version": top.one_of("version", VERSIONS, VERSIONS[0]),
        "is_test": top.boolean("test", default=False),
        "first_control": first_control,
        "acknowledged_within": top.duration("acknowledged_within", ACKNOWLEDGED_WITHIN),
        "sends_again": top.boolean("sends_again", default=False),
        "ta1": top.one_of("ta1", (ASKED, ALWAYS, NEVER), ASKED),
    }


def _profile(top: Table, services: Collection[str] | None) -> Profile:
    default = Profile()
    documents = frozenset(top.words("documents", DOCUMENTS)) if top.has("documents") else default.documents
    return Profile(
        item_ids=_words(top, "item_ids", [str(kind) for kind in AliasKind], r"[A-Z0-9]{2}", ITEM_IDS),
        units=_units(top),
        currency=_currency(top, default.currency),
        dates=_words(top, "dates", DATES, r"[A-Z0-9]{3}", default.dates),
        stores=_stores(top),
        services=_services(top, services),
        service=_service(top, "service", top.text("service", default.service), services),
        ship_complete=top.one_of("ship_complete", SHIP_COMPLETE, "no") if top.has("ship_complete") else None,
        customer_tier=top.text("customer_tier") or None,
        documents=documents,
        wrong_notices=top.one_of("wrong_notices", WRONG_NOTICES, default.wrong_notices),
        wrong_invoices=top.one_of("wrong_invoices", WRONG_INVOICES, default.wrong_invoices),
        stock_every=top.duration("stock_every", default.stock_every, STOCK_EVERY_LEAST),
        waiting_units=_waiting_units(top, documents),
    )


def _waiting_units(top: Table, documents: Collection[str]) -> str:
    chosen = top.one_of("waiting_units", WAITING_UNITS, NOTHING)
    if chosen not in (NOTHING, *documents):
        top.wrong("waiting_units", f'the buyer gets no {chosen}: add "{chosen}" to documents')
    return chosen


def _words(
    top: Table, key: str, known: list[str] | tuple[str, ...], qualifier: str, default: Mapping[str, str]
) -> Mapping[str, str]:
    """A table of the partner's qualifiers, each with one of our words, in the sequence of the file."""
    if not top.has(key):
        return default
    table = top.table(key)
    for name in table.names():
        if not re.fullmatch(qualifier, name):
            table.wrong(name, f"{name!r} is no qualifier of X12")
    return {name: table.one_of(name, list(known), known[0]) for name in table.names()}


def _units(top: Table) -> Mapping[str, int]:
    table = top.table("units")
    return {name.upper(): table.whole(name, 1, 1) for name in table.names()}


def _services(top: Table, services: Collection[str] | None) -> Mapping[str, str]:
    table = top.table("services")
    return {text: _service(table, text, table.text(text), services) for text in table.names()}


def _service(table: Table, key: str, service: str, services: Collection[str] | None) -> str:
    if table.has(key) and service and services is not None and service not in services:
        hint = did_you_mean(service, sorted(services))
        table.wrong(key, f"unknown service {service!r}; it must be one of [transit] in policy.toml{hint}")
    return service


def _currency(top: Table, default: str) -> str:
    currency = top.text("currency", default)
    if currency not in MINOR_DIGITS:
        top.wrong("currency", f'currency is a code of ISO 4217 such as "USD", not {currency!r}')
    return currency


def _stores(top: Table) -> Mapping[str, Address]:
    table = top.table("stores")
    found: dict[str, Address] = {}
    for code in table.names():
        values = table.table(code)
        try:
            found[code] = Address.model_validate({name: values.anything(name) for name in values.names()})
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            table.wrong(code, f"store {code}: {where}: {first['msg'].removeprefix('Value error, ')}", *first["loc"][:1])
    return found
