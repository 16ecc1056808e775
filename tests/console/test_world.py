"""Maps: they show every mark and the countries around it, whatever is on them, and nothing from elsewhere."""

import re
from typing import Any

import pytest

from console.plan_map import of_plan
from console.world import HEIGHT, OUTLINE, WIDTH, Mark, drawn
from domain.network import Network
from network.load import load, read
from tests.network.test_example import EXAMPLE

DENVER = Mark(39.7, -105.0, "customer", "of the postal code", "customer")
NODES = (
    Mark(40.7, -111.9, "slc", "ships", "chosen", is_linked=True),
    Mark(52.5, 13.4, "ber", "<in> & out", "runner"),
    Mark(-33.9, 151.2, "syd", "others were better", "other"),
    Mark(64.1, -21.9, "rkv", "late", "trouble"),
)


def places(svg: str) -> list[tuple[float, float]]:
    """Where the circles of a map are."""
    return [(float(x), float(y)) for x, y in re.findall(r'<circle cx="([-0-9.]+)" cy="([-0-9.]+)"', svg)]


@pytest.mark.parametrize("marks", [NODES[:1], NODES[:2], NODES, [Mark(-54.8, -68.3, "ush", "", "node")]])
def test_every_mark_is_on_the_map_and_countries_are_around_it(marks: list[Mark]) -> None:
    svg = drawn("where", [DENVER, *marks])
    assert len(places(svg)) == len(marks)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places(svg)), places(svg)
    assert re.search(r'<path d="M[-0-9]', svg)


def test_near_marks_have_a_small_map_and_far_ones_the_world() -> None:
    assert len(drawn("near", [DENVER, NODES[0]])) < 10_000
    assert 30_000 < len(drawn("far", [DENVER, *NODES])) < 45_000


def test_a_line_joins_the_customer_with_who_ships_and_names_are_escaped() -> None:
    svg = drawn("<where>", [DENVER, *NODES])
    assert (svg.count("<line "), svg.count("<rect ")) == (1, 1)
    assert ("&lt;in&gt; &amp; out" in svg, "<in>" in svg, "&lt;where&gt;" in svg) == (True, False, True)
    assert drawn("nothing", []) == ""


def test_names_do_not_lie_on_one_another() -> None:
    marks = [Mark(40 + number / 100, -100.0, f"n{number}", "", "node") for number in range(50)]
    svg = drawn("many", marks)
    assert (svg.count("<circle "), svg.count("<text ")) == (50, 1)


def test_no_country_goes_around_the_world() -> None:
    for line in OUTLINE.read_text().splitlines():
        steps = [int(pair.split(",")[0]) for pair in line.split()[1:]]
        assert max(map(abs, steps)) < 900, line[:40]


@pytest.fixture
def network() -> Network:
    """The shipped one."""
    return load(read(EXAMPLE))


def order(**ship_to: Any) -> dict[str, Any]:
    """An order as its page has it."""
    return {"pickup_node": None, "ship_to": {"country": "US"} | ship_to}


ROUND: dict[str, Any] = {
    "round": 1,
    "shipments": [{"node": "slc"}],
    "runners_up": [{"nodes": ["chi", "slc"]}],
    "nodes": [{"node": name, "excluded": None} for name in ("slc", "chi", "nwk", "gone")],
}


def test_the_customer_of_a_plan_is_drawn_where_the_postal_code_is_and_not_at_the_door(network: Network) -> None:
    by_code = of_plan(order(postal_code="80202"), ROUND, network)
    at_the_door = of_plan(order(postal_code="80202", latitude=39.75391, longitude=-105.00017), ROUND, network)
    assert by_code == at_the_door
    assert ("the place as its postal code says" in by_code, by_code.count("<circle ")) == (True, 3)
    assert [by_code.count(f'class="{kind}"') for kind in ("chosen", "runner", "other")] == [1, 1, 1]


def test_without_a_place_or_for_a_pickup_the_nodes_are_drawn_alone(network: Network) -> None:
    for asked in (order(country="ZZ", postal_code="no code"), order(postal_code="80202") | {"pickup_node": "chi"}):
        assert "customer" not in of_plan(asked, ROUND, network).partition("</svg>")[0].replace("and the customer", "")
    forgotten = of_plan(order(postal_code=None, city=None), ROUND, network)
    assert "the place as its country says" in forgotten
