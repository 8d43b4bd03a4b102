"""A machine that does anything to jobs in any order, and looks after each act whether the promises were kept."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from job_model import Model, ModelJob
from job_rows import Seen, empty
from sqlalchemy import Connection
from store_world import LEASE, World

from gesso.accounts.keys import Caller, create_key
from gesso.database.connect import Database
from gesso.domain.clock import DAY, HOUR, MINUTE
from gesso.domain.errors import Conflict, GessoError
from gesso.domain.job import Job
from gesso.jobs.claim import save_checkpoint
from gesso.jobs.idempotency import forget_old, forget_request
from gesso.jobs.submit import IdempotencyKey, QueueLimits, Repeat

LONG = settings(
    max_examples=50,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
LIMITS = QueueLimits(per_account=6, total=9)
MAX_ATTEMPTS = 3
GRANT = 700
ENGINES = ("builtin", "upstream")
ENGINE = st.sampled_from(["builtin", "builtin", "upstream"])
WHO = st.sampled_from([0, 0, 1, 2])
WORKER = st.sampled_from([0, 1])
WHICH = st.integers(0, 30)
BY = st.tuples(st.sampled_from(["holder", "holder", "rival", "anyone"]), WHICH)
MISFORTUNES = ["time passes", "a worker vanishes", "the process restarts", "records are too old"]
MISSING = st.sampled_from([0, 1, 1, 2, 3])
PASSED = st.sampled_from([0, 2 * MINUTE, LEASE, LEASE // 2, HOUR + 1, DAY + 1])
PRICE = st.sampled_from([101, 101, 1, 0])
RUNNING_LIMIT = st.sampled_from([None, 1, 1, 2])
REPEATS = [Repeat("r1", "first"), Repeat("r1", "again"), Repeat("r1", "unsaid")]
KEYS = [IdempotencyKey("k1", "f1"), IdempotencyKey("k1", "f2"), IdempotencyKey("k2", "f1")]
SENT = st.sampled_from([*((key, None) for key in KEYS), *((None, repeat) for repeat in REPEATS), (KEYS[0], REPEATS[1])])


class JobMachine(RuleBasedStateMachine):
    """Two accounts, one of them in both modes; two workers at a time; two engines; a model that knows what ought to be."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.callers = self._callers()
        grants = {(caller.account_id, mode): GRANT for caller in self.callers for mode in ("live", "test")}
        self.model = Model(grants)
        self.names = itertools.count(1)
        self.workers = [self._new_worker(), self._new_worker()]
        self.tokens = itertools.count(1)
        self.claims: list[Job] = []  # as they were claimed: the holders and all zombies

    def _callers(self) -> tuple[Caller, ...]:
        first, second = self.world.account(grant=GRANT), self.world.account(grant=GRANT)

        def make_key(connection: Connection) -> Caller:
            key, _ = create_key(connection, first.account_id, "test", "a key", self.world.now)
            return first.model_copy(update={"key_id": key.id, "mode": "test"})

        return first, second, self.world.write(make_key)

    def _new_worker(self) -> str:
        return f"w{next(self.names)}"

    def job(self, which: int) -> ModelJob:
        """Return any job; from now on the world acts for its owner."""
        jobs = list(self.model.jobs.values())
        job = jobs[which % len(jobs)]
        self.world.me = job.caller
        return job

    def claimed(self, by):
        """Return a claim and its job; from now on the world acts for the job's owner.

        A rival is a zombie whose job runs again: by another worker, or by the same one under another attempt.
        """
        kind, which = by
        running = [claimed for claimed in self.claims if self.model.jobs[claimed.id].state == "running"]
        held = [claimed for claimed in running if self.model.jobs[claimed.id].is_held_by(claimed)]
        rivals = [claimed for claimed in running if claimed not in held]
        among = {"holder": held, "rival": rivals}.get(kind) or self.claims
        claimed = among[which % len(among)]
        job = self.model.jobs[claimed.id]
        self.world.me = job.caller
        return claimed, job

    @initialize(who=WHO, worker=WORKER, running_limit=RUNNING_LIMIT, once_more=st.sampled_from([True, True, False]))
    def work_is_under_way(self, who, worker, running_limit, once_more):
        """Else most runs would spend their acts on an empty queue, and few would ever have a zombie with a rival."""
        for priced, key, repeat in ((101, None, REPEATS[0]), (50, KEYS[0], None), (7, None, None)):
            self._submit(who, {"price": priced, "count": 3}, key=key, repeat=repeat)
        self._claim(worker, 2, running_limit=running_limit)
        if once_more:
            self.leases_end_and_jobs_are_claimed_again(worker)

    # ── acts of askers ────────────────────────────────────────────────────────────────────────────────

    @rule(
        who=WHO,
        engine=ENGINE,
        price=PRICE,
        count=st.integers(1, 3),
        priority=st.sampled_from([0, 0, -10, 10]),
        worker=st.sampled_from([None, 0, 1]),
        running_limit=RUNNING_LIMIT,
    )
    def submit(self, who, engine, price, count, priority, worker, running_limit):
        ask = {"engine": engine, "price": price, "count": count, "priority": priority, "running_limit": running_limit}
        self._submit(who, ask, worker=worker)

    @rule(who=WHO, price=PRICE, several=st.integers(2, 4), count=st.integers(1, 3))
    def submit_several(self, who, price, several, count):
        for _ in range(several):
            self._submit(who, {"price": price, "count": count})

    @rule(who=WHO, price=PRICE, sent=SENT, worker=st.sampled_from([None, None, 0]))
    def submit_repeatedly(self, who, price, sent, worker):
        self._submit(who, {"price": price}, key=sent[0], repeat=sent[1], worker=worker)

    def _submit(self, who, ask, *, key=None, repeat=None, worker=None):
        caller, name = self.callers[who], None if worker is None else self.workers[worker]
        ask = {"engine": "builtin", "count": 1, "priority": 0, "running_limit": None, **ask}
        expected = self.model.answer_to(caller, ask["price"], key, repeat, LIMITS, self.world.now + 1000)
        how = {"limits": LIMITS, "claim_for": name, "idempotency": key, "repeat": repeat}
        try:
            submitted = self.world.try_submit(caller=caller, **ask, **how)
        except GessoError as error:
            assert type(error) is expected, (error, expected)
            return
        if submitted.replayed or expected is not None:
            assert (submitted.replayed, submitted.job.id) == (True, expected)
            return
        assert submitted.job.id not in self.model.jobs
        limit = ask.pop("running_limit")
        job = ModelJob(submitted.job.id, caller, **ask, arrival=len(self.model.jobs), queued_at=self.world.now)
        self.model.jobs[job.id] = job
        self.model.remember(job, key, repeat, self.world.now)
        if name is None or (limit is not None and len(self.model.active(caller.account_id)) > limit):
            assert submitted.job.state == "queued"
            return
        job.start(name, self.world.now + LEASE)
        self.claims.append(submitted.job)

    @precondition(lambda self: self.model.jobs)
    @rule(which=WHICH, act=st.sampled_from(["cancel", "cancel", "delete", "answer"]))
    def act_on_a_job(self, which, act):
        {"cancel": self._cancel, "delete": self._delete, "answer": self._answer}[act](self.job(which))

    def _cancel(self, job):
        before = self.world.job(job.id)
        try:
            cancelled = self.world.cancel(before)
        except Conflict:
            assert not job.is_active
            return
        assert job.is_active
        if job.state == "queued":
            job.end("cancelled", self.world.now)
        else:
            job.cancel_requested = True
        assert cancelled.state == job.state

    def _delete(self, job):
        try:
            left, gone = self.world.delete(self.world.job(job.id))
        except Conflict:
            assert job.is_active
            return
        assert not job.is_active
        assert (left.state, left.request, left.pictures) == (job.state, None, ())
        assert len(gone) == (0 if job.deleted else job.delivered)
        job.deleted = True
        self.model.forget(job.id)

    def _answer(self, job):
        """Its answer was sent: an equal request without a key is another job from now on."""
        self.world.write(lambda c: forget_request(c, job.id))
        self.model.forget(job.id)

    # ── acts of workers ───────────────────────────────────────────────────────────────────────────────

    @rule(
        worker=WORKER,
        limit=st.sampled_from([1, 3, 3]),
        engines=st.sampled_from([("builtin",), ("builtin",), ("upstream",), ENGINES]),
        running_limit=RUNNING_LIMIT,
    )
    def claim(self, worker, limit, engines, running_limit):
        self._claim(worker, limit, engines, running_limit)

    def _claim(self, worker, limit, engines=ENGINES, running_limit=None):
        possible = min(limit, self.model.claimable(engines, running_limit))
        jobs = self.world.claim(self.workers[worker], limit, engines, running_limit)
        taken = [self.model.jobs[job.id] for job in jobs]
        assert len(set(map(id, taken))) == len(taken) == possible
        for job, mine in zip(jobs, taken, strict=True):
            assert (mine.state, mine.cancel_requested) == ("queued", False)
            assert mine.engine in engines
            assert (job.checkpoint, job.attempt) == (mine.checkpoint, mine.attempt + 1), "it goes on where it was"
            mine.start(self.workers[worker], self.world.now + LEASE)
        for account_id in {mine.caller.account_id for mine in taken}:
            assert running_limit is None or self.model.running(account_id) <= running_limit
        assert not self.model.passed_over(taken, engines, running_limit)
        self._cancelled_on_the_way(engines)
        self.claims += jobs

    def _cancelled_on_the_way(self, engines):
        """A job whose cancellation was asked for is cancelled by the claim that meets it; which one that is, is free."""
        for job in self.model.active():
            met = job.state == "queued" and job.cancel_requested and job.engine in engines
            if met and self.world.job(job.id).state == "cancelled":
                job.end("cancelled", self.world.now)

    @precondition(lambda self: self.claims)
    @rule(by=BY, state=st.sampled_from(["succeeded", "succeeded", "failed", "cancelled"]), missing=MISSING)
    def settle(self, by, state, missing):
        claimed, job = self.claimed(by)
        self._settle(claimed, job, state, max(0, job.count - missing) if state == "succeeded" else 0)

    def _settle(self, claimed, job, state, delivered):
        holds, before = job.is_held_by(claimed), self.world.job(job.id)
        ended = self.world.settle(claimed, state, delivered=delivered)
        assert (ended is not None) == holds
        if ended is None:
            assert self.world.job(job.id) == before, "a zombie changes nothing"
            return
        job.end(state, self.world.now, delivered)
        assert (ended.state, ended.refunded_micro) == (job.state, job.refunded)

    @precondition(lambda self: self.claims)
    @rule(by=BY, act=st.sampled_from(["renew", "checkpoint", "give back"]))
    def hold(self, by, act):
        {"renew": self._renew, "checkpoint": self._checkpoint, "give back": self._give_back}[act](*self.claimed(by))

    def _renew(self, claimed, job):
        if not job.is_held_by(claimed):
            assert self.world.renew(claimed) == "lost"
            return
        assert self.world.renew(claimed) == ("cancelled" if job.cancel_requested else "kept")
        job.lease_until = self.world.now + LEASE

    def _checkpoint(self, claimed, job):
        token = f"token {next(self.tokens)}"
        saved = self.world.write(lambda c: save_checkpoint(c, claimed.id, claimed.worker, claimed.attempt, token))
        assert saved == job.is_held_by(claimed)
        if saved:
            job.checkpoint = token

    def _give_back(self, claimed, job):
        holds = job.is_held_by(claimed)
        assert self.world.give_back(claimed) == holds
        if holds:
            job.wait(job.lease_until)
            job.given_back += 1

    # ── what befalls ──────────────────────────────────────────────────────────────────────────────────

    @rule(what=st.sampled_from(MISFORTUNES), passed=PASSED, worker=WORKER)
    def something_befalls(self, what, passed, worker):
        if what == "time passes":
            self.world.now += passed
            self._recover(everything=False)
        elif what == "a worker vanishes":
            self._vanish(worker)
        elif what == "records are too old":
            self.world.now += passed
            assert self.world.write(lambda c: forget_old(c, self.world.now)) == self.model.forget_old(self.world.now)
        else:
            self.workers = [self._new_worker(), self._new_worker()]
            self._recover(everything=True)  # it knows every worker of before to be dead, however fresh the lease
            assert all(job.state == "queued" for job in self.model.active())

    def _vanish(self, worker):
        """All it claimed comes back a lease later; what the other renewed meanwhile stays with it."""
        gone, other = self.workers[worker], self.workers[1 - worker]
        self.workers[worker] = self._new_worker()
        self.world.now += LEASE - 1
        for job in self.model.active():
            if job.worker == other:
                assert self.world.renew(self.world.job(job.id)) != "lost"
                job.lease_until = self.world.now + LEASE
        self.world.now += 1
        self._recover(everything=False)
        assert all(job.worker != gone for job in self.model.active())

    @rule(worker=WORKER)
    def leases_end_and_jobs_are_claimed_again(self, worker):
        """By a worker that may have had them before: only the attempt tells its claims apart."""
        self.world.now += LEASE
        self._recover(everything=False)
        self._claim(worker, 3)

    def _recover(self, *, everything):
        requeued, ended = self.model.recover(self.world.now, MAX_ATTEMPTS, DAY, everything)
        recovered = self.world.recover(MAX_ATTEMPTS, DAY, everything=everything)
        assert (set(recovered.requeued), {job.id for job in recovered.failed}) == (requeued, ended)

    # ── what always holds ─────────────────────────────────────────────────────────────────────────────

    @invariant()
    def everything_is_as_it_ought_to_be(self):
        seen = self.world.read(Seen.by)
        assert seen.discrepancies == []
        whose = self.model.grants
        assert {each: seen.balances[each] for each in whose} == {each: self.model.balance(each) for each in whose}
        assert seen.places == self.model.places
        assert seen.rows == {job.id: job.row for job in self.model.jobs.values()}
        assert seen.next_due == self.model.next_due(DAY)


def run_machine(database: Database, how: settings, dice: int | None = None) -> None:
    """Run the machine on a database that is emptied before each run; raise what it finds. `dice` fix what it does."""

    def machine() -> JobMachine:
        database.write_blocking(empty)
        return JobMachine(World(database))

    run_state_machine_as_test(machine if dice is None else seed(dice)(machine), settings=how)
