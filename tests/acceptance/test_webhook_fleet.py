"""Webhooks of several processes on one PostgreSQL: each event once while all live, again when one dies, signed as of now."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fleet import Node, node
from standardwebhooks import Webhook, WebhookVerificationError
from webhook_receiver import Received, Receiver, webhook_receiver

pytestmark = [pytest.mark.acceptance, pytest.mark.postgres]
SMALL = {"model": "gesso-sketch", "input": {"prompt": "a red ball", "width": 64, "height": 64, "steps": 1}}
WAIT = {"Prefer": "wait=30"}
SECONDS = 60.0


class Nodes:
    """Servers that share a database; the first one's keys are everybody's."""

    def __init__(self, stack: ExitStack, folder: Path, url: str) -> None:
        self._stack, self._folder, self._url, self._count, self._key = stack, folder, url, 0, ""

    def start(self, *arguments: str) -> tuple[Node, httpx.Client]:
        self._count += 1
        settings = {"database_url": self._url, "outgoing_allow": "127.0.0.1", "lease_seconds": 3, "grace_seconds": 1}
        command = ("serve", "--port", "0", *arguments)
        started = self._stack.enter_context(node(self._folder, f"node{self._count}", *command, **settings))
        self._key = self._key or started.facts["live_key"]
        headers = {"Authorization": f"Bearer {self._key}"}
        client = httpx.Client(base_url=started.facts["url"], headers=headers, timeout=60, trust_env=False)
        return started, self._stack.enter_context(client)


@pytest.fixture
def nodes(make_postgres_url: Callable[[], str], tmp_path: Path) -> Iterator[Nodes]:
    with ExitStack() as stack:
        yield Nodes(stack, tmp_path, make_postgres_url())


@dataclass
class Counting(Receiver):
    """A receiver that remembers all that ever came."""

    all_ids: list[str] = field(default_factory=list)

    def answer(self, received: Received) -> int:
        self.all_ids.append(received.headers["webhook-id"])
        return super().answer(received)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver(Counting()) as receiver:
        yield receiver


def until(found: Callable[[], Any]) -> Any:
    """Return what is found once it is something."""
    deadline = time.monotonic() + SECONDS
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def made(client: httpx.Client, url: str) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json=SMALL | {"webhook": url}, headers=WAIT)
    assert answer.json()["state"] == "succeeded", answer.text
    return answer.json()


def deliveries(client: httpx.Client, job: dict[str, Any]) -> list[dict[str, Any]]:
    return client.get(f"/v1/jobs/{job['id']}/deliveries").json()["deliveries"]


def delivered(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """Return a job's only delivery once it is delivered."""
    until(lambda: [one["state"] for one in deliveries(client, job)] == ["delivered"])
    (found,) = deliveries(client, job)
    return found


def signed(came: Received, secret: str) -> bool:
    try:
        Webhook(secret).verify(came.body, dict(came.headers))
    except WebhookVerificationError:
        return False
    return True


def attempts(client: httpx.Client) -> float:
    """Return how many attempts this process has counted."""
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("gesso_webhook_attempts_total"))


def test_what_one_process_changes_the_others_sign_with_at_once(nodes, receiver) -> None:
    """One changes the secret, another delivers: also what it had tried to deliver before the change."""
    _, quiet = nodes.start("--no-webhooks")
    _, loud = nodes.start()
    old = quiet.get("/v1/webhooks/secret").json()["secret"]
    made(quiet, receiver.url)
    assert signed(receiver.next(), old)
    receiver.status = 500
    pending = made(quiet, receiver.url)
    assert signed(receiver.next(), old)
    until(lambda: deliveries(loud, pending)[0]["attempts"])
    receiver.status = 200
    new = quiet.post("/v1/webhooks/secret").json()["secret"]
    for again in range(2):
        if again:
            (delivery,) = deliveries(loud, pending)
            loud.post(f"/v1/webhooks/deliveries/{delivery['id']}/redeliver")
        else:
            made(quiet, receiver.url)
        came = receiver.next()
        assert (signed(came, old), signed(came, new)) == (True, True)
    newest = quiet.post("/v1/webhooks/secret").json()["secret"]
    made(quiet, receiver.url)
    came = receiver.next()
    assert (signed(came, old), signed(came, new), signed(came, newest)) == (False, True, True)
    assert attempts(quiet) == 0


def test_while_all_live_no_event_is_sent_twice(nodes, receiver) -> None:
    """Two processes deliver, each is told of everything; nothing is slow, nothing fails."""
    (_, one), (_, other) = nodes.start(), nodes.start()
    jobs = [one, other] * 15
    ids = [client.post("/v1/jobs", json=SMALL | {"webhook": receiver.url}).json()["id"] for client in jobs]
    came = Counter(receiver.next().headers["webhook-id"] for _ in ids)
    found = [delivered(one, {"id": job}) for job in ids]
    assert came == Counter(delivery["id"] for delivery in found)
    assert [len(delivery["attempts"]) for delivery in found] == [1] * len(ids)
    until(lambda: attempts(one) + attempts(other) == len(ids))
    assert len(receiver.all_ids) == len(ids)


@pytest.mark.heavy
def test_what_a_killed_process_was_sending_another_sends(nodes, receiver) -> None:
    receiver.go.clear()
    doomed, client = nodes.start()
    job = made(client, receiver.url)
    first = receiver.next()
    doomed.process.send_signal(signal.SIGKILL)
    doomed.process.wait(SECONDS)
    receiver.go.set()
    _, heir = nodes.start()
    second = receiver.next()
    assert second.headers["webhook-id"] == first.headers["webhook-id"]
    assert len(delivered(heir, job)["attempts"]) == 1
    assert len(receiver.all_ids) == 2


@pytest.mark.heavy
def test_who_sleeps_beyond_its_claim_records_nothing(nodes, receiver) -> None:
    receiver.go.clear()
    sleeper, client = nodes.start()
    job = made(client, receiver.url)
    first = receiver.next()
    sleeper.process.send_signal(signal.SIGSTOP)
    try:
        _, other = nodes.start()
        receiver.go.set()
        second = receiver.next()
        assert second.headers["webhook-id"] == first.headers["webhook-id"]
        before = delivered(other, job)
    finally:
        sleeper.process.send_signal(signal.SIGCONT)
    until(lambda: attempts(client) == 1)  # it had its answer, and wanted it kept
    assert deliveries(other, job) == [before]
    assert [attempt["number"] for attempt in before["attempts"]] == [1]
    assert len(receiver.all_ids) == 2
