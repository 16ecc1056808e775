"""The queries that operators are given for the Temporal UI are ones that the server answers, with the columns that we write."""

import re
from pathlib import Path

import pytest
from temporalio.testing import TimeSkipper

from workflows.visibility import SEARCH_ATTRIBUTES

PAGE = (Path(__file__).parents[2] / "docs/operating/temporal-ui.md").read_text()
QUERIES = dict(re.findall(r"^-- (.+)\n(.+)$", PAGE, re.MULTILINE))
"""Each query of the page by its title."""


@pytest.mark.parametrize("title", QUERIES)
async def test_the_server_answers_every_query_of_the_page(title: str, temporal: TimeSkipper) -> None:
    assert (await temporal.client.count_workflows(QUERIES[title])).count >= 0


def test_the_queries_use_every_attribute_that_an_operator_can_filter_by() -> None:
    names = {attribute.name for attribute in SEARCH_ATTRIBUTES}
    used = {name for name in names if any(re.search(rf"\b{name}\b", query) for query in QUERIES.values())}
    assert names - used == {"Channel"}
    assert len(QUERIES) >= 9
