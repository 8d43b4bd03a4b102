"""`gesso webhooks` on a data folder: what it registers the store has, and only for the account and mode it says."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from gesso.accounts.keys import Caller, first_start, list_keys
from gesso.cli.app import run
from gesso.database.connect import Database
from gesso.domain.clock import SECOND
from gesso.domain.credits import Price
from gesso.domain.delivery import Attempt
from gesso.domain.hook import Hook
from gesso.domain.job import Job
from gesso.domain.request import Plan, Request, RouteChoice
from gesso.installation import open_database
from gesso.jobs.deliveries import Room, Then, claim_due, record
from gesso.jobs.registrations import find_registration
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
    assert answer(capsys, "webhooks", "list") == [made]
    assert answer(capsys, "webhooks", "list", "--test") == []
    assert run(["webhooks", "list"]) == 0
    assert secret not in capsys.readouterr().out
    assert answer(capsys, "webhooks", "remove", made["id"]) == made
    assert answer(capsys, "webhooks", "list") == []
    assert run(["webhooks", "remove", made["id"]]) == 1
    assert "There is no webhook" in capsys.readouterr().err


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
