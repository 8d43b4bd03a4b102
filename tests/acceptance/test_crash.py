"""A job whose id was answered ends exactly once and money adds up, whatever is killed, stopped, filled or locked."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from askers import Ask, Askers, mixed_asks
from crash_points import POINTS, said_at
from foreign_disk import filled, locked, read_only, small_disk
from installation import Installation, until
from noise_engine import RESUMED, noise
from proof import (
    all_jobs,
    check_command,
    check_ends,
    check_ledger,
    check_pictures,
    job_rows,
    named_in_rows,
    objects,
)

from gesso.domain.clock import now_microseconds

pytestmark = pytest.mark.acceptance

SEED = int(os.environ.get("CRASH_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
ASKS = 240
RANDOM_KILLS = 6
LOCKED_SECONDS = 5


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request):
    """An empty database: None for the SQLite file of the data folder."""
    return request.getfixturevalue("make_postgres_url")() if request.param == "postgres" else None


@pytest.fixture
def install(tmp_path, database_url):
    """Make the installation of a test: `install(setting=value)`; its servers are ended and its log is checked."""
    made = []

    def make(**settings):
        made.append(Installation(tmp_path, database_url, **settings))
        made[0].prepare()
        return made[0]

    yield make
    for installation in made:
        installation.close()
        assert "Traceback" not in installation.log()


def check_everything(installation, server):
    """Check ends, money and pictures of everything there is, on a server whose jobs have all ended."""
    for account in installation.keys:
        with installation.client(account, server) as client:
            check_ledger(client)
    check_ends(installation)
    check_command(installation)


def wait_swept(installation):
    """Wait until the objects and their rows are the same ones."""
    until(
        lambda: objects(installation) == named_in_rows(installation),
        "no object without a row and no row without its object",
    )


# ── kill -9 ───────────────────────────────────────────────────────────────────────────────────────────


def kill_again_and_again(installation, askers, dice):
    """Let servers die at every named point and at random moments; return how often one was killed."""
    lives = [*POINTS, *[None] * RANDOM_KILLS]
    dice.shuffle(lives)
    for point in lives:
        askers.allow(len(askers.asks) // (len(lives) + 1))
        if point is None:
            server = installation.spawn()
            if dice.random() < 0.7:  # else it may die before it listens
                installation.announce(server)
            with suppress(subprocess.TimeoutExpired):
                server.process.wait(dice.uniform(0.0, 0.6))
            server.kill()
            continue
        before = len(installation.log())
        wait_killed_at(point, installation.start(f"{point}:{dice.randint(1, 4)}"), askers)
        assert f"{said_at(point)}\n" in installation.log()[before:]
    return len(lives)


def wait_killed_at(point, server, askers):
    """Wait until the server has killed itself."""
    until(lambda: server.process.poll() is not None or askers.told.wrong, f"death at the point {point}")
    assert not askers.told.wrong, askers.told.wrong
    assert server.ended() == -signal.SIGKILL


def test_200_jobs_survive_kills_at_every_point_and_at_random_moments(install):
    sys.stdout.write(f"CRASH_TEST_SEED={SEED}\n")  # with it in the environment the kills come in the same order again
    dice = random.Random(SEED)
    installation = install(lease_seconds=1.5, max_attempts=100, orphan_hours=0.005)
    asks = mixed_asks(ASKS, every_poor=6)
    with Askers(installation, asks) as askers:
        kills = kill_again_and_again(installation, askers, dice)
        last = installation.start()
        askers.wait_answered()
        askers.wait_ended()
    assert kills >= 12
    last.stop()

    last = installation.start(orphan_hours=0.0005)
    wait_swept(installation)
    check_everything(installation, last)
    jobs = {}
    for account in installation.keys:
        with installation.client(account) as client:
            listed = all_jobs(client)
            jobs |= {job["id"]: job for job in listed}
            for job in listed:
                check_pictures(client, job, asks[job["metadata"]["ask"]].image)
    check_what_was_told(askers.told, asks, jobs)
    last.stop()


def check_what_was_told(told, asks, jobs):
    """Every answer an asker got is still true, and nothing happened but what was asked for."""
    assert told.wrong == []
    assert len(told.accepted) >= 200
    assert {job_id: told.ended[job_id][0] for job_id in jobs} == {job_id: job["state"] for job_id, job in jobs.items()}
    assert set(told.accepted.values()) <= set(jobs)
    assert {jobs[job_id]["state"] for job_id in told.cancelled} <= {"cancelled"}
    assert set(told.refused.values()) == {"insufficient_credits"}
    assert {asks[number].account for number in told.refused} == {"poor"}
    assert any(asks[number].account == "poor" for number in told.accepted)
    assert told.lost
    assert told.repeated

    made = {number: [] for number in range(len(asks))}
    for job in jobs.values():
        made[job["metadata"]["ask"]].append(job)
        check_end(asks[job["metadata"]["ask"]], job)
    for ask in asks:
        sendings = [job["metadata"].get("sending") for job in made[ask.number]]
        assert len(sendings) == len(set(sendings))  # so one job of a keyed ask
        assert (told.accepted.get(ask.number) in [job["id"] for job in made[ask.number]]) == (
            ask.number in told.accepted
        )
    assert any(note["code"] == RESUMED for job in jobs.values() for note in job["notes"])


def check_end(ask, job):
    """A job ended in a way, and for a reason, that its ask can have."""
    match job["state"]:
        case "cancelled":
            assert ask.cancels
        case "failed":
            assert ask.words == "fail"
            assert job["error"]["code"] == "engine_failed"
        case "succeeded":
            assert ask.words != "fail"
            assert len(job["pictures"]) == ask.count - ("fewer" in ask.words)


# ── SIGTERM, SIGSTOP ──────────────────────────────────────────────────────────────────────────────────


def submit(client, words="noise", pictures=1):
    """Submit one job; return its id."""
    answer = client.post("/v1/jobs", json={"model": "noise", "input": {"prompt": words, "num_images": pictures}})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def look(client, job_id):
    """Return a job as the API shows it."""
    answer = client.get(f"/v1/jobs/{job_id}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def wait_all_ended(client, job_ids):
    """Wait until the jobs have ended; return them."""
    return [
        until(lambda one=job_id: (job := look(client, one))["ended_at"] and job, f"job {job_id} ended")
        for job_id in job_ids
    ]


def wait_held(client, job_ids):
    """Wait until the jobs have reached the place where they wait to be released."""
    for job_id in job_ids:
        until(lambda one=job_id: (look(client, one)["progress"] or {}).get("stage") == "draw", f"job {job_id} begun")


def check_all_pictures(installation, server):
    """Every picture of every job there is downloads and is the right one."""
    with installation.client(server=server) as client:
        for job in all_jobs(client):
            check_pictures(client, job)


def test_sigterm_ends_the_server_well_and_costs_no_job_an_attempt(install):
    installation = install(max_attempts=1, grace_seconds=2)
    server = installation.start()
    with installation.client() as client:
        fits = submit(client, "long")
        held = [submit(client, "hold", 2) for _ in range(3)]
        wait_held(client, held)
        waiting = [submit(client, "hold") for _ in range(6)]

    server.stop()

    rows = job_rows(installation)
    assert rows[fits].state == "succeeded"
    for job_id in held + waiting:
        assert rows[job_id].state == "queued"
        assert rows[job_id].attempt == rows[job_id].given_back
    assert objects(installation) == named_in_rows(installation)

    server.release.touch()
    server = installation.start()
    with installation.client() as client:
        ended = wait_all_ended(client, rows)
    assert {job["state"] for job in ended} == {"succeeded"}
    check_everything(installation, server)
    check_all_pictures(installation, server)
    server.stop()


def test_a_process_stopped_past_its_lease_ends_its_job_once(install):
    installation = install(lease_seconds=0.6, max_attempts=100)
    server = installation.start()
    with installation.client() as client:
        job_id = submit(client, "hold", 2)
        wait_held(client, [job_id])
        server.signal(signal.SIGSTOP)
        until(lambda: lease_is_over(installation, job_id), "the lease over")
        server.release.touch()
        server.signal(signal.SIGCONT)
        (job,) = wait_all_ended(client, [job_id])
    assert job["state"] == "succeeded"
    wait_swept(installation)
    check_everything(installation, server)
    check_all_pictures(installation, server)
    server.stop()


def lease_is_over(installation, job_id):
    """Tell whether the lease of a running job has run out."""
    return job_rows(installation)[job_id].lease_until < now_microseconds()


@pytest.fixture
def two_servers(make_postgres_url, tmp_path):
    """An installation on PostgreSQL for two servers at once; its log is checked."""
    installation = Installation(tmp_path, make_postgres_url(), lease_seconds=1, max_attempts=100)
    installation.prepare()
    yield installation
    installation.close()
    assert "Traceback" not in installation.log()


@pytest.mark.postgres
def test_a_server_stopped_within_its_engine_loses_the_job_to_another(two_servers):
    stopped = two_servers.start(release="release-the-stopped")
    other = two_servers.start(release="release-the-other")
    other.release.touch()
    with two_servers.client(server=stopped) as client:
        job_id = submit(client, "hold", 2)
    until(lambda: objects(two_servers), "its first picture stored")
    stopped.signal(signal.SIGSTOP)
    with two_servers.client(server=other) as client:
        (ended,) = wait_all_ended(client, [job_id])
    assert len(objects(two_servers) - named_in_rows(two_servers)) == 1

    stopped.release.touch()
    stopped.signal(signal.SIGCONT)
    check_both_sound(two_servers, stopped, other, ended)


@pytest.mark.postgres
def test_a_server_stopped_before_its_settlement_cannot_settle_what_another_runs(two_servers):
    stopped = two_servers.start("store:2", signal.SIGSTOP, release="release-the-stopped")
    other = two_servers.start(release="release-the-other")
    stopped.release.touch()
    with two_servers.client(server=stopped) as client:
        job_id = submit(client, "hold", 2)
    until(lambda: said_at("store") in two_servers.log(), "the point store")
    with two_servers.client(server=other) as client:
        until(lambda: job_rows(two_servers)[job_id].attempt == 2, "the job claimed again")
        wait_held(client, [job_id])

        stopped.signal(signal.SIGCONT)
        until(lambda: "settle_refused" in two_servers.log() or "lease_lost" in two_servers.log(), "the refusal")
        assert look(client, job_id)["state"] == "running"
        other.release.touch()
        (ended,) = wait_all_ended(client, [job_id])
    check_both_sound(two_servers, stopped, other, ended)


def check_both_sound(installation, stopped, other, ended):
    """The job ended once and nothing of the other attempt is left; both servers tell so and go on."""
    assert ended["state"] == "succeeded"
    wait_swept(installation)
    for server in (stopped, other):
        with installation.client(server=server) as client:
            seen = look(client, ended["id"])
            assert (seen["ended_at"], len(seen["pictures"])) == (ended["ended_at"], 2)
            wait_all_ended(client, [submit(client)])
    check_everything(installation, other)
    check_all_pictures(installation, other)
    stopped.stop()
    other.stop()


# ── disks and locks ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small_data_folder(tmp_path):
    """A data folder on a small disk of its own."""
    with small_disk(tmp_path / "data", mebibytes=48):
        yield tmp_path / "data"


def test_a_full_disk_ends_jobs_and_nothing_else(small_data_folder, install):
    installation = install(min_free_bytes=1 << 20)
    server = installation.start()
    with installation.client() as client:
        held = [submit(client, "hold", 2) for _ in range(4)]
        wait_held(client, held)
        waiting = [submit(client, pictures=2) for _ in range(8)]
        with filled(small_data_folder):
            server.release.touch()
            for job in wait_all_ended(client, held + waiting):
                check_end_on_bad_disk(job)
            refused = client.post("/v1/jobs", json={"model": "noise", "input": {"prompt": "noise"}})
            assert (refused.status_code, refused.json()["code"]) == (503, "storage_full")
            assert client.get("/healthz").status_code == 200
            assert {job["id"] for job in all_jobs(client)} == {*held, *waiting}
        (later,) = wait_all_ended(client, [submit(client)])
        assert later["state"] == "succeeded"
    check_everything(installation, server)
    check_all_pictures(installation, server)
    server.stop()
    installation.start(orphan_hours=0.0005)
    wait_swept(installation)


def test_a_folder_of_pictures_turned_read_only_ends_jobs_and_nothing_else(install):
    installation = install()
    server = installation.start()
    with installation.client() as client:
        held = [submit(client, "hold", 2) for _ in range(4)]
        wait_held(client, held)
        with read_only(installation.data_dir / "blobs"):
            server.release.touch()
            ended = wait_all_ended(client, held)
            assert {job["error"]["code"] for job in ended} == {"storage_failed"}
            assert {job["refunded"] for job in ended} == {"2.5"}
            with_picture = Ask(1, image=noise(1)).body(0)
            assert client.post("/v1/jobs", json=with_picture).status_code == 503
            assert client.get("/healthz").status_code == 200
            assert client.get("/readyz").status_code == 503
        (later,) = wait_all_ended(client, [submit(client)])
        assert later["state"] == "succeeded"
    check_everything(installation, server)
    server.stop()
    installation.start(orphan_hours=0.0005)
    wait_swept(installation)


def check_end_on_bad_disk(job):
    """A job succeeded, or failed for the disk's sake and was refunded."""
    if job["state"] == "failed":
        assert job["error"]["code"] in ("storage_full", "storage_failed")
        assert job["refunded"] == job["charged"]
    else:
        assert job["state"] == "succeeded"


def test_a_database_locked_for_five_seconds_loses_nothing(install, database_url):
    installation = install(lease_seconds=2, max_attempts=100)
    server = installation.start()
    asks = mixed_asks(80, every_poor=6)
    with Askers(installation, asks) as askers:
        askers.allow(20)
        until(lambda: len(askers.told.accepted) > 10, "work going on")
        with locked(installation.data_dir, database_url):
            askers.allow(20)
            unlocked_at = time.monotonic() + LOCKED_SECONDS
            with installation.client() as client:
                while time.monotonic() < unlocked_at:
                    assert client.get("/healthz").status_code == 200
                    time.sleep(0.2)
        askers.wait_answered()
        askers.wait_ended()
    assert askers.told.wrong == []
    assert set(askers.told.refused.values()) <= {"insufficient_credits", "storage_failed"}
    with installation.client() as client:
        wait_all_ended(client, [job["id"] for job in all_jobs(client)])
    for account in installation.keys:
        with installation.client(account) as client:
            for job in all_jobs(client):
                check_end(asks[job["metadata"]["ask"]], job)
    check_everything(installation, server)
    server.stop()
