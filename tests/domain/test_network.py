"""The business's map: distances, bundles, what is never sold, and when a node has been open long enough."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.hours import working_deadline
from domain.network import Buffers, Item, Network, Node, NodeKind, Policy, distance_km
from nodes.pull import Pull

NEW_YORK = ZoneInfo("America/New_York")
ALWAYS_OPEN = Node(
    id="nwk",
    name="Newark",
    kind=NodeKind.DC,
    country="US",
    latitude=40.7,
    longitude=-74.2,
    time_zone=NEW_YORK,
    dispatch=Pull.dispatch,
)
OFFICE_HOURS = replace(ALWAYS_OPEN, hours=(time(8), time(18)), holidays=frozenset({date(2026, 11, 26)}))


def at(text: str) -> datetime:
    """A moment in New York, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "span", "deadline"),
    [
        # Monday the 23rd to Friday the 27th of November 2026, Thanksgiving on the 26th, clocks back on the 1st.
        ("2026-11-23 09:00", timedelta(hours=4), "2026-11-23 13:00"),
        ("2026-11-23 06:00", timedelta(hours=4), "2026-11-23 12:00"),
        ("2026-11-23 16:00", timedelta(hours=4), "2026-11-24 10:00"),
        ("2026-11-23 19:00", timedelta(hours=4), "2026-11-24 12:00"),
        ("2026-11-25 17:00", timedelta(hours=4), "2026-11-27 11:00"),
        ("2026-11-27 17:00", timedelta(hours=4), "2026-11-30 11:00"),
        ("2026-11-23 08:00", timedelta(days=1), "2026-11-25 12:00"),
        ("2026-10-30 17:00", timedelta(hours=4), "2026-11-02 11:00"),
        ("2026-11-23 18:00", timedelta(0), "2026-11-23 18:00"),
    ],
)
def test_only_open_hours_count_towards_a_nodes_deadline(start: str, span: timedelta, deadline: str) -> None:
    assert working_deadline(OFFICE_HOURS, at(start), span) == at(deadline)


def test_a_node_without_hours_is_always_open() -> None:
    assert working_deadline(ALWAYS_OPEN, at("2026-11-28 23:00"), timedelta(days=2)) == at("2026-11-30 23:00")


def test_a_night_in_which_the_clocks_change_is_as_long_as_it_is() -> None:
    night = replace(OFFICE_HOURS, hours=(time(0), time(0)), working_days=frozenset(range(7)))
    twenty_five_hours = timedelta(hours=25)
    assert working_deadline(night, at("2026-11-01 00:00"), twenty_five_hours) == at("2026-11-02 00:00")
    assert working_deadline(night, at("2026-11-03 00:00"), twenty_five_hours) == at("2026-11-04 01:00")


@pytest.mark.parametrize(
    ("here", "there", "kilometres"),
    [
        ((39.75, -104.99), (39.75, -104.99), 0),
        ((0.0, 0.0), (0.0, 180.0), 20015),
        ((40.71, -74.19), (39.75, -104.99), 2603),
        ((0.0, 179.5), (0.0, -179.5), 111),
    ],
)
def test_distances_are_great_circles(here: tuple[float, float], there: tuple[float, float], kilometres: int) -> None:
    assert round(distance_km(*here, *there)) == kilometres
    assert distance_km(*there, *here) == pytest.approx(distance_km(*here, *there))


def test_a_plain_item_is_its_own_component_and_a_bundle_has_several() -> None:
    items = {
        "SERUM": Item(sku="SERUM", name="Serum", weight_g=95, safety_stock=2),
        "SET": Item(sku="SET", name="Set", weight_g=285, components=(("SERUM", 3),)),
    }
    network = Network("v1", {"nwk": replace(ALWAYS_OPEN, safety_stock=1)}, items, Policy(()))
    assert network.components("SERUM") == (("SERUM", 1),)
    assert network.components("SET") == (("SERUM", 3),)
    assert network.safety_stock("nwk", "SERUM") == 2
    with pytest.raises(KeyError):
        network.components("SOAP")


SERUM_AND_TONER = {sku: Item(sku=sku, name=sku, weight_g=95, safety_stock=2) for sku in ("SERUM", "TONER")}


@pytest.mark.parametrize(
    ("node", "sku", "units"),
    [
        ("nwk", "SERUM", 0),
        ("nwk", "TONER", 9),
        ("slc", "SERUM", 5),
        ("slc", "TONER", 3),
    ],
)
def test_a_safety_stock_of_just_this_node_and_sku_wins_over_what_node_and_item_ask_to_keep(
    node: str, sku: str, units: int
) -> None:
    nodes = {"nwk": replace(ALWAYS_OPEN, safety_stock=3), "slc": replace(ALWAYS_OPEN, safety_stock=3)}
    buffers = Buffers(safety_stock={("nwk", "SERUM"): 0, ("nwk", "TONER"): 9, ("slc", "SERUM"): 5})
    network = Network("v1", nodes, SERUM_AND_TONER, Policy(()), buffers)
    assert network.safety_stock(node, sku) == units


@pytest.mark.parametrize(
    ("sku", "channel", "units"),
    [
        ("SERUM", "web", 4 + 50 + 20),
        ("SERUM", "wholesale", 4 + 20),
        ("SERUM", "market", 4 + 50),
        ("TONER", "web", 7),
        ("TONER", "market", 0),
        ("CANDLE", "market", 6),
        ("SOAP", "web", 0),
    ],
)
def test_a_channel_may_take_neither_the_threshold_nor_another_channels_quota(
    sku: str, channel: str, units: int
) -> None:
    buffers = Buffers(
        safety_stock={("nwk", "SERUM"): 1000},
        thresholds={"SERUM": 4, "CANDLE": 6},
        quotas={("SERUM", "wholesale"): 50, ("SERUM", "market"): 20, ("TONER", "market"): 7},
    )
    network = Network("v1", {"nwk": ALWAYS_OPEN}, SERUM_AND_TONER, Policy(()), buffers)
    assert network.kept_back(sku, channel) == units


def test_without_buffers_nothing_is_kept_back_from_any_channel() -> None:
    network = Network("v1", {"nwk": replace(ALWAYS_OPEN, safety_stock=3)}, SERUM_AND_TONER, Policy(()))
    assert network.kept_back("SERUM", "web") == 0


def test_a_nodes_secret_is_not_shown() -> None:
    assert "s3cret" not in repr(replace(ALWAYS_OPEN, settings={"secret": "s3cret"}))
