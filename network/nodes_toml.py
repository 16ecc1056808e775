"""Reads nodes.toml: the nodes, each with its position, calendar, time limits and dispatch."""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from difflib import get_close_matches
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from domain.network import Locality, Node, NodeKind, OnSilence, Place, Precision, distance_km
from network.calendars import UnknownCalendar, holiday_calendar
from network.countries import CENTROIDS
from network.country_extent import outside_km, slip
from network.geography import AREA_CHARACTERS, ImpossiblePlace, check_locality, locate
from network.mistakes import Mistakes
from network.time_zones import zones_by_country
from network.toml_tables import Table, did_you_mean, parse_clock, read_toml
from network.x12_toml import read_x12
from nodes.dispatch import DispatchKind
from nodes.kinds import KINDS

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
INSTANT = timedelta(microseconds=1)
"""The shortest allowed time span where 0 has no meaning."""

LOOK_EVERY, LOOK_EVERY_LEAST = timedelta(minutes=1), timedelta(seconds=1)
"""How often a mailbox is looked into, where nodes.toml does not say it, and at the most."""

UNKNOWN = (0.0, 0.0)

ZONE_LIKENESS = 0.9
"""Most names of zones begin alike, so only a name with nearly all letters is a misspelt one."""

ZONES_LISTED_MAX = 4

_SEEN_BY_SETS = frozenset({"id", "kind", "country", "region", "tags", "priority"})


@dataclass(frozen=True, slots=True)
class NodesRead:
    """The nodes by id, each with its table; `certain` when all fields that node sets use could be read."""

    nodes: dict[str, Node]
    tables: dict[str, Table]
    certain: bool


def read_nodes(text: str, mistakes: Mistakes) -> NodesRead:
    """Read the nodes. Mistakes are reported, and the rest is read."""
    top = read_toml(text, mistakes)
    if top is None:
        return NodesRead({}, {}, certain=False)
    tables = top.tables("node")
    if not tables:
        top.wrong("node", "there is no [[node]]; at least one is needed")
    top.finish()
    nodes: dict[str, Node] = {}
    named: dict[str, Table] = {}
    for table in tables:
        node = read_node(table)
        if node.id in nodes:
            table.wrong("id", f"node id {node.id!r} is there twice")
        elif node.id:
            nodes[node.id], named[node.id] = node, table
    certain = bool(nodes) and not any(table.failed & _SEEN_BY_SETS for table in tables)
    return NodesRead(nodes, named, certain)


def read_node(table: Table) -> Node:
    """Read one node. Mistakes are reported, and the rest is read."""
    identifier = _read_id(table)
    country = _read_country(table)
    latitude, longitude = place = _read_place(table, country)
    kind = _read_dispatch(table)
    working_days = table.words("working_days", WEEK) or WEEK[:5]
    closed_days, open_days = _read_single_days(table)
    node = Node(
        id=identifier,
        name=table.text("name", identifier),
        kind=table.word("kind", NodeKind, NodeKind.DC) if table.need("kind") else NodeKind.DC,
        country=country,
        postal_code=table.text("postal_code") or None,
        latitude=latitude,
        longitude=longitude,
        time_zone=_read_time_zone(table, country, place),
        cutoff=table.clock("cutoff", time(17)),
        working_days=frozenset(WEEK.index(day) for day in working_days),
        holidays=_read_holidays(table),
        closed_days=closed_days,
        open_days=open_days,
        handling_days=table.whole("handling_days", 0, least=0),
        capacity_per_day=table.whole("capacity_per_day", 1, least=1) if table.has("capacity_per_day") else None,
        priority=table.whole("priority", 10, least=0),
        safety_stock=table.whole("safety_stock", 0, least=0),
        hours=_read_hours(table),
        accept_within=table.duration("accept_within", timedelta(days=1), least=INSTANT),
        ship_within=table.duration("ship_within", timedelta(days=2), least=INSTANT),
        on_silence=table.word("on_silence", OnSilence, OnSilence.ESCALATE),
        dispatch=kind.dispatch,
        settings=_read_settings(table, kind),
        pickup=table.boolean("pickup", default=False),
        tags=_read_tags(table),
        street=_read_street(table),
        city=table.text("city"),
        state=table.text("state"),
        phone=table.text("phone"),
        region=table.text("region"),
    )
    table.finish()
    return node


def _read_id(table: Table) -> str:
    if not table.need("id"):
        return ""
    identifier = table.text("id")
    if identifier and not re.fullmatch(r"[a-z0-9-]{1,32}", identifier):
        table.wrong("id", f"id must be 1 to 32 of a-z, 0-9 and '-', not {identifier!r}")
        return ""
    return identifier


def _read_street(table: Table) -> tuple[str, ...]:
    lines = table.values("street")
    if all(isinstance(line, str) and line.strip() for line in lines):
        return tuple(lines)
    table.wrong("street", 'street must be a list of texts such as ["12 Dock Street"]')
    return ()


def _read_country(table: Table) -> str:
    country = table.text("country") if table.need("country") else ""
    if country and country not in CENTROIDS:
        hint = did_you_mean(country.upper(), list(CENTROIDS))
        table.wrong("country", f"country must be an ISO 3166-1 code such as US or DE, not {country!r}{hint}")
        return ""
    return country


def _read_place(table: Table, country: str) -> tuple[float, float]:
    """The coordinates in the table, or else those of the postal code. A place outside the country is reported."""
    given = [key for key in ("latitude", "longitude") if table.has(key)]
    located = _located(table, country)
    if len(given) == 2:
        point = _coordinates(table)
        _check_country(table, "latitude", country, point)
        return point
    if given:
        table.wrong(given[0], f"{given[0]} needs {'longitude' if given[0] == 'latitude' else 'latitude'} beside it")
    elif not table.has("postal_code"):
        table.wrong("postal_code", "the position is missing: give postal_code, or latitude and longitude")
    elif located:
        _check_country(table, "postal_code", country, located[:2])
        _warn_of_rough_place(table, country, located)
    return located[:2] if located else UNKNOWN


def _located(table: Table, country: str) -> Place | None:
    code = table.text("postal_code")
    if not (country and code):
        return None
    locality = Locality(country, code)
    try:
        if not table.was_applied:
            check_locality(locality)
    except ImpossiblePlace as error:
        table.wrong("postal_code", str(error))
        return None
    return locate(locality)


def _check_country(table: Table, key: str, country: str, point: tuple[float, float]) -> None:
    """Report a position that is certainly not in the country of the node."""
    if not country or point == UNKNOWN or table.failed & {"latitude", "longitude"}:
        return
    if kilometres := outside_km(country, *point):
        words = slip(country, *point) if key == "latitude" else None
        table.wrong(key, f"this is about {kilometres:,} km outside {country}" + (f"; perhaps {words}" if words else ""))


def _warn_of_rough_place(table: Table, country: str, place: Place) -> None:
    code = table.text("postal_code")
    instead = f"because {code} cannot be located offline; give latitude and longitude"
    if place.precision is Precision.COUNTRY:
        table.warn("postal_code", f"this node is placed at the middle of {country}, {instead}")
    elif place.precision is not Precision.POSTAL_CODE:
        table.warn("postal_code", f"this node is placed at the middle of all {code[:AREA_CHARACTERS]}…, {instead}")


def _coordinates(table: Table) -> tuple[float, float]:
    """The coordinates as given. Zero degrees twice, in the sea off Africa, usually means that the position is not known."""
    point = table.number("latitude", -90, 90), table.number("longitude", -180, 180)
    if point == UNKNOWN and not table.failed & {"latitude", "longitude"}:
        table.wrong(
            "latitude",
            "latitude and longitude are both 0, which usually means that they are not known; give the real ones",
        )
    return point


def _read_time_zone(table: Table, country: str, place: tuple[float, float]) -> ZoneInfo:
    name = table.text("time_zone") if table.need("time_zone") else ""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        table.wrong("time_zone", f"unknown time zone {name!r}{_zone_hint(name, country, place)}")
        return ZoneInfo("UTC")


def _zone_hint(name: str, country: str, place: tuple[float, float]) -> str:
    """The zone that was misspelt; otherwise the zones of the country, those near the node if they are many."""
    alike = {zone.casefold(): zone for zone in _time_zones()}
    if close := get_close_matches(name.casefold().replace(" ", "_"), alike, n=1, cutoff=ZONE_LIKENESS):
        return f"; did you mean {alike[close[0]]!r}?"
    zones = list(zones_by_country().get(country, ()))
    if place != UNKNOWN:
        zones.sort(key=lambda zone: distance_km(*place, zone.latitude, zone.longitude))
    names = ", ".join(zone.name for zone in zones[:ZONES_LISTED_MAX])
    if not zones:
        return "; such as America/Denver"
    return f"; {country} has {names}" + (" and others" if len(zones) > ZONES_LISTED_MAX else "")


@cache
def _time_zones() -> Sequence[str]:
    """All time zones, cached: to list them needs a walk over files."""
    return sorted(available_timezones())


def _read_holidays(table: Table) -> Container[date]:
    name = table.text("holidays")
    if not name:
        return frozenset()
    try:
        return holiday_calendar(name)
    except UnknownCalendar as error:
        table.wrong("holidays", str(error))
        return frozenset()


def _read_single_days(table: Table) -> tuple[frozenset[date], frozenset[date]]:
    """The days on which the node is closed, and those on which it is open; no day may be both."""
    closed_days, open_days = table.days("closed"), table.days("open")
    for day in closed_days:
        if day in open_days:
            table.wrong("open", f"{day} is in closed and in open; leave it out of one", open_days.index(day))
    return frozenset(closed_days), frozenset(open_days)


def _read_hours(table: Table) -> tuple[time, time] | None:
    """Opening and closing time; a closing time of 24:00 is the midnight that ends the day."""
    written = table.text("hours")
    if not written:
        return None
    opening, _, closing = written.partition("-")
    opens, closes = parse_clock(opening), time() if closing == "24:00" else parse_clock(closing)
    if opens is None or closes is None:
        table.wrong("hours", f'hours must be like "08:00-18:00", not {written!r}; absent = always open')
    elif closing != "24:00" and closes <= opens:
        table.wrong("hours", f"hours must open before they close, not {written!r}")
    else:
        return opens, closes
    return None


def _read_tags(table: Table) -> tuple[str, ...]:
    """Words of the business, each once; without blanks, as in items.csv."""
    found: list[str] = []
    for position, value in enumerate(table.values("tags")):
        if not isinstance(value, str) or not re.fullmatch(r"\S{1,64}", value):
            table.wrong("tags", f"a tag must be one word in quotes, of at most 64 characters, not {value!r}", position)
        elif value in found:
            table.wrong("tags", f"tags name {value!r} twice", position)
        else:
            found.append(value)
    return tuple(found)


def _read_dispatch(table: Table) -> DispatchKind:
    default = next(iter(KINDS))
    return KINDS[table.one_of("dispatch", list(KINDS), default)]


def _read_settings(table: Table, kind: DispatchKind) -> dict[str, Any]:
    """The values of the kind's keys. Keys of other kinds are reported, unless the kind itself could not be read."""
    name = kind.dispatch.kind
    settings: dict[str, Any] = _read_mailbox(table) if kind.uses_mailbox else {}
    for key in kind.keys if not kind.uses_mailbox else ():
        if not table.has(key.name):
            table.wrong("dispatch", f'dispatch {name} needs {key.name} = "…"')
        elif value := table.text(key.name):
            settings[key.name] = value
            if mistake := key.mistake(value):
                table.wrong(key.name, mistake)
    for unused, kinds in _other_keys(kind).items():
        if table.has(unused) and "dispatch" not in table.failed:
            table.wrong(unused, f"{unused} is used only with dispatch = {kinds}")
    return settings


def _read_mailbox(table: Table) -> dict[str, Any]:
    """The values of a warehouse that is reached by X12: those of every trading partner, and how often we look for its files."""
    poll = table.duration("poll", LOOK_EVERY)
    if poll < LOOK_EVERY_LEAST and "poll" not in table.failed:
        table.wrong("poll", "poll must be at least 1s")
    return {**read_x12(table), "poll": poll}


def _other_keys(kind: DispatchKind) -> dict[str, str]:
    """The keys that a kind does not have, each with the kinds that have it."""
    own = {key.name for key in kind.keys}
    users: dict[str, list[str]] = {}
    for name, other in KINDS.items():
        for key in other.keys:
            if key.name not in own:
                users.setdefault(key.name, []).append(f'"{name}"')
    return {key: " or ".join(names) for key, names in users.items()}
