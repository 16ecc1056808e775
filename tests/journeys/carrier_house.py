"""A house whose network has carriers."""

import shutil
from pathlib import Path

from tests.house import SMALL_MAP, House
from tests.rate_cards import rate_card
from transactions.prepare import apply_network

CARRIERS = rate_card("van", [(1000, 490), (30000, 1290)], 2) + rate_card("bike", [(500, 390)], 1)


async def has_carriers(house: House, network: Path) -> None:
    """From now on there is a van for all parcels, and a bike for light ones; `network` is a directory that is made."""
    shutil.copytree(SMALL_MAP, network)
    (network / "carriers.toml").write_text(CARRIERS)
    assert not await apply_network(house.database_url, network)
