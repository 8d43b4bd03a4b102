"""OpenAI's own client, unmodified, against a running server: pictures, edits, variations, models, files, mistakes."""

from __future__ import annotations

import base64
import io
import json

import httpx
import numpy as np
import openai
import pytest
from openai_pictures import HOLE, SIZE, decoded, mask, noise, photo, png
from PIL import Image
from running_server import running_server
from second_account import open_account

pytestmark = [pytest.mark.acceptance, pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")]
QUICK = {"size": "256x256", "quality": "low"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("openai") / "data", unknown_price_credits=1) as started:
        yield started


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(api_key=server.test_key, base_url=f"{server.url}/openai/v1", max_retries=0) as made:
        yield made


def job_of(server, raw) -> dict:
    with server.client(server.test_key) as native:
        return native.get(f"/v1/jobs/{raw.headers['gesso-job']}").json()


def verdicts(server, raw) -> dict[str, str]:
    return {one["parameter"]: one["verdict"] for one in job_of(server, raw)["parameters"]}


# --- generations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["gpt-image-1", "gpt-image-1.5", "dall-e-3", "gesso-sketch", None])
def test_a_generation_is_pictures_of_the_asked_number_and_size(client, model) -> None:
    extra = {} if model is None else {"model": model}
    made = client.images.generate(prompt="a beach", n=2, size="512x256", **extra)
    pictures = [decoded(one.b64_json) for one in made.data]
    assert [(one.format, one.size) for one in pictures] == [("PNG", (512, 256))] * 2
    assert (made.size, made.output_format, made.background, made.quality) == ("512x256", "png", "opaque", "medium")
    assert pictures[0].tobytes() != pictures[1].tobytes()
    assert made.created > 1_700_000_000


def test_left_open_it_is_1024_square_and_paid_once(server, client) -> None:
    raw = client.images.with_raw_response.generate(prompt="a red duck on a beach")
    made = raw.parse()
    assert decoded(made.data[0].b64_json).size == (1024, 1024)
    assert made.usage.output_tokens == 1056
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens
    assert made.usage.output_tokens_details.image_tokens == 1056
    assert int(raw.headers["openai-processing-ms"]) > 0
    assert made._request_id == raw.headers["x-request-id"] != ""
    assert job_of(server, raw)["charged"] == "1"


@pytest.mark.parametrize("shape", ["jpeg", "webp"])
def test_output_format_and_compression_reach_the_file(client, shape) -> None:
    sizes = []
    for compression in (10, 100):
        made = client.images.generate(
            prompt="a red duck", output_format=shape, output_compression=compression, model="gpt-image-2", **QUICK
        )
        data = base64.b64decode(made.data[0].b64_json)
        assert Image.open(io.BytesIO(data)).format == shape.upper()
        assert made.output_format == shape
        sizes.append(len(data))
    assert sizes[0] < sizes[1]


def test_quality_is_steps_and_counts_in_tokens(server, client) -> None:
    low = client.images.with_raw_response.generate(prompt="a beach", size="256x256", quality="low")
    high = client.images.with_raw_response.generate(prompt="a beach", size="256x256", quality="hd")
    steps = [
        next(one["used"] for one in job_of(server, raw)["parameters"] if one["parameter"] == "quality")
        for raw in (low, high)
    ]
    assert steps == [6, 24]
    assert [raw.parse().quality for raw in (low, high)] == ["low", "high"]
    assert high.parse().usage.output_tokens > low.parse().usage.output_tokens


def test_what_the_built_in_model_cannot_do_is_said_not_pretended(server, client) -> None:
    raw = client.images.with_raw_response.generate(
        prompt="a beach", background="transparent", style="vivid", moderation="low", user="u-1",
        extra_body={"seed": 3, "svg": {"model": "x"}, "frame_count": 4}, **QUICK,
    )  # fmt: skip
    made, told = raw.parse(), verdicts(server, raw)
    assert made.background == "opaque"
    assert {told[name] for name in ("background", "style", "moderation", "seed", "svg", "frame_count")} == {"ignored"}
    assert "background;ignored" in raw.headers["gesso-parameters"]
    assert made.safety_identifier == "u-1"


def test_a_link_needs_no_key_and_is_there_only_when_asked_for(client) -> None:
    made = client.images.generate(prompt="a beach", response_format="url", user="u", safety_identifier="s", **QUICK)
    assert made.data[0].b64_json is None
    assert made.safety_identifier == "s"
    fetched = httpx.get(made.data[0].url, trust_env=False)
    assert Image.open(io.BytesIO(fetched.content)).size == (256, 256)


def test_fields_of_other_models_are_handed_on_by_name(client) -> None:
    """A model of the catalogue is asked in OpenAI's words, and takes its own beside them."""
    ask = {"model": "gesso-sketch", "prompt": "a beach", "size": "256x256", "extra_body": {"seed": 9, "steps": 2}}
    first, second = (client.images.generate(**ask).data[0].b64_json for _ in range(2))
    assert first == second


def test_null_is_absent_and_numbers_may_be_text(server) -> None:
    with server.client(server.test_key) as plain:
        ask = {"prompt": "a beach", "n": "2", "size": "256x256", "model": None, "stream": None, "mask": None}
        made = plain.post("/openai/v1/images/generations", json=ask)
    assert made.status_code == 200
    assert len(made.json()["data"]) == 2


# --- edits --------------------------------------------------------------------------------------------------------


def test_an_edit_with_a_mask_keeps_every_pixel_outside_it(client) -> None:
    pixels = noise()
    made = client.images.edit(
        model="gpt-image-1",
        image=("photo.png", png(Image.fromarray(pixels)), "image/png"),
        mask=("mask.png", mask(), "image/png"),
        prompt="a red balloon",
    )
    after = np.asarray(decoded(made.data[0].b64_json))
    assert after.shape == (SIZE[1], SIZE[0], 3)
    inside = np.zeros(after.shape[:2], bool)
    inside[HOLE[1] : HOLE[3], HOLE[0] : HOLE[2]] = True
    changed = (after != pixels).any(-1)
    assert not changed[~inside].any()
    assert changed[inside].mean() > 0.1
    assert (made.size, made.usage.input_tokens_details.image_tokens) == ("256x192", 194)


def test_the_mask_reads_the_same_way_for_a_model_of_another_kind(client) -> None:
    pixels = noise()
    image, hole = ("a.png", png(Image.fromarray(pixels))), ("m.png", mask())
    made = client.images.edit(model="gesso-sketch", image=image, mask=hole, prompt="a red balloon")
    changed = (np.asarray(decoded(made.data[0].b64_json)) != pixels).any(-1)
    assert changed[HOLE[1] : HOLE[3], HOLE[0] : HOLE[2]].any()
    changed[HOLE[1] : HOLE[3], HOLE[0] : HOLE[2]] = False
    assert not changed.any()


def test_two_images_come_as_a_list_and_the_first_is_edited(server, client) -> None:
    raw = client.images.with_raw_response.edit(
        image=[("a.png", photo("navy")), ("b.png", photo("gold", (64, 64)))],
        prompt="a balloon",
        input_fidelity="high",
        output_format="webp",
        n=2,
        quality="low",
    )
    made = raw.parse()
    assert [(one.format, one.size) for one in (decoded(item.b64_json) for item in made.data)] == [("WEBP", SIZE)] * 2
    assert made.usage.input_tokens_details.image_tokens == 2 * (194 + 4160)
    assert verdicts(server, raw)["input_fidelity"] == "used"
    assert job_of(server, raw)["operation"] == "edit"


def test_a_size_asked_for_is_the_size_that_comes(client) -> None:
    made = client.images.edit(image=photo(), prompt="sepia", size="512x512")
    assert decoded(made.data[0].b64_json).size == (512, 512)


def test_the_json_form_takes_links_data_uris_and_files(server, client) -> None:
    kept = client.files.create(file=("p.png", photo("navy")), purpose="vision")
    hole = client.files.create(file=("m.png", mask()), purpose="vision")
    inline = "data:image/png;base64," + base64.b64encode(photo("gold")).decode()
    native = client.images.generate(prompt="a beach", response_format="url", **QUICK).data[0].url
    ask = {
        "prompt": "a red balloon",
        "images": [{"file_id": kept.id}, {"image_url": inline}, {"image_url": native}],
        "mask": {"file_id": hole.id},
        "quality": "low",
    }
    with server.client(server.test_key) as plain:
        made = plain.post("/openai/v1/images/edits", json=ask)
        assert made.status_code == 200, made.text
        after = np.asarray(decoded(made.json()["data"][0]["b64_json"]))
        assert (after[: HOLE[1]] == (0, 0, 128)).all()  # navy
        for images, code in (
            ([{"file_id": "file-" + "0" * 32}], "invalid_value"),
            ([{"file_id": "junk"}], "invalid_value"),
            ([{}], "invalid_type"),
        ):
            refused = plain.post("/openai/v1/images/edits", json={**ask, "images": images})
            told = refused.json()["error"]
            assert (refused.status_code, told["code"], told["param"]) == (400, code, "images[0]"), told


def test_anothers_file_is_like_one_that_never_was(server, client) -> None:
    theirs = client.files.create(file=("p.png", photo()), purpose="vision").id
    never = "file-0199a0de000070008000000000000001"
    with server.client(open_account(server, "other")) as other:
        answers = [
            other.post("/openai/v1/images/edits", json={"prompt": "sepia", "images": [{"file_id": one}]})
            for one in (theirs, never)
        ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["error"]["param"] == "images[0]"


def test_a_mask_that_does_not_fit_is_told_at_once(client) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=photo(), mask=mask((64, 64), (8, 8, 32, 32)), prompt="a balloon")
    assert (caught.value.param, caught.value.code) == ("mask", "invalid_value")
    with pytest.raises(openai.BadRequestError) as caught:  # known once it is decoded
        client.images.edit(image=photo(), mask=photo("black"), prompt="a balloon")
    assert caught.value.code == "mask_alpha"
    assert "transparent" in caught.value.message


def test_a_variation_takes_the_pictures_colours(client) -> None:
    made = client.images.create_variation(image=photo("red"), n=2, size="256x256", model="dall-e-2", user="u")
    for one in made.data:
        pixels = np.asarray(decoded(one.b64_json)).reshape(-1, 3).mean(0)
        assert pixels[0] > 1.5 * pixels[2]  # reddish
    for wrong in ({"size": "1792x1024"}, {"model": "gpt-image-1"}, {"n": 11}, {"response_format": "tiff"}):
        with pytest.raises(openai.BadRequestError) as caught:
            client.images.create_variation(image=photo(), **wrong)
        assert caught.value.param == next(iter(wrong))


# --- mistakes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "kind", "param", "code"),
    [
        ({"n": 11}, openai.BadRequestError, "n", "invalid_value"),
        ({"n": 0}, openai.BadRequestError, "n", "invalid_value"),
        ({"size": "1000x1000"}, openai.BadRequestError, "size", "invalid_value"),
        ({"quality": "best"}, openai.BadRequestError, "quality", "invalid_value"),
        ({"background": "checkered"}, openai.BadRequestError, "background", "invalid_value"),
        ({"background": "transparent", "output_format": "jpeg"}, openai.BadRequestError, "background", "invalid_value"),
        ({"output_format": "gif"}, openai.BadRequestError, "output_format", "invalid_value"),
        ({"output_compression": 101}, openai.BadRequestError, "output_compression", "invalid_value"),
        ({"moderation": "off"}, openai.BadRequestError, "moderation", "invalid_value"),
        ({"style": "noir"}, openai.BadRequestError, "style", "invalid_value"),
        ({"response_format": "png"}, openai.BadRequestError, "response_format", "invalid_value"),
        ({"partial_images": 4, "stream": True}, openai.BadRequestError, "partial_images", "invalid_value"),
        ({"partial_images": "some", "stream": True}, openai.BadRequestError, "partial_images", "invalid_type"),
        ({"stream": "perhaps"}, openai.BadRequestError, "stream", "invalid_type"),
        ({"user": 5}, openai.BadRequestError, "user", "invalid_type"),
        ({"user": "u" * 513}, openai.BadRequestError, "user", "string_above_max_length"),
        ({"prompt": ""}, openai.BadRequestError, "prompt", "empty_string"),
        ({"prompt": "a" * 32001}, openai.BadRequestError, "prompt", "string_above_max_length"),
        ({"model": "gpt-image-99"}, openai.NotFoundError, "model", "model_not_found"),
        ({"model": "nothing"}, openai.NotFoundError, "model", "model_not_found"),
        ({"model": "openai-images-edit"}, openai.BadRequestError, "model", "invalid_value"),
    ],
)
def test_mistakes_name_the_field_in_openais_words(client, changes, kind, param, code) -> None:
    with pytest.raises(kind) as caught:
        client.images.generate(**{"prompt": "a beach", **changes})
    assert (caught.value.param, caught.value.code) == (param, code)
    assert caught.value.type == "invalid_request_error"


def test_an_edit_needs_a_picture_and_a_model_that_edits(server, client) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=photo(), prompt="a beach", model="dall-e-3")
    assert caught.value.param == "model"
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=b"no picture", prompt="a beach")
    assert caught.value.param == "image"
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=[photo()] * 17, prompt="a beach")
    assert caught.value.param == "image"
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=photo(), prompt="a beach", input_fidelity="utmost")
    assert caught.value.param == "input_fidelity"
    with server.client(server.test_key) as plain:
        missing = plain.post("/openai/v1/images/edits", json={"prompt": "a beach"})
    assert (missing.status_code, missing.json()["error"]["code"]) == (400, "missing_required_parameter")


@pytest.mark.parametrize(
    ("fault", "kind", "code", "again"),
    [
        ("fail", openai.InternalServerError, "engine_failed", "false"),
        ("moderated", openai.BadRequestError, "moderation_blocked", "false"),
        ("out_of_credits", openai.RateLimitError, "insufficient_quota", "false"),
        ("rate_limited", openai.RateLimitError, "rate_limit_exceeded", None),
    ],
)
def test_faults_are_openais_exceptions(client, fault, kind, code, again) -> None:
    with pytest.raises(kind) as caught:
        client.images.generate(prompt=f"a beach, {fault}", extra_headers={"Gesso-Test-Fault": fault})
    assert caught.value.code == code
    assert caught.value.response.headers.get("x-should-retry") == again


def test_keys_and_credits(server) -> None:
    url = f"{server.url}/openai/v1"
    with openai.OpenAI(api_key="gesso_test_" + "x" * 43, base_url=url) as stranger:
        with pytest.raises(openai.AuthenticationError) as caught:
            stranger.images.generate(prompt="a beach")
        assert caught.value.code == "invalid_api_key"
    with openai.OpenAI(api_key=open_account(server, "poor", credits=0), base_url=url) as poor:
        with pytest.raises(openai.RateLimitError) as caught:
            poor.images.generate(prompt="a beach")
        assert (caught.value.code, caught.value.type) == ("insufficient_quota", "insufficient_quota")
    with openai.OpenAI(api_key=server.live_key, base_url=url) as live:  # nothing stands in for who pays for the model
        with pytest.raises(openai.NotFoundError) as caught:
            live.images.generate(prompt="a beach", model="gpt-image-1")
        assert caught.value.code == "model_not_found"
        assert live.images.generate(prompt="a beach", model="gesso-sketch", size="64x64").data[0].b64_json


def test_a_link_that_fails_is_a_bad_request(server) -> None:
    ask = {"prompt": "a beach", "images": [{"image_url": "http://nothing.invalid/a.png"}]}
    with server.client(server.test_key) as plain:
        answer = plain.post("/openai/v1/images/edits", json=ask)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "image_not_retrievable")


# --- models, files, a load generator ------------------------------------------------------------------------------


def test_models(client) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert {"gpt-image-1", "chatgpt-image-latest", "dall-e-3", "gesso-sketch", "flux-schnell"} <= set(listed)
    assert client.models.retrieve("gpt-image-1").owned_by == "openai"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("black-forest-labs/nothing")
    assert caught.value.code == "model_not_found"


def test_files(client) -> None:
    kept = client.files.create(file=("photo.png", photo()), purpose="vision")
    assert (kept.filename, kept.bytes) == ("photo.png", len(photo()))
    assert client.files.retrieve(kept.id).id == kept.id
    assert kept.id in [one.id for one in client.files.list()]
    assert client.files.delete(kept.id).deleted
    for gone in (kept.id, "junk"):
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(gone)
    with pytest.raises(openai.BadRequestError):
        client.files.create(file=("notes.txt", b"words"), purpose="vision")


def test_sglangs_load_generator_finds_what_it_looks_for(server) -> None:
    """Its calls, as its public source has them: no header of its own, the key in the address."""
    base = server.url.replace("http://", f"http://load:{server.test_key}@") + "/openai"
    with httpx.Client(trust_env=False, timeout=60) as generator:
        assert generator.get(f"{base}/health").status_code == 200
        model = generator.get(f"{base}/v1/model_info").json()["model_path"]
        assert generator.get(f"{base}/get_model_info").json()["is_generation"] is True
        ask = {"model": model, "prompt": "a cat", "n": 1, "response_format": "b64_json", "size": "128x128"}
        drawn = generator.post(f"{base}/v1/images/generations", json=ask)
        form = {"model": model, "prompt": "a cat", "response_format": "b64_json", "size": "128x128"}
        image = {"image": ("in.png", photo(), "application/octet-stream")}
        edited = generator.post(f"{base}/v1/images/edits", data=form, files=image)
    for answer in (drawn, edited):
        assert answer.status_code == 200, answer.text
        assert decoded(answer.json()["data"][0]["b64_json"]).size == (128, 128)


def test_unknown_addresses_and_methods_are_told_in_openais_words(server) -> None:
    with server.client(server.test_key) as plain:
        for answer, status in (
            (plain.get("/openai/v1/nothing"), 404),
            (plain.get("/openai/v1/images/generations"), 405),
            (plain.post("/openai/v1/images/generations", content=b"{"), 400),
            (plain.post("/openai/v1/images/variations", json={}), 415),
        ):
            assert answer.status_code == status
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


async def test_the_async_client(server) -> None:
    async with openai.AsyncOpenAI(api_key=server.test_key, base_url=f"{server.url}/openai/v1", max_retries=0) as client:
        made = await client.images.generate(prompt="a beach", model="gpt-image-1-mini", **QUICK)
        assert decoded(made.data[0].b64_json).size == (256, 256)
        edited = await client.images.edit(image=[photo(), photo("gold")], mask=mask(), prompt="a cat", quality="low")
        assert decoded(edited.data[0].b64_json).size == SIZE
        varied = await client.images.create_variation(image=photo(), size="256x256", response_format="url")
        assert varied.data[0].url.startswith(server.url)
        assert "gpt-image-2" in [model.id async for model in client.models.list()]
        with pytest.raises(openai.BadRequestError):
            await client.images.generate(prompt="a beach", n=99)
        with pytest.raises(openai.InternalServerError):
            await client.images.generate(prompt="a beach", extra_headers={"Gesso-Test-Fault": "fail"})


def test_nothing_of_a_picture_is_kept_in_what_is_said_again(server, client) -> None:
    raw = client.images.with_raw_response.edit(image=photo(), prompt="a beach", quality="low")
    assert "base64" not in json.dumps(job_of(server, raw))
