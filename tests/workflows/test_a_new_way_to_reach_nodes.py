"""A new way to reach nodes is one file and one line in a table; a whole order lives through it."""

from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copytree

import pytest

from embedded.ports import free_port
from network.load import check
from nodes.kinds import KINDS
from tests.house import SMALL_MAP, House, units
from tests.listener import Listener, listening
from tests.new_dispatch import added_keys, added_kinds
from transactions.prepare import apply_network

TOKEN = "3f1c0a9e7b5d4268"
ADDRESS = "https://wms.example.com/work"


@pytest.fixture
def bearer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind of the page, in the table."""
    for name, kind in added_kinds().items():
        monkeypatch.setitem(KINDS, name, kind)


@pytest.fixture
async def node(small_house: House, tmp_path: Path, bearer: None) -> AsyncIterator[Listener]:
    """The interface of `escalates`, which is reached in the new way."""
    async with listening(made := Listener(free_port())):
        assert await apply_network(small_house.database_url, network_of(tmp_path, made.url)) == []
        yield made


def network_of(folder: Path, url: str, keys: str = "") -> Path:
    """The small map, in which `escalates` has the keys of the page, or others."""
    copied = copytree(SMALL_MAP, folder / "network", dirs_exist_ok=True)
    keys = (keys or added_keys()).replace(ADDRESS, url)
    nodes = (SMALL_MAP / "nodes.toml").read_text().replace('id = "escalates"', f'id = "escalates"\n{keys}')
    (copied / "nodes.toml").write_text(nodes)
    return copied


async def test_a_whole_order_lives_through_a_way_that_nothing_else_names(small_house: House, node: Listener) -> None:
    house = small_house
    await house.stock("escalates", SERUM_30=3)
    name = await house.place(("SERUM-30", 3))
    document = await house.until(name, lambda found: [fo["request"] for fo in found["fulfillment_orders"]] == ["sent"])
    (fo,) = document["fulfillment_orders"]
    assert (fo["node"], fo["dispatch"]) == ("escalates", "bearer")

    await house.ask(name, "cancel", lines=[{"line": "1", "quantity": 1}])
    await node.until(lambda: len(node.calls) == 2)
    assert units(await house.order(name)) == {"allocated": 3}, "a node that is called is asked, accepted or not"
    work = fo["fulfillment_order"]
    await house.tell(work, "cancel_accepted")
    await house.until(name, lambda found: units(found) == {"allocated": 2, "cancelled": 1})
    await house.fulfill(work)
    delivered = await house.until(name, "delivered")
    await house.skip_to(name, delivered["closes_at"])
    await house.until(name, "completed")

    assert [call.document["request"] for call in node.calls] == ["unsent", "cancel_requested"]
    assert {call.headers["authorization"] for call in node.calls} == {f"Bearer {TOKEN}"}
    assert len({call.headers["idempotency-key"] for call in node.calls}) == 2


@pytest.mark.usefixtures("bearer")
@pytest.mark.parametrize(
    ("keys", "mistakes"),
    [
        ('dispatch = "bearer"\nurl = "URL"\ntoken = "short"', ["token must have at least 16 characters"]),
        ('dispatch = "bearer"\nurl = "URL"', ['dispatch bearer needs token = "…"']),
        (
            f'dispatch = "bearer"\nurl = "wms"\ntoken = "{TOKEN}"',
            ["url must begin with https:// or http://, not 'wms'"],
        ),
        (f'token = "{TOKEN}"', ['token is used only with dispatch = "bearer"']),
        ('url = "URL"', ['url is used only with dispatch = "webhook" or "bearer"']),
        (
            f'dispatch = "bearer"\nurl = "URL"\ntoken = "{TOKEN}"\nsecret = "s"',
            ['secret is used only with dispatch = "webhook"'],
        ),
        ('dispatch = "fax"', ['dispatch must be one of pull, webhook, edi940, bearer, not "fax"']),
    ],
)
def test_the_check_of_a_network_asks_the_table(keys: str, mistakes: list[str], tmp_path: Path) -> None:
    found = check(network_of(tmp_path, ADDRESS, keys.replace("URL", ADDRESS)))
    assert [mistake.text for mistake in found] == mistakes


def test_a_page_that_adds_a_way_says_what_its_nodes_have(bearer: None, tmp_path: Path) -> None:
    assert check(network_of(tmp_path, ADDRESS)) == []


def test_every_kind_is_registered_under_its_own_name() -> None:
    kinds = KINDS | added_kinds()
    assert [kind.dispatch.kind for kind in kinds.values()] == list(kinds)
