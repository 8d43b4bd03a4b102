"""Claid has no client library: its documented HTTP calls, and what independent clients send, against a running server."""

from __future__ import annotations

import asyncio
import io
import json
import time
from decimal import Decimal
from typing import Any

import httpx
import numpy as np
import pytest
from cutting_proxy import SECONDS, CuttingProxy
from picture_host import picture_bytes, picture_host
from PIL import Image
from running_server import running_server
from second_account import open_account

pytestmark = pytest.mark.acceptance
AI_EDIT, UPLOAD = "/v1/image/ai-edit", "/v1/image/edit/upload"
PRICE = Decimal(10)  # credits a picture: two of Claid's
QUICK = "make it warmer"  # changes the look and draws nothing
SIZES = {
    "1:1": (1024, 1024),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "3:4": (880, 1168),
    "4:3": (1168, 880),
    "9:16": (768, 1360),
    "16:9": (1360, 768),
    "9:21": (656, 1552),
    "21:9": (1552, 656),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("claid") / "data"
    with running_server(folder, outgoing_allow="127.0.0.1") as started:
        yield started


@pytest.fixture(scope="module")
def host():
    files = {
        "in.png": picture_bytes((96, 64)),
        "in.jpg": picture_bytes((192, 108), "JPEG"),
        "tall.webp": picture_bytes((60, 120), "WEBP"),
        "broken.png": b"\x89PNG\r\n\x1a\nnothing more",
    }
    with picture_host(files) as url:
        yield url


@pytest.fixture(scope="module")
def client(server):
    with httpx.Client(
        base_url=f"{server.url}/claid",
        headers={"Authorization": f"Bearer {server.test_key}"},
        timeout=60,
        trust_env=False,
    ) as client:
        yield client


def fetched(url: str) -> Image.Image:
    """Fetch a picture as clients do: without credentials."""
    answer = httpx.get(url, trust_env=False)
    assert answer.status_code == 200, answer.text
    picture = Image.open(io.BytesIO(answer.content))
    picture.load()
    return picture


def finished(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """Follow result_url until the task ended."""
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    assert data["status"] == "ACCEPTED"
    deadline = time.monotonic() + SECONDS
    while data["status"] in ("ACCEPTED", "WAITING", "PROCESSING", "PAUSED"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
        shown = client.get(answer.json()["data"]["result_url"])
        assert shown.status_code == 200, shown.text
        data = shown.json()["data"]
    return data


def ai_edit(client: httpx.Client, url: str, output: Any = None, headers: Any = None, **options: Any) -> httpx.Response:
    body = {"input": url, "options": {"prompt": QUICK, **options}}
    return client.post(AI_EDIT, json=body if output is None else {**body, "output": output}, headers=headers)


def upload(client: httpx.Client, data: bytes, asked: Any, name: str = "in.png") -> httpx.Response:
    """Send the parts as the independent client `claidai` does: the JSON has a media type and no file name."""
    files = {"file": (name, data, "image/png"), "data": (None, json.dumps(asked), "application/json")}
    return client.post(UPLOAD, files=files)


def balance(server) -> Decimal:
    with server.client(server.test_key) as native:
        return Decimal(native.get("/v1/account").json()["balance"])


def native_job(server, answer: httpx.Response) -> dict[str, Any]:
    with server.client(server.test_key) as native:
        return native.get(f"/v1/jobs/{answer.headers['gesso-job']}").json()


# --- ai-edit ------------------------------------------------------------------------------------------------------


def test_an_edit_from_submit_to_picture(client, server, host):
    before = balance(server)
    body = {"input": f"{host}/in.jpg", "options": {"prompt": "add a duck"}}
    answer = client.post(AI_EDIT, json=body)
    data = answer.json()["data"]
    assert set(data) == {"id", "status", "created_at", "request", "result_url"}
    assert type(data["id"]) is int
    assert data["request"] == body
    assert data["result_url"] == f"{server.url}/claid{AI_EDIT}/{data['id']}"
    assert answer.headers["x-request-id"]

    done = finished(client, answer)
    assert (done["id"], done["created_at"], done["request"]) == (data["id"], data["created_at"], body)
    assert (done["status"], done["errors"]) == ("DONE", [])
    assert done["result"]["input_object"] == {
        "ext": "jpeg", "mps": 0.02, "mime": "image/jpeg", "format": "JPEG", "width": 192, "height": 108,
    }  # fmt: skip
    (made,) = done["result"]["output_objects"]
    url = made.pop("tmp_url")
    assert made == {
        "ext": "png", "mps": 2.36, "mime": "image/png", "format": "PNG", "width": 2048, "height": 1152,
    }  # fmt: skip
    picture = fetched(url)
    assert (picture.format, picture.size) == ("PNG", (2048, 1152))
    assert before - balance(server) == PRICE
    assert native_job(server, answer)["model"] == "claid-edit-v2"


@pytest.mark.parametrize("ratio", SIZES)
def test_v1_has_nine_sizes(client, host, ratio):
    done = finished(client, ai_edit(client, f"{host}/in.png", model="v1", aspect_ratio=ratio))
    (made,) = done["result"]["output_objects"]
    assert (made["width"], made["height"]) == fetched(made["tmp_url"]).size == SIZES[ratio]


def test_v1_keeps_the_shape_of_its_input_unless_told(client, host):
    done = finished(client, ai_edit(client, f"{host}/tall.webp", model="v1"))
    (made,) = done["result"]["output_objects"]
    assert made["height"] == pytest.approx(2 * made["width"], rel=0.03)
    assert made["mps"] == pytest.approx(1.04, abs=0.04)
    assert done["result"]["input_object"]["format"] == "WEBP"


def test_four_pictures_in_jpeg(client, server, host):
    before = balance(server)
    output = {"number_of_images": 4, "format": "jpeg"}
    answer = ai_edit(client, f"{host}/in.png", output, model="v1", prompt="add a red balloon", inference_steps=2)
    made = finished(client, answer)["result"]["output_objects"]
    assert [one["mime"] for one in made] == ["image/jpeg"] * 4
    pictures = [fetched(one["tmp_url"]) for one in made]
    assert {picture.format for picture in pictures} == {"JPEG"}
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert before - balance(server) == 4 * PRICE


def test_the_prompt_shows(client, host):
    made = []
    for prompt in ("make it darker", "make it brighter"):
        done = finished(client, ai_edit(client, f"{host}/in.png", model="v1", prompt=prompt))
        made.append(np.asarray(fetched(done["result"]["output_objects"][0]["tmp_url"]), float).mean())
    assert made[0] < made[1]


@pytest.mark.parametrize(("name", "value"), [("inference_steps", 7), ("guidance_scale", 4.5)])
def test_steps_and_guidance_reach_v1(client, server, host, name, value):
    answer = ai_edit(client, f"{host}/in.png", model="v1", **{name: value})
    assert "gesso-parameters" not in answer.headers
    (said,) = [one for one in native_job(server, answer)["parameters"] if one["parameter"] == name]
    assert (said["verdict"], said["used"]) == ("used", value)
    assert finished(client, answer)["status"] == "DONE"


def test_v2_takes_what_is_v1s_and_tells_that_it_is_ignored(client, server, host):
    """An independent client sends guidance_scale 10 and inference_steps 50 with v2."""
    answer = ai_edit(client, f"{host}/in.png", model="v2", guidance_scale=10, inference_steps=50, aspect_ratio="1:1")
    told = {"inference_steps;ignored", "guidance_scale;ignored", "aspect_ratio;ignored"}
    assert set(answer.headers["gesso-parameters"].split(", ")) == told
    done = finished(client, answer)
    assert done["result"]["output_objects"][0]["width"] == 2048
    assert native_job(server, answer)["parameters"]


def test_any_model_that_edits_is_callable_by_slug(client, server, host):
    answer = ai_edit(client, f"{host}/in.png", {"number_of_images": 2, "format": "jpeg"}, model="gesso-sketch")
    done = finished(client, answer)
    assert native_job(server, answer)["model"] == "gesso-sketch"
    assert [(one["format"], one["width"]) for one in done["result"]["output_objects"]] == [("JPEG", 96)] * 2


def test_null_is_absent(client, host):
    body = {
        "input": f"{host}/in.png",
        "output": None,
        "options": {
            "prompt": QUICK,
            "model": "v1",
            "inference_steps": None,
            "guidance_scale": None,
            "aspect_ratio": None,
        },
    }
    assert finished(client, client.post(AI_EDIT, json=body))["status"] == "DONE"


WRONG = [
    ({"input": "U"}, "options"),
    ({"options": {"prompt": "add a duck"}}, "input"),
    ({"input": {"url": "U"}, "options": {"prompt": "add a duck"}}, "input"),
    ({"input": "", "options": {"prompt": "add a duck"}}, "input"),
    ({"input": "U" + "x" * 4096, "options": {"prompt": "add a duck"}}, "input"),
    ({"input": "in.png", "options": {"prompt": "add a duck"}}, "input"),
    ({"input": "storage://mine/in.png", "options": {"prompt": "add a duck"}}, "input"),
    ({"input": "http://169.254.169.254/x", "options": {"prompt": "add a duck"}}, "input"),
    ({"input": "U", "options": {}}, "options.prompt"),
    ({"input": "U", "options": {"prompt": "ab"}}, "options.prompt"),
    ({"input": "U", "options": {"prompt": "a" * 5001}}, "options.prompt"),
    ({"input": "U", "options": {"prompt": "add a duck", "model": "v3"}}, "options.model"),
    ({"input": "U", "options": {"prompt": "add a duck", "model": 2}}, "options.model"),
    ({"input": "U", "options": {"prompt": "add a duck", "model": "claid-generate"}}, "options.model"),
    ({"input": "U", "options": {"prompt": "add a duck", "inference_steps": 51}}, "options.inference_steps"),
    ({"input": "U", "options": {"prompt": "add a duck", "inference_steps": 0}}, "options.inference_steps"),
    ({"input": "U", "options": {"prompt": "add a duck", "inference_steps": "many"}}, "options.inference_steps"),
    ({"input": "U", "options": {"prompt": "add a duck", "guidance_scale": 10.5}}, "options.guidance_scale"),
    ({"input": "U", "options": {"prompt": "add a duck", "guidance_scale": 0.9}}, "options.guidance_scale"),
    ({"input": "U", "options": {"prompt": "add a duck", "aspect_ratio": "4:5"}}, "options.aspect_ratio"),
    ({"input": "U", "options": {"prompt": "add a duck", "seed": 1}}, "options.seed"),
    ({"input": "U", "options": {"prompt": "add a duck"}, "webhook": "U"}, "webhook"),
    ({"input": "U", "options": {"prompt": "add a duck"}, "output": {"quality": 3}}, "output.quality"),
    ({"input": "U", "options": {"prompt": "add a duck"}, "output": {"number_of_images": 5}}, "output.number_of_images"),
    ({"input": "U", "options": {"prompt": "add a duck"}, "output": {"number_of_images": 0}}, "output.number_of_images"),
    ({"input": "U", "options": {"prompt": "add a duck"}, "output": {"format": "webp"}}, "output.format"),
    ({"input": "U", "options": {"prompt": "add a duck"}, "output": "storage://mine/out"}, "output"),
    ({"input": "U", "options": {"prompt": "add a duck"}, "output": {"destination": "storage://o"}}, "output.destination"),
    ({"input": "U", "options": {"prompt": "add a duck"}, "output": 3}, "output"),
    ({"input": "U", "options": ["add a duck"]}, "options"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "path"), WRONG)
def test_a_mistake_is_named_by_its_path(client, server, body, path):
    before = balance(server)
    body = json.loads(json.dumps(body).replace('"U', '"https://example.org/in.png'))
    answer = client.post(AI_EDIT, json=body)
    assert answer.status_code == 422, answer.text
    said = answer.json()
    assert set(said) == {"error_code", "error_type", "error_message", "error_details"}
    assert (said["error_code"], said["error_type"]) == ("9000", "validation")
    assert list(said["error_details"]) == [path]
    (message,) = said["error_details"][path]
    assert message in said["error_message"]
    assert path in said["error_message"] or path.rpartition(".")[2] in said["error_message"]
    assert balance(server) == before


def test_several_mistakes_are_told_at_once(client):
    answer = client.post(AI_EDIT, json={"input": "ftp://x", "output": {"size": 1}, "seed": 3})
    assert set(answer.json()["error_details"]) == {"input", "options", "output.size", "seed"}


def test_what_cannot_be_read_is_400(client):
    answer = client.post(AI_EDIT, content=b'{"input": ', headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error_type"] == "validation"


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, "gesso_test_" + "x" * 43])
def test_no_and_wrong_keys(server, key):
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    answer = httpx.post(f"{server.url}/claid{AI_EDIT}", json={}, headers=headers, trust_env=False)
    assert answer.status_code == 401
    said = answer.json()
    assert (said["error_code"], said["error_type"], said["error_details"]) == ("111", "auth", {})
    assert said["error_message"].startswith("Authorization is required.")


def test_no_credits(server, host):
    with httpx.Client(base_url=f"{server.url}/claid", trust_env=False) as poor:
        poor.headers["Authorization"] = f"Bearer {open_account(server, 'poor', credits=0)}"
        answer = ai_edit(poor, f"{host}/in.png")
    assert answer.status_code == 402
    assert answer.json()["error_type"] == "billing"
    assert "credits" in answer.json()["error_message"]


def test_too_many_requests_are_told_at_the_top_and_under_detail(client, host):
    answer = ai_edit(client, f"{host}/in.png", headers={"Gesso-Test-Fault": "rate_limited"})
    assert answer.status_code == 429
    said = answer.json()
    assert said["error_code"] == said["detail"]["error_code"] == "2001"
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize("path", [f"{AI_EDIT}/123456", f"{AI_EDIT}/-1", f"{AI_EDIT}/{10**30}", "/v1/scene/create"])
def test_what_is_not_there(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error_type"] == "general"


@pytest.mark.parametrize("path", [f"{AI_EDIT}/abc", f"{AI_EDIT}/1.5", "/v1/image/edit/async/x"])
def test_an_id_that_is_no_integer_is_answered_as_its_framework_does(client, path):
    answer = client.get(path)
    assert answer.status_code == 422
    (said,) = answer.json()["detail"]
    assert (said["loc"][0], said["type"]) == ("path", "type_error.integer")


def test_another_method(client):
    answer = client.put(AI_EDIT, json={})
    assert answer.status_code == 405
    assert answer.json()["error_code"] == "2001"


@pytest.mark.parametrize(("fault", "words"), [("fail", "engine"), ("moderated", "refused")])
def test_a_failed_edit_costs_nothing_and_says_why(client, server, host, fault, words):
    before = balance(server)
    done = finished(client, ai_edit(client, f"{host}/in.png", headers={"Gesso-Test-Fault": fault}))
    assert done["status"] == "ERROR"
    (error,) = done["errors"]
    assert words in error["error"]
    assert error["created_at"] >= done["created_at"]
    assert "result" not in done
    assert balance(server) == before


@pytest.mark.parametrize("file", ["missing.png", "broken.png"])
def test_a_picture_that_is_not_to_be_had(client, server, host, file):
    before = balance(server)
    done = finished(client, ai_edit(client, f"{host}/{file}"))
    assert (done["status"], len(done["errors"])) == ("ERROR", 1)
    answer = client.post("/v1/image/edit", json={"input": f"{host}/{file}"})
    assert answer.status_code == 400
    assert answer.json()["error_type"] == "image"
    assert balance(server) == before


def test_a_slow_edit_is_waiting_or_processing_meanwhile(client, host):
    answer = ai_edit(client, f"{host}/in.png", headers={"Gesso-Test-Fault": "slow:1"}, model="v1")
    assert client.get(answer.json()["data"]["result_url"]).json()["data"]["status"] in ("WAITING", "PROCESSING")
    assert finished(client, answer)["status"] == "DONE"


def test_a_file_kept_by_the_native_api_is_an_input(client, server):
    with server.client(server.test_key) as native:
        kept = native.post("/v1/files", files={"file": ("in.png", picture_bytes((50, 40)))}).json()["id"]
    done = finished(client, ai_edit(client, f"gesso://files/{kept}", model="v1"))
    assert done["result"]["input_object"]["width"] == 50


def test_anothers_picture_is_no_input(client, server):
    """Who does not own it is told the same as for one that never was, whatever the link's signature says."""
    url = upload(client, picture_bytes(), {}).json()["data"]["output"]["tmp_url"]
    with httpx.Client(base_url=f"{server.url}/claid", trust_env=False) as other:
        other.headers["Authorization"] = f"Bearer {open_account(server, 'other')}"
        answers = [
            ai_edit(other, one)
            for one in (url, f"{server.url}/blobs/0199a0de-0000-7000-8000-000000000001?expires=1&signature=x")
        ]
    for answer in answers:
        assert answer.status_code == 422
        (path,) = answer.json()["error_details"]
        assert path == "input"
    messages = [answer.json()["error_message"] for answer in answers]
    assert messages[0] == messages[1]


def test_an_edit_cancelled_elsewhere_is_cancelled_here(client, server, host):
    answer = ai_edit(client, f"{host}/in.png", headers={"Gesso-Test-Fault": "slow:30"})
    with server.client(server.test_key) as native:
        assert native.post(f"/v1/jobs/{answer.headers['gesso-job']}/cancel").status_code == 200
    done = finished(client, answer)
    assert (done["status"], done["errors"]) == ("CANCELLED", [])


def test_a_repeat_with_a_key_after_a_lost_answer_is_one_task_and_one_charge(client, server, host):
    before = balance(server)
    with CuttingProxy(server.url, lambda: None) as proxy:
        headers = {
            "Authorization": client.headers["authorization"],
            "Idempotency-Key": "claid-once",
            "Connection": "close",
        }
        body = {"input": f"{host}/in.png", "options": {"prompt": QUICK, "model": "v1"}}
        url = f"{proxy.url}/claid{AI_EDIT}"
        with pytest.raises(httpx.TransportError):
            httpx.post(url, json=body, headers=headers, timeout=60, trust_env=False)
        again = httpx.post(url, json=body, headers=headers, timeout=60, trust_env=False)
    assert again.headers["idempotent-replayed"] == "true"
    assert json.loads(proxy.answers[0].body)["data"]["id"] == again.json()["data"]["id"]
    assert again.json()["data"]["status"] == "ACCEPTED"
    shown = client.get(f"{AI_EDIT}/{again.json()['data']['id']}")
    assert shown.status_code == 200
    assert before - balance(server) == PRICE


def test_many_at_once_from_an_asynchronous_client(server, host):
    async def edit(client: httpx.AsyncClient) -> dict[str, Any]:
        body = {"input": f"{host}/in.png", "options": {"prompt": QUICK, "model": "gesso-sketch"}}
        answer = await client.post(AI_EDIT, json=body)
        while True:
            data = (await client.get(answer.json()["data"]["result_url"])).json()["data"]
            if data["status"] not in ("WAITING", "PROCESSING"):
                return data
            await asyncio.sleep(0.05)

    async def all_of_them() -> list[dict[str, Any]]:
        headers = {"Authorization": f"Bearer {server.test_key}"}
        async with httpx.AsyncClient(
            base_url=f"{server.url}/claid", headers=headers, trust_env=False, timeout=60
        ) as client:
            return await asyncio.gather(*(edit(client) for _ in range(6)))

    done = asyncio.run(all_of_them())
    assert {one["status"] for one in done} == {"DONE"}
    assert len({one["id"] for one in done}) == 6


# --- classic edit -------------------------------------------------------------------------------------------------


def test_a_local_file_goes_by_way_of_an_upload(client, server):
    """The chain independent clients use: upload with empty operations, then edit what tmp_url points at."""
    data = picture_bytes((120, 80), "PNG")
    kept = upload(client, data, {"operations": {}})
    assert kept.status_code == 200, kept.text
    said = kept.json()["data"]
    assert {name: said["input"][name] for name in ("format", "width", "height")} == {
        "format": "PNG", "width": 120, "height": 80,
    }  # fmt: skip
    assert said["output"]["format"] == "PNG"
    assert fetched(said["output"]["tmp_url"]).tobytes() == Image.open(io.BytesIO(data)).tobytes()

    done = finished(client, ai_edit(client, said["output"]["tmp_url"], model="v1"))
    assert done["result"]["input_object"]["width"] == 120
    assert done["status"] == "DONE"


def test_an_upload_sent_again_with_its_key_is_one_job(client):
    files = {"file": ("in.png", picture_bytes((33, 22))), "data": (None, "{}")}
    first, again = (client.post(UPLOAD, files=files, headers={"Idempotency-Key": "one-upload"}) for _ in range(2))
    assert first.headers["gesso-job"] == again.headers["gesso-job"]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["data"]["output"]["width"] == 33


RESIZED = [
    ({}, (120, 80)),
    ({"resizing": None}, (120, 80)),
    ({"resizing": {"width": 60}}, (60, 80)),
    ({"resizing": {"width": 60, "height": "auto"}}, (60, 40)),
    ({"resizing": {"width": 60, "fit": "bounds"}}, (60, 40)),
    ({"resizing": {"height": 40, "fit": "bounds"}}, (60, 40)),
    ({"resizing": {"width": "auto", "height": 160, "fit": "bounds"}}, (240, 160)),
    ({"resizing": {"width": 60, "height": 60, "fit": "bounds"}}, (60, 40)),
    ({"resizing": {"width": 60, "height": 60, "fit": "cover"}}, (90, 60)),
    ({"resizing": {"width": 60, "height": 60}}, (60, 60)),
    ({"resizing": {"width": 60, "height": 60, "fit": {"crop": "center"}}}, (60, 60)),
    ({"resizing": {"width": 60, "height": 60, "fit": {"type": "crop", "crop": "center"}}}, (60, 60)),
    ({"resizing": {"width": 60, "height": 60, "fit": "canvas"}}, (60, 60)),
    ({"resizing": {"width": "200%", "height": "200%", "fit": "bounds"}}, (240, 160)),
    ({"resizing": {"width": "50%", "height": 60, "fit": "crop"}}, (60, 60)),
    ({"restorations": {"upscale": None, "polish": False}, "adjustments": {"hdr": 0}, "padding": None}, (120, 80)),
]  # fmt: skip


@pytest.mark.parametrize(("operations", "size"), RESIZED)
def test_an_uploaded_picture_is_resized(client, operations, size):
    answer = upload(client, picture_bytes((120, 80)), {"operations": operations, "output": {"format": {"type": "png"}}})
    assert answer.status_code == 200, answer.text
    said = answer.json()["data"]
    assert (said["input"]["width"], said["input"]["height"]) == (120, 80)
    assert (said["output"]["width"], said["output"]["height"]) == fetched(said["output"]["tmp_url"]).size == size


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ("jpeg", "JPEG"),
        ("webp", "WEBP"),
        ({"type": "png", "compression": "best"}, "PNG"),
        ({"type": "jpeg", "quality": 20, "progressive": True}, "JPEG"),
        ({"type": "webp", "compression": {"type": "lossy", "quality": 40}}, "WEBP"),
    ],
)
def test_an_uploaded_picture_is_written_in_another_format(client, asked, kind):
    answer = upload(client, picture_bytes(kind="BMP"), {"operations": {}, "output": {"format": asked}})
    said = answer.json()["data"]
    assert (said["input"]["format"], said["output"]["format"]) == ("BMP", kind)
    assert fetched(said["output"]["tmp_url"]).format == kind


def test_quality_makes_a_smaller_file(client):
    noise = io.BytesIO()
    Image.effect_noise((200, 200), 80).convert("RGB").save(noise, "PNG")
    sizes = []
    for quality in (10, 95):
        asked = {"operations": {}, "output": {"format": {"type": "jpeg", "quality": quality}}}
        url = upload(client, noise.getvalue(), asked).json()["data"]["output"]["tmp_url"]
        sizes.append(len(httpx.get(url, trust_env=False).content))
    assert sizes[0] < sizes[1] / 2


def test_without_a_format_a_picture_keeps_its_own(client):
    for kind in ("JPEG", "PNG", "WEBP"):
        assert upload(client, picture_bytes(kind=kind), {}).json()["data"]["output"]["format"] == kind


def test_a_canvas_is_filled_with_the_colour(client):
    operations = {"resizing": {"width": 100, "height": 100, "fit": "canvas"}, "background": {"color": "#f0f"}}
    said = upload(client, picture_bytes((100, 50)), {"operations": operations}).json()["data"]
    picture = fetched(said["output"]["tmp_url"])
    assert picture.mode == "RGB"
    assert [picture.getpixel(at) for at in ((5, 5), (90, 95))] == [(255, 0, 255)] * 2
    assert picture.getpixel((5, 30)) == (255, 165, 0)


REFUSED = [
    ({"operations": {"background": {"remove": {"category": "products", "clipping": True}}}}, "operations.background.remove"),
    ({"operations": {"background": {"remove": True}}}, "operations.background.remove"),
    ({"operations": {"background": {"blur": {"level": "low"}}}}, "operations.background.blur"),
    ({"operations": {"background": {"color": "reddish"}}}, "operations.background.color"),
    ({"operations": {"restorations": {"upscale": "photo"}}}, "operations.restorations.upscale"),
    ({"operations": {"restorations": {"polish": True}}}, "operations.restorations.polish"),
    ({"operations": {"adjustments": {"hdr": 20}}}, "operations.adjustments.hdr"),
    ({"operations": {"padding": "10%"}}, "operations.padding"),
    ({"operations": {"privacy": {"blur_car_plate": True}}}, "operations.privacy.blur_car_plate"),
    ({"operations": {"sparkle": True}}, "operations.sparkle"),
    ({"operations": {"resizing": {"width": 60, "height": 60, "fit": "outpaint"}}}, "operations.resizing.fit"),
    ({"operations": {"resizing": {"width": 60, "fit": {"type": "outpaint", "feathering": "20%"}}}}, "operations.resizing.fit"),
    ({"operations": {"resizing": {"width": 60, "fit": {"crop": "smart"}}}}, "operations.resizing.fit.crop"),
    ({"operations": {"resizing": {"width": "auto", "height": "auto"}}}, "operations.resizing"),
    ({"operations": {"resizing": {"width": 0}}}, "operations.resizing.width"),
    ({"operations": {"resizing": {"height": "9000%"}}}, "operations.resizing.height"),
    ({"operations": {}, "output": "storage://mine"}, "output"),
    ({"operations": {}, "output": {"destination": "storage://mine"}}, "output.destination"),
    ({"operations": {}, "output": {"metadata": {"dpi": 300}}}, "output.metadata.dpi"),
    ({"operations": {}, "output": {"format": "avif"}}, "output.format"),
    ({"operations": {}, "output": {"format": {"type": "jpeg", "quality": 101}}}, "output.format.quality"),
    ({"operations": {}, "output": {"format": {"type": "webp", "compression": {"type": "lossless"}}}}, "output.format.compression.type"),
    ({"operations": {}, "input": "https://example.org/in.png"}, "input"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "path"), REFUSED)
def test_what_this_server_does_not_do_is_refused_by_name(client, asked, path):
    answer = upload(client, picture_bytes(), asked)
    assert answer.status_code == 422, answer.text
    assert list(answer.json()["error_details"]) == [path]
    assert path in answer.json()["error_message"]


def test_an_upload_without_a_picture(client):
    for files in ({"data": (None, "{}")}, {"file": (None, "text"), "data": (None, "{}")}):
        answer = client.post(UPLOAD, files=files)
        assert answer.status_code == 422
        assert list(answer.json()["error_details"]) == ["file"]
    answer = upload(client, b"no picture", {})
    assert list(answer.json()["error_details"]) == ["file"]
    answer = client.post(UPLOAD, files={"file": ("in.png", picture_bytes()), "data": (None, "{")})
    assert answer.status_code == 400


def test_too_large_a_picture_is_not_made(client):
    answer = upload(
        client, picture_bytes((1000, 1000)), {"operations": {"resizing": {"width": "900%", "fit": "bounds"}}}
    )
    assert answer.status_code == 422
    assert "9000x9000" in answer.json()["error_message"]


@pytest.mark.parametrize("version", ["v1", "v1-beta1"])
def test_an_edit_by_link(client, host, version):
    body = {
        "input": f"{host}/in.jpg",
        "operations": {"resizing": {"width": 96, "fit": "bounds"}},
        "output": {"format": "jpeg"},
    }
    said = client.post(f"/{version}/image/edit", json=body).json()["data"]
    assert (said["input"]["width"], said["output"]["width"], said["output"]["height"]) == (192, 96, 54)
    assert fetched(said["output"]["tmp_url"]).format == "JPEG"


@pytest.mark.parametrize("version", ["v1", "v1-beta1"])
def test_an_asynchronous_edit_has_one_output_object_and_ids_of_its_own(client, host, version):
    answer = client.post(f"/{version}/image/edit/async", json={"input": f"{host}/in.jpg", "operations": {}})
    done = finished(client, answer)
    assert set(done["result"]) == {"input_object", "output_object"}
    assert fetched(done["result"]["output_object"]["tmp_url"]).size == (192, 108)
    assert client.get(f"/{version}/image/edit/async/{done['id']}").json()["data"]["status"] == "DONE"
    assert client.get(f"{AI_EDIT}/{done['id']}").status_code == 404


def test_a_classic_edit_is_free_and_works_with_a_live_key(server):
    with httpx.Client(base_url=f"{server.url}/claid", trust_env=False, timeout=60) as live:
        live.headers["Authorization"] = f"Bearer {server.live_key}"
        answer = upload(live, picture_bytes(), {"operations": {"resizing": {"width": 30, "fit": "bounds"}}})
    assert answer.status_code == 200, answer.text
    with server.client() as native:
        job = native.get(f"/v1/jobs/{answer.headers['gesso-job']}").json()
    assert (job["model"], Decimal(job["charged"])) == ("claid-classic-edit", 0)


# --- generate, storage --------------------------------------------------------------------------------------------


def test_a_prompt_becomes_four_pictures(client):
    answer = client.post("/v1/image/generate", json={"input": "a plain sky"})
    said = answer.json()["data"]
    assert said["input"] == {"text": "a plain sky"}
    assert [(one["width"], one["height"], one["format"]) for one in said["output"]] == [(1024, 1024, "PNG")] * 4
    assert fetched(said["output"][3]["tmp_url"]).size == (1024, 1024)


@pytest.mark.parametrize(
    ("options", "count"), [({"number_of_images": 1, "guidance_scale": 7.5}, 1), ({"model": "gesso-sketch"}, 1)]
)
def test_generating_under_the_betas_name(client, server, options, count):
    answer = client.post("/v1-beta1/image/generate", json={"input": "a plain sky", "options": options})
    assert len(answer.json()["data"]["output"]) == count
    said = {one["parameter"]: one["got"] for one in native_job(server, answer)["parameters"]}
    assert said["guidance_scale"] == options.get("guidance_scale", 2.0)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "input"),
        ({"input": "ab"}, "input"),
        ({"input": "a" * 1025}, "input"),
        ({"input": "a duck", "output": "https://example.org/folder"}, "output"),
        ({"input": "a duck", "options": {"number_of_images": 5}}, "options.number_of_images"),
        ({"input": "a duck", "options": {"guidance_scale": 50}}, "options.guidance_scale"),
        ({"input": "a duck", "options": {"guidance_scale": 0.5}}, "options.guidance_scale"),
        ({"input": "a duck", "options": {"model": "v2"}}, "options.model"),
        ({"input": "a duck", "options": {"size": "large"}}, "options.size"),
        ({"input": "a duck", "prompt": "a duck"}, "prompt"),
    ],
)
def test_a_mistake_in_generating(client, body, path):
    answer = client.post("/v1/image/generate", json=body)
    assert answer.status_code == 422, answer.text
    assert list(answer.json()["error_details"]) == [path]


@pytest.mark.parametrize(("fault", "status"), [("fail", 500), ("moderated", 422), ("out_of_credits", 402)])
def test_a_generation_that_fails_is_answered_in_the_envelope(client, server, fault, status):
    before = balance(server)
    answer = client.post("/v1/image/generate", json={"input": "a duck"}, headers={"Gesso-Test-Fault": fault})
    assert answer.status_code == status
    assert set(answer.json()) == {"error_code", "error_type", "error_message", "error_details"}
    assert balance(server) == before


def test_storages(client):
    assert client.get("/v1/storage/storage-types").json() == {"data": ["web_folder", "s3", "gcs"]}
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/1"), ("PATCH", "/1"), ("DELETE", "/1")):
        answer = client.request(method, f"/v1/storage/storages{path}")
        assert answer.status_code == 403
        assert "storages" in answer.json()["error_message"]
