"""FASHN's own client, unmodified, against a running server."""

from __future__ import annotations

import base64
import io
import json
import sqlite3
import time
from contextlib import closing
from typing import Any

import fashn
import httpx
import numpy as np
import pytest
from cutting_proxy import CuttingProxy
from fashn import AsyncFashn, Fashn
from picture_host import picture_bytes, picture_host
from PIL import Image
from running_server import running_server
from second_account import open_account
from webhook_receiver import webhook_receiver

pytestmark = pytest.mark.acceptance
SIZE = (128, 96)
HOUR = 3600 * 1_000_000


@pytest.fixture(scope="module")
def pictures():
    files = {
        "photo.png": picture_bytes(SIZE),
        "red.png": picture_bytes(SIZE, colour="crimson"),
        "text.png": b"no picture",
    }
    with picture_host(files) as host:
        yield host


@pytest.fixture(scope="module")
def server(tmp_path_factory, pictures):
    with running_server(tmp_path_factory.mktemp("fashn") / "data", outgoing_allow="127.0.0.1") as started:
        yield started


@pytest.fixture
def client(server):
    with Fashn(api_key=server.test_key, base_url=f"{server.url}/fashn") as made:
        yield made


@pytest.fixture(scope="module")
def plain(server) -> np.ndarray:
    """The pixels of the usual request."""
    with Fashn(api_key=server.test_key, base_url=f"{server.url}/fashn") as made:
        return pixels(subscribe(made))


def data_uri(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def mask(size: tuple[int, int] = SIZE) -> str:
    """White, where it may change, is the right half."""
    drawn = Image.new("L", size, 0)
    drawn.paste(255, (size[0] // 2, 0, *size))
    data = io.BytesIO()
    drawn.save(data, "PNG")
    return data_uri(data.getvalue())


PHOTO = data_uri(picture_bytes(SIZE))


def ask(**inputs: Any) -> dict[str, Any]:
    """Return a request for a small file that is soon encoded, unless the inputs say another format."""
    usual = {"image": PHOTO, "prompt": "add a red ball", "output_format": "jpeg"}
    return {"model_name": "edit", "inputs": usual | inputs}


def subscribe(client: Fashn, *, headers: dict[str, str] | None = None, **inputs: Any):
    return client.predictions.subscribe(**ask(**inputs), poll_interval=50, timeout=60_000, extra_headers=headers)


def fetched(url: str) -> Image.Image:
    """Fetch a result without a key."""
    answer = httpx.get(url, trust_env=False)
    assert answer.status_code == 200
    with Image.open(io.BytesIO(answer.content)) as picture:
        picture.load()
        return picture


def pixels(result) -> np.ndarray:
    assert result.status == "completed", result
    (url,) = result.output
    return np.asarray(fetched(url).convert("RGB")).astype(int)


def charges(server, key: str | None = None) -> list[str]:
    with server.client(key or server.test_key) as native:
        entries = native.get("/v1/account/ledger", params={"limit": 100}).json()["entries"]
    return [entry["kind"] for entry in entries]


def job_of(server, prediction: str) -> dict[str, Any]:
    with server.client(server.test_key) as native:
        return native.get(f"/v1/jobs/{prediction.removesuffix('-u1')}").json()


# --- success ------------------------------------------------------------------------------------------------------


def test_subscribe_from_start_to_end(server, client, pictures) -> None:
    heard: list[Any] = []
    result = client.predictions.subscribe(
        **ask(image=f"{pictures}/photo.png", seed=7),
        webhook_url="http://127.0.0.1:9/hook?y=1",
        poll_interval=50,
        timeout=60_000,
        on_enqueued=heard.append,
        on_queue_update=lambda one: heard.append(one.status),
    )
    assert (result.status, result.error, result.credits_used) == ("completed", None, 1)
    assert heard[0] == result.id
    assert result.id.endswith("-u1")
    assert heard[-1] == "completed"
    assert set(heard[1:]) <= {"in_queue", "processing", "completed"}
    picture = fetched(result.output[0])
    assert picture.format == "JPEG"
    assert abs(picture.width / picture.height - SIZE[0] / SIZE[1]) < 0.05
    assert ".jpeg?" in result.output[0]


def test_run_and_status(server, client) -> None:
    started = client.predictions.run(**ask(), webhook_url="https://example.org/hook")
    assert started.error is None
    told = client.predictions.with_raw_response.status(started.id)
    while (prediction := told.parse()).status not in ("completed", "failed"):
        assert "x-fashn-credits-used" not in told.headers
        told = client.predictions.with_raw_response.status(started.id)
    assert prediction.id == started.id
    assert told.headers["x-fashn-credits-used"] == "1"
    assert told.headers["x-request-id"]
    assert min(_kept(server, started.id)) > 24 * HOUR


async def test_the_async_client(server, plain) -> None:
    async with AsyncFashn(api_key=server.test_key, base_url=f"{server.url}/fashn") as patient:
        result = await patient.predictions.subscribe(**ask(), poll_interval=50, timeout=60_000)
        assert np.array_equal(pixels(result), plain)
        started = await patient.predictions.run(**ask(), extra_headers={"Gesso-Test-Fault": "fail"})
        assert (await patient.predictions.status(started.id)).id == started.id
        with pytest.raises(fashn.BadRequestError):
            await patient.predictions.run(**ask(seed=-2))


def test_the_vendors_javascript_options_in_the_body_change_nothing(client) -> None:
    body = {"pollInterval": 200, "timeout": 5000, "maxRetries": 2, "onEnqueued": None}
    assert client.predictions.run(**ask(), extra_body=body, extra_headers={"Gesso-Test-Fault": "fail"}).id


@pytest.mark.parametrize(("inputs", "fault"), [({}, "none"), ({"return_base64": True}, "none"), ({}, "fail")])
def test_the_webhook_is_what_the_status_says(client, inputs, fault) -> None:
    with webhook_receiver() as receiver:
        started = client.predictions.run(
            **ask(**inputs), webhook_url=f"{receiver.url}?y=1", extra_headers={"Gesso-Test-Fault": fault}
        )
        received = receiver.next()
        told = client.predictions.with_raw_response.status(started.id)
    said = json.loads(received.body)
    assert list(said) == ["id", "status", "output", "error"]
    assert said["status"] == ("failed" if fault == "fail" else "completed")
    assert received.headers["content-type"] == "application/json"
    assert not [name for name in received.headers if "signature" in name]
    assert {**said, "output": None} == {**told.http_response.json(), "output": None}
    if inputs:
        assert said["output"] == told.http_response.json()["output"]
    elif said["output"]:
        assert fetched(said["output"][0]).format == "JPEG"


# --- every input of edit ------------------------------------------------------------------------------------------


def test_the_prompt_is_what_changes(client, plain) -> None:
    assert np.abs(plain - _resized(plain.shape)).max() > 60
    assert not np.array_equal(plain, pixels(subscribe(client, prompt="add a yellow star")))


def test_the_same_request_is_the_same_picture_as_its_seed_is_42(client, plain) -> None:
    assert np.array_equal(plain, pixels(subscribe(client, seed=42)))
    assert not np.array_equal(plain, pixels(subscribe(client, seed=4294967295)))


def test_only_white_is_changed(client) -> None:
    """Black comes out as the same photograph without the edit does: an edit of nothing but its size."""
    masked = pixels(subscribe(client, mask=mask(), prompt="add a red ball"))
    middle, plain = masked.shape[1] // 2, _resized(masked.shape)
    kept, changed = (slice(None), slice(0, middle - 12)), (slice(None), slice(middle + 12, None))
    assert np.abs(masked[kept] - plain[kept]).max() <= 24
    assert np.abs(masked[changed] - plain[changed]).max() > 60


def _resized(shape: tuple[int, ...]) -> np.ndarray:
    photo = Image.open(io.BytesIO(picture_bytes(SIZE))).convert("RGB")
    return np.asarray(photo.resize((shape[1], shape[0]), Image.Resampling.LANCZOS)).astype(int)


def test_the_context_picture_lends_its_colours(client, pictures, plain) -> None:
    lent = pixels(subscribe(client, image_context=f"{pictures}/red.png"))
    assert lent.shape == plain.shape
    assert not np.array_equal(lent, plain)


def test_the_resolution_is_the_pictures_area(client, plain) -> None:
    assert abs(plain.shape[0] * plain.shape[1] / (1024 * 1024) - 1) < 0.05
    found = fetched(subscribe(client, resolution="2k").output[0])
    assert abs(found.width * found.height / (4 * 1024 * 1024) - 1) < 0.05


def test_4k_is_planned_as_sixteen_megapixels(server, client) -> None:
    """Painted in the heavy tests; here that the job was asked for so many."""
    made = client.predictions.run(**ask(resolution="4k"), extra_headers={"Gesso-Test-Fault": "fail"})
    (told,) = [one for one in job_of(server, made.id)["parameters"] if one["parameter"] == "resolution"]
    assert (told["verdict"], told["got"]) == ("mapped", "4k")
    assert told["reason"].startswith("about 17 million pixels")


@pytest.mark.heavy
def test_4k_comes_out_at_sixteen_megapixels(client) -> None:
    found = fetched(subscribe(client, resolution="4k").output[0])
    assert abs(found.width * found.height / (16 * 1024 * 1024) - 1) < 0.05


def test_the_format_is_png_unless_it_is_said(client) -> None:
    assert fetched(subscribe(client, output_format=None).output[0]).format == "PNG"


def test_an_aspect_ratio_cuts_and_several_pictures_come(server, client) -> None:
    result = subscribe(client, aspect_ratio="1:1", num_images=2, generation_mode="fast")
    assert len(result.output) == 2
    assert result.credits_used == 2
    assert [fetched(url).size for url in result.output] == [(1024, 1024)] * 2
    told = {one["parameter"]: one["verdict"] for one in job_of(server, result.id)["parameters"]}
    assert (told["generation_mode"], told["return_base64"], told["num_images"]) == ("ignored", "used", "used")


@pytest.mark.parametrize(("word", "form"), [("png", "PNG"), ("jpeg", "JPEG")])
def test_base64_results_are_data_uris_and_kept_an_hour(server, client, word, form) -> None:
    result = subscribe(client, return_base64=True, output_format=word)
    prefix, _, text = result.output[0].partition(",")
    assert prefix == f"data:image/{word};base64"
    with Image.open(io.BytesIO(base64.b64decode(text, validate=True))) as picture:
        assert picture.format == form
    job = job_of(server, result.id)
    assert {one["parameter"]: one["verdict"] for one in job["parameters"]}["return_base64"] == "used"
    assert _kept(server, result.id) == {HOUR}


def _kept(server, prediction: str) -> set[int]:
    """Return how long after its end the pictures of a prediction are kept, in microseconds."""
    with closing(sqlite3.connect(server.data_dir / "gesso.db")) as database:
        query = (
            "SELECT expires_at - ended_at FROM blobs JOIN jobs ON jobs.id = owner_id "
            "WHERE owner = 'job_output' AND owner_id = ?"
        )
        return {kept for (kept,) in database.execute(query, (prediction.removesuffix("-u1"),))}


def test_base64_without_a_prefix_is_taken_too(client) -> None:
    assert client.predictions.run(**ask(image=PHOTO.partition(",")[2]), extra_headers={"Gesso-Test-Fault": "fail"}).id


def test_any_model_of_the_catalogue_by_its_slug(server, client) -> None:
    size = {"width": 512, "height": 512}
    inputs = {"prompt": "a red ball", "image_size": size, "num_images": 2, "sync_mode": True, "num_inference_steps": 4}
    result = client.predictions.subscribe(model_name="flux-2", inputs=inputs, poll_interval=50, timeout=60_000)  # type: ignore[call-overload]
    assert len(result.output) == 2
    assert all(one.startswith("data:image/png;base64,") for one in result.output)
    assert _kept(server, result.id) == {HOUR}


# --- what goes wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"image": None}, "image is missing"),
        ({"image": "not a picture!"}, "image is neither"),
        ({"image": 7}, "image must be an http(s) link"),
        ({"image": data_uri(b"no picture")}, "image is not a picture"),
        ({"prompt": None}, "prompt is missing"),
        ({"prompt": "  "}, "prompt is empty"),
        ({"mask": mask((64, 64))}, "mask is 64x64"),
        ({"mask": "?"}, "mask is neither"),
        ({"image_context": "ftp://a.test/a.png"}, "image_context has the scheme"),
        ({"resolution": "8k"}, "resolution is"),
        ({"seed": 4294967296}, "seed is 4294967296"),
        ({"seed": -1}, "seed is -1"),
        ({"output_format": "webp"}, "output_format is"),
        ({"return_base64": "maybe"}, "return_base64 is"),
        ({"aspect_ratio": "2:1"}, "aspect_ratio is"),
        ({"generation_mode": "best"}, "generation_mode is"),
        ({"num_images": 5}, "num_images is 5"),
        ({"hat": True}, 'has no parameter "hat"'),
    ],
)
def test_a_mistake_in_an_input_is_a_bad_request_that_names_it(client, inputs, said) -> None:
    with pytest.raises(fashn.BadRequestError) as caught:
        client.predictions.run(**ask(**inputs))
    assert caught.value.body["error"] == "BadRequest"
    assert said in caught.value.body["message"]


def test_an_unknown_model_is_a_bad_request(client) -> None:
    with pytest.raises(fashn.BadRequestError, match="There is no model"):
        client.predictions.run(model_name="tryon-max", inputs={"product_image": PHOTO})


def test_a_bad_key_and_an_unknown_id(server) -> None:
    with Fashn(api_key="gesso_test_" + "x" * 43, base_url=f"{server.url}/fashn") as stranger:
        with pytest.raises(fashn.AuthenticationError) as caught:
            stranger.predictions.run(**ask())
        assert caught.value.body["error"] == "UnauthorizedAccess"
    with Fashn(api_key=server.test_key, base_url=f"{server.url}/fashn") as client, pytest.raises(fashn.NotFoundError):
        client.predictions.status("7d0f3c1e-52ab-4e0c-9a41-0f6b1b2c3d4e-u1")


def test_an_empty_balance_is_told_once(server) -> None:
    """The client would ask three times more, were it not told that it is no use."""
    poor = open_account(server, "poor", credits=0)
    seen: list[httpx.Response] = []
    http = httpx.Client(event_hooks={"response": [seen.append]}, trust_env=False)
    with (
        Fashn(api_key=poor, base_url=f"{server.url}/fashn", http_client=http) as client,
        pytest.raises(fashn.RateLimitError) as caught,
    ):
        client.predictions.run(**ask())
    assert caught.value.body["error"] == "OutOfCredits"
    assert len(seen) == 1


def test_too_many_jobs_are_asked_for_again(server) -> None:
    seen: list[httpx.Response] = []
    http = httpx.Client(event_hooks={"response": [seen.append]}, trust_env=False)
    with (
        Fashn(api_key=server.test_key, base_url=f"{server.url}/fashn", http_client=http, max_retries=1) as client,
        pytest.raises(fashn.RateLimitError) as caught,
    ):
        client.predictions.run(**ask(), extra_headers={"Gesso-Test-Fault": "rate_limited"})
    assert caught.value.body["error"] == "ConcurrencyLimitExceeded"
    assert [answer.status_code for answer in seen] == [429, 429]
    assert int(seen[0].headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("inputs", "fault", "name"),
    [
        ({}, "fail", "PipelineError"),
        ({}, "moderated", "ContentModerationError"),
        ({"image": "http://nothing.invalid/a.png"}, "none", "ImageLoadError"),
        ({"image": "HOST/missing.png"}, "none", "ImageLoadError"),
        ({"image": "HOST/text.png"}, "none", "ImageLoadError"),
        ({"image": "HOST/photo.png", "mask": "SMALL"}, "none", "InputValidationError"),
    ],
)
def test_a_failed_prediction_is_a_status_and_costs_nothing(server, client, pictures, inputs, fault, name) -> None:
    inputs = {key: mask((64, 64)) if one == "SMALL" else one.replace("HOST", pictures) for key, one in inputs.items()}
    before = charges(server)
    result = subscribe(client, headers={"Gesso-Test-Fault": fault}, **inputs)
    assert (result.status, result.output, result.credits_used) == ("failed", None, 0)
    assert result.error.name == name
    assert result.error.message
    after = charges(server)
    assert after[: len(after) - len(before)] == ["refund", "charge"]


def test_a_slow_prediction_is_polled_until_its_client_has_enough(client) -> None:
    slow = {"Gesso-Test-Fault": "slow:2"}
    words: list[str] = []
    result = client.predictions.subscribe(
        **ask(),
        poll_interval=100,
        timeout=300,
        extra_headers=slow,
        on_queue_update=lambda one: words.append(one.status),
    )
    assert (result.status, result.error.name) == ("time_out", "PollingTimeout")
    assert set(words[:-1]) <= {"in_queue", "processing"}
    assert words[-1] == "time_out"  # the client's own word
    assert client.predictions.status(result.id).status in ("in_queue", "processing", "completed")


def test_a_cancelled_prediction_is_told_as_canceled(server, client) -> None:
    started = client.predictions.run(**ask(), extra_headers={"Gesso-Test-Fault": "slow:60"})
    with server.client(server.test_key) as native:
        native.post(f"/v1/jobs/{started.id.removesuffix('-u1')}/cancel")
    told = client.predictions.with_raw_response.status(started.id)
    assert (told.parse().status, told.parse().output) == ("canceled", None)
    assert told.headers["x-fashn-credits-used"] == "0"


def test_the_balance_goes_down_by_what_a_prediction_costs_and_up_when_it_is_given_up(server) -> None:
    key = open_account(server, "payer", credits=30)
    with server.client(key) as native, Fashn(api_key=key, base_url=f"{server.url}/fashn") as client:
        before = native.get("/fashn/v1/credits").json()
        assert before == {"credits": {"total": 4, "subscription": 0, "on_demand": 4}}
        started = client.predictions.run(**ask(num_images=3), extra_headers=WAITING)
        assert native.get("/fashn/v1/credits").json()["credits"]["total"] == 1
        cancel(server, key, started.id)
        assert native.get("/fashn/v1/credits").json() == before


WAITING = {"Gesso-Test-Fault": "slow:60"}  # a job that has not ended when it is asked for again


def cancel(server, key: str, prediction: str) -> None:
    with server.client(key) as native:
        assert native.post(f"/v1/jobs/{prediction.removesuffix('-u1')}/cancel").status_code == 200


def test_a_lost_answer_is_asked_for_again_and_is_one_job(server) -> None:
    key = open_account(server, "cut off")
    with (
        CuttingProxy(server.url, lambda: _wait_for_charge(server, key)) as proxy,
        Fashn(api_key=key, base_url=f"{proxy.url}/fashn") as client,
    ):
        started = client.predictions.run(**ask(), extra_headers=WAITING)
    cancel(server, key, started.id)
    assert [one.header("x-stainless-retry-count") for one in proxy.requests] == ["0", "1"]
    assert charges(server, key).count("charge") == 1


class Losing(httpx.HTTPTransport):
    """Brings the first request to the server, and something else than its answer to the client."""

    def __init__(self, instead: int | None) -> None:
        super().__init__()
        self._instead, self.answers = instead, list[int]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        self.answers.append(answer.status_code)
        if len(self.answers) > 1:
            return answer
        answer.read()
        answer.close()
        if self._instead is None:
            raise httpx.ReadTimeout("too slow", request=request)
        return httpx.Response(self._instead, headers={"retry-after-ms": "20"}, json={"error": "x"}, request=request)


@pytest.mark.parametrize("instead", [408, 409, 429, 500, 503, None])
def test_an_answer_that_became_another_is_asked_for_again_and_is_one_job(server, instead) -> None:
    key, transport = open_account(server, f"given {instead}"), Losing(instead)
    http = httpx.Client(transport=transport, trust_env=False)
    with Fashn(api_key=key, base_url=f"{server.url}/fashn", http_client=http) as client:
        started = client.predictions.run(**ask(), extra_headers=WAITING)
        assert client.predictions.status(started.id).status in ("in_queue", "processing")
    cancel(server, key, started.id)
    assert transport.answers == [200, 200, 200]
    assert charges(server, key).count("charge") == 1


def _wait_for_charge(server, key: str) -> None:
    deadline = time.monotonic() + 60
    while "charge" not in charges(server, key):
        assert time.monotonic() < deadline
        time.sleep(0.02)
