"""Every setting of the server: `GESSO_*` environment variables, then `gesso.toml` in the working folder, then defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from gesso.domain.errors import OperatorError

MEBIBYTE = 1 << 20


class Settings(BaseSettings):
    """The settings; each field is `GESSO_<NAME>` in the environment and `<name>` in gesso.toml."""

    model_config = SettingsConfigDict(env_prefix="GESSO_", toml_file="gesso.toml", extra="forbid", frozen=True)

    data_dir: Path = Field(Path("data"), description="Folder of the database, the pictures and the link secret.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface.")
    port: int = Field(8000, ge=0, le=65535, description="TCP port to listen on; 0 picks a free one.")
    public_url: str | None = Field(
        None, description="Base of the links handed out, when clients reach the server by another name."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses whose X-Forwarded-* headers are believed, comma-separated."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe line to log.")
    log_format: Literal["console", "json"] = Field("console", description="Log lines for people or for programs.")

    model_folders: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders with model files of your own, comma-separated."
    )
    allow_fidelity: Literal["exact", "approximate", "stand_in"] = Field(
        "exact",
        description="What live keys may be served by: the model itself, also another build of it, also another model.",
    )
    initial_credits: int = Field(10_000, ge=0, description="Credits the first account gets in each mode.")

    builtin_slots: int = Field(1, ge=1, le=64, description="Jobs the built-in engine runs at once.")
    builtin_threads: int = Field(2, ge=1, le=64, description="Threads the built-in engine uses for one job.")

    max_picture_bytes: int = Field(50 * MEBIBYTE, ge=1024, description="Largest input picture, in bytes.")
    max_picture_pixels: int = Field(32_000_000, ge=4096, description="Largest input picture, in pixels.")
    max_body_bytes: int = Field(160 * MEBIBYTE, ge=4096, description="Largest request body, in bytes.")
    decoded_pixels_in_flight: int = Field(
        64_000_000, ge=1_000_000, description="Decoded input pixels held at once; more jobs wait."
    )
    outgoing_allow: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts (name, *.suffix) and networks (CIDR) that links may reach although private, comma-separated.",
    )

    queue_limit_per_account: int = Field(1000, ge=1, description="Jobs an account may have queued or running.")
    queue_limit_total: int = Field(100_000, ge=1, description="Jobs that may be queued or running in all.")
    max_attempts: int = Field(3, ge=1, le=100, description="Times a job is started before it fails.")
    lease_seconds: float = Field(
        30, gt=0.5, le=3600, description="How long a job stays with a worker that went silent."
    )
    grace_seconds: float = Field(
        10, ge=0, le=3600, description="How long running jobs may finish when the server stops."
    )
    queue_timeout_hours: float = Field(24, gt=0, description="A job queued longer than this fails, refunded.")

    output_retention_hours: float = Field(168, gt=0, description="How long delivered pictures are kept.")
    file_retention_hours: float = Field(168, gt=0, description="How long uploaded files are kept.")
    link_hours: float = Field(24, gt=0, description="How long a picture link works.")

    @field_validator("trusted_proxies", "model_folders", "outgoing_allow", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Take "a, b" from the environment as well as a list from the file."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("public_url")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/") if value else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**overrides: object) -> Settings:
    """Read the settings; raise `OperatorError` naming each wrong one and what is allowed."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"GESSO_{str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors() if item["loc"]]
        raise OperatorError("These settings are wrong. " + "; ".join(lines)) from error
