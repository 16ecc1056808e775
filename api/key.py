"""Routes about keys: an operator makes them for channels and nodes, and revokes them."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, model_validator

from api.access import Admin, Operator, ServiceDep
from api.answer import shown
from api.common import IdempotencyKey, Limit
from api.paths import KeyId
from database.documents import key as documents
from database.documents.document import Page, page
from database.documents.key import ListedKey
from domain.identifiers import OWN_CHANNELS
from domain.role import Role
from domain.text import NodeId, Strict
from transactions import key as keys

router = APIRouter(tags=["keys"])


class NewKey(Strict):
    """A key for the channel or node `name`, or for another operator."""

    kind: Literal["operator", "channel", "node"]
    name: NodeId
    role: Role | None = None

    @model_validator(mode="after")
    def _transfers_have_no_channel(self) -> Self:
        if self.kind == "channel" and self.name in OWN_CHANNELS:
            raise ValueError(f"name: {self.name} is the channel of transfers between nodes, which only operators see")
        return self

    @model_validator(mode="after")
    def _only_operators_have_roles(self) -> Self:
        if self.role is not None and self.kind != "operator":
            raise ValueError(f"role: is only for operators; the key of a {self.kind} is for what is its own")
        return self


class MadeKey(BaseModel):
    """A new key. This is the only answer that shows it: only its hash is stored."""

    id: str
    key: str


def shown_key(request: Request) -> str:
    """The secret that the caller sent."""
    return request.headers["authorization"].partition(" ")[2]


@router.post("/keys", status_code=201, response_model=MadeKey)
async def make_key(
    body: NewKey,
    holder: Admin,
    service: ServiceDep,
    operator_key: Annotated[str, Depends(shown_key)],
    idempotency_key: IdempotencyKey = None,
) -> MadeKey:
    """Make a key. With an Idempotency-Key its id is derived from that and the operator's own key, and the secret from the
    body as well: the same answer can be given again without keeping the secret anywhere, and another body is noticed."""
    role = body.role or Role.ADMIN
    made = await keys.make(
        service.transactions, body.kind, body.name, role, operator_key=operator_key, idempotency_key=idempotency_key
    )
    return MadeKey(id=made.key_id, key=made.key)


@router.get("/keys", response_model=Page[ListedKey])
async def list_keys(holder: Operator, service: ServiceDep, after: str | None = None, limit: Limit = 50) -> Response:
    """Every key, revoked ones too: its kind, its name, when it was made and revoked. The key itself is not stored."""
    async with service.database.read() as connection:
        return shown(page(await documents.listed(connection, after=after, limit=limit + 1), limit, "id"))


@router.delete("/keys/{key}", status_code=204)
async def revoke_key(key_id: KeyId, holder: Admin, service: ServiceDep) -> Response:
    """Revoke a key. From now on it is answered like an unknown key."""
    await keys.revoke(service.transactions, key_id)
    service.keys.forget(key_id)
    return Response(status_code=204)
