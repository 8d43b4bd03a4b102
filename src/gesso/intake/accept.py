"""Accept one request for good: keep its pictures, then submit job, charge and idempotency record in one transaction."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial

import structlog
from sqlalchemy import Connection

from gesso.accounts.keys import Caller
from gesso.accounts.limits import KeyLimits
from gesso.accounts.priority import PRIORITIES
from gesso.accounts.retention import Kept
from gesso.catalogue.adapters import adapter_of
from gesso.domain.clock import Clock
from gesso.domain.errors import GessoError, InvalidInput, ModelNotReady, NotFound, StorageFailed, TooManyRequests
from gesso.domain.job import Job
from gesso.domain.request import Fidelity
from gesso.intake.ask import Ask, is_large, mark_of
from gesso.intake.faults import fault_in_force, refuse
from gesso.intake.going_in import GoingIn
from gesso.intake.hooks import check_hook
from gesso.intake.keeping import kept_for, without_lending
from gesso.intake.local_worker import LocalWorker, Slot
from gesso.intake.prepare import InlinePicture, Prepared, Rules, find_asked, with_alias
from gesso.intake.recast_and_prepare import recast_and_prepare
from gesso.jobs.idempotency import IdempotencyKey, Repeat, made_before
from gesso.jobs.submit import QueueLimits, Submission, Submitted, submit
from gesso.storage.blobs import BlobStore
from gesso.storage.room import DiskRoom
from gesso.storage.rows import BlobRow, get_own_blob
from gesso.storage.transactions import Transactions
from gesso.telemetry.meters import Meters
from gesso.telemetry.tracing import span, traceparent

log = structlog.get_logger(__name__)

FIDELITIES: dict[Fidelity, tuple[Fidelity, ...]] = {
    "exact": ("exact",),
    "approximate": ("exact", "approximate"),
    "stand_in": ("exact", "approximate", "stand_in"),
}

Files = tuple[tuple[str, str], ...]  # field and id of uploaded files


@dataclass(frozen=True)
class IntakeLimits:
    """Limits a submit is held to; `of_keys` are those of keys without their own, `kept` times of accounts without."""

    queue: QueueLimits
    lease_microseconds: int
    live_fidelity: Fidelity
    running_per_account: int | None = None
    of_keys: KeyLimits = field(default_factory=KeyLimits)
    kept: Kept = field(default_factory=Kept)


class Intake:
    """Accepts asks for one server."""

    def __init__(
        self,
        rules: Rules,
        limits: IntakeLimits,
        database: Transactions,
        blobs: BlobStore,
        room: DiskRoom,
        worker: LocalWorker,
        clock: Clock,
        meters: Meters | None = None,
    ) -> None:
        self._rules, self._limits, self._clock = rules, limits, clock
        self._for_tests = rules.for_tests()
        self._database, self._blobs, self._room, self._worker = database, blobs, room, worker
        self._going_in, self._meters = GoingIn(), meters or Meters()

    async def quote(self, ask: Ask, caller: Caller) -> Prepared:
        """Check and plan without keeping or running anything."""
        prepared = await self._prepare(ask, caller, self._rules_for(caller))
        await self._database.read(lambda connection: check_files(connection, prepared.files, caller))
        return prepared

    async def accept(self, ask: Ask, caller: Caller) -> Submitted:
        """Return the job, new or the one an equal ask made before (see `Ask.idempotency_key` and `Ask.repeat`).

        Raises what `prepare` and `submit` do, and before anything is kept `StorageFull` and what a test fault asks for.
        """
        with span("prepare", {"gesso.dialect": ask.dialect, "gesso.mode": caller.mode}) as preparing:
            try:
                prepared = await self._prepare(ask, caller, self._rules_for(caller))
            except ModelNotReady:
                earlier = await self._made_before(ask, caller)
                if earlier is None:
                    raise
                return Submitted(earlier, replayed=True)
            preparing.note({"gesso.model": prepared.model.slug, "gesso.engine": prepared.plan.routes[0].engine})
        refuse(prepared.plan)
        ask = replace(ask, input={})  # pictures that came as text are held once from here on
        # Whoever asked may go away meanwhile: what was begun is finished, so that no slot or bytes are left behind.
        return await asyncio.shield(asyncio.ensure_future(self._take_in(ask, caller, prepared)))

    def _rules_for(self, caller: Caller) -> Rules:
        return self._rules if caller.mode == "live" else self._for_tests

    async def _made_before(self, ask: Ask, caller: Caller) -> Job | None:
        """Return the job that an equal ask made while its model could run; it could by now be what used a limit up."""
        try:
            prepared = await self._prepare(ask, caller, replace(self._rules, why_not=lambda _: None))
        except GessoError:
            return None
        key, repeat = _repeats(ask, prepared)
        now = self._clock()
        return await self._database.read(lambda connection: made_before(connection, caller, key, repeat, now))

    async def _prepare(self, ask: Ask, caller: Caller, rules: Rules) -> Prepared:
        fault = fault_in_force(ask.fault, caller)
        if ask.webhook is not None:
            check_hook(ask.webhook, self._rules.outgoing)
        fidelities = FIDELITIES["stand_in" if caller.mode == "test" else self._limits.live_fidelity]
        asked = find_asked(self._rules.catalogue, ask.model, ask.dialect, ask.operation)
        model = asked.model
        form = asked.named or model if ask.form is None else self._rules.catalogue.get(ask.form)
        work = partial(
            recast_and_prepare,
            rules,
            form,
            model,
            ask.input,
            fidelities=fidelities,
            unknown=ask.unknown,
            strict=ask.strict,
            tier=caller.tier,
            adapter=adapter_of(model, str(ask.model)),
            served=ask.served,
            host=ask.host,
        )
        # Large pictures are decoded from base64 and hashed beside the event loop; for all else a thread costs more.
        prepared = await asyncio.to_thread(work) if is_large(ask) else work()
        keep_seconds, privacy = kept_for(ask, caller, prepared, self._limits.kept)
        said = {
            "echo": dict(ask.echo),
            "host": ask.host,
            "previews": ask.previews,
            "keep_seconds": keep_seconds,
            "privacy": privacy,
        }
        prepared = replace(
            prepared,
            request=prepared.request.model_copy(update=said),
            plan=without_lending(with_alias(prepared.plan, asked), privacy),
        )
        if fault is None:
            return prepared
        return replace(prepared, plan=prepared.plan.model_copy(update={"fault": str(fault)}))

    async def _take_in(self, ask: Ask, caller: Caller, prepared: Prepared) -> Submitted:
        key, repeat = _repeats(ask, prepared)
        if repeat is None:
            return await self._submit(ask, caller, prepared, key, None)
        async with self._going_in.enter(caller.key_id, repeat.fingerprint, after_others=repeat.kind != "first"):
            return await self._submit(ask, caller, prepared, None, repeat)

    async def _submit(
        self, ask: Ask, caller: Caller, prepared: Prepared, key: IdempotencyKey | None, repeat: Repeat | None
    ) -> Submitted:
        with span("submit") as submitting:
            submitted = await self._submit_once(ask, caller, prepared, key, repeat)
            submitting.note({"gesso.job.id": submitted.job.id, "gesso.replayed": submitted.replayed})
        return submitted

    async def _submit_once(
        self, ask: Ask, caller: Caller, prepared: Prepared, key: IdempotencyKey | None, repeat: Repeat | None
    ) -> Submitted:
        self._room.check()
        now = self._clock()
        inputs = tuple(_input_row(picture, caller, now) for picture in prepared.inline)
        await self._keep(inputs, prepared.inline)
        slot = self._worker.hold_slot(prepared.plan.routes[0].engine)
        submission = Submission(
            caller=caller,
            request=prepared.request,
            plan=prepared.plan,
            dialect=ask.dialect,
            metadata=dict(ask.metadata),
            webhook=ask.webhook,
            inputs=inputs,
            idempotency=key,
            repeat=repeat,
            priority=caller.priority if ask.priority is None else max(caller.priority, PRIORITIES[ask.priority]),
            claim_for=slot.worker if slot else None,
            lease_microseconds=self._limits.lease_microseconds,
            limits=self._limits.queue,
            running_limit=self._limits.running_per_account,
            key_limits=caller.limits.in_force(self._limits.of_keys),
            traceparent=traceparent(),
        )
        try:
            submitted = await self._write(submission, prepared.files, now)
        except BaseException as error:
            if slot:
                slot.release()
            # After `StorageFailed` nobody knows whether the rows are there: bytes without rows are swept later.
            if isinstance(error, Exception) and not isinstance(error, StorageFailed):
                await self._drop(inputs)
            raise
        if not submitted.replayed:
            self._meters.job_accepted(submitted.job)
        await self._hand_over(submitted, slot, inputs)
        return submitted

    async def _write(self, submission: Submission, files: Files, now: int) -> Submitted:
        def work(connection: Connection) -> Submitted:
            submitted = submit(connection, submission, now)
            if not submitted.replayed:  # a repeat is answered with its job, also when its files are gone by now
                check_files(connection, files, submission.caller)
            return submitted

        try:
            return await self._database.write(work)
        except TooManyRequests as error:
            self._meters.request_limited(error.code)
            if error.ends_needed:
                engine = submission.plan.routes[0].engine
                error.retry_after_seconds = self._worker.seconds_for(engine, error.ends_needed)
            raise

    async def _keep(self, rows: tuple[BlobRow, ...], pictures: tuple[InlinePicture, ...]) -> None:
        try:
            for row, picture in zip(rows, pictures, strict=True):
                await self._blobs.put(row.account_id, row.id, picture.data, media_type=row.media_type)
        except Exception:
            await self._drop(rows)
            raise

    async def _hand_over(self, submitted: Submitted, slot: Slot | None, inputs: tuple[BlobRow, ...]) -> None:
        if slot and not submitted.replayed and submitted.job.state == "running":
            slot.start(submitted.job)
            return
        if slot:
            slot.release()
        if submitted.replayed:
            await self._drop(inputs)
        else:
            self._worker.wake(submitted.job.plan.routes[0].engine)

    async def _drop(self, rows: tuple[BlobRow, ...]) -> None:
        """Remove bytes whose rows were not written; what fails here is swept later."""
        for row in rows:
            try:
                await self._blobs.delete(row.account_id, row.id)
            except StorageFailed:
                log.warning("input_left_behind", blob=row.id)


def _repeats(ask: Ask, prepared: Prepared) -> tuple[IdempotencyKey | None, Repeat | None]:
    """Return what makes an ask the repeat of another: its key, else its client's manners, else nothing."""
    if ask.idempotency_key is not None:
        return IdempotencyKey(ask.idempotency_key, mark_of(ask, prepared)), None
    return None, None if ask.repeat is None else Repeat(mark_of(ask, prepared), ask.repeat)


def check_files(connection: Connection, files: Files, caller: Caller) -> None:
    """Refuse references to files that are not the caller's (the same answer as for those that are not there)."""
    for name, identifier in files:
        try:
            get_own_blob(connection, identifier, caller.account_id, caller.mode)
        except NotFound as error:
            message = f"{name} points at a file that does not exist: upload it again with POST /v1/files."
            raise InvalidInput.of(name, "file_not_found", message, f"gesso://files/{identifier}") from error


def _input_row(picture: InlinePicture, caller: Caller, now: int) -> BlobRow:
    return BlobRow(
        id=picture.blob,
        account_id=caller.account_id,
        mode=caller.mode,
        owner="job_input",
        owner_id="",
        media_type=f"image/{picture.header.format}",
        size_bytes=len(picture.data),
        sha256=picture.sha256,
        filename=None,
        created_at=now,
        expires_at=None,
    )
