"""The course of a run: fleet up, load under faults, recovery, sweep, a last look at everything, and the final records."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import final
import httpx
import psycopg
from asks import Wish, make_wishes
from clients import Clients
from history import Recorder
from invariants import INVARIANTS
from progress import Progress
from receivers import learn_secrets
from world import RECEIVERS, World, whole_world

from faults import EVERY_SECONDS, Breaker

FETCHED_AGAIN = 3000  # jobs whose pictures are fetched once more at the end, at most
SWEPT_HOURS = 0.0005
LOOK_SECONDS = 1.0
CLIENTS = 200  # at it together
CLAIMING_JOBS = 300  # a run of fewer may be too lucky to try every invariant


@dataclass(frozen=True)
class Plan:
    """What a run is to be. `until` is when all must have recovered, on the monotonic clock; a fault comes `every` so many
    seconds."""

    seed: int
    jobs: int
    load_seconds: float
    until: float
    faults: bool = True
    every: float = EVERY_SECONDS

    @property
    def poor_credits(self) -> int:
        """Too few for about half of what the poor ask for."""
        return max(3, self.jobs // 16)


class Course:
    """One run. `wrong` is what was seen to be wrong beside the history."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.wrong: list[str] = []
        self.fault_counts: dict[str, int] = {}
        self.skipped: list[str] = []
        self._folder = folder
        self._recorder = Recorder(folder / "history.jsonl")
        self.claims = frozenset(INVARIANTS) if plan.faults and plan.jobs >= CLAIMING_JOBS else frozenset()
        self.tally = None

    async def run(self) -> None:
        """Do it all; what goes wrong with the product is kept in `wrong`."""
        async with whole_world(self._folder, self._recorder, self.plan.poor_credits) as world:
            if world.disks is None:
                self.skipped.append("disk full: small disks cannot be mounted here (it needs root)")
            with Progress(self.plan.jobs) as progress:
                await self._under_way(world, progress)
        self._recorder.close()

    async def _under_way(self, world: World, progress: Progress) -> None:
        await asyncio.gather(*(member.start() for member in world.members))
        async with httpx.AsyncClient(trust_env=False) as http:
            await learn_secrets(world.receivers, http, world.servers[0].url, world.keys)
        clients = Clients(world.servers, self._recorder, world.keys, world.accounts, world.hook_urls)
        self.tally = clients.tally
        breaker = Breaker(world, self._recorder, self.plan.seed, self.plan.every)
        showing = asyncio.create_task(progress.follow(clients.tally, breaker.counts))
        try:
            having = await self._load(world, clients, breaker)
            progress.say("recovery")
            await self._recover(world, breaker, having)
            progress.say("the last look")
            await self._last_look(world, clients)
        finally:
            showing.cancel()
            await clients.close()
        progress.say("the end")
        self.wrong += [*breaker.wrong, *clients.tally.broken]
        self.fault_counts = dict(breaker.counts)
        for member in world.members:
            await member.stop()
            self.wrong += member.wrong
        await self._sweep(world)
        await asyncio.to_thread(final.write_final, world, self._recorder)
        self.wrong += [f"gesso credits check: {one}" for one in await asyncio.to_thread(final.discrepancies, world)]

    async def _load(self, world: World, clients: Clients, breaker: Breaker) -> set[asyncio.Task[None]]:
        """Let every wish be made at its time, while things break; return the clients that are not done yet.

        When `CLIENTS` are at it the next waits for one of them: a fleet that is behind is not buried under repeats.
        """
        wishes = make_wishes(self.plan.seed, self.plan.jobs, self.plan.load_seconds, RECEIVERS)
        breaking = asyncio.create_task(breaker.forever()) if self.plan.faults else None
        having: set[asyncio.Task[None]] = set()
        began = time.monotonic()
        for wish in wishes:
            await asyncio.sleep(max(0.0, began + wish.at - time.monotonic()))
            while len(having) >= CLIENTS and time.monotonic() < self.plan.until:
                await asyncio.wait(having, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if time.monotonic() >= self.plan.until:
                self.wrong.append(f"never: every ask was made; {wish.name} is the first that was not")
                break
            task = asyncio.create_task(clients.have(wish))
            having.add(task)
            task.add_done_callback(having.discard)
        if breaking is not None:
            breaking.cancel()
            with suppress(asyncio.CancelledError):
                await breaking
        return having

    async def _recover(self, world: World, breaker: Breaker, having: set[asyncio.Task[None]]) -> None:
        """Wait until nothing is broken any more, every client has what it wanted, and everything has ended."""
        await breaker.mended(self.plan.until)
        for member in world.members:
            member.jump(0)
            if not member.alive:
                self.wrong.append(f"{member.name} ended by itself, or could not be started")
                await member.close()
                await member.start()
        await world.postgres.turn_clock(0)
        await self._until(lambda: not having, "every client has what it wanted", f"{len(having)} have not")
        for task in list(having):
            task.cancel()

        async def ended() -> bool:
            with suppress(psycopg.OperationalError):
                return await asyncio.to_thread(final.unfinished, world) == (0, 0)
            return False

        await self._until(ended, "every job and every delivery has ended")

    async def _until(self, done: Callable[[], bool | Awaitable[bool]], what: str, otherwise: str = "") -> None:
        while True:
            answer = done()
            if answer if isinstance(answer, bool) else await answer:
                return
            if time.monotonic() > self.plan.until:
                self.wrong.append(f"never: {what} {otherwise}")
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _last_look(self, world: World, clients: Clients) -> None:
        """Fetch pictures once more, from a node drawn for each, and look at every job whose client was never told."""
        dice = random.Random(f"{self.plan.seed} last look")
        seen = sorted(clients.ended.items())
        chosen = seen if len(seen) <= FETCHED_AGAIN else dice.sample(seen, FETCHED_AGAIN)
        places = asyncio.Semaphore(8)

        async def look(wish: Wish, job: dict) -> None:
            async with places:
                await clients.fetch_again(wish, job, dice.choice(world.servers))

        await asyncio.gather(*(look(wish, job) for _, (wish, job) in chosen))
        for secret_job, wish in await asyncio.to_thread(self._unseen, world, clients):
            await clients.fetch_again(wish, secret_job, dice.choice(world.servers))

    def _unseen(self, world: World, clients: Clients) -> list[tuple[dict, Wish]]:
        """Return succeeded jobs that no client knows: their answers were lost, and without a key not asked for again."""
        wishes = {
            wish.name: wish for wish in make_wishes(self.plan.seed, self.plan.jobs, self.plan.load_seconds, RECEIVERS)
        }
        with psycopg.connect(world.postgres.url) as connection:
            rows = connection.execute("SELECT id, metadata::json ->> 'ask' FROM jobs WHERE state = 'succeeded'")
            return [({"id": job}, wishes[ask]) for job, ask in rows if job not in clients.ended]

    async def _sweep(self, world: World) -> None:
        """Let a process that removes orphans soon run until objects and rows are the same."""
        sweeper = world.member("sweeper", "serve", "--port", "0", "--no-worker", orphan_hours=SWEPT_HOURS)
        await sweeper.start()
        try:

            async def swept() -> bool:
                return await asyncio.to_thread(_are_same, world)

            await self._until(swept, "objects and rows are the same")
        finally:
            await sweeper.stop()
            self.wrong += sweeper.wrong


def _are_same(world: World) -> bool:
    with psycopg.connect(world.postgres.url) as connection:
        return final.rows(connection) == final.objects(world)
