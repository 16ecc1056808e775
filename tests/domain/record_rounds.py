"""Records rounds for `test_replay.py`: `python -m tests.domain.record_rounds FILE`, when the form gets new parts.

A file that is there stays as it is: it shows that what earlier versions kept is planned as they planned it.
"""

import base64
import json
import random
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from domain.sourcing.replay import DECISION
from tests.domain.test_replay import planned
from tests.sourcing_rounds import networks, random_round

NETWORKS, ROUNDS = 10, 10


def record(file: Path) -> None:
    """Write a new file of rounds."""
    lines: list[dict[str, Any]] = []
    for number, (documents, network) in enumerate(networks(file.name, NETWORKS)):
        lines.append({"network": asdict(documents)})
        chance = random.Random(f"recorded {file.name} {number}")
        for _ in range(ROUNDS):
            content, document = planned(random_round(chance, network), network)
            lines.append(
                {"input": base64.b64encode(content).decode(), "decision": {name: document[name] for name in DECISION}}
            )
    with file.open("x") as written:
        written.writelines(f"{json.dumps(line, sort_keys=True)}\n" for line in lines)


if __name__ == "__main__":
    record(Path(sys.argv[1]))
