"""Where objects are kept: the address of an object store and how it is reached, without opening a connection."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gesso.domain.errors import OperatorError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "az", "memory")
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
CONNECT_SECONDS = 5
RETRIES = 3  # of one call, after pauses of a tenth of a second and more


@dataclass(frozen=True)
class Place:
    """An object store by its URL. What is None is taken from the store's usual environment variables.

    `seconds` bounds one call, its repeats included.
    """

    url: str
    endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    seconds: float = 30


def check_url(url: str) -> str:
    """Return the URL of a store without a last slash; raise `ValueError` when it is none, never saying what it was."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ValueError("must start with s3://, gs://, az:// or memory://")
    if {"@", "?", "#"} & set(url) or ":" in parts.netloc:
        raise ValueError("must be s3://bucket/prefix and no more; credentials have settings of their own")
    if parts.scheme != "memory" and not parts.netloc:
        raise ValueError("must name a bucket: s3://bucket/prefix")
    return url if parts.scheme == "memory" else url.rstrip("/")


def open_place(place: Place) -> ObjectStore:
    """Return the store; raise `OperatorError` when it cannot be one. Nothing is sent yet."""
    from obstore.exceptions import BaseError
    from obstore.store import MemoryStore, from_url

    scheme = urlsplit(place.url).scheme
    if scheme == "memory":
        return MemoryStore()
    options: dict[str, Any] = {
        # A stream may take as long as its reader does; the other calls are bounded by who makes them.
        "client_options": {
            "connect_timeout": timedelta(seconds=min(CONNECT_SECONDS, place.seconds)),
            "read_timeout": timedelta(seconds=place.seconds),
            "timeout": timedelta(days=1),
            "allow_http": _is_plain(place.endpoint),
        },
        "retry_config": {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=place.seconds)},
    }
    if scheme == "s3":
        named = {
            "endpoint": place.endpoint or _endpoint_variable(),
            "region": place.region,
            "access_key_id": place.access_key_id,
            "secret_access_key": place.secret_access_key,
        }
        options["config"] = {name: value for name, value in named.items() if value is not None}
    try:
        return from_url(place.url, **options)
    except (BaseError, ValueError, TypeError):
        raise OperatorError(
            "GESSO_STORAGE_URL cannot be used as it is: see docs/howto/operate.md for what each kind of store needs."
        ) from None


def _is_plain(endpoint: str | None) -> bool:
    return (endpoint or _endpoint_variable() or "").startswith("http://")


def _endpoint_variable() -> str | None:
    return next((os.environ[name] for name in ENDPOINT_VARIABLES if os.environ.get(name)), None)
