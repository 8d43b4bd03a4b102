"""Settings of where things are: database, pictures, the address it listens on and is reached by, and its log."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from gesso.dialects.registry import BY_NAME
from gesso.setting_words import listed
from gesso.storage.links import SECRET_BYTES
from gesso.storage.places import check_url

# Never shown, not even when they are wrong.
SECRETS = (
    "database_url",
    "storage_url",
    "storage_access_key_id",
    "storage_secret_access_key",
    "link_secret",
    "rewriter_key",
)
OF_S3 = ("storage_endpoint", "storage_region", "storage_access_key_id", "storage_secret_access_key")


class PlaceSettings(BaseModel):
    """They are part of `Settings`."""

    data_dir: Path = Field(Path("data"), description="Folder of the database, the pictures and the link secret.")
    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL to keep jobs and money in: postgresql://user:password@host/name. Left out, SQLite in the "
        "data folder.",
    )
    database_connections: int = Field(10, ge=2, le=1000, description="Connections this process opens to PostgreSQL.")
    database_statement_seconds: float = Field(
        60, ge=0.1, le=3600, description="Seconds a statement may take on PostgreSQL before it is stopped."
    )
    storage_url: str | None = Field(
        None,
        description="Object store for the pictures: s3://bucket/prefix, or memory:// for tests. Left out, the data "
        "folder.",
    )
    storage_endpoint: str | None = Field(
        None, description="Address of an S3-compatible store: https://host:port. Left out, AWS_ENDPOINT_URL, or AWS."
    )
    storage_region: str | None = Field(None, description="Region of the bucket. Left out, AWS_REGION.")
    storage_access_key_id: SecretStr | None = Field(
        None, description="Access key of the store. Left out, AWS_ACCESS_KEY_ID or what the machine is allowed."
    )
    storage_secret_access_key: SecretStr | None = Field(
        None, description="Secret of the access key. Left out, AWS_SECRET_ACCESS_KEY."
    )
    storage_timeout_seconds: float = Field(
        30, gt=0, le=600, description="Seconds one call of the object store may take, its repeats included."
    )
    storage_links: Literal["ours", "presigned"] = Field(
        "ours",
        description="Who sends pictures to those who hold a link: this server (ours), or the object store, to which the "
        "link then redirects (presigned).",
    )
    link_secret: SecretStr | None = Field(
        None,
        description="Text of 32 characters or more that links are signed with; the same on every node. Left out, the "
        "file link.secret in the data folder.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface.")
    port: int = Field(8000, ge=0, le=65535, description="TCP port to listen on; 0 picks a free one.")
    public_url: str | None = Field(
        None, description="Address clients reach the server by, used in links; left out, the address of the request."
    )
    root_dialect: str | None = Field(
        None,
        description="A dialect served at the root as well (`openai`, `fashn`, …), before the native API's own paths.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses of proxies whose X-Forwarded-* headers are believed, comma-separated."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Log lines of this severity and above."
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="Log lines for people (console) or for programs (json)."
    )

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _proxies(cls, value: object) -> object:
        return listed(value)

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if entry != "*":  # everybody
                ip_network(entry)  # what is neither address nor network would match nothing, without a word
        return value

    @field_validator("database_url")
    @classmethod
    def _postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must start with postgresql://")
        return value

    @field_validator("storage_url")
    @classmethod
    def _store(cls, value: str | None) -> str | None:
        return check_url(value) if value else None

    @field_validator("storage_endpoint")
    @classmethod
    def _endpoint(cls, value: str | None) -> str | None:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/") if value else None

    @field_validator("link_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and 0 < len(value.get_secret_value()) < SECRET_BYTES:
            raise ValueError(f"must have {SECRET_BYTES} characters or more")
        return value if value is not None and value.get_secret_value() else None

    @field_validator("root_dialect")
    @classmethod
    def _known_dialect(cls, value: str | None) -> str | None:
        name = value.replace("-", "_") if value else None
        if name is not None and name not in BY_NAME:
            raise ValueError(f"must be one of {', '.join(BY_NAME)}")
        return name

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        if value is not None and (not urlsplit(value).hostname or set("?#") & set(value)):
            raise ValueError("must have a host, and neither ? nor #")
        return value.rstrip("/") if value else None

    def without_effect(self) -> list[str]:
        """Return what was said of an object store that is not there: pictures would go elsewhere without a word."""
        url = self.storage_url or ""
        lines = [
            f"GESSO_{name.upper()} is set, and has no effect without GESSO_STORAGE_URL=s3://bucket/prefix"
            for name in OF_S3
            if getattr(self, name) and not url.startswith("s3:")
        ]
        if self.storage_links == "presigned" and (not url or url.startswith("memory:")):
            lines.append(
                "GESSO_STORAGE_LINKS is presigned, and has no effect without an object store in GESSO_STORAGE_URL"
            )
        return lines
