"""Our calls beside those of the vendors' own clients: the same paths and bodies, and both read the same answers."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import httpx
import pytest
from fashn import Fashn as FashnClient
from friendli import SyncFriendli
from magic_hour import Client as MagicHourClient
from openai import OpenAI as OpenAIClient
from planned import CATALOGUE, FILE, planned
from replicate import Client as ReplicateClient
from script import Script, carried_out, reply

from gesso.domain.picture import PictureReference
from gesso.engines.upstream.steps import Call, Inline, Link
from gesso.engines.upstream.vendors import UPSTREAMS
from gesso.engines.upstream.vendors.fashn import Fashn
from gesso.engines.upstream.vendors.friendli import Friendli
from gesso.engines.upstream.vendors.magic_hour import MagicHour
from gesso.engines.upstream.vendors.openai import OpenAI
from gesso.engines.upstream.vendors.replicate import Replicate

PICTURE = PictureReference(url="https://example.org/a.png")
DATA = "data:image/png;base64," + base64.b64encode(FILE).decode()
PNG = b"\x89PNG\r\n\x1a\n"
LINK = "https://cdn.example/0.png"


class Vendor:
    """Answers a client's requests in order, without a network, and keeps them."""

    def __init__(self, *answers: object) -> None:
        self._answers = list(answers)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.seen.append(request)
        return httpx.Response(200, json=self._answers.pop(0))

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self))


def asked(vendor: str, slug: str, **given):
    model = CATALOGUE.get(slug)
    return planned(model, next(one for one in model.routes if one.vendor == vendor), given).ask


def same(request: httpx.Request, vendor: str, call: Call) -> None:
    """Check that a client's request is our call."""
    assert (request.method, str(request.url)) == (call.method, f"{UPSTREAMS[vendor].base}/{call.url}")
    for name, value in ({} if call.open else UPSTREAMS[vendor].authorise("k")).items():
        assert request.headers[name] == value
    if call.json is not None:
        assert request.headers["content-type"] == "application/json"
        assert json.loads(request.content) == call.json


async def test_fashn():
    inputs = {"image": DATA, "prompt": "add a hat", "resolution": "1k", "seed": 7, "num_images": 1}
    answers = [
        {"id": "u-1", "error": None},
        {"id": "u-1", "status": "completed", "output": [LINK], "error": None},
    ]
    vendor = Vendor(*answers)
    with FashnClient(api_key="k", http_client=vendor.client()) as client:
        made = client.predictions.subscribe(model_name="edit", inputs={**inputs, "return_base64": False})
    assert made.output == [LINK]
    ask = asked("fashn", "fashn-edit", image=PICTURE, prompt="add a hat", seed=7)
    script = Script(*(reply(200, one) for one in answers))
    assert (await carried_out(Fashn(), script, ask=ask)).pictures == (Link(LINK),)
    for request, call in zip(vendor.seen, script.sent, strict=True):
        same(request, "fashn", call)


async def test_friendli():
    answer = {"data": [{"seed": 7, "response_format": "png", "b64_json": base64.b64encode(PNG).decode()}]}
    vendor = Vendor(answer)
    with SyncFriendli(token="k", client=vendor.client()) as client:
        client.dedicated.image.edit(
            model="edit",
            image=[{"image": DATA}],
            prompt="add a car",
            seed=7,
            guidance_scale=3.5,
            response_format="png",
        )
    ask = asked("friendli", "friendli-edit", image=[PICTURE], prompt="add a car", seed=7, guidance_scale=3.5)
    script = Script(reply(200, answer))
    assert (await carried_out(Friendli(), script, ask=ask)).pictures == (Inline(PNG, 7),)
    (request,), (call,) = vendor.seen, script.sent
    same(request, "friendli", call)


async def test_magic_hour(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(FILE)
    answers = [
        {"items": [{"upload_url": "https://s.example/1?sig=9", "expires_at": "x", "file_path": "api-assets/u/1.png"}]},
        {},
        {"id": "p1", "credits_charged": 10, "frame_cost": 10},
        {
            "id": "p1", "name": None, "status": "complete", "image_count": 1, "type": "AI_IMAGE_EDITOR", "enabled": True,
            "created_at": "2026-11-20T10:00:00Z", "credits_charged": 10, "total_frame_cost": 10, "error": None,
            "downloads": [{"url": LINK, "expires_at": "2026-11-21T10:00:00Z"}],
        },
    ]  # fmt: skip
    vendor = Vendor(*answers)
    client = MagicHourClient(token="k", httpx_client=vendor.client())
    uploads = SimpleNamespace(Client=lambda **_: vendor.client())  # it uploads past the client it was given
    monkeypatch.setattr("magic_hour.resources.v1.files.client.httpx", uploads)
    path = client.v1.files.upload_file(str(tmp_path / "a.png"))
    made = client.v1.ai_image_editor.create(
        assets={"image_file_paths": [path]},
        style={"prompt": "add a duck"},
        model="qwen-edit",
        aspect_ratio="16:9",
        resolution="1k",
        image_count=1,
    )
    assert client.v1.image_projects.get(id=made.id).downloads[0].url == LINK
    given = {"images": [PICTURE], "prompt": "add a duck", "aspect_ratio": "16:9", "resolution": "1k"}
    script = Script(*(reply(200, one) for one in answers))
    ask = asked("magic_hour", "magic-hour-qwen-edit", **given)
    assert (await carried_out(MagicHour(), script, ask=ask)).pictures == (Link(LINK),)
    for request, call in zip(vendor.seen, script.sent, strict=True):
        if call.open:
            assert (request.method, str(request.url), request.content) == (call.method, call.url, call.body)
        else:
            same(request, "magic_hour", call)


async def test_openai():
    answer = {"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}]}
    vendor = Vendor(answer)
    with OpenAIClient(api_key="k", http_client=vendor.client()) as client:
        client.images.generate(model="gpt-image-1.5", prompt="a fox", size="1536x1024", n=1, quality="low")
    ask = asked("openai", "gpt-image-v1-5-text-to-image", prompt="a fox", image_size="1536x1024", quality="low")
    script = Script(reply(200, answer))
    assert (await carried_out(OpenAI(), script, ask=ask)).pictures == (Inline(PNG),)
    (request,), (call,) = vendor.seen, script.sent
    same(request, "openai", call)


async def test_replicate():
    made = {"id": "p1", "model": "m", "version": "v", "input": {}, "logs": "", "urls": {}, "created_at": None}
    answers = [{**made, "status": "starting"}, {**made, "status": "succeeded", "output": [LINK]}]
    vendor = Vendor(*answers)
    client = ReplicateClient(api_token="k", transport=httpx.MockTransport(vendor))
    ask = asked("replicate", "flux-schnell", prompt="a fox", seed=7)
    begun = client.predictions.create(version="black-forest-labs/flux-schnell", input=dict(ask.arguments))
    assert client.predictions.get(begun.id).output == [LINK]
    script = Script(*(reply(200, one) for one in answers))
    assert (await carried_out(Replicate(), script, ask=ask)).pictures == (Link(LINK),)
    for request, call in zip(vendor.seen, script.sent, strict=True):
        same(request, "replicate", call)


@pytest.mark.parametrize("name", ["fashn", "friendli", "magic_hour", "openai", "replicate"])
def test_they_say_that_they_were_checked(name):
    assert UPSTREAMS[name].checked == "sdk"
