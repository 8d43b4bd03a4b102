"""Closed loop: one Gesso sends its live jobs to another one, which answers in the vendors' own words."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from running_server import running_server

pytestmark = [pytest.mark.acceptance, pytest.mark.heavy]
MODELS = {"eachlabs": ["flux-schnell", "flux-2", "qwen-image"], "openai": ["gpt-image-v1-5-text-to-image"]}
FORMS = {"openai": "openai-images"}  # there a name that no model has is the API's own form
KEYS = {"eachlabs": "EACHLABS_API_KEY", "openai": "OPENAI_API_KEY"}
BASES = {"eachlabs": "/eachlabs", "openai": "/openai/v1"}


@pytest.fixture(scope="module")
def vendor(tmp_path_factory):
    """A Gesso that plays the vendors, on its built-in engine."""
    with running_server(tmp_path_factory.mktemp("vendor") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def gesso(vendor, tmp_path_factory):
    """A Gesso whose vendors are the other one."""
    folder = tmp_path_factory.mktemp("gesso")
    secrets = folder / "secrets"
    secrets.write_text("".join(f"{name}={vendor.test_key}\n" for name in KEYS.values()))
    secrets.chmod(0o600)
    urls = ",".join(f"{name}={vendor.url}{base}" for name, base in BASES.items())
    with running_server(
        folder / "data", secrets_file=secrets, upstream_urls=urls, outgoing_allow="127.0.0.1"
    ) as server:
        yield server


@pytest.mark.parametrize(("name", "model"), [(name, model) for name, models in MODELS.items() for model in models])
def test_a_live_job_runs_at_the_vendor(gesso, vendor, name, model):
    with gesso.client() as client:
        answer = client.post(
            "/v1/jobs", json={"model": model, "input": {"prompt": "a red fox"}}, headers={"Prefer": "wait=60"}
        )
        assert answer.status_code == 200, answer.text
        job = answer.json()
        assert job["state"] == "succeeded", str(job)
        picture = client.get(job["pictures"][0]["url"])
    image = Image.open(io.BytesIO(picture.content))
    image.load()
    assert min(image.size) >= 256
    (said,) = [note for note in job["notes"] if note["code"] == "upstream"]
    assert (said["data"]["vendor"], said["data"]["outcome"]) == (name, "done")
    with vendor.client(vendor.test_key) as client:
        theirs = client.get("/v1/jobs").json()["jobs"][0]
    assert (theirs["model"], theirs["state"]) == (FORMS.get(name, model), "succeeded")


def test_a_test_key_sends_nothing(gesso, vendor):
    def jobs():
        with vendor.client(vendor.test_key) as client:
            return [job["id"] for job in client.get("/v1/jobs").json()["jobs"]]

    before = jobs()
    with gesso.client(gesso.test_key) as client:
        ask = {"model": "flux-schnell", "input": {"prompt": "a red fox"}}
        job = client.post("/v1/jobs", json=ask, headers={"Prefer": "wait=60"}).json()
    assert (job["state"], job["route"]["engine"]) == ("succeeded", "builtin")
    assert jobs() == before
