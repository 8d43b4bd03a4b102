"""What signatures of calls have in common: a secret that is narrowed down word by word, and digests."""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple


class Credential(NamedTuple):
    """The two halves of a key that signs: who it is, and the secret."""

    name: str
    secret: str


def credential_of(key: str) -> Credential:
    """Return the halves of "NAME:SECRET"; what has no colon is a secret, and not sent as a name."""
    name, colon, secret = key.partition(":")
    return Credential(name, secret) if colon else Credential("", key)


def narrowed(secret: str, *words: str) -> bytes:
    """Return the key that signs for these words only: a day, a region, a service."""
    key = secret.encode()
    for word in words:
        key = hmac.digest(key, word.encode(), "sha256")
    return key


def signed(key: bytes, text: str) -> str:
    """Return a text's signature, in hexadecimal digits."""
    return hmac.digest(key, text.encode(), "sha256").hex()


def digest(data: bytes | str) -> str:
    """Return what stands for some data, in hexadecimal digits."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()
