"""What the pages say can be followed: links lead somewhere, commands and places in the code exist, examples are valid.

An example is tested when the line before its fence is `<!-- tested: NAME -->`, with a name of EXAMPLES. A place in the code is
written `path.py` or `path.py: name`. What an audit proves is written audit: “its sentence”.
"""

import ast
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from api.problems import KINDS
from channels.json_mapping.mapping import compiled
from channels.kinds import KINDS as KINDS_OF_CHANNELS
from database.schema.tables import metadata
from database.schema.views import VIEWS
from domain.cart import ReservationRequest
from domain.claim import ClaimMessage
from domain.fulfillment import NodeMessage
from domain.order import NewOrder
from domain.parcel import Parcel
from domain.payment import PaymentMessage
from domain.replenishment import TakeRequest
from domain.returns import DispositionRequest, ReturnMessage
from domain.stock import StockMessage
from domain.transfer import TransferRequest
from network.cases_toml import read_cases
from network.load import NetworkDocuments, load, read
from network.mistakes import Mistakes
from network.orders_csv import read_orders
from nodes.kinds import KINDS as KINDS_OF_DISPATCH
from starter.__main__ import joined
from starter.files import by_node
from tests.new_dispatch import added_kinds
from tests.peers.plain_shop import PlainShop
from workflows.visibility import SEARCH_ATTRIBUTES

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
ANY_NODE = """
version = "1"
[sets]
all = 'true'
[[strategy]]
id = "all"
when = 'true'
[[strategy.tier]]
from = ["all"]
"""
"""A policy for whatever nodes an example has."""


def a_signal(text: str) -> object:
    """A node's message as a signal: over HTTP the fulfillment order is in the path, here it is a field."""
    content = json.loads(text)
    return NodeMessage.model_validate({name: content[name] for name in content.keys() - {"fulfillment_order"}})


def a_network(**documents: str) -> object:
    """The network that an example makes together with the files of the example network that it does not replace."""
    shipped = read(ROOT / "network/example")
    texts = {"nodes": shipped.nodes, "policy": shipped.policy, "items": shipped.items}
    return load(NetworkDocuments(**texts | documents))


RETURNS = re.compile(r"^\[returns\]\n(?:.+\n)+", re.MULTILINE)
"""The table of the example network that an example of rules for returns takes the place of."""


def a_network_of_the_new_kind(nodes: str) -> object:
    """The same, with the way to reach nodes in the table that a page adds."""
    with patch.dict(KINDS_OF_DISPATCH, added_kinds()):
        return a_network(nodes=nodes, policy=ANY_NODE)


A_SHOP = """
[[channel]]
name = "web"
kind = "shopify"
api = "https://acme.myshopify.com"
"""


class AnyShop(PlainShop):
    """Takes the place of a kind of shop without keys of its own."""

    keys = ()


def a_network_with_a_shop(**documents: str) -> object:
    """The example network with a connected shop."""
    with patch.dict(KINDS_OF_CHANNELS, {"shopify": AnyShop()} | KINDS_OF_CHANNELS):
        return a_network(**{"channels": A_SHOP} | documents)


def a_network_with_a_warehouse(file: str) -> object:
    """The network of the page about 3PLs, with a file of its warehouse."""
    page = (ROOT / "docs/connect/3pl-x12.md").read_text()
    nodes = re.findall(r"^```toml\n(\[\[node\]\].*?)^```", page, re.MULTILINE | re.DOTALL)[0]
    return a_network(nodes=nodes, policy=ANY_NODE, partners=json.dumps({"slc": file}))


def mapping_of_the_page() -> str:
    """The mapping that the page of shops that speak JSON shows."""
    page = (ROOT / "docs/connect/json.md").read_text()
    return page.partition("<!-- tested: mapping -->\n```toml\n")[2].partition("```")[0]


def entry_of_the_buyer() -> str:
    """The entry of channels.toml that the page of X12 shows."""
    page = (ROOT / "docs/connect/x12.md").read_text()
    return page.partition("<!-- tested: x12 channels -->\n```toml\n")[2].partition("```")[0]


def carriers_of_the_page() -> str:
    """The carriers that the reference shows."""
    page = (ROOT / "docs/reference/carriers.md").read_text()
    return page.partition("<!-- tested: carriers -->\n```toml\n")[2].partition("```")[0]


def orders_of_an_erp(text: str) -> object:
    """The orders of a CSV file without a mistake."""
    mistakes = Mistakes("orders.csv")
    orders = [NewOrder.model_validate(order.body) for order in read_orders(text, "erp", mistakes)]
    return _without(mistakes, orders)


def stock_of_an_erp(text: str) -> object:
    """The stock of each node in a CSV file without a mistake."""
    mistakes = Mistakes("stock.csv")
    return _without(mistakes, by_node(text, mistakes))


def _without(mistakes: Mistakes, found: object) -> object:
    if mistakes.found():
        raise ValueError(mistakes.found())
    return found


def a_case(text: str) -> None:
    """A case of the example network."""
    cases, mistakes = read_cases(json.dumps({"example": text}), "cases", load(read(ROOT / "network/example")))
    assert cases, mistakes


EXAMPLES: dict[str, Callable[[str], object]] = {
    "nodes": lambda text: a_network(nodes=text, policy=ANY_NODE),
    "bearer nodes": a_network_of_the_new_kind,
    "file of a warehouse": a_network_with_a_warehouse,
    "policy": lambda text: a_network(policy=text),
    "items": lambda text: a_network(items=text),
    "buffers": lambda text: a_network(buffers=text),
    "replenishment": lambda text: a_network(replenishment=text),
    "rates": lambda text: a_network(rates=text),
    "carriers": lambda text: a_network(carriers=text),
    "cost per carrier": lambda text: a_network(policy=ANY_NODE + text, carriers=carriers_of_the_page()),
    "channels": lambda text: a_network_with_a_shop(channels=text),
    "aliases": lambda text: a_network_with_a_shop(aliases=text),
    "mapping": compiled,
    "case": a_case,
    "broken case": lambda _: None,  # what a command prints: tests/network/test_policy_page.py
    "x12 channels": lambda text: a_network(channels=text),
    "x12 partner": lambda text: a_network(channels=entry_of_the_buyer(), partners=json.dumps({"buyco": text})),
    "channels of json": lambda text: a_network(channels=text, mappings=json.dumps({"farm": mapping_of_the_page()})),
    "order of a sample": lambda text: NewOrder.model_validate({"channel": "farm", **json.loads(text)}),
    "orders of an ERP": orders_of_an_erp,
    "stock of an ERP": stock_of_an_erp,
    "payment": PaymentMessage.model_validate_json,
    "order": NewOrder.model_validate_json,
    "reservation": ReservationRequest.model_validate_json,
    "message": NodeMessage.model_validate_json,
    "signal": a_signal,
    "stock": StockMessage.model_validate_json,
    "transfer": TransferRequest.model_validate_json,
    "needs": TakeRequest.model_validate_json,
    "return": ReturnMessage.model_validate_json,
    "returns": lambda text: a_network(policy=RETURNS.sub(lambda _: text, read(ROOT / "network/example").policy)),
    "parcel": Parcel.model_validate_json,
    "claim message": ClaimMessage.model_validate_json,
    "dispositions": DispositionRequest.model_validate_json,
}


def pages(tree: Path) -> Iterator[tuple[Path, str]]:
    """Every Markdown page of the project."""
    for folder, names, found in os.walk(tree):
        names[:] = sorted(name for name in names if not name.startswith("."))
        yield from (
            (Path(folder, name), Path(folder, name).read_text()) for name in sorted(found) if name[-3:] == ".md"
        )


def anchors(page: str) -> set[str]:
    """The names under which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(tree: Path) -> Iterator[str]:
    """Links to files or headings that are not there."""
    for page, text in pages(tree):
        for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text)):
            target, _, anchor = link.partition("#")
            file = (page.parent / target) if target else page
            if re.match(r"\w+:", link):
                continue
            if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
                yield f"{page.relative_to(tree).as_posix()}: {link} leads nowhere; mend the link or the heading"


def commands(tree: Path, program: str) -> set[str]:
    """What the pages tell the reader to run with this program: the words after it, up to an option or a file."""
    found = set()
    for _, text in pages(tree):
        code = [fence["code"] for fence in FENCE.finditer(text)] + re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
        for line in "\n".join(code).splitlines():
            for words in re.findall(rf"(?:^|\s){re.escape(program)}((?: [a-z][a-z-]*(?!\S))+)", line):
                found.add(words.strip())
    return found


def broken_examples(tree: Path) -> Iterator[str]:
    """Examples that are marked as tested and are not valid."""
    for page, text in pages(tree):
        for marker in re.finditer(r"^<!-- tested: (.*) -->\n", text, re.MULTILINE):
            fence = FENCE.match(text, marker.end())
            try:
                EXAMPLES[marker[1]](fence["code"] if fence else "")
            except (KeyError, ValueError) as error:
                line = text.count("\n", 0, marker.start()) + 1
                yield f"{page.relative_to(tree).as_posix()}:{line}: the example {marker[1]} is not valid: {error!r}"


def untested_examples(tree: Path) -> Iterator[str]:
    """Examples of network files and orders that do not claim to be tested."""
    for page, text in pages(tree):
        for fence in FENCE.finditer(text):
            is_order = fence["language"] == "json" and '"placed_at"' in fence["code"]
            is_marked = text[: fence.start()].endswith(" -->\n")
            if (is_order or fence["language"] in ("toml", "csv")) and not is_marked:
                line = text.count("\n", 0, fence.start()) + 1
                yield f"{page.relative_to(tree).as_posix()}:{line}: write `<!-- tested: … -->` in the line before"


PLACE = re.compile(r"`((?:[\w.-]+/)*[\w-]+\.py)(?:: ([\w.]+))?`")


def names_in(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    """What a module or class defines: functions, classes with what is in them, and constants."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from names_in(node.body, f"{prefix}{node.name}.")
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (prefix + target.id for target in targets if isinstance(target, ast.Name))


def missing_places(tree: Path) -> Iterator[str]:
    """Places in the code that pages name and that are not there. Decisions tell of their day, and are left alone."""
    for page, text in pages(tree):
        where = page.relative_to(tree).as_posix()
        for path, name in PLACE.findall(FENCE.sub("", text)) if page.parent.name != "decisions" else ():
            file = tree / path
            if not file.exists():
                yield f"{where}: there is no {path}"
            elif name and name not in names_in(ast.parse(file.read_text()).body):
                yield f"{where}: {path} has no {name}"


def test_every_place_in_the_code_that_a_page_names_exists() -> None:
    assert list(missing_places(ROOT)) == []


CHANGES = (
    "a column of orders", "a field to a document", "a message kind of nodes", "a way to reach a node", "an exception code",
    "a request on an order", "a route", "an event for channels", "a loop", "a command", "an invariant", "a rule's word",
)  # fmt: skip
"""What the README must say where to do."""


def pathless_changes(tree: Path) -> Iterator[str]:
    """Changes that have no row in the README, and rows with a folder or file that is not there, or without any."""
    rows = re.findall(r"^\| ((?:add|change) .*?) \| (.*) \|$", (tree / "README.md").read_text(), re.MULTILINE)
    yield from (f"no row: add {change}" for change in CHANGES if f"add {change}" not in dict(rows))
    for change, places in rows:
        named = re.findall(r"`([\w.-]+/[\w./-]*)(?:: [\w.]+)?`", places)
        yield from (f"{change}: there is no {place}" for place in named if not (tree / place).exists())
        if not named:
            yield f"{change}: no place is named"


def test_the_readme_names_the_places_of_every_usual_change() -> None:
    assert list(pathless_changes(ROOT)) == []


def test_a_change_without_a_place_is_found(tmp_path: Path) -> None:
    rows = [f"| add {change} | `a/` |" for change in CHANGES[1:]]
    (tmp_path / "a").mkdir()
    (tmp_path / "README.md").write_text("\n".join([*rows, "| change this | `b/c.py: d` |", "| change that | code |"]))
    assert list(pathless_changes(tmp_path)) == [
        f"no row: add {CHANGES[0]}",
        "change this: there is no b/c.py",
        "change that: no place is named",
    ]


def test_every_example_of_an_order_or_a_network_file_is_tested() -> None:
    assert list(untested_examples(ROOT)) == []


def test_every_sentence_that_the_readme_quotes_from_the_audit_is_one_of_the_audit() -> None:
    quoted = re.findall(r"“(.*?)”", (ROOT / "README.md").read_text())
    checked = (ROOT / "database/audit/invariants.py").read_text() + (ROOT / "starter/audit.py").read_text()
    assert len(quoted) > 5
    assert [sentence for sentence in quoted if f'"{sentence}"' not in checked] == []


def test_every_kind_of_problem_is_in_the_reference() -> None:
    page = (ROOT / "docs/reference/http.md").read_text()
    assert [kind.type for kind in KINDS if f"| `{kind.type}` | {kind.status} |" not in page] == []


def test_every_search_attribute_is_in_the_reference_with_its_type() -> None:
    page = (ROOT / "docs/reference/temporal.md").read_text()
    types = {key.name: key.indexed_value_type.name.title().replace("_List", "List") for key in SEARCH_ATTRIBUTES}
    assert [name for name, type_ in types.items() if f"| `{name}` | {type_} |" not in page] == []


def test_every_table_and_view_is_in_the_reference() -> None:
    page = (ROOT / "docs/reference/schema.md").read_text()
    assert [name for name in [*metadata.tables, *VIEWS] if f"`{name}`" not in page] == []


def test_every_link_leads_somewhere() -> None:
    assert list(broken_links(ROOT)) == []


def test_every_example_that_is_marked_as_tested_is_valid() -> None:
    assert list(broken_examples(ROOT)) == []


def test_the_readme_names_the_two_commands_of_a_newcomer() -> None:
    assert {"demo", "test"} <= {words.split()[0] for words in commands(ROOT, "make")}
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme


def test_every_make_target_that_a_page_names_exists_and_help_lists_all() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {words.split()[0] for words in commands(ROOT, "make")}
    assert named <= targets, f"no such target: {named - targets}"
    printed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert set(re.findall(r"^  make (\w+)", printed, re.MULTILINE)) == targets


RUN_BY_MAKE = set(re.findall(r"-m starter ([a-z-]+)", (ROOT / "Makefile").read_text()))


@pytest.mark.parametrize("words", sorted(commands(ROOT, "python -m starter") | RUN_BY_MAKE))
def test_every_command_that_a_page_or_the_makefile_names_exists(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process: another one would spend a second on its imports."""
    monkeypatch.setenv("COLUMNS", "120")
    joined(words.split()[0])([*words.split(), "--help"], result_action="return_value")
    usage = next((line for line in capsys.readouterr().out.splitlines() if line.startswith("Usage:")), "")
    takes_a_name = re.search(r" connect NAME$", usage) is not None  # the only command with a lower-case argument
    named = words.split()[0] if takes_a_name else words
    assert f" {named} " in f"{usage} ", f"python -m starter {words} is no command: {usage}"


def test_every_decision_is_a_page_of_the_same_form_and_none_is_missing() -> None:
    decisions = sorted((ROOT / "docs/decisions").iterdir())
    assert [page.name[:4] for page in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for page in decisions:
        text = page.read_text()
        assert text.startswith(f"# {page.name[:4]}: ")
        assert re.search(r"^(Accepted|Replaced by \[\d{4}\]\(.*\)), \d{4}-\d{2}-\d{2}\.$", text, re.MULTILINE), (
            page.name
        )
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences", "Alternatives"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# A\n[b](missing.md)\n", "missing.md"),
        ("# A\n[b](#nowhere)\n", "#nowhere"),
        ("# A\n[b](a.md#b)\n```sh\n# b\n```\n", "a.md#b"),
    ],
)
def test_a_planted_broken_link_is_found(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(text)
    (problem,) = broken_links(tmp_path)
    assert says in problem


@pytest.mark.parametrize(
    "text",
    [
        "# A\n\n<!-- tested: policy -->\n```toml\nversion = \n```\n",
        "# A\n\n<!-- tested: policy -->\n```toml\nversion = 1\n```\n",
        '# A\n\n<!-- tested: policy -->\n```toml\nversion = "1"\n```\n',
        '# A\n\n<!-- tested: nodes -->\n```toml\n[[node]]\nid = "slc"\n```\n',
        "# A\n\n<!-- tested: items -->\n```csv\nsku\nA\n```\n",
        "# A\n\n<!-- tested: buffers -->\n```csv\nkind\nquota\n```\n",
        '# A\n\n<!-- tested: order -->\n```json\n{"lines": [}\n```\n',
        '# A\n\n<!-- tested: order -->\n```json\n{"lines": []}\n```\n',
        "# A\n\n<!-- tested: order -->\n\ntext\n",
        "# A\n\n<!-- tested: something -->\n```toml\n```\n",
    ],
)
def test_a_planted_broken_example_is_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(text)
    (problem,) = broken_examples(tmp_path)
    assert problem.startswith("a.md:3: ")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("`domain/nothing.py`", "there is no domain/nothing.py"),
        ("`a.py: f`", "a.py has no f"),
        ("`a.py: C.g`", "a.py has no C.g"),
    ],
)
def test_a_planted_missing_place_is_found(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("X = 1\nclass C:\n    def f(self) -> None: ...\n")
    (tmp_path / "a.md").write_text(f"`a.py` `a.py: X` `a.py: C.f` {text}")
    assert list(missing_places(tmp_path)) == [f"a.md: {says}"]


@pytest.mark.parametrize("text", ["```toml\na = 1\n```\n", "```csv\nsku\n```\n", '```json\n{"placed_at": 1}\n```\n'])
def test_a_planted_untested_example_is_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(f"# A\n\n{text}\n<!-- tested: x -->\n{text}")
    (problem,) = untested_examples(tmp_path)
    assert problem.startswith("a.md:3: ")


def test_a_page_without_mistakes_is_left_alone_and_its_commands_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "# A\n\n[b](#with-code-here) [c](https://example.com) [d](a.md)\n\n## With `code` here\n\n"
        "Run `make demo KEEP=1` or `python -m starter network check DIR`; make haste. "
        "`python -m starter simulate-nodes --seed 1`\n\n"
        "```sh\n    make test      # all\npython -m starter order examples/a.json\n```\n\n"
        f"<!-- tested: policy -->\n```toml{ANY_NODE}```\n"
    )
    assert list(broken_links(tmp_path)) == []
    assert list(broken_examples(tmp_path)) == []
    assert commands(tmp_path, "make") == {"demo", "test"}
    assert commands(tmp_path, "python -m starter") == {"network check", "order", "simulate-nodes"}
