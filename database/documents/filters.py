"""Puts together the conditions of a list: only those that were asked for, so that PostgreSQL plans for just these."""

from collections.abc import Mapping


def given(conditions: Mapping[str, object]) -> str:
    """The conditions whose value was given, joined by AND; `true` when none was. The conditions are ours, never a caller's."""
    return " AND ".join(condition for condition, value in conditions.items() if value is not None) or "true"
