"""Reads carriers.toml: who brings parcels, with a rate card of zones, prices by weight, surcharges, days and delivery days."""

import re
from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from carriers.carrier import CarrierKind, Key
from carriers.kinds import KINDS
from domain.network import Area, Carrier, Surcharge, Zone
from domain.rate_card import PARTS_PER_PERCENT
from network.countries import CENTROIDS
from network.delivery_toml import read_delivery_days
from network.mistakes import Mistakes
from network.toml_tables import Table, did_you_mean, read_toml

NAME = r"[a-z0-9_]{1,32}"
DAYS_MAX = 365
GRAMS_MAX = 100_000_000

_SECRET = re.compile(r"secret|token|passw|credential|account_number|(api|access|private|client|site)_?(key|id)", re.I)
"""Names of what authorizes somebody."""


class CarriersRead(NamedTuple):
    """The carriers by name, and whether every entry could be read."""

    carriers: Mapping[str, Carrier]
    are_certain: bool


def read_carriers(text: str, services: Collection[str] | None, mistakes: Mistakes) -> CarriersRead:
    """Read the carriers; none for an empty text. Mistakes are reported, and the rest is read.

    `services` are those of policy.toml, None when they are not known.
    """
    top = read_toml(text, mistakes)
    if top is None:
        return CarriersRead({}, are_certain=False)
    tables = top.tables("carrier")
    top.finish()
    carriers: dict[str, Carrier] = {}
    for table in tables:
        carrier = _read_carrier(table, services)
        if carrier.name in carriers:
            table.wrong("name", f"carrier {carrier.name!r} is there twice")
        elif carrier.name and carrier.kind:
            carriers[carrier.name] = carrier
    return CarriersRead(carriers, are_certain=not top.failed and not any(table.failed for table in tables))


def _read_carrier(table: Table, services: Collection[str] | None) -> Carrier:
    name, kind = _read_name(table), _read_kind(table)
    carrier = Carrier(
        name=name,
        kind=kind.kind if kind else "",
        services=_read_services(table, services),
        surcharges=tuple(_read_surcharge(one, services) for one in table.tables("surcharge")),
        dimensional_divisor=table.whole("dimensional_divisor", 1, 1) if table.has("dimensional_divisor") else None,
        delivery=read_delivery_days(table, "delivery_days"),
        manifest_at_cutoff=table.boolean("manifest_at_cutoff", default=False),
        settings={key.name: _read_key(table, key) for key in kind.keys} if kind else {},
    )
    if kind and kind.needs_services and not carrier.services and "service" not in table.failed:
        table.wrong("service", "there is no [[carrier.service]]; a rate card needs at least one, with its zones")
    if kind and carrier.manifest_at_cutoff and not kind.takes_manifests(carrier.settings):
        table.wrong("manifest_at_cutoff", "manifest_at_cutoff must be false: this carrier has no manifests")
    _refuse_secrets(table, name)
    if kind:  # of an unknown kind nobody knows which keys it has
        table.finish()
    return carrier


def _read_name(table: Table) -> str:
    name = table.text("name") if table.need("name") else ""
    if name and not re.fullmatch(NAME, name):
        table.wrong("name", f"name must be 1 to 32 of a-z, 0-9 and '_', not {name!r}")
        return ""
    return name


def _read_kind(table: Table) -> CarrierKind | None:
    name = table.text("kind") if table.need("kind") else ""
    if name and name not in KINDS:
        hint = did_you_mean(name, sorted(KINDS))
        said = f"this version of Switchyard has no carriers of the kind {name!r}; it knows {', '.join(sorted(KINDS))}"
        table.wrong("kind", f"{said}{hint}")
    return KINDS.get(name)


def _read_key(table: Table, key: Key) -> Any:
    """The value of a key of the kind, or its default."""
    match key.default:
        case bool():
            return table.boolean(key.name, default=key.default)
        case Mapping():
            values = table.table(key.name)
            return {name: values.text(name) for name in values.names()} if table.has(key.name) else key.default
    if key.default is None and not table.need(key.name):
        return ""
    if key.allowed:
        return table.one_of(key.name, key.allowed, key.default or "")
    return table.text(key.name, key.default or "")


def _refuse_secrets(table: Table, carrier: str) -> None:
    """Report every key that would hold what authorizes us; its value is not repeated."""
    for key in table.unread():
        if _SECRET.search(key):
            table.has(key)
            said = f"{key} must not stand here: `python -m starter connect {carrier}` reads credentials and seals them"
            table.wrong(key, said)


def _read_services(table: Table, services: Collection[str] | None) -> dict[str, tuple[Zone, ...]]:
    found: dict[str, tuple[Zone, ...]] = {}
    for below in table.tables("service"):
        name = _read_service(below, "name", services) if below.need("name") else ""
        if name in found:
            below.wrong("name", f"service {name!r} is there twice")
        zones = tuple(_read_zone(zone) for zone in below.tables("zone"))
        if not zones and "zone" not in below.failed:
            below.wrong("zone", "there is no [[carrier.service.zone]]; at least one is needed, with prices and days")
        below.finish()
        table.failed |= {"service"} if below.failed else set()
        if name and zones:
            found[name] = zones
    return found


def _read_service(table: Table, key: str, services: Collection[str] | None) -> str:
    name = table.text(key)
    if name and services is not None and name not in services:
        said = f"unknown service {name!r}; it must be one of [transit] in policy.toml"
        table.wrong(key, f"{said}{did_you_mean(name, sorted(services))}")
        return ""
    return name


def _read_zone(table: Table) -> Zone:
    days = table.whole("days", 0, least=0) if table.need("days") else 0
    if days > DAYS_MAX:
        table.wrong("days", f"days must be at most {DAYS_MAX}, not {days}")
    table.need("prices")
    most = table.number("distance_km_max", 0.001, 21_000) if table.has("distance_km_max") else None
    zone = Zone(
        _read_prices(table) or ((1, 0),),
        days,
        _read_area(table),
        frozenset(_read_countries(table, "from_countries")),
        most,
    )
    table.finish()
    return zone


def _read_prices(table: Table) -> tuple[tuple[int, int], ...]:
    """Steps of [grams at most, minor units], ascending in grams."""
    steps: list[tuple[int, int]] = []
    for position, pair in enumerate(table.values("prices")):
        match pair:
            case [int() as grams, int() as amount] if 0 < grams <= GRAMS_MAX and amount >= 0:
                steps.append((grams, amount))
            case _:
                table.wrong(
                    "prices", f"prices must be a list of [grams, amount] such as [500, 690], not {pair}", position
                )
                return ()
    for position, (lighter, heavier) in enumerate(pairwise(steps), start=1):
        if heavier[0] <= lighter[0]:
            table.wrong("prices", "the grams of prices must ascend; this one is not above the one before", position)
        elif heavier[1] < lighter[1]:
            table.wrong("prices", "a heavier parcel must not cost less than a lighter one", position)
    return tuple(steps)


def _read_area(table: Table) -> Area:
    return Area(frozenset(_read_countries(table, "countries")), tuple(_read_prefixes(table)))


def _read_countries(table: Table, key: str) -> list[str]:
    found = []
    for position, country in enumerate(table.values(key)):
        if country in CENTROIDS:
            found.append(country)
        else:
            said = f"{key} must be a list of ISO 3166-1 codes such as US or DE, not {country!r}"
            table.wrong(key, f"{said}{did_you_mean(str(country).upper(), list(CENTROIDS))}", position)
    return found


def _read_prefixes(table: Table) -> list[str]:
    found = []
    for position, prefix in enumerate(table.values("postal_prefixes")):
        if isinstance(prefix, str) and re.fullmatch(r"[A-Z0-9-]{1,10}", prefix):
            found.append(prefix)
        else:
            said = 'postal_prefixes must be a list of texts of A-Z, 0-9 and "-" such as ["99", "BT"]'
            table.wrong("postal_prefixes", f"{said}, not {prefix!r}", position)
    return found


def _read_surcharge(table: Table, services: Collection[str] | None) -> Surcharge:
    name = table.text("name") if table.need("name") else ""
    percent = table.number("percent", 0.01, 1000) if table.has("percent") else 0
    surcharge = Surcharge(
        name,
        amount=table.whole("amount", 0, least=1) if table.has("amount") else 0,
        percent_parts=round(percent * PARTS_PER_PERCENT),
        area=_read_area(table),
        services=frozenset(table.words("services", services) if services is not None else table.values("services")),
        hazmat=table.boolean("hazmat", default=False),
        weight_g_over=table.whole("weight_g_over", 0, least=0) if table.has("weight_g_over") else None,
        longest_mm_over=table.whole("longest_mm_over", 0, least=0) if table.has("longest_mm_over") else None,
    )
    if not surcharge.amount and not surcharge.percent_parts and not table.failed & {"amount", "percent"}:
        table.wrong("name", f"surcharge {name!r} has neither amount (minor units) nor percent")
    table.finish()
    return surcharge
