"""Stability AI: the form of its routes with and without a picture, what is filtered, its errors."""

from __future__ import annotations

import base64

import pytest
from routed import LINK, PICTURE, SEED, routed, verdicts
from script import Script, carried_out, reply

from gesso.engines.upstream.steps import Done, Inline, Part
from gesso.engines.upstream.vendors.stability import Stability

VENDOR = Stability()
IMAGE = base64.b64encode(b"png").decode()


@pytest.mark.parametrize("size", ["large", "medium"])
@pytest.mark.parametrize(("asked", "sent"), [("21:9", "21:9"), ("4:3", "5:4"), ("3:4", "4:5")])
def test_the_wire_of_every_route(size, asked, sent):
    choice, (ask,) = routed(f"stable-diffusion-3-5-{size}", "stability", aspect_ratio=asked, cfg=6)
    call = VENDOR.start(ask).call
    assert (call.method, call.url, call.pays) == ("POST", "v2beta/stable-image/generate/sd3", True)
    assert {part.name: part.data for part in call.parts} == {
        "model": f"sd3.5-{size}",
        "mode": "text-to-image",
        "prompt": "a red fox",
        "aspect_ratio": sent,
        "cfg_scale": "6.0",
        "seed": str(SEED),
        "output_format": "png",
    }
    assert verdicts(choice)["steps"] == "ignored"
    assert VENDOR.authorise("key") == {"Authorization": "Bearer key"}


@pytest.mark.parametrize("size", ["large", "medium"])
def test_a_picture_gives_the_shape(size):
    _, (ask,) = routed(f"stable-diffusion-3-5-{size}", "stability", image=LINK, prompt_strength=0.6)
    parts = {part.name: part for part in VENDOR.start(ask).call.parts}
    assert parts["image"] == Part("image", PICTURE, "image.png", "image/png")
    assert (parts["mode"].data, parts["strength"].data) == ("image-to-image", "0.6")
    assert "aspect_ratio" not in parts


async def test_the_picture_is_within_the_answer_with_its_seed():
    body = {"image": IMAGE, "finish_reason": "SUCCESS", "seed": 42}
    assert await carried_out(VENDOR, Script(reply(200, body))) == Done((Inline(b"png", 42),))


async def test_a_filtered_picture_is_a_refusal():
    outcome = await carried_out(VENDOR, Script(reply(200, {"image": IMAGE, "finish_reason": "CONTENT_FILTERED"})))
    assert (outcome.why, outcome.billed) == ("refused", None)


@pytest.mark.parametrize(
    ("status", "name", "why", "billed"),
    [
        (400, "bad_request", "bad_input", False),
        (401, "unauthorized", "no_access", False),
        (402, "payment_required", "no_credit", False),
        (403, "content_moderation", "refused", False),
        (403, "forbidden", "no_access", False),
        (413, "payload_too_large", "bad_input", False),
        (422, "invalid_language", "bad_input", False),
        (500, "internal_error", "failed", None),
    ],
)
async def test_an_error_is_told_by_meaning(status, name, why, billed):
    script = Script(reply(status, {"id": "e-1", "name": name, "errors": ["said so"]}))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, outcome.message, script.paid) == (why, billed, "said so", 1)


@pytest.mark.parametrize(
    "raw",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"finish_reason": "SUCCESS"}',
        b'{"finish_reason": "SUCCESS", "image": "%"}',
        b'{"finish_reason": "OTHER", "image": ""}',
        b"\xff",
    ],
)
async def test_a_garbled_answer_is_not_sent_again(raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


def test_it_cannot_be_cancelled():
    assert VENDOR.cancel({}) is None
