"""What is broken, how often and for how long: a deck of faults, shuffled by the run's dice, dealt every few seconds."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from history import Fault, Recorder
from members import Member

if TYPE_CHECKING:
    from world import World

EVERY_SECONDS = 3.25  # a fault begins, in the mean
SPREAD = (0.46, 1.54)  # of a pause, around the mean
LAST_SHARE = 0.15
BEHIND_AHEAD_SECONDS = 120.0  # of a process's clock
DATABASE_AHEAD_SECONDS = 25.0


class Breaker:
    """Deals the faults, one every so many seconds in the mean. Two of them never have the same target at once."""

    def __init__(self, world: World, recorder: Recorder, seed: int, every: float = EVERY_SECONDS) -> None:
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._world, self._recorder, self._every = world, recorder, every
        self._dice = random.Random(f"{seed} faults")
        self._running: set[asyncio.Task[None]] = set()
        self._taken: set[str] = set()
        self._deck: list[str] = []

    async def forever(self) -> None:
        """Break something every few seconds until this is cancelled."""
        while True:
            await asyncio.sleep(self._every * self._dice.uniform(*SPREAD))
            if not self._deck:
                self._deck = [name for name, (often, _) in FAULTS.items() for _ in range(often)]
                self._dice.shuffle(self._deck)
            name = self._deck.pop()
            seed = self._dice.getrandbits(48)
            task = asyncio.create_task(self._guarded(name, random.Random(seed)))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def mended(self, until: float) -> None:
        """Wait until every fault that was begun is over, or the monotonic clock says that it is too late."""
        while self._running and (rest := until - time.monotonic()) > 0:
            await asyncio.wait(self._running, timeout=rest)
        for task in self._running:
            self.wrong.append("a fault was not mended in time")
            task.cancel()

    async def _guarded(self, name: str, dice: random.Random) -> None:
        try:
            await FAULTS[name][1](self, dice)
        except Exception as error:  # noqa: BLE001 - told in the report
            self.wrong.append(f"the fault {name!r} could not be made: {type(error).__name__}: {error}")

    @asynccontextmanager
    async def broken(self, what: str, target: str, thing: str) -> AsyncIterator[bool]:
        """Note a fault's beginning and end; yield False, and note nothing, where another has the thing."""
        if thing in self._taken:
            yield False
            return
        self._taken.add(thing)
        self._recorder.write(Fault(what=what, target=target, on="begin"))
        self.counts[what] += 1
        try:
            yield True
        finally:
            self._recorder.write(Fault(what=what, target=target, on="end"))
            self._taken.discard(thing)

    # ── members ───────────────────────────────────────────────────────────────────────────────────────

    def _member(self, dice: random.Random) -> Member:
        """Return a member to break: seldom the last of its kind, as then nothing is tried but its absence."""
        free = [one for one in self._world.members if one.name not in self._taken]
        spared = [] if dice.random() < LAST_SHARE else self._last_of_their_kind()
        chosen = [one for one in free if one not in spared] or free
        return dice.choice(chosen or self._world.members)

    def _last_of_their_kind(self) -> list[Member]:
        left = [
            [one for one in kind if one.name not in self._taken] for kind in (self._world.servers, self._world.workers)
        ]
        return [kind[0] for kind in left if len(kind) == 1]

    async def kill(self, dice: random.Random) -> None:
        member = self._member(dice)
        async with self.broken("kill -9", member.name, member.name) as mine:
            if mine:
                await member.kill()
                await asyncio.sleep(dice.uniform(0, 4))
                await member.start()

    async def restart(self, dice: random.Random) -> None:
        member = self._member(dice)
        async with self.broken("SIGTERM and a new one", member.name, member.name) as mine:
            if mine:
                await member.stop()
                await member.start()

    async def stand_still(self, dice: random.Random) -> None:
        member = self._member(dice)
        async with self.broken("SIGSTOP beyond a lease", member.name, member.name) as mine:
            if mine:
                member.signal(signal.SIGSTOP)
                await asyncio.sleep(self._world.lease_seconds * dice.uniform(1.3, 3))
                member.signal(signal.SIGCONT)

    async def clock(self, dice: random.Random) -> None:
        member = self._member(dice)
        async with self.broken("clock of a process jumps", member.name, member.name) as mine:
            if mine:
                member.jump(dice.uniform(-BEHIND_AHEAD_SECONDS, BEHIND_AHEAD_SECONDS))

    async def disk(self, dice: random.Random) -> None:
        member = self._member(dice)
        if self._world.disks is None:
            return
        async with self.broken("disk of a node full", member.name, f"disk of {member.name}") as mine:
            if mine:
                async with self._world.disks.full(member.data_dir):
                    await asyncio.sleep(dice.uniform(2, 6))

    # ── the database ──────────────────────────────────────────────────────────────────────────────────

    async def database_restart(self, dice: random.Random) -> None:
        async with self.broken("PostgreSQL restarts at once", "postgres", "postgres") as mine:
            if mine:
                await self._world.postgres.stop()
                await asyncio.sleep(dice.uniform(0, 2))
                await self._world.postgres.start()

    async def database_cut(self, dice: random.Random) -> None:
        async with self.broken("connections to PostgreSQL cut", "postgres", "way to postgres") as mine:
            if mine:
                for _ in range(dice.randint(1, 4)):
                    self._world.database_proxy.cut()
                    await asyncio.sleep(dice.uniform(0.05, 0.5))

    async def database_still(self, dice: random.Random) -> None:
        async with self.broken("PostgreSQL does not answer", "postgres", "way to postgres") as mine:
            if mine:
                await self._for_a_while(self._world.database_proxy, "still", dice.uniform(1, 8))

    async def database_clock(self, dice: random.Random) -> None:
        async with self.broken("clock of PostgreSQL jumps", "postgres", "postgres") as mine:
            if mine:
                ahead = dice.uniform(-DATABASE_AHEAD_SECONDS, DATABASE_AHEAD_SECONDS)
                await self._world.postgres.turn_clock(ahead)

    async def database_disk(self, dice: random.Random) -> None:
        if self._world.disks is None:
            return
        async with self.broken("disk of PostgreSQL full", "postgres", "postgres") as mine:
            if mine:
                async with self._world.disks.full(self._world.postgres.folder):
                    await asyncio.sleep(dice.uniform(2, 6))
                await self._world.postgres.revive()

    # ── the store and the receivers ───────────────────────────────────────────────────────────────────

    async def store(self, dice: random.Random) -> None:
        manner, what = dice.choice(
            (
                ("error", "S3 answers 503"),
                ("slow", "S3 is slow"),
                ("away", "S3 is away"),
                ("still", "S3 does not answer"),
            )
        )
        async with self.broken(what, "s3", "s3") as mine:
            if mine:
                await self._for_a_while(self._world.store_proxy, manner, dice.uniform(2, 9))

    async def store_cut(self, dice: random.Random) -> None:
        async with self.broken("connections to S3 cut", "s3", "s3") as mine:
            if mine:
                for _ in range(dice.randint(2, 6)):
                    self._world.store_proxy.cut()
                    await asyncio.sleep(dice.uniform(0.02, 0.3))

    async def receiver(self, dice: random.Random) -> None:
        number = dice.randrange(len(self._world.receivers))
        manner = dice.choice(("away", "hanging", "failing"))
        async with self.broken(f"receiver {manner}", f"receiver {number}", f"receiver {number}") as mine:
            if mine:
                await self._down(number, manner, dice.uniform(2, 6))

    async def receiver_day(self, dice: random.Random) -> None:
        """The first receiver is the one that is down for days: never twice within the three of a schedule."""
        async with self.broken("receiver down for a day", "receiver 0", "receiver 0") as mine:
            if mine:
                await self._down(0, dice.choice(("away", "failing")), self._world.day_seconds)
                await asyncio.sleep(3 * self._world.day_seconds)

    async def _down(self, number: int, manner: str, seconds: float) -> None:
        if manner == "away":
            await self._for_a_while(self._world.hook_proxies[number], "away", seconds)
            return
        receiver = self._world.receivers[number]
        setattr(receiver, manner, True)
        await asyncio.sleep(seconds)
        setattr(receiver, manner, False)

    async def _for_a_while(self, proxy: Any, manner: str, seconds: float) -> None:
        proxy.behave(manner)
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(seconds)
        proxy.behave("well")


# How many of each are in the deck.
FAULTS: dict[str, tuple[int, Callable[[Breaker, random.Random], Awaitable[None]]]] = {
    "kill": (5, Breaker.kill),
    "restart": (2, Breaker.restart),
    "stop": (4, Breaker.stand_still),
    "clock": (2, Breaker.clock),
    "disk": (1, Breaker.disk),
    "database restart": (2, Breaker.database_restart),
    "database cut": (3, Breaker.database_cut),
    "database still": (2, Breaker.database_still),
    "database clock": (2, Breaker.database_clock),
    "database disk": (1, Breaker.database_disk),
    "store": (6, Breaker.store),
    "store cut": (2, Breaker.store_cut),
    "receiver": (4, Breaker.receiver),
    "receiver day": (1, Breaker.receiver_day),
}
