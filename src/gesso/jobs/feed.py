"""What is happening to jobs right now, for those who wait and watch: newest wins, nothing is queued, nothing polls.

Belongs to one event loop. The row in the database is the truth; the feed only says sooner what it will say.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from gesso.domain.events import PreviewFile, Snapshot
from gesso.domain.job import TERMINAL, Job

ENDED_KEPT = 1024  # snapshots of ended jobs, for those who come to wait a moment too late
PREVIEWS_KEPT = 4  # of a running job, the newest: who reads slower than it is painted misses some


@dataclass(eq=False)
class _Entry:
    """One job that has not ended, or that somebody waits for. `job` is None until it is first heard of."""

    job: Job | None = None
    snapshot: Snapshot | None = None
    waiters: set[asyncio.Future[None]] = field(default_factory=set)
    watched: int = 0  # waits and subscriptions that need the entry
    subscribed: int = 0  # those of them that want progress too
    left: bool = False  # nobody is told anything here any more

    def wake(self) -> None:
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(None)
        self.waiters.clear()


class Feed:
    """Live jobs of this process and the newest snapshot of each. Memory: live jobs and the last ended snapshots."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._ended: dict[str, Snapshot | None] = {}  # None: it ended elsewhere, and its row says how
        self._closed = False
        self._version = 0  # one counter for all jobs: it grows for each of them, also across attempts
        # Where several processes run jobs: called with each snapshot of a job that runs here, and when one that does not
        # is watched.
        self.on_progress: Callable[[Snapshot], None] | None = None
        self.on_watch: Callable[[], None] | None = None

    def publish(
        self, job: Job, *, stage: str = "", done: int = 0, total: int = 0, preview: PreviewFile | None = None
    ) -> None:
        """Tell the newest about a job: its state, and how far it is (`done` of `total` units of `stage`).

        A preview is told along with the few before it, once more at the end, and not kept beyond.
        """
        self._version += 1
        snapshot = Snapshot(job_id=job.id, version=self._version, state=job.state, stage=stage, done=done, total=total)
        ended = job.state in TERMINAL
        entry = self._entries.pop(job.id, None) if ended else self._entries.setdefault(job.id, _Entry())
        if ended:
            self._remember_end(job.id, snapshot)
        if entry is not None:
            previews = (entry.snapshot.previews if entry.snapshot else ()) + ((preview,) if preview else ())
            if previews:
                snapshot = snapshot.model_copy(update={"previews": previews[-PREVIEWS_KEPT:]})
            entry.job, entry.snapshot = job, snapshot
            entry.wake()
            if self.on_progress is not None and not ended:
                self.on_progress(snapshot)

    def hear(self, job_id: str, stage: str, done: int, total: int) -> None:
        """Take how far a job is that runs in another process, for those who watch it here."""
        entry = self._entries.get(job_id)
        if entry is not None and entry.job is None and job_id not in self._ended:
            self._version += 1
            entry.snapshot = Snapshot(
                job_id=job_id, version=self._version, state="running", stage=stage, done=done, total=total
            )
            entry.wake()

    def watched_elsewhere(self) -> list[str]:
        """Return the jobs watched here that do not run here."""
        return [job_id for job_id, entry in self._entries.items() if entry.subscribed and entry.job is None]

    def live(self, job_id: str) -> Job | None:
        """Return a job that has not ended as it was last published; None when it ended or is not run here."""
        entry = self._entries.get(job_id)
        return entry.job if entry else None

    def snapshot(self, job_id: str) -> Snapshot | None:
        """Return the newest snapshot of a job that has not ended, or ended a moment ago."""
        entry = self._entries.get(job_id)
        return (entry.snapshot if entry else None) or self._ended.get(job_id)

    def forget(self, job_id: str) -> None:
        """Drop a job that is not run here any more (its lease was lost): its row alone says what it is."""
        entry = self._entries.get(job_id)
        if entry is not None:
            entry.job = entry.snapshot = None
            if job_id in self._ended:  # it ended elsewhere while it was still taken for ours
                self._let_look(job_id, entry)
            else:
                self._drop_unused(job_id, entry)

    def nudge(self, job_id: str) -> None:
        """Say that a job has ended, here or in another process: those who wait for one not live here look at its row.

        Kept for a while, for those who come to wait a moment too late.
        """
        if job_id not in self._ended:
            self._remember_end(job_id, None)
        entry = self._entries.get(job_id)
        if entry is not None and entry.job is None:
            self._let_look(job_id, entry)

    def nudge_all(self) -> None:
        """Say that ends of jobs not live here may have been missed: all who wait for one look at its row."""
        for job_id, entry in list(self._entries.items()):
            if entry.job is None:
                self._let_look(job_id, entry)

    def close(self) -> None:
        """Let everybody who waits or watches go, now and from now on: this process runs no more jobs."""
        self._closed = True
        for entry in self._entries.values():
            entry.wake()

    @property
    def closed(self) -> bool:
        """Tell whether everybody was let go: who waits again is not heard."""
        return self._closed

    async def wait(self, job_id: str, seconds: float) -> Job | None:
        """Wait until a job has ended, at most so long; return it as last published.

        None when its row says more: nothing is known of it here, it ended before the wait, or there may be news of one
        that runs elsewhere. Then it need not have ended.
        """
        if job_id in self._ended or self._closed:
            return None
        entry = self._watch(job_id)
        try:
            async with asyncio.timeout(seconds):
                while not self._closed and not entry.left and (entry.job is None or not entry.job.is_terminal):
                    await self._change(entry)
        except TimeoutError:
            pass
        finally:
            self._unwatch(job_id, entry)
        return entry.job

    async def subscribe(self, job_id: str) -> AsyncIterator[Snapshot]:
        """Yield the newest snapshot now and after each change, until the job has ended or its row says more (see `wait`).

        A slow reader misses what was overtaken meanwhile, never the end. Close the iterator when leaving early.
        """
        if job_id in self._ended:
            if (ended := self._ended[job_id]) is not None:
                yield ended
            return
        entry = self._watch(job_id)
        entry.subscribed += 1
        if self.on_watch is not None and entry.job is None:
            self.on_watch()
        seen = 0
        try:
            while not self._closed and not entry.left:
                newest = entry.snapshot
                if newest is None or newest.version == seen:
                    await self._change(entry)
                    continue
                seen = newest.version
                yield newest
                if newest.state in TERMINAL:
                    return
        finally:
            entry.subscribed -= 1
            self._unwatch(job_id, entry)

    async def _change(self, entry: _Entry) -> None:
        waiter = asyncio.get_running_loop().create_future()
        entry.waiters.add(waiter)
        try:
            await waiter
        finally:
            entry.waiters.discard(waiter)

    def _watch(self, job_id: str) -> _Entry:
        entry = self._entries.setdefault(job_id, _Entry())
        entry.watched += 1
        return entry

    def _unwatch(self, job_id: str, entry: _Entry) -> None:
        entry.watched -= 1
        self._drop_unused(job_id, entry)

    def _let_look(self, job_id: str, entry: _Entry) -> None:
        """Send away all who wait: whoever comes again after a look at the row gets a new entry."""
        del self._entries[job_id]
        entry.left = True
        entry.wake()

    def _drop_unused(self, job_id: str, entry: _Entry) -> None:
        if entry.job is None and not entry.watched and self._entries.get(job_id) is entry:
            del self._entries[job_id]

    def _remember_end(self, job_id: str, snapshot: Snapshot | None) -> None:
        self._ended[job_id] = snapshot
        while len(self._ended) > ENDED_KEPT:
            del self._ended[next(iter(self._ended))]
