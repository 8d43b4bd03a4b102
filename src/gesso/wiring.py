"""The only file that names concrete classes: assembles a server, or what one command needs, from the settings."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog

from gesso import __version__
from gesso.accounts.keys import FirstKeys, first_start
from gesso.accounts.limits import KeyLimits
from gesso.catalogue.load import Catalogue, load_catalogue
from gesso.database.connect import Database
from gesso.database.dialect import Notice
from gesso.database.lock import own_data_directory
from gesso.database.upgrade import Schema, look, upgrade
from gesso.dialects.dialect import Webhooks
from gesso.dialects.registry import DIALECTS
from gesso.domain.clock import HOUR, SECOND, Clock
from gesso.domain.credits import MICRO, Price
from gesso.domain.errors import OperatorError
from gesso.domain.places import Places
from gesso.domain.request import RouteChoice
from gesso.engines.builtin.engine import BuiltinEngine
from gesso.engines.engine import Engine
from gesso.engines.registry import Engines
from gesso.engines.resize import ResizeEngine
from gesso.imaging.budget import PixelBudget
from gesso.imaging.decode import DecodeLimits
from gesso.imaging.memory import return_large_blocks
from gesso.intake.accept import Intake, IntakeLimits
from gesso.intake.prepare import Rules
from gesso.jobs.feed import Feed
from gesso.jobs.fleet import WorkerRow
from gesso.jobs.outbox import NATIVE
from gesso.jobs.submit import QueueLimits
from gesso.outgoing.fetch import Outgoing, Policy
from gesso.outgoing.send import Sender
from gesso.settings import Settings
from gesso.storage.blobs import BlobStore
from gesso.storage.health import StorageHealth
from gesso.storage.links import Links, load_or_create_secret
from gesso.storage.places import Place
from gesso.storage.room import DiskRoom
from gesso.storage.transactions import Transactions
from gesso.telemetry.meters import Meters
from gesso.workers.clean_up import CleanUp
from gesso.workers.deliver_webhooks import Deliverer
from gesso.workers.fleet import Fleet
from gesso.workers.inputs import InputReader
from gesso.workers.keep_queue import QueueKeeper
from gesso.workers.loop import Worker
from gesso.workers.relay import Relay
from gesso.workers.run_job import JobRunner
from gesso.workers.webhook_letters import WebhookLetters

log = structlog.get_logger(__name__)
T = TypeVar("T")
CLEAN_UP_SECONDS = 60.0
DATABASE_NAME = "gesso.db"


def catalogue_of(settings: Settings) -> Catalogue:
    """Load the packaged models and the operator's own, at the prices of this installation."""
    unknown = Price(amount=settings.unknown_price_credits)
    return load_catalogue(settings.model_folders, prices=settings.prices, unknown_price=unknown)


def decode_limits_of(settings: Settings) -> DecodeLimits:
    """Return the limits of input pictures."""
    return DecodeLimits(max_bytes=settings.max_picture_bytes, max_pixels=settings.max_picture_pixels)


def engines_of(settings: Settings) -> tuple[Engine, ...]:
    """Return the engines of this installation."""
    return BuiltinEngine(slots=settings.builtin_slots, threads=settings.builtin_threads), ResizeEngine()


def key_limits_of(settings: Settings) -> KeyLimits:
    """Return the limits of keys that have none of their own."""
    credits_per_day = settings.credits_per_day_per_key
    return KeyLimits(
        requests_per_minute=settings.requests_per_minute_per_key,
        concurrent_jobs=settings.concurrent_jobs_per_key,
        credits_per_day_micro=None if credits_per_day is None else int(credits_per_day * MICRO),
    )


def rules_of(settings: Settings, catalogue: Catalogue, engines: Engines) -> Rules:
    """Return what `prepare` needs."""
    policy = Policy(allow=settings.outgoing_allow, max_bytes=settings.max_picture_bytes)
    return Rules(catalogue, engines.why_not, decode_limits_of(settings), policy)


def data_folder(settings: Settings) -> Path:
    """Return the data folder, made if it was not there."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        reason = error.strerror or "it cannot be made"
        raise OperatorError(f"The data folder {settings.data_dir}: {reason}. Set GESSO_DATA_DIR.") from error
    return settings.data_dir


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


def _link_secret(settings: Settings) -> bytes:
    if settings.link_secret is not None:
        return settings.link_secret.get_secret_value().encode()
    return load_or_create_secret(data_folder(settings) / "link.secret")


def _room(settings: Settings) -> DiskRoom:
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


def unchanged(port: T) -> T:
    """Return what came: the product wraps nothing around its ports; tests put doubles there."""
    return port


@dataclass(frozen=True)
class Around:
    """What is put around the ports of a server as it is assembled: each function returns what is used instead."""

    database: Callable[[Database], Database] = unchanged
    blobs: Callable[[BlobStore], BlobStore] = unchanged


@dataclass(frozen=True)
class Role:
    """What a process does of all there is to do. `engines` are names, None for all; without `works` it runs no jobs."""

    works: bool = True
    delivers: bool = True
    engines: tuple[str, ...] | None = None

    def chosen(self, installed: Iterable[Engine]) -> tuple[Engine, ...]:
        """Return the engines of this process; raise `OperatorError` for a name that no engine has."""
        by_name = {engine.name: engine for engine in installed}
        unknown = [name for name in self.engines or () if name not in by_name]
        if unknown:
            raise OperatorError(f"There is no engine {', '.join(unknown)}. Known: {', '.join(by_name)}.")
        names = tuple(by_name) if self.engines is None else tuple(dict.fromkeys(self.engines))
        return tuple(by_name[name] for name in names) if self.works else ()


def letters_of(
    settings: Settings, database: Transactions, clock: Clock, dialects: Mapping[str, Webhooks]
) -> WebhookLetters:
    """Return what writes webhooks of a database, for one command beside a server that may be running."""
    return WebhookLetters(
        database=database,
        blobs=open_blobs(settings),
        catalogue=catalogue_of(settings),
        links=Links(_link_secret(settings)),
        clock=clock,
        dialects=dialects,
        public_url=settings.public_url,
        link_seconds=int(settings.link_hours * 3600),
    )


def sender_of(settings: Settings) -> Sender:
    """Return what posts webhooks."""
    return Sender(Policy(allow=settings.outgoing_allow, total_seconds=settings.webhook_timeout_seconds))


class Parts:
    """One assembled server. Opened by `build`; `start` and `stop` belong to its event loop."""

    def __init__(
        self, settings: Settings, engines: Iterable[Engine], clock: Clock | None, around: Around, role: Role
    ) -> None:
        if settings.database_url is None and role != Role():
            raise OperatorError(
                "A second process beside the API needs PostgreSQL: SQLite serves one. Set GESSO_DATABASE_URL, or run "
                "everything in one process: gesso serve"
            )
        self.role = role
        self.public_url = settings.public_url
        self.root_dialect = settings.root_dialect
        self.trusted_proxies = settings.trusted_proxies
        self.grace_seconds = settings.grace_seconds
        self.max_body_bytes = settings.max_body_bytes
        self.max_picture_bytes = settings.max_picture_bytes
        self.body_bytes_in_flight = settings.body_bytes_in_flight
        self.body_idle_seconds = settings.body_idle_seconds
        self.link_seconds = int(settings.link_hours * 3600)
        self.presigned_links = settings.storage_links == "presigned"
        self.file_microseconds = int(settings.file_retention_hours * HOUR)
        self.decode_limits = decode_limits_of(settings)
        self.key_limits = key_limits_of(settings)
        # How each dialect tells its webhooks. The native one belongs to the server, which adds it before the start; a
        # process without it delivers none.
        self.webhooks: dict[str, Webhooks] = {d.name: d.webhooks for d in DIALECTS if d.webhooks is not None}
        self.meters = Meters()
        self._settings = settings
        self._stopping: asyncio.Task[None] | None = None

        self.catalogue = catalogue_of(settings)
        for slug, file in self.catalogue.replaced.items():
            log.info("model_replaced", model=slug, by=file)
        self.engines = Engines(role.chosen(engines))
        self._held = ExitStack()
        folder = data_folder(settings)
        if settings.database_url is None:  # on PostgreSQL several processes may share the folder
            self._held.enter_context(own_data_directory(folder))
        elif (folder / DATABASE_NAME).exists():  # its pictures have no rows on PostgreSQL: the sweep would remove them
            raise OperatorError(
                f"The data folder {folder} holds a SQLite database and its pictures. With GESSO_DATABASE_URL, set "
                "GESSO_DATA_DIR to a folder of its own."
            )
        try:
            self.database = around.database(open_database(settings))
            self._held.callback(self.database.close)
            self.clock = clock = clock or self.database.clock
            blobs = open_blobs(settings)
            blobs.meters = self.meters
            self.blobs = around.blobs(blobs)
            self.storage_health = StorageHealth(self.blobs)
            self.room = _room(settings)
            self.links = Links(_link_secret(settings))
            grant = settings.initial_credits * MICRO
            self.first_keys: FirstKeys | None = self.database.write_blocking(lambda c: first_start(c, clock(), grant))
        except BaseException:
            self._held.close()
            raise

    async def start(self) -> None:
        """Start the worker, the keeping of the queue and the housekeeping."""
        settings = self._settings
        rules = rules_of(settings, self.catalogue, self.engines)
        self.outgoing = Outgoing(rules.outgoing)
        self.feed = Feed()
        budget = PixelBudget(settings.decoded_pixels_in_flight)
        return_large_blocks()
        runner = JobRunner(
            database=self.database,
            blobs=self.blobs,
            reader=InputReader(self.blobs, self.outgoing, budget, self.decode_limits, settings.data_dir),
            engines=self.engines,
            feed=self.feed,
            clock=self.clock,
            output_microseconds=int(settings.output_retention_hours * HOUR),
        )
        self.worker = Worker(
            database=self.database,
            runner=runner,
            engines=self.engines,
            feed=self.feed,
            clock=self.clock,
            lease_seconds=settings.lease_seconds,
            running_limit=settings.running_limit_per_account,
            meters=self.meters,
        )
        self._fleet = Fleet(
            database=self.database,
            clock=self.clock,
            engines=self.engines,
            lease_seconds=settings.lease_seconds,
            me=self._row(self.clock()) if self.engines.names else None,
        )
        self._relay = Relay(self.database, self.feed)
        queue = QueueLimits(per_account=settings.queue_limit_per_account, total=settings.queue_limit_total)
        limits = IntakeLimits(
            queue=queue,
            lease_microseconds=int(settings.lease_seconds * SECOND),
            live_fidelity=settings.allow_fidelity,
            running_per_account=settings.running_limit_per_account,
            of_keys=self.key_limits,
        )
        self.intake = Intake(rules, limits, self.database, self.blobs, self.room, self.worker, self.clock, self.meters)
        self.letters = WebhookLetters(
            database=self.database,
            blobs=self.blobs,
            catalogue=self.catalogue,
            links=self.links,
            clock=self.clock,
            dialects=self.webhooks,
            public_url=self.public_url,
            link_seconds=self.link_seconds,
        )
        self.sender = sender_of(settings)
        # Tests go out beside the deliveries, over the same connections, of which they must leave enough.
        self.webhook_tests = Places(total=64, each=4)
        self.deliverer = Deliverer(
            database=self.database,
            letters=self.letters,
            post=self.sender.post,
            clock=self.clock,
            seconds=settings.webhook_timeout_seconds,
            meters=self.meters,
        )
        self._keeper = QueueKeeper(
            database=self.database,
            clock=self.clock,
            feed=self.feed,
            wake_worker=self.worker.wake,
            max_attempts=settings.max_attempts,
            queue_timeout_microseconds=int(settings.queue_timeout_hours * HOUR),
            interval_seconds=min(CLEAN_UP_SECONDS, settings.lease_seconds),
            meters=self.meters,
        )
        self._clean_up = CleanUp(
            database=self.database,
            blobs=self.blobs,
            clock=self.clock,
            keep_reserve=self.database.keep_reserve,
            orphan_seconds=settings.orphan_hours * 3600,
            webhook_log_microseconds=int(settings.webhook_retention_hours * HOUR),
            interval_seconds=CLEAN_UP_SECONDS,
        )
        await self._begin()

    async def _begin(self) -> None:
        if not self.database.shared:  # whatever runs, an earlier process left running
            await self._keeper.take_over()
            await self.deliverer.take_over()
        loop = asyncio.get_running_loop()

        def heard(notice: Notice) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                loop.call_soon_threadsafe(self._hear, notice)

        if self.database.shared:
            await self._fleet.start()
            self._relay.start()
        self.database.listen(heard)
        self.worker.start()
        self._keeper.start()
        self._clean_up.start()
        if NATIVE in self.webhooks and self.role.delivers:
            self.deliverer.start()

    def _row(self, started_at: int) -> Callable[[int], WorkerRow]:
        """Return what makes this worker's row of the fleet."""

        def row(alive_until: int) -> WorkerRow:
            return WorkerRow(
                id=self.worker.id,
                host=socket.gethostname(),
                pid=os.getpid(),
                version=__version__,
                engines=self.engines.names,
                slots=sum(self.engines.slots(name) for name in self.engines.names),
                started_at=started_at,
                alive_until=alive_until,
            )

        return row

    def _hear(self, notice: Notice) -> None:
        """Act on what another process tells; what was missed, the row and the renewal of leases say later."""
        match notice.channel:
            case "gesso_queued":
                self.worker.wake(notice.payload)
            case "gesso_cancelled":
                self.worker.cancel(notice.payload)
            case "gesso_ended":
                self.feed.nudge(notice.payload)
                if self._settings.running_limit_per_account is not None:
                    self.worker.wake()  # its account may have a place now
            case "gesso_webhooks":
                self.deliverer.wake()
            case "gesso_workers":
                self._fleet.wake()
            case "gesso_watched":
                self._relay.watched(notice.payload)
            case "gesso_progress":
                self._relay.heard(notice.payload)
            case "gesso_reconnected":
                self.worker.wake()
                self.deliverer.wake()
                self._fleet.wake(afresh=True)
                self.feed.nudge_all()

    @property
    def stopping(self) -> bool:
        """Whether its work is being stopped, or has been."""
        return self._stopping is not None

    async def stop_work(self) -> None:
        """Finish or give back what runs, then let go who waits for jobs; a second call waits for the first."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop_work())
        await self._stopping
        self.feed.close()

    async def _stop_work(self) -> None:
        await self._fleet.leave()
        await self.worker.stop(self.grace_seconds)

    async def stop(self) -> None:
        """Stop the work, then close everything."""
        await self.stop_work()
        await self._relay.stop()
        await self._keeper.stop()
        await self._clean_up.stop()
        await self.deliverer.stop()
        await self.sender.aclose()
        await self.outgoing.aclose()
        await self.engines.close()
        self.close()

    def close(self) -> None:
        """Close the database and let go of the data folder."""
        self._held.close()

    def engine_states(self) -> list[tuple[str, str | None]]:
        """Return each engine with None, or why it could not run anything now."""
        return [
            (name, self.engines.why_not(RouteChoice(engine=name, fidelity="exact", runs=name)))
            for name in (*self.engines.names, *sorted((self.engines.elsewhere or set()) - set(self.engines.names)))
        ]


def build(
    settings: Settings,
    *,
    engines: Iterable[Engine] | None = None,
    clock: Clock | None = None,
    around: Around | None = None,
    role: Role | None = None,
) -> Parts:
    """Assemble a server; what is given replaces or wraps the installation's own (tests and benchmarks)."""
    return Parts(
        settings, engines_of(settings) if engines is None else engines, clock, around or Around(), role or Role()
    )
