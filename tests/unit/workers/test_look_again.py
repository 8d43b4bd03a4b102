"""Late ends: what went on at a vendor after its job is asked about once, when it is due, and written down."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from desk import Turned
from sqlalchemy import select
from structlog.testing import capture_logs

from gesso.accounts.keys import find_caller
from gesso.cli.app import run as gesso
from gesso.database.upstream_tables import upstream_calls
from gesso.domain.clock import now_microseconds
from gesso.domain.errors import StorageFailed
from gesso.domain.upstream import CallEnded, CallLeft, Cost
from gesso.engines.upstream.engine import UpstreamEngine, VendorSettings
from gesso.engines.upstream.vendors import UPSTREAMS
from gesso.imaging.decode import DecodeLimits
from gesso.intake.ask import Ask
from gesso.jobs.cancel import cancel
from gesso.jobs.store import get_job
from gesso.jobs.upstream_calls import FIRST_LOOK
from gesso.outgoing.policy import Policy
from gesso.settings import Settings
from gesso.wiring import build
from gesso.workers.look_again import LookAgain

PATIENCE_SECONDS = 60


# ── a vendor ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class SlowVendor:
    """Eachlabs on this machine: works until `finish`, and then says what it took."""

    url: str = ""
    answer: dict[str, object] = field(default_factory=lambda: {"status": "processing"})
    asked: list[str] = field(default_factory=list)  # method and path of each call, in order
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def finish(self) -> None:
        self.answer = {"status": "success", "output": f"{self.url}/a.png", "metrics": {"cost": 0.012}}

    @property
    def paid(self) -> int:
        return self.asked.count("POST /v1/prediction/")

    @property
    def looks(self) -> int:
        return self.asked.count("GET /v1/prediction/p-1")

    def answers(self, line: str) -> dict[str, object]:
        method, path, _ = line.split(" ", 2)
        self.asked.append(f"{method} {path}")
        if method == "POST" and not path.endswith("/cancel"):
            return {"predictionID": "p-1"}
        if method == "GET":
            self.begun.set()
        return self.answer


@asynccontextmanager
async def a_slow_vendor() -> AsyncIterator[SlowVendor]:
    vendor = SlowVendor()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            length = [
                line.partition(":")[2] for line in head.lower().split("\r\n") if line.startswith("content-length:")
            ]
            await reader.readexactly(int(length[0]) if length else 0)
            body = json.dumps(vendor.answers(head)).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield vendor
    finally:
        server.close()


def an_engine(vendor: SlowVendor, total_seconds: float) -> UpstreamEngine:
    """Return the upstream engine with a key of this vendor, which is given so long."""
    limits = replace(UPSTREAMS["eachlabs"].limits, first_poll=0.01, longest_poll=0.05, total_seconds=total_seconds)
    settings = {"eachlabs": VendorSettings(key="secret", base=vendor.url, limits=limits)}
    return UpstreamEngine(UPSTREAMS, settings, policy=Policy(), decode_limits=DecodeLimits())


# ── a server that uses it ─────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def a_server(data, engine, clock):
    """Yield an assembled server and, at its first start, who asks there with a live key."""
    parts = build(Settings(data_dir=data, grace_seconds=0), engines=[engine], clock=clock)
    first = parts.first_keys
    await parts.start()
    try:
        yield parts, first and await parts.database.read(lambda c: find_caller(c, first.live_secret))
    finally:
        await parts.stop()


async def submitted(parts, caller):
    ask = Ask(model="flux-schnell", input={"prompt": "a red fox", "seed": 7})
    return (await parts.intake.accept(ask, caller)).job


async def ended(parts, job):
    await parts.feed.wait(job.id, PATIENCE_SECONDS)
    return await as_it_ended(parts, job)


async def as_it_ended(parts, job):
    found = await parts.database.read(lambda c: get_job(c, job.id))
    assert found is not None
    assert found.is_terminal, found
    return found


async def the_row(parts):
    (row,) = await parts.database.read(lambda c: c.execute(select(upstream_calls)).mappings().all())
    return row


async def test_a_late_success_is_written_down_and_not_charged(tmp_path, monkeypatch, capsys):
    clock = Turned()
    async with a_slow_vendor() as vendor:
        async with a_server(tmp_path, an_engine(vendor, 0), clock) as (parts, caller):
            job = await ended(parts, await submitted(parts, caller))
            assert (job.state, job.failure.code) == ("failed", "upstream_timed_out")
            assert 0 < job.charged_micro == job.refunded_micro
            assert vendor.asked == ["POST /v1/prediction/", "POST /v1/prediction/p-1/cancel"]
            row = await the_row(parts)
            assert (row["outcome"], row["late_outcome"], row["micro_usd"]) == ("timed_out", None, None)
            looker = parts._late
            await looker.stop()  # the test looks itself

            await looker.look()  # it is not due
            clock.now += FIRST_LOOK
            await looker.look()  # it still works
            assert vendor.looks == 1
            assert (await the_row(parts))["late_outcome"] is None

            vendor.finish()
            clock.now += 2 * FIRST_LOOK
            with capture_logs() as lines:
                await looker.look()
                await looker.look()
            assert (vendor.looks, vendor.paid) == (2, 1)
            (line,) = [line for line in lines if line["event"] == "upstream_late"]
            assert (line["outcome"], line["cost"]) == ("done", "0.012 usd")

            row = await the_row(parts)
            assert (row["outcome"], row["late_outcome"], row["billed"], row["pictures"]) == (
                "timed_out",
                "done",
                True,
                1,
            )
            assert (row["cost"], row["micro_usd"], row["kept_micro"]) == ("0.012 usd", 12_000, 0)
            assert (row["state"], row["look_at"]) == (None, None)
            assert await as_it_ended(parts, job) == job
        assert vendor.asked[-1] == "GET /v1/prediction/p-1"  # nothing was fetched
    monkeypatch.setenv("GESSO_DATA_DIR", str(tmp_path))
    assert await asyncio.to_thread(gesso, ["credits", "check"]) == 0, capsys.readouterr().err


async def test_a_cancelled_job_is_asked_about_as_well_by_the_next_process_at_its_start(tmp_path):
    clock = Turned()
    async with a_slow_vendor() as vendor:
        async with a_server(tmp_path, an_engine(vendor, 600), clock) as (parts, caller):
            job = await submitted(parts, caller)
            async with asyncio.timeout(PATIENCE_SECONDS):
                await vendor.begun.wait()
            await parts.database.write(lambda c: cancel(c, job.id, caller.account_id, caller.mode, clock()))
            parts.worker.cancel(job.id)
            job = await ended(parts, job)
            assert (job.state, job.refunded_micro) == ("cancelled", job.charged_micro)
        vendor.finish()
        clock.now += FIRST_LOOK
        async with a_server(tmp_path, an_engine(vendor, 600), clock) as (parts, _), asyncio.timeout(PATIENCE_SECONDS):
            while (row := await the_row(parts))["late_outcome"] is None:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.05)
            assert (row["outcome"], row["late_outcome"], row["cost"]) == ("withdrawn", "done", "0.012 usd")
            assert await as_it_ended(parts, job) == job
        assert vendor.paid == 1


# ── the task ──────────────────────────────────────────────────────────────────────────────────────────


class Oracle:
    """An engine that can only be asked again, and counts who was asked about."""

    offers = ("eachlabs",)

    def __init__(self) -> None:
        self.asked: list[CallLeft] = []
        self.called = asyncio.Event()

    async def ask_again(self, left: CallLeft) -> CallEnded:
        self.asked.append(left)
        self.called.set()
        await asyncio.sleep(0)
        return CallEnded(left.number, left.vendor, left.target, "done", True, 1, Cost(Decimal(2), "credit"))


async def left_behind(parts, *, count, ended_at, vendor="eachlabs"):
    """Write down calls of this vendor that were left, due at once."""
    row = {
        "account_id": parts.first_keys.account_id,
        "model": "flux-schnell",
        "vendor": vendor,
        "target": "x",
        "outcome": "left",
        "pictures": 0,
        "reckoned": False,
        "kept_micro": 0,
        "ended_at": ended_at,
        "look_at": ended_at + FIRST_LOOK,
        "state": '{"id": "p-1"}',
        "looks": 0,
    }
    rows = [row | {"job_id": f"{vendor}-{number}", "number": 0} for number in range(count)]
    await parts.database.write(lambda c: c.execute(upstream_calls.insert(), rows))


async def outcomes(parts):
    query = select(upstream_calls.c.vendor, upstream_calls.c.late_outcome).distinct()
    return dict(await parts.database.read(lambda c: c.execute(query).all()))


@pytest.fixture
async def parts(tmp_path):
    """A server that has no vendor's key, and so asks nobody itself."""
    parts = build(Settings(data_dir=tmp_path, grace_seconds=0), engines=[], clock=now_microseconds)
    await parts.start()
    await parts._late.stop()  # the tests look themselves
    yield parts
    await parts.stop()


async def test_two_processes_do_not_ask_twice(parts):
    clock, oracle = Turned(), Oracle()
    await left_behind(parts, count=20, ended_at=clock.now - FIRST_LOOK)
    lookers = [LookAgain(database=parts.database, engines=[oracle], clock=clock) for _ in range(2)]
    await asyncio.gather(*(looker.look() for looker in lookers))
    assert sorted(left.job_id for left in oracle.asked) == sorted(f"eachlabs-{number}" for number in range(20))
    assert await outcomes(parts) == {"eachlabs": "done"}


async def test_other_processes_vendors_are_left_to_them_and_given_up_after_a_week(parts):
    clock, oracle = Turned(), Oracle()
    await left_behind(parts, count=1, ended_at=clock.now - FIRST_LOOK, vendor="fal")
    looker = LookAgain(database=parts.database, engines=[oracle], clock=clock)
    await looker.look()
    assert await outcomes(parts) == {"fal": None}
    clock.now += 8 * 24 * 12 * FIRST_LOOK
    await looker.look()
    assert (oracle.asked, await outcomes(parts)) == ([], {"fal": "never_known"})


async def test_a_process_without_any_key_gives_them_up_too(tmp_path):
    parts = build(Settings(data_dir=tmp_path, grace_seconds=0), engines=[], clock=now_microseconds)
    week_and_a_day = 8 * 24 * 12 * FIRST_LOOK
    await left_behind(parts, count=1, ended_at=now_microseconds() - week_and_a_day)
    await parts.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await outcomes(parts) != {"eachlabs": "never_known"}:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.05)
    finally:
        await parts.stop()


async def test_it_sleeps_until_the_next_is_due_and_no_longer_than_a_minute(parts):
    clock, oracle = Turned(), Oracle()
    await left_behind(parts, count=1, ended_at=clock.now - FIRST_LOOK + 20_000_000)
    slept: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds))
        clock.now += round(seconds * 1_000_000)
        if len(slept) == 3:
            enough.set()
            await asyncio.Event().wait()

    looker = LookAgain(database=parts.database, engines=[oracle], clock=clock, sleep=sleep)
    looker.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await enough.wait()
    await looker.stop()
    assert slept == [20, 60, 60]
    assert len(oracle.asked) == 1


class Away:
    """A database that is never there."""

    async def write(self, work):
        raise StorageFailed("The database could not be used: it is locked by another process.")

    read = write


async def test_a_database_that_is_away_is_asked_ever_more_rarely():
    slept: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 8:
            enough.set()
            await asyncio.Event().wait()

    looker = LookAgain(database=Away(), engines=[Oracle()], clock=Turned(), sleep=sleep)
    with capture_logs() as lines:
        looker.start()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await enough.wait()
        await looker.stop()
    assert slept == [1, 2, 4, 8, 16, 32, 60, 60]
    assert {(line["event"], line["log_level"]) for line in lines} == {("look_again_failed", "warning")}


async def test_one_vendor_that_breaks_keeps_no_other_from_being_asked(parts):
    clock = Turned()

    class Half(Oracle):
        offers = ("eachlabs", "fal")

        async def ask_again(self, left: CallLeft) -> CallEnded:
            if left.vendor == "eachlabs":
                raise RuntimeError("a bug")
            return await super().ask_again(left)

    await left_behind(parts, count=1, ended_at=clock.now - FIRST_LOOK)
    await left_behind(parts, count=6, ended_at=clock.now - FIRST_LOOK, vendor="fal")
    with pytest.raises(RuntimeError, match="a bug"):
        await LookAgain(database=parts.database, engines=[Half()], clock=clock).look()
    assert await outcomes(parts) == {"eachlabs": None, "fal": "done"}
