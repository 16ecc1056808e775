"""Names and prose use the words of the field: a table of words that are not written, with what is written instead.

Looked at are identifiers, file names, docstrings and comments of every module, the texts of the OpenAPI document, and pages.
Decisions keep the words of their day, a changelog those of its release, and a glossary names words to say what is used instead.
"""

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from api.app import application
from api.service import Service
from tests.test_architecture import ROOT, files

INSTEAD: Mapping[str, str] = {
    "told": "sent, reported, recorded, notified; for a thing: what it is",
    "wish": "request",
    "wishes": "requests",
    "wished": "requested",
    "heed": "apply",
    "heeds": "applies",
    "anew": "again",
    "manieth": "which one of them: 1, 2, …",
    "he": "the node, the customer, the operator, or they",
    "him": "the node, the customer, the operator, or them",
    "his": "the node's, the customer's, the operator's, or their",
    "himself": "themselves",
    "stockroom": "the job by its name",
    "shelf": "stock level",
    "shelves": "stock levels",
    "courier": "webhook sender",
    "couriers": "webhook senders",
    "patience": "deadline, time-out",
    "whoever": "the role: the operator, a node, a caller, a reader",
}
"""Each word that is not written, with what is written instead."""

STORED = ("patience_from", "told_received", "ix_cart_unit_shelf")
"""Names in databases and recorded histories: renaming one would be a migration."""

FROZEN = ("database/schema/migrations/", "docs/reference/schema.md", "docs/decisions/", "tests/test_words.py")
"""What has landed in databases with the page that shows its comments, what was decided in its day, and this list."""

UNRELEASED = re.compile(r"^## \[Unreleased\]\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
NOT_USED = re.compile(r"^## Words that we do not use\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""The words of a text or a name: `SendNow`, `send_now`, `SEND_NOW` and `how-manieth` have two each."""


def banned(text: str) -> Iterator[str]:
    """Each word of a text that is not written, with what is written instead."""
    for name in STORED:
        text = text.replace(name, "")
    for word in WORD.findall(text):
        if better := INSTEAD.get(word.lower()):
            yield f"“{word}”; write {better}"


def lines_of(text: str, first: int = 1) -> Iterator[tuple[int, str]]:
    """The lines of a text that begins at a line of its file."""
    return enumerate(text.splitlines(), start=first)


def of_module(text: str) -> Iterator[tuple[int, str]]:
    """Every name, comment and docstring of a module, with its line."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.NAME, tokenize.COMMENT):
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from lines_of(node.value.value, node.lineno)


def of_page(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Every line of a page that is held to the words of today."""
    if path == "CHANGELOG.md":
        text = "".join(UNRELEASED.findall(text))
    return lines_of(NOT_USED.sub(lambda section: "\n" * section[0].count("\n"), text))


def in_tree(tree: Path) -> Iterator[str]:
    """One line for each banned word in a name or in the prose of a tree."""
    for file in files(tree):
        path = file.relative_to(tree).as_posix()
        if file.suffix not in {".py", ".md"} or path.startswith(FROZEN):
            continue
        text = file.read_text()
        places = of_module(text) if file.suffix == ".py" else of_page(path, text)
        for line, part in ((0, path), *places):
            yield from (f"{path}:{line}: {found}" for found in banned(part))


def in_document(document: Mapping[str, Any]) -> Iterator[str]:
    """One line for each banned word in the OpenAPI document, with the text that it stands in."""
    for line in json.dumps(document, ensure_ascii=False, indent=0).splitlines():
        yield from (f"{line.strip()}: {found}" for found in banned(line))


def test_names_and_prose_of_the_tree_use_the_words_of_the_field() -> None:
    found = list(in_tree(ROOT))
    assert not found, "\n" + "\n".join(found)


def test_the_texts_of_the_interface_use_the_words_of_the_field() -> None:
    service = cast(Service, SimpleNamespace())
    document = application(service).openapi()
    assert "A field or parameter is invalid" in json.dumps(document)
    found = list(in_document(document))
    assert not found, "\n" + "\n".join(found)


PLANTED = {
    "the name of a function": ("a.py", "def was_told() -> None: ..."),
    "the name of a class": ("a.py", "class WebhookCourier: ..."),
    "an argument": ("a.py", "def send(his_key: str) -> None: ..."),
    "an attribute": ("a.py", "def count(stock) -> int:\n    return stock.shelves"),
    "a constant": ("a.py", "PATIENCE_MAX = 3"),
    "a function of another module": ("a.py", "from tables import shelf as level"),
    "the name of a file": ("jobs/courier.py", "import os"),
    "a docstring": ("a.py", 'def send() -> None:\n    """Send it anew."""'),
    "the docstring of a constant": ("a.py", 'AT = 1\n"""When nobody heeds it,\nwhoever it is."""'),
    "a comment": ("a.py", "AT = 1  # a customer wishes this"),
    "a page": ("docs/a.md", "# Title\n\nThe how-manieth try of a node: his first."),
    "the changelog of today": ("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\nThe node is told.\n\n## 0.1.0\n"),
    "a glossary": ("docs/glossary.md", "# Words\n\n**shelf**: goods.\n\n## Words that we do not use\n"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_word_is_found(tmp_path: Path, planted: str) -> None:
    path, text = PLANTED[planted]
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    assert list(in_tree(tmp_path))


@pytest.mark.parametrize("word", INSTEAD)
def test_every_word_of_the_table_is_found(word: str) -> None:
    assert list(banned(f"It is {word}, then.")) == [f"“{word}”; write {INSTEAD[word]}"]


def test_a_word_in_the_interface_is_found() -> None:
    assert list(in_document({"paths": {"/orders": {"get": {"summary": "What the node was told"}}}}))


ALLOWED = {
    "a stored name": ("a.py", "COLUMN = 'x'\nprint(row.patience_from)"),
    "a longer word": ("a.py", "HELP = 1  # the history of this machine, where the bookshelf of hers is"),
    "a decision of its day": ("docs/decisions/0001-a.md", "# He was told"),
    "a release that is out": ("CHANGELOG.md", "# Changelog\n\n## 0.1.0\n\nThe courier.\n"),
    "what is not used": ("docs/glossary.md", "# Words\n\n## Words that we do not use\n\n| shelf | stock level |\n"),
}


@pytest.mark.parametrize("allowed", ALLOWED)
def test_what_may_be_written_is_not_found(tmp_path: Path, allowed: str) -> None:
    path, text = ALLOWED[allowed]
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    assert list(in_tree(tmp_path)) == []
