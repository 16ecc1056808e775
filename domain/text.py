"""The kinds of text that outsiders may hand in, each with its length and alphabet, so that bad input names its field."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints


def _printable(text: str) -> str:
    """Refuse control characters: PostgreSQL cannot store NUL, and the others are nobody's name or street."""
    if any(ord(character) < 32 and character not in "\n\t" for character in text):
        raise ValueError("must not contain control characters")
    return text


Label = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
"""One line of typed text: a name, a street, a mail address."""

FreeText = Annotated[str, StringConstraints(max_length=2000), AfterValidator(_printable)]
"""A reason or remark that a person typed; stays in PostgreSQL."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,64}$")]
"""An id that another system made: a line, a package, a SKU."""

MessageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/-]{1,128}$")]
"""A sender's id for one message, unique per sender."""

Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
"""A word of a closed or configured vocabulary: a service, a hold, a customer tier."""

NodeId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$")]
"""A node's id as in nodes.toml."""

Units = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
"""A quantity of units, 1 to 1,000,000."""

Money = Annotated[int, Field(ge=0, le=1_000_000_000_000, strict=True)]
"""An amount in minor units of the order's currency."""
