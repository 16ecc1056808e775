"""Reads what many X12 sets have in common: dates, numbers, pairs with a qualifier, and the address of an N1 loop."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from formats.x12.countries import country_of
from formats.x12.parts import Segment


class ElementError(ValueError):
    """An element does not say what it must say; the text names it."""


DIGITS_MAX = 18
"""The most digits of a number before its point: X12 has none with more."""


PARTS_OF_A_PLACE = frozenset({"N1", "N2", "N3", "N4", "PER", "REF"})
"""Segments of an N1 loop."""


def whole(written: str) -> int | None:
    """A number of digits only, such as a control number or a count; None for a text that is none, or has too many of them."""
    digits = written.lstrip("0") or written[-1:]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MAX else None


def version_of(written_date: str, written_time: str, control: str) -> datetime:
    """The instant of an interchange; of two within the same minute the one with the higher control number is the
    later."""
    made_on = day(written_date, "ISA09")
    hour, minute = (written_time + "0000")[:2], (written_time + "0000")[2:4]
    try:
        at = datetime.combine(made_on, time(int(hour), int(minute)), UTC)
    except ValueError as error:
        raise ElementError(f"ISA10 {written_time!r} is no time") from error
    return at + timedelta(microseconds=(whole(control) or 0) % 60_000_000)


def pairs(elements: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Qualifiers with their values, without blanks around them; pairs that are not whole are left out."""
    for name, value in zip(elements[::2], elements[1::2], strict=False):
        if name.strip() and value.strip():
            yield name.strip(), value.strip()


def divided(segments: Sequence[Segment], line: str) -> tuple[list[Segment], list[list[Segment]]]:
    """The header, and the segments of each line, which begins with a segment of this name; the summary from CTT on is left
    out."""
    header: list[Segment] = []
    lines: list[list[Segment]] = []
    for segment in segments:
        if segment.name == "CTT":
            break
        if segment.name == line:
            lines.append([segment])
        else:
            (lines[-1] if lines else header).append(segment)
    return header, lines


def loop_of(segments: Sequence[Segment], entity: str) -> list[Segment]:
    """The N1 segment of an entity, with those that belong to it; empty when there is none."""
    found: list[Segment] = []
    for segment in segments:
        if segment.name == "N1":
            if found:
                break
            if segment[1].strip().upper() == entity:
                found.append(segment)
        elif found and segment.name in PARTS_OF_A_PLACE:
            found.append(segment)
        elif found:
            break
    return found


def address(loop: Sequence[Segment]) -> dict[str, Any]:
    """The address of an N1 loop as the order document has it. Its person is that of N2, or else of PER."""
    first = loop[0]
    place = next((segment for segment in loop if segment.name == "N4"), Segment("N4", ()))
    streets = [element for segment in loop if segment.name == "N3" for element in segment.elements if element.strip()]
    names = [element for segment in loop if segment.name == "N2" for element in segment.elements if element.strip()]
    return {
        "company": first[2].strip() or None,
        "name": (" ".join(names) or _person(loop))[:200] or None,
        "street": [street.strip() for street in streets][:5],
        "city": place[1].strip() or None,
        "region": place[2].strip() or None,
        "postal_code": _postal_code(place[3]) or None,
        "country": country_of(place[4], place[2]),
        **_contact(loop),
    }


def _postal_code(written: str) -> str:
    """Without dots and other marks that no post needs, which would make an order of the whole world a misfit."""
    return " ".join(re.sub(r"[^\w-]+", " ", written).split())


def _person(loop: Sequence[Segment]) -> str:
    return next((segment[2].strip() for segment in loop if segment.name == "PER" and segment[2].strip()), "")


def _contact(loop: Sequence[Segment]) -> dict[str, str]:
    found: dict[str, str] = {}
    for segment in loop:
        if segment.name == "PER":
            kinds = dict(pairs(segment.elements[2:]))
            found |= {name: kinds[kind] for name, kind in (("phone", "TE"), ("email", "EM")) if kind in kinds}
    return found


def note(segments: Sequence[Segment]) -> str | None:
    """What people wrote in MSG and NTE segments, a line each."""
    texts = [segment[1] for segment in segments if segment.name == "MSG"]
    texts += [segment[2] for segment in segments if segment.name == "NTE"]
    return "\n".join(filter(None, texts))[:2000] or None


def decimal(written: str, where: str) -> Decimal:
    """A number, with or without decimals. Raises `ElementError` that names the element."""
    try:
        value = Decimal(written.strip())
    except InvalidOperation as error:
        raise ElementError(f"{where}: {written!r} is no number") from error
    if not value.is_finite() or abs(value.adjusted()) > DIGITS_MAX:
        raise ElementError(f"{where}: {written!r} is no number")
    return value


def day(written: str, where: str) -> date:
    """A date of eight digits, or of six: a year from 70 on is of the last century. Raises `ElementError` that names the
    element."""
    digits = f"{'19' if written >= '7' else '20'}{written}" if len(written) == 6 else written
    try:
        if len(digits) != 8:
            raise ValueError
        return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise ElementError(f"{where}: {written!r} is no date") from error


def moments(dated: Segment) -> list[date]:
    """The day of a DTM, or the first and the last day of a period; empty where it names none. It stands in DTM02, or behind its
    format in DTM06. Raises `ElementError`."""
    where = f"DTM*{dated[1]}"
    if dated[2].strip():
        return [day(dated[2].strip(), where)]
    return [day(part.strip()[:8], where) for part in dated[6].split("-") if part.strip()] if dated[5].strip() else []
