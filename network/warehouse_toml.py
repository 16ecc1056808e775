"""Reads what a partner's file says of a warehouse: of a node that is reached by X12."""

import re
from collections.abc import Collection, Mapping
from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.stock import StockState
from network.toml_tables import Table, did_you_mean
from nodes.x12.profile import ON_HOLD, PRODUCT_IDS, Routing, WarehouseProfile

ITEM_IDS = ("sku", "gtin")
W12_ELEMENTS = 22
QUALIFIER = r"[A-Z0-9]{2}"


def read_warehouse(top: Table, services: Collection[str] | None, zone: tzinfo) -> WarehouseProfile:
    """What the file says; `zone` is the warehouse's own, and `services` are those of policy.toml, None when they are not known.
    Mistakes are reported, and the rest is read."""
    default = WarehouseProfile()
    return WarehouseProfile(
        zone=_zone(top, zone),
        item_ids=_item_ids(top),
        units=_units(top),
        routing=_routing(top, services),
        item_id_at=_item_id_at(top, default.item_id_at),
        several_shipments=top.boolean("several_shipments", default=False),
        last_shipment=frozenset(_codes(top, "last_shipment", r"[A-Z0-9]", ())),
        on_hand=_codes(top, "on_hand", QUALIFIER, default.on_hand),
        counts_all=top.boolean("counts_all", default=False),
        moves=_moves(top),
    )


def _zone(top: Table, zone: tzinfo) -> tzinfo:
    name = top.text("time_zone")
    if not name:
        return zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        top.wrong("time_zone", f"unknown time zone {name!r}; such as America/Denver")
        return zone


def _item_ids(top: Table) -> Mapping[str, str]:
    if not top.has("item_ids"):
        return PRODUCT_IDS
    table = top.table("item_ids")
    for name in table.names():
        _check_code(table, name, QUALIFIER)
    return {name: table.one_of(name, ITEM_IDS, ITEM_IDS[0]) for name in table.names()}


def _units(top: Table) -> Mapping[str, int]:
    table = top.table("units")
    return {name.upper(): table.whole(name, 1, 1) for name in table.names()}


def _routing(top: Table, services: Collection[str] | None) -> Mapping[str, Routing]:
    table = top.table("routing")
    found: dict[str, Routing] = {}
    for service in table.names():
        if services is not None and service not in services:
            hint = did_you_mean(service, sorted(services))
            table.wrong(service, f"unknown service {service!r}; it must be one of [transit] in policy.toml{hint}")
        named, default = table.table(service), Routing()
        found[service] = Routing(
            named.text("method", default.method),
            named.text("carrier", default.carrier),
            named.text("payment", default.payment),
        )
        _check_routing(table, service, found[service])
        named.finish()
    return found


def _check_routing(table: Table, service: str, routing: Routing) -> None:
    shapes = (("method", routing.method, "[A-Z0-9]{1,2}"), ("payment", routing.payment, "[A-Z0-9]{2}"))
    for key, value, shape in (*shapes, ("carrier", routing.carrier, "([A-Z0-9]{2,4})?")):
        if not re.fullmatch(shape, value):
            table.wrong(service, f"{key} is a code of X12 in capitals, not {value!r}", key)


def _item_id_at(top: Table, default: int) -> int:
    found = top.whole("item_id_at", default, 2)
    if found >= W12_ELEMENTS:
        top.wrong("item_id_at", f"item_id_at is an element of W12 before the last, {W12_ELEMENTS}, not {found}")
    return found


def _codes(top: Table, key: str, shape: str, default: tuple[str, ...]) -> tuple[str, ...]:
    if not top.has(key):
        return default
    found: list[str] = []
    for position, value in enumerate(top.values(key)):
        if not isinstance(value, str) or not re.fullmatch(shape, value):
            top.wrong(key, f"{value!r} is no code of X12 here; codes are in quotes and in capitals", position)
        else:
            found.append(value)
    if not found and key not in top.failed:
        top.wrong(key, f"{key} names no code; leave it out, or name at least one")
    return tuple(found) or default


def _moves(top: Table) -> Mapping[str, tuple[StockState, StockState]]:
    if not top.has("moves"):
        return ON_HOLD
    table, known = top.table("moves"), [str(state) for state in StockState]
    found: dict[str, tuple[StockState, StockState]] = {}
    for reason in table.names():
        _check_code(table, reason, QUALIFIER)
        states = table.values(reason)
        if len(states) != 2 or states[0] == states[1] or not all(state in known for state in states):
            said = f'a move is from one state to another, such as ["sellable", "damaged"]; they are {", ".join(known)}'
            table.wrong(reason, said)
        else:
            found[reason] = (StockState(states[0]), StockState(states[1]))
    return found


def _check_code(table: Table, code: str, shape: str) -> None:
    if not re.fullmatch(shape, code):
        table.wrong(code, f"{code!r} is no qualifier of X12")
