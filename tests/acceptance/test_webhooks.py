"""Webhooks over a real server: with a job, for an account, tested, sent again, after a crash; each account its own."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from running_server import RunningServer, running_server
from second_account import open_account
from standardwebhooks import Webhook
from webhook_receiver import Receiver, webhook_receiver

pytestmark = pytest.mark.acceptance
SMALL = {"model": "gesso-sketch", "input": {"prompt": "a red ball", "width": 64, "height": 64, "steps": 1}}
WAIT = {"Prefer": "wait=30"}
SECONDS = 30.0
PRIVATE = "http://10.0.0.1/hook"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("hooks") / "data", outgoing_allow="127.0.0.1") as started:
        yield started


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    with server.client(server.test_key) as opened:
        yield opened
        for webhook in opened.get("/v1/webhooks").json()["webhooks"]:
            opened.delete(f"/v1/webhooks/{webhook['id']}")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as listening:
        yield listening


def made(client: httpx.Client, **ask: Any) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json=SMALL | ask, headers=WAIT)
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def delivery_of(client: httpx.Client, job: dict[str, Any], state: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        (found,) = client.get(f"/v1/jobs/{job['id']}/deliveries").json()["deliveries"]
        return found if found["state"] == state and (found["attempts"] or state != "pending") else None

    return until(look)


def test_a_jobs_own_target_is_told_and_the_signature_verifies(client, receiver) -> None:
    job = made(client, webhook=receiver.url)
    came = receiver.next()
    secret = client.get("/v1/webhooks/secret").json()["secret"]
    said = Webhook(secret).verify(came.body, dict(came.headers))
    assert (said["type"], said["timestamp"]) == ("job.succeeded", job["ended_at"])
    assert said["data"] == client.get(f"/v1/jobs/{job['id']}").json()
    picture = httpx.get(said["data"]["pictures"][0]["url"], trust_env=False)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    delivery = delivery_of(client, job, "delivered")
    assert (delivery["id"], delivery["webhook_id"]) == (came.headers["webhook-id"], None)
    assert [attempt["status"] for attempt in delivery["attempts"]] == [200]
    assert client.get(f"/v1/webhooks/deliveries/{delivery['id']}").json() == delivery
    assert client.get("/v1/webhooks/deliveries", params={"limit": 1}).json()["deliveries"] == [delivery]


@pytest.mark.parametrize("form", ["object", "form", "form with a link"])
def test_a_target_may_be_named_with_the_events_it_is_told_of(client, receiver, form) -> None:
    target = {"url": receiver.url, "events": ["started"]}
    if form == "object":
        job = made(client, webhook=target)
    else:
        hook = receiver.url if form == "form with a link" else json.dumps(target)
        parts = {"model": "gesso-sketch", "input": json.dumps(SMALL["input"]), "webhook": hook}
        job = client.post("/v1/jobs", files={name: (None, text) for name, text in parts.items()}, headers=WAIT).json()
    said = json.loads(receiver.next().body)
    kind = "job.succeeded" if form == "form with a link" else "job.started"
    assert (said["type"], said["data"]["id"]) == (kind, job["id"])


def test_a_registered_target_is_told_of_every_job_until_it_is_deleted(client, receiver) -> None:
    answer = client.post(
        "/v1/webhooks", json={"url": receiver.url, "events": ["failed", "succeeded"], "description": "all"}
    )
    assert answer.status_code == 201, answer.text
    target = answer.json()
    secret = target.pop("secret")
    assert (target["dialect"], target["events"], target["mode"]) == ("native", ["succeeded", "failed"], "test")
    assert client.get("/v1/webhooks").json() == {"webhooks": [target]}
    assert client.get(f"/v1/webhooks/{target['id']}").json() == target
    job = made(client)
    came = receiver.next()
    assert Webhook(secret).verify(came.body, dict(came.headers))["data"]["id"] == job["id"]
    failed = client.post("/v1/jobs", json=SMALL, headers=WAIT | {"Gesso-Test-Fault": "fail"}).json()
    came = receiver.next()
    said = Webhook(secret).verify(came.body, dict(came.headers))
    assert (said["type"], said["data"]["id"]) == ("job.failed", failed["id"])
    until(lambda: all(one["state"] == "delivered" for one in log(client, target)))
    assert [one["job_id"] for one in log(client, target)] == [failed["id"], job["id"]]
    assert client.delete(f"/v1/webhooks/{target['id']}").status_code == 204
    assert client.get(f"/v1/webhooks/{target['id']}").status_code == 404
    last = made(client)
    assert client.get(f"/v1/jobs/{last['id']}/deliveries").json() == {"deliveries": []}


def log(client: httpx.Client, target: dict[str, Any]) -> list[dict[str, Any]]:
    return client.get(f"/v1/webhooks/{target['id']}/deliveries").json()["deliveries"]


def test_a_live_job_is_told_to_live_targets_only(server, client, receiver) -> None:
    client.post("/v1/webhooks", json={"url": receiver.url})
    with server.client() as live:
        job = made(live)
        assert live.get(f"/v1/jobs/{job['id']}/deliveries").json() == {"deliveries": []}
        assert live.get("/v1/webhooks").json() == {"webhooks": []}
        assert live.get("/v1/webhooks/secret").json() != client.get("/v1/webhooks/secret").json()


def test_after_a_change_the_old_secret_signs_too(client, receiver) -> None:
    old = client.get("/v1/webhooks/secret").json()["secret"]
    changed = client.post("/v1/webhooks/secret").json()
    assert changed["former_secret"] == old
    assert changed == client.get("/v1/webhooks/secret").json()
    made(client, webhook=receiver.url)
    came = receiver.next()
    for secret in (old, changed["secret"]):
        Webhook(secret).verify(came.body, dict(came.headers))


def test_a_test_says_at_once_what_came_of_it(client, receiver) -> None:
    target = client.post("/v1/webhooks", json={"url": receiver.url}).json()
    answer = client.post(f"/v1/webhooks/{target['id']}/test").json()
    assert answer == {"delivered": True, "status": 200, "response": "", "error": ""}
    came = receiver.next()
    assert Webhook(target["secret"]).verify(came.body, dict(came.headers))["type"] == "webhook.test"
    receiver.status = 500
    answer = client.post(f"/v1/webhooks/{target['id']}/test").json()
    assert (answer["delivered"], answer["status"]) == (False, 500)
    assert log(client, target) == []
    closed = client.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/"}).json()
    answer = client.post(f"/v1/webhooks/{closed['id']}/test").json()
    assert (answer["delivered"], answer["status"]) == (False, None)
    assert answer["error"].startswith("127.0.0.1 could not be connected to")


def test_a_vendors_target_is_tested_with_the_newest_job_of_that_vendor(client, receiver) -> None:
    ask = {
        "url": receiver.url,
        "dialect": "magic-hour",
        "events": ["succeeded", "failed"],
        "secret": "of the dashboard",
    }
    target = client.post("/v1/webhooks", json=ask).json()
    refused = client.post(f"/v1/webhooks/{target['id']}/test")
    assert (refused.status_code, "Magic Hour" in refused.json()["detail"]) == (409, True)


def test_what_failed_is_sent_again_when_it_is_asked_for(client, receiver) -> None:
    receiver.status = 500
    job = made(client, webhook=receiver.url)
    delivery = delivery_of(client, job, "pending")
    assert delivery["next_at"] is not None
    assert delivery["attempts"][0]["status"] == 500
    receiver.status = 200
    again = client.post(f"/v1/webhooks/deliveries/{delivery['id']}/redeliver")
    assert again.status_code == 202, again.text
    assert len(delivery_of(client, job, "delivered")["attempts"]) == 2
    client.post(f"/v1/webhooks/deliveries/{delivery['id']}/redeliver")
    ids = {receiver.next().headers["webhook-id"] for _ in range(3)}
    assert ids == {delivery["id"]}
    until(lambda: len(delivery_of(client, job, "delivered")["attempts"]) == 3)
    client.delete(f"/v1/jobs/{job['id']}")
    assert client.post(f"/v1/webhooks/deliveries/{delivery['id']}/redeliver").status_code == 409
    assert delivery_of(client, job, "delivered")["url"] == ""


def test_gone_disables_a_target(client, receiver) -> None:
    receiver.status = 410
    target = client.post("/v1/webhooks", json={"url": receiver.url}).json()
    job = made(client)
    delivery = delivery_of(client, job, "failed")
    assert delivery["reason"] == "The receiver answered with status 410."
    disabled = client.get(f"/v1/webhooks/{target['id']}").json()
    assert disabled["disabled_reason"] == "Its receiver answered 410 Gone."
    receiver.status = 200
    missed = made(client)
    enabled = client.post(f"/v1/webhooks/{target['id']}/enable").json()
    assert enabled == disabled | {"disabled_at": None, "disabled_reason": None}
    told = made(client)
    assert delivery_of(client, told, "delivered")["webhook_id"] == target["id"]
    assert client.get(f"/v1/jobs/{missed['id']}/deliveries").json() == {"deliveries": []}


def test_the_circuit_of_a_receiver_is_shown_and_tries_at_once_when_asked(client, receiver) -> None:
    """After five failures nothing is sent; what is due waits, and comes when somebody says that the receiver is back."""
    receiver.status = 503
    target = client.post("/v1/webhooks", json={"url": receiver.url}).json()
    assert target["circuit"] == {"state": "closed", "failures": 0, "open_until": None, "waiting": 0}
    jobs = [made(client) for _ in range(5)]
    until(lambda: circuit(client, target)["state"] == "open")
    jobs.append(made(client))
    waiting = until(lambda: [one for one in log(client, target) if one["waiting"]])
    assert (waiting[0]["job_id"], waiting[0]["attempts"]) == (jobs[-1]["id"], [])
    assert circuit(client, target)["failures"] >= 5
    assert circuit(client, target)["waiting"] >= 1
    receiver.status = 200
    client.post(f"/v1/webhooks/{target['id']}/enable")
    for job in jobs:
        delivery_of(client, job, "delivered")
    until(lambda: circuit(client, target) == target["circuit"])


def circuit(client: httpx.Client, target: dict[str, Any]) -> dict[str, Any]:
    return client.get(f"/v1/webhooks/{target['id']}").json()["circuit"]


def test_a_lost_webhook_is_logged_and_not_sent(client, receiver) -> None:
    headers = WAIT | {"Gesso-Test-Fault": "webhook-lost"}
    lost = client.post("/v1/jobs", json=SMALL | {"webhook": receiver.url}, headers=headers).json()
    delivery = delivery_of(client, lost, "failed")
    assert (delivery["reason"], delivery["attempts"]) == ("test fault", [])
    other = made(client, webhook=receiver.url)
    assert json.loads(receiver.next().body)["data"]["id"] == other["id"]


@pytest.mark.parametrize(
    ("ask", "field", "code"),
    [
        ({"webhook": 7}, "webhook", "type"),
        ({"webhook": {}}, "webhook.url", "required"),
        ({"webhook": {"url": "https://a.example", "secret": "x"}}, "webhook.secret", "unknown_field"),
        ({"webhook": {"url": "https://a.example", "events": ["done"]}}, "webhook.events", "not_a_choice"),
        ({"webhook": {"url": "https://a.example", "events": []}}, "webhook.events", "not_a_choice"),
        ({"webhook": "ftp://a.example"}, "webhook", "not_a_link"),
        ({"webhook": PRIVATE}, "webhook", "address_not_allowed"),
        ({"webhook": "https://a.example/" + "x" * 2048}, "webhook", "too_long"),
    ],
)
def test_a_wrong_target_of_a_job_is_named(client, ask, field, code) -> None:
    answer = client.post("/v1/jobs", json=SMALL | ask)
    assert answer.status_code == 422
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [(field, code)]


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        ({}, "url"),
        ({"url": 7}, "url"),
        ({"url": PRIVATE}, "url"),
        ({"url": "https://a.example", "events": "all"}, "events"),
        ({"url": "https://a.example", "dialect": "friendli"}, "dialect"),
        ({"url": "https://a.example", "dialect": ["claid"]}, "dialect"),
        ({"url": "https://a.example", "secret": "short"}, "secret"),
        ({"url": "https://a.example", "secret": "whsec_no base64 at all"}, "secret"),
        ({"url": "https://a.example", "dialect": "claid", "secret": "two\nlines and more"}, "secret"),
        ({"url": "https://a.example", "description": "x" * 201}, "description"),
        ({"url": "https://a.example", "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_registration_is_refused_by_name(client, ask, field) -> None:
    answer = client.post("/v1/webhooks", json=ask)
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == [field]


def test_what_was_being_sent_when_the_server_was_killed_arrives_after_a_restart(start_server, receiver) -> None:
    receiver.go.clear()
    server = start_server(outgoing_allow="127.0.0.1")
    with server.client(server.test_key) as client:
        job = made(client, webhook=receiver.url)
    first = receiver.next()
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(SECONDS)
    receiver.go.set()
    again = start_server(server.data_dir, outgoing_allow="127.0.0.1")
    second = receiver.next()
    assert second.headers["webhook-id"] == first.headers["webhook-id"]
    with again.client(server.test_key) as client:
        assert len(delivery_of(client, job, "delivered")["attempts"]) == 1


@pytest.mark.heavy
def test_what_waited_for_its_time_when_the_server_was_killed_is_still_there(start_server, receiver) -> None:
    receiver.status = 500
    server = start_server(outgoing_allow="127.0.0.1")
    with server.client(server.test_key) as client:
        job = made(client, webhook=receiver.url)
        delivery_of(client, job, "pending")
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(SECONDS)
    receiver.status = 200
    again = start_server(server.data_dir, outgoing_allow="127.0.0.1")
    with again.client(server.test_key) as client:
        assert len(delivery_of(client, job, "delivered")["attempts"]) == 2


ROUTES = (
    ("GET", "/v1/webhooks/{webhook}"),
    ("DELETE", "/v1/webhooks/{webhook}"),
    ("POST", "/v1/webhooks/{webhook}/test"),
    ("POST", "/v1/webhooks/{webhook}/enable"),
    ("GET", "/v1/webhooks/{webhook}/deliveries"),
    ("GET", "/v1/webhooks/deliveries/{delivery}"),
    ("POST", "/v1/webhooks/deliveries/{delivery}/redeliver"),
    ("GET", "/v1/jobs/{job}/deliveries"),
)


@pytest.fixture(scope="module")
def other_key(server: RunningServer) -> str:
    return open_account(server, "another")


@pytest.mark.parametrize("mode", ["another account", "the other mode"])
def test_anothers_webhooks_are_not_there(server, client, receiver, other_key, mode) -> None:
    target = client.post("/v1/webhooks", json={"url": receiver.url}).json()
    job = made(client)
    (delivery,) = until(lambda: log(client, target))
    known = {"webhook": target["id"], "delivery": delivery["id"], "job": job["id"]}
    unknown = {name: str(uuid4()) for name in known}
    with server.client(other_key if mode == "another account" else server.live_key) as stranger:
        for method, path in ROUTES:
            answers = [stranger.request(method, path.format(**ids)) for ids in (known, unknown)]
            assert [answer.status_code for answer in answers] == [404, 404], path
            said = [{**answer.json(), "request_id": ""} for answer in answers]
            assert said[0] == said[1], path
        assert stranger.get("/v1/webhooks").json() == {"webhooks": []}
        seen = stranger.get("/v1/webhooks/deliveries").json()["deliveries"]
        assert delivery["id"] not in [one["id"] for one in seen]
    assert client.get(f"/v1/webhooks/{target['id']}").status_code == 200
    with server.client("") as nobody:
        for method, path in (
            *ROUTES,
            ("GET", "/v1/webhooks"),
            ("POST", "/v1/webhooks"),
            ("POST", "/v1/webhooks/secret"),
        ):
            assert nobody.request(method, path.format(**known)).status_code == 401, path


def test_the_metrics_count_what_was_sent(server, client, receiver) -> None:
    job = made(client, webhook=receiver.url)
    delivery_of(client, job, "delivered")
    said = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if not line.startswith("#"))
    assert float(said['gesso_webhook_attempts_total{outcome="delivered"}']) >= 1
    assert float(said["gesso_fleet_webhooks_pending"]) >= 0
