"""Vendors' keys: from the environment or a file only its owner reads; never stored, logged or shown."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from gesso.catalogue.vendors import VENDORS
from gesso.domain.errors import OperatorError


def read_keys(environment: Mapping[str, str], file: Path | None) -> dict[str, str]:
    """Return the key of each vendor that has one; the environment goes first. A key that signs is "OWNER:SECRET".

    Raises `OperatorError` for a file that is not there, that others may read, or that holds something else, and for a
    key that no header can carry.
    """
    known = {} if file is None else _read(file)
    found: dict[str, str] = {}
    for name, vendor in VENDORS.items():
        halves = [(environment.get(one) or known.get(one) or "").strip() for one in vendor.variables]
        if all(halves):
            for variable, half in zip(vendor.variables, halves, strict=True):
                _check(variable, half)
            found[name] = ":".join(halves)
    return found


def _check(variable: str, key: str) -> None:
    if not (key.isascii() and key.isprintable()):
        raise OperatorError(
            f"The key in {variable} has characters that no key has, letters with accents or a line's end say: copy it anew."
        )


def _read(file: Path) -> dict[str, str]:
    try:
        mode = file.stat().st_mode
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"The secrets file {file} could not be read.") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise OperatorError(f"The secrets file {file} may be read by others: chmod 600 {file}")
    found: dict[str, str] = {}
    for number, written in enumerate(text.splitlines(), 1):
        line = written.strip().removeprefix("export ")
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip().isidentifier():
            raise OperatorError(f"Line {number} of the secrets file {file} is not NAME=value.")
        found[name.strip()] = value.strip().strip("\"'")
    return found
