"""What the pages say can be followed: links lead somewhere, commands exist, examples that claim to be tested are valid.

An example is tested when the line before its fence is `<!-- tested: NAME -->`, with a name of EXAMPLES.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
EXAMPLES: dict[str, Callable[[str], object]] = {
    "nodes": lambda text: tomllib.loads(text)["node"],
    "policy": lambda text: tomllib.loads(text)["strategy"],
    "order": lambda text: json.loads(text)["lines"],
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
    told = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make (\w+)", told, re.MULTILINE)) == targets


RUN_BY_MAKE = set(re.findall(r"-m starter ([a-z-]+)", (ROOT / "Makefile").read_text()))


@pytest.mark.parametrize("words", sorted(commands(ROOT, "python -m starter") | RUN_BY_MAKE))
def test_every_command_that_a_page_or_the_makefile_names_exists(words: str) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "starter", *words.split(), "--help"], cwd=ROOT, capture_output=True, text=True
    )
    usage = next((line for line in told.stdout.splitlines() if line.startswith("Usage:")), "")
    assert told.returncode == 0, told.stderr
    assert f" {words} " in f"{usage} ", f"python -m starter {words} is no command: {usage}"


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
        '# A\n\n<!-- tested: order -->\n```json\n{"lines": [}\n```\n',
        "# A\n\n<!-- tested: order -->\n\ntext\n",
        "# A\n\n<!-- tested: something -->\n```toml\n```\n",
    ],
)
def test_a_planted_broken_example_is_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(text)
    (problem,) = broken_examples(tmp_path)
    assert problem.startswith("a.md:3: ")


def test_a_page_without_mistakes_is_left_alone_and_its_commands_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "# A\n\n[b](#with-code-here) [c](https://example.com) [d](a.md)\n\n## With `code` here\n\n"
        "Run `make demo KEEP=1` or `python -m starter network check DIR`; make haste. "
        "`python -m starter simulate-nodes --seed 1`\n\n"
        "```sh\n    make test      # all\npython -m starter order examples/a.json\n```\n\n"
        '<!-- tested: order -->\n```json\n{"lines": []}\n```\n'
    )
    assert list(broken_links(tmp_path)) == []
    assert list(broken_examples(tmp_path)) == []
    assert commands(tmp_path, "make") == {"demo", "test"}
    assert commands(tmp_path, "python -m starter") == {"network check", "order", "simulate-nodes"}
