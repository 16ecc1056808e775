"""Draws the interface as a page that loads nothing else: no script, no font, no picture."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path
from shlex import quote
from typing import Any

from formats.markup import element, text

Document = Mapping[str, Any]

STYLE = Path(__file__).with_name("pages.css")
REFERENCE = "#/components/schemas/"


def interface(made: Document) -> str:
    """An OpenAPI document as a page: every operation by subject, and the types of bodies and answers."""
    groups = [(tag, list(_operations(made, tag["name"]))) for tag in made["tags"]]
    contents = element("nav", *(_contents(tag, found) for tag, found in groups), _to_types(), aria_label="Operations")
    sections = [_subject(made, tag, found) for tag, found in groups]
    main = element("main", _opening(made), *sections, _types(made))
    return _page("Switchyard: the interface", contents, main, class_="wide")


def _page(title: str, *inner: str, class_: str | None = None) -> str:
    head = element(
        "head",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        element("title", text(title)),
        element("style", _style()),
    )
    return "<!doctype html>\n" + element("html", head, element("body", *inner, class_=class_), lang="en") + "\n"


@cache
def _style() -> str:
    return STYLE.read_text(encoding="utf-8")


def _p(sentence: str) -> str:
    """A paragraph; what stands in backticks is code."""
    parts = escape(sentence).split("`")
    return element("p", *(element("code", part) if index % 2 else part for index, part in enumerate(parts)))


def _operations(made: Document, tag: str) -> Iterator[tuple[str, str, Document]]:
    for path, methods in made["paths"].items():
        yield from ((method.upper(), path, spec) for method, spec in methods.items() if tag in spec["tags"])


def _contents(tag: Document, found: Iterable[tuple[str, str, Document]]) -> str:
    links = [
        element("li", element("a", text(spec["summary"]), href=f"#{spec['operationId']}", title=f"{method} {path}"))
        for method, path, spec in found
    ]
    return element("h2", element("a", text(tag["name"]), href=f"#subject-{tag['name']}")) + element("ul", *links)


def _to_types() -> str:
    return element("h2", element("a", "types", href="#types"))


def _opening(made: Document) -> str:
    sentences = [
        made["info"]["description"],
        "Every body and answer is JSON. A key goes with each request that needs one: `Authorization: Bearer KEY`.",
        "The examples are for a shell in which `SWITCHYARD` is this address and `KEY` is your key, such as "
        "`SWITCHYARD=http://127.0.0.1:8080`.",
    ]
    link = element("p", element("a", "openapi.json", href="/openapi.json"), " is the same for programs.")
    return element("header", element("h1", "The interface of Switchyard"), *map(_p, sentences), link)


def _subject(made: Document, tag: Document, found: Iterable[tuple[str, str, Document]]) -> str:
    head = element("h2", text(tag["name"].capitalize())) + _p(tag["description"])
    articles = (_operation(made, method, path, spec) for method, path, spec in found)
    return element("section", head, *articles, id=f"subject-{tag['name']}")


def _operation(made: Document, method: str, path: str, spec: Document) -> str:
    title = element("h3", element("a", text(spec["summary"]), href=f"#{spec['operationId']}"))
    address = element("p", element("b", text(method)), " ", element("code", text(path)), class_="address")
    callers = spec["x-open-to"]
    open_to = f"Open to keys of kind {', '.join(callers)}." if callers else "Needs no key."
    open_to += f" An operator needs the role {spec['x-role']}." if "operator" in callers else ""
    parts = [title, address, _p(" ".join(spec["description"].split())), element("p", text(open_to), class_="muted")]
    parts += [_parameters(made, spec), _body(made, spec), _answers(made, spec), _example(method, path, spec)]
    return element("article", *parts, id=spec["operationId"])


def _parameters(made: Document, spec: Document) -> str:
    rows = [
        (
            element("code", text(parameter["name"])),
            f"{text(parameter['in'])}{', required' if parameter['required'] else ''}",
            _type(parameter["schema"]),
            text(parameter.get("description", "")),
        )
        for parameter in spec.get("parameters", ())
    ]
    return _table("Parameters", ("name", "where", "type", "meaning"), rows)


def _body(made: Document, spec: Document) -> str:
    if "requestBody" not in spec:
        return ""
    schema = _resolved(made, spec["requestBody"]["content"]["application/json"]["schema"])
    return _p(schema.get("description", "")) + _fields("Body", schema)


def _fields(caption: str, schema: Document) -> str:
    required = schema.get("required", ())
    rows = [
        (element("code", text(name)), "required" if name in required else "", _type(field), _meaning(field))
        for name, field in schema.get("properties", {}).items()
    ]
    return _table(caption, ("field", "", "type", "meaning"), rows)


def _meaning(field: Document) -> str:
    described = (part["description"] for part in (field, *field.get("anyOf", ())) if "description" in part)
    words = [text(description) for description in itertools.islice(described, 1)]
    words += [f"Absent: {text(json.dumps(field['default']))}"] if field.get("default") is not None else []
    return ". ".join(words)


def _answers(made: Document, spec: Document) -> str:
    rows = [
        (element("b", text(status)), _answer_types(answer), text(answer["description"]))
        for status, answer in spec["responses"].items()
    ]
    return _table("Answers", ("status", "type", "meaning"), rows)


def _answer_types(answer: Document) -> str:
    types = [
        _type(content["schema"]) if media_type.endswith("json") else text(media_type)
        for media_type, content in answer.get("content", {}).items()
    ]
    return ", ".join(types) or "no body"


def _example(method: str, path: str, spec: Document) -> str:
    for parameter in spec.get("parameters", ()):
        if examples := parameter["schema"].get("examples"):
            path = path.replace(f"{{{parameter['name']}}}", str(examples[0]))
    words = [f'curl {"" if method == "GET" else f"-X {method} "}"$SWITCHYARD{path}"']
    words += ['-H "Authorization: Bearer $KEY"'] if spec["x-open-to"] else []
    if "requestBody" in spec:
        body = json.dumps(spec["requestBody"]["content"]["application/json"]["example"], indent=1, ensure_ascii=False)
        words += ["-H 'Content-Type: application/json'", f"-d {quote(body)}"]
    return element("pre", element("code", text(" \\\n  ".join(words))), tabindex=0, aria_label="Example")


def _types(made: Document) -> str:
    schemas = made["components"]["schemas"]
    parts = [_one_type(name, schemas[name]) for name in sorted(schemas)]
    return element("section", element("h2", "Types"), *parts, id="types")


def _one_type(name: str, schema: Document) -> str:
    title = element("h3", element("a", text(name), href=f"#type-{name}"))
    values = _p("One of " + ", ".join(f"`{value}`" for value in schema["enum"])) if "enum" in schema else ""
    inner = _p(" ".join(schema.get("description", "").split())) + values + _fields("Fields", schema)
    return element("article", title, inner, id=f"type-{name}")


def _table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    head = element("tr", *(element("th", text(column), scope="col") for column in columns))
    body = (element("tr", *(element("td", cell) for cell in row)) for row in rows)
    inner = element("table", element("caption", text(caption)), element("thead", head), element("tbody", *body))
    return element("div", inner, class_="scrolls")


def _resolved(made: Document, schema: Document) -> Document:
    reference = schema.get("$ref")
    return made["components"]["schemas"][reference.removeprefix(REFERENCE)] if reference else schema


def _type(schema: Document) -> str:
    """What a value may be, in a few words; a type of ours is a link to it."""
    if reference := schema.get("$ref"):
        name = str(reference).removeprefix(REFERENCE)
        return element("a", text(name), href=f"#type-{name}")
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(_type(choice) for choice in choices)
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if values := schema.get("enum"):
        return text(" or ".join(map(str, values)))
    return text(" ".join([NAMES.get(schema.get("type", ""), "anything"), *_limits(schema)]))


NAMES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"} | {
    name: name for name in ("object", "null")
}


def _limits(schema: Document) -> Iterator[str]:
    words = {
        "minimum": "from {}",
        "maximum": "to {}",
        "maxLength": "of at most {} characters",
        "pattern": "matching {}",
    }
    for name, phrase in words.items():
        if (limit := schema.get(name)) is not None:
            yield phrase.format(f"{limit:,.0f}" if isinstance(limit, float) else limit)
    if schema.get("format") == "date-time":
        yield "such as 2026-11-22T15:04:05Z"
