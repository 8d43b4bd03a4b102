"""OpenAI's own client reads streams: real partial pictures, completed ones, failures; and a storm of its repeats."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import openai
import pytest
from cutting_proxy import CuttingProxy
from openai_pictures import HOLE, decoded, mask, noise, photo, png
from PIL import Image
from running_server import running_server

pytestmark = pytest.mark.acceptance
COUNT = "x-stainless-retry-count"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("stream") / "data", unknown_price_credits=1) as started:
        yield started


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(api_key=server.test_key, base_url=f"{server.url}/openai/v1", max_retries=0) as made:
        yield made


def charges(server) -> int:
    with server.client(server.test_key) as native:
        entries = native.get("/v1/account/ledger", params={"limit": 100}).json()["entries"]
    return sum(entry["kind"] == "charge" for entry in entries)


def test_partial_pictures_come_nearer_to_the_completed_one(client) -> None:
    events = list(
        client.images.generate(
            model="gpt-image-1", prompt="a red duck on a beach", size="512x512", stream=True, partial_images=2
        )
    )
    assert [event.type for event in events] == [*["image_generation.partial_image"] * 2, "image_generation.completed"]
    assert [event.partial_image_index for event in events[:2]] == [0, 1]
    pictures = [decoded(event.b64_json) for event in events]
    assert [(one.format, one.size) for one in pictures] == [("PNG", (512, 512))] * 3
    first, second, done = (np.asarray(one).astype(int) for one in pictures)
    assert 0 < np.abs(second - done).mean() < np.abs(first - done).mean() < 30
    assert (events[-1].usage.output_tokens, events[-1].size, events[-1].quality) == (264, "512x512", "medium")
    assert events[0].created_at <= events[-1].created_at


@pytest.mark.parametrize("wanted", [0, 1, 3])
def test_there_are_as_many_as_asked_also_where_no_thing_is_drawn(client, wanted) -> None:
    for prompt in ("a red duck", "quiet"):
        events = list(
            client.images.generate(prompt=prompt, size="256x256", stream=True, partial_images=wanted, quality="low")
        )
        kinds = [event.type.rpartition(".")[2] for event in events]
        assert kinds == [*["partial_image"] * wanted, "completed"]


def test_of_several_pictures_the_partial_ones_come_picture_by_picture_then_all_completed(client) -> None:
    events = list(
        client.images.generate(
            prompt="a red duck", n=2, size="256x256", stream=True, partial_images=2, output_format="webp", quality="low"
        )
    )
    assert [event.type.rpartition(".")[2] for event in events] == [*["partial_image"] * 4, *["completed"] * 2]
    assert [event.partial_image_index for event in events[:4]] == [0, 1, 0, 1]
    pictures = [decoded(event.b64_json) for event in events]
    assert {one.format for one in pictures} == {"WEBP"}
    last = [np.asarray(pictures[at].convert("RGB")).astype(int) for at in (1, 3, 4, 5)]
    assert np.abs(last[0] - last[2]).mean() < np.abs(last[0] - last[3]).mean()  # each belongs to its own picture
    assert np.abs(last[1] - last[3]).mean() < np.abs(last[1] - last[2]).mean()
    assert events[4].usage.input_tokens > 0
    assert events[5].usage.input_tokens == 0


def test_a_streamed_edit_shows_nothing_changed_outside_its_mask(client) -> None:
    pixels = noise()
    events = list(
        client.images.edit(
            image=("p.png", png(Image.fromarray(pixels))), mask=("m.png", mask()), prompt="a red balloon",
            stream=True, partial_images=2,
        )
    )  # fmt: skip
    assert [event.type for event in events] == [*["image_edit.partial_image"] * 2, "image_edit.completed"]
    for event in events:
        changed = (np.asarray(decoded(event.b64_json)) != pixels).any(-1)
        changed[HOLE[1] : HOLE[3], HOLE[0] : HOLE[2]] = False
        assert not changed.any()


def test_previews_do_not_change_the_picture(server, client) -> None:
    ask = {"model": "gesso-sketch", "prompt": "two ducks", "size": "256x256", "extra_body": {"seed": 6, "steps": 4}}
    plain = client.images.generate(**ask).data[0].b64_json
    *partial, done = client.images.generate(**ask, stream=True, partial_images=3)
    assert len(partial) == 3
    assert done.b64_json == plain


@pytest.mark.parametrize(("fault", "code"), [("fail", "engine_failed"), ("moderated", "moderation_blocked")])
def test_a_failed_job_ends_its_stream_with_an_error(client, fault, code) -> None:
    stream = client.images.generate(
        prompt=f"a duck {fault}", stream=True, partial_images=1, extra_headers={"Gesso-Test-Fault": fault}
    )
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert caught.value.code == code


def test_what_is_refused_at_once_is_no_stream(client) -> None:
    with pytest.raises(openai.RateLimitError):
        client.images.generate(prompt="a duck", stream=True, extra_headers={"Gesso-Test-Fault": "out_of_credits"})


def test_a_cancelled_job_ends_its_stream_with_an_error(server, client) -> None:
    stream = client.images.with_raw_response.generate(
        prompt="a duck to be cancelled", stream=True, extra_headers={"Gesso-Test-Fault": "slow:60"}
    )
    with server.client(server.test_key) as native:
        assert native.post(f"/v1/jobs/{stream.headers['gesso-job']}/cancel").json()["state"] == "cancelled"
    with pytest.raises(openai.APIError) as caught:
        list(stream.parse())
    assert caught.value.code == "cancelled"


def test_who_leaves_early_leaves_the_job_running(server, client) -> None:
    with client.images.with_streaming_response.generate(
        prompt="a beach left alone", size="256x256", stream=True, extra_headers={"Gesso-Test-Fault": "slow:1"}
    ) as stream:
        job = stream.headers["gesso-job"]
    with server.client(server.test_key) as native:
        ended = native.get(f"/v1/jobs/{job}", headers={"Prefer": "wait=60"}).json()
    assert ended["state"] == "succeeded"


async def test_the_async_client_streams(server) -> None:
    async with openai.AsyncOpenAI(api_key=server.test_key, base_url=f"{server.url}/openai/v1", max_retries=0) as client:
        stream = await client.images.generate(
            prompt="a red duck", size="256x256", stream=True, partial_images=2, model="gpt-image-1.5"
        )
        events = [event async for event in stream]
        assert [event.type.rpartition(".")[2] for event in events] == ["partial_image", "partial_image", "completed"]
        stream = await client.images.edit(image=photo(), prompt="a duck", stream=True, partial_images=1)
        assert [event.type async for event in stream] == ["image_edit.partial_image", "image_edit.completed"]
        stream = await client.images.generate(prompt="a", stream=True, extra_headers={"Gesso-Test-Fault": "fail"})
        with pytest.raises(openai.APIError):
            [event async for event in stream]


# --- a storm of repeats -------------------------------------------------------------------------------------------


def test_an_answer_that_is_lost_is_got_by_the_clients_own_repeat(server) -> None:
    before = charges(server)
    with CuttingProxy(server.url, lambda: None) as proxy:
        with openai.OpenAI(api_key=server.test_key, base_url=f"{proxy.url}/openai/v1", max_retries=2) as client:
            made = client.images.edit(image=[photo("red"), photo("blue")], mask=mask(), prompt="a star", quality="low")
        assert [request.header(COUNT) for request in proxy.requests] == ["0", "1"]
    assert decoded(made.data[0].b64_json).size == (256, 192)
    assert charges(server) == before + 1


def test_a_stream_that_breaks_off_is_taken_up_by_the_repeat(server) -> None:
    before = charges(server)
    ask = {"prompt": "a broken stream", "size": "128x128", "stream": True, "partial_images": 1}
    with server.client(server.test_key) as plain:
        path, slow = "/openai/v1/images/generations", {"Gesso-Test-Fault": "slow:1"}
        with plain.stream("POST", path, json=ask, headers={COUNT: "0", **slow}) as first:
            job = first.headers["gesso-job"]
        again = plain.post(path, json=ask, headers={COUNT: "1", **slow})
    assert (again.headers["gesso-job"], again.headers["idempotent-replayed"]) == (job, "true")
    assert again.text.rstrip().rpartition("event: ")[2].startswith("image_generation.completed")
    assert charges(server) == before + 1


def test_impatient_repeats_are_one_job_and_one_charge(server) -> None:
    """Its limit is shorter than the job: it asks three times, and the last answer is the job's."""
    before = charges(server)
    with openai.OpenAI(
        api_key=server.test_key, base_url=f"{server.url}/openai/v1", max_retries=6, timeout=0.8
    ) as client:
        made = client.images.generate(
            prompt="a slow beach", size="128x128", extra_headers={"Gesso-Test-Fault": "slow:1"}
        )
    assert decoded(made.data[0].b64_json).size == (128, 128)
    assert charges(server) == before + 1


def test_a_storm_of_repeats_at_once_is_one_job_and_one_charge(server) -> None:
    before = charges(server)
    ask = {"prompt": "a storm", "size": "128x128", "quality": "low"}

    def post(count: int) -> httpx.Response:
        headers = {"Authorization": f"Bearer {server.test_key}", COUNT: str(count)}
        return httpx.post(
            f"{server.url}/openai/v1/images/generations", json=ask, headers=headers, timeout=60, trust_env=False
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(1, 9)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["gesso-job"] for answer in answers}) == 1
    assert len({answer.json()["data"][0]["b64_json"] for answer in answers}) == 1
    assert charges(server) == before + 1


@pytest.mark.parametrize("fault", ["rate_limited", "out_of_credits"])
def test_what_was_refused_was_not_charged(server, fault) -> None:
    before = charges(server)
    with (
        openai.OpenAI(api_key=server.test_key, base_url=f"{server.url}/openai/v1", max_retries=1) as client,
        pytest.raises(openai.RateLimitError),
    ):
        client.images.generate(prompt=f"a duck {fault}", extra_headers={"Gesso-Test-Fault": fault})
    assert charges(server) == before


def test_the_wire_is_events_with_names_and_comments(server) -> None:
    with (
        server.client(server.test_key) as plain,
        plain.stream(
            "POST",
            "/openai/v1/images/generations",
            json={"prompt": "a beach", "size": "128x128", "stream": True, "partial_images": 1},
        ) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        blocks = answer.read().decode().strip().split("\n\n")
    assert [block.split("\n")[0] for block in blocks] == [
        "event: image_generation.partial_image",
        "event: image_generation.completed",
    ]
    assert all(block.split("\n")[1].startswith("data: {") for block in blocks)
    assert io.StringIO("".join(blocks)).read().count("[DONE]") == 0
