"""Manifests on real PostgreSQL: whatever a carrier answers, a parcel is on one manifest at most, and none is made twice."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from carriers.carrier import MadeManifest, Scan, Settings
from database import manifest as statements
from database.connect import Database
from database.documents import manifest as documents
from domain.manifest import ManifestOutcome, ManifestRequest, SettleManifestRequest
from domain.request import ForgetRequest
from domain.tracking import ScanKind
from jobs.carrier import CarrierCalls
from jobs.label import TRIES_UNTIL_A_PERSON_LEARNS
from jobs.manifest import Manifests
from tests.database.packing_desk import CARRIERS, DEADLINE, Desk
from tests.database.shop import MAP, Shop
from tests.peers.stub_carrier import MADE_ALL_THE_SAME, NOT_MADE, PDF, REASON, StubCarrier
from transactions import manifest as manifests
from transactions import personal, tracking
from transactions.request import Asked, RequestRefused

AT_CUTOFF = CARRIERS + "manifest_at_cutoff = true\n"


class Dock:
    """The door of a node at the end of its day."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.desk = shop, Desk(shop)
        self.jobs = Manifests(shop.transactions, CarrierCalls(DEADLINE))

    async def parcel(self) -> str:
        """A parcel with a label; answers the label's id."""
        label = await self.desk.ask(await self.desk.work())
        await self.desk.jobs.carry_out()
        assert await self.desk.status(label) == "bought"
        return label

    async def ask(self, carrier: str = "stub") -> str:
        """Ask for a manifest; answers its id, without the carrier's answer."""
        asked = Asked("denver", ManifestRequest(carrier=carrier), "node:denver")
        return await manifests.ask(self.shop.transactions, asked)

    async def settle(self, manifest: str, outcome: ManifestOutcome) -> None:
        asked = Asked(manifest, SettleManifestRequest(outcome=outcome), "node:denver")
        await manifests.settle(self.shop.transactions, asked, node="denver")

    async def later(self, minutes: int = 0) -> None:
        """Time passes, and what is due is done."""
        statement = (
            "UPDATE manifest SET due_at = due_at - make_interval(mins => :minutes),"
            " called_at = called_at - make_interval(mins => :minutes)"
        )
        async with self.shop.database.write() as connection:
            await connection.execute(text(statement), {"minutes": minutes})
        await self.jobs.carry_out()

    async def shown(self, manifest: str) -> dict[str, Any]:
        async with self.shop.database.read() as connection:
            found = await documents.show(connection, manifest)
        assert found is not None
        return found

    async def status(self, manifest: str) -> str:
        return str((await self.shown(manifest))["status"])

    async def waiting(self) -> list[str]:
        """The labels of the parcels that wait for a manifest."""
        async with self.shop.database.read() as connection:
            found = await documents.waiting(connection, "denver", ["stub"], None, 50)
        return [one["label"] for one in found]

    async def exceptions(self) -> Sequence[str]:
        return await self.desk.exceptions()


@pytest_asyncio.fixture
async def dock(database: Database, stub: StubCarrier) -> Dock:
    return Dock(await Shop.open(database, replace(MAP, carriers=CARRIERS)))


async def test_the_parcels_of_a_day_are_put_on_one_manifest_and_those_labelled_later_on_the_next(
    dock: Dock, stub: StubCarrier
) -> None:
    first, second = await dock.parcel(), await dock.parcel()
    assert await dock.waiting() == [first, second]
    manifest = await dock.ask()
    assert (manifest, await dock.waiting()) == ("denver-stub-m1", [])
    await dock.later()
    shown = await dock.shown(manifest)
    assert (shown["status"], shown["number"], shown["said"]) == ("made", "M-DENVER-STUB-M1", None)
    assert [(one["label"], one["status"], one["taken_off"]) for one in shown["parcels"]] == [
        (first, "bought", False),
        (second, "bought", False),
    ]
    third = await dock.parcel()
    assert await dock.waiting() == [third]
    await dock.ask()
    await dock.later()
    assert [len(one.trackings) for one in stub.manifests.values()] == [2, 1]
    await dock.shop.check()


async def test_without_a_parcel_that_waits_or_at_a_carrier_without_manifests_none_is_asked_for(dock: Dock) -> None:
    with pytest.raises(RequestRefused, match="no parcel of denver waits for a manifest of stub"):
        await dock.ask()
    with pytest.raises(RequestRefused, match="van has no manifests: its parcels are handed over without one"):
        await dock.ask("van")
    with pytest.raises(RequestRefused, match=r"carriers\.toml has no carrier of this name; it has stub, van"):
        await dock.ask("ups")


@pytest.mark.parametrize("way", MADE_ALL_THE_SAME)
async def test_a_manifest_that_was_made_and_answered_badly_is_found_and_not_made_again(
    dock: Dock, stub: StubCarrier, way: str
) -> None:
    await dock.parcel()
    stub.manifest_ways = [way]
    manifest = await dock.ask()
    await dock.later()
    assert await dock.status(manifest) == "unknown"
    assert len(await dock.exceptions()) == 1
    assert await dock.waiting() == [], "they may be on it"
    await dock.later(1)
    assert (await dock.status(manifest), await dock.exceptions()) == ("made", [])
    assert [one for one in stub.asked if one.startswith("make")] == [f"make {manifest}"]
    await dock.shop.check()


@pytest.mark.parametrize("way", NOT_MADE)
async def test_a_manifest_that_was_not_made_is_refused_and_its_parcels_wait_for_another(
    dock: Dock, stub: StubCarrier, way: str
) -> None:
    label = await dock.parcel()
    stub.manifest_ways = [way]
    manifest = await dock.ask()
    await dock.later()
    assert await dock.status(manifest) == ("refused" if way == "error" else "unknown")
    await dock.later(6)
    shown = await dock.shown(manifest)
    assert (shown["status"], [one["taken_off"] for one in shown["parcels"]]) == ("refused", [True])
    assert await dock.waiting() == [label]
    [said] = await dock.exceptions()
    assert REASON in said if way == "error" else "has not made it after all" in said
    again = await dock.ask()
    await dock.later()
    assert (await dock.status(again), await dock.exceptions()) == ("made", []), "what was refused is made up for"
    await dock.shop.check()


async def test_a_process_that_died_while_it_called_leaves_a_manifest_that_is_looked_for(
    dock: Dock, stub: StubCarrier
) -> None:
    await dock.parcel()
    manifest = await dock.ask()
    async with dock.shop.database.at_once() as connection:
        [(claimed, is_first)] = await statements.claim(connection, 8, timedelta(0))
    assert is_first
    wanted = await manifests.wanted(dock.shop.transactions, claimed, is_first=True)
    assert wanted is not None
    stub.make_manifest(Settings("stub", {}), wanted)  # and its answer dies with the process
    assert await dock.status(manifest) == "asked"
    await dock.later()
    assert await dock.status(manifest) == "made"
    assert stub.asked[-2:] == [f"make {manifest}", f"find {manifest}"]
    await dock.shop.check()


@pytest.mark.parametrize("outcome", ManifestOutcome)
async def test_where_manifests_cannot_be_looked_for_a_person_decides(
    dock: Dock, stub: StubCarrier, outcome: ManifestOutcome
) -> None:
    stub.finds = False
    label = await dock.parcel()
    stub.manifest_ways = ["silence, made" if outcome is ManifestOutcome.MADE else "not JSON"]
    stub.silence_seconds = 1.0
    manifest = await dock.ask()
    await dock.jobs.carry_out()
    assert f"look there for {manifest}, and settle it here" in (await dock.exceptions())[0]
    await dock.settle(manifest, outcome)
    made = outcome is ManifestOutcome.MADE
    assert (await dock.status(manifest), await dock.exceptions()) == ("made" if made else "refused", [])
    assert await dock.waiting() == ([] if made else [label])
    with pytest.raises(RequestRefused, match="only one that is unknown is settled by a person"):
        await dock.settle(manifest, outcome)
    await dock.shop.check()


@pytest.mark.parametrize("outcome", ManifestOutcome)
async def test_what_a_person_settles_while_the_carrier_is_asked_in_vain_is_asked_for_no_more(
    dock: Dock, stub: StubCarrier, outcome: ManifestOutcome
) -> None:
    await dock.parcel()
    stub.manifest_ways = ["not JSON"]
    manifest = await dock.ask()
    await dock.jobs.carry_out()
    async with dock.shop.database.write() as connection:
        await connection.execute(text("UPDATE manifest SET due_at = clock_timestamp()"))
    async with dock.shop.database.at_once() as connection:
        [(asked, _)] = await statements.claim(connection, 8, timedelta(minutes=1))
    await dock.settle(manifest, outcome)
    often = replace(asked, tries=TRIES_UNTIL_A_PERSON_LEARNS)
    await dock.jobs._postpone(often, "it does not answer", not_called=False)
    before = list(stub.asked)
    await dock.later(60)
    made = outcome is ManifestOutcome.MADE
    assert (await dock.status(manifest), await dock.exceptions()) == ("made" if made else "refused", [])
    assert stub.asked == before
    await dock.shop.check()


async def test_a_label_that_was_given_back_before_the_call_stays_off_a_manifest_that_was_made_after_all(
    dock: Dock, stub: StubCarrier
) -> None:
    stub.finds, stub.silence_seconds = False, DEADLINE.total_seconds() * 3
    voided, other = await dock.parcel(), await dock.parcel()
    stub.manifest_ways = ["silence, made"]
    manifest = await dock.ask()
    await dock.desk.void(voided)
    await dock.desk.jobs.carry_out()
    await dock.jobs.carry_out()
    await dock.settle(manifest, ManifestOutcome.NOT_MADE)
    await dock.jobs._calls.answered(timedelta(seconds=20))
    await dock.jobs.close(timedelta(seconds=20))
    shown = await dock.shown(manifest)
    assert [(one["label"], one["taken_off"]) for one in shown["parcels"]] == [(voided, True), (other, False)]
    assert (shown["status"], await dock.exceptions()) == ("made", [])
    await dock.shop.check()


async def test_an_answer_that_comes_late_is_kept_also_when_the_manifest_was_given_up(
    dock: Dock, stub: StubCarrier
) -> None:
    stub.finds, stub.silence_seconds = False, DEADLINE.total_seconds() * 3
    await dock.parcel()
    stub.manifest_ways = ["silence, made"]
    manifest = await dock.ask()
    await dock.jobs.carry_out()
    await dock.settle(manifest, ManifestOutcome.NOT_MADE)
    await dock.jobs._calls.answered(timedelta(seconds=20))
    await dock.jobs.close(timedelta(seconds=20))
    shown = await dock.shown(manifest)
    assert (shown["status"], [one["taken_off"] for one in shown["parcels"]]) == ("made", [False])
    assert await dock.waiting() == []
    await dock.shop.check()


async def test_an_answer_that_comes_when_its_parcels_are_on_another_manifest_is_a_persons(
    dock: Dock, stub: StubCarrier
) -> None:
    await dock.parcel()
    stub.manifest_ways = ["error"]
    given_up = await dock.ask()
    await dock.later()
    await dock.ask()
    await dock.later()
    async with dock.shop.database.read() as connection:
        stored = await manifests.seen(connection, given_up, None)
    await manifests.made(dock.shop.transactions, stored, stub._manifest(stub.manifests["denver-stub-m2"]))
    assert await dock.status(given_up) == "refused"
    assert "has made it after all, and its parcels are on another one by now" in (await dock.exceptions())[0]
    await dock.shop.check()


async def test_a_label_that_is_voided_before_the_call_is_not_on_the_manifest_and_one_voided_after_it_is_shown(
    dock: Dock, stub: StubCarrier
) -> None:
    before, after = await dock.parcel(), await dock.parcel()
    manifest = await dock.ask()
    await dock.desk.void(before)
    await dock.desk.jobs.carry_out()
    await dock.later()
    assert [len(one.trackings) for one in stub.manifests.values()] == [1]
    await dock.desk.void(after)
    await dock.desk.jobs.carry_out()
    shown = await dock.shown(manifest)
    assert [(one["label"], one["status"], one["taken_off"]) for one in shown["parcels"]] == [
        (before, "voided", True),
        (after, "voided", False),
    ]
    assert (shown["status"], shown["parcels_count"], await dock.waiting()) == ("made", 1, [])
    await dock.shop.check()


async def test_a_manifest_of_which_every_label_was_voided_is_not_asked_for(dock: Dock, stub: StubCarrier) -> None:
    label = await dock.parcel()
    manifest = await dock.ask()
    await dock.desk.void(label)
    await dock.later()
    assert (await dock.status(manifest), stub.manifests, await dock.exceptions()) == ("refused", {}, [])
    await dock.shop.check()


async def test_parcels_that_the_carrier_leaves_out_wait_for_the_next_manifest(dock: Dock, stub: StubCarrier) -> None:
    first, second = await dock.parcel(), await dock.parcel()
    stub.leaves_out = str((await dock.desk.shown(second))["tracking"])
    manifest = await dock.ask()
    await dock.later()
    shown = await dock.shown(manifest)
    assert [(one["label"], one["taken_off"]) for one in shown["parcels"]] == [(first, False), (second, True)]
    assert (shown["status"], await dock.waiting()) == ("made", [second])
    assert "left out 1 of its parcels" in (await dock.exceptions())[0]
    await dock.shop.check()


async def test_two_who_ask_at_the_same_time_make_one_manifest(dock: Dock, stub: StubCarrier) -> None:
    for _ in range(3):
        await dock.parcel()
    ends = await asyncio.gather(*(dock.ask() for _ in range(4)), return_exceptions=True)
    assert sorted(isinstance(end, RequestRefused) for end in ends) == [False, True, True, True]
    await asyncio.gather(*(Manifests(dock.shop.transactions, CarrierCalls()).carry_out() for _ in range(3)))
    assert [len(one.trackings) for one in stub.manifests.values()] == [3]
    await dock.shop.check()


async def test_a_parcel_that_its_carrier_has_scanned_or_whose_label_is_a_week_old_waits_for_none(dock: Dock) -> None:
    scanned, old = await dock.parcel(), await dock.parcel()
    number = str((await dock.desk.shown(scanned))["tracking"])
    await tracking.record(dock.shop.transactions, "stub", [Scan(number, ScanKind.IN_TRANSIT, "X", datetime.now(UTC))])
    assert await dock.waiting() == [old]
    async with dock.shop.database.write() as connection:
        await connection.execute(text("UPDATE label SET bought_at = bought_at - interval '7 days'"))
    assert await dock.waiting() == []


async def test_after_a_nodes_cut_off_its_manifest_is_asked_for_once_and_of_parcels_labelled_before_it(
    database: Database, stub: StubCarrier
) -> None:
    nodes = MAP.nodes.replace('time_zone = "America/Denver"', 'time_zone = "America/Denver"\ncutoff = "00:00"')
    dock = Dock(await Shop.open(database, replace(MAP, carriers=AT_CUTOFF, nodes=nodes)))
    early, late = await dock.parcel(), await dock.parcel()
    await _labelled(dock, late, timedelta(days=1))
    await _labelled(dock, early, timedelta(days=1))
    await manifests.ask_at_cutoff(dock.shop.transactions)
    assert await dock.waiting() == [early, late], "both were labelled after the cut-off"
    await _labelled(dock, early, -timedelta(days=2))
    for _ in range(2):
        await manifests.ask_at_cutoff(dock.shop.transactions)
        await dock.later()
    shown = await dock.shown("denver-stub-m1")
    assert (shown["status"], shown["asked_by"], len(stub.manifests)) == ("made", "cut-off", 1)
    assert await dock.waiting() == [late]
    await _labelled(dock, late, -timedelta(days=2))
    await manifests.ask_at_cutoff(dock.shop.transactions)
    assert await dock.waiting() == [late], "once a day"
    await dock.shop.check()


async def _labelled(dock: Dock, label: str, later: timedelta) -> None:
    """Its label was bought so much later."""
    statement = text("UPDATE label SET bought_at = bought_at + CAST(:later AS interval) WHERE label_id = :label")
    async with dock.shop.database.write() as connection:
        await connection.execute(statement, {"label": label, "later": later})


async def test_without_the_key_in_carriers_toml_none_is_asked_for_at_the_cut_off(dock: Dock) -> None:
    label = await dock.parcel()
    await _labelled(dock, label, -timedelta(days=2))
    await manifests.ask_at_cutoff(dock.shop.transactions)
    assert await dock.waiting() == [label]


async def test_the_document_of_a_manifest_is_erased_with_the_first_order_on_it(dock: Dock) -> None:
    label, other = await dock.parcel(), await dock.parcel()
    manifest = await dock.ask()
    await dock.later()
    assert base64.b64decode((await dock.shown(manifest))["content"]) == PDF
    request = ForgetRequest(reason="they asked", even_if_open=True)
    await personal.forget(dock.shop.database, label.partition("-f1")[0], request, actor="operator")
    shown = await dock.shown(manifest)
    assert (shown["content"], shown["status"]) == (None, "made")
    assert [(one["label"], one["tracking"] is None) for one in shown["parcels"]] == [(label, True), (other, False)]
    async with dock.shop.database.read() as connection:
        stored = await manifests.seen(connection, manifest, None)
    await manifests.made(dock.shop.transactions, stored, MadeManifest(PDF))
    assert (await dock.shown(manifest))["content"] is None, "also when the carrier answers after it"
