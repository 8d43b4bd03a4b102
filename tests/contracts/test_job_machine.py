"""Any order of acts on jobs keeps the promises: each ends once, zombies do nothing, money adds up."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from store_world import LEASE, World

from gesso.domain.clock import DAY, HOUR
from gesso.domain.errors import Conflict, IdempotencyMismatch, InsufficientCredits, TooManyRequests
from gesso.domain.job import TERMINAL, Job, may_move
from gesso.jobs.claim import renew, save_checkpoint
from gesso.jobs.submit import IdempotencyKey, QueueLimits

LIMITS = QueueLimits(per_account=6, total=9)
WORKERS = ("w1", "w2")
MAX_ATTEMPTS = 2


class JobMachine(RuleBasedStateMachine):
    """Two accounts, two workers, and a model of every job: the states it went through and what it cost."""

    make_world = staticmethod(World)  # replaced by the test
    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make_world()
        self.accounts = (self.world.account(grant=400), self.world.account(grant=400))
        self.known: dict[str, Job] = {}  # the last state seen of each job
        self.attempts: dict[str, int] = {}  # the highest of each job: it is what tells claims apart
        self.keys: dict[tuple[str, str], tuple[str, str]] = {}

    def teardown(self) -> None:
        self.world.database.close()

    def seen(self, job: Job) -> None:
        """Check that the job moved as jobs may, and remember it."""
        before = self.known.get(job.id)
        if before is not None:
            assert not before.is_terminal or before.state == job.state, "a job ends once"
            steps = before.state == job.state or may_move(before.state, job.state)
            # A recovery and a claim may both lie between two looks.
            assert steps or (before.state == "queued" and job.is_terminal), (before.state, job.state)
        self.known[job.id] = job

    @rule(
        target=claims,
        account=st.sampled_from([0, 1]),
        price=st.sampled_from([0, 1, 101]),
        count=st.integers(1, 3),
        key=st.sampled_from([None, None, "k1", "k2"]),
        fingerprint=st.sampled_from(["f1", "f1", "f2"]),
        worker=st.sampled_from([None, None, *WORKERS]),
    )
    def submit(self, account, price, count, key, fingerprint, worker):
        caller = self.accounts[account]
        before = self.world.balance(caller)
        active = [job for job in self.known.values() if not job.is_terminal]
        earlier = self.keys.get((caller.account_id, key or ""))
        try:
            submitted = self.world.try_submit(
                caller=caller,
                price=price,
                count=count,
                idempotency=IdempotencyKey(key, fingerprint) if key else None,
                limits=LIMITS,
                claim_for=worker,
            )
        except InsufficientCredits:
            assert price > before
            assert earlier is None
        except TooManyRequests:
            own = sum(job.account_id == caller.account_id for job in active)
            assert own >= LIMITS.per_account or len(active) >= LIMITS.total
        except IdempotencyMismatch:
            assert earlier is not None
            assert earlier[1] != fingerprint
        else:
            job = submitted.job
            assert submitted.replayed == (earlier is not None)
            if earlier is not None:
                assert (job.id, fingerprint) == earlier
                return multiple()
            assert self.world.balance(caller) == before - price
            if key:
                self.keys[caller.account_id, key] = (job.id, fingerprint)
            self.attempts[job.id] = job.attempt
            self.seen(job)
            return job if worker else multiple()
        assert self.world.balance(caller) == before
        return multiple()

    @rule(target=claims, worker=st.sampled_from(WORKERS), limit=st.integers(1, 3))
    def claim(self, worker, limit):
        jobs = self.world.claim(worker, limit)
        for job in jobs:
            assert self.known[job.id].state == "queued"
            assert job.attempt > self.attempts.get(job.id, 0)
            self.attempts[job.id] = job.attempt
            self.seen(job)
        return multiple(*jobs)

    def holds(self, claimed: Job) -> bool:
        now = self.world.job(claimed.id)
        return now.state == "running" and (now.worker, now.attempt) == (claimed.worker, claimed.attempt)

    @rule(
        claimed=claims,
        state=st.sampled_from(["succeeded", "succeeded", "failed", "cancelled"]),
        missing=st.integers(0, 3),
    )
    def settle(self, claimed, state, missing):
        """By whoever once claimed it: the holder, or a zombie."""
        holds, before = self.holds(claimed), self.world.job(claimed.id)
        delivered = max(0, claimed.request.count - missing)
        ended = self.world.settle(claimed, state, delivered=delivered)
        assert (ended is not None) == holds
        if ended is None:
            assert self.world.job(claimed.id) == before
            return
        share = claimed.charged_micro * delivered // claimed.request.count if state == "succeeded" else 0
        assert ended.refunded_micro == claimed.charged_micro - share
        self.seen(ended)

    @rule(claimed=claims)
    def renew_or_checkpoint(self, claimed):
        holds = self.holds(claimed)
        mine = (claimed.id, claimed.worker, claimed.attempt)
        assert self.world.write(lambda c: renew(c, *mine, self.world.now, LEASE)) == holds
        assert self.world.write(lambda c: save_checkpoint(c, *mine, f"at {claimed.attempt}")) == holds

    @rule(claimed=consumes(claims))
    def give_back(self, claimed):
        holds = self.holds(claimed)
        assert self.world.give_back(claimed) == holds
        if holds:
            self.seen(self.world.job(claimed.id))

    @rule(data=st.data())
    def cancel(self, data):
        if not self.known:
            return
        job = self.world.job(data.draw(st.sampled_from(list(self.known))))
        self.world.me = self.owner(job)
        try:
            cancelled = self.world.cancel(job)
        except Conflict:
            assert job.is_terminal
        else:
            assert not job.is_terminal
            assert cancelled.state == "cancelled" or cancelled.cancel_requested
            self.seen(cancelled)

    @rule(data=st.data())
    def delete(self, data):
        if not self.known:
            return
        job = self.world.job(data.draw(st.sampled_from(list(self.known))))
        self.world.me = self.owner(job)
        try:
            left, _ = self.world.delete(job)
        except Conflict:
            assert not job.is_terminal
        else:
            assert job.is_terminal
            assert left.request is None
            money = (left.state, left.charged_micro, left.refunded_micro)
            assert money == (job.state, job.charged_micro, job.refunded_micro)

    def owner(self, job):
        return next(caller for caller in self.accounts if caller.account_id == job.account_id)

    @rule(passed=st.sampled_from([LEASE // 2, HOUR]))
    def time_passes(self, passed):
        self.world.now += passed

    @rule(silence=st.sampled_from([0, LEASE + 1, LEASE + 1, DAY]))
    def recover(self, silence):
        self.world.now += silence
        recovered = self.world.recover(MAX_ATTEMPTS, DAY)
        for job_id in recovered.requeued:
            assert self.known[job_id].state == "running"
            self.seen(self.world.job(job_id))
        for job in recovered.failed:
            assert job.state in ("failed", "cancelled")
            self.seen(job)

    @invariant()
    def money_adds_up(self):
        assert self.world.audit() == []

    @invariant()
    def nothing_moved_unseen(self):
        """The only move nobody reports is the cancellation that a claim carries out on its way."""
        for job_id, before in self.known.items():
            now = self.world.job(job_id)
            if now.state != before.state:
                assert (before.state, now.state, now.cancel_requested) == ("queued", "cancelled", True)
                self.known[job_id] = now

    @invariant()
    def places_are_counted(self):
        counted = self.world.read(
            lambda c: c.exec_driver_sql("SELECT COALESCE(SUM(active_jobs), 0) FROM queues").scalar()
        )
        assert counted == sum(job.state not in TERMINAL for job in self.known.values())


def test_any_order_of_acts_keeps_the_promises(make_database):
    class Machine(JobMachine):
        @staticmethod
        def make_world() -> World:
            return World(make_database())

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
