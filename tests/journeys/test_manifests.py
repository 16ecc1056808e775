"""Manifests over HTTP: a node's parcels wait, are handed over with a manifest, and stand on no other one."""

import base64
import shutil
from pathlib import Path

import pytest

from carriers.kinds import KINDS
from tests.house import SMALL_MAP, House
from tests.peers.stub_carrier import PDF, StubCarrier
from transactions.prepare import apply_network

CARRIERS = '[[carrier]]\nname = "post"\nkind = "stub"\n'


async def test_a_node_hands_its_parcels_over_with_one_manifest_whose_document_is_a_pdf(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "stub", StubCarrier())
    network = Path(shutil.copytree(SMALL_MAP, tmp_path / "network"))
    (network / "carriers.toml").write_text(CARRIERS)
    assert not await apply_network(house.database_url, network)
    await house.stock("reroutes", SERUM_30=5)
    work = (await house.work(await house.place(("SERUM-30", 2))))["fulfillment_order"]
    label = (await house.http.post(f"/fulfillment-orders/{work}/labels", json={"carrier": "post"})).json()
    assert label["status"] == "bought"
    waiting = (await house.http.get("/nodes/reroutes/manifests/waiting")).json()
    assert [(one["label"], one["tracking"]) for one in waiting["items"]] == [(label["label"], label["tracking"])]

    key = {"Idempotency-Key": "the end of the day"}
    answers = [
        await house.http.post("/nodes/reroutes/manifests", json={"carrier": "post"}, headers=key) for _ in range(2)
    ]
    assert {(answer.status_code, answer.json()["manifest"]) for answer in answers} == {(201, "reroutes-post-m1")}
    made = answers[0].json()
    assert (made["status"], base64.b64decode(made["content"])) == ("made", PDF)
    assert [one["label"] for one in made["parcels"]] == [label["label"]]
    assert (await house.http.get("/manifests/REROUTES-POST-M1")).json() == made, "its id is found in any case"
    listed = (await house.http.get(f"/nodes/reroutes/manifests?carrier=post&day={made['day']}")).json()
    assert [one["manifest"] for one in listed["items"]] == ["reroutes-post-m1"]
    assert (await house.http.get("/nodes/reroutes/manifests/waiting")).json()["items"] == []
    again = await house.http.post("/nodes/reroutes/manifests", json={"carrier": "post"})
    assert (again.status_code, again.json()["detail"]) == (
        409,
        "no parcel of reroutes waits for a manifest of post",
    )
    settled = await house.http.post("/manifests/reroutes-post-m1/settle", json={"outcome": "not_made"})
    assert (settled.status_code, "only one that is unknown" in settled.json()["detail"]) == (409, True)
