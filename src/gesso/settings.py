"""Every setting of the server: `GESSO_*` environment variables, then `gesso.toml` in the working folder, then defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from gesso.catalogue.model import UNKNOWN_PRICE
from gesso.catalogue.price import parse_price
from gesso.catalogue.wording import did_you_mean, shown
from gesso.diffusers_settings import DiffusersSettings
from gesso.domain.credits import MOST, Price
from gesso.domain.errors import OperatorError
from gesso.outgoing.allow import parse_allow_list
from gesso.place_settings import SECRETS, PlaceSettings
from gesso.setting_words import listed, pairs
from gesso.upstream_settings import UpstreamSettings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MEBIBYTE = 1 << 20
MOST_HOURS = 100 * 365 * 24
CLIENT_VARIABLES = ("GESSO_KEY", "GESSO_URL")  # read by the clients in examples/, not by the server


class Settings(DiffusersSettings, UpstreamSettings, PlaceSettings, BaseSettings):
    """The settings; each field is `GESSO_<NAME>` in the environment and `<name>` in gesso.toml."""

    model_config = SettingsConfigDict(env_prefix="GESSO_", toml_file="gesso.toml", extra="forbid", frozen=True)

    model_folders: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Folders with model files of your own, comma-separated."
    )
    allow_fidelity: Literal["exact", "approximate", "stand_in"] = Field(
        "exact",
        description="The least true route live keys may get: exact (the model itself), approximate (also another build "
        "of it), stand_in (also another model). Test keys always get all three.",
    )
    prices: Annotated[Mapping[str, Price], NoDecode] = Field(
        {},
        description="Prices of your own for one picture, which go before the models' files: a table `[prices]` of "
        '`slug = "0.5 usd"`, or slug=0.5 usd comma-separated.',
    )
    unknown_price_credits: Decimal = Field(
        UNKNOWN_PRICE.amount,
        ge=0,
        le=MOST,
        max_digits=16,
        decimal_places=6,
        description="Credits a picture costs whose owner publishes no price.",
    )
    initial_credits: int = Field(10_000, ge=0, le=10**12, description="Credits the first account gets in each mode.")

    builtin_slots: int = Field(1, ge=1, le=64, description="Jobs the built-in engine runs at once.")
    builtin_threads: int = Field(2, ge=1, le=64, description="Threads the built-in engine uses for one job.")

    max_picture_bytes: int = Field(50 * MEBIBYTE, ge=1024, description="Largest input picture, in bytes.")
    max_picture_pixels: int = Field(32_000_000, ge=4096, description="Largest input picture, in pixels.")
    max_body_bytes: int = Field(160 * MEBIBYTE, ge=4096, description="Largest request body, in bytes.")
    decoded_pixels_in_flight: int = Field(
        64_000_000, ge=1_000_000, description="Decoded input pixels held at once; more jobs wait."
    )
    body_bytes_in_flight: int = Field(
        192 * MEBIBYTE,
        ge=MEBIBYTE,
        description="Bytes of large request bodies held at once; more requests wait. JSON takes up to three times as much.",
    )
    body_idle_seconds: float = Field(
        30, gt=0, le=3600, description="Seconds a request body may pause before it is answered 408."
    )
    outgoing_allow: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts (name, *.suffix) and networks (CIDR) that links may reach although private, comma-separated.",
    )

    queue_limit_per_account: int = Field(
        1000, ge=1, description="Jobs an account may have queued or running; more are answered 429."
    )
    queue_limit_total: int = Field(
        100_000, ge=1, description="Jobs that may be queued or running in all; more are answered 429."
    )
    running_limit_per_account: int | None = Field(
        None, ge=1, description="Jobs of one account that run at once; more wait in line. Left out, no limit."
    )
    requests_per_minute_per_key: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Requests for jobs that a key may make a minute, unless it has a limit of its own; more are answered "
        "429. Left out, no limit.",
    )
    concurrent_jobs_per_key: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Jobs of a key that may be queued or running, unless it has a limit of its own; more are answered "
        "429. Left out, no limit.",
    )
    credits_per_day_per_key: Decimal | None = Field(
        None,
        gt=0,
        le=10**12,
        decimal_places=6,
        description="Credits a key may spend a day (UTC), unless it has a limit of its own; then 429. Left out, no limit.",
    )
    max_attempts: int = Field(3, ge=1, le=100, description="Times a job is started before it fails, refunded.")
    lease_seconds: float = Field(
        30,
        gt=0.5,
        le=3600,
        description="Seconds a job stays with a worker that went silent before it is started again.",
    )
    grace_seconds: float = Field(
        10,
        ge=0,
        le=3600,
        description="Seconds running jobs may go on when the server stops; what is left is queued again.",
    )
    queue_timeout_hours: float = Field(
        24, gt=0, le=MOST_HOURS, description="Hours after which a job that is still queued fails, refunded."
    )

    min_free_bytes: int = Field(
        64 * MEBIBYTE,
        ge=0,
        description="Free bytes of the data folder's disk under which nothing more is accepted (503).",
    )
    orphan_hours: float = Field(
        1, gt=0, le=MOST_HOURS, description="Hours after which stored bytes that belong to nothing are removed."
    )
    output_retention_hours: float = Field(
        168,
        gt=0,
        le=MOST_HOURS,
        description="Hours that pictures of jobs are kept after the job ended, unless its account has a time of its own.",
    )
    file_retention_hours: float = Field(168, gt=0, le=MOST_HOURS, description="Hours that uploaded files are kept.")
    job_retention_hours: float | None = Field(
        None,
        ge=24,
        le=MOST_HOURS,
        description="Hours after its end that a job can be asked for; then its row is removed, but not before its "
        "pictures are. Left out, for ever.",
    )
    webhook_timeout_seconds: float = Field(
        12, gt=0, le=60, description="Seconds the receiver of a webhook has to answer."
    )
    webhook_retention_hours: float = Field(
        720, gt=0, le=MOST_HOURS, description="Hours that ended deliveries of webhooks stay in their log."
    )
    link_hours: float = Field(
        24,
        gt=0,
        le=MOST_HOURS,
        description="Hours a link to a picture works; ask for the job again to get a fresh one.",
    )

    @field_validator("model_folders", "outgoing_allow", mode="before")
    @classmethod
    def _lists(cls, value: object) -> object:
        return listed(value)

    @field_validator("outgoing_allow")
    @classmethod
    def _allow_list(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            parse_allow_list(value)
        except OperatorError as error:
            raise ValueError(error.message) from error
        return value

    @field_validator("prices", mode="before")
    @classmethod
    def _prices(cls, value: object) -> object:
        """Take "slug=0.5 usd, other=12 credit" from the environment as well as a table from the file."""
        if isinstance(value, str):
            value = pairs(value, "no price of a model, like flux-schnell=0.5 usd")
        if not isinstance(value, Mapping):
            return value
        return {slug: _price_of(slug, text) for slug, text in value.items()}

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
    """Read the settings; raise `OperatorError` naming each wrong one, what it was and what is allowed."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        lines = "".join(f"\n  {_mistake(item)}" for item in error.errors(include_url=False))
        raise OperatorError(f"These settings are wrong:{lines}") from error
    except (TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"gesso.toml is not valid TOML: {error}.") from error
    except OSError as error:
        raise OperatorError(f"gesso.toml cannot be read: {(error.strerror or 'unknown reason').lower()}.") from error

    idle = [*settings.without_effect(), *settings.limits_without_effect(), *settings.rewriter_without_effect()]
    if idle:
        raise OperatorError(f"These settings do not go together:{''.join(f'{chr(10)}  {line}' for line in idle)}")
    return settings


def unknown_variables() -> list[str]:
    """Return the `GESSO_*` variables of the environment that are no settings: probably misspelt, and without effect."""
    known = {f"GESSO_{name.upper()}" for name in Settings.model_fields} | set(CLIENT_VARIABLES)
    return sorted(name for name in os.environ if name.upper().startswith("GESSO_") and name.upper() not in known)


def _price_of(slug: str, text: object) -> Price:
    if isinstance(text, Price):
        return text
    try:
        return parse_price(text if isinstance(text, str) else str(text))
    except ValueError as error:
        raise ValueError(f"the price of {shown(slug)}: {error}") from error


def _mistake(item: ErrorDetails) -> str:
    name = str(item["loc"][0]) if item["loc"] else "gesso.toml"
    if item["type"] == "extra_forbidden":
        return f"there is no setting {shown(name)}.{did_you_mean(name, list(Settings.model_fields))}"
    got = "not as it should be" if name in SECRETS else shown(item["input"])
    return f"GESSO_{name.upper()} is {got}: {item['msg'][:1].lower()}{item['msg'][1:]}"
