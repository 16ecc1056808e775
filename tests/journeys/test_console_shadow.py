"""The shadow on its page of the console: what it would have decided, and promoting or stopping it as it was seen."""

from dataclasses import replace
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from tests.console_pages import browsing, hidden, read, send, sign_in, signed_in
from tests.house import House
from transactions.network_version import apply, documents_of
from transactions.shadow import Shadows, begin

EXCLUDE = '\n[[exclude]]\nwhen = \'node.id == "slc"\'\nreason = "not from there"\n'


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """The example network without Salt Lake City as a source, and without cases, of which some want it."""
    network = copytree("network/example", tmp_path / "network", ignore=ignore_patterns("cases"))
    policy = (network / "policy.toml").read_text().replace('version = "', 'version = "beside-', 1)
    (network / "policy.toml").write_text(policy + EXCLUDE)
    return network


async def applied_beside(house: House) -> None:
    """Apply another version while a shadow runs."""
    async with house.service.database.read() as connection:
        version, _ = await house.service.networks.active(connection)
        documents = await documents_of(connection, version)
    documents = replace(documents, policy=documents.policy + "\n")
    await apply(house.service.database, documents, seen=version, actor="operator:other")


async def test_a_shadow_shows_what_it_would_have_decided_and_is_promoted_as_it_was_seen(
    house: House, beside: Path
) -> None:
    await house.stock("slc", SERUM_30=9)
    await house.stock("nwk", SERUM_30=9)
    database = house.service.database
    async with signed_in(house) as http:
        assert "There was no shadow yet." in read(await http.get("/console/policy/shadow"))
        for act in ("promote", "stop"):
            assert (await http.get(f"/console/policy/shadow/{act}")).status_code == 409
        assert (await http.get("/console/policy/shadow/burn")).status_code == 404
        await begin(database, beside)
        name = await house.place(("SERUM-30", 2))
        await house.work(name)
        await Shadows(database).compare()
        said = read(await http.get("/console/policy/shadow"))
        for words in (
            "Shadow 1 runs",
            "1 round 0 decided",
            "1 different",
            f"{name} round 1 2 from slc, cost",
            "2 from nwk, cost",
        ):
            assert words in said, said
        assert "/console/policy/shadow" in (await http.get("/console/policy")).text

        page = await http.get("/console/policy/shadow/promote")
        assert '+reason = "not from there"' in read(page)
        await applied_beside(house)
        stale = await send(http, page)
        assert (stale.status_code, "Another version was applied since you looked" in read(stale)) == (409, True)
        assert "what it changed, promoting undoes" in read(stale)
        done = await send(http, stale)
        assert ("Version 3 is active." in read(done), "operator:operator" in read(done)) == (True, True), read(done)
        assert "Shadow 1 promoted" in read(await http.get("/console/policy/shadow"))
        again = await send(http, stale)
        assert (again.status_code, "nothing was done" in read(again)) == (409, True)


async def test_the_shadow_that_was_seen_is_stopped_and_no_other(house: House, beside: Path) -> None:
    database = house.service.database
    async with signed_in(house) as http:
        await begin(database, beside)
        page = await http.get("/console/policy/shadow/stop")
        assert "cannot be promoted any more" in read(page)
        (beside / "policy.toml").write_text((beside / "policy.toml").read_text() + "\n")
        assert (await begin(database, beside)).shadow == 2
        stale = await send(http, page)
        assert (stale.status_code, "This shadow does not run any more" in read(stale)) == (409, True)
        assert "Shadow 2 runs" in read(await http.get("/console/policy/shadow"))
        done = await send(http, stale)
        assert ("Shadow 2 stopped" in read(done), "promote it" in read(done)) == (True, False), read(done)


async def test_a_shadow_that_breaks_a_case_is_promoted_when_its_name_is_ticked_and_by_an_admin_only(
    house: House, beside: Path
) -> None:
    cases = copytree("network/example/cases", beside / "cases")
    assert any(cases.iterdir())
    await begin(house.service.database, beside)
    async with signed_in(house) as http:
        page = await http.get("/console/policy/shadow/promote")
        assert "is broken" in read(page)
        refused = await send(http, page)
        assert (refused.status_code, "It was refused: " in read(refused)) == (409, True)
        broken = refused.text.split('name="accept" value="')[1:]
        names = [part.partition('"')[0] for part in broken]
        data = hidden(refused, refused.url.path) | {"accept": names}
        done = await http.post(refused.url.path, data=data)
        assert "Version 2 is active." in read(done), read(done)
    key = (await house.http.post("/keys", json={"kind": "operator", "name": "actor", "role": "act"})).json()["key"]
    await begin(house.service.database, Path("network/example"))
    async with browsing(house, client="10.0.9.4") as http:
        await sign_in(http, key)
        page = await http.get("/console/policy/shadow")
        assert ("Shadow 2 runs" in read(page), "promote it" in read(page)) == (True, False)
        form = hidden(page, "/console/logout")
        for act in ("promote", "stop"):
            assert (await http.get(f"/console/policy/shadow/{act}")).status_code == 403
            answer = await http.post(f"/console/policy/shadow/{act}", data=form | {"shadow": "2", "seen": "2"})
            assert (answer.status_code, "the role admin is needed" in answer.text) == (403, True)
        assert "Shadow 2 runs" in read(await http.get("/console/policy/shadow"))
