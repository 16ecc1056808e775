"""Records rounds for `test_replay.py`: `python -m tests.domain.record_rounds`, only when the form gets new parts."""

import base64
import json
import random
from dataclasses import asdict
from typing import Any

from domain.sourcing.replay import DECISION
from tests.domain.test_replay import RECORDED, planned
from tests.sourcing_rounds import networks, random_round

NETWORKS, ROUNDS = 10, 20


def record() -> None:
    """Write the file again."""
    lines: list[dict[str, Any]] = []
    for number, (documents, network) in enumerate(networks(2026, NETWORKS)):
        lines.append({"network": asdict(documents)})
        chance = random.Random(f"recorded {number}")
        for _ in range(ROUNDS):
            content, document = planned(random_round(chance, network), network)
            lines.append(
                {"input": base64.b64encode(content).decode(), "decision": {name: document[name] for name in DECISION}}
            )
    RECORDED.write_text("".join(f"{json.dumps(line, sort_keys=True)}\n" for line in lines))


if __name__ == "__main__":
    record()
