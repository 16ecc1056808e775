"""The kinds that a mapping describes: `json` with the user's own, and the shops whose mapping ships with Switchyard."""

from pathlib import Path

from channels.json_mapping.kind import JsonKind
from channels.json_mapping.mapping import CREDENTIALS

JSON = JsonKind("json", CREDENTIALS)
WOOCOMMERCE = JsonKind(
    "woocommerce",
    ("consumer_key", "consumer_secret", "webhook_secret"),
    (Path(__file__).parent / "woocommerce.toml").read_text(),
)
