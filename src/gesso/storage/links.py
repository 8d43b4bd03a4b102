"""Signed, expiring links: HMAC-SHA-256 over what is linked, the HTTP method and the time it ends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from gesso.domain.clock import SECOND
from gesso.domain.errors import OperatorError

SECRET_BYTES = 32
_LONGEST_TIME = 12  # digits; more is no time but an attempt to be expensive


class Links:
    """Signs and verifies. Links signed with another secret are refused: replacing the secret ends all links."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) < SECRET_BYTES:
            raise ValueError(f"the link secret has {len(secret)} bytes, at least {SECRET_BYTES} are needed")
        self._secret = secret

    def sign(self, subject: str, method: str, expires_at_seconds: int) -> str:
        """Return the query string of a link to `subject` (a blob id) that works until a Unix time in seconds."""
        signature = self._signature(subject, method, str(expires_at_seconds))
        return urlencode({"expires": expires_at_seconds, "signature": signature})

    def verify(self, subject: str, method: str, expires: str, signature: str, now_seconds: int) -> bool:
        """Tell whether a link's `expires` and `signature` were signed here and its time is not over."""
        right = self._signature(subject, method, expires)
        # Compared before the time is looked at, so that an answer's delay tells nothing about the signature.
        if not hmac.compare_digest(right.encode(), signature.encode("utf-8", "surrogatepass")):
            return False
        return expires.isascii() and expires.isdigit() and len(expires) <= _LONGEST_TIME and int(expires) > now_seconds

    def _signature(self, subject: str, method: str, expires: str) -> str:
        # Each part carries its length, so that no two different links sign the same bytes.
        parts = [part.encode("utf-8", "surrogatepass") for part in (method, subject, expires)]
        message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        digest = hmac.digest(self._secret, message, hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def links_end(now: int, link_seconds: int) -> int:
    """Return when links made now (microseconds) end, in Unix seconds: a whole hour, so that polling shows one link."""
    return -(-(now // SECOND + link_seconds) // 3600) * 3600


def linker_to(links: Links, host: str, expires: int) -> Callable[[str], str]:
    """Return a function from blob id to a link below `host` that works until `expires` (Unix seconds)."""
    return lambda blob: f"{host}/blobs/{blob}?{links.sign(blob, 'GET', expires)}"


def load_or_create_secret(path: Path) -> bytes:
    """Return the secret kept in a file, made with mode 0600 on first use; raise `OperatorError` when it is unusable."""
    try:
        if not path.exists():
            _create(path)
        secret = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise OperatorError(f"The link secret {path.name}: {reason}. Check GESSO_DATA_DIR.") from error
    if len(secret) != SECRET_BYTES:
        raise OperatorError(
            f"The link secret {path.name} has {len(secret)} bytes instead of {SECRET_BYTES}: delete it to get a new "
            "one (links given out so far stop working)."
        )
    return secret


def _create(path: Path) -> None:
    """Write the secret beside its place, then link it there: never half a secret, and the first of two processes wins."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        if not path.exists():
            try:
                os.link(draft, path)
            except FileExistsError:
                return
    finally:
        draft.unlink()
