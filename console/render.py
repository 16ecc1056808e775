"""Renders the pages: templates that escape everything that comes from outside, and the words of times and amounts."""

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from api.problems import RETRY_AFTER_SECONDS, Problem
from console import words
from domain import money
from domain.explanation import cost, short_plan
from domain.transfer import NO_CURRENCY
from runtime.version import VERSION

_MOMENT = re.compile(
    r"\b(20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2}))"
)


def render(template: str, values: dict[str, Any]) -> str:
    """A page as text."""
    return _PAGES.get_template(template).render(values)


def failure(problem: Problem) -> HTMLResponse:
    """The page of what could not be done, and why."""
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if problem.kind.status in (429, 503) else None
    return HTMLResponse(render("problem.html", {"problem": problem}), problem.kind.status, headers)


def _time(moment: str | datetime | None) -> str:
    """A moment as people read it, with the exact one in its title; a script shows that in the reader's time zone."""
    if moment is None:
        return ""
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    # A page has hundreds: nothing in it comes from outside, so nothing is escaped, which takes most of a page's time.
    said = words.from_now(at, datetime.now(UTC))
    return Markup(f'<time datetime="{at.isoformat()}" title="{_in_utc(at)}">{said}</time>')


def _exactly(moment: str | datetime | None) -> str:
    """A moment in UTC, for lists that are read in their order; a script shows it in the reader's time zone."""
    if moment is None:
        return ""
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return Markup(f'<time datetime="{at.isoformat()}" data-exact>{_in_utc(at)}</time>')


def _in_utc(at: datetime) -> str:
    return f"{at.astimezone(UTC).isoformat(' ', 'minutes')[:16]} UTC"


def _with_times(text: str) -> str:
    """A text in which every moment in ISO 8601 stands as other moments of the page do."""
    parts = _MOMENT.split(text)
    return Markup("").join(_if_moment(part) if number % 2 else part for number, part in enumerate(parts))


def _if_moment(text: str) -> str:
    """A moment, or the text itself when the calendar has none such: an outsider may have written it."""
    try:
        return _exactly(text)
    except ValueError:
        return text


def _amount(minor_units: int | None, currency: str) -> str:
    """An amount with its currency; empty where there is none, as of a transfer."""
    return (
        "" if minor_units is None or currency == NO_CURRENCY else f"{money.written(minor_units, currency)} {currency}"
    )


def _made() -> Environment:
    pages = Environment(
        loader=PackageLoader("console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "time": _time,
        "exactly": _exactly,
        "with_times": _with_times,
        "amount": _amount,
        "words": words.of_code,
        "happened": words.happened,
        "units": words.units,
        "cost": cost,
        "short_plan": short_plan,
        "position": words.of_position,
        "clock": words.clock,
        "in_path": lambda name: quote(name, safe=""),
    }
    pages.globals |= {"version": VERSION}
    return pages


_PAGES = _made()
