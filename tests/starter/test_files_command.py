"""`python -m starter files`: an ERP's files are taken from a drop directory, each good row once, and every mistake is named."""

import csv
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from network.mistakes import Mistakes
from runtime.drop_directory import DropDirectory
from runtime.mailbox import Mailbox, MailboxUnreachable
from runtime.sftp import SftpFolders
from starter import files as starter_files
from starter.files import Setting, WrongPlace, by_node, folders_of, visit
from starter.order import order_files
from tests.house import House
from tests.sftp_server import PASSWORD, USER, SftpServer, sftp_server

HEADER = "number,placed_at,currency,country,postal_code,sku,quantity,unit_price"


@pytest.fixture
def mailbox(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    """The drop directory `tmp_path` of a service that runs."""
    monkeypatch.setenv("DATABASE_URL", house.database_url)
    monkeypatch.setenv("TEMPORAL_ADDRESS", house.time.client.service_client.config.target_host)
    return Mailbox(DropDirectory(tmp_path), settle=timedelta(0))


def send(drop: Path, name: str, *rows: str) -> None:
    """The ERP writes a file."""
    (drop / "in").mkdir(exist_ok=True)
    (drop / "in" / name).write_text("\n".join([*rows, ""]))


def why(drop: Path, name: str) -> list[str]:
    """What stands beside a file that failed."""
    return (drop / "failed" / f"{name}.why").read_text().splitlines()


async def orders_of(house: House, *numbers: str) -> list[str]:
    async with house.service.database.read() as connection:
        statement = text("SELECT number FROM orders WHERE number = ANY(:numbers) ORDER BY number")
        return list((await connection.execute(statement, {"numbers": list(numbers)})).scalars())


async def on_hand(house: House, node: str, sku: str) -> int:
    answer = await house.http.get(f"/stock/{sku}")
    return next((at["on_hand"] for at in answer.json()["nodes"] if at["node"] == node), 0)


async def test_orders_of_a_file_are_placed_once_and_wrong_ones_named_with_line_and_column(
    house: House, mailbox: Mailbox, tmp_path: Path
) -> None:
    good, bad, unknown = (house.body(("SERUM-30", 1))["number"] for _ in range(3))
    rows = [
        f"{good},2026-11-20,USD,US,80202,SERUM-30,2,2900",
        f"{good},,,,,TONER-200,1,1900",
        f"{bad},2026-11-20,USD,US,80202,SERUM-30,1,29.00",
        f"{unknown},2026-11-20,USD,US,80202,SERUM-31,1,2900",
    ]
    send(tmp_path, "orders-1.csv", HEADER, *rows)
    assert await visit(mailbox, Setting(None, "erp")) == 1
    assert await orders_of(house, good, bad, unknown) == [good]
    lines = (await house.order(f"erp-{good}"))["lines"]
    assert [(line["sku"], line["ordered"], line["unit_price"]) for line in lines] == [
        ("SERUM-30", 2, 2900),
        ("TONER-200", 1, 1900),
    ]
    said = why(tmp_path, "orders-1.csv")
    assert said[0].startswith("orders-1.csv:4: unit_price must be a whole number of minor units")
    assert said[1].startswith("orders-1.csv:5: sku: ")
    assert len(said) == 2

    corrected = [row.replace("29.00", "2900").replace("SERUM-31", "SERUM-30") for row in rows]
    send(tmp_path, "orders-1.csv", HEADER, *corrected)
    assert await visit(mailbox, Setting(None, "erp")) == 0
    assert await orders_of(house, good, bad, unknown) == sorted([good, bad, unknown])
    assert (tmp_path / "done/orders-1.csv").exists()


async def test_an_order_that_comes_again_with_another_content_is_named_and_stays_as_it_is(
    house: House, mailbox: Mailbox, tmp_path: Path
) -> None:
    number = house.body(("SERUM-30", 1))["number"]
    for quantity in (1, 1, 3):
        send(tmp_path, f"orders-{quantity}.csv", HEADER, f"{number},2026-11-20,USD,US,80202,SERUM-30,{quantity},2900")
        assert await visit(mailbox, Setting(None, "erp")) == (1 if quantity == 3 else 0)
    assert why(tmp_path, "orders-3.csv") == [f"orders-3.csv:2: erp-{number} exists with another body"]
    assert (await house.order(f"erp-{number}"))["lines"][0]["ordered"] == 1


async def test_the_command_for_orders_reads_the_same_file(
    house: House, mailbox: Mailbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    number = house.body(("SERUM-30", 1))["number"]
    file = tmp_path / "orders.csv"
    file.write_text(
        f"channel,{HEADER}\nerp,{number},2026-11-20,USD,US,80202,SERUM-30,1,2900\nerp,x y,2026-11-20,USD,US,8,A,1,1\n"
    )
    assert await order_files([file]) == 1
    assert await orders_of(house, number) == [number]
    out, error = capsys.readouterr()
    assert out.startswith(f"erp-{number}: ")
    assert error.startswith(f"{file}:3: number: must match ")


async def test_stock_of_several_nodes_is_counted_from_one_file(house: House, mailbox: Mailbox, tmp_path: Path) -> None:
    send(
        tmp_path,
        "stock-evening.csv",
        "node,sku,quantity",
        "slc,SERUM-30,41",
        "nwk,SERUM-30,12",
        "slc,TONER-200,many",
        "nowhere,SERUM-30,3",
        ",SERUM-30,3",
    )
    assert await visit(mailbox, Setting(None, None)) == 1
    assert await on_hand(house, "slc", "SERUM-30") == 41
    assert await on_hand(house, "nwk", "SERUM-30") == 12
    said = sorted(why(tmp_path, "stock-evening.csv"))
    assert said[0].startswith("stock-evening.csv: nowhere is not a node of the network")
    assert said[1].startswith("stock-evening.csv:4: quantity must be a whole number")
    assert said[2] == "stock-evening.csv:6: node is missing"
    assert len(said) == 3


async def test_a_snapshot_with_a_row_that_cannot_be_read_counts_nothing_as_gone(
    house: House, mailbox: Mailbox, tmp_path: Path
) -> None:
    await house.stock("slc", SERUM_30=5)
    before = await on_hand(house, "slc", "SERUM-30")
    send(tmp_path, "snapshot.csv", "node,sku,quantity", "slc,TONER-200,3", "slc,SERUM-30")
    assert await visit(mailbox, Setting(None, None)) == 1
    assert await on_hand(house, "slc", "SERUM-30") == before
    assert why(tmp_path, "snapshot.csv")[-1].startswith("snapshot.csv: nothing was taken, because a row of a snapshot")


async def test_a_file_that_nobody_knows_fails_with_what_would_be_right_and_stops_no_other(
    house: House, mailbox: Mailbox, tmp_path: Path
) -> None:
    number = house.body(("SERUM-30", 1))["number"]
    send(tmp_path, "a-photo.jpg", "x")
    send(tmp_path, "items.csv", "sku")
    send(tmp_path, "orders.csv", HEADER, f"{number},2026-11-20,USD,US,80202,SERUM-30,1,2900")
    assert await visit(mailbox, Setting(None, "erp")) == 2
    assert why(tmp_path, "a-photo.jpg") == [
        "a-photo.jpg: the name says not what it is; begin it with orders, stock, snapshot, items, and end it with .csv"
    ]
    assert why(tmp_path, "items.csv") == ["items.csv: items belong into a network directory; name it with --network"]
    assert (tmp_path / "done/orders.csv").exists()


async def test_what_stops_the_work_loses_no_file(
    mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(tmp_path, "stock.csv", "node,sku,quantity", "slc,SERUM-30,1")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Exception, match=r"127\.0\.0\.1"):
        await visit(mailbox, Setting(None, None))
    assert await mailbox.names() == ["stock.csv"]


def test_each_row_keeps_its_line_when_a_file_is_divided_by_nodes() -> None:
    mistakes = Mistakes("stock.csv")
    divided = by_node('node,sku,quantity\na,"x,1",1\nb,y,2\n\na,z,3\n', mistakes)
    assert divided == {"a": 'sku,quantity\n"x,1",1\n\n\nz,3\n', "b": "sku,quantity\n\ny,2\n"}
    assert mistakes.found() == []


async def test_items_of_a_file_can_be_ordered_from_then_on(house: House, mailbox: Mailbox, tmp_path: Path) -> None:
    directory = tmp_path / "network"
    shutil.copytree(Path(__file__).parents[2] / "network/example", directory)
    header = "sku,name,weight_g,safety_stock,components"
    send(tmp_path, "items-erp.csv", header, "ERP-1,From the ERP,50,0,", "ERP-2,Wrong,heavy,0,")
    for _ in range(2):
        assert await visit(mailbox, Setting(directory, None)) == 1
        assert why(tmp_path, "items-erp.csv") == [
            "items-erp.csv:3: weight_g must be a whole number from 0 to 1000000000, not 'heavy'"
        ]
        assert (directory / "items.csv").read_text().count("ERP-1,From the ERP,50,0,") == 1
        send(tmp_path, "items-erp.csv", header, "ERP-1,From the ERP,50,0,", "ERP-2,Wrong,heavy,0,")
        (tmp_path / "failed/items-erp.csv").unlink()
        (tmp_path / "failed/items-erp.csv.why").unlink()
    assert (await house.http.post("/orders", json=house.body(("ERP-1", 1)))).status_code == 201


def put_out(drop: Path, what: str) -> list[list[dict[str, str]]]:
    """The files of a kind in `out`, in their order, each with its rows; the ERP removes them."""
    found = []
    for file in sorted((drop / "out").glob(f"{what}-*.csv")):
        found.append(list(csv.DictReader(file.read_text().splitlines())))
        file.unlink()
    return found


async def test_an_erp_reads_orders_shipments_and_stock_once_and_only_what_is_new(
    house: House, mailbox: Mailbox, tmp_path: Path
) -> None:
    both = Setting(None, None, puts_out=True)
    await house.stock("slc", SERUM_30=5)
    name = await house.place(("SERUM-30", 3), from_node="slc")
    work = (await house.work(name))["fulfillment_order"]
    await visit(mailbox, both)
    assert [row["order"] for (rows,) in [put_out(tmp_path, "orders")] for row in rows] == [name]
    assert put_out(tmp_path, "shipments") == []
    ((level,),) = put_out(tmp_path, "stock")
    assert level == {"node": "slc", "sku": "SERUM-30", "on_hand": "5"}

    parcel = {"package": "1", "carrier": "ups", "tracking": "=1Z", "lines": [{"line": "1", "quantity": 2}]}
    await house.tell(work, "shipped", packages=[parcel])
    await house.settle(name)
    await visit(mailbox, both)
    ((row,),) = put_out(tmp_path, "orders")
    assert (row["order"], row["shipped"]) == (name, "2")
    ((row,),) = put_out(tmp_path, "shipments")
    assert {key: row[key] for key in ("kind", "order", "fulfillment_order", "node", "line", "sku", "quantity")} == {
        "kind": "shipped",
        "order": name,
        "fulfillment_order": work,
        "node": "slc",
        "line": "1",
        "sku": "SERUM-30",
        "quantity": "2",
    }
    assert (row["carrier"], row["tracking"]) == ("ups", "'=1Z")  # a spreadsheet computes nothing of it
    assert put_out(tmp_path, "stock") == [[{"node": "slc", "sku": "SERUM-30", "on_hand": "3"}]]

    await visit(mailbox, both)
    assert not list((tmp_path / "out").iterdir())


async def test_what_ends_before_it_is_remembered_is_put_out_once_more(
    house: House, mailbox: Mailbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await house.place(("SERUM-30", 1))

    async def dies(*_: object) -> None:
        raise MailboxUnreachable("the line is cut")

    with monkeypatch.context() as patched:
        patched.setattr(mailbox, "remember", dies)
        with pytest.raises(MailboxUnreachable):
            await visit(mailbox, Setting(None, None, puts_out=True))
    await visit(mailbox, Setting(None, None, puts_out=True))
    assert [{row["order"] for row in rows} for rows in put_out(tmp_path, "orders")] == [{name}, {name}]


async def test_the_same_files_are_taken_from_an_sftp_server_and_others_put_there_whenever_the_line_is_cut(
    house: House, mailbox: Mailbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = (house.body(("SERUM-30", 1))["number"] for _ in range(2))
    before = await on_hand(house, "slc", "SERUM-30")
    network = tmp_path / "network"
    shutil.copytree(Path(__file__).parents[2] / "network/example", network)
    drop = tmp_path / "server"
    drop.mkdir()
    rows = [f"{good},2026-11-20,USD,US,80202,SERUM-30,2,2900", f"{bad},2026-11-20,USD,US,80202,SERUM-30,1,29.00"]
    async with sftp_server(drop) as server:
        send(drop, "orders-1.csv", HEADER, *rows)
        send(drop, "stock-1.csv", "node,sku,quantity", f"slc,SERUM-30,{before + 7}", "slc,NOTHING,many")
        send(drop, "items-1.csv", "sku,name,weight_g,safety_stock,components", "SFTP-1,From a server,5,0,")
        there = Mailbox(_given(server), settle=timedelta(0))
        server.faults.lost_after = "rename"
        with pytest.raises(MailboxUnreachable):
            await visit(there, Setting(network, "erp", puts_out=True))
        taken_over = Mailbox(_given(server), settle=timedelta(0), lease=timedelta(0))
        await visit(taken_over, Setting(network, "erp", puts_out=True))

    assert await orders_of(house, good, bad) == [good]
    assert why(drop, "orders-1.csv")[0].startswith("orders-1.csv:3: unit_price must be")
    assert why(drop, "stock-1.csv")[0].startswith("stock-1.csv:3: ")
    assert "SFTP-1" in (network / "items.csv").read_text()
    assert (drop / "done/items-1.csv").exists()
    assert any(row["order"] == f"erp-{good}".lower() for rows in put_out(drop, "orders") for row in rows)
    assert put_out(drop, "stock") != []


def _given(server: SftpServer) -> SftpFolders:
    """The folders as the command is given them."""
    place = f"sftp://{USER}@127.0.0.1:{server.port}"
    found = folders_of(place, server.place.host_key, lambda: {"password": PASSWORD})
    assert isinstance(found, SftpFolders)
    server.opened.append(found)
    return found


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPS1fSI1dN3hsoVeKJ0oAjpgpC5S5J6SkQkxBFTF0mgE"


@pytest.mark.parametrize(
    ("place", "host_key", "credentials", "said"),
    [
        ("sftp://us@erp.example/x", "", {"password": "p"}, "--host-key must be a public key such as"),
        ("sftp://erp.example/x", KEY, {"password": "p"}, "named as sftp://USER@HOST:PORT/PATH"),
        ("sftp://us:secret@erp.example/x", KEY, {}, "without a password: that is read as JSON"),
        ("sftp://us@erp.example:port/x", KEY, {"password": "p"}, "named as sftp://USER@HOST:PORT/PATH"),
        ("sftp://us@erp.example/x", KEY, None, "write the credentials as one JSON object to standard input"),
        ("sftp://us@erp.example/x", KEY, {"token": "t"}, "password or private_key"),
        ("sftp://us@erp.example/x", KEY, {"password": ""}, "texts that are not empty"),
    ],
)
def test_a_place_that_cannot_be_used_is_named_without_its_secret(
    place: str, host_key: str, credentials: object, said: str
) -> None:
    with pytest.raises(WrongPlace) as wrong:
        folders_of(place, host_key, lambda: credentials)
    assert said in str(wrong.value)
    assert "secret" not in str(wrong.value)


def test_a_path_is_from_where_the_server_puts_the_user_and_absolute_with_two_slashes() -> None:
    found = [starter_files._sftp_place(f"sftp://us@erp.example{path}", KEY) for path in ("/a%20b", "//srv/a", "")]
    assert [(one.port, one.path) for one in found] == [(22, "a b"), (22, "/srv/a"), (22, "")]
