"""Answers a document as it was read: it is written as JSON once, and not validated each time. The tests check it."""

from typing import Any

from fastapi import Response
from pydantic_core import to_json


def shown(document: dict[str, Any]) -> Response:
    """The response that holds this document."""
    return Response(to_json(document), media_type="application/json")
