"""Friendli's own client, unmodified, against a running server."""

from __future__ import annotations

import base64
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from friendli import AsyncFriendli, SyncFriendli
from friendli.models import SDKError
from PIL import Image
from running_server import running_server
from second_account import open_account

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ENDPOINT = """
slug: acme-endpoint
name: Acme's endpoint
owner: Acme
operations: [edit, generate]
names: {friendli: [dep4k2m9x]}
parameters:
  prompt: {type: string, role: prompt, required: true}
  picture: {type: image, role: image}
  steps: {type: integer, role: steps, default: 4, minimum: 1, maximum: 10}
  seed: {type: integer, role: seed, minimum: 0, maximum: 4294967295}
adapters:
  night: {path: acme/night-lora}
price: {amount: 2, unit: credit}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    models = tmp_path_factory.mktemp("models")
    (models / "acme-endpoint.yaml").write_text(ENDPOINT, encoding="utf-8")
    folder = tmp_path_factory.mktemp("friendli") / "data"
    with running_server(folder, model_folders=models, unknown_price_credits=1) as started:
        yield started


@pytest.fixture
def friendli(server):
    with SyncFriendli(token=server.test_key, server_url=f"{server.url}/friendli", x_friendli_team="t") as client:
        yield client


def picture(colour: str = "navy", size: tuple[int, int] = (96, 64)) -> np.ndarray:
    return np.asarray(Image.new("RGB", size, colour))


def data_uri(pixels: np.ndarray) -> str:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"


def decoded(text: bytes | str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def charges(server, key: str | None = None) -> list[str]:
    with server.client(key or server.test_key) as client:
        found = client.get("/v1/account/ledger", params={"limit": 100}).json()["entries"]
    return [entry["kind"] for entry in found]


def test_an_edit_by_link_is_fetched_without_a_key(friendli) -> None:
    made = friendli.dedicated.image.edit(
        image={"image": data_uri(picture())},
        prompt="a red balloon",
        model="friendli-edit",
        seed=7,
        num_inference_steps=2,
    )
    (item,) = made.data
    assert (item.seed, item.response_format) == (7, "url")
    with Image.open(io.BytesIO(httpx.get(item.url, trust_env=False).content)) as result:
        assert (result.format, result.size) == ("PNG", (96, 64))
        assert np.asarray(result)[..., 0].max() > 150  # something red on navy


@pytest.mark.parametrize(("shape", "form"), [("png", "PNG"), ("jpeg", "JPEG"), ("jpg", "JPEG")])
def test_each_file_format_comes_as_base64(friendli, shape, form) -> None:
    made = friendli.dedicated.image.edit(
        image=[{"image": data_uri(picture())}, {"image": data_uri(picture("gold"))}],
        prompt="a red balloon",
        model="friendli-edit",
        num_inference_steps=2,
        response_format=shape,
    )
    (item,) = made.data
    assert item.response_format == shape
    assert (decoded(item.b64_json).format, decoded(item.b64_json).size) == (form, (96, 64))


def test_raw_pixels_are_those_of_the_png(friendli) -> None:
    ask = {"prompt": "a duck", "model": "friendli-edit", "seed": 3, "num_inference_steps": 2}
    image = {"image": data_uri(picture())}
    raw = friendli.dedicated.image.edit(image=image, response_format="raw", **ask).data[0]
    png = friendli.dedicated.image.edit(image=image, response_format="png", **ask).data[0]
    pixels = np.frombuffer(base64.b64decode(raw.b64_json), np.uint8).reshape(64, 96, 3)
    assert np.array_equal(pixels, np.asarray(decoded(png.b64_json).convert("RGB")))


def test_steps_and_guidance_and_prompt_change_the_picture(friendli) -> None:
    def made(**changes) -> bytes:
        ask = {"prompt": "a duck", "model": "friendli-edit", "seed": 3, "num_inference_steps": 2, "guidance_scale": 2.0}
        image = {"image": data_uri(picture())}
        answer = friendli.dedicated.image.edit(image=image, response_format="raw", **(ask | changes))
        return base64.b64decode(answer.data[0].b64_json)

    first = made()
    assert made() == first
    for change in ({"num_inference_steps": 4}, {"guidance_scale": 6.0}, {"prompt": "a red balloon"}, {"seed": 4}):
        assert made(**change) != first, change


def test_generation_and_container(friendli, server) -> None:
    made = friendli.dedicated.image.generate(prompt="a duck", model="friendli-generate", num_inference_steps=1, seed=5)
    with Image.open(io.BytesIO(httpx.get(made.data[0].url, trust_env=False).content)) as result:
        assert result.size == (1024, 1024)
    url = f"{server.url}/friendli"  # the client's container calls go elsewhere unless they are told
    edited = friendli.container.image.edit(
        image={"image": data_uri(picture())}, prompt="a duck", num_inference_steps=2, server_url=url
    )
    assert (decoded(edited.image).format, decoded(edited.image).size) == ("JPEG", (96, 64))
    painted = friendli.container.image.generate(prompt="a duck", num_inference_steps=1, server_url=url)
    assert decoded(painted.image).format == "JPEG"


def test_an_operators_endpoint_and_its_adapter(friendli, server) -> None:
    made = friendli.dedicated.image.edit(
        image={"image": data_uri(picture())}, prompt="a duck", model="dep4k2m9x:night", num_inference_steps=2, seed=1
    )
    assert made.data[0].seed == 1
    with server.client(server.test_key) as client:
        job = client.get("/v1/jobs").json()["jobs"][0]
    assert job["model"] == "acme-endpoint"
    assert {one["parameter"]: one["verdict"] for one in job["parameters"]}["adapter"] == "ignored"
    with pytest.raises(SDKError) as caught:
        friendli.dedicated.image.edit(image={"image": data_uri(picture())}, prompt="a", model="dep4k2m9x:day")
    assert caught.value.status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"num_inference_steps": 51}, 422, "must be between 1 and 50"),
        ({"model": "nowhere"}, 404, "There is no model"),
        ({"image": {"image": "no picture"}}, 422, "image"),
        ({"image": {"image": "ftp://a.test/a.png"}}, 422, "image"),
    ],
)
def test_mistakes_are_told_at_once(friendli, changes, status, said) -> None:
    ask = {"image": {"image": data_uri(picture())}, "prompt": "a duck", "model": "friendli-edit"} | changes
    with pytest.raises(SDKError) as caught:
        friendli.dedicated.image.edit(**ask)
    assert caught.value.status_code == status
    assert said in caught.value.body


def test_who_may_not_and_who_cannot_pay(server) -> None:
    for key, status in (("gesso_test_" + "x" * 43, 401), (open_account(server, "poor", credits=0), 402)):
        with (
            SyncFriendli(token=key, server_url=f"{server.url}/friendli", x_friendli_team="t") as client,
            pytest.raises(SDKError) as caught,
        ):
            client.dedicated.image.generate(prompt="a duck", model="friendli-generate")
        assert caught.value.status_code == status


@pytest.mark.parametrize(("fault", "status"), [("fail", 422), ("moderated", 422)])
def test_a_failed_job_is_not_posted_again_and_costs_nothing(server, friendli, fault, status) -> None:
    before = charges(server)
    with pytest.raises(SDKError) as caught:
        friendli.dedicated.image.generate(
            prompt=f"a duck {fault}", model="friendli-generate", http_headers={"Gesso-Test-Fault": fault}
        )
    assert caught.value.status_code == status
    after = charges(server)
    assert after[: len(after) - len(before)] == ["refund", "charge"]


def test_a_link_that_fails_is_a_bad_request(friendli) -> None:
    with pytest.raises(SDKError) as caught:
        friendli.dedicated.image.edit(
            image={"image": "http://nothing.invalid/a.png"}, prompt="a duck", model="friendli-edit"
        )
    assert caught.value.status_code == 400


@pytest.mark.heavy
def test_a_slow_job_is_waited_for_and_asked_for_once(server, friendli) -> None:
    """The client gives up after five seconds without a byte, unless it is told another limit."""
    before = len(charges(server))
    began = time.monotonic()
    made = friendli.dedicated.image.generate(
        prompt="a slow duck",
        model="friendli-generate",
        num_inference_steps=1,
        response_format="png",
        http_headers={"Gesso-Test-Fault": "slow:7"},
    )
    assert time.monotonic() - began > 7
    assert decoded(made.data[0].b64_json).size == (1024, 1024)
    assert len(charges(server)) == before + 1


def test_a_failure_after_blanks_still_says_why(server) -> None:
    """Blanks were sent, so the status is 200: the body is the error's."""
    path, ask = "/friendli/dedicated/v1/images/generations", {"prompt": "a duck", "model": "friendli-generate"}
    fault = {"Gesso-Test-Fault": "slow:60"}
    with server.client(server.test_key) as client, client.stream("POST", path, json=ask, headers=fault) as told:
        text = told.iter_text()
        first = next(text)
        assert first != ""
        assert first.strip() == ""
        (job,) = client.get("/v1/jobs", params={"state": "running"}).json()["jobs"]
        client.post(f"/v1/jobs/{job['id']}/cancel")
        rest = "".join(text)
    assert told.status_code == 200
    assert json.loads(rest) == {"detail": "The job was cancelled."}


def test_a_client_that_hangs_up_and_posts_again_gets_the_first_jobs_answer(server, friendli) -> None:
    """Its limit is shorter than the job and than the first blank: it posts some three times."""
    ask = {"prompt": "a lost duck", "model": "friendli-generate", "num_inference_steps": 1}
    before = charges(server).count("charge")
    impatient = SyncFriendli(
        token=server.test_key, server_url=f"{server.url}/friendli", x_friendli_team="t", timeout_ms=700
    )
    with impatient:
        first = impatient.dedicated.image.generate(**ask, http_headers={"Gesso-Test-Fault": "slow:1"})
    assert charges(server).count("charge") == before + 1
    # Its answer came, so the same again is another picture.
    second = friendli.dedicated.image.generate(**ask, http_headers={"Gesso-Test-Fault": "slow:1"})
    assert charges(server).count("charge") == before + 2
    assert first.data[0].seed != second.data[0].seed


def test_equal_requests_at_once_are_one_job(server) -> None:
    ask = {"prompt": "a storm of ducks", "model": "friendli-generate", "num_inference_steps": 1}
    before = charges(server).count("charge")
    with server.client(server.test_key) as client, ThreadPoolExecutor(8) as pool:
        path, fault = "/friendli/dedicated/v1/images/generations", {"Gesso-Test-Fault": "slow:1"}
        answers = list(pool.map(lambda _: client.post(path, json=ask, headers=fault), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["data"][0]["seed"] for answer in answers}) == 1
    assert charges(server).count("charge") == before + 1


async def test_the_async_client(server) -> None:
    async with AsyncFriendli(token=server.test_key, server_url=f"{server.url}/friendli", x_friendli_team="t") as client:
        made = await client.dedicated.image.edit(
            image={"image": data_uri(picture())},
            prompt="a duck",
            model="friendli-edit",
            num_inference_steps=2,
            response_format="png",
        )
        assert decoded(made.data[0].b64_json).size == (96, 64)
        with pytest.raises(SDKError):
            await client.dedicated.image.edit(image={"image": "?"}, prompt="a duck", model="friendli-edit")
