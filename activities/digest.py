"""Compares bodies as parsed JSON: what is the same request, however its sender spells it."""

import json
from hashlib import sha256

from pydantic import BaseModel


def digest(body: BaseModel) -> str:
    """A body's fingerprint: equal for equal content, whatever the order of its keys; personal data cannot be read from it."""
    content = body.model_dump(mode="json", exclude_unset=True)
    return sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
