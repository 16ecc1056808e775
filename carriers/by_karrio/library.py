"""The way into karrio, which the extra `carriers` brings.

It is loaded when a label is first wanted, and mended where it would wait for ever, send a request twice, or take a failure for
an answer.

karrio 2026.1.32 opens every address with `timeout=None`, which also overrides the default of the process. Where `sentry_sdk` is
installed, a request that failed is sent a second time without a word: a label would be bought twice
(`karrio/core/utils/helpers.py`, `_urlopen_with_span`). It also reads the body of a 502 as if the carrier had written it.
"""

import base64
import binascii
import threading
import warnings
from importlib import import_module
from types import ModuleType
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from carriers.carrier import MissingExtra

READ_WITHIN_SECONDS = 15.0
_loading = threading.Lock()


def load(connector: str) -> ModuleType:
    """karrio, with one of its carriers. Raises `MissingExtra`."""
    with _loading, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports tells its own authors that it is old
        try:
            import_module("loguru").logger.disable("karrio")
            found = import_module("karrio.sdk")
            import_module(f"karrio.mappers.{connector}")
            helpers = import_module("karrio.core.utils.helpers")
        except ModuleNotFoundError as error:
            said = f"{connector} needs the extra `carriers`, and {error.name} is not installed: install switchyard[carriers]"
            raise MissingExtra(said) from None
        helpers.__dict__["_urlopen_with_span"] = _open
    return found


def _open(request: Any, timeout: float | None = None) -> Any:
    """Send a request once, and wait for its answer for a while."""
    try:
        return urlopen(request, timeout=READ_WITHIN_SECONDS)
    except HTTPError as error:
        if error.code >= 500:
            error.close()
            raise ConnectionError(f"status {error.code}") from None
        raise


def read_content(document: Any) -> bytes:
    """A label or a manifest, or nothing where it is not what these are written as."""
    try:
        return base64.b64decode("".join(document.split()), validate=True) if isinstance(document, str) else b""
    except (binascii.Error, ValueError):
        return b""
