"""The OpenAPI document: what FastAPI reads from the routes, with problems, callers, tags and examples added."""

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api import problems
from api.access import OpenTo
from api.examples import EXAMPLES
from api.fields import ANSWERS, MEANINGS, QUERIES

Document = dict[str, Any]

TAGS = MappingProxyType(
    {
        "orders": "Place orders, read them, and ask for changes: cancel, hold, reroute, another address or quantity.",
        "promises": "What would be promised for a cart now. Nothing is stored.",
        "reservations": "Stock that is kept for a cart until it becomes an order or its time is over.",
        "nodes": "The work of nodes: fulfillment orders and messages about them. Pausing a node.",
        "carriers": "Labels of parcels, bought from carriers and given back.",
        "stock": "Messages about stock, what is available, and stopping the sale of an item.",
        "transfers": "Goods that move between nodes: make a transfer, read it, cancel what has not left; what nodes need.",
        "returns": "Returns of delivered units: approval, receipt, grading, refund.",
        "claims": "Units that were missing, wrong, damaged or lost.",
        "payments": "What was authorized, captured and voided for orders.",
        "exceptions": "What needs a person: the queue, the owner of each, and how to resolve it.",
        "channels": "The feed of events, and the webhook that delivers them.",
        "reports": "Figures, as JSON or CSV.",
        "keys": "Keys of operators, channels and nodes.",
        "service": "What is running here, how it is, and its jobs. Only the list of jobs needs a key.",
    }
)
"""Every subject of the interface with what it is about, in the order in which it is read."""

ALWAYS = (422, 429, 500, 503)
FASTAPIS_OWN_WORDS = "Successful Response"


def operation_id(route: APIRoute) -> str:
    """The name of an operation in generated clients: its function's. To rename one breaks them."""
    return route.name


def document(app: FastAPI, routes: Sequence[APIRoute]) -> Document:
    """The OpenAPI document of an application with these routes."""
    made: Document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        servers=[{"url": "/", "description": "This Switchyard"}],
    )
    made["components"]["schemas"] |= problems.SCHEMAS
    # A type that no caller sends, such as a row that could not be read, is among the models of FastAPI all the same.
    schemas, shown = made["components"]["schemas"], _reached(made, made["paths"])
    made["components"]["schemas"] = {name: schema for name, schema in schemas.items() if name in shown}
    access = {route.name: _access(route) for route in routes}
    for method, operation in operations(made):
        name = operation["operationId"]
        operation["summary"] = name.replace("_", " ").capitalize()
        operation["x-open-to"] = [kind for open_to in access[name] for kind in open_to.kinds]
        operation["x-role"] = next((open_to.role(method.upper()) for open_to in access[name]), None)
        failures = {str(status): problems.response(status) for status in _failures(method, operation)}
        operation["responses"] = dict(sorted((operation["responses"] | failures).items()))
        for answer in operation["responses"].values():
            if answer["description"] == FASTAPIS_OWN_WORDS:
                answer["description"] = "It was done"
        if body := operation.get("requestBody"):
            body["content"]["application/json"]["example"] = EXAMPLES[name]
    _say_what_fields_mean(made)
    return made


def _say_what_fields_mean(made: Document) -> None:
    schemas = made["components"]["schemas"]
    bodies = sent(made)
    for name, schema in schemas.items():
        meanings = MEANINGS if name in bodies else ANSWERS
        for field, described in schema.get("properties", {}).items():
            if "description" not in described:
                described["description"] = meanings.get(f"{name}.{field}") or meanings[field]
    for _, operation in operations(made):
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "query":
                parameter.setdefault("description", QUERIES[parameter["name"]])


def sent(made: Document) -> set[str]:
    """The names of the schemas that bodies of requests are made of."""
    return _reached(made, [operation.get("requestBody") for _, operation in operations(made)])


def _reached(made: Document, parts: object) -> set[str]:
    """The names of the schemas that parts of a document refer to, directly or through others."""
    found: set[str] = set()
    left = _references(parts)
    while left:
        if (name := left.pop()) not in found:
            found.add(name)
            left += _references(made["components"]["schemas"][name])
    return found


def _references(part: object) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"].rpartition("/")[2]] if "$ref" in part else []
        return own + [name for value in part.values() for name in _references(value)]
    return [name for value in part for name in _references(value)] if isinstance(part, list) else []


def operations(made: Document) -> Iterator[tuple[str, Document]]:
    """Every operation of a document with its method."""
    for path in made["paths"].values():
        yield from path.items()


def _access(route: APIRoute) -> list[OpenTo]:
    """Who may call a route; nothing = it needs no key."""
    return [needed.call for needed in route.dependant.dependencies if isinstance(needed.call, OpenTo)]


def _failures(method: str, operation: Document) -> list[int]:
    """The statuses of the problems that an operation can answer with."""
    in_path = any(parameter["in"] == "path" for parameter in operation.get("parameters", ()))
    return sorted(
        [
            *ALWAYS,
            *((401, 403) if "security" in operation else ()),
            *((400, 408, 413) if "requestBody" in operation else ()),
            *((404,) if in_path else ()),
            *((409,) if method in ("post", "delete") else ()),
        ]
    )
