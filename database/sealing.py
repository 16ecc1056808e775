"""Seals documents. Each owner has a key, which is sealed with a master key that is not in the database. No I/O."""

import base64
import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
NAME_BYTES = 8
COMMON = "-"
"""The owner of the common key; no order has this id."""

Kind = Literal[
    "address",
    "details",
    "remark",
    "evidence",
    "webhook",
    "nodes",
    "credentials",
    "token",
    "exchange",
    "said",
    "x12_document",
    "label",
    "manifest",
    "scan",
    "plan_input",
    "shadow_round",
]
Document = dict[str, Any]


class NotMasterKeys(ValueError):
    """This text does not hold master keys."""


class WrongMasterKey(Exception):
    """No configured master key opens a key of this database."""


class MasterKeys:
    """The keys that seal the keys of orders. The first one seals; every one opens what it has sealed."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """At least one, of 32 bytes each."""
        self._ciphers = {_name(key): AESGCM(key) for key in keys}
        self.first = next(iter(self._ciphers))

    @classmethod
    def parse(cls, written: str) -> Self:
        """Keys in base64, with a space, line break or comma between them. Raises `NotMasterKeys`."""
        try:
            keys = [base64.b64decode(word, validate=True) for word in written.replace(",", " ").split()]
        except ValueError as error:
            raise NotMasterKeys("they are not base64") from error
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise NotMasterKeys(f"at least one is needed, and each must have {KEY_BYTES} bytes")
        return cls(keys)

    def wrap(self, secret: bytes, owner: str) -> bytes:
        """Seal a key. The answer begins with the name of the master key."""
        return self.first + _encrypt(self._ciphers[self.first], secret, owner)

    def unwrap(self, wrapped: bytes, owner: str) -> bytes:
        """Open a key. Raises `WrongMasterKey`."""
        cipher = self._ciphers.get(wrapped[:NAME_BYTES])
        if cipher is None:
            raise WrongMasterKey(
                f"the key of {owner} was sealed with a master key that SWITCHYARD_MASTER_KEYS does not hold"
            )
        try:
            return _decrypt(cipher, wrapped[NAME_BYTES:], owner)
        except InvalidTag as error:
            raise WrongMasterKey(f"the key of {owner} cannot be opened: the stored key was changed") from error


def new_master_key() -> str:
    """A random master key as `MasterKeys.parse` reads it."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


@dataclass(frozen=True, slots=True)
class Key:
    """The open key of an order, or the open common key."""

    owner: str
    secret: bytes

    @classmethod
    def random(cls, owner: str) -> Self:
        """A new random key for this owner."""
        return cls(owner, os.urandom(KEY_BYTES))

    def seal(self, kind: Kind, document: Document) -> bytes:
        """Seal a document. It opens only with this key, for the same kind and owner."""
        return self.seal_bytes(kind, json.dumps(document).encode())

    def open(self, kind: Kind, sealed: bytes) -> Document:
        """The document that was sealed."""
        document: Document = json.loads(self.open_bytes(kind, sealed))
        return document

    def seal_bytes(self, kind: Kind, content: bytes) -> bytes:
        """As `seal`, for bytes that stay as they are."""
        return _encrypt(AESGCM(self.secret), content, f"{kind} {self.owner}")

    def open_bytes(self, kind: Kind, sealed: bytes) -> bytes:
        """The bytes that were sealed."""
        return _decrypt(AESGCM(self.secret), sealed, f"{kind} {self.owner}")

    def fingerprint(self, content: str) -> str:
        """A fingerprint: equal for equal content. Without this key it cannot be used to check a guess."""
        own = sha256(b"switchyard fingerprint " + self.secret).digest()  # sealing and this must not share a key
        return hmac.new(own, content.encode(), sha256).hexdigest()


class Vault:
    """The master keys of one process, and the common key after the first read."""

    def __init__(self, master_keys: MasterKeys) -> None:
        """`master_keys` come from outside the database."""
        self.master_keys = master_keys
        self.common: Key | None = None


def _name(master_key: bytes) -> bytes:
    """A name for a master key. It reveals nothing of the key."""
    return sha256(b"switchyard master key " + master_key).digest()[:NAME_BYTES]


def _encrypt(cipher: AESGCM, content: bytes, about: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, content, about.encode())


def _decrypt(cipher: AESGCM, sealed: bytes, about: str) -> bytes:
    return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about.encode())


DEFAULT_MASTER_KEYS = MasterKeys((bytes(KEY_BYTES),))
"""Used when no master key is configured. Access to the database is then enough to read personal data; erased data stays
erased."""
