"""The native API from outside: submit, wait, watch, list, cancel, delete, files, uploads, account, links, health."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.acceptance
SKETCH = "gesso-sketch"
PHOTO = Path(__file__).parents[2] / "examples" / "photo.jpg"


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


def run(client: httpx.Client, model: str = SKETCH, **values: object) -> dict:
    answer = client.post("/v1/jobs", json={"model": model, "input": values}, headers={"Prefer": "wait=60"})
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert job["state"] == "succeeded", job
    return job


def fetch(picture: dict) -> Image.Image:
    answer = httpx.get(picture["url"], trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == picture["media_type"]
    assert len(answer.content) == picture["size_bytes"]
    return Image.open(io.BytesIO(answer.content))


def pixel_hash(image: Image.Image) -> str:
    pixels = np.asarray(image)
    return hashlib.sha256(struct.pack(">III", *pixels.shape) + pixels.tobytes()).hexdigest()


def test_generate_waits_and_delivers_what_it_says(client):
    job = run(client, prompt="a red balloon on a blue background", width=320, height=256, seed=5)
    (picture,) = job["pictures"]
    image = fetch(picture)
    assert image.size == (picture["width"], picture["height"]) == (320, 256)
    assert pixel_hash(image) == picture["pixel_hash"]
    assert (job["seed"], picture["seed"], job["operation"]) == (5, 5, "generate")
    assert job["route"] == {"engine": "builtin", "fidelity": "exact", "runs": SKETCH}
    assert "trainedAlgorithmicMedia" in str(image.info)


def test_prefer_wait_answers_200_with_timing_headers(client):
    body = {"model": SKETCH, "input": {"prompt": "a duck"}}
    answer = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=30"})
    assert answer.headers["preference-applied"] == "wait=30"
    stages = {part.partition(";")[0] for part in answer.headers["server-timing"].split(", ")}
    assert {"queue", "denoise", "encode", "store"} <= stages


def test_without_prefer_it_is_accepted_and_can_be_polled(client):
    answer = client.post("/v1/jobs", json={"model": SKETCH, "input": {"prompt": "a cat"}, "metadata": {"order": 7}})
    assert answer.status_code == 202
    assert answer.json()["state"] in ("queued", "running")
    job = client.get(answer.headers["location"], headers={"Prefer": "wait=30"}).json()
    assert (job["state"], job["metadata"]) == ("succeeded", {"order": 7})
    assert client.get(f"/v1/jobs/{job['id']}").json()["pictures"][0]["pixel_hash"] == job["pictures"][0]["pixel_hash"]


def test_edit_changes_only_the_reported_region(client):
    with PHOTO.open("rb") as photo:
        answer = client.post(
            "/v1/jobs",
            data={"model": SKETCH, "prompt": "add a small yellow duck on the left", "seed": "3"},
            files={"image": ("photo.jpg", photo, "image/jpeg")},
            headers={"Prefer": "wait=60"},
        )
    job = answer.json()
    assert job["state"] == "succeeded", job
    before = np.asarray(Image.open(PHOTO).convert("RGB")).astype(int)
    after = np.asarray(fetch(job["pictures"][0]).convert("RGB")).astype(int)
    assert after.shape == before.shape
    (region,) = [note["data"] for note in job["notes"] if note["code"] == "region"]
    ys, xs = np.nonzero((before != after).any(-1))
    assert len(ys) > 300
    assert xs.min() >= region["x"]
    assert ys.min() >= region["y"]
    assert xs.max() < region["x"] + region["width"]
    assert ys.max() < region["y"] + region["height"]
    assert xs.mean() < before.shape[1] / 2
    assert "compositeWithTrainedAlgorithmicMedia" in str(fetch(job["pictures"][0]).info)


def test_a_retouched_photograph_is_not_marked_as_generated(client):
    with PHOTO.open("rb") as photo:
        answer = client.post(
            "/v1/jobs",
            data={"model": SKETCH, "prompt": "make it warmer"},
            files={"image": ("photo.jpg", photo, "image/jpeg")},
            headers={"Prefer": "wait=60"},
        )
    job = answer.json()
    came, look = job["notes"]
    assert (came["code"], came["data"]) == ("input", {"format": "jpeg", "width": 600, "height": 400})
    assert look["data"] == {"looks": ["warmer"]}
    assert "algorithmicallyEnhanced" in str(fetch(job["pictures"][0]).info)


def test_unknown_words_and_ignored_parameters_are_reported(client, server):
    job = run(client, prompt="a cat wearing a flibbertigibbet")
    assert "flibbertigibbet" in json.dumps([note for note in job["notes"] if note["code"] == "unknown_words"])
    with server.client(server.test_key) as test:
        body = {"model": "flux-schnell", "input": {"prompt": "a dog", "go_fast": False, "output_format": "png"}}
        answer = test.post("/v1/jobs", json=body, headers={"Prefer": "wait=60"})
        verdicts = {item["parameter"]: item["verdict"] for item in answer.json()["parameters"]}
        assert verdicts["go_fast"] == "ignored"
        assert verdicts["prompt"] in ("used", "mapped")
        assert set(verdicts) == set(test.get("/v1/models/flux-schnell").json()["input_schema"]["properties"])
        assert "go_fast;ignored" in answer.headers["gesso-parameters"]
        refused = test.post("/v1/jobs", json={**body, "strict": True})
        assert refused.status_code == 422
        assert "go_fast" in [item["field"] for item in refused.json()["errors"]]


def test_test_keys_run_any_model_as_a_marked_stand_in_and_pay_test_credits(server):
    with server.client(server.test_key) as client:
        before = float(client.get("/v1/account").json()["balance"])
        job = run(client, "flux-schnell", prompt="a star", num_outputs=2, seed=1)
        after = float(client.get("/v1/account").json()["balance"])
        assert job["route"]["fidelity"] == "stand_in"
        assert job["notes"][0]["code"] == "plan"
        assert "stands in for flux-schnell" in job["notes"][0]["message"]
        assert [picture["seed"] for picture in job["pictures"]] == [1, 2]
        assert job["price"]["unit"] == "usd"
        assert before - after == pytest.approx(float(job["charged"]))
        assert float(job["charged"]) > 0
        entry = client.get("/v1/account/ledger").json()["entries"][0]
        assert (entry["kind"], entry["job_id"]) == ("charge", job["id"])


def test_quote_runs_and_charges_nothing(server):
    with server.client(server.test_key) as client:
        before = client.get("/v1/account").json(), client.get("/v1/jobs").json()
        body = {"model": "fashn-edit", "input": {"prompt": "a hat", "image": "https://example.com/a.png"}}
        quote = client.post("/v1/jobs?quote=true", json=body)
        assert quote.status_code == 200
        assert float(quote.json()["price"]["credits"]) > 0
        assert "stands in for fashn-edit" in quote.json()["notes"][0]["message"]
        assert {item["parameter"] for item in quote.json()["parameters"]} >= {"image", "mask", "seed", "return_base64"}
        assert (client.get("/v1/account").json(), client.get("/v1/jobs").json()) == before


def test_idempotent_repeats_are_one_job(client):
    body = {"model": SKETCH, "input": {"prompt": "a fish"}}
    first, second = (client.post("/v1/jobs", json=body, headers={"Idempotency-Key": "once-1"}) for _ in range(2))
    assert first.json()["id"] == second.json()["id"]
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    other = {"model": SKETCH, "input": {"prompt": "a bird"}}
    refused = client.post("/v1/jobs", json=other, headers={"Idempotency-Key": "once-1"})
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_mismatch")


def test_the_same_multipart_edit_with_another_boundary_is_the_same_ask(client):
    jobs = set()
    for boundary in ("first-boundary", "second-boundary"):
        content_type = f"multipart/form-data; boundary={boundary}"
        fields = {"model": SKETCH, "prompt": "add a star"}
        files = {"image": ("p.jpg", PHOTO.read_bytes(), "image/jpeg")}
        headers = {"Idempotency-Key": "edit-1", "Content-Type": content_type}
        jobs.add(client.post("/v1/jobs", data=fields, files=files, headers=headers).json()["id"])
    assert len(jobs) == 1


def test_a_request_may_lower_its_priority(client):
    asked = {"model": SKETCH, "input": {"prompt": "a cat"}}
    for given, shown in (({}, "normal"), ({"priority": "normal"}, "normal"), ({"priority": "low"}, "low")):
        assert client.post("/v1/jobs", json=asked | given).json()["priority"] == shown
    form = {"model": (None, SKETCH), "prompt": (None, "a cat"), "priority": (None, "low")}
    assert client.post("/v1/jobs", files=form).json()["priority"] == "low"


@pytest.fixture
def testing(server):
    """A client whose jobs may be told to wait before they begin: time to begin watching."""
    with server.client(server.test_key) as client:
        yield client


def test_events_stream_progress_and_end_with_the_job(testing):
    client, values = testing, {"prompt": "a rocket, a star and a moon", "steps": 12, "width": 256, "height": 256}
    body = {"model": SKETCH, "input": values}
    job = client.post("/v1/jobs", json=body, headers={"Gesso-Test-Fault": "slow:2"}).json()
    events = []
    with client.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("event: "):
                events.append([line[7:], None])
            elif line.startswith("data: "):
                events[-1][1] = json.loads(line[6:])
    assert events[0][0] == events[-1][0] == "job"
    assert events[-1][1]["state"] == "succeeded"
    steps = [data for name, data in events if name == "progress" and data["stage"] == "denoise"]
    assert steps
    assert all(0 <= data["done"] <= data["total"] for data in steps)


def test_events_carry_the_previews_a_job_was_asked_for_with(testing):
    client, values = testing, {"prompt": "a red duck", "width": 128, "height": 64, "seed": 3, "steps": 12}
    body = {"model": SKETCH, "previews": 2, "input": values}
    job = client.post("/v1/jobs", json=body, headers={"Gesso-Test-Fault": "slow:2"}).json()
    with client.stream("GET", f"/v1/jobs/{job['id']}/events") as stream:
        lines = list(stream.iter_lines())
    told = [json.loads(after[6:]) for line, after in pairwise(lines) if line == "event: preview"]
    assert [(one["picture"], one["number"], one["media_type"]) for one in told] == [
        (0, 0, "image/png"),
        (0, 1, "image/png"),
    ]
    for one in told:
        with Image.open(io.BytesIO(base64.b64decode(one["data"]))) as preview:
            assert (preview.format, preview.size) == ("PNG", (128, 64))
    ended = json.loads(lines[-2][6:])
    plain = client.post("/v1/jobs", json={**body, "previews": 0}, headers={"Prefer": "wait=60"}).json()
    assert ended["pictures"][0]["pixel_hash"] == plain["pictures"][0]["pixel_hash"]
    form = {"model": (None, SKETCH), "prompt": (None, "a cat"), "previews": (None, "1")}
    assert client.post("/v1/jobs", files=form).status_code == 202


def test_listing_pages_through_every_job_once_newest_first(client):
    made = [
        client.post("/v1/jobs", json={"model": SKETCH, "input": {"prompt": "a key"}}).json()["id"] for _ in range(5)
    ]
    seen, cursor = [], None
    while True:
        page = client.get("/v1/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen[:5] == made[::-1]
    assert len(seen) == len(set(seen))
    assert client.get("/v1/jobs", params={"cursor": "junk"}).status_code == 422
    states = {job["state"] for job in client.get("/v1/jobs", params={"state": "succeeded"}).json()["jobs"]}
    assert states <= {"succeeded"}


def test_cancel_stops_a_running_job_and_refunds_it(server):
    with server.client(server.test_key) as client:
        before = client.get("/v1/account").json()["balance"]
        many = {
            "prompt": "a lion, a bear, a pig and a frog",
            "num_outputs": 4,
            "num_inference_steps": 4,
            "megapixels": "1",
        }
        jobs = [client.post("/v1/jobs", json={"model": "flux-schnell", "input": many}).json() for _ in range(4)]
        answer = client.post(f"/v1/jobs/{jobs[-1]['id']}/cancel")
        assert answer.json()["state"] == "cancelled"
        assert answer.json()["refunded"] == answer.json()["charged"] != "0"
        assert client.post(f"/v1/jobs/{jobs[-1]['id']}/cancel").status_code == 409
        for job in jobs[:-1]:
            client.post(f"/v1/jobs/{job['id']}/cancel")
        ended = [client.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=60"}).json() for job in jobs]
        paid = sum(float(job["charged"]) - float(job["refunded"]) for job in ended)
        assert float(before) - float(client.get("/v1/account").json()["balance"]) == pytest.approx(paid)


def test_delete_wipes_prompt_and_pictures_but_keeps_the_record(client, server):
    job = run(client, prompt="a secret-balloon-wish star")
    assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204
    wiped = client.get(f"/v1/jobs/{job['id']}").json()
    assert (wiped["state"], wiped["pictures"]) == ("succeeded", [])
    assert wiped["deleted_at"]
    assert "secret-balloon-wish" not in json.dumps(wiped)
    assert httpx.get(job["pictures"][0]["url"], trust_env=False).status_code == 404
    kept = b"".join(path.read_bytes() for path in server.data_dir.glob("gesso.db"))
    assert job["id"].encode() in kept or (server.data_dir / "gesso.db-wal").exists()


def test_files_and_signed_uploads_are_accepted_where_a_picture_is(client):
    kept = client.post("/v1/files", files={"file": ("a photo.jpg", PHOTO.read_bytes())}).json()
    assert (kept["media_type"], kept["filename"]) == ("image/jpeg", "a photo.jpg")
    assert kept["sha256"] == hashlib.sha256(PHOTO.read_bytes()).hexdigest()
    upload = client.post("/v1/uploads").json()
    put = httpx.put(upload["put_url"], content=PHOTO.read_bytes(), trust_env=False)
    assert put.status_code == 201, put.text
    assert httpx.put(upload["put_url"], content=PHOTO.read_bytes(), trust_env=False).status_code == 409
    assert (
        httpx.put(upload["put_url"].replace("signature=", "signature=x"), content=b"", trust_env=False).status_code
        == 403
    )
    hashes = {
        run(client, prompt="make it sepia", image=r["reference"])["pictures"][0]["pixel_hash"] for r in (kept, upload)
    }
    assert len(hashes) == 1
    assert kept["id"] in [item["id"] for item in client.get("/v1/files").json()["files"]]
    assert client.delete(f"/v1/files/{kept['id']}").status_code == 204
    assert client.get(f"/v1/files/{kept['id']}").status_code == 404
    assert client.post("/v1/files", files={"file": ("a.png", b"no picture")}).status_code == 422


def test_links_answer_safely_and_can_be_revalidated(client):
    url = run(client, prompt="a bell")["pictures"][0]["url"]
    answer = httpx.get(url, trust_env=False)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert httpx.get(url, headers={"If-None-Match": answer.headers["etag"]}, trust_env=False).status_code == 304
    head = httpx.head(url, trust_env=False)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(answer.content)))


@pytest.mark.parametrize(("asked", "stored"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_formats(client, asked, stored):
    image = fetch(run(client, prompt="a house", output_format=asked)["pictures"][0])
    assert image.format == stored
    assert image.getexif().get_ifd(0x8825) == {}


def test_catalogue_health_and_documentation(client, server):
    slugs = {model["slug"] for model in client.get("/v1/models").json()["models"]}
    assert {SKETCH, "fashn-edit", "claid-edit-v1", "flux-schnell"} <= slugs
    assert client.get("/healthz").json()["status"] == "ok"
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["engine:builtin"]) == (200, "ok")
    assert "gesso_database_commits_total" in client.get("/metrics").text
    assert client.get("/docs").status_code == 200
    assert "/v1/jobs" in client.get("/openapi.json").json()["paths"]


def test_the_log_has_job_ids_but_no_keys_and_no_prompts(client, server):
    job = run(client, prompt="a turtle under zanzibarian moonlight")
    log = server.log()
    assert job["id"] in log
    assert "zanzibarian" not in log
    assert "gesso_live_" not in log
    assert "gesso_test_" not in log


def test_jobs_survive_a_restart(start_server, tmp_path):
    first = start_server(tmp_path / "kept")
    with first.client() as client:
        job = run(client, prompt="an owl")
        queued = [
            client.post("/v1/jobs", json={"model": SKETCH, "input": {"prompt": "an owl", "seed": 4}}).json()
            for _ in range(3)
        ]
    first.process.terminate()
    first.process.wait(30)
    second = start_server(tmp_path / "kept")
    assert second.live_key is None
    with second.client(first.live_key) as client:
        again = client.get(f"/v1/jobs/{job['id']}").json()
        assert again["pictures"][0]["pixel_hash"] == job["pictures"][0]["pixel_hash"]
        for one in queued:
            ended = client.get(f"/v1/jobs/{one['id']}", headers={"Prefer": "wait=60"}).json()
            assert ended["state"] == "succeeded"
