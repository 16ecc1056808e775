"""Rules that the whole source tree keeps: imports, sandbox, commands of workflows, leftovers, size, titles, machines.

Every rule is a function over a tree that returns one line per violation, and every rule is also tried on small trees
with a planted violation, so that none of them can stop finding anything without a test failing.
"""

import ast
import asyncio
import importlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

ROOT = Path(__file__).parent.parent
NOT_OURS = {"__pycache__", "build", "dist", "node_modules"}
NOT_PRODUCT = {"tests", "benchmarks", "examples"}
TEXT = {"", ".cfg", ".csv", ".css", ".env", ".html", ".ini", ".js", ".json", ".mako", ".md", ".py", ".sh", ".sql"}
TEXT |= {".toml", ".txt", ".yaml", ".yml"}
LINES_MAX = 70
FILE_LINES_MAX = 500
LISTS = ("database/schema/migrations/versions/", "database/schema/tables.py")
"""Files that are one list of tables or statements, and are read as one."""

Rule = Callable[[Path], Iterator[str]]


def files(tree: Path) -> Iterator[Path]:
    """Every file of the project itself: no environments, caches, data or hidden folders, except the CI's own."""
    for folder, names, found in os.walk(tree):
        names[:] = sorted(name for name in names if name == ".ci" or (name not in NOT_OURS and name[0] != "."))
        yield from (Path(folder, name) for name in sorted(found))


def modules(tree: Path, *folders: str) -> Iterator[tuple[str, ast.Module, str]]:
    """Each Python file below the named folders (all without any): its path in the tree, its syntax and its text."""
    for file in files(tree):
        path = file.relative_to(tree)
        if file.suffix == ".py" and (not folders or path.parts[0] in folders):
            text = file.read_text()
            yield path.as_posix(), ast.parse(text), text


def product(tree: Path) -> Iterator[tuple[str, ast.Module, str]]:
    """The modules that run in production."""
    return (module for module in modules(tree) if module[0].split("/")[0] not in NOT_PRODUCT)


def full_names(syntax: ast.Module) -> Iterator[tuple[int, str]]:
    """Each name that the module uses, spelt out: `d.now` after `from datetime import datetime as d` is
    `datetime.datetime.now`, and a name that no import brings is `builtins.…`."""
    imported: dict[str, str] = {}
    for node in ast.walk(syntax):
        if isinstance(node, ast.Import | ast.ImportFrom):
            origin = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                yield node.lineno, origin + alias.name
                local = alias.asname or (alias.name if origin else alias.name.split(".")[0])
                imported[local] = origin + (alias.name if alias.asname else local)
    for node in ast.walk(syntax):
        parts: list[str] = []
        inner: ast.AST = node
        while isinstance(inner, ast.Attribute):
            parts.insert(0, inner.attr)
            inner = inner.value
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(inner, ast.Name):
            yield node.lineno, ".".join([imported.get(inner.id, f"builtins.{inner.id}"), *parts])


def every_module_opens_with_a_sentence(tree: Path) -> Iterator[str]:
    """A module says in its first lines what it does."""
    for path, syntax, _ in modules(tree):
        if syntax.body and "." not in (ast.get_docstring(syntax) or ""):
            yield f"{path}:1: no opening sentence; begin the file with a docstring that says what it decides or does"


def functions_stay_short(tree: Path) -> Iterator[str]:
    """A function fits on a screen, or says why it does not. A migration is a list of statements, and stays as it is."""
    for path, syntax, text in modules(tree):
        if path.startswith("database/schema/migrations/versions/"):
            continue
        for node in ast.walk(syntax):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = text.splitlines()[node.lineno - 1 : node.end_lineno]
                if len(lines) > LINES_MAX and not any(re.search(r"# long: \w", line) for line in lines):
                    yield (
                        f"{path}:{node.lineno}: {node.name} has {len(lines)} lines; split it into steps with names, "
                        "or say why not in a comment '# long: …' inside it"
                    )


def files_stay_short(tree: Path) -> Iterator[str]:
    """A file of the product has one subject; a file that outgrows it becomes a folder, and no import changes."""
    for path, _, text in product(tree):
        lines = len(text.splitlines())
        if lines > FILE_LINES_MAX and not path.startswith(LISTS):
            yield f"{path}:1: {lines} lines, more than {FILE_LINES_MAX}; make it a folder with a file for each part"


def nothing_is_left_behind(tree: Path) -> Iterator[str]:
    """No notes to self, no debugging, no holes in product code."""
    note = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
    for file in files(tree):
        if file.suffix in TEXT and file.name not in {"LICENSE"}:
            for number, line in enumerate(file.read_text().splitlines(), start=1):
                if note.search(line):
                    yield f"{file.relative_to(tree).as_posix()}:{number}: a note to self; do it, or open an issue"
    # The names that this rule looks for, and what to do instead.
    instead = {
        "builtins.breakpoint": "remove it",
        "builtins.print": "write to sys.stdout where output is the product, otherwise log with structlog",
        "builtins.NotImplementedError": "implement it, or declare the interface as a Protocol",
        "pdb": "remove it",
    }
    for path, syntax, _ in product(tree):
        for number, name in full_names(syntax):
            for leftover, use in instead.items():
                if name == leftover or name.startswith(leftover + "."):
                    yield f"{path}:{number}: {name.removeprefix('builtins.')} in product code; {use}"


def every_test_is_found_and_run(tree: Path) -> Iterator[str]:
    """No test is skipped, except where the machine can never have what it needs; and the folder is no package."""
    for path, syntax, _ in modules(tree, "tests"):
        if path.endswith("__init__.py"):
            yield f"{path}:1: tests/ has no __init__.py (it would hide the product's folders); delete it"
        for line, name in full_names(syntax):
            # Those that this rule looks for: nothing here is skipped.
            if name in {"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}:
                yield f"{path}:{line}: {name}; make the test run, or call pytest.skip('not here: …') inside it"
        for node in ast.walk(syntax):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.skip":
                reason = node.args[0] if node.args else None
                if not (isinstance(reason, ast.Constant) and str(reason.value).startswith("not here: ")):
                    yield f"{path}:{node.lineno}: a skip without 'not here: '; CI installs what it can, so let it fail"


def workflows_name_what_they_start(tree: Path) -> Iterator[str]:
    """Every activity, timer and child has words for the operator, and every child its policy for the parent's end."""
    activity = re.compile(r"(start|execute)_(local_)?activity(_class|_method)?$")
    child = re.compile(r"(start|execute)_child_workflow$")
    for path, syntax, _ in modules(tree, "workflows"):
        for node in ast.walk(syntax):
            if not isinstance(node, ast.Call):
                continue
            call = ast.unparse(node.func).split(".")[-1]
            given = {keyword.arg for keyword in node.keywords}
            wanted: set[str] = set()
            if activity.match(call):
                wanted = {"summary"}
            elif child.match(call):
                wanted = {"static_summary", "parent_close_policy"}
            elif ast.unparse(node.func) == "workflow.sleep":
                wanted = {"summary"}
            elif call == "wait_condition" and "timeout" in given:
                wanted = {"timeout_summary"}
            for missing in sorted(wanted - given):
                yield f"{path}:{node.lineno}: {call} without {missing}=; say it there, in words an operator understands"


def workflows_are_deterministic(tree: Path) -> Iterator[str]:
    """Workflow code asks Temporal for the time, for chance and for timers, so that a replay decides the same."""
    # The names that this rule looks for, and what to do instead.
    instead = {
        "datetime.datetime.now": "workflow.now()",
        "datetime.datetime.utcnow": "workflow.now()",
        "datetime.datetime.today": "workflow.now()",
        "datetime.date.today": "workflow.now().date()",
        "time": "workflow.now() or workflow.sleep(…, summary=…)",
        "random": "workflow.random()",
        "secrets": "workflow.random(), or an activity for a real secret",
        "uuid": "an id made from the order's id, or workflow.uuid4()",
        "asyncio.wait": "workflow.wait",
        "asyncio.as_completed": "workflow.as_completed",
        "asyncio.sleep": "workflow.sleep(…, summary=…)",
        "asyncio.wait_for": "workflow.wait_condition(…, timeout=…, timeout_summary=…)",
        "logging": "workflow.logger, which is silent during replay",
        "os": "the workflow's input; workflows read no environment and no files",
    }
    for path, syntax, _ in modules(tree, "workflows"):
        if path == "workflows/client.py":
            continue  # it starts and asks workflows from outside
        found = {}
        for line, name in full_names(syntax):
            for banned, use in instead.items():
                if name == banned or name.startswith(banned + "."):
                    found[line, banned] = use
        for (line, banned), use in sorted(found.items()):
            yield f"{path}:{line}: {banned} in a workflow; use {use}"


def the_domain_is_pure(tree: Path) -> Iterator[str]:
    """The domain remembers nothing between two calls, names no HTTP path, and reads no patterns but those of fields."""
    containers = {"dict", "list", "set", "defaultdict", "Counter", "OrderedDict", "deque", "WeakKeyDictionary"}
    for path, syntax, _ in modules(tree, "domain"):
        for statement in syntax.body:
            if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
                value = statement.value
                called = ast.unparse(value.func).split(".")[-1] if isinstance(value, ast.Call) else ""
                if called in containers or ast.unparse(value) in {"{}", "[]"}:
                    yield f"{path}:{statement.lineno}: the module has a container to fill; what it is about should own it"
        for line, name in full_names(syntax):
            if name in {"functools.cache", "functools.lru_cache"}:
                yield f"{path}:{line}: {name} outlives what it is about, which should own what is remembered"
            if name.split(".")[0] == "re" and path != "domain/text.py":
                yield f"{path}:{line}: a pattern; give what it looks for a type, or a field of its own in domain/text.py"
        for node in ast.walk(syntax):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"/[a-z{]", node.value):
                yield f"{path}:{node.lineno}: an HTTP path; name what is asked for, and let api/ spell it"


def sql_stands_in_its_room(tree: Path) -> Iterator[str]:
    """Statements are in `database/`, next to the tables that they use."""
    for path, syntax, _ in product(tree):
        if not path.startswith("database/"):
            for line in sorted({line for line, name in full_names(syntax) if name == "sqlalchemy.text"}):
                yield f"{path}:{line}: sqlalchemy.text outside database/; move the statement to a function there"


def no_file_names_a_machine(tree: Path) -> Iterator[str]:
    """No path of the machine where something was written, and no host of a package index."""
    here = [re.escape(f"{folder}/") for folder in (tree.resolve(), Path.home()) if folder != Path("/")]
    homes = [r"/ro" r"ot/", r"/home/\w+/", r"/Users/\w+/", r"/wor" r"k/"]
    hosts = [r"py" r"pi\.org", r"python" r"hosted\.org", r"npm" r"js\.org", r"deb\.deb" r"ian\.org"]
    pattern = re.compile("|".join(here + [rf"(?<![\w.]){home}" for home in homes] + hosts))
    for file in files(tree):
        if file.suffix in TEXT:
            for number, line in enumerate(file.read_text().splitlines(), start=1):
                if match := pattern.search(line):
                    path = file.relative_to(tree).as_posix()
                    yield f"{path}:{number}: names {match[0]}; write a path relative to the tree, and no index host"


def no_text_leans_on_a_document_that_is_not_here(tree: Path) -> Iterator[str]:
    """Readers have the whole project and nothing else: no paragraph of another document is cited."""
    section = re.compile("\N{SECTION SIGN}|" r"\b(?:CONT" r"RACT|DES" r"IGN)\b")
    for file in files(tree):
        if file.suffix in TEXT and file.name != "LICENSE":
            for number, line in enumerate(file.read_text().splitlines(), start=1):
                if section.search(line):
                    path = file.relative_to(tree).as_posix()
                    yield f"{path}:{number}: cites a document that is not here; say what it says, or link to a page of ours"


def every_page_has_one_title(tree: Path) -> Iterator[str]:
    """A Markdown page has exactly one first-level heading, and it comes first."""
    for file in files(tree):
        if file.suffix == ".md":
            prose = re.sub(r"^(```|~~~).*?^\1", "", file.read_text(), flags=re.MULTILINE | re.DOTALL)
            titles = re.findall(r"^# .*$", prose, flags=re.MULTILINE)
            if len(titles) != 1 or not prose.lstrip().startswith("# "):
                path = file.relative_to(tree).as_posix()
                yield f"{path}:1: {len(titles)} titles; begin the page with its only '# ' line, use '## ' below"


def workflows_pass_imports_through(tree: Path, package: str = "workflows") -> Iterator[str]:
    """Starting or replaying a workflow imports nothing again: bare imports cost 195 ms each time instead of 0.9 ms."""
    policy = SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    runner = SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_import_notification_policy(policy))

    async def prepare(definition: workflow._Definition) -> None:
        runner.prepare_workflow(definition)

    for file in sorted((tree / package).rglob("*.py")):
        name = ".".join(file.relative_to(tree).with_suffix("").parts).removesuffix(".__init__")
        for member in vars(importlib.import_module(name)).values():
            if isinstance(member, type) and member.__module__ == name:
                definition = workflow._Definition.from_class(member)
                try:
                    if definition:
                        asyncio.run(prepare(definition))
                except Exception as error:
                    path = file.relative_to(tree).as_posix()
                    yield (
                        f"{path}:1: {member.__name__} is stopped by the sandbox: {error}; "
                        "import our modules inside 'with workflow.unsafe.imports_passed_through():'"
                    )


def imports_point_inward(tree: Path) -> Iterator[str]:
    """The contracts of pyproject.toml, judged by import-linter."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(tree), "COLUMNS": "120"}
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield f"pyproject.toml:1: an import points the wrong way; move the code to where it belongs\n{done.stdout}"


RULES: tuple[Rule, ...] = (
    every_module_opens_with_a_sentence,
    functions_stay_short,
    files_stay_short,
    nothing_is_left_behind,
    every_test_is_found_and_run,
    workflows_name_what_they_start,
    workflows_are_deterministic,
    the_domain_is_pure,
    sql_stands_in_its_room,
    no_file_names_a_machine,
    no_text_leans_on_a_document_that_is_not_here,
    every_page_has_one_title,
)


def name_of(value: object) -> str | None:
    """The part of a test's name that says which rule or violation it is about."""
    if isinstance(value, Planted):
        return f"{value.rule.__name__}-{value.path}"
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("rule", [*RULES, imports_point_inward, workflows_pass_imports_through], ids=name_of)
def test_the_source_tree_keeps_the_rule(rule: Rule) -> None:
    violations = list(rule(ROOT))
    assert not violations, f"{(rule.__doc__ or '').strip()}\n" + "\n".join(violations)


@dataclass(frozen=True)
class Planted:
    """A file that breaks one rule on one line."""

    rule: Rule
    path: str
    text: str
    line: int
    says: str


DOC = '"""Does a thing."""\n'
# Each is a fault that its rule must find; written here as text, and nowhere else.
PLANTED = (
    Planted(every_module_opens_with_a_sentence, "domain/order.py", "x = 1\n", 1, "no opening sentence"),
    Planted(every_module_opens_with_a_sentence, "tests/test_order.py", '"""Orders"""\n', 1, "no opening sentence"),
    Planted(functions_stay_short, "worker.py", "def f():\n" + "    g()\n" * LINES_MAX, 1, "f has 71 lines"),
    Planted(functions_stay_short, "tests/a.py", "async def f():\n" + "    g()\n" * 99, 1, "f has 100 lines"),
    Planted(files_stay_short, "domain/order.py", DOC + "x = 1\n" * FILE_LINES_MAX, 1, "501 lines"),
    Planted(nothing_is_left_behind, "docs/start.md", "# Start\nTO" + "DO: more\n", 2, "a note to self"),
    Planted(nothing_is_left_behind, "tests/a.py", "x = 1  # FIX" + "ME\n", 1, "a note to self"),
    Planted(nothing_is_left_behind, "domain/order.py", "print(1)\n", 1, "structlog"),
    Planted(nothing_is_left_behind, "domain/order.py", "def f():\n    breakpoint()\n", 2, "breakpoint"),
    Planted(nothing_is_left_behind, "worker.py", "raise NotImplementedError\n", 1, "Protocol"),
    Planted(nothing_is_left_behind, "starter/http.py", "from pdb import set_trace\n", 1, "pdb.set_trace"),
    Planted(every_test_is_found_and_run, "tests/domain/__init__.py", "", 1, "delete it"),
    Planted(every_test_is_found_and_run, "tests/a.py", "import pytest\n@pytest.mark.skip\ndef f(): ...\n", 2, "skip"),
    Planted(every_test_is_found_and_run, "tests/a.py", "from pytest import mark\n\nmark.xfail()\n", 3, "xfail"),
    Planted(every_test_is_found_and_run, "tests/a.py", "import pytest\npytest.skip('no browser')\n", 2, "not here: "),
    Planted(workflows_name_what_they_start, "workflows/a.py", "workflow.execute_activity(f, 1)\n", 1, "summary="),
    Planted(workflows_name_what_they_start, "workflows/a.py", "workflow.start_activity_method(f)\n", 1, "summary="),
    Planted(workflows_name_what_they_start, "workflows/a.py", "await workflow.sleep(5)\n", 1, "summary="),
    Planted(
        workflows_name_what_they_start,
        "workflows/a.py",
        "workflow.wait_condition(f, timeout=t)\n",
        1,
        "timeout_summary=",
    ),
    Planted(
        workflows_name_what_they_start,
        "workflows/a.py",
        "workflow.start_child_workflow(f, static_summary='a')\n",
        1,
        "parent_close_policy=",
    ),
    Planted(
        workflows_are_deterministic,
        "workflows/a.py",
        "from datetime import datetime as d\nd.now()\n",
        2,
        "workflow.now()",
    ),
    Planted(workflows_are_deterministic, "workflows/a.py", "import random\n", 1, "workflow.random()"),
    Planted(workflows_are_deterministic, "workflows/a.py", "from uuid import uuid4\n", 1, "workflow.uuid4()"),
    Planted(workflows_are_deterministic, "workflows/a.py", "import asyncio\nasyncio.wait(x)\n", 2, "workflow.wait"),
    Planted(workflows_are_deterministic, "workflows/a.py", "from asyncio import as_completed\n", 1, "as_completed"),
    Planted(workflows_are_deterministic, "workflows/a.py", "import logging\n", 1, "workflow.logger"),
    Planted(workflows_are_deterministic, "workflows/a.py", "from os import environ\n", 1, "input"),
    Planted(the_domain_is_pure, "domain/a.py", "x = 1\n_known: dict[int, str] = {}\n", 2, "should own it"),
    Planted(the_domain_is_pure, "domain/a/b.py", "met = collections.defaultdict(list)\n", 1, "should own it"),
    Planted(the_domain_is_pure, "domain/a.py", "from functools import cache\n", 1, "functools.cache"),
    Planted(the_domain_is_pure, "domain/a.py", "import re\n", 1, "a type"),
    Planted(the_domain_is_pure, "domain/a.py", "x = {1: '/orders/{order}/cancel'}\n", 1, "api/"),
    Planted(sql_stands_in_its_room, "jobs/relay.py", "from sqlalchemy import text\n", 1, "a function there"),
    Planted(sql_stands_in_its_room, "api/order.py", "import sqlalchemy as sql\n\nsql.text('a')\n", 3, "database/"),
    Planted(no_file_names_a_machine, "docs/start.md", "# Start\nlook in /ro" + "ot/x\n", 2, "names"),
    Planted(no_file_names_a_machine, "Makefile", "x:\n\tcd /ho" + "me/jo/src\n", 2, "names"),
    Planted(no_file_names_a_machine, ".ci/run", "curl https://py" + "pi.org/simple\n", 1, "index host"),
    Planted(no_text_leans_on_a_document_that_is_not_here, "domain/a.py", "# as DES" + "IGN says\n", 1, "not here"),
    Planted(no_text_leans_on_a_document_that_is_not_here, "docs/a.md", "# A\nsee \N{SECTION SIGN}3\n", 2, "not here"),
    Planted(every_page_has_one_title, "docs/start.md", "# One\n\n# Two\n", 1, "2 titles"),
    Planted(every_page_has_one_title, "docs/start.md", "```sh\n# a comment\n```\n", 1, "0 titles"),
    Planted(every_page_has_one_title, "docs/start.md", "text\n\n# Late\n", 1, "1 titles"),
)


def write(tree: Path, path: str, text: str) -> None:
    """Put one file into a tree."""
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text)


@pytest.mark.parametrize("planted", PLANTED, ids=name_of)
def test_a_planted_violation_is_found_on_its_line_with_what_to_do_instead(planted: Planted, tmp_path: Path) -> None:
    write(tmp_path, planted.path, planted.text)
    (violation,) = planted.rule(tmp_path)
    assert violation.startswith(f"{planted.path}:{planted.line}: ")
    assert planted.says in violation


def test_no_rule_is_without_a_planted_violation() -> None:
    assert {planted.rule for planted in PLANTED} == set(RULES)


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_a_tree_without_violations_is_left_alone(rule: Rule, tmp_path: Path) -> None:
    write(tmp_path, "domain/__init__.py", "")
    write(tmp_path, "domain/order.py", DOC + "from datetime import datetime\n\nprinted = datetime.now()\n")
    write(tmp_path, "database/order.py", DOC + "from sqlalchemy import text\n\nOPEN = text('SELECT 1')\n")
    write(tmp_path, "tests/house.py", DOC + "from sqlalchemy import text\n")
    write(tmp_path, "examples/story.py", DOC + "print(1)\n")
    write(tmp_path, "tests/test_a.py", DOC + "import pytest\n\n\ndef f():\n    pytest.skip('not here: /dev/kvm')\n")
    write(
        tmp_path,
        "workflows/order.py",
        DOC
        + "import asyncio\nfrom datetime import datetime, timedelta\n\n"
        + "at: datetime = workflow.now()\nworkflow.sleep(1, summary='waits')\nworkflow.uuid4()\nasyncio.gather()\n"
        + "workflow.execute_activity(f, summary='does')\nworkflow.wait_condition(f)\n"
        + "workflow.start_child_workflow(f, static_summary='a', parent_close_policy=p)\n",
    )
    write(tmp_path, "database/schema/migrations/versions/0001_first.py", DOC + "def f():\n" + "    g()\n" * LINES_MAX)
    write(tmp_path, "worker.py", DOC + "def f():\n    # long: one table\n" + "    g()\n" * LINES_MAX)
    write(tmp_path, "docs/start.md", "# Start\n\n```sh\n# a comment\ncat /tmp/x docs/home/a/b\n```\n\n## Then\n")
    write(tmp_path, ".venv/lib/order.py", "print(1)  # FIX" + "ME /ro" + "ot/\n")
    write(tmp_path, ".data/log.txt", "/ro" + "ot/\n")
    assert list(rule(tmp_path)) == []


@pytest.mark.parametrize(
    ("imports", "violations"),
    [
        ("with workflow.unsafe.imports_passed_through():\n    import planted_activities\n", 0),
        ("import planted_activities\n", 1),
    ],
    ids=["passed-through", "bare"],
)
def test_a_workflow_file_with_a_bare_import_is_found(
    imports: str, violations: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = f"planted_workflows_{violations}"
    write(tmp_path, "planted_activities.py", DOC)
    write(
        tmp_path,
        f"{package}/order.py",
        f"{DOC}from temporalio import workflow\n\n{imports}\n\n@workflow.defn\nclass Order:\n    @workflow.run\n"
        "    async def run(self) -> None:\n        planted_activities\n",
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert len(list(workflows_pass_imports_through(tmp_path, package))) == violations


@pytest.mark.parametrize(
    ("path", "imports", "violations"),
    [
        ("workflows/order.py", "import activities", 0),
        ("activities/order.py", "import transactions", 0),
        ("transactions/order.py", "import activities", 1),
        ("runtime/where.py", "import workflows", 1),
        ("api/order.py", "import starter", 1),
        ("jobs/relay.py", "import api", 1),
        ("transactions/order.py", "import workflows", 1),
        ("domain/order.py", "import sqlalchemy", 1),
        ("database/order.py", "import network", 1),
        ("formats/order.py", "import httpx2", 1),
        ("starter/up.py", "import worker", 1),
    ],
)
def test_an_import_that_points_outward_is_found(path: str, imports: str, violations: int, tmp_path: Path) -> None:
    pyproject = (ROOT / "pyproject.toml").read_text()
    write(tmp_path, "pyproject.toml", pyproject[pyproject.index("[tool.importlinter]") :])
    for package in tomllib.loads(pyproject)["tool"]["importlinter"]["root_packages"]:
        write(tmp_path, f"{package}/__init__.py", DOC)
    write(tmp_path, path, f"{DOC}{imports}\n")
    assert len(list(imports_point_inward(tmp_path))) == violations
