"""Progress of jobs across processes: who is watched elsewhere tells how far it is. Lossy: the row is the truth."""

from __future__ import annotations

import asyncio
import json

import structlog

from gesso.domain.events import Snapshot
from gesso.jobs.feed import Feed
from gesso.jobs.progress import tell_progress
from gesso.storage.transactions import Transactions
from gesso.workers.patience import complain

log = structlog.get_logger(__name__)
ROUND_SECONDS = 0.25  # between two notices of one job
ASK_SECONDS = 10.0  # who watches says so again this often
WATCHED_SECONDS = 30.0  # and is believed so long
MOST_WATCHED = 10_000


class Relay:
    """Belongs to one event loop. Nothing is sent of jobs that nobody watches in another process; previews never are."""

    def __init__(self, database: Transactions, feed: Feed) -> None:
        self._database, self._feed = database, feed
        self._watched: dict[str, float] = {}  # by whom else, until when (the loop's time)
        self._news: dict[str, Snapshot] = {}
        self._asked: dict[str, float] = {}  # when we last said that a job is watched here
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask and to tell."""
        self._feed.on_progress, self._feed.on_watch = self._progress, self._wake.set
        self._task = asyncio.create_task(self._forever())

    async def stop(self) -> None:
        """Say no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def watched(self, job_id: str) -> None:
        """Hear that a job is watched somewhere; kept also while it waits, as we may be who runs it."""
        self._watched.pop(job_id, None)
        self._watched[job_id] = self._now() + WATCHED_SECONDS
        while len(self._watched) > MOST_WATCHED:
            del self._watched[next(iter(self._watched))]
        snapshot = self._feed.snapshot(job_id)
        if snapshot is not None and self._feed.live(job_id) is not None:
            self._progress(snapshot)

    def heard(self, payload: str) -> None:
        """Pass on how far a job is that runs elsewhere."""
        told = json.loads(payload)
        self._feed.hear(told["id"], told["stage"], told["done"], told["total"])

    def _progress(self, snapshot: Snapshot) -> None:
        if snapshot.stage and self._watched.get(snapshot.job_id, 0.0) > self._now():
            self._news[snapshot.job_id] = snapshot
            self._wake.set()

    async def _forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            await self._tell()
            await asyncio.sleep(ROUND_SECONDS)

    async def _tell(self) -> None:
        now = self._now()
        here = self._feed.watched_elsewhere()
        asked = {job_id: at for job_id in here if now - (at := self._asked.get(job_id, -ASK_SECONDS)) < ASK_SECONDS}
        ask = [job_id for job_id in here if job_id not in asked]
        self._asked = asked | dict.fromkeys(ask, now)
        news, self._news = self._news, {}
        if ask or news:
            try:
                await self._database.write(lambda c: tell_progress(c, ask, list(news.values())))
            except Exception as error:  # noqa: BLE001 - lossy: the next notice says more
                self._asked = asked
                complain(log, "progress_untold", error)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
