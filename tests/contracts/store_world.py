"""A small world to act in, for the store suites: an account with credits, and a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import Connection

from gesso.accounts.keys import Caller, create_account, create_key
from gesso.accounts.ledger import audit, balance
from gesso.database.connect import Database
from gesso.domain.clock import DAY, SECOND
from gesso.domain.credits import Price
from gesso.domain.ids import new_id
from gesso.domain.job import Job
from gesso.domain.picture import PictureReference, StoredPicture
from gesso.domain.request import Mode, Plan, Request, RouteChoice, Verdict
from gesso.jobs.cancel import cancel
from gesso.jobs.claim import Recovered, Renewal, claim, give_back, renew, requeue_expired
from gesso.jobs.delete import delete
from gesso.jobs.settle import Outcome, settle
from gesso.jobs.store import get_job
from gesso.jobs.submit import Submission, Submitted, submit
from gesso.storage.rows import BlobRow

T = TypeVar("T")
GRANT = 1_000_000
LEASE = 30 * SECOND


class World:
    """An account with a live key and credits, a clock that the test turns, and short ways to act."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = 1_700_000_000 * SECOND
        self.me = self.account()

    def write(self, work: Callable[[Connection], T]) -> T:
        return self.database.write_blocking(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        return self.database.read_blocking(work)

    def account(self, grant: int = GRANT) -> Caller:
        def work(connection: Connection) -> Caller:
            account_id = create_account(connection, "someone", self.now, grant)
            key, _ = create_key(connection, account_id, "live", "a key", self.now)
            return Caller(account_id=account_id, key_id=key.id, mode="live", tier="business")

        return self.write(work)

    def submission(
        self, *, caller: Caller | None = None, price: int = 0, count: int = 1, engine: str = "builtin", **rest: Any
    ) -> Submission:
        caller = caller or self.me
        inputs: tuple[BlobRow, ...] = rest.get("inputs", ())
        request = Request(
            model="gesso-sketch",
            operation="generate",
            prompt="a secret duck",
            image=PictureReference(blob=inputs[0].id) if inputs else None,
            count=count,
            seed=7,
            values={"prompt": "a secret duck"},
        )
        verdict = Verdict(
            parameter="prompt", verdict="used", reason="a secret duck fits", got="a secret duck", used="a secret duck"
        )
        route = RouteChoice(
            engine=engine,
            fidelity="exact",
            runs="gesso-sketch",
            arguments={"prompt": "a secret duck"},
            verdicts=(verdict,),
        )
        plan = Plan(routes=(route,), price=Price(amount=Decimal(price) / 1_000_000), price_micro=price)
        return Submission(caller=caller, request=request, plan=plan, lease_microseconds=LEASE, **rest)

    def try_submit(self, **rest: Any) -> Submitted:
        self.now += 1000  # a millisecond: ids sort by it
        submission, now = self.submission(**rest), self.now
        return self.write(lambda c: submit(c, submission, now))

    def submit(self, **rest: Any) -> Job:
        return self.try_submit(**rest).job

    def running(self, **rest: Any) -> Job:
        """Submit a job to an empty queue and claim it."""
        self.submit(**rest)
        (job,) = self.claim()
        return job

    def claim(
        self,
        worker: str = "w1",
        limit: int = 1,
        engines: tuple[str, ...] = ("builtin",),
        running_limit: int | None = None,
    ) -> list[Job]:
        return self.write(lambda c: claim(c, worker, engines, limit, self.now, LEASE, running_limit))

    def renew(self, job: Job) -> Renewal:
        return self.write(lambda c: renew(c, job.id, job.worker or "", job.attempt, self.now, LEASE))

    def settle(self, job: Job, state: Any = "succeeded", delivered: int = 1, **rest: Any) -> Job | None:
        """Settle with `delivered` pictures as the worker that `job` names."""
        delivered = delivered if state == "succeeded" else 0
        outputs = tuple(self.blob(owner="job_output", caller=self.me) for _ in range(delivered))
        pictures = tuple(
            StoredPicture(
                index=index,
                blob=row.id,
                media_type="image/png",
                width=64,
                height=64,
                size_bytes=5,
                seed=7 + index,
                pixel_hash="00",
            )
            for index, row in enumerate(outputs)
        )
        outcome = Outcome(state=state, pictures=pictures, outputs=outputs, **rest)
        return self.write(lambda c: settle(c, job.id, job.worker or "", job.attempt, outcome, self.now))

    def cancel(self, job: Job) -> Job:
        return self.write(lambda c: cancel(c, job.id, self.me.account_id, self.me.mode, self.now))

    def delete(self, job: Job) -> tuple[Job, tuple[BlobRow, ...]]:
        return self.write(lambda c: delete(c, job.id, self.me.account_id, self.me.mode, self.now))

    def give_back(self, job: Job) -> bool:
        return self.write(lambda c: give_back(c, job.id, job.worker or "", job.attempt))

    def recover(self, max_attempts: int = 3, queue_timeout: int = DAY, *, everything: bool = False) -> Recovered:
        return self.write(lambda c: requeue_expired(c, self.now, max_attempts, queue_timeout, everything=everything))

    def job(self, job_id: str) -> Job:
        job = self.read(lambda c: get_job(c, job_id))
        assert job is not None
        return job

    def balance(self, caller: Caller | None = None, mode: Mode = "live") -> int:
        account_id = (caller or self.me).account_id
        return self.read(lambda c: balance(c, account_id, mode))

    def audit(self) -> list[str]:
        return [str(found) for found in self.read(audit)]

    def blob(self, *, caller: Caller | None = None, **changes: Any) -> BlobRow:
        """Return a row that is not in the database yet."""
        caller = caller or self.me
        values = {
            "id": new_id(),
            "account_id": caller.account_id,
            "mode": caller.mode,
            "owner": "job_input",
            "owner_id": "",
            "media_type": "image/png",
            "size_bytes": 5,
            "sha256": "00",
            "created_at": self.now,
        }
        return BlobRow.model_validate(values | changes)
