"""Assembles a server from the settings: with `installation`, the only files that name concrete classes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TypeVar

import structlog

from gesso.accounts.keys import FirstKeys, first_start
from gesso.database.connect import Database
from gesso.database.dialect import Notice
from gesso.dialects.dialect import Webhooks
from gesso.dialects.registry import DIALECTS
from gesso.domain.clock import HOUR, SECOND, Clock
from gesso.domain.credits import MICRO
from gesso.domain.errors import OperatorError
from gesso.domain.places import Places
from gesso.domain.request import RouteChoice
from gesso.engines.engine import Engine
from gesso.engines.registry import Engines
from gesso.imaging.budget import PixelBudget
from gesso.imaging.memory import return_large_blocks
from gesso.installation import (
    catalogue_of,
    decode_limits_of,
    engines_of,
    intake_limits_of,
    kept_of,
    key_limits_of,
    link_secret_of,
    open_blobs,
    open_database,
    own_data_folder,
    room_of,
    rules_of,
)
from gesso.intake.accept import Intake
from gesso.jobs.feed import Feed
from gesso.jobs.outbox import NATIVE
from gesso.outgoing.fetch import Outgoing, Policy
from gesso.outgoing.send import Sender
from gesso.settings import Settings
from gesso.storage.blobs import BlobStore
from gesso.storage.health import StorageHealth
from gesso.storage.links import Links
from gesso.telemetry.meters import Meters
from gesso.workers.clean_up import CleanUp
from gesso.workers.deliver_webhooks import Deliverer
from gesso.workers.fleet import Fleet, row_of
from gesso.workers.hearing import Hearing
from gesso.workers.inputs import InputReader
from gesso.workers.keep_queue import QueueKeeper
from gesso.workers.lend import Lender
from gesso.workers.look_again import LookAgain
from gesso.workers.loop import Worker
from gesso.workers.relay import Relay
from gesso.workers.role import Role
from gesso.workers.run_job import JobRunner
from gesso.workers.spent import reads_spent
from gesso.workers.webhook_letters import WebhookLetters

log = structlog.get_logger(__name__)
T = TypeVar("T")
CLEAN_UP_SECONDS = 60.0


def unchanged(port: T) -> T:
    """Return what came: the product wraps nothing around its ports; tests put doubles there."""
    return port


@dataclass(frozen=True)
class Around:
    """What is put around the ports of a server as it is assembled: each function returns what is used instead."""

    database: Callable[[Database], Database] = unchanged
    blobs: Callable[[BlobStore], BlobStore] = unchanged


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
        self.kept = kept_of(settings)
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
        installed = tuple(engines)
        self.engines = Engines(role.chosen(installed), installed)
        self._held = ExitStack()
        self._held.enter_context(own_data_folder(settings))
        try:
            self.database = around.database(open_database(settings))
            self._held.callback(self.database.close)
            self.clock = clock = clock or self.database.clock
            blobs = open_blobs(settings)
            blobs.meters = self.meters
            self.blobs = around.blobs(blobs)
            self.storage_health = StorageHealth(self.blobs)
            self.room = room_of(settings)
            self.links = Links(link_secret_of(settings))
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
            lender=Lender(
                database=self.database,
                blobs=self.blobs,
                links=self.links,
                clock=self.clock,
                public_url=self.public_url,
                presigned=self.presigned_links,
            ),
            feed=self.feed,
            clock=self.clock,
            output_microseconds=self.kept.results_seconds * SECOND,
            failover=settings.upstream_failover,
            credentials=settings.upstream_credentials,
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
            me=row_of(self.worker.id, self.engines, self.clock()) if self.engines.names else None,
        )
        self._relay = Relay(self.database, self.feed)
        limits = intake_limits_of(settings)
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
        self.sender = Sender(Policy(allow=settings.outgoing_allow, total_seconds=settings.webhook_timeout_seconds))
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
            withdraw=self.worker.withdraw,
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
            kept=self.kept,
            interval_seconds=CLEAN_UP_SECONDS,
        )
        for engine in self.engines.spending:
            engine.spends_from(reads_spent(self.database))
        self._late = LookAgain(database=self.database, engines=self.engines.reaching_out, clock=self.clock)
        await self._begin()

    async def _begin(self) -> None:
        if not self.database.shared:  # whatever runs, an earlier process left running
            await self._keeper.take_over()
            await self.deliverer.take_over()
        loop = asyncio.get_running_loop()

        self.hearing = Hearing(
            worker=self.worker,
            deliverer=self.deliverer,
            fleet=self._fleet,
            relay=self._relay,
            feed=self.feed,
            ends_make_room=self._settings.running_limit_per_account is not None,
        )

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
        self._late.start()
        if NATIVE in self.webhooks and self.role.delivers:
            self.deliverer.start()

    def _hear(self, notice: Notice) -> None:
        self.hearing.hear(notice.channel, notice.payload)

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
        await self._late.stop()
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
            for name in (*self.engines.names, *self.engines.only_elsewhere)
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
