"""The reference pages hold the whole interface: every field of every document, and every word that a field can hold.

The tables of fields are made from the OpenAPI document, and so from the models. A test that fails prints the table to paste.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from api.app import application
from api.service import Service
from domain.closing import CLOSING
from domain.event import EventKind

Schema = dict[str, Any]

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs/reference").glob("**/*.md"))
SECTION = re.compile(r"^### `(\w+)`\n\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
SCHEMAS: dict[str, Schema] = application(cast(Service, None)).openapi()["components"]["schemas"]
WORDS = {name: schema["enum"] for name, schema in SCHEMAS.items() if "enum" in schema}
DOCUMENTS = {name: schema for name, schema in SCHEMAS.items() if "properties" in schema}
LINES_MAX = 500


def sections() -> dict[str, tuple[Path, str]]:
    """Every section about a document or a list of words, by name: the page that it is on and its text."""
    found: dict[str, tuple[Path, str]] = {}
    for page in PAGES:
        for name, text in SECTION.findall(page.read_text()):
            assert name not in found, f"{name} is on two pages"
            found[name] = page, text.strip()
    return found


SECTIONS = sections()


def link(name: str, page: Path) -> str:
    """A link from a page to the section about a document or a list of words."""
    there = SECTIONS[name][0] if name in SECTIONS else page
    path = "" if there == page else os.path.relpath(there, page.parent).replace(os.sep, "/")
    return f"[{name}]({path}#{name.lower()})"


def type_of(schema: Schema, page: Path) -> str:
    """What a field holds, in words, with links to what is described elsewhere."""
    if "$ref" in schema:
        return link(schema["$ref"].rpartition("/")[2], page)
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(type_of(part, page) for part in schema.get("anyOf") or schema["oneOf"])
    if "const" in schema or "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema.get("enum") or [schema["const"]])
    return of_plain(schema, page)


def of_plain(schema: Schema, page: Path) -> str:
    """What a field holds that is no reference and no choice."""
    match schema.get("type"):
        case "array":
            return f"list of {type_of(schema['items'], page)}"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"object of {type_of(schema['additionalProperties'], page)}"
        case "string":
            return "time" if schema.get("format") == "date-time" else "text"
        case "boolean":
            return "true or false"
        case kind:
            return str(kind)


def section_of(name: str, page: Path) -> str:
    """The section of a document as it has to stand on a page."""
    schema = DOCUMENTS[name]
    required = schema.get("required", [])
    rows = [
        f"| `{field}`{'' if field in required else ' (optional)'} | {type_of(about, page)} | {plain(about['description'])} |"
        for field, about in schema["properties"].items()
    ]
    return "\n".join([plain(schema["description"]), "", "| field | holds | meaning |", "|---|---|---|", *rows])


def plain(text: str) -> str:
    """A sentence or two on one line, as they can stand in a table."""
    return " ".join(text.split()).replace("|", "\\|")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_is_in_the_reference_with_every_field(name: str) -> None:
    page, text = SECTIONS.get(name, (PAGES[0], ""))
    wanted = section_of(name, page)
    assert text == wanted, f"paste below the heading ### `{name}`:\n\n{wanted}\n"


@pytest.mark.parametrize("name", WORDS)
def test_every_word_that_a_field_can_hold_is_in_the_reference(name: str) -> None:
    _, text = SECTIONS.get(name, (PAGES[0], ""))
    assert re.findall(r"^\| `(.*?)` \| .+ \|$", text, re.MULTILINE) == WORDS[name], (
        f"list the words of {name} in a table"
    )


def test_the_reference_says_what_closes_each_exception() -> None:
    _, text = SECTIONS["ExceptionCode"]
    rows = dict(re.findall(r"^\| `(.*?)` \| [^|]+ \| (.+) \|$", text, re.MULTILINE))
    assert rows == {code: closing.closed_by or "only a person" for code, closing in CLOSING.items()}


def test_every_kind_of_event_is_in_the_reference_with_what_it_carries() -> None:
    page, text = SECTIONS["Event"]
    wanted = {kind: link(name, page) for name, kind in kinds_of_events()}
    assert wanted.keys() == set(EventKind)
    assert dict(re.findall(r"^\| `(.*?)` \| .+ \| (.*) \|$", text, re.MULTILINE)) == wanted


def kinds_of_events() -> Iterator[tuple[str, str]]:
    """Every kind of event with the document that its `data` is."""
    for kind, reference in SCHEMAS["Event"]["discriminator"]["mapping"].items():
        event = DOCUMENTS[reference.rpartition("/")[2]]
        yield event["properties"]["data"]["$ref"].rpartition("/")[2], kind


def test_nothing_is_in_the_reference_that_is_not_in_the_interface() -> None:
    assert SECTIONS.keys() == DOCUMENTS.keys() | WORDS.keys() | {"Event"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_of_the_reference_is_too_long_to_read(page: Path) -> None:
    assert len(page.read_text().splitlines()) <= LINES_MAX
