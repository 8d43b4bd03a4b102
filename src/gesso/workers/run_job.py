"""Run one claimed job up to, not including, its settlement: inputs, engine, encoding, storing."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from functools import partial

import structlog

from gesso.domain.budget import Budget
from gesso.domain.clock import SECOND, Clock
from gesso.domain.errors import EngineFailed, GessoError, InvalidInput, JobFailed
from gesso.domain.events import Checkpoint, Event, Note, Preview, PreviewFile, Progress, Task, Timing
from gesso.domain.ids import new_id
from gesso.domain.job import Failure, Job, ReportNote
from gesso.domain.picture import MEDIA_TYPES, RawPicture, StoredPicture
from gesso.domain.request import Request
from gesso.domain.upstream import CallEnded
from gesso.engines.registry import Engines
from gesso.imaging.encode import encode
from gesso.imaging.finish import finish
from gesso.imaging.header import Header
from gesso.jobs.claim import save_checkpoint
from gesso.jobs.feed import Feed
from gesso.jobs.settle import Outcome
from gesso.storage.blobs import BlobStore
from gesso.storage.rows import BlobRow
from gesso.storage.transactions import Transactions
from gesso.telemetry.tracing import child, code_of, span
from gesso.workers.faults import with_fault
from gesso.workers.files import FILE_BYTES_AT_ONCE, File, files_for, files_of
from gesso.workers.inputs import InputReader
from gesso.workers.lend import Lender
from gesso.workers.patience import Patience, patiently
from gesso.workers.routes import routes_to_try
from gesso.workers.threads import to_its_end

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """Another worker owns the job now: stop, settle nothing."""


@dataclass
class _Work:
    """What has come of a job so far."""

    pictures: list[StoredPicture]
    outputs: list[BlobRow]
    notes: list[ReportNote]
    timings: dict[str, float]
    calls: list[CallEnded]
    checkpoint: str | None  # as it was committed last

    def add_time(self, stage: str, seconds: float) -> None:
        self.timings[stage] = self.timings.get(stage, 0.0) + seconds


@dataclass(frozen=True)
class _Encoded:
    """A picture as it is stored, and its hashes."""

    data: bytes
    sha256: str
    pixel_hash: str


def _encoded(raw: RawPicture, request: Request, credentials: bool) -> _Encoded:
    data = finish(raw, request, credentials=credentials)
    return _Encoded(data, hashlib.sha256(data).hexdigest(), raw.pixel_hash())


def _preview_file(preview: Preview, request: Request) -> PreviewFile:
    data = encode(preview.pixels, request.output_format, request.output_quality, preview.source)
    media_type = MEDIA_TYPES[request.output_format]
    return PreviewFile(picture=preview.picture, number=preview.number, media_type=media_type, data=data)


class JobRunner:
    """Runs jobs; knows nothing of leases, slots or settlement."""

    def __init__(
        self,
        *,
        database: Transactions,
        blobs: BlobStore,
        reader: InputReader,
        engines: Engines,
        lender: Lender,
        feed: Feed,
        clock: Clock,
        output_microseconds: int,
        failover: bool = False,
        credentials: bool = True,
    ) -> None:
        self._patience, self._blobs, self._reader = Patience(database), blobs, reader
        self._engines, self._lender, self._feed, self._clock = engines, lender, feed, clock
        self._output_microseconds, self._failover, self._credentials = output_microseconds, failover, credentials
        self._file_bytes = Budget(FILE_BYTES_AT_ONCE)
        self._encoding = asyncio.Semaphore(1)  # one large PNG at a time keeps the cores for the engines

    async def run(self, job: Job, calls: list[CallEnded]) -> Outcome:
        """Return how the job ended. Raises only `LeaseLost` and cancellation, after removing what it had stored.

        Calls at vendors are put into `calls` as they end.
        """
        queued = ((job.started_at or job.created_at) - job.created_at) / 1e6
        work = _Work([], [], [], {"queue": queued}, calls, job.checkpoint)
        try:
            await self._run(job, work)
        except GessoError as error:
            await self.discard(tuple(work.outputs))
            return self._failed(work, _failure_of(error))
        except (LeaseLost, asyncio.CancelledError):
            await asyncio.shield(self.discard(tuple(work.outputs)))
            raise
        except Exception:  # an engine's bug fails its job, never the worker
            log.exception("job_crashed", job=job.id)
            await self.discard(tuple(work.outputs))
            return self._failed(work, Failure(code="internal", message="The server made a mistake running this job."))
        return Outcome(
            state="succeeded",
            pictures=tuple(sorted(work.pictures, key=lambda picture: picture.index)),
            notes=tuple(work.notes),
            timings=work.timings,
            failure=None,
            outputs=tuple(work.outputs),
            calls=tuple(work.calls),
        )

    async def _run(self, job: Job, work: _Work) -> None:
        request = job.request
        assert request is not None, "a deleted job is never claimed"
        async with (
            aclosing(self._events(job, request, work)) as all_events,
            aclosing(with_fault(all_events, job.plan.fault, request.count)) as events,
        ):
            async for event in events:
                await self._take(job, request, work, event)
        if not work.pictures:
            raise EngineFailed("The engine made no picture.")

    async def _events(self, job: Job, request: Request, work: _Work) -> AsyncGenerator[Event, None]:
        """Yield what the engine tells. Decoded inputs are held meanwhile; vendors are handed files instead."""
        route = job.plan.routes[0]
        async with AsyncExitStack() as kept, AsyncExitStack() as held:
            reading = self._reader.read(job, request, work.add_time, fitted=not route.vendor)
            with span("inputs"):
                inputs = await held.enter_async_context(reading)
            if inputs.came is not None:
                yield _note_on(inputs.came)
            if route.vendor:
                files = await files_of(inputs)
                del inputs
                await kept.enter_async_context(self._file_bytes.take(sum(len(one.data) for one in files.values())))
                await held.aclose()  # a vendor may take minutes
                events = self._at_vendors(job, request, files, work)
            else:
                pictures = (inputs.image, inputs.mask, inputs.references)
                events = self._painted(Task(job.id, request, route, *pictures, checkpoint=job.checkpoint))
            async with aclosing(events):
                async for event in events:
                    yield event

    async def _at_vendors(
        self, job: Job, request: Request, files: Mapping[str, File], work: _Work
    ) -> AsyncGenerator[Event, None]:
        """Yield what a route's vendor tells; where it gave nothing and another may, what the next one tells."""
        routes = routes_to_try(job.plan, self._failover, self._engines.why_not, job.checkpoint)
        planned = job.plan.routes[0]
        if routes[0] != planned and (reason := self._engines.why_not(planned)) is not None:
            yield Note("failover", f"{reason}.", {"from": planned.vendor, "to": routes[0].vendor})
        for route, following in itertools.zip_longest(routes, routes[1:]):
            try:
                async with self._lender.lent(job, route, files_for(route, files)) as given:
                    task = Task(job.id, request, route, files=given, checkpoint=work.checkpoint)
                    async with aclosing(self._painted(task)) as events:
                        async for event in events:
                            yield event
            except JobFailed as error:
                if following is None or not error.again or error.billed:
                    raise
                yield Note("failover", error.message, {"from": route.vendor, "to": following.vendor})
            else:
                return

    async def _painted(self, task: Task) -> AsyncGenerator[Event, None]:
        """Yield what the engine tells; a span, though not the current one, as what is made of it happens meanwhile."""
        engine, failed = child("engine", {"gesso.engine": task.route.engine, "gesso.runs": task.route.runs}), None
        try:
            async with aclosing(self._engines[task.route.engine].run(task)) as events:
                async for event in events:
                    yield event
        except Exception as error:
            failed = code_of(error)
            raise
        finally:
            engine.end(failed)

    async def _take(self, job: Job, request: Request, work: _Work, event: object) -> None:
        match event:
            case Progress(stage, done, total, preview):
                file = None if preview is None else await to_its_end(_preview_file, preview, request)
                self._feed.publish(job, stage=stage, done=done, total=total, preview=file)
            case RawPicture():
                await self._keep(job, request, work, event)
            case Note(code, message, data):
                work.notes.append(ReportNote(code=code, message=message, data=data))
            case Timing(stage, seconds):
                work.add_time(stage, seconds)
            case CallEnded():
                work.calls.append(event)
            case Checkpoint(token):
                await self._commit_checkpoint(job, token)
                work.checkpoint = token

    async def _commit_checkpoint(self, job: Job, token: str) -> None:
        worker, attempt = job.worker or "", job.attempt
        if not await self._patience.write(lambda c: save_checkpoint(c, job.id, worker, attempt, token), job=job.id):
            raise LeaseLost

    async def _keep(self, job: Job, request: Request, work: _Work, raw: RawPicture) -> None:
        """Encode, mark and store one picture; its row is written when the job is settled."""
        began = time.perf_counter()
        async with self._encoding:
            made = await to_its_end(_encoded, raw, request, self._credentials)
        work.add_time("encode", time.perf_counter() - began)
        began = time.perf_counter()
        now = self._clock()
        media_type = MEDIA_TYPES[request.output_format]
        row = BlobRow(
            id=new_id(),
            account_id=job.account_id,
            mode=job.mode,
            owner="job_output",
            owner_id=job.id,
            media_type=media_type,
            size_bytes=len(made.data),
            sha256=made.sha256,
            filename=None,
            created_at=now,
            expires_at=now + self._kept_microseconds(request),
            private=job.is_private,
        )
        work.outputs.append(row)
        put = partial(self._blobs.put, row.account_id, row.id, made.data, media_type=media_type)
        await patiently(put, self._blobs, job=job.id)
        work.add_time("store", time.perf_counter() - began)
        height, width = raw.pixels.shape[:2]
        work.pictures.append(
            StoredPicture(
                index=raw.index,
                blob=row.id,
                media_type=media_type,
                width=width,
                height=height,
                size_bytes=len(made.data),
                seed=raw.seed,
                pixel_hash=made.pixel_hash,
            )
        )

    def _kept_microseconds(self, request: Request) -> int:
        return self._output_microseconds if request.keep_seconds is None else request.keep_seconds * SECOND

    async def discard(self, outputs: tuple[BlobRow, ...]) -> None:
        """Remove stored pictures that will not be delivered; what fails here is swept later."""
        for row in outputs:
            try:
                await self._blobs.delete(row.account_id, row.id)
            except GessoError as error:
                log.warning("output_left_behind", blob=row.id, reason=error.message)

    def _failed(self, work: _Work, failure: Failure) -> Outcome:
        return Outcome(
            state="failed",
            notes=tuple(work.notes),
            timings=work.timings,
            failure=failure,
            calls=tuple(work.calls),
        )


def _note_on(came: Header) -> Note:
    data = {"format": came.format, "width": came.width, "height": came.height}
    return Note("input", f"The image came as {came.format.upper()} of {came.width}x{came.height} pixels.", data)


def _failure_of(error: GessoError) -> Failure:
    code = error.problems[0].code if isinstance(error, InvalidInput) and error.problems else error.code
    return Failure(code=code, message=error.message, billed=isinstance(error, JobFailed) and error.billed)
