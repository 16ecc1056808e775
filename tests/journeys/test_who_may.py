"""What an operator or the policy decided is undone by operators only; a channel and a node undo what they decided."""

from httpx2 import Response

from tests.house import House
from workflows.requests import REQUESTS

NOT_ALLOWED = "urn:switchyard:problem:not-allowed"


def refused(answer: Response) -> bool:
    """Whether a request was refused because somebody else decided."""
    return answer.status_code == 403 and answer.json()["type"] == NOT_ALLOWED and "only an operator" in answer.text


async def holds(house: House, name: str) -> list[str]:
    """The active holds of an order."""
    return [hold["hold"] for hold in (await house.order(name))["holds"]]


async def test_a_channel_takes_its_own_holds_off_and_no_hold_of_an_operator(house: House) -> None:
    channel = await house.key("channel", "web")
    name = await house.place(("SERUM-30", 1), holds=[{"hold": "gift"}])
    path = f"/orders/{name}"
    assert (await house.http.post(f"{path}/hold", json={"hold": "size"}, headers=channel)).status_code == 200
    assert (await house.http.post(f"{path}/hold", json={"hold": "fraud"})).status_code == 200

    for own in ("gift", "size"):
        assert (await house.http.post(f"{path}/release", json={"hold": own}, headers=channel)).status_code == 200
    answer = await house.http.post(f"{path}/release", json={"hold": "fraud"}, headers=channel)

    assert refused(answer)
    assert answer.json()["errors"][0]["field"] == "hold"
    assert await holds(house, name) == ["fraud"]
    assert (await house.http.post(f"{path}/release", json={"hold": "fraud"})).status_code == 200


async def test_a_hold_that_an_operator_places_over_the_channels_is_the_operators(house: House) -> None:
    channel = await house.key("channel", "web")
    name = await house.place(("SERUM-30", 1), holds=[{"hold": "fraud", "reason": "looks odd"}])
    path = f"/orders/{name}"
    body = {"hold": "fraud", "reason": "it is", "actor": "Ada"}
    assert (await house.http.post(f"{path}/hold", json=body)).status_code == 200
    # The channel's own request does not make it the channel's again.
    assert (await house.http.post(f"{path}/hold", json={"hold": "fraud"}, headers=channel)).status_code == 200

    assert refused(await house.http.post(f"{path}/release", json={"hold": "fraud"}, headers=channel))
    assert [(hold["reason"], hold["actor"]) for hold in (await house.order(name))["holds"]] == [("it is", "Ada")]
    assert (await house.http.post(f"{path}/release", json={"hold": "fraud"})).status_code == 200


async def test_a_hold_that_is_placed_in_temporal_is_an_operators(house: House) -> None:
    channel = await house.key("channel", "web")
    name = await house.place(("SERUM-30", 1))
    assert "hold" in REQUESTS
    await house.workflow(name).execute_update("hold", {"hold": "fraud"}, result_type=dict)

    assert refused(await house.http.post(f"/orders/{name}/release", json={"hold": "fraud"}, headers=channel))


async def test_a_node_ends_its_own_pause_and_no_pause_of_an_operator(house: House) -> None:
    node = await house.key("node", "slc")
    pause, resume = "/nodes/slc/pause", "/nodes/slc/resume"
    assert (await house.http.post(pause, json={}, headers=node)).status_code == 200
    assert (await house.http.post(pause, json={"open_work": "reroute"}, headers=node)).status_code == 200
    assert (await house.http.post(resume, json={}, headers=node)).status_code == 200

    assert (await house.http.post(pause, json={}, headers=node)).status_code == 200
    assert (await house.http.post(pause, json={"open_work": "reroute", "actor": "Ada"})).status_code == 200

    assert refused(await house.http.post(resume, json={}, headers=node))
    assert refused(await house.http.post(pause, json={"open_work": "keep"}, headers=node))
    nodes = {row["node"]: row["paused"] for row in (await house.http.get("/nodes")).json()["items"]}
    assert (nodes["slc"]["open_work"], nodes["slc"]["actor"]) == ("reroute", "Ada")
    assert (await house.http.post(resume, json={})).status_code == 200


async def test_a_node_resumes_a_sale_that_it_stopped_itself_and_no_other(house: House) -> None:
    node, place = await house.key("node", "slc"), {"node": "slc"}
    stop, resume = "/stock/SERUM-30/stop", "/stock/SERUM-30/resume"
    assert (await house.http.post(stop, json=place, headers=node)).status_code == 200
    assert (await house.http.post(resume, json=place, headers=node)).status_code == 200

    since = (await house.http.post(stop, json=place, headers=node)).json()["since"]
    assert (await house.http.post(stop, json=place)).json()["since"] == since

    assert refused(await house.http.post(resume, json=place, headers=node))
    assert (await house.http.post(resume, json=place)).status_code == 200
    assert (await house.http.post(resume, json=place, headers=node)).status_code == 409, "it is not stopped any more"
