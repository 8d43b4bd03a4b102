"""What PostgreSQL tells other processes, and that nobody waits for rows that another process holds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from store_world import LEASE, World

from gesso.database.connect import Database
from gesso.domain.hook import Hook
from gesso.jobs import claim as claims
from gesso.jobs.claim import claim, requeue_expired
from gesso.jobs.delivery_claim import Room, claim_due

pytestmark = pytest.mark.postgres
SECONDS = 20.0


@pytest.fixture
def shared(make_postgres_url: Callable[[], str]) -> Iterator[tuple[World, str]]:
    url = make_postgres_url()
    world = World(Database.open_postgres(url, connections=4))
    yield world, url
    assert world.audit() == []
    world.database.close()


@pytest.fixture
def heard(shared) -> Iterator[Callable[[], list[tuple[str, str]]]]:
    """Return a function that returns what was told since it was last called."""
    import psycopg

    with psycopg.connect(shared[1], autocommit=True) as connection:
        for channel in ("gesso_queued", "gesso_cancelled", "gesso_ended", "gesso_webhooks", "that_is_all"):
            connection.execute(f"LISTEN {channel}")

        def since() -> list[tuple[str, str]]:
            connection.execute("NOTIFY that_is_all")
            told: list[tuple[str, str]] = []
            for notice in connection.notifies(timeout=SECONDS):
                if notice.channel == "that_is_all":
                    return told
                told.append((notice.channel, notice.payload))
            raise AssertionError("no notice came")

        yield since


def test_other_processes_hear_of_jobs_that_wait_are_to_stop_and_have_ended(shared, heard):
    world, _ = shared
    job = world.submit(engine="a")
    assert heard() == [("gesso_queued", "a")]
    (running,) = world.claim(engines=("a",))
    assert world.renew(running) == "kept"
    assert heard() == []
    world.give_back(running)
    assert heard() == [("gesso_queued", "a")]
    (running,) = world.claim(engines=("a",))
    world.now += LEASE + 1
    world.recover()
    assert heard() == [("gesso_queued", "a")]
    (running,) = world.claim(engines=("a",))
    world.cancel(running)
    assert heard() == [("gesso_cancelled", job.id)]
    world.settle(running, "cancelled")
    assert heard() == [("gesso_ended", job.id)]


def test_every_way_to_end_is_told_and_a_job_born_running_is_nobodys_business(shared, heard):
    world, _ = shared
    born = world.submit(claim_for="w1")
    assert heard() == []
    world.settle(born)
    waiting = world.submit()
    world.cancel(waiting)
    dead = world.submit(claim_for="w1")
    world.now += LEASE + 1
    world.recover(max_attempts=1)
    ended = [("gesso_ended", born.id), ("gesso_queued", "builtin"), ("gesso_ended", waiting.id)]
    assert heard() == [*ended, ("gesso_ended", dead.id)]


def test_other_processes_hear_that_there_is_a_webhook_to_send(shared, heard):
    world, _ = shared
    world.settle(world.submit(claim_for="w1", webhook=Hook(url="https://a.example")))
    world.settle(world.submit(claim_for="w1"))
    assert [channel for channel, _ in heard()] == ["gesso_webhooks", "gesso_ended", "gesso_ended"]


def test_each_webhook_is_claimed_by_one_process(shared):
    """While one is about to send some, another takes the others without waiting."""
    world, _ = shared
    for number in range(6):
        world.settle(world.submit(claim_for="w1", webhook=Hook(url=f"https://{number}.example")))
    taken, go_on = threading.Event(), threading.Event()

    def take(connection, most):
        return claim_due(connection, Room(most, 99, 99), world.now, LEASE).deliveries

    def slow(connection):
        mine = take(connection, 2)
        taken.set()
        assert go_on.wait(SECONDS)
        return mine

    with ThreadPoolExecutor(2) as pool:
        slowly = pool.submit(world.write, slow)
        try:
            assert taken.wait(SECONDS)
            quickly = pool.submit(world.write, lambda c: take(c, 99)).result(SECONDS)
        finally:
            go_on.set()
        both = [delivery.id for delivery in (*slowly.result(SECONDS), *quickly)]
    assert len(quickly) == 4
    assert len(set(both)) == len(both) == 6


def test_what_is_undone_is_not_told(shared, heard):
    world, _ = shared
    job = world.submit(claim_for="w1")

    def undone(connection):
        requeue_expired(connection, world.now, 3, everything=True)
        raise KeyError

    with pytest.raises(KeyError):
        world.write(undone)
    assert heard() == []
    assert world.job(job.id).state == "running"


@pytest.mark.parametrize("running_limit", [None, 5])
def test_a_claim_passes_over_what_another_is_about_to_take(shared, running_limit):
    """Without a limit it does not wait for it; with one it does, and counts what the other took."""
    world, _ = shared
    first, second = world.submit(), world.submit()
    taken, go_on = threading.Event(), threading.Event()

    def slow(connection):
        jobs = claim(connection, "w1", ["builtin"], 1, world.now, LEASE, running_limit)
        taken.set()
        assert go_on.wait(SECONDS)
        return jobs

    with ThreadPoolExecutor(2) as pool:
        slowly = pool.submit(world.write, slow)
        try:
            assert taken.wait(SECONDS)
            quickly = pool.submit(world.claim, "w2", 9, ("builtin",), running_limit)
            if running_limit is None:
                assert [job.id for job in quickly.result(SECONDS)] == [second.id]
        finally:
            go_on.set()
        assert [job.id for job in slowly.result(SECONDS)] == [first.id]
        assert [job.id for job in quickly.result(SECONDS)] == [second.id]


def test_jobs_born_running_while_a_claim_counts_are_counted(shared, monkeypatch):
    """A claim sees the jobs of its account that were submitted after the first one, and so the first one too."""
    world, _ = shared
    counted, go_on = threading.Event(), threading.Event()
    count_running = claims._Claim.count_running

    def slowly(self) -> None:
        count_running(self)
        counted.set()
        assert go_on.wait(SECONDS)

    monkeypatch.setattr(claims._Claim, "count_running", slowly)
    with ThreadPoolExecutor(1) as pool:
        claimed = pool.submit(world.claim, "w1", 4, ("builtin",), 1)
        try:
            assert counted.wait(SECONDS)
            born = [world.submit(claim_for="w2", running_limit=1) for _ in range(2)]
        finally:
            go_on.set()
        assert [job.state for job in born] == ["running", "queued"]
        assert claimed.result(SECONDS) == []


def test_a_recovery_passes_over_a_job_that_is_being_settled(shared):
    """The end of a zombie that is still before its commit is not waited for; the guard decides afterwards."""
    world, _ = shared
    held, other = world.submit(claim_for="w1"), world.submit(claim_for="w2")
    world.now += LEASE + 1
    locked, go_on = threading.Event(), threading.Event()

    def settling(connection):
        connection.exec_driver_sql(f"UPDATE jobs SET lease_until = lease_until WHERE id = '{held.id}'")
        locked.set()
        assert go_on.wait(SECONDS)

    with ThreadPoolExecutor(2) as pool:
        slowly = pool.submit(world.write, settling)
        try:
            assert locked.wait(SECONDS)
            assert pool.submit(world.recover).result(SECONDS).requeued == (other.id,)
        finally:
            go_on.set()
        slowly.result(SECONDS)
    assert world.recover().requeued == (held.id,)
