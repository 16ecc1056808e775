"""A house with a small map, whose nodes are named after what the order does when they stay silent."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import copy_of
from tests.house import SMALL_MAP, House
from transactions.prepare import apply_network


@pytest_asyncio.fixture(scope="session")
async def small_template(template: str) -> AsyncIterator[str]:
    """A prepared database to which the small map is applied, once for all tests."""
    async with copy_of(template, "small") as url:
        assert await apply_network(url, SMALL_MAP) == []
        yield url


@pytest.fixture
def source(template: str, small_template: str, request: pytest.FixtureRequest) -> str:
    """The database that a test's own is copied from."""
    return small_template if "small_house" in request.fixturenames else template


@pytest_asyncio.fixture
async def small_house(house: House) -> House:
    """A house that ships from `reroutes`, `asks`, `escalates` and, farthest away, `spare`."""
    return house


@pytest_asyncio.fixture
async def still_house(relay_stands_still: None, small_house: House) -> House:
    """The same house, whose relay does nothing before the test calls it."""
    return small_house
