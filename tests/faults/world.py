"""Everything a run needs: PostgreSQL, S3, the proxies before them, receivers, disks, accounts, and the members of the fleet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from disks import Disks, mounted
from history import Recorder
from members import Member
from postgres_server import SETTINGS, PostgresServer
from receivers import VerifyingReceiver, listening
from sqlalchemy import Connection
from tcp_proxy import FaultyProxy
from witness import OPTIONS

from gesso.accounts.keys import create_account, create_key
from gesso.database.connect import Database
from gesso.domain.clock import now_microseconds
from gesso.domain.credits import MICRO
from postgres import private_server
from s3_server import S3Server, running_s3

HERE = Path(__file__).parent
RECEIVERS = 3
SERVERS, WORKERS = 2, 2
SLOTS = 4  # of each worker
LEASE_SECONDS = 4.0
DAY_SECONDS = 20.0  # that a receiver's day lasts
ORPHAN_HOURS = 0.1  # more than clocks jump and jobs run
RICH = 1_000_000  # credits
DISK_MEBIBYTES, DATABASE_MEBIBYTES = 8, 768
LINK_SECRET = "faults-" * 6


@dataclass
class World:
    """What there is to be broken."""

    folder: Path
    postgres: PostgresServer
    store: S3Server
    database_proxy: FaultyProxy
    store_proxy: FaultyProxy
    hook_proxies: list[FaultyProxy]
    receivers: list[VerifyingReceiver]
    disks: Disks | None
    keys: dict[str, str] = field(default_factory=dict)  # account → secret of its key
    accounts: dict[str, str] = field(default_factory=dict)  # account → id
    servers: list[Member] = field(default_factory=list)
    workers: list[Member] = field(default_factory=list)
    lease_seconds: float = LEASE_SECONDS
    day_seconds: float = DAY_SECONDS

    @property
    def members(self) -> list[Member]:
        return [*self.servers, *self.workers]

    @property
    def hook_urls(self) -> list[str]:
        return [f"http://127.0.0.1:{proxy.port}/hook" for proxy in self.hook_proxies]

    def member(self, name: str, *arguments: str, **settings: object) -> Member:
        """Return a place of the fleet that nobody fills yet."""
        database = f"postgresql://postgres@127.0.0.1:{self.database_proxy.port}/postgres?options={quote(OPTIONS)}"
        given = {
            "database_url": database,
            "database_connections": 8,
            "database_statement_seconds": 20,
            **self.store.settings,
            "storage_endpoint": f"http://127.0.0.1:{self.store_proxy.port}",
            "storage_timeout_seconds": 4,
            "link_secret": LINK_SECRET,
            "model_folders": HERE.parent / "acceptance" / "noise_model",
            "outgoing_allow": "127.0.0.1",
            "lease_seconds": self.lease_seconds,
            "grace_seconds": 3,
            "max_attempts": 50,
            "webhook_timeout_seconds": 3,
            "orphan_hours": ORPHAN_HOURS,
        } | settings
        variables = {"FAULTS_SLOTS": str(SLOTS), "FAULTS_DAY_SECONDS": str(self.day_seconds)}
        return Member(name, arguments, self.folder, given, variables)


@asynccontextmanager
async def whole_world(folder: Path, recorder: Recorder, poor_credits: int) -> AsyncIterator[World]:
    """Start everything but the members; end everything with the block."""
    (folder / "logs").mkdir()
    names = [f"api-{n + 1}" for n in range(SERVERS)] + [f"worker-{n + 1}" for n in range(WORKERS)]
    disks_of = [(folder / "disks" / name, DISK_MEBIBYTES) for name in names]
    place = folder / "database"
    place.mkdir()
    async with AsyncExitStack() as held:
        plain = held.enter_context(ExitStack())
        disks = plain.enter_context(mounted(*disks_of, (place, DATABASE_MEBIBYTES)))
        url = await asyncio.to_thread(plain.enter_context, private_server(place, **SETTINGS))
        postgres = await asyncio.to_thread(PostgresServer, url)
        held.push_async_callback(postgres.end, folder / "logs" / "postgres.log")
        store = await asyncio.to_thread(plain.enter_context, running_s3())
        receivers = listening(plain, recorder, RECEIVERS)
        proxies = [
            await _proxy(held, port)
            for port in (postgres.port, store.port, *(urlsplit(one.url).port or 0 for one in receivers))
        ]
        world = World(folder, postgres, store, proxies[0], proxies[1], proxies[2:], receivers, disks)
        await asyncio.to_thread(_make_accounts, world, poor_credits)
        world.servers = [world.member(name, "serve", "--port", "0", "--no-worker") for name in names[:SERVERS]]
        world.workers = [world.member(name, "worker") for name in names[SERVERS:]]
        for member in world.members:
            held.push_async_callback(member.close)
        yield world


async def _proxy(held: AsyncExitStack, target: int) -> FaultyProxy:
    proxy = FaultyProxy(target)
    await proxy.start()
    held.push_async_callback(proxy.stop)
    return proxy


def _make_accounts(world: World, poor_credits: int) -> None:
    granted = {"rich": RICH, "second": RICH, "poor": poor_credits, "poorer": max(2, poor_credits // 4)}

    def work(connection: Connection) -> dict[str, Any]:
        now, made = now_microseconds(), {}
        for name, credits_ in granted.items():
            account = create_account(connection, name, now, credits_ * MICRO)
            made[name] = (account, create_key(connection, account, "live", name, now)[1])
        return made

    database = Database.open_postgres(world.postgres.url, 2)
    try:
        for name, (account, key) in database.write_blocking(work).items():
            world.accounts[name], world.keys[name] = account, key
    finally:
        database.close()
