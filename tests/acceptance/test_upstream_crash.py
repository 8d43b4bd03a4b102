"""Jobs at vendors whose server is killed: at most one call that costs, one charge, and the end that is right there.

Each job of the first server stands still at a point of its own when the server is killed; another server takes over what
it left: the next process (SQLite), or a second one that was there all along (PostgreSQL).
"""

from __future__ import annotations

import io
import signal
import socket
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest
from holding_points import said_at
from holding_vendor import COST_USD, SIZE, holding_vendor
from installation import Installation, Server, until
from PIL import Image
from proof import check_command, check_ends, check_ledger, job_rows
from sqlalchemy import select

from gesso.database.upstream_tables import upstream_calls
from gesso.domain.clock import now_microseconds
from gesso.domain.credits import MICRO
from gesso.jobs.cancel import cancel

pytestmark = pytest.mark.acceptance

KEYS = ("EACHLABS_API_KEY", "OPENAI_API_KEY", "REPLICATE_API_TOKEN")
LEASE_SECONDS = 2  # after which another process takes over; nothing fails when it is over sooner than that
MICRO_USD = round(float(COST_USD) * MICRO)


@dataclass(frozen=True)
class Case:
    """A job that stands still at a point of its server or a place of its vendor, which its prompt ends with.

    `creates` is how many calls that cost the vendor has had in the end, `calls` what is written down of them.
    """

    model: str
    point: str
    creates: int
    calls: tuple[str, ...] = ("done",)
    at_vendor: bool = False
    pictures: int = 1

    @property
    def prompt(self) -> str:
        return f"{self.model}@{self.point}"

    @property
    def is_known(self) -> bool:
        return "unknown" not in self.calls


QUEUE, AT_ONCE, UNKNOWN = "far-queue", "far-at-once", ("unknown",)
CASES = (
    Case(QUEUE, "before sending", creates=1),
    Case(QUEUE, "after sending", creates=0, calls=UNKNOWN),
    Case(QUEUE, "create", creates=1, calls=UNKNOWN, at_vendor=True),
    Case(QUEUE, "before open", creates=1, calls=UNKNOWN),
    Case(QUEUE, "after open", creates=1),
    Case(QUEUE, "work", creates=1, at_vendor=True),
    Case(QUEUE, "fetch", creates=1, at_vendor=True),
    Case(QUEUE, "before picture", creates=1),
    Case(QUEUE, "stored", creates=1),
    Case(QUEUE, "before settle", creates=1),
    Case(QUEUE, "after settle", creates=1),
    # The answer has the pictures, and nothing to ask for them with again: once it is lost, nobody can know.
    Case(AT_ONCE, "before sending", creates=1),
    Case(AT_ONCE, "after sending", creates=0, calls=UNKNOWN),
    Case(AT_ONCE, "create", creates=1, calls=UNKNOWN, at_vendor=True),
    Case(AT_ONCE, "before picture", creates=1, calls=UNKNOWN),
    Case(AT_ONCE, "stored", creates=1, calls=UNKNOWN),
    Case(AT_ONCE, "after settle", creates=1),
    # One of its calls has ended, the other one is worked on.
    Case("far-series", "work", creates=2, calls=("done", "done"), at_vendor=True, pictures=2),
    # The first vendor gave nothing, the second one works.
    Case("far-two", "work", creates=1, at_vendor=True),
)
LAST = next(case for case in CASES if case.point == "before settle")


class AtVendors(Installation):
    """An installation whose vendors are all one, of the tests."""

    program = "vendor_crash_server.py"
    running: Server  # what was started last

    def start(self, *crash, **options) -> Server:
        """Start a server, wait until it listens, send the clients there."""
        self.running = super().start(*crash, **options)
        return self.running

    def submit(self, case: Case, server: Server | None = None) -> str:
        """Submit the job of a case, to the current server unless told; return its id."""
        asked = {"prompt": case.prompt} | ({} if case.pictures == 1 else {"num_images": case.pictures})
        with self.client(server=server) as client:
            answer = client.post("/v1/jobs", json={"model": case.model, "input": asked})
            assert answer.status_code == 202, answer.text
            return answer.json()["id"]

    def look(self, job_id: str) -> dict:
        """Return a job as the API shows it."""
        with self.client() as client:
            answer = client.get(f"/v1/jobs/{job_id}")
            assert answer.status_code == 200, answer.text
            return answer.json()

    def ended(self, job_id: str) -> dict:
        """Wait until a job has ended; return it."""
        return until(lambda: (job := self.look(job_id))["ended_at"] and job, f"job {job_id} ended")

    def pass_point(self, point: str, case: Case) -> None:
        """Wait until a job has passed a point."""
        until(lambda: said_at(point, case.prompt) in self.log(), f"{case.prompt!r} at the point {point}")

    def calls(self, job_id: str) -> list[dict]:
        """Return what is written down of a job's calls."""
        statement = select(upstream_calls).where(upstream_calls.c.job_id == job_id).order_by(upstream_calls.c.number)
        with self.database() as database:
            rows = database.read_blocking(lambda connection: connection.execute(statement).mappings().all())
            return [dict(row) for row in rows]


@dataclass(frozen=True)
class Gesso:
    """What the tests of one database share: the vendor, the installation, the ids of the jobs of `CASES`."""

    vendor: object
    installation: AtVendors
    jobs: dict[str, str]
    is_shared: bool


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def gesso(request, tmp_path_factory):
    """An installation on which every case has been through the death of its server, and a server that runs on it."""
    url = request.getfixturevalue("make_postgres_url")() if request.param == "postgres" else None
    folder = tmp_path_factory.mktemp(f"vendors-{request.param}")
    secrets = folder / "secrets"
    secrets.write_text("".join(f"{name}=a-key\n" for name in KEYS))
    secrets.chmod(0o600)
    with ExitStack() as stack:
        vendor = stack.enter_context(holding_vendor())
        installation = AtVendors(
            folder,
            url,
            model_folders=request.path.parent / "vendor_model",
            secrets_file=secrets,
            upstream_urls=vendor.urls,
            upstream_at_once="eachlabs=50,openai=50",
            upstream_failover="true",
            outgoing_allow="127.0.0.1",
            lease_seconds=LEASE_SECONDS,
            grace_seconds=0,
        )
        stack.callback(installation.close)
        installation.prepare()
        jobs = killed_at_every_point(vendor, installation, is_shared=url is not None)
        yield Gesso(vendor, installation, jobs, url is not None)
    assert "Traceback" not in installation.log()


def killed_at_every_point(vendor, installation, *, is_shared):
    """Bring every job to its point, kill the server, let another one end them; return the jobs' ids by their prompts."""
    for case in CASES:
        if case.at_vendor:
            vendor.hold(case.prompt, case.point, after=case.pictures - 1)
    vendor.hold(LAST.prompt, "fetch")
    first = installation.start("hold")
    early = [case for case in CASES if case.point != "fetch" and case is not LAST]
    jobs = {case.prompt: installation.submit(case) for case in early}
    for case in early:
        if not case.at_vendor:
            installation.pass_point(case.point, case)
        else:
            vendor.wait(case.prompt, "look" if case.point == "work" else case.point)
            if case.pictures > 1:
                installation.pass_point("stored", case)
    second = installation.start() if is_shared else None
    late = [case for case in CASES if case not in early]  # nobody waits long for a picture that does not come
    jobs |= {case.prompt: installation.submit(case, first) for case in late}
    for case in late:
        vendor.wait(case.prompt, "fetch")
    vendor.let_go(LAST.prompt)
    installation.pass_point(LAST.point, LAST)
    first.kill()
    vendor.let_go()
    if second is None:
        installation.start()
    for job_id in jobs.values():
        installation.ended(job_id)
    return jobs


@pytest.mark.parametrize("case", CASES, ids=[case.prompt for case in CASES])
def test_a_job_whose_server_was_killed_costs_once_and_ends_as_it_should(gesso, case):
    job = gesso.installation.ended(gesso.jobs[case.prompt])
    calls = gesso.installation.calls(job["id"])
    assert gesso.vendor.counted(case.prompt, "create") == case.creates
    assert tuple(call["outcome"] for call in calls) == case.calls
    assert float(job["charged"]) == 1.25 * case.pictures
    if case.is_known:
        assert (job["state"], job["error"], float(job["refunded"])) == ("succeeded", None, 0.0)
        assert [size_of(gesso.installation, picture) for picture in job["pictures"]] == [SIZE] * case.pictures
        assert [picture["index"] for picture in job["pictures"]] == list(range(case.pictures))
    else:
        assert (job["state"], job["error"]["code"], job["refunded"]) == ("failed", "upstream_unknown", job["charged"])
        assert job["pictures"] == []
    assert {call["look_at"] for call in calls} == {None}  # there is nothing to ask a vendor with, or nothing to ask


def size_of(installation, picture):
    """Return the width and the height of a picture of a job, as it is read."""
    with installation.client() as client:
        answer = client.get(picture["url"])
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as opened:
        opened.load()
        return opened.size


def test_what_the_vendor_took_is_written_down_once(gesso):
    for case in CASES:
        calls = gesso.installation.calls(gesso.jobs[case.prompt])
        told = {"done": (True, MICRO_USD), "unknown": (None, None)}
        if case.model != AT_ONCE:
            assert [(call["billed"], call["micro_usd"]) for call in calls] == [told[name] for name in case.calls]
        kept = 1_250_000 * case.pictures if case.is_known else 0
        assert sum(call["kept_micro"] for call in calls) == kept


def test_the_vendor_that_gave_nothing_is_not_asked_again(gesso):
    (case,) = [case for case in CASES if case.model == "far-two"]
    assert gesso.vendor.counted(case.prompt, "refuse") == 1
    assert {call["vendor"] for call in gesso.installation.calls(gesso.jobs[case.prompt])} == {"eachlabs"}


def test_money_adds_up(gesso):
    for account in gesso.installation.keys:
        with gesso.installation.client(account) as client:
            check_ledger(client)
    check_ends(gesso.installation)
    check_command(gesso.installation)


def test_a_cancelled_job_is_stopped_at_its_vendor(gesso):
    case = Case(QUEUE, "work until it is cancelled", creates=1)
    gesso.vendor.hold(case.prompt, "work")
    job_id = gesso.installation.submit(case)
    gesso.vendor.wait(case.prompt, "look")
    with gesso.installation.client() as client:
        assert client.post(f"/v1/jobs/{job_id}/cancel").status_code in (200, 202)
    job = gesso.installation.ended(job_id)
    gesso.vendor.wait(case.prompt, "cancel")
    assert (job["state"], job["refunded"]) == ("cancelled", job["charged"])
    assert gesso.vendor.counted(case.prompt, "create") == 1
    (call,) = gesso.installation.calls(job_id)
    assert (call["outcome"], call["kept_micro"]) == ("withdrawn", 0)
    check_command(gesso.installation)


def test_who_waits_for_a_vendor_may_stop_and_die_and_the_next_one_goes_on(gesso):
    vendor, installation = gesso.vendor, gesso.installation
    case = Case(QUEUE, "work for three servers", creates=1)
    vendor.hold(case.prompt, "work")
    job_id = installation.submit(case)
    vendor.wait(case.prompt, "look")
    installation.running.stop()
    row = job_rows(installation)[job_id]
    assert (row.state, row.attempt, row.given_back) == ("queued", 1, 1)

    looks = vendor.counted(case.prompt, "look")
    installation.start(max_attempts=1)
    vendor.wait(case.prompt, "look", looks + 1)
    unwanted = Case(QUEUE, "work that is cancelled while nobody is there", creates=1)
    vendor.hold(unwanted.prompt, "work")
    unwanted_id = installation.submit(unwanted)
    vendor.wait(unwanted.prompt, "look")
    installation.running.kill()  # the only attempt they have
    row = job_rows(installation)[unwanted_id]
    with installation.database() as database:
        database.write_blocking(lambda c: cancel(c, row.id, row.account_id, "live", now_microseconds()))
    vendor.let_go(case.prompt)
    installation.start(max_attempts=1)
    assert installation.ended(unwanted_id)["state"] == "cancelled"
    vendor.wait(unwanted.prompt, "cancel")
    job = installation.ended(job_id)
    assert (job["state"], float(job["refunded"]), len(job["pictures"])) == ("succeeded", 0.0, 1)
    assert vendor.counted(case.prompt, "create") == 1
    assert [call["outcome"] for call in installation.calls(job_id)] == ["done"]
    row = job_rows(installation)[job_id]
    assert row.attempt - row.given_back == 1
    check_ends(installation)
    check_command(installation)


def test_a_server_that_stops_waits_for_a_vendor_that_answers_at_once(gesso):
    vendor, installation = gesso.vendor, gesso.installation
    case = Case(AT_ONCE, "create while it stops", creates=1)
    installation.running.stop()
    server = installation.start(grace_seconds=60)
    vendor.hold(case.prompt, "create")
    job_id = installation.submit(case)
    vendor.wait(case.prompt, "create")
    server.signal(signal.SIGTERM)
    until(lambda: not listens(server), "the server stopping")
    vendor.let_go(case.prompt)
    assert server.ended() == 0
    row = job_rows(installation)[job_id]
    assert (row.state, row.attempt, row.refunded_micro) == ("succeeded", 1, 0)
    assert vendor.counted(case.prompt, "create") == 1
    check_command(installation)


def listens(server):
    """Tell whether a server still takes connections."""
    address = httpx.URL(server.url)
    try:
        socket.create_connection((address.host, address.port), timeout=30).close()
    except ConnectionError:
        return False
    return True
