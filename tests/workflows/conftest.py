"""A house with a small map, whose nodes are named after what the order does when they stay silent."""

import pytest_asyncio

from tests.house import SMALL_MAP, House
from transactions.prepare import apply_network


@pytest_asyncio.fixture
async def small_house(house: House) -> House:
    """A house that ships from `reroutes`, `asks`, `escalates` and, farthest away, `spare`."""
    assert await apply_network(house.database_url, SMALL_MAP) == []
    return house


@pytest_asyncio.fixture
async def still_house(relay_stands_still: None, small_house: House) -> House:
    """The same house, whose relay does nothing before the test calls it."""
    return small_house
