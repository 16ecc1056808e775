"""A customer is forgotten: what is personal of the order is gone, everything else stays, and open work goes on."""

import pytest
from sqlalchemy import text

from database.sealing import new_master_key
from domain.order import Address
from starter.forget import forget_orders
from starter.rewrap import rewrap
from tests.house import MASTER_KEY, MASTER_KEYS, Document, House, now
from tests.starter.test_worker import run

SHIP_TO = {
    "name": "Ada Lovelace",
    "street": ["Larimer Street 1"],
    "city": "Denver",
    "region": "CO",
    "postal_code": "80202",
    "country": "US",
    "email": "ada@example.org",
    "phone": "+1 303 555 0100",
}
NOTHING_LEFT = dict.fromkeys(Address.model_fields) | {"country": "US"}


async def forget(house: House, name: str, status: int = 200, **body: object) -> Document:
    """Ask to forget an order."""
    answer = await house.http.post(f"/orders/{name}/forget", json=body)
    assert answer.status_code == status, answer.text
    document: Document = answer.json()
    return document


async def seen_by_its_node(house: House, work: str) -> Document:
    """A fulfillment order as its node polls it."""
    document: Document = (await house.http.get(f"/fulfillment-orders/{work}")).json()
    return document


async def test_an_open_order_that_is_forgotten_is_sourced_again_shipped_delivered_and_closed(house: House) -> None:
    for node in ("slc", "nwk"):
        await house.stock(node, SERUM_30=2)
    body = house.body(("SERUM-30", 2), ship_to=SHIP_TO)
    name = (await house.http.post("/orders", json=body)).json()["order"]
    first = (await house.work(name))["fulfillment_order"]
    assert (await seen_by_its_node(house, first))["ship_to"] == SHIP_TO
    before = await house.order(name)

    refused = await forget(house, name, 409)
    assert "2 units that neither shipped nor were cancelled" in refused["detail"]
    assert (await seen_by_its_node(house, first))["forgotten"] is False
    made = await forget(house, name, even_if_open=True, reason="they asked for it", actor="Ada")
    assert await forget(house, name) == made, "twice is once"

    after = await house.order(name)
    assert after == before | {"forgotten": True, "ship_to": NOTHING_LEFT}
    shown = await seen_by_its_node(house, first)
    assert (shown["ship_to"], shown["forgotten"]) == (NOTHING_LEFT, True)
    await house.tell(first, "rejected", reason="Ada moved away")
    second = await house.work(name, 2)
    assert (second["attempt"], second["node"] != before["fulfillment_orders"][0]["node"]) == (2, True)
    assert (await house.order(name))["fulfillment_orders"][0]["reason"] is None, "nothing more is kept"
    await house.fulfill(second["fulfillment_order"])
    delivered = await house.until(name, "delivered")
    await house.skip_to(name, delivered["closes_at"])
    await house.until(name, "completed")


async def test_a_repeat_of_a_forgotten_order_is_answered_and_nothing_personal_is_kept_of_it(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    body = house.body(("SERUM-30", 1), ship_to=SHIP_TO, holds=[{"hold": "fraud", "reason": "odd"}])
    name = (await house.http.post("/orders", json=body)).json()["order"]
    await forget(house, name, even_if_open=True)

    assert (await house.http.post("/orders", json=body)).status_code == 200
    assert (await house.http.post("/orders", json=body | {"ship_to": SHIP_TO | {"name": "Bob"}})).status_code == 200
    moved = await house.ask(name, "address", ship_to=SHIP_TO)
    assert (moved.status_code, "was forgotten" in moved.text) == (409, True)
    held = await house.ask(name, "hold", hold="payment", reason="Ada called")
    assert held.status_code == 200
    said = {(hold["hold"], hold["reason"], hold["actor"]) for hold in (await house.order(name))["holds"]}
    assert said == {("fraud", None, None), ("payment", None, None)}
    async with house.service.database.read() as connection:
        left = await connection.execute(text("SELECT count(*) FROM personal.key WHERE owner = :order"), {"order": name})
        assert left.scalar_one() == 0
    assert (await house.ask(name, "cancel")).status_code == 200
    await house.until(name, "cancelled")


async def test_what_a_node_called_its_parcels_leaves_the_order_and_the_feed(house: House) -> None:
    await house.stock("slc", SERUM_30=1)
    name = await house.place(("SERUM-30", 1))
    work = (await house.work(name))["fulfillment_order"]
    parcel = {"package": "1", "carrier": "ups", "tracking": "1Z999", "lines": [{"line": "1", "quantity": 1}]}
    body = {"message_id": "left-1", "kind": "shipped", "occurred_at": now(), "packages": [parcel]}
    assert (await house.http.post(f"/fulfillment-orders/{work}/messages", json=body)).status_code == 202
    assert "1Z999" in (await house.http.get("/events")).text

    await forget(house, name)

    (shown,) = (await seen_by_its_node(house, work))["packages"]
    assert shown["package"] != parcel["package"]
    assert shown == {"package": shown["package"], "carrier": None, "tracking": None, "lines": parcel["lines"]}
    feed = (await house.http.get("/events")).json()["items"]
    (packages,) = [event["data"]["packages"] for event in feed if event["kind"] == "shipped"]
    assert packages == [shown]
    again = await house.http.post(f"/fulfillment-orders/{work}/messages", json=body)
    assert again.status_code == 200, "what the node repeats is known"


async def test_tracking_numbers_that_a_node_tells_of_a_forgotten_order_are_not_kept(house: House) -> None:
    await house.stock("slc", SERUM_30=2)
    name = await house.place(("SERUM-30", 2))
    work = (await house.work(name))["fulfillment_order"]
    parcels = [
        {"package": number, "carrier": "ups", "tracking": "1Z999", "lines": [{"line": "1", "quantity": 1}]}
        for number in ("1", "2")
    ]

    async def tell(kind: str, *packages: Document) -> None:
        body = {
            "message_id": f"{kind}-{packages[-1]['package']}",
            "kind": kind,
            "occurred_at": now(),
            "packages": packages,
        }
        assert (await house.http.post(f"/fulfillment-orders/{work}/messages", json=body)).status_code == 202

    await tell("shipped", parcels[0])
    await forget(house, name, even_if_open=True)
    await tell("shipped", parcels[1])
    await tell("delivered", *parcels)

    assert [shown["tracking"] for shown in (await seen_by_its_node(house, work))["packages"]] == [None, None]
    assert "1Z999" not in (await house.http.get("/events")).text
    await house.until(name, "delivered")


async def test_the_command_forgets_many_and_says_what_it_did(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    await house.stock("slc", SERUM_30=1)
    done, is_open = await house.place(("SERUM-30", 1)), await house.place(("SERUM-30", 9))
    await house.fulfill((await house.work(done))["fulfillment_order"])

    async def run_forget(*names: str, even_if_open: bool = False) -> tuple[int, list[str], list[str]]:
        capsys.readouterr()
        asked = {"even_if_open": even_if_open, "reason": None, "actor": "Ada"}
        code = await forget_orders(house.database_url, MASTER_KEYS, names, asked)
        output = capsys.readouterr()
        errors = [line for line in output.err.splitlines() if "[info" not in line]
        return code, [line.rpartition(" since ")[0] for line in output.out.splitlines() if "since" in line], errors

    code, said, errors = await run_forget(done, is_open, "web-0")
    assert (code, said) == (1, [f"{done} is forgotten"])
    assert errors == [
        f"{is_open} has 9 units that neither shipped nor were cancelled: cancel them first, or forget it with "
        "--even-if-open",
        "there is no order web-0",
    ]
    assert await run_forget(done, is_open, even_if_open=True) == (
        0,
        [f"{done} is forgotten", f"{is_open} is forgotten"],
        [],
    )
    assert await rewrap(house.database_url, MASTER_KEYS) == 0
    assert "0 keys sealed again" in capsys.readouterr().out
    await house.settle(is_open)


@pytest.mark.parametrize(
    "program", [("worker.py",), ("-m", "starter", "serve", "--port", "0"), ("-m", "starter", "prepare")]
)
@pytest.mark.parametrize(
    ("keys", "says"),
    [
        (new_master_key(), "was sealed with a master key that SWITCHYARD_MASTER_KEYS does not hold"),
        ("", "was sealed with a master key that SWITCHYARD_MASTER_KEYS does not hold"),
        (MASTER_KEY[:-5], "SWITCHYARD_MASTER_KEYS does not hold keys of 32 bytes in base64"),
    ],
    ids=["wrong", "missing", "broken"],
)
def test_without_the_right_master_key_nothing_starts_and_one_line_says_why(
    program: tuple[str, ...], keys: str, says: str, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHYARD_MASTER_KEYS", keys)
    ended = run(*program, database_url=template)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert says in line
    assert not keys or keys not in line
