"""A simulated carrier: its rate card in the network, and what it reports about its parcels, signed as carriers do."""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from database.connect import Database
from database.connection import keep_credentials
from domain.tracking import ScanKind
from formats.standard_webhooks import signed_headers
from network.load import FILES
from runtime.where import master_keys
from transactions.label import CREDENTIALS, WEBHOOK_SECRET

CARRIER = "parcel"
RATE_CARD = f"""
[[carrier]]
name = "{CARRIER}"
kind = "rate_card"
dimensional_divisor = 5000

[[carrier.service]]
name = "standard"
[[carrier.service.zone]]
distance_km_max = 500
prices = [[1000, 640], [5000, 890], [30000, 1990]]
days = 1
[[carrier.service.zone]]
prices = [[1000, 890], [5000, 1390], [30000, 3490]]
days = 4

[[carrier.surcharge]]
name = "fuel"
percent = 12.5
"""


def add_to_network(directory: Path) -> None:
    """Write the carrier into a network directory."""
    (directory / FILES["carriers"]).write_text(RATE_CARD)


class SimulatedCarrier:
    """The carrier as it talks to Switchyard: it has no key, and signs what it reports."""

    def __init__(self, client: httpx2.AsyncClient, secret: str) -> None:
        """`client` knows the address; `secret` is what Switchyard has stored of it."""
        self._client, self._secret = client, secret

    @classmethod
    async def connected(cls, client: httpx2.AsyncClient, database_url: str) -> "SimulatedCarrier":
        """A carrier with a new secret, which Switchyard has from now on, as `starter connect` stores it."""
        secret, database = secrets.token_urlsafe(24), Database(database_url, master_keys())
        try:
            async with database.write() as connection:
                await keep_credentials(connection, CREDENTIALS.format(CARRIER), {WEBHOOK_SECRET: secret})
        finally:
            await database.close()
        return cls(client, secret)

    async def report(self, tracking: str, kind: ScanKind) -> httpx2.Response:
        """Report that a parcel was scanned just now."""
        at = datetime.now(UTC)
        scan = {"tracking": tracking, "kind": kind, "code": kind.upper(), "at": at.isoformat()}
        body = json.dumps({"scans": [scan]}).encode()
        headers = signed_headers([self._secret], f"{tracking}-{kind}", at, body)
        return await self._client.post(f"/carriers/{CARRIER}/webhooks", content=body, headers=headers)
