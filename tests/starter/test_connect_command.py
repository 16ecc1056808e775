"""`python -m starter connect`: credentials from standard input, what is missing in words, exit 0 when orders can flow."""

import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest
from sqlalchemy import text

from channels import kinds
from database import connection as statements
from database.connect import Database
from starter.connect import command
from tests.house import SMALL_MAP
from tests.peers.plain_shop import PLAIN_SHOP
from tests.peers.plain_shop_server import CREDENTIALS, PlainShopServer, open_shop
from transactions.prepare import apply_network

ALIASES = "channel,kind,external,sku,units\nweb,variant,41,SERUM-30,\n"
FORM = '{"client_id": "…", "client_secret": "…"}'


@dataclass
class Terminal:
    """Where the command runs, with its shop, its standard input and what it printed."""

    database: Database
    shop: PlainShopServer
    monkeypatch: pytest.MonkeyPatch
    printed: pytest.CaptureFixture[str]

    async def connect(self, given: object, name: str = "web") -> tuple[int, list[str]]:
        """The exit code and the lines on standard output."""
        written = given if isinstance(given, str) else json.dumps(given)
        self.monkeypatch.setattr("sys.stdin", io.StringIO(written))
        self.printed.readouterr()
        code = await command(name)
        out, error = self.printed.readouterr()
        for secret in (*CREDENTIALS.values(), "shpat_"):
            assert secret not in out + error
        return code, [*out.splitlines(), *(line for line in error.splitlines() if "[warning" not in line)]

    async def row(self, columns: str) -> tuple[object, ...]:
        async with self.database.read() as connection:
            return tuple((await connection.execute(text(f"SELECT {columns} FROM connection"))).one())


@pytest.fixture
async def terminal(
    database: Database,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> AsyncIterator[Terminal]:
    """A terminal on a machine whose network names one shop."""
    monkeypatch.setitem(kinds.KINDS, "plain_shop", PLAIN_SHOP)
    monkeypatch.setenv("DATABASE_URL", database_url)
    async with open_shop() as shop:
        directory = copytree(SMALL_MAP, tmp_path / "network")
        entry = f'[[channel]]\nname = "web"\nkind = "plain_shop"\napi = "{shop.api}"\nshop = "acme"\n'
        (directory / "channels.toml").write_text(entry)
        (directory / "aliases.csv").write_text(ALIASES)
        assert await apply_network(database_url, directory) == []
        shop.variants = ["41"]
        yield Terminal(database, shop, monkeypatch, capsys)


async def test_a_shop_with_nothing_missing_is_connected(terminal: Terminal) -> None:
    assert await terminal.connect(CREDENTIALS) == (0, ["web: orders can flow"])
    assert await terminal.row("settings, findings, checked_at IS NOT NULL, token IS NOT NULL") == (
        {"hub": "7"},
        [],
        True,
        True,
    )


async def test_what_is_missing_is_said_with_the_place_to_click_and_the_exit_code_is_1(terminal: Terminal) -> None:
    terminal.shop.variants = ["41", "42"]
    terminal.shop.may_read = False
    assert await terminal.connect(CREDENTIALS) == (
        1,
        [
            "note: item 42 is not mapped: add it to aliases.csv",
            "missing: orders may not be read: open Settings > Apps > Permissions, tick “Orders”",
            "web: orders cannot flow yet: 1 thing to see to",
        ],
    )
    assert await terminal.row("jsonb_array_length(findings), checked_at") == (2, None)

    terminal.shop.may_read = True
    assert await terminal.connect("") == (
        0,
        ["note: item 42 is not mapped: add it to aliases.csv", "web: orders can flow"],
    )


async def test_a_secret_that_is_being_replaced_is_kept_beside_the_new_one_until_it_is_left_out(
    terminal: Terminal,
) -> None:
    both = CREDENTIALS | {"client_secret_before": "shpss_former"}
    for given in (both, CREDENTIALS):
        assert await terminal.connect(given) == (0, ["web: orders can flow"])
        async with terminal.database.read() as connection:
            access = await statements.access(connection, "web")
        assert access is not None
        assert access.credentials == given


async def test_credentials_that_the_shop_refuses_are_said_to_be_refused(terminal: Terminal) -> None:
    code, lines = await terminal.connect(CREDENTIALS | {"client_secret": "shpss_wrong"})
    assert (code, lines) == (1, ["missing: web cannot be asked: the shop gives no token: status 401"])
    assert await terminal.row("failure") == ("the shop gives no token: status 401",)


async def test_a_shop_that_does_not_answer_is_said_not_to(terminal: Terminal) -> None:
    terminal.shop.manners.append("down")
    assert await terminal.connect(CREDENTIALS) == (1, ["missing: web cannot be asked: status 502"])


WRONG = [
    ("", "web has no credentials yet: write them to standard input"),
    ("{", "standard input is no JSON: JSONDecodeError"),
    (["a"], f"the credentials of web are one JSON object: {FORM}"),
    ({"client_id": "a"}, f"client_secret must be a text that is not empty; web needs {FORM}"),
    ({"client_id": "a", "client_secret": " "}, f"client_secret must be a text that is not empty; web needs {FORM}"),
    (
        {"client_id": "a", "client_secret": "b", "client_secret_before": ""},
        f"client_secret_before must be a text that is not empty; web needs {FORM}",
    ),
    ({"client_id": "a", "client_secret": 5}, f"client_secret must be a text that is not empty; web needs {FORM}"),
    (
        {"client_id": "a", "clientsecret": "b"},
        f"unknown field 'clientsecret'; did you mean 'client_secret'?; web needs {FORM}",
    ),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
async def test_wrong_input_is_named_and_nothing_is_stored(terminal: Terminal, given: object, said: str) -> None:
    assert await terminal.connect(given) == (1, [said])
    async with terminal.database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM connection"))).scalar_one() == 0
    assert terminal.shop.asked == []


async def test_a_channel_that_the_network_does_not_name_is_no_connection(terminal: Terminal) -> None:
    code, (line,) = await terminal.connect(CREDENTIALS, "wbe")
    assert code == 1
    assert line.startswith(
        "no channel of the active network is called 'wbe'; did you mean 'web'?; name it in channels.toml"
    )
