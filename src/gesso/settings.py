"""Every setting of the server: `GESSO_*` environment variables, then `gesso.toml` in the working folder, then defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from gesso.catalogue.model import UNKNOWN_PRICE
from gesso.catalogue.price import parse_price
from gesso.catalogue.vendors import VENDORS
from gesso.catalogue.wording import did_you_mean, shown
from gesso.dialects.registry import BY_NAME
from gesso.domain.credits import MOST, Price
from gesso.domain.errors import OperatorError
from gesso.outgoing.allow import parse_allow_list
from gesso.storage.links import SECRET_BYTES
from gesso.storage.places import check_url

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MEBIBYTE = 1 << 20
MOST_HOURS = 100 * 365 * 24
# Never shown, not even when they are wrong.
SECRETS = ("database_url", "storage_url", "storage_access_key_id", "storage_secret_access_key", "link_secret")
OF_S3 = ("storage_endpoint", "storage_region", "storage_access_key_id", "storage_secret_access_key")
CLIENT_VARIABLES = ("GESSO_KEY", "GESSO_URL")  # read by the clients in examples/, not by the server


class Settings(BaseSettings):
    """The settings; each field is `GESSO_<NAME>` in the environment and `<name>` in gesso.toml."""

    model_config = SettingsConfigDict(env_prefix="GESSO_", toml_file="gesso.toml", extra="forbid", frozen=True)

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

    secrets_file: Path | None = Field(
        None,
        description="A file of lines NAME=value with the vendors' keys, for those that are not in the environment. Only "
        "its owner may read it.",
    )
    upstream_off: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Vendors nothing is sent to although there is a key, comma-separated."
    )
    upstream_urls: Annotated[Mapping[str, str], NoDecode] = Field(
        {},
        description="Base URLs instead of the vendors' own: a table `[upstream_urls]`, or "
        "openai=http://127.0.0.1:30000/v1 comma-separated.",
    )
    upstream_targets: Annotated[Mapping[str, str], NoDecode] = Field(
        {},
        description="What a vendor calls something, instead of the catalogue's name there, such as the id of an endpoint "
        "of your own: a table `[upstream_targets]`, or friendli/edit=ENDPOINT comma-separated.",
    )
    upstream_at_once: Annotated[Mapping[str, int], NoDecode] = Field(
        {}, description="How many requests are open at a vendor at once: a table, or fal=20 comma-separated."
    )
    upstream_failover: bool = Field(
        False, description="Whether a job goes to the next vendor of its model where the first gave nothing."
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

    @field_validator("trusted_proxies", "model_folders", "outgoing_allow", "upstream_off", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Take "a, b" from the environment as well as a list from the file."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            if entry != "*":  # everybody
                ip_network(entry)  # what is neither address nor network would match nothing, without a word
        return value

    @field_validator("outgoing_allow")
    @classmethod
    def _allow_list(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            parse_allow_list(value)
        except OperatorError as error:
            raise ValueError(error.message) from error
        return value

    @field_validator("upstream_urls", "upstream_targets", "upstream_at_once", mode="before")
    @classmethod
    def _by_vendor(cls, value: object) -> object:
        """Take "fal=20, openai=8" from the environment as well as a table from the file."""
        return _pairs(value) if isinstance(value, str) else value

    @field_validator("upstream_off", "upstream_urls", "upstream_at_once")
    @classmethod
    def _known_vendors(cls, value: Any) -> Any:
        if strangers := sorted(set(value) - set(VENDORS)):
            raise ValueError(f"no vendor is called {strangers[0]!r}; there are {', '.join(VENDORS)}")
        return value

    @field_validator("upstream_targets")
    @classmethod
    def _known_targets(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, target in value.items():
            vendor, slash, known = name.partition("/")
            if vendor not in VENDORS or not slash or not known or not target:
                raise ValueError(f"{name!r} is not VENDOR/TARGET=NAME; vendors are {', '.join(VENDORS)}")
        return value

    @field_validator("upstream_at_once")
    @classmethod
    def _one_or_more(cls, value: Mapping[str, int]) -> Mapping[str, int]:
        if small := [name for name, count in value.items() if count < 1]:
            raise ValueError(f"{small[0]}: at least 1")
        return value

    @field_validator("prices", mode="before")
    @classmethod
    def _prices(cls, value: object) -> object:
        """Take "slug=0.5 usd, other=12 credit" from the environment as well as a table from the file."""
        if isinstance(value, str):
            value = _pairs(value, "no price of a model, like flux-schnell=0.5 usd")
        if not isinstance(value, Mapping):
            return value
        return {slug: _price_of(slug, text) for slug, text in value.items()}

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

    if idle := _without_effect(settings):
        raise OperatorError(f"These settings do not go together:{''.join(f'{chr(10)}  {line}' for line in idle)}")
    return settings


def _without_effect(settings: Settings) -> list[str]:
    """Return what was said of an object store that is not there: the pictures would go elsewhere without a word."""
    url = settings.storage_url or ""
    lines = [
        f"GESSO_{name.upper()} is set, and has no effect without GESSO_STORAGE_URL=s3://bucket/prefix"
        for name in OF_S3
        if getattr(settings, name) and not url.startswith("s3:")
    ]
    if settings.storage_links == "presigned" and (not url or url.startswith("memory:")):
        lines.append("GESSO_STORAGE_LINKS is presigned, and has no effect without an object store in GESSO_STORAGE_URL")
    return lines


def unknown_variables() -> list[str]:
    """Return the `GESSO_*` variables of the environment that are no settings: probably misspelt, and without effect."""
    known = {f"GESSO_{name.upper()}" for name in Settings.model_fields} | set(CLIENT_VARIABLES)
    return sorted(name for name in os.environ if name.upper().startswith("GESSO_") and name.upper() not in known)


def _pairs(text: str, wrong: str = "not of the form name=value") -> dict[str, str]:
    found: dict[str, str] = {}
    for part in (part.strip() for part in text.split(",")):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not part:
            continue
        if not equals:
            raise ValueError(f"{shown(part)} is {wrong}")
        if name in found:
            raise ValueError(f"{shown(name)} is there twice")
        found[name] = value
    return found


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
