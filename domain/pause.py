"""What a pause is: a node in trouble is given nothing new until somebody resumes it."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.text import FreeText, Label


class OpenWork(StrEnum):
    """What becomes of a paused node's pins and of work that it has not shipped."""

    KEEP = "keep"
    REROUTE = "reroute"


class ResumeRequest(BaseModel):
    """The body of `POST /nodes/{node}/resume`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: FreeText | None = None
    actor: Label | None = None


class PauseRequest(ResumeRequest):
    """The body of `POST /nodes/{node}/pause`."""

    open_work: OpenWork = OpenWork.KEEP


class Paused(BaseModel):
    """A pause that stands."""

    node: str
    since: datetime
    open_work: OpenWork


class ResumedNode(BaseModel):
    """A pause that is over."""

    node: str
    since: datetime
    lifted_at: datetime
