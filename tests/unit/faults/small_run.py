"""A few jobs on a database, moved by the product's own stores in a process that tells its leases as a node does.

It is given the database's address, and says which job had which story, the price of each, and what was granted.
"""
# ruff: noqa: E402 - leases are told only by what is imported after `tell_leases`

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[2]
for place in ("faults", "contracts", "acceptance"):
    sys.path.insert(0, str(TESTS / place))
sys.path.insert(0, str(TESTS))

import node

node.tell_leases()

import witness
from store_world import GRANT, LEASE, World

from gesso.database.connect import Database
from gesso.domain.clock import SECOND, now_microseconds
from gesso.domain.hook import Hook
from gesso.domain.job import Failure, Job

PRICE = 30_001  # three pictures: no share is whole
FAILURE = Failure(code="engine_failed", message="It was told to.")


class SmallRun:
    """One story after the other, so that a claim takes the job it is about."""

    def __init__(self, url: str, world: World) -> None:
        self.url, self.world = url, world
        self.made: dict[str, str] = {}

    def ask(self, name: str, **rest: Any) -> Job:
        job = self.world.submit(price=PRICE, count=3, metadata={"ask": name}, **rest)
        self.made[name] = job.id
        return job

    def claim(self, worker: str) -> Job:
        (job,) = self.world.claim(worker)
        return job

    def silence(self) -> None:
        """Let so much time pass that every lease is over, by every clock."""
        self.world.now += 2 * LEASE
        witness.turn_clock(self.url, (self.world.now - now_microseconds()) / SECOND)

    def go(self) -> None:
        world = self.world
        self.ask("delivers two of three", webhook=Hook(url="http://127.0.0.1:9/hook"))
        world.settle(self.claim("w1"), delivered=2)
        self.ask("hears of success only", webhook=Hook(url="http://127.0.0.1:9/hook", events=frozenset({"succeeded"})))
        world.settle(self.claim("w1"), "failed", failure=FAILURE)
        world.cancel(self.ask("cancelled waiting"))
        self.ask("given up")
        self.claim("w1")
        self.silence()
        assert len(world.recover(max_attempts=1).failed) == 1
        self.ask("settled by the second")
        lost = self.claim("w1")
        self.silence()
        assert len(world.recover().requeued) == 1
        held = self.claim("w2")
        assert world.settle(lost, delivered=3) is None
        assert world.settle(held, delivered=3) is not None
        self.ask("held by the second")
        self.claim("w1")
        self.silence()
        world.recover()
        self.claim("w2")


def main() -> None:
    url = sys.argv[1]
    database = Database.open_postgres(url, 3)
    world = World(database)
    world.now = now_microseconds()
    run = SmallRun(url, world)
    run.go()
    database.close()
    print(json.dumps({"jobs": run.made, "price": PRICE, "granted": GRANT}))  # noqa: T201 - what it is there for


if __name__ == "__main__":
    main()
