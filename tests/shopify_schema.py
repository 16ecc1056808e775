"""Shopify's published schema, from the npm package `@shopify/dev-mcp`: fetched once, checked by its digest, and kept."""

import base64
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_client_schema

VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")
PACKAGE = "@shopify/dev-mcp@1.16.0"
DIGEST = "tqgRnK7sQhjew+htxtleTH23nXB5fZcsrhWgEkomsorGXvLOB2mh2upwZm8uzuTDNTZnqtLMe64yIwh6s2awtw=="
"""SHA-512 of the package, as the registry has it."""

KEPT = Path(__file__).parent.parent / ".pytest_cache" / "shopify-dev-mcp-1.16.0"


@cache
def published(version: str) -> GraphQLSchema:
    """The schema of a version.

    `assume_valid`: graphql-core 3.3.2 refuses Shopify's own schema, "Interface field Node.id is not deprecated, so
    implementation … must not be".
    """
    return build_client_schema(document(version)["data"], assume_valid=True)


@cache
def document(version: str) -> dict[str, Any]:
    """The file of a version: `data` is the answer to an introspection, `offline_scopes` what each field needs."""
    found: dict[str, Any] = json.loads(gzip.decompress(file(version).read_bytes()))
    return found


def file(version: str) -> Path:
    """The file of a version; the first test that needs one fetches all of them."""
    if not KEPT.exists():
        if shutil.which("npm") is None:
            pytest.skip("not here: npm, from which Shopify's schema comes")
        _fetch()
    return KEPT / f"admin_{version}.json.gz"


def _fetch() -> None:
    KEPT.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT.parent) as folder:
        subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True, capture_output=True, timeout=240)
        (archive,) = Path(folder).glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        assert digest == DIGEST, f"{PACKAGE} is not what it was: {digest}"
        unpacked = Path(folder) / "unpacked"
        unpacked.mkdir()
        with tarfile.open(archive) as package:
            for version in ("2025-10", *VERSIONS):
                content = package.extractfile(f"package/dist/data/admin_{version}.json.gz")
                assert content is not None
                (unpacked / f"admin_{version}.json.gz").write_bytes(content.read())
        if not KEPT.exists():  # another process may have been faster
            os.replace(unpacked, KEPT)
