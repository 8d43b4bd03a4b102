"""Bria: the wire of its routes, guiding pictures, what moderation keeps back."""

from __future__ import annotations

import base64

import pytest
from routed import LINK, PICTURE, SEED, routed, verdicts
from script import Script, an_ask, carried_out, reply

from gesso.engines.upstream.steps import Done, Link
from gesso.engines.upstream.vendors.bria import Bria

VENDOR = Bria()
ASK = an_ask(target="v1/text-to-image/hd/2.2")
BASE = {
    "prompt": "a red fox",
    "num_results": 1,
    "aspect_ratio": "1:1",
    "enhance_image": False,
    "content_moderation": False,
    "ip_signal": False,
    "prompt_enhancement": False,
    "sync": True,
}


@pytest.mark.parametrize(
    ("slug", "asked", "path", "sent"),
    [
        (
            "bria-v1-text-to-image-base",
            {"model_version": "3.2", "negative_prompt": "rain", "aspect_ratio": "16:9", "medium": "art"},
            "v1/text-to-image/base/3.2",
            {
                "negative_prompt": "rain",
                "aspect_ratio": "16:9",
                "medium": "art",
                "steps_num": 30,
                "text_guidance_scale": 5,
                "prompt_content_moderation": True,
            },
        ),
        (
            "bria-v1-text-to-image-fast",
            {"steps_num": 4, "content_moderation": True},
            "v1/text-to-image/fast/2.3",
            {"steps_num": 4, "content_moderation": True, "prompt_content_moderation": True},
        ),
        (
            "bria-v1-text-to-image-hd",
            {"text_guidance_scale": 7, "enhance_image": True},
            "v1/text-to-image/hd/2.2",
            {"steps_num": 30, "text_guidance_scale": 7, "enhance_image": True},
        ),
    ],
)
def test_the_wire_of_every_route(slug, asked, path, sent):
    choice, asks = routed(slug, "bria", num_results=2, **asked)
    calls = [VENDOR.start(ask).call for ask in asks]
    assert {(call.method, call.url, call.pays) for call in calls} == {("POST", path, True)}
    assert [call.json for call in calls] == [{**BASE, **sent, "seed": SEED + number} for number in range(2)]
    assert set(verdicts(choice).values()) == {"used"}
    assert VENDOR.authorise("key") == {"api_token": "key"}


@pytest.mark.parametrize("slug", ["bria-v1-text-to-image-base", "bria-v1-text-to-image-fast"])
def test_guiding_pictures_go_with_what_is_said_of_them(slug):
    asked = {"num_results": 1, "image_prompt_scale": 0.5, "image_prompt_mode": "style_only"}
    _, (ask,) = routed(slug, "bria", image_prompt_urls=[LINK], **asked)
    body = VENDOR.start(ask).call.json
    assert body["image_prompt_file"] == base64.b64encode(PICTURE).decode()
    assert (body["image_prompt_scale"], body["image_prompt_mode"]) == (0.5, "style_only")
    assert "image_prompt_urls" not in body


def test_several_guiding_pictures_go_as_a_list():
    _, (ask,) = routed("bria-v1-text-to-image-base", "bria", num_results=1, image_prompt_urls=[LINK, LINK])
    body = VENDOR.start(ask).call.json
    first, second = (base64.b64encode(one).decode() for one in (PICTURE, PICTURE + b"1"))
    assert body["image_prompt_urls"] == [f"data:image/png;base64,{first}", f"data:image/png;base64,{second}"]
    assert "image_prompt_file" not in body


async def test_the_answer_has_a_link_and_the_seed():
    body = {"result": [{"urls": ["https://bria.example/1.png"], "seed": 42, "uuid": "u-1"}]}
    assert await carried_out(VENDOR, Script(reply(200, body)), ask=ASK) == Done(
        (Link("https://bria.example/1.png", 42),)
    )


async def test_a_picture_kept_back_stands_in_the_result():
    kept = {"blocked": True, "description": "explicit content"}
    outcome = await carried_out(VENDOR, Script(reply(200, {"result": [kept]})), ask=ASK)
    assert (outcome.why, outcome.message, outcome.billed) == ("refused", "explicit content", None)
    body = {"result": [kept, {"urls": ["https://bria.example/2.png"]}]}
    outcome = await carried_out(VENDOR, Script(reply(200, body)), ask=ASK)
    assert outcome == Done((Link("https://bria.example/2.png"),), refused=1)


@pytest.mark.parametrize(
    ("status", "body", "why", "billed"),
    [
        (400, {"message": "said so"}, "bad_input", False),
        (401, {"message": "said so"}, "no_access", False),
        (403, {"detail": "said so"}, "no_access", False),
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "said so"}]}, "bad_input", False),
        (422, {"error": {"code": 422, "message": "content moderation: said so"}}, "refused", False),
        (460, {"message": "said so"}, "bad_input", False),
        (500, {"error": "said so"}, "failed", None),
        (503, {}, "unavailable", False),
    ],
)
async def test_an_error_is_told_by_meaning(status, body, why, billed):
    script = Script(reply(status, body))
    outcome = await carried_out(VENDOR, script, ask=ASK)
    assert (outcome.why, outcome.billed, script.paid) == (why, billed, 1)
    assert outcome.message.endswith("said so") or not body


@pytest.mark.parametrize(
    "raw",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"result": []}',
        b'{"result": [{"urls": []}]}',
        b'{"result": [{"urls": [1]}]}',
        b"\xff",
    ],
)
async def test_a_garbled_answer_is_not_sent_again(raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(VENDOR, script, ask=ASK)
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


def test_it_cannot_be_cancelled():
    assert VENDOR.cancel({}) is None
