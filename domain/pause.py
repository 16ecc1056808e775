"""What a pause is: a node in trouble gets no new work until it is resumed."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from domain.text import FreeText, Label, Strict


class OpenWork(StrEnum):
    """What happens to a paused node's pins and to work that it has not shipped."""

    KEEP = "keep"
    REROUTE = "reroute"


class ResumeRequest(Strict):
    """The body of `POST /nodes/{node}/resume`."""

    reason: FreeText | None = None
    actor: Label | None = None


class PauseRequest(ResumeRequest):
    """The body of `POST /nodes/{node}/pause`."""

    open_work: OpenWork = OpenWork.KEEP


class Paused(BaseModel):
    """An active pause."""

    node: str
    since: datetime
    open_work: OpenWork


class ResumedNode(BaseModel):
    """A pause that was ended."""

    node: str
    since: datetime
    lifted_at: datetime
