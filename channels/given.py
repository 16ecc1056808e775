"""What documents of channels are made of: texts that may be null, lists that may be null, and errors without their content."""

import json
import unicodedata
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from channels.channel import Misfit


class Given(BaseModel):
    """A part of a channel's document. What it has besides is of no interest; what fails is named, and never repeated."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, given: Any) -> Any:
        """Channels write null for a part that an order does not have, also where their own models allow none."""
        return {name: part for name, part in given.items() if part is not None} if isinstance(given, dict) else given


Listed = BeforeValidator(lambda given: () if given is None else given)
"""A list that may be null."""

Text = Annotated[str, BeforeValidator(lambda given: "" if given is None else given)]
"""A text; null is the same as an empty one."""

Typed = Annotated[str, BeforeValidator(lambda given: "" if given is None else str(given))]
"""What an app or a customer put into a field of the shop's: a text, a number, or nothing."""

Model = TypeVar("Model", bound=Given)


def parsed(body: bytes) -> Any:
    """What a body has. Raises `Misfit` where it is no JSON."""
    try:
        return json.loads(body, parse_float=Decimal)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise Misfit("the body is no JSON") from None


def fitting(model: type[Model], content: Any) -> Model:
    """The content as this model. Raises `Misfit` with the fields that do not fit."""
    try:
        return model.model_validate(content)
    except ValidationError as failed:
        raise misfit(failed) from None


def misfit(failed: ValidationError) -> Misfit:
    """What does not fit, field by field, without what stands there."""
    return Misfit("; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in failed.errors()[:5]))


def postal_code(text: str) -> str:
    """A postal code without dots and other marks that no post needs: `1012.AB` is `1012 AB`."""
    kept = (letter if letter.isalnum() or unicodedata.category(letter) == "Pd" else " " for letter in text)
    return on_one_line("".join(kept), 16)


def on_one_line(text: str, most: int = 200) -> str:
    """A text without control characters and blanks at its ends, and not longer than a label may be."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:most].strip()


def free_text(text: str, most: int = 2000) -> str:
    """A text of several lines without other control characters, and not longer than a remark may be."""
    return "".join(letter if letter >= " " or letter in "\n\t" else " " for letter in text).strip()[:most]
