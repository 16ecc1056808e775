"""A shadow plans every new round beside the active network: what differs is counted once, and nothing else notices it."""

from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from database import network as networks
from database import shadow as statements
from database.connect import Database
from database.documents.shadow import ShadowReport
from database.documents.shadow import report as shadow_report
from domain.request import ForgetRequest
from network.load import NetworkDocuments
from starter.__main__ import joined
from tests.database.shop import MAP, NEAREST, NEXT, NODE, Shop
from tests.house import MASTER_KEYS
from transactions import shadow as shadows
from transactions.network_version import NetworkRefused, OtherVersion
from transactions.personal import forget
from transactions.shadow import NoShadow, Shadows, begin, erase_old, promote, stop

EXCLUDE = """
[[exclude]]
when = 'node.id == "denver"'
reason = "not from denver"
"""
NOT_FROM_DENVER = replace(MAP, policy=MAP.policy + EXCLUDE)
WITHOUT_CASPER = replace(MAP, nodes=NODE.format(name=NEAREST, latitude=39.7))
Document = dict[str, Any]


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """A shop with stock at two nodes."""
    opened = await Shop.open(database)
    await opened.receive(NEAREST, CHAIR=10, LAMP=4, VASE=9)
    await opened.receive(NEXT, CHAIR=10)
    yield opened
    await opened.check()


def written(documents: NetworkDocuments, folder: Path) -> Path:
    """The documents as a network directory."""
    folder.mkdir(exist_ok=True)
    for name, content in (
        ("nodes.toml", documents.nodes),
        ("policy.toml", documents.policy),
        ("items.csv", documents.items),
    ):
        (folder / name).write_text(content)
    return folder


async def report(shop: Shop) -> Document:
    async with shop.database.read() as connection:
        found = ShadowReport.model_validate(await shadow_report(connection)).model_dump(mode="json")
    return dict(found["shadow"])


def counts(found: Document) -> dict[str, int]:
    """The rounds by verdict, those that there are."""
    return {verdict: rounds for verdict, rounds in found["rounds"].items() if rounds}


async def test_the_active_network_as_its_own_shadow_decides_everything_in_the_same_way(
    shop: Shop, tmp_path: Path
) -> None:
    await shop.sold(("CHAIR", 1))
    await begin(shop.database, written(MAP, tmp_path / "same"))
    for lines in ((("DESK-SET", 2),), (("CHAIR", 3), ("VASE", 2)), (("LAMP", 9),)):
        await shop.sold(*lines)
    await Shadows(shop.database).compare()
    found = await report(shop)
    assert counts(found) == {"same": 3}, "what was decided before it began does not count"
    assert found["decided"] == found["beside"]
    assert found["decided"]["unfilled"] == 7


async def test_what_another_policy_would_do_is_reported_as_orders_come_and_no_order_notices(
    shop: Shop, tmp_path: Path
) -> None:
    await begin(shop.database, written(NOT_FROM_DENVER, tmp_path / "other"))
    comparing = Shadows(shop.database)
    order = await shop.sold(("CHAIR", 2))
    await comparing.compare()
    same = await shop.sold(("LAMP", 9), ("CHAIR", 20))
    before = await shop.state(order)
    await comparing.compare()
    await comparing.compare()
    found = await report(shop)
    assert counts(found) == {"different": 2}
    assert [one["order"] for one in found["latest"]] == [same, order]
    assert [(one["decided"]["nodes"], one["beside"]["nodes"]) for one in found["latest"][1:]] == [
        ([{"node": NEAREST, "units": 2}], [{"node": NEXT, "units": 2}])
    ]
    assert found["nodes"][0] == {"node": NEAREST, "decided": 14, "beside": 0}
    assert await shop.state(order) == before


async def test_each_round_is_counted_once_though_two_processes_compare_and_one_stops_half_way(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "ROUNDS_AT_ONCE", 2)
    await begin(shop.database, written(NOT_FROM_DENVER, tmp_path / "other"))
    for _ in range(5):
        await shop.sold(("CHAIR", 1))
    first = Shadows(shop.database)
    monkeypatch.setattr(shadows, "BATCHES_MAX", 1)
    assert await first.compare() == timedelta(), "there are more"
    assert (await report(shop))["rounds"]["different"] == 2
    async with shop.database.write() as connection:
        # A process that stored its rounds and did not note how far it came: what it stored is not counted again.
        await connection.execute(
            text("UPDATE shadow SET reached_at = recorded_at, reached_order = '', reached_round = 0")
        )
        await connection.execute(text("UPDATE shadow SET claimed_until = clock_timestamp() + interval '1 hour'"))
    await Shadows(shop.database).compare()
    assert (await report(shop))["rounds"]["different"] == 2, "another process works on it"
    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE shadow SET claimed_until = recorded_at"))
    monkeypatch.setattr(shadows, "BATCHES_MAX", 20)
    await Shadows(shop.database).compare()
    await first.compare()
    assert (await report(shop))["rounds"]["different"] == 5


async def test_a_round_that_is_stored_earlier_and_committed_later_is_not_passed_over(
    shop: Shop, tmp_path: Path
) -> None:
    await begin(shop.database, written(NOT_FROM_DENVER, tmp_path / "other"))
    comparing = Shadows(shop.database)
    order = await shop.sold(("CHAIR", 1))
    copied = "INSERT INTO {0} SELECT {1} FROM {0} WHERE order_id = :order"
    async with shop.database.write() as slow:
        copy = copied.format("plan", "order_id, 2, network_version, strategy, document")
        await slow.execute(text(copy), {"order": order})
        await slow.execute(text(copied.format("personal.plan_input", "order_id, 2, input")), {"order": order})
        later = await shop.sold(("CHAIR", 1))
        await comparing.compare()
        assert (await report(shop))["rounds"]["different"] == 1, f"{later} was stored while the other was not committed"
    await comparing.compare()
    assert (await report(shop))["rounds"]["different"] == 3


async def test_a_node_that_the_shadow_has_not_got_ships_nothing_there(shop: Shop, tmp_path: Path) -> None:
    await begin(shop.database, written(WITHOUT_CASPER, tmp_path / "fewer"))
    await shop.sold(("CHAIR", 12))
    await Shadows(shop.database).compare()
    found = await report(shop)
    assert counts(found) == {"different": 1}
    assert (found["decided"]["shipments"], found["decided"]["unfilled"]) == (2, 0)
    assert (found["beside"]["shipments"], found["beside"]["unfilled"]) == (1, 2)


async def test_a_round_of_an_item_that_came_after_the_shadow_is_counted_with_the_cause_and_is_in_no_sum(
    shop: Shop, tmp_path: Path
) -> None:
    await begin(shop.database, written(NOT_FROM_DENVER, tmp_path / "other"))
    more = replace(MAP, items=MAP.items + "SOFA,Sofa,30000,0,\n")
    async with shop.database.write() as connection:
        await networks.activate(connection, asdict(more), more.digest)
    await shop.receive(NEAREST, SOFA=1)
    order = await shop.sold(("SOFA", 1))
    await shop.sold(("CHAIR", 1))
    await Shadows(shop.database).compare()
    found = await report(shop)
    assert counts(found) == {"different": 1, "impossible": 1}
    assert [(one["order"], one["beside"], one["cause"]) for one in found["latest"][1:]] == [
        (order, None, "the shadow has not got SOFA")
    ]
    assert found["decided"]["shipments"] == found["beside"]["shipments"] == 1


async def test_promoting_makes_it_the_active_network_with_its_cases_unless_another_was_applied(
    shop: Shop, tmp_path: Path
) -> None:
    with pytest.raises(NoShadow):
        await promote(shop.database)
    folder = written(NOT_FROM_DENVER, tmp_path / "other")
    began = await begin(shop.database, folder)
    assert await begin(shop.database, folder) == replace(began, is_new=False)
    async with shop.database.write() as connection:
        other = replace(MAP, policy=MAP.policy.replace('version = "tests"', 'version = "meanwhile"'))
        meanwhile = await networks.activate(connection, asdict(other), other.digest)
    with pytest.raises(OtherVersion):
        await promote(shop.database)
    version = await promote(shop.database, over=meanwhile, actor="Ada")
    order = await shop.sold(("CHAIR", 1))
    assert await shop.nodes(order) == {NEXT: 1}
    async with shop.database.read() as connection:
        assert await networks.active_version(connection) == version
    found = await report(shop)
    assert (found["outcome"], found["promoted_as"]) == ("promoted", version)
    with pytest.raises(NoShadow):
        await stop(shop.database)


CASE = """
[[case]]
name = "A chair comes from Denver"
at = 2026-11-23T09:00:00-07:00
[case.order]
channel = "web"
ship_to = { country = "US", postal_code = "80202" }
lines = { CHAIR = 1 }
[case.stock]
denver = { CHAIR = 9 }
casper = { CHAIR = 9 }
[case.plan]
nodes = ["denver"]
"""


async def test_a_shadow_that_breaks_a_case_is_refused_with_its_name_and_goes_on(shop: Shop, tmp_path: Path) -> None:
    folder = written(NOT_FROM_DENVER, tmp_path / "other")
    (folder / "cases").mkdir()
    (folder / "cases" / "chairs.toml").write_text(CASE)
    await begin(shop.database, folder)
    with pytest.raises(NetworkRefused, match="case 'A chair comes from Denver' is broken: nodes"):
        await promote(shop.database)
    assert (await report(shop))["outcome"] is None
    await promote(shop.database, accepted=["A chair comes from Denver"])


async def test_of_a_forgotten_order_only_the_verdict_stays(shop: Shop, tmp_path: Path) -> None:
    await begin(shop.database, written(NOT_FROM_DENVER, tmp_path / "other"))
    order, other = await shop.sold(("CHAIR", 2)), await shop.sold(("CHAIR", 1))
    comparing = Shadows(shop.database)
    await comparing.compare()
    before = await report(shop)
    await forget(shop.database, order, ForgetRequest(even_if_open=True), actor="operator")
    late = await shop.sold(("CHAIR", 1))
    await forget(shop.database, late, ForgetRequest(even_if_open=True), actor="operator")
    await comparing.compare()
    found = await report(shop)
    assert (found["rounds"], found["beside"]) == (before["rounds"], before["beside"])
    assert [one["order"] for one in found["latest"]] == [other]
    assert await shop.number("SELECT count(compared) FROM personal.shadow_round") == 1


async def test_an_order_that_is_forgotten_while_it_is_planned_leaves_nothing_that_can_be_read(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begin(shop.database, written(NOT_FROM_DENVER, tmp_path / "other"))
    order = await shop.sold(("CHAIR", 2))
    keep = statements.keep

    async def forgotten_before(*given: Any) -> Any:
        await forget(shop.database, order, ForgetRequest(even_if_open=True), actor="operator")
        return await keep(*given)

    monkeypatch.setattr(statements, "keep", forgotten_before)
    await Shadows(shop.database).compare()
    found = await report(shop)
    assert (found["rounds"]["different"], found["latest"]) == (1, [])


async def test_single_rounds_go_ninety_days_after_the_shadow_has_ended_and_its_sums_stay(
    shop: Shop, tmp_path: Path
) -> None:
    await begin(shop.database, written(NOT_FROM_DENVER, tmp_path / "other"))
    await shop.sold(("CHAIR", 2))
    await Shadows(shop.database).compare()
    await stop(shop.database)
    await erase_old(shop.database)
    assert len((await report(shop))["latest"]) == 1
    async with shop.database.write() as connection:
        await connection.execute(text("UPDATE shadow SET ended_at = ended_at - interval '91 days'"))
    await erase_old(shop.database)
    found = await report(shop)
    assert (found["rounds"]["different"], found["latest"]) == (1, [])


async def test_the_commands_begin_report_promote_and_stop_a_shadow(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", shop.database.engine.url.render_as_string(hide_password=False))
    monkeypatch.setattr("starter.shadow.master_keys", lambda: MASTER_KEYS)
    monkeypatch.setenv("COLUMNS", "120")
    folder = written(NOT_FROM_DENVER, tmp_path / "other")
    (folder / "cases").mkdir()
    (folder / "cases" / "chairs.toml").write_text(CASE)

    async def said(*asked: str) -> tuple[int, str]:
        code = await joined("shadow").run_async(["shadow", *asked], result_action="return_value")
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    assert await said("report") == (1, "there was no shadow yet: `python -m starter shadow begin DIR` begins one\n")
    assert await said("stop") == (1, "no shadow runs: `python -m starter shadow begin DIR` begins one\n")
    assert await said("begin", str(folder)) == (0, "shadow 1 begins\n")
    assert await said("begin", str(folder)) == (0, "shadow 1 runs already\n")
    order = await shop.sold(("CHAIR", 2))
    await Shadows(shop.database).compare()
    code, printed = await said("report")
    assert code == 0
    assert "1 round: 0 the same, 0 from the same nodes at another cost or on another day, 1 different" in printed
    assert f"{order}, round 1: 2 from {NEAREST}, cost 0.00; shadow: 2 from {NEXT}, cost 0.00" in printed
    code, printed = await said("promote")
    assert code == 1
    assert "case 'A chair comes from Denver' is broken" in printed
    async with shop.database.read() as connection:
        before = await networks.active_version(connection) or 0
    assert await said("promote", "--accept", "A chair comes from Denver") == (
        0,
        f"changed: [exclude], cases\nactive as version {before + 1}\n",
    )
    (folder / "policy.toml").write_text("what is this")
    code, printed = await said("begin", str(folder))
    assert (code, "policy.toml:1" in printed) == (1, True)
