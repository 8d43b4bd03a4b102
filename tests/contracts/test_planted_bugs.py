"""The job machine finds bugs: each of these, planted into the store, is caught, and without them it passes."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import Phase, settings
from job_machine import LONG, run_machine
from sqlalchemy import TextualSelect, text
from sqlalchemy.exc import IntegrityError

from gesso.accounts import ledger
from gesso.database.connect import Database
from gesso.jobs import claim, ending, idempotency, queue, recover, submit

SHORT = settings(LONG, max_examples=20, database=None, phases=[Phase.generate], report_multiple_bugs=False)
DICE = (1, 2, 3, 4)  # a throw may lead the machine nowhere for long: of eight, each bug was caught by six at least
CAUGHT = (AssertionError, IntegrityError)  # by the machine, or by a constraint that the machine ran into


class Planter:
    """Replaces things of the store wherever they were imported to, until the test is over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def replace(self, real: Any, planted: Any) -> None:
        places = [
            (module, name)
            for module_name, module in list(sys.modules.items())
            if module_name.startswith(("gesso.", "store_world", "job_machine"))
            for name, value in list(vars(module).items())
            if value is real
        ]
        assert places, "nothing to replace"
        for module, name in places:
            self._monkeypatch.setattr(module, name, planted)

    def replace_method(self, owner: type, name: str, planted: Any) -> None:
        assert callable(getattr(owner, name))
        self._monkeypatch.setattr(owner, name, planted)

    def rewrite(self, statement: Any, old: str, new: str) -> None:
        """Replace a statement by one with other words."""
        words = statement.element if isinstance(statement, TextualSelect) else statement
        assert old in words.text
        planted = text(words.text.replace(old, new))
        self.replace(statement, planted if words is statement else planted.columns(*statement.column_args))


# ── money ─────────────────────────────────────────────────────────────────────────────────────────────


def a_zombie_settles(planter: Planter) -> None:
    """Only the worker's name is looked at: an older claim of the same worker may settle."""
    planter.rewrite(ending.END_LEASED, "attempt = :attempt", "attempt >= :attempt")


def a_lost_lease_settles(planter: Planter) -> None:
    """Whoever has the attempt's number may settle, although the job waits or has ended."""
    planter.rewrite(ending.END_LEASED, "state = 'running' AND worker", "state <> 'failed' AND worker")


def recovery_keeps_the_money(planter: Planter) -> None:
    real = recover.requeue_expired

    def planted(connection: Any, *rest: Any, **named: Any) -> Any:
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(ending, "refund", lambda *_: None)
            return real(connection, *rest, **named)

    planter.replace(real, planted)


def refunds_come_twice(planter: Planter) -> None:
    """The second one names no job, so that the unique index of the ledger does not see it."""
    real = ledger.refund

    def planted(connection: Any, account_id: str, mode: Any, micro: int, job_id: Any, now: int, note: str) -> None:
        real(connection, account_id, mode, micro, job_id, now, note)
        real(connection, account_id, mode, micro, None, now, note)

    planter.replace(real, planted)


def missing_pictures_are_paid(planter: Planter) -> None:
    planter.rewrite(ending.END_LEASED, ":delivered >= picture_count", ":delivered > 0 AND picture_count > 0")


# ── the same request again ────────────────────────────────────────────────────────────────────────────


def a_replay_charges_again(planter: Planter) -> None:
    real = submit.submit

    def planted(connection: Any, submission: Any, now: int) -> Any:
        submitted = real(connection, submission, now)
        if submitted.replayed:
            job = submitted.job
            ledger.charge(connection, job.account_id, job.mode, job.charged_micro, None, now, "once more")
        return submitted

    planter.replace(real, planted)


def a_key_fits_any_request(planter: Planter) -> None:
    real = idempotency.keep_or_find

    def planted(connection: Any, key: Any, *rest: Any) -> str:
        return real(connection, dataclasses.replace(key, fingerprint="any"), *rest)

    planter.replace(real, planted)


def only_keys_find_the_job_again(planter: Planter) -> None:
    planter.replace(idempotency._is_repeated, lambda *_: False)


# ── the queue ─────────────────────────────────────────────────────────────────────────────────────────


def giving_back_frees_the_place(planter: Planter) -> None:
    real = claim.give_back

    def planted(connection: Any, job_id: str, worker: str, attempt: int) -> bool:
        given = real(connection, job_id, worker, attempt)
        if given:
            where = {"job_id": job_id}
            of = connection.execute(text("SELECT account_id, engine FROM jobs WHERE id = :job_id"), where).one()
            queue.leave_queue(connection, *of)
        return given

    planter.replace(real, planted)


def running_jobs_are_claimed(planter: Planter) -> None:
    planter.rewrite(claim._TAKE, "AND state = 'queued'", "AND state <> 'failed'")
    planted = claim._NEXT.replace("state = 'queued'", "state IN ('queued', 'running')")
    planter.replace(claim._NEXT, planted)
    planter.replace(claim._peek, claim._peek.__wrapped__)  # what was put together before stays as it was
    planter.replace(claim._candidates, claim._candidates.__wrapped__)
    taken = claim._take_next.__wrapped__
    still = ("AND state = 'queued' AND", "AND state <> 'failed' AND")
    planter.replace(claim._take_next, lambda *words: text(taken(*words).text.replace(*still)))


def one_more_runs_than_may(planter: Planter) -> None:
    def planted(self: Any, account_id: str) -> bool:
        return self.running_limit is not None and self.running[account_id] > self.running_limit

    planter.replace_method(claim._Claim, "_is_full", planted)


# ── recovery ──────────────────────────────────────────────────────────────────────────────────────────


def a_checkpoint_is_lost_on_the_way(planter: Planter) -> None:
    planter.rewrite(recover._REQUEUE, "worker = NULL", "worker = NULL, checkpoint = NULL")


def a_zombie_keeps_the_lease(planter: Planter) -> None:
    planter.rewrite(claim._RENEW, "worker = :worker AND attempt = :attempt", "(worker = :worker OR attempt > :attempt)")


def an_asked_cancellation_is_forgotten(planter: Planter) -> None:
    real = recover._ending
    planter.replace(real, lambda used, _asked, most: real(used, False, most))


BUGS = [
    a_zombie_settles,
    a_lost_lease_settles,
    recovery_keeps_the_money,
    refunds_come_twice,
    missing_pictures_are_paid,
    a_replay_charges_again,
    a_key_fits_any_request,
    only_keys_find_the_job_again,
    giving_back_frees_the_place,
    running_jobs_are_claimed,
    one_more_runs_than_may,
    a_checkpoint_is_lost_on_the_way,
    a_zombie_keeps_the_lease,
    an_asked_cancellation_is_forgotten,
]


@pytest.fixture
def make_database(open_sqlite: Callable[[], Database]) -> Iterator[Callable[[], Database]]:
    """The bugs are planted into what both databases run, and the machine is the same: SQLite is enough, and quick."""
    with ExitStack() as opened:

        def make() -> Database:
            database = open_sqlite()
            opened.callback(database.close)
            return database

        yield make


@pytest.mark.parametrize("plant", BUGS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_caught(plant, make_database, monkeypatch):
    plant(Planter(monkeypatch))
    with pytest.raises(CAUGHT):
        run(make_database())


def test_without_one_the_same_acts_pass(make_database):
    run(make_database())


def run(database: Database) -> None:
    for dice in DICE:
        run_machine(database, SHORT, dice)
