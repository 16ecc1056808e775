"""`python -m starter simulate`: what it prints, what it refuses, and the page that it writes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright, expect

from simulation import Options, simulate
from starter.__main__ import joined

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "network" / "example"
CHROMIUM = Path("/usr/bin/chromium")
ORDER: dict[str, Any] = {
    "channel": "web",
    "number": "1",
    "placed_at": "2026-11-23T15:00:00Z",
    "currency": "USD",
    "ship_to": {"name": "Jo Doe", "country": "US", "postal_code": "80202"},
    "lines": [{"line": "1", "sku": "SERUM-30", "quantity": 2, "unit_price": 100}],
}
NEAR = "node.distance_km <= 1500.0"
NEAR_ONLY = {
    "node.distance_km <= 5000.0": NEAR,
    "max_shipments = 3\n": f"max_shipments = 3\nrequire = '{NEAR}'\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two networks, of which the second ships to web customers from near nodes only, orders and stock."""
    monkeypatch.chdir(tmp_path)
    for name in ("now", "near"):
        Path(name).mkdir()
        for file in EXAMPLE.glob("*.*"):
            Path(name, file.name).write_text(file.read_text())
    policy = Path("near/policy.toml")
    for far, near in NEAR_ONLY.items():
        assert far in policy.read_text()
        policy.write_text(policy.read_text().replace(far, near))
    places = [("1", "80202"), ("2", "10001"), ("3", "98101")]
    write_orders(*({**ORDER, "number": n, "ship_to": {"country": "US", "postal_code": zip}} for n, zip in places))
    Path("stock.csv").write_text("node,sku,on_hand\nslc,SERUM-30,3\nnwk,SERUM-30,100\natl,SERUM-30,9\n")
    return tmp_path


def write_orders(*orders: dict[str, Any]) -> None:
    Path("orders.jsonl").write_text("".join(json.dumps(order) + "\n" for order in orders))


def run(*networks: str, orders: str = "orders.jsonl", stock: str | None = None, **options: Any) -> int:
    given = None if stock is None else Path(stock)
    return simulate(Options([Path(name) for name in networks], [Path(orders)], given, **options))


def cells(printed: str, name: str) -> list[str]:
    """The row of a table that begins with a name, its columns apart."""
    row = next(line for line in printed.splitlines() if re.match(rf" *{re.escape(name)}  ", line))
    return re.split(r" {2,}", row.strip())


def test_two_networks_are_printed_side_by_side(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("now", "near", stock="stock.csv") == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0].startswith("3 orders, placed from 2026-11-23 to 2026-11-23; from the stock given")
    assert cells(printed, "orders") == ["orders", "3", "3", "="]
    # Salt Lake City has three serums: two go to Denver. Newark is too far from Seattle for the second network.
    assert cells(printed, "units filled")[1:] == ["100.0% (6 of 6)", "83.3% (5 of 6)", "−16.7 points"]
    assert cells(printed, "orders filled")[1:] == ["100.0% (3 of 3)", "66.7% (2 of 3)", "−33.3 points"]
    assert cells(printed, "shipments per order")[1:] == ["1.00", "1.00", "="]
    assert cells(printed, "slc")[1:] == ["2 (33.3%)", "3 (60.0%)"]
    assert cells(printed, "direct  ") == ["direct", "tier 1", "3", "2"]
    assert "1 of 3 orders (33.3%) ship differently" in printed
    assert cells(printed, "promises kept: A's date")[1:] == ["–", "66.7% (2 of 3)"]
    assert cells(printed, "web-3")[1:3] == ["nwk, 1 shipment, 20.41, 6 days", "slc, 1 shipment, 9.51, 1 of 2 units"]


def test_one_network_is_reported_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("now") == 0
    printed = capsys.readouterr().out
    assert "stock is unlimited" in printed
    assert cells(printed, "orders filled") == ["orders filled", "100.0% (3 of 3)"]
    assert "B" not in re.findall(r"\b[AB]\b", printed)
    assert "differently" not in printed


def test_no_more_orders_are_listed_than_were_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    miami = {"country": "US", "postal_code": "33101"}  # from Newark before, and from Atlanta where nodes must be near
    write_orders(*({**ORDER, "number": str(number), "ship_to": miami} for number in range(5)))
    for shown in (0, 2, 9):
        assert run("now", "near", shown=shown) == 0
        printed = capsys.readouterr().out
        assert "5 of 5 orders (100.0%) ship differently" in printed
        assert len(re.findall(r"^ *web-\d", printed, re.MULTILINE)) == min(shown, 5)


def test_costs_are_in_the_currency_of_the_policy_whatever_the_orders_are_in(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_orders(ORDER, {**ORDER, "number": "2", "currency": "EUR"})
    assert run("now") == 0
    printed = capsys.readouterr().out
    assert "costs are in minor units" not in printed
    assert re.fullmatch(r"\d[\d,]*\.\d\d", cells(printed, "cost per order, USD")[1])


NEW_LINE = {"line": "1", "sku": "SERUM-31", "quantity": 1, "unit_price": 1}
GOOD = json.dumps(ORDER)
HEAD = "node,sku,on_hand\n"
# fmt: off
MISTAKES = [
    # what is wrong                what stands in the file                               what is said of it
    ("an unknown item",            "orders.jsonl", json.dumps({**ORDER, "lines": [NEW_LINE]}),
     ["1: `lines.0.sku`: SERUM-31 is not an item of the network (under now)"]),
    ("an unknown service",         "orders.jsonl", json.dumps({**ORDER, "service": "pigeon"}),
     ["1: `service`: pigeon is not offered; offered are: next_day, standard, two_day (under now)"]),
    ("a node without pick-up",     "orders.jsonl", json.dumps({**ORDER, "pickup_node": "nwk"}),
     ["1: `pickup_node`: customers cannot collect at nwk (under now)"]),
    ("an impossible postal code",  "orders.jsonl", GOOD.replace("80202", "8020"), ["1: `ship_to.postal_code`: "]),
    ("no JSON",                    "orders.jsonl", f"{GOOD}\nweb-2\n",            ["2: `body`: is not JSON"]),
    ("a field too many",           "orders.jsonl", GOOD.replace('"number"', '"nr": 1, "number"'), ["1: `nr`: "]),
    ("the same order twice",       "orders.jsonl", f"{GOOD}\n\n{GOOD}\n",
     ["3: order web-1 is at orders.jsonl:1 already"]),
    ("all that is wrong",          "orders.jsonl", f"{{}}\n{GOOD}\n{{}}\n",       ["1: `channel`: ", "3: `channel`: "]),
    ("no orders",                  "orders.jsonl", "\n",                          [" there are no orders in it"]),
    ("another header",             "stock.csv",    "node,sku\n",                  ["1: missing column on_hand"]),
    ("no stock",                   "stock.csv",    HEAD,                          ["1: there are no rows under the header"]),
    ("an unknown node",            "stock.csv",    HEAD + "scl,SERUM-30,1\n",
     ["2: 'scl' is not a node of the network; did you mean 'slc'?"]),
    ("a bundle on the shelf",      "stock.csv",    HEAD + "slc,SET-01,1\n",       ["2: SET-01 is a bundle"]),
    ("half a unit",                "stock.csv",    HEAD + "slc,SERUM-30,0.5\n",   ["2: on_hand must be a whole number"]),
    ("a shelf twice",              "stock.csv",    HEAD + "slc,SERUM-30,1\nslc,SERUM-30,2\n",
     ["3: SERUM-30 at slc is there twice"]),
    ("broken text",                "stock.csv",    b"node,sku,on_hand\n\xff\n",   ["2: this is not UTF-8 text"]),
]
# fmt: on


@pytest.mark.parametrize(("what", "file", "content", "said"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_every_mistake_is_printed_with_its_line_and_nothing_is_simulated(
    folder: Path, capsys: pytest.CaptureFixture[str], what: str, file: str, content: str | bytes, said: list[str]
) -> None:
    Path(file).write_bytes(content.encode() if isinstance(content, str) else content)
    assert run("now", stock="stock.csv", html=Path("page.html")) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == len(said), shown.err
    for line, beginning in zip(shown.err.splitlines(), said, strict=True):
        assert line.startswith(f"{file}:{beginning}")
    assert not Path("page.html").exists()


def test_what_only_one_network_does_not_know_is_printed_by_its_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = Path("near/items.csv")
    items.write_text(items.read_text().replace("SERUM-30", "SERUM-X"))
    assert run("now", "near") == 1
    assert [line.split(" (")[1] for line in capsys.readouterr().err.splitlines()] == ["under near)"] * 3


def test_stock_of_a_node_that_only_one_network_has_is_no_mistake(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nodes = Path("near/nodes.toml")
    nodes.write_text(nodes.read_text().replace('id = "atl"', 'id = "mia"'))
    with Path("stock.csv").open("a") as stock:
        stock.write("mia,SERUM-30,5\n")
    assert run("now", "near", stock="stock.csv") == 0
    assert cells(capsys.readouterr().out, "mia")[1] == "no such node"


# fmt: off
REFUSED = [
    # the command                                             what is said
    (["--network", "now"],                                    "name a file of orders"),
    (["--network", "now", "--network", "now", "orders.jsonl"],             "now is named twice"),
    (["--network", "now", "--network", "./near/../now", "orders.jsonl"],   "now is named twice"),
    (["--network", "now", "orders.jsonl", "orders.jsonl"],    "orders.jsonl is named twice"),
    (["--network", "now", "--close", "slc", "orders.jsonl"],  "changes, --since, --until, --demand and --frontier are for"),
    (["--network", "now", "--frontier", "orders.jsonl"],      "changes, --since, --until, --demand and --frontier are for"),
    (["--history", "--since", "2026-11-02", "--until", "2026-11-01"],  "--since must be before --until"),
    (["--history", "--since", "2026-11-02", "--until", "2026-11-02"],  "--since must be before --until"),
    (["--history", "orders.jsonl"],                           "--history reads orders and stock from the database"),
    (["--network", "now", "absent.jsonl"],                    "absent.jsonl: cannot be read: No such file or directory"),
    (["--network", "now", "--stock", "absent.csv", "orders.jsonl"],  "absent.csv: cannot be read"),
    (["--network", "now", "--html", "absent/page.html", "orders.jsonl"],  "absent/page.html: cannot be written"),
    (["--network", "now", "--html", "/dev/full", "orders.jsonl"],  "/dev/full: cannot be written: No space left on device"),
    (["--network", "now", "--network", "near", "--network", "far", "orders.jsonl"],  "name one network directory, or two"),
]
# fmt: on


def test_a_command_without_a_network_is_not_understood(folder: Path) -> None:
    ended = starter("orders.jsonl")
    assert ended.returncode == 2
    assert "--network" in ended.stderr


def starter(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a process that knows of no database and no Temporal."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL" and "TEMPORAL" not in name}
    environment = {**kept, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    command = [sys.executable, "-m", "starter", "simulate", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(("arguments", "said"), REFUSED, ids=[" ".join(row[0]) for row in REFUSED])
def test_a_command_that_cannot_be_done_is_refused_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert joined("simulate")(["simulate", *arguments], result_action="return_value") == 1
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_a_network_with_mistakes_is_refused_with_each_of_them(folder: Path) -> None:
    policy = Path("near/policy.toml")
    policy.write_text(policy.read_text().replace(NEAR, "node.distance <= 1500.0"))
    ended = starter("--network", "now", "--network", "near", "orders.jsonl")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("near/policy.toml:")


def test_the_command_needs_no_service_and_says_the_same_every_time(folder: Path) -> None:
    reports = []
    for name in ("once.html", "again.html"):
        ended = starter("--network", "now", "--network", "near", "orders.jsonl", "--stock", "stock.csv", "--html", name)
        assert (ended.returncode, ended.stderr) == (0, "")
        reports.append((ended.stdout, Path(name).read_text()))
    assert reports[0] == reports[1]


def test_the_orders_of_the_demo_can_be_tried_file_by_file(folder: Path) -> None:
    orders = [str(file) for file in sorted((ROOT / "examples" / "orders").glob("*.json"))]
    ended = starter("--network", str(EXAMPLE), *orders)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith(f"{len(orders)} orders")


def test_what_the_documentation_shows_is_what_its_commands_print(tmp_path: Path) -> None:
    text = (ROOT / "docs/operating/trying-a-policy.md").read_text()
    commands, shown = (re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)[0] for kind in ("sh", "text"))
    for name in ("network", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    script = f"set -e\npython() {{ '{sys.executable}' \"$@\"; }}\n{commands}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    ended = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ended.stderr.splitlines()[-1] == "network 2026-11-21: 5 nodes, 10 items; nothing is wrong"
    assert lines(ended.stdout) == lines(shown)
    assert (tmp_path / "no-stores.html").exists()


def lines(text: str) -> list[str]:
    """The lines that say something, without the blanks behind them."""
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def test_the_page_has_the_figures_of_the_table_and_nothing_from_outside(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("now", "near", stock="stock.csv", html=Path("page.html")) == 0
    page, printed = Path("page.html").read_text(), capsys.readouterr().out
    assert re.findall(r"https?:|//\w|\burl\(|@import|<script|<link|\bsrc=", page) == []
    for name in ("units filled", "cost in all", "orders split", "days to deliver", "delivered within 2 days"):
        for cell in cells(printed, name):
            assert f">{cell}</td>" in page, name
    titles = set(re.findall(r"<title>([^<]*)</title>", page))
    assert titles >= {
        "A, 1: 3 of 3 orders (100.0%)",
        "B, not filled: 1 of 3 orders (33.3%)",
        "B, slc: 3 units",
        "1 from slc, 1 unfilled",
        "2 from nwk",
    }
    assert page.count('class="node ') == 10  # five on each of two maps
    assert ">web-3</td>" in page


def test_nothing_personal_is_on_the_page_and_what_a_file_says_is_no_markup(folder: Path) -> None:
    write_orders(ORDER)
    Path("now/nodes.toml").write_text(
        Path("now/nodes.toml").read_text().replace("Newark warehouse", "<b>Newark & Sons")
    )
    assert run("now", html=Path("page.html")) == 0
    page = Path("page.html").read_text()
    assert "Doe" not in page
    assert "80202" not in page
    assert "<b>Newark" not in page
    assert "&lt;b&gt;Newark &amp; Sons" in page


@pytest.fixture
def chromium() -> Path:
    """The browser's program."""
    if not CHROMIUM.exists():
        pytest.skip("not here: /usr/bin/chromium")
    return CHROMIUM


@pytest_asyncio.fixture
async def browser_page(chromium: Path) -> AsyncIterator[Page]:
    """A page of a headless browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield await browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="dark")
        await browser.close()


async def test_a_browser_draws_the_page_without_asking_for_anything(folder: Path, browser_page: Page) -> None:
    asked: list[str] = []
    complaints: list[str] = []
    browser_page.on("request", lambda request: asked.append(request.url))
    browser_page.on("console", lambda message: complaints.append(message.text))
    assert run("now", "near", stock="stock.csv", html=Path("page.html")) == 0

    await browser_page.goto((folder / "page.html").as_uri())
    await expect(browser_page.get_by_role("heading", level=1)).to_have_text("Two networks on the same orders")
    for name in ("A: where orders go and from which node", "Units by node"):
        drawn = await browser_page.get_by_role("img", name=name).bounding_box()
        assert drawn is not None
        assert drawn["width"] > 300
        assert drawn["height"] > 100
    assert asked == [(folder / "page.html").as_uri()]
    assert complaints == []
