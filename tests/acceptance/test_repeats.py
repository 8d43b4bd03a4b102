"""The same request again is the same job and the same charge: by its key, or by what its client says of its attempts."""

from __future__ import annotations

import io
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from PIL import Image

pytestmark = pytest.mark.acceptance
SKETCH, PRICED = "gesso-sketch", "flux-schnell"
COUNT = "X-Stainless-Retry-Count"
THREADS = 32


@pytest.fixture
def client(server):
    with server.client(server.test_key) as client:
        yield client


def picture(colour: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (96, 64), colour).save(data, "PNG")
    return data.getvalue()


def edit(client: httpx.Client, prompt: str, boundary: str, count: int | str, colour: str = "red") -> httpx.Response:
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", COUNT: str(count)}
    files = {"image": (f"{boundary}.png", picture(colour), "image/png")}
    answer = client.post("/v1/jobs", data={"model": SKETCH, "prompt": prompt}, files=files, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer


def said_again(answer: httpx.Response) -> bool:
    return answer.headers.get("idempotent-replayed") == "true"


def entries(client: httpx.Client) -> list[dict]:
    return client.get("/v1/account/ledger", params={"limit": 100}).json()["entries"]


def test_a_counted_attempt_with_another_boundary_is_the_same_edit(client):
    first = edit(client, "add a yellow star", "first", 0)
    again = edit(client, "add a yellow star", "second", 1)
    third = edit(client, "add a yellow star", "third", 2)
    assert [said_again(answer) for answer in (first, again, third)] == [False, True, True]
    assert first.json()["id"] == again.json()["id"] == third.json()["id"]


def test_an_attempt_attaches_to_a_job_that_has_ended_too(client):
    first = edit(client, "add a blue star", "first", 0).json()
    ended = client.get(f"/v1/jobs/{first['id']}", headers={"Prefer": "wait=60"}).json()
    assert ended["state"] == "succeeded"
    again = edit(client, "add a blue star", "second", 1).json()
    assert (again["id"], again["state"]) == (first["id"], "succeeded")
    assert again["pictures"][0]["pixel_hash"] == ended["pictures"][0]["pixel_hash"]


def test_another_picture_prompt_or_key_is_another_request(client, server):
    first = edit(client, "add a green star", "first", 0).json()["id"]
    others = [
        edit(client, "add a green star", "second", 1, colour="blue"),
        edit(client, "add a green star or two", "third", 1),
    ]
    with server.client(server.live_key) as other:
        others.append(edit(other, "add a green star", "fourth", 1))
    assert not any(said_again(answer) for answer in others)
    assert len({first, *(answer.json()["id"] for answer in others)}) == 4


@pytest.mark.parametrize("count", [0, "00", "", "-1", "one", "1.5", "²"])
def test_what_counts_no_repeat_makes_a_job_each_time(client, count):
    body = json.dumps({"model": SKETCH, "input": {"prompt": f"a fish, said with {count!r}"}})
    headers = {COUNT: str(count).encode(), "Content-Type": "application/json"}
    answers = [client.post("/v1/jobs", content=body, headers=headers) for _ in range(2)]
    assert len({answer.json()["id"] for answer in answers}) == 2
    assert not any(said_again(answer) for answer in answers)


def test_a_repeat_attaches_to_the_newest_of_equal_first_attempts(client):
    body = {"model": SKETCH, "input": {"prompt": "a lamp, twice on purpose"}}
    _, newest = (client.post("/v1/jobs", json=body, headers={COUNT: "0"}).json()["id"] for _ in range(2))
    assert client.post("/v1/jobs", json=body, headers={COUNT: "1"}).json()["id"] == newest


def at_once(server, body: dict, headers: dict[str, str]) -> list[httpx.Response]:
    ready = threading.Barrier(THREADS)

    def post(_: int) -> httpx.Response:
        with server.client(server.test_key) as client:
            client.get("/healthz")  # connected before the others go
            ready.wait()
            return client.post("/v1/jobs", json=body, headers=headers)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(post, range(THREADS)))


@pytest.mark.parametrize("headers", [{"Idempotency-Key": "thirty-two"}, {COUNT: "1"}], ids=["key", "count"])
def test_equal_requests_at_once_are_one_job_one_charge_and_equal_answers(server, client, headers):
    body = {
        "model": PRICED,
        "input": {"prompt": f"a lion, a bear and a pig, with {next(iter(headers))}", "num_outputs": 4},
    }
    newest = max((int(entry["id"]) for entry in entries(client)), default=0)
    answers = at_once(server, body, {**headers, "Prefer": "wait=60"})
    assert {answer.status_code for answer in answers} == {200}
    jobs = [answer.json() for answer in answers]
    told = {json.dumps([job["id"], job["state"], job["pictures"], job["charged"]]) for job in jobs}
    assert len(told) == 1, told
    assert sum(not said_again(answer) for answer in answers) == 1
    since = [entry for entry in entries(client) if int(entry["id"]) > newest]
    assert [(entry["kind"], entry["job_id"]) for entry in since] == [("charge", jobs[0]["id"])]


def test_a_refused_request_is_refused_again_and_never_charged(client):
    before = client.get("/v1/account").json()["balance"]
    headers = {"Idempotency-Key": "refused"}
    wrong = {"model": PRICED, "input": {"prompt": "a duck", "num_outputs": 99}}
    answers = [client.post("/v1/jobs", json=wrong, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert answers[0].json()["errors"] == answers[1].json()["errors"]
    assert client.get("/v1/account").json()["balance"] == before
    right = client.post("/v1/jobs", json={"model": PRICED, "input": {"prompt": "a duck"}}, headers=headers)
    assert (right.status_code, said_again(right)) == (202, False)


def test_without_credits_a_repeat_is_refused_again_until_there_are_some(start_server):
    server = start_server(initial_credits=0)
    body = {"model": PRICED, "input": {"prompt": "a duck"}}
    with server.client(server.test_key) as client:
        for headers in ({"Idempotency-Key": "poor"}, {COUNT: "0"}, {COUNT: "1"}):
            for _ in range(2):
                answer = client.post("/v1/jobs", json=body, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (402, "insufficient_credits")
        assert client.get("/v1/account/ledger").json()["entries"] == []
        assert client.get("/v1/jobs").json()["jobs"] == []


def test_a_repeat_finds_its_job_over_the_limit_and_after_its_file_was_deleted(start_server):
    server = start_server(queue_limit_per_account=2)
    slow = {"prompt": "a cat", "steps": 50, "num_images": 16, "width": 1024, "height": 1024}
    with server.client() as client:
        client.post("/v1/jobs", json={"model": SKETCH, "input": slow})
        kept = client.post("/v1/files", files={"file": ("a.png", picture("red"))}).json()
        body = {"model": SKETCH, "input": {"prompt": "add a star", "image": kept["reference"]}}
        first = client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "mine"})
        refused = client.post("/v1/jobs", json=body)
        assert (first.status_code, refused.status_code, refused.json()["code"]) == (202, 429, "too_many_requests")
        assert int(refused.headers["retry-after"]) >= 1
        assert client.delete(f"/v1/files/{kept['id']}").status_code == 204
        again = client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "mine"})
        assert (again.status_code, again.json()["id"], said_again(again)) == (202, first.json()["id"], True)
        for job in client.get("/v1/jobs").json()["jobs"]:
            client.post(f"/v1/jobs/{job['id']}/cancel")


def test_a_job_is_remembered_across_a_restart(start_server, tmp_path):
    server = start_server(tmp_path / "kept")
    key = server.test_key
    with server.client(key) as client:
        first = edit(client, "add a red star", "first", 0).json()["id"]
    server.process.kill()
    server.process.wait(30)
    again = start_server(tmp_path / "kept")
    with again.client(key) as client:
        answer = edit(client, "add a red star", "second", 1)
        assert (answer.json()["id"], said_again(answer)) == (first, True)
