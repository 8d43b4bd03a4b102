"""Accept one request for good: keep its pictures, then submit job, charge and idempotency record in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import structlog

from gesso.accounts.keys import Caller
from gesso.domain.clock import Clock
from gesso.domain.errors import InvalidInput, NotFound, StorageFailed
from gesso.domain.job import Job
from gesso.domain.request import Fidelity
from gesso.intake.fingerprint import fingerprint
from gesso.intake.prepare import InlinePicture, Prepared, Rules, UnknownFields, find_model, prepare
from gesso.jobs.submit import IdempotencyKey, QueueLimits, Submission, Submitted, submit
from gesso.storage.blobs import BlobStore
from gesso.storage.rows import BlobRow, get_own_blob
from gesso.storage.transactions import Transactions

log = structlog.get_logger(__name__)

FIDELITIES: dict[Fidelity, tuple[Fidelity, ...]] = {
    "exact": ("exact",),
    "approximate": ("exact", "approximate"),
    "stand_in": ("exact", "approximate", "stand_in"),
}


LARGE_BYTES = 64 * 1024


class Slot(Protocol):
    """A free place on the local worker, held for one submit."""

    worker: str

    def start(self, job: Job) -> None: ...
    def release(self) -> None: ...


class LocalWorker(Protocol):
    """The worker beside this server, if it has room."""

    def hold_slot(self, engine: str) -> Slot | None: ...
    def wake(self, engine: str | None = None) -> None: ...


@dataclass(frozen=True)
class Ask:
    """One raw request, in the native form, as a dialect or the native API hands it over.

    `input` maps the model's parameter names to JSON values; a picture may be text (see `sources`) or bytes.
    """

    model: object
    input: Mapping[str, Any]
    route: str = "POST /v1/jobs"
    dialect: str = "native"
    unknown: UnknownFields = "refuse"
    strict: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None


@dataclass(frozen=True)
class IntakeLimits:
    """Limits a submit is held to."""

    queue: QueueLimits
    lease_microseconds: int
    live_fidelity: Fidelity


class Intake:
    """Accepts asks for one server."""

    def __init__(
        self,
        rules: Rules,
        limits: IntakeLimits,
        database: Transactions,
        blobs: BlobStore,
        worker: LocalWorker,
        clock: Clock,
    ) -> None:
        self._rules, self._limits, self._clock = rules, limits, clock
        self._database, self._blobs, self._worker = database, blobs, worker

    async def quote(self, ask: Ask, caller: Caller) -> Prepared:
        """Check and plan without keeping or running anything."""
        fidelities = FIDELITIES["stand_in" if caller.mode == "test" else self._limits.live_fidelity]
        model = find_model(self._rules.catalogue, ask.model)
        work = partial(
            prepare, self._rules, model, ask.input, fidelities=fidelities, unknown=ask.unknown, strict=ask.strict
        )
        # Large pictures are decoded from base64 and hashed beside the event loop; for all else a thread costs more.
        prepared = await asyncio.to_thread(work) if _size(ask.input) > LARGE_BYTES else work()
        for name, identifier in prepared.files:
            await self._check_file(name, identifier, caller)
        return prepared

    async def accept(self, ask: Ask, caller: Caller) -> Submitted:
        """Return the job, new or (same idempotency key, same ask) the one made before."""
        prepared = await self.quote(ask, caller)
        # Whoever asked may go away meanwhile: what was begun is finished, so that no slot or bytes are left behind.
        return await asyncio.shield(asyncio.ensure_future(self._submit(ask, caller, prepared)))

    async def _submit(self, ask: Ask, caller: Caller, prepared: Prepared) -> Submitted:
        now = self._clock()
        inputs = tuple(self._input_row(picture, caller, now) for picture in prepared.inline)
        key = self._idempotency(ask, prepared, {row.id: row.sha256 for row in inputs})
        slot = None
        try:
            for row, picture in zip(inputs, prepared.inline, strict=True):
                await self._blobs.put(row.account_id, row.id, picture.data)
            slot = self._worker.hold_slot(prepared.plan.routes[0].engine)
            submission = Submission(
                caller=caller,
                request=prepared.request,
                plan=prepared.plan,
                dialect=ask.dialect,
                metadata=dict(ask.metadata),
                webhook=None,
                inputs=inputs,
                idempotency=key,
                claim_for=slot.worker if slot else None,
                lease_microseconds=self._limits.lease_microseconds,
                limits=self._limits.queue,
            )
            submitted = await self._database.write(lambda connection: submit(connection, submission, now))
        except BaseException:
            if slot:
                slot.release()
            await self._drop(inputs)
            raise
        await self._hand_over(submitted, slot, inputs)
        return submitted

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

    async def _check_file(self, name: str, identifier: str, caller: Caller) -> None:
        """Refuse a reference to a file that is not the caller's (the same answer as for one that is not there)."""
        try:
            await self._database.read(lambda c: get_own_blob(c, identifier, caller.account_id, caller.mode))
        except NotFound as error:
            message = f"{name} points at a file that does not exist: upload it again with POST /v1/files."
            raise InvalidInput.of(name, "file_not_found", message, f"gesso://files/{identifier}") from error

    def _input_row(self, picture: InlinePicture, caller: Caller, now: int) -> BlobRow:
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

    def _idempotency(self, ask: Ask, prepared: Prepared, digests: Mapping[str, str]) -> IdempotencyKey | None:
        if ask.idempotency_key is None:
            return None
        rest = {"metadata": dict(ask.metadata), "strict": ask.strict, "dialect": ask.dialect}
        mark = fingerprint(
            route=ask.route,
            model=prepared.model.slug,
            values=prepared.checked.values,
            digests=digests,
            rest=rest,
        )
        return IdempotencyKey(key=ask.idempotency_key, fingerprint=mark)

    async def _drop(self, rows: tuple[BlobRow, ...]) -> None:
        """Remove bytes whose rows were not written; what fails here is swept later."""
        for row in rows:
            try:
                await self._blobs.delete(row.account_id, row.id)
            except StorageFailed:
                log.warning("input_left_behind", blob=row.id)


def _size(values: Mapping[str, Any]) -> int:
    """Return about how many characters and bytes an ask holds."""
    listed = [item for value in values.values() for item in (value if isinstance(value, list) else [value])]
    return sum(len(item) for item in listed if isinstance(item, str | bytes)) + len(listed)
