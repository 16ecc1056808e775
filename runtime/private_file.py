"""Writes files that only their owner may read, whole or not at all."""

import os
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Put `text` into `file`, readable and writable by its owner only; a reader sees the old text or the new one."""
    draft = file.with_name(f"{file.name}.draft")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as output:
        output.write(text)
        output.flush()
        os.fsync(output.fileno())
    draft.replace(file)
