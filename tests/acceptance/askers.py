"""Clients that do not give up: they submit, repeat what was not answered, cancel, and watch every job until it ended."""

from __future__ import annotations

import base64
import io
import itertools
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from installation import DEADLINE_SECONDS, Installation, until
from noise_engine import noise
from PIL import Image
from proof import all_jobs

ENDED = ("succeeded", "failed", "cancelled")
WAIT = "wait=20"
PATIENCE_SECONDS = 4 * DEADLINE_SECONDS  # of an ask, which server after server may leave unanswered


@dataclass(frozen=True)
class Ask:
    """One thing an asker wants, and how it goes about it."""

    number: int
    account: str = "rich"
    words: str = "noise"
    count: int = 1
    image: np.ndarray | None = None
    keyed: bool = False
    waits: bool = False
    repeats: bool = False
    cancels: bool = False

    def body(self, sending: int) -> dict[str, Any]:
        """Return the JSON of a sending: the same each time with a key, else marked, as each may make a job."""
        values: dict[str, Any] = {"prompt": self.words, "num_images": self.count, "seed": 1000 * self.number}
        if self.image is not None:
            values["image"] = _data_uri(self.image)
        metadata = {"ask": self.number} if self.keyed else {"ask": self.number, "sending": sending}
        return {"model": "noise", "input": values, "metadata": metadata}

    def headers(self) -> dict[str, str]:
        """Return the headers of each sending."""
        key = {"Idempotency-Key": f"ask-{self.number}"} if self.keyed else {}
        return key | ({"Prefer": WAIT} if self.waits else {})


def mixed_asks(how_many: int, every_poor: int) -> list[Ask]:
    """Return a mixture in which every habit and every kind of job occurs with every other."""
    return [
        Ask(
            number,
            account="poor" if number % every_poor == 0 else "rich",
            words="fail" if number % 17 == 3 else "noise fewer" if number % 13 == 2 and number % 3 else "noise",
            count=1 + number % 3,
            image=noise(number)[:48, :32] if number % 4 == 1 else None,
            keyed=number % 5 in (0, 2, 4),
            waits=number % 20 == 4,
            repeats=number % 5 == 2,
            cancels=number % 11 == 7,
        )
        for number in range(how_many)
    ]


@dataclass
class Told:
    """What the askers were told. All of it is binding for the server."""

    accepted: dict[int, str] = field(default_factory=dict)  # ask → job
    refused: dict[int, str] = field(default_factory=dict)  # ask → code of the refusal
    cancelled: set[str] = field(default_factory=set)  # jobs that were answered as cancelled
    ended: dict[str, tuple[Any, ...]] = field(default_factory=dict)  # job → how it had ended when first seen so
    ended_seen_at: dict[str, float] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    repeated: int = 0  # repeats answered with the job of the first sending
    lost: int = 0  # requests whose answer never came

    def see(self, job: dict[str, Any], asked_at: float) -> None:
        """Take note of a job as it was answered to a request sent then; an ended one must look the same ever after."""
        if job["state"] not in ENDED:
            if asked_at > self.ended_seen_at.get(job["id"], math.inf):
                self.wrong.append(f"job {job['id']} was {self.ended[job['id']][0]} and is {job['state']}")
            return
        hashes = tuple(picture["pixel_hash"] for picture in job["pictures"])
        end = (job["state"], job["ended_at"], job["refunded"], hashes)
        self.ended_seen_at.setdefault(job["id"], time.monotonic())
        if self.ended.setdefault(job["id"], end) != end:
            self.wrong.append(f"job {job['id']} ended as {self.ended[job['id']]} and again as {end}")


class Askers:
    """Some threads with asks to make. They make as many as `allow` has let them, so that a test sets the pace."""

    def __init__(self, installation: Installation, asks: list[Ask], *, threads: int = 6) -> None:
        self.told, self.asks = Told(), asks
        self._installation = installation
        self._next = iter(asks)
        self._allowed = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._finished = 0
        self._threads = [threading.Thread(target=self._guarded, args=(self._ask_all,)) for _ in range(threads)]
        self._threads.append(threading.Thread(target=self._guarded, args=(self._watch,)))

    def __enter__(self) -> Askers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self.allow(len(self._threads))
        for thread in self._threads:
            thread.join()

    def allow(self, asks: int) -> None:
        """Let the askers make so many more of their asks."""
        self._allowed.release(asks)

    def wait_answered(self) -> None:
        """Let all be asked, and wait until each ask was accepted or refused."""
        self.allow(len(self.asks))
        until(lambda: self._finished == len(self.asks) or self.told.wrong, "every ask answered", PATIENCE_SECONDS)
        assert not self.told.wrong, self.told.wrong

    def wait_ended(self) -> None:
        """Wait until every job that was accepted was seen ended."""
        wanted = set(self.told.accepted.values())
        until(lambda: wanted <= set(self.told.ended) or self.told.wrong, "every accepted job ended")
        assert not self.told.wrong, self.told.wrong

    # ── threads ───────────────────────────────────────────────────────────────────────────────────────

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - told to the test
            self.told.wrong.append(f"{type(error).__name__}: {error}")

    def _ask_all(self) -> None:
        while self._allowed.acquire() and not self._done.is_set():
            with self._lock:
                ask = next(self._next, None)
            if ask is None:
                return
            self._make(ask)
            with self._lock:
                self._finished += 1

    def _make(self, ask: Ask) -> None:
        answer = self._submit(ask)
        if answer.status_code not in (200, 202):
            self.told.refused[ask.number] = answer.json()["code"]
            return
        job = answer.json()
        self._see(answer)
        self.told.accepted[ask.number] = job["id"]
        if ask.repeats:
            again = self._submit(ask)
            replayed = again.headers.get("Idempotent-Replayed"), again.json().get("id")
            if replayed != ("true", job["id"]):
                self.told.wrong.append(f"ask {ask.number} made job {job['id']}, repeated: {again.text}")
            self.told.repeated += 1
        if ask.cancels:
            self._cancel(ask, job["id"])

    def _submit(self, ask: Ask) -> httpx.Response:
        sending = itertools.count()
        return self._insist(
            ask.account,
            lambda client: client.post("/v1/jobs", json=ask.body(next(sending)), headers=ask.headers()),
        )

    def _cancel(self, ask: Ask, job_id: str) -> None:
        answer = self._insist(ask.account, lambda client: client.post(f"/v1/jobs/{job_id}/cancel"))
        if answer.status_code == 200:
            self._see(answer)
            if answer.json()["state"] == "cancelled":
                self.told.cancelled.add(job_id)
        elif answer.status_code != 409:  # it had ended
            self.told.wrong.append(f"cancelling {job_id} was answered {answer.text}")

    def _insist(self, account: str, send: Callable[[httpx.Client], httpx.Response]) -> httpx.Response:
        """Send until there is an answer."""

        def attempt() -> httpx.Response | None:
            if self._done.is_set():
                raise RuntimeError("the test is over")
            try:
                with self._installation.client(account) as client:
                    return send(client)
            except httpx.TransportError:
                self.told.lost += 1
                return None

        found: httpx.Response = until(attempt, "an answer", PATIENCE_SECONDS)
        return found

    def _watch(self) -> None:
        """Look at every job of both accounts, over and over."""
        while not self._done.wait(0.1):
            for account in self._installation.keys:
                try:
                    with self._installation.client(account) as client:
                        asked_at = time.monotonic()
                        jobs = all_jobs(client)
                except httpx.TransportError:
                    continue
                with self._lock:
                    for job in jobs:
                        self.told.see(job, asked_at)

    def _see(self, answer: httpx.Response) -> None:
        with self._lock:
            self.told.see(answer.json(), time.monotonic() - answer.elapsed.total_seconds())


def _data_uri(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", lossless=True)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
