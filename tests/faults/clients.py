"""Clients that do not give up: each has one wish, asks one node, repeats at another, watches at others, fetches at a third."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from asks import Wish
from history import Answered, Asked, Cancelled, Fetched, Read, Recorder, Unanswered, now
from members import Member
from pictures import expected_sha256, look_at

ENDED = ("succeeded", "failed", "cancelled")
PAUSE_SECONDS = 0.5
STREAM_SECONDS = 20.0
AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)  # answers after which a client asks again
MISTAKE = 500  # no fault is a reason for it
TIMEOUT = httpx.Timeout(12.0, connect=4.0)


@dataclass
class Tally:
    """What the clients saw, for the table and the progress bar."""

    acknowledged: int = 0
    refused: int = 0
    given_up: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    fetched: int = 0
    beside: int = 0
    repeated: int = 0
    broken: list[str] = field(default_factory=list)  # clients that met what they could not understand


class Clients:
    """Carries out wishes. `keys` are the accounts' secrets, `accounts` their ids."""

    def __init__(
        self,
        servers: Sequence[Member],
        recorder: Recorder,
        keys: dict[str, str],
        accounts: dict[str, str],
        hook_urls: list[str],
    ) -> None:
        self.tally = Tally()
        self.ended: dict[str, tuple[Wish, dict[str, Any]]] = {}  # job → how it was first seen ended
        self._servers, self._recorder = servers, recorder
        self._keys, self._accounts, self._hook_urls = keys, accounts, hook_urls
        limits = httpx.Limits(max_connections=400, max_keepalive_connections=60, keepalive_expiry=5)
        self._http = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, limits=limits)

    async def close(self) -> None:
        await self._http.aclose()

    async def have(self, wish: Wish) -> None:
        """See a wish through: until its job has ended and its pictures are here, or it was refused."""
        try:
            await _Having(self, wish).go()
        except Exception as error:  # noqa: BLE001 - told in the report
            self.tally.broken.append(f"{wish.name}: {type(error).__name__}: {error}")

    async def fetch_again(self, wish: Wish, job: dict[str, Any], server: Member) -> None:
        """Fetch an ended job's pictures once more, by links of now."""
        having = _Having(self, wish)
        answer = await having.request(server, "GET", f"/v1/jobs/{job['id']}")
        if answer is not None and answer.status_code == 200:
            await having.fetch(answer.json(), server)


class _Having:
    """One client with its wish."""

    def __init__(self, clients: Clients, wish: Wish) -> None:
        self._clients, self._wish = clients, wish
        self._dice = random.Random(wish.dice)
        self._attempts = itertools.count(1)
        self._record = clients._recorder.write
        self._tally = clients.tally
        self._headers = {"Authorization": f"Bearer {clients._keys[wish.ask.account]}"}

    async def go(self) -> None:
        first = self._dice.choice(self._clients._servers)
        job = await self._submit(first)
        if job is None:
            return
        work = [self._watch(job, self._other(first))]
        if self._wish.cancel_after is not None:
            work.append(self._cancel(job["id"], self._wish.cancel_after))
        await asyncio.gather(*work)

    def _other(self, server: Member) -> Member:
        """Return another node than this one."""
        others = [one for one in self._clients._servers if one is not server]
        return self._dice.choice(others) if others else server

    # ── asking ────────────────────────────────────────────────────────────────────────────────────────

    async def _submit(self, server: Member) -> dict[str, Any] | None:
        """Return the job as it was answered; None when it was refused, or nobody knows whether there is one."""
        if self._wish.beside:
            self._tally.beside += 1
            answers = await asyncio.gather(self._attempt(server), self._attempt(self._other(server)))
        else:
            answers = [await self._attempt(server)]
        while True:
            for answer in answers:
                if answer is not None and answer.status_code < 300:
                    self._tally.acknowledged += 1
                    return answer.json()
            for answer in answers:
                if answer is not None and answer.status_code not in AGAIN:
                    self._tally.refused += 1
                    if (self._wish.ask.account not in ("poor", "poorer")) or answer.status_code != 402:
                        self._tally.broken.append(f"{self._wish.name} was refused: {answer.status_code} {answer.text}")
                    return None
            if not self._wish.ask.keyed and None in answers:
                self._tally.given_up += 1
                return None
            await asyncio.sleep(PAUSE_SECONDS * self._dice.uniform(1, 3))
            self._tally.repeated += 1
            server = self._other(server)
            answers = [await self._attempt(server)]

    async def _attempt(self, server: Member) -> httpx.Response | None:
        wish, number = self._wish, next(self._attempts)
        headers, ask = wish.headers(), wish.ask
        self._record(
            Asked(
                ask=wish.name,
                account=self._clients._accounts[ask.account],
                node=server.name,
                dialect="native",
                idempotency_key=headers.get("Idempotency-Key"),
                attempt=number,
                pictures=ask.count,
                price_micro=wish.price_micro,
                seed=1000 * ask.number,
                fewer="fewer" in ask.words,
                fails="fail" in ask.words,
                edits=ask.image is not None,
                webhook=wish.receiver is not None,
            )
        )
        try:
            answer = await self._send(
                server, "POST", "/v1/jobs", json=wish.body(self._clients._hook_urls), headers=headers
            )
        except httpx.TransportError as error:
            self._record(Unanswered(ask=wish.name, attempt=number, why=type(error).__name__))
            return None
        job = answer.json().get("id") if answer.status_code < 300 else None
        self._record(Answered(ask=wish.name, attempt=number, status=answer.status_code, job=job))
        return answer

    async def _send(self, server: Member, method: str, path: str, **options: Any) -> httpx.Response:
        headers = self._headers | options.pop("headers", {})
        answer = await self._clients._http.request(method, server.url + path, headers=headers, **options)
        self._tally.statuses[f"{method} {answer.status_code}"] += 1
        if answer.status_code == MISTAKE:
            self._tally.broken.append(f"{method} {path} at {server.name} was answered 500: {answer.text[:200]}")
        return answer

    async def request(self, server: Member, method: str, path: str, **options: Any) -> httpx.Response | None:
        """Ask until there is an answer that is not just of a fault, at one node after the other."""
        while True:
            try:
                answer = await self._send(server, method, path, **options)
            except httpx.TransportError:
                pass
            else:
                if answer.status_code not in AGAIN or (method, answer.status_code) == ("POST", 409):
                    return answer
            await asyncio.sleep(PAUSE_SECONDS)
            server = self._other(server)

    # ── watching ──────────────────────────────────────────────────────────────────────────────────────

    async def _watch(self, job: dict[str, Any], server: Member) -> None:
        """Look until the job has ended, at one node and, when that does not answer, at another."""
        while True:
            try:
                seen = await (self._streamed if self._wish.watching == "stream" else self._polled)(job["id"], server)
            except httpx.TransportError:
                seen = None
            if seen is None:
                server = self._other(server)
            elif seen["state"] in ENDED:
                break
            await asyncio.sleep(self._dice.uniform(0.5, 1.0))
        self._tally.ended[seen["state"]] += 1
        self._clients.ended[seen["id"]] = (self._wish, seen)
        await self.fetch(seen, self._other(server))

    async def _polled(self, job_id: str, server: Member) -> dict[str, Any] | None:
        waits = {"Prefer": "wait=8"} if self._wish.watching == "wait" else {}
        sent = now()
        answer = await self._send(server, "GET", f"/v1/jobs/{job_id}", headers=waits)
        return self._saw(job_id, server, answer.status_code, answer.json(), sent)

    def _saw(
        self, job_id: str, server: Member, status: int, body: dict[str, Any], sent: int | None
    ) -> dict[str, Any] | None:
        if status in AGAIN:
            return None
        state = body["state"] if status == 200 else None
        reader = f"{self._wish.name} {self._wish.watching}"
        self._record(
            Read(
                ask=self._wish.name, job=job_id, node=server.name, state=state, reader=reader, sent=sent, status=status
            )
        )
        assert status == 200, f"job {job_id} was answered {status}: {body}"
        return body

    async def _streamed(self, job_id: str, server: Member) -> dict[str, Any] | None:
        """Return the last that a stream showed; None when it broke off before it showed anything."""
        seen, url = None, f"{server.url}/v1/jobs/{job_id}/events"
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                async with self._clients._http.stream("GET", url, headers=self._headers) as answer:
                    if answer.status_code != 200:
                        await answer.aread()
                        return self._saw(job_id, server, answer.status_code, answer.json(), None)
                    event = ""
                    async for line in answer.aiter_lines():
                        if line.startswith("event: "):
                            event = line.removeprefix("event: ")
                        elif line.startswith("data: ") and event == "job":
                            seen = self._saw(job_id, server, 200, json.loads(line.removeprefix("data: ")), None)
        except (TimeoutError, httpx.TransportError):
            pass
        return seen

    # ── the rest ──────────────────────────────────────────────────────────────────────────────────────

    async def _cancel(self, job_id: str, after: float) -> None:
        await asyncio.sleep(after)
        answer = await self.request(self._dice.choice(self._clients._servers), "POST", f"/v1/jobs/{job_id}/cancel")
        assert answer is not None
        self._record(Cancelled(ask=self._wish.name, job=job_id, status=answer.status_code))

    async def fetch(self, job: dict[str, Any], server: Member) -> None:
        """Download every picture of an ended job at this node, or another one while it does not answer."""
        for picture in job["pictures"]:
            link = urlsplit(picture["url"])
            answer = await self.request(server, "GET", f"{link.path}?{link.query}")
            assert answer is not None
            good = answer.status_code == 200
            look = look_at(answer.content)
            self._record(
                Fetched(
                    job=job["id"],
                    picture=picture["index"],
                    node=server.name,
                    sha256=look.sha256 if good else "",
                    bytes=look.bytes,
                    ok=good and look.pixels_sha256 is not None,
                    why=look.why if good else f"status {answer.status_code}: {answer.text[:200]}",
                    pixels_sha256=look.pixels_sha256 if good else None,
                    expected_sha256=expected_sha256(job["seed"], picture["index"], self._wish.ask.image),
                )
            )
            self._tally.fetched += 1
