"""`gesso webhooks` on a data folder: what it registers the store has, and only for the account and mode it says."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks import Webhook

from gesso.accounts.keys import Caller, first_start, list_keys
from gesso.cli.app import run
from gesso.database.connect import Database
from gesso.domain.circuit import FAILURES, FIRST_PAUSE
from gesso.domain.clock import SECOND, to_iso
from gesso.domain.credits import Price
from gesso.domain.delivery import Attempt
from gesso.domain.hook import Hook
from gesso.domain.job import Job
from gesso.domain.request import Plan, Request, RouteChoice
from gesso.installation import open_database
from gesso.jobs.circuits import note
from gesso.jobs.deliveries import Then, record
from gesso.jobs.delivery_claim import Room, claim_due
from gesso.jobs.registrations import disable, find_registration
from gesso.jobs.settle import Outcome, settle
from gesso.jobs.submit import Submission, submit
from gesso.settings import Settings


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder after its first start, current for the commands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GESSO_DATA_DIR", str(tmp_path / "data"))
    database = open_database(Settings())
    database.write_blocking(lambda connection: first_start(connection, 1, 0))
    yield database
    database.close()


def answer(capsys, *words):
    """Run a command that must work and return its JSON."""
    assert run([*words, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def test_a_target_is_registered_listed_and_removed(data: Database, capsys):
    made = answer(capsys, "webhooks", "add", "https://a.example/hook", "--event", "failed", "--description", "shop")
    kept = data.read_blocking(lambda c: find_registration(c, made["id"]))
    assert (kept.url, kept.events, kept.mode, kept.secret) == (
        "https://a.example/hook",
        ("failed",),
        "live",
        made["secret"],
    )
    secret = made.pop("secret")
    assert answer(capsys, "webhooks", "list") == [made | {"circuit": "closed", "open_until": None, "waiting": 0}]
    assert answer(capsys, "webhooks", "list", "--test") == []
    assert run(["webhooks", "list"]) == 0
    assert secret not in capsys.readouterr().out
    assert answer(capsys, "webhooks", "remove", made["id"]) == made
    assert answer(capsys, "webhooks", "list") == []
    assert run(["webhooks", "remove", made["id"]]) == 1
    assert "There is no webhook" in capsys.readouterr().err


def test_a_target_that_was_disabled_is_enabled(data, capsys):
    made = answer(capsys, "webhooks", "add", "https://a.example/hook")
    data.write_blocking(lambda c: disable(c, made["id"], "It was gone.", 5))
    assert answer(capsys, "webhooks", "list")[0]["disabled_reason"] == "It was gone."
    enabled = answer(capsys, "webhooks", "enable", made["id"])
    assert (enabled["disabled_at"], enabled["disabled_reason"]) == (None, None)
    assert data.read_blocking(lambda c: find_registration(c, made["id"])).disabled_at is None
    assert run(["webhooks", "enable", "another"]) == 1
    assert "There is no webhook another" in capsys.readouterr().err


def test_the_circuit_of_a_target_is_shown_and_tries_when_it_is_enabled(data, capsys):
    made = answer(capsys, "webhooks", "add", "https://a.example:444/hook")
    (key, *_) = data.read_blocking(lambda c: list_keys(c, None))
    now = data.clock()

    def fail(connection):
        target = (key.account_id, "a.example:444")
        for _ in range(FAILURES):
            note(connection, target, taken=False, began=now, now=now, most=8, dice=lambda: 0.0)

    data.write_blocking(fail)
    (listed,) = answer(capsys, "webhooks", "list")
    assert (listed["circuit"], listed["open_until"]) == ("open", to_iso(now + FIRST_PAUSE))
    answer(capsys, "webhooks", "enable", made["id"])
    assert answer(capsys, "webhooks", "list")[0]["circuit"] == "half_open"


@pytest.fixture
def receiver():
    """A receiver on this machine: the status it answers, and what came."""
    answers, came = {"status": 204}, []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append((dict(self.headers), self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(answers["status"])
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/hook", answers, came
        server.shutdown()
        thread.join()


def test_a_target_is_tested(data, capsys, monkeypatch, receiver):
    url, answers, came = receiver
    monkeypatch.setenv("GESSO_OUTGOING_ALLOW", "127.0.0.1")
    made = answer(capsys, "webhooks", "add", url)
    assert answer(capsys, "webhooks", "test", made["id"])["status"] == 204
    ((headers, body),) = came
    assert Webhook(made["secret"]).verify(body, headers)["type"] == "webhook.test"
    answers["status"] = 500
    assert run(["webhooks", "test", made["id"]]) == 1
    assert f"{url} answered with status 500." in capsys.readouterr().out
    assert run(["webhooks", "test", "another"]) == 1
    assert "There is no webhook another" in capsys.readouterr().err


def test_a_vendors_target_is_tested_with_a_job_of_that_vendor(data, capsys):
    made = answer(capsys, "webhooks", "add", "https://a.example", "--dialect", "claid", "--secret", "of the dashboard")
    assert run(["webhooks", "test", made["id"]]) == 1
    assert "Claid" in capsys.readouterr().err


def test_a_vendors_target_takes_its_own_secret(data, capsys):
    words = ("webhooks", "add", "https://a.example", "--dialect", "claid", "--secret", "of the dashboard", "--test")
    made = answer(capsys, *words)
    assert (made["dialect"], made["mode"], made["secret"]) == ("claid", "test", "of the dashboard")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["http://10.0.0.1/"], "links may not reach"),
        (["https://a.example", "--event", "done"], "events must be"),
        (["https://a.example", "--dialect", "friendli"], "dialect must be one of"),
        (["https://a.example", "--secret", "too short a key"], "whsec_"),
    ],
)
def test_a_wrong_target_is_refused_in_words(data, capsys, words, said):
    assert run(["webhooks", "add", *words]) == 1
    assert said in capsys.readouterr().err


def ended_job(connection) -> Job:
    """Return a job that failed, with a target of its own."""
    (key,) = [key for key in list_keys(connection, None) if key.mode == "live"]
    route = RouteChoice(engine="builtin", fidelity="exact", runs="gesso-sketch")
    submission = Submission(
        caller=Caller(account_id=key.account_id, key_id=key.id, mode="live", tier="business"),
        request=Request(model="gesso-sketch", operation="generate", seed=1),
        plan=Plan(routes=(route,), price=Price(amount=Decimal(0)), price_micro=0),
        webhook=Hook(url="https://a.example/hook"),
        claim_for="w1",
    )
    job = submit(connection, submission, SECOND).job
    ended = settle(connection, job.id, "w1", job.attempt, Outcome(state="failed"), 2 * SECOND)
    assert ended is not None
    return ended


@pytest.fixture
def told(data) -> dict[str, str]:
    """A delivery that failed, and its target."""
    job = data.write_blocking(ended_job)
    (delivery,) = data.write_blocking(lambda c: claim_due(c, Room(9, 9, 9), job.ended_at, 1)).deliveries
    attempt = Attempt(number=1, at=job.ended_at, status=None, error="a.example is away.")
    data.write_blocking(lambda c: record(c, delivery, attempt, Then("failed", reason="no use")))
    return {"delivery": delivery.id, "job": job.id}


def test_what_was_told_is_listed_and_told_again(data, told, capsys):
    (row,) = answer(capsys, "webhooks", "deliveries")
    assert (row["id"], row["job_id"], row["state"], row["last"]) == (
        told["delivery"],
        told["job"],
        "failed",
        "a.example is away.",
    )
    assert answer(capsys, "webhooks", "deliveries", "--webhook", "another") == []
    assert run(["webhooks", "redeliver", told["delivery"], "--test"]) == 1
    assert "no such delivery" in capsys.readouterr().err
    assert answer(capsys, "webhooks", "redeliver", told["delivery"])["state"] == "pending"
