"""Routes about keys: an operator makes them for channels and nodes, and takes them away."""

import hmac
import secrets
from hashlib import sha256
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict

from api.access import Operator, Wired, nothing
from api.order import IdempotencyKey, Limit, page
from api.paths import KeyId
from api.problems import OTHER_BODY, Problem
from database import key
from domain.text import NodeId

router = APIRouter(tags=["keys"])


class NewKey(BaseModel):
    """A key for the channel or node `name`, or for another operator."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["operator", "channel", "node"]
    name: NodeId


class MadeKey(BaseModel):
    """A new key. This is the only answer that shows it: only its hash is stored."""

    id: str
    key: str


def shown_key(request: Request) -> str:
    """The secret that the caller showed."""
    return request.headers["authorization"].partition(" ")[2]


@router.post("/keys", status_code=201, response_model=MadeKey)
async def make_key(
    body: NewKey,
    holder: Operator,
    service: Wired,
    operator_key: Annotated[str, Depends(shown_key)],
    idempotency_key: IdempotencyKey = None,
) -> MadeKey:
    """Make a key. With an Idempotency-Key its id is derived from that and the operator's own key, and the secret from the
    body as well: the same answer can be given again without keeping the secret anywhere, and another body is noticed."""
    if idempotency_key is None:
        made = MadeKey(id=secrets.token_hex(8), key=secrets.token_urlsafe(32))
    else:
        made = MadeKey(
            id=_derived(operator_key, "id", idempotency_key)[:16],
            key=_derived(operator_key, "key", idempotency_key, body.kind, body.name),
        )
    async with service.database.write() as connection:
        await key.add(connection, key_id=made.id, kind=body.kind, name=body.name, key=made.key)
        if await key.holder(connection, made.key) is None:
            raise Problem(OTHER_BODY, "this Idempotency-Key was used for another key, or for one that was revoked")
    return made


@router.get("/keys")
async def list_keys(holder: Operator, service: Wired, after: str | None = None, limit: Limit = 50) -> dict[str, Any]:
    """Every key, revoked ones too: its kind, its name, when it was made and revoked. The key itself is not stored."""
    async with service.database.read() as connection:
        return page(await key.listed(connection, after=after, limit=limit + 1), limit, "id")


def _derived(operator_key: str, *parts: str) -> str:
    return hmac.new(operator_key.encode(), "|".join(parts).encode(), sha256).hexdigest()


@router.delete("/keys/{key}", status_code=204)
async def revoke_key(key_id: KeyId, holder: Operator, service: Wired) -> Response:
    """Revoke a key. From now on it is answered like an unknown key."""
    async with service.database.write() as connection:
        if not await key.revoke(connection, key_id):
            raise nothing("key", key_id)
    return Response(status_code=204)
