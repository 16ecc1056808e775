"""Joins the conditions of a list: only those of the filters in use, so that PostgreSQL plans for these."""

from collections.abc import Mapping


def given(conditions: Mapping[str, object]) -> str:
    """The conditions whose value is not None, joined by AND; `true` without any. Conditions must never come from outside."""
    return " AND ".join(condition for condition, value in conditions.items() if value is not None) or "true"
