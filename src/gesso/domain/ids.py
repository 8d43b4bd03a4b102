"""Identifiers: UUIDv7 text for everything, a random number below 2^53 for dialects whose ids are integers."""

import os
import secrets
import time
import uuid


def new_id(unix_milliseconds: int | None = None) -> str:
    """Return a UUIDv7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits; sorts by creation time."""
    milliseconds = time.time_ns() // 1_000_000 if unix_milliseconds is None else unix_milliseconds
    random_bits = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random_bits >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | random_bits & (1 << 62) - 1
    return str(uuid.UUID(int=value))


def is_id(text: str) -> bool:
    """Tell whether text is a UUID in its canonical form (so that a lookup with junk never reaches the database)."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def new_number() -> int:
    """Return a random integer in 1 … 2^53 − 1, exact in a JSON number everywhere."""
    return secrets.randbelow((1 << 53) - 1) + 1
