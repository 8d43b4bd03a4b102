"""What the settings say, made into what rooms take: catalogue, engines, limits, the places of rows and pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from gesso.accounts.limits import KeyLimits
from gesso.accounts.retention import FOREVER, Kept
from gesso.catalogue.load import Catalogue, load_catalogue
from gesso.catalogue.overrides import check_targets
from gesso.catalogue.vendors import VENDORS
from gesso.database.connect import Database
from gesso.database.lock import own_data_directory
from gesso.database.upgrade import Schema, look, upgrade
from gesso.domain.clock import SECOND
from gesso.domain.credits import MICRO, Price
from gesso.domain.errors import OperatorError
from gesso.engines.builtin.engine import BuiltinEngine
from gesso.engines.diffusers.engine import DiffusersEngine
from gesso.engines.diffusers.engine_settings import EngineSettings
from gesso.engines.diffusers.loras.settings import LoraSettings
from gesso.engines.diffusers.rewriter import RewriterSettings
from gesso.engines.engine import Engine
from gesso.engines.registry import Engines
from gesso.engines.resize import ResizeEngine
from gesso.engines.upstream.engine import UpstreamEngine, VendorSettings
from gesso.engines.upstream.keys import read_keys
from gesso.engines.upstream.vendors import UPSTREAMS
from gesso.imaging.decode import DecodeLimits
from gesso.intake.accept import IntakeLimits
from gesso.intake.prepare import Rules
from gesso.jobs.submit import QueueLimits
from gesso.outgoing.fetch import Policy
from gesso.settings import Settings
from gesso.storage.blobs import BlobStore
from gesso.storage.links import load_or_create_secret
from gesso.storage.places import Place
from gesso.storage.room import DiskRoom

DATABASE_NAME = "gesso.db"
T = TypeVar("T")


def catalogue_of(settings: Settings) -> Catalogue:
    """Load the packaged models and the operator's own, at the prices of this installation."""
    unknown = Price(amount=settings.unknown_price_credits)
    catalogue = load_catalogue(
        settings.model_folders,
        prices=settings.prices,
        unknown_price=unknown,
        routes=settings.routes,
        aliases=settings.aliases,
    )
    check_targets(catalogue.models, "GESSO_UPSTREAM_PRICES", settings.upstream_prices, units=True)
    check_targets(catalogue.models, "GESSO_UPSTREAM_TARGETS", settings.upstream_targets)
    return catalogue


def decode_limits_of(settings: Settings) -> DecodeLimits:
    """Return the limits of input pictures."""
    return DecodeLimits(max_bytes=settings.max_picture_bytes, max_pixels=settings.max_picture_pixels)


def engines_of(settings: Settings) -> tuple[Engine, ...]:
    """Return the engines of this installation."""
    return (
        BuiltinEngine(slots=settings.builtin_slots, threads=settings.builtin_threads),
        ResizeEngine(),
        diffusers_of(settings),
        *upstreams_of(settings),
    )


def diffusers_of(settings: Settings) -> DiffusersEngine:
    """Return the engine of open weights; it is there without its extra too, and says then what to install."""
    return DiffusersEngine(
        EngineSettings(
            folder=weights_folder(settings),
            checkpoints=settings.diffusers_checkpoints,
            devices=settings.diffusers_devices,
            memory_bytes=_bytes(settings.diffusers_memory_gigabytes),
            host_bytes=_bytes(settings.diffusers_host_gigabytes),
            keep=frozenset(settings.diffusers_keep),
            offload=settings.diffusers_offload,
            offload_of=settings.diffusers_offload_of,
            precision=None if settings.diffusers_precision == "auto" else settings.diffusers_precision,
            quantisation_of=settings.diffusers_quantisation_of,
            acceleration=settings.diffusers_acceleration,
            batch=settings.diffusers_batch,
            threads=settings.diffusers_threads,
            silence_seconds=settings.diffusers_silence_seconds,
            safety_model=settings.safety_model,
            safety_threshold=settings.safety_threshold,
        ),
        loras=LoraSettings(
            folder=settings.data_dir / "loras",
            registered=settings.diffusers_loras,
            sources=frozenset(settings.diffusers_lora_sources),
            file_bytes=settings.diffusers_lora_bytes,
            cache_bytes=settings.diffusers_lora_cache_bytes,
        ),
        policy=Policy(allow=settings.outgoing_allow, max_bytes=settings.max_picture_bytes),
        rewriter=_rewriter_of(settings),
    )


def _rewriter_of(settings: Settings) -> RewriterSettings | None:
    if settings.rewriter_url is None:
        return None
    key = settings.rewriter_key.get_secret_value() if settings.rewriter_key else ""
    return RewriterSettings(settings.rewriter_url, settings.rewriter_model, key)


def weights_folder(settings: Settings) -> Path:
    """Return where pulled weights lie."""
    return settings.diffusers_folder or settings.data_dir / "weights"


def _bytes(gigabytes: float | None) -> int | None:
    return None if gigabytes is None else int(gigabytes * (1 << 30))


def upstreams_of(settings: Settings) -> tuple[Engine, ...]:
    """Return the engine that runs jobs at vendors, if there is any vendor's key."""
    keys = read_keys(os.environ, settings.secrets_file)
    known = {
        name: VendorSettings(
            key=None if name in settings.upstream_off else keys.get(name),
            base=settings.upstream_urls.get(name),
            limits=replace(vendor.limits, at_once=settings.upstream_at_once.get(name, vendor.limits.at_once)),
            targets=_of_vendor(settings.upstream_targets, name),
            prices=_prices_of(settings, name),
            dollars_a_day=settings.upstream_spend.get(name),
        )
        for name, vendor in UPSTREAMS.items()
    }
    if not any(vendor.key for vendor in known.values()):
        return ()
    policy = Policy(allow=settings.outgoing_allow, max_bytes=settings.max_picture_bytes)
    limits, lends = decode_limits_of(settings), settings.public_url is not None or _presigned(settings)
    return (UpstreamEngine(UPSTREAMS, known, policy=policy, decode_limits=limits, lends=lends),)


def _presigned(settings: Settings) -> bool:
    """Tell whether an object store makes links of its own."""
    return settings.storage_url is not None and settings.storage_links == "presigned"


def _of_vendor(values: Mapping[str, T], vendor: str) -> dict[str, T]:
    """Return what is said of one vendor's things, by their names there."""
    start = f"{vendor}/"
    return {name.removeprefix(start): value for name, value in values.items() if name.startswith(start)}


def _prices_of(settings: Settings, vendor: str) -> dict[str, Decimal]:
    """Return the operator's prices at one vendor; "credit" is the vendor's own, whatever its file calls it."""
    prices = _of_vendor(settings.upstream_prices, vendor)
    return {VENDORS[vendor].unit if name == "credit" else name: price for name, price in prices.items()}


def key_limits_of(settings: Settings) -> KeyLimits:
    """Return the limits of keys that have none of their own."""
    credits_per_day = settings.credits_per_day_per_key
    return KeyLimits(
        requests_per_minute=settings.requests_per_minute_per_key,
        concurrent_jobs=settings.concurrent_jobs_per_key,
        credits_per_day_micro=None if credits_per_day is None else int(credits_per_day * MICRO),
    )


def kept_of(settings: Settings) -> Kept:
    """Return how long the things of accounts without times of their own are kept."""
    hours = settings.job_retention_hours
    return Kept(
        results_seconds=max(1, int(settings.output_retention_hours * 3600)),
        files_seconds=max(1, int(settings.file_retention_hours * 3600)),
        jobs_seconds=FOREVER if hours is None else int(hours * 3600),
    )


def intake_limits_of(settings: Settings) -> IntakeLimits:
    """Return the limits a submit is held to."""
    return IntakeLimits(
        queue=QueueLimits(per_account=settings.queue_limit_per_account, total=settings.queue_limit_total),
        lease_microseconds=int(settings.lease_seconds * SECOND),
        live_fidelity=settings.allow_fidelity,
        running_per_account=settings.running_limit_per_account,
        of_keys=key_limits_of(settings),
        kept=kept_of(settings),
    )


def rules_of(settings: Settings, catalogue: Catalogue, engines: Engines) -> Rules:
    """Return what `prepare` needs."""
    policy = Policy(allow=settings.outgoing_allow, max_bytes=settings.max_picture_bytes)
    return Rules(catalogue, engines.why_not, decode_limits_of(settings), policy, engines.able)


def data_folder(settings: Settings) -> Path:
    """Return the data folder, made if it was not there."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        reason = error.strerror or "it cannot be made"
        raise OperatorError(f"The data folder {settings.data_dir}: {reason}. Set GESSO_DATA_DIR.") from error
    return settings.data_dir


@contextmanager
def own_data_folder(settings: Settings) -> Iterator[None]:
    """Hold the data folder against others; raise `OperatorError` where it is held, or where its pictures have no rows."""
    folder = data_folder(settings)
    if settings.database_url is None:
        with own_data_directory(folder):
            yield
        return
    # On PostgreSQL several processes may share the folder; the sweep would remove pictures whose rows are in SQLite.
    if (folder / DATABASE_NAME).exists():
        raise OperatorError(
            f"The data folder {folder} holds a SQLite database and its pictures. With GESSO_DATABASE_URL, set "
            "GESSO_DATA_DIR to a folder of its own."
        )
    yield


def open_database(settings: Settings) -> Database:
    """Open the database the settings name: PostgreSQL by its address, else SQLite in the data folder."""
    url = _database_url(settings)
    if url is not None:
        return Database.open_postgres(url, settings.database_connections, settings.database_statement_seconds)
    return Database.open_sqlite(data_folder(settings) / DATABASE_NAME)


def open_blobs(settings: Settings) -> BlobStore:
    """Open the place of the pictures: an object store by its URL, else the data folder."""
    if settings.storage_url is None:
        return BlobStore.open_local(data_folder(settings) / "blobs")
    key, secret = settings.storage_access_key_id, settings.storage_secret_access_key
    place = Place(
        url=settings.storage_url,
        endpoint=settings.storage_endpoint,
        region=settings.storage_region,
        access_key_id=key.get_secret_value() if key else None,
        secret_access_key=secret.get_secret_value() if secret else None,
        seconds=settings.storage_timeout_seconds,
    )
    return BlobStore.open_remote(place)


def link_secret_of(settings: Settings) -> bytes:
    """Return what links are signed with: the secret of the settings, else one that is kept in the data folder."""
    if settings.link_secret is not None:
        return settings.link_secret.get_secret_value().encode()
    return load_or_create_secret(data_folder(settings) / "link.secret")


def room_of(settings: Settings) -> DiskRoom:
    """Return the guard of the disk's room. Where neither database nor pictures are on the disk, it lets all pass."""
    elsewhere = settings.storage_url is not None and settings.database_url is not None
    return DiskRoom(data_folder(settings), 0 if elsewhere else settings.min_free_bytes)


def schema_of(settings: Settings) -> Schema:
    """Tell which revision the database is at, without opening it for work."""
    return look(_database_url(settings), settings.data_dir / DATABASE_NAME)


def migrate_database(settings: Settings) -> Schema:
    """Bring the database's tables up to date; return how they were before."""
    url = _database_url(settings)
    return upgrade(url, (settings.data_dir if url else data_folder(settings)) / DATABASE_NAME)


def _database_url(settings: Settings) -> str | None:
    return None if settings.database_url is None else settings.database_url.get_secret_value()
