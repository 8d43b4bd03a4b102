"""OpenAI's file: the wire of every route, and what each of its answers means."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from planned import FILE, check_arguments, drawn, name_of, planned, routes_of
from script import Script, carried_out, reply

from gesso.domain.picture import PictureReference
from gesso.engines.upstream.steps import Done, Inline, Link, Part
from gesso.engines.upstream.vendors.openai import OpenAI

ROUTES = routes_of("openai")
BY_SLUG = {model.slug: (model, route) for model, route in ROUTES}
PICTURE = PictureReference(url="https://example.org/a.png")
GENERATION = {"model", "prompt", "n", "size", "quality", "background", "moderation", "style"}
EDIT = {"model", "prompt", "n", "size", "quality", "background", "input_fidelity", "image[]", "mask"}
VARIATION = {"model", "image", "n", "size"}


@pytest.mark.parametrize(("model", "route"), ROUTES, ids=name_of)
def test_the_call_of_every_route(model, route):
    for one in drawn(model, route):
        check_arguments(one)
        call = OpenAI().start(one.ask).call
        assert (call.method, call.pays) == ("POST", True)
        asked_for = one.given.get("model", route.target)
        if not one.ask.pictures:
            assert call.url == "images/generations"
            assert set(call.json) <= GENERATION
            assert (call.json["model"], call.json["n"]) == (asked_for, one.request.count)
            continue
        edits = "edit" in model.operations
        assert call.url == ("images/edits" if edits else "images/variations")
        assert call.json is None
        fields = {part.name: part.data for part in call.parts if not part.filename}
        assert {part.name for part in call.parts} <= (EDIT if edits else VARIATION)
        assert (fields["model"], fields["n"]) == (asked_for, str(one.request.count))
        assert all(isinstance(value, str) for value in fields.values())


def test_the_exact_generation():
    given = {"prompt": "a fox", "image_size": "1536x1024", "num_images": 2, "quality": "low", "background": "opaque"}
    assert OpenAI().start(planned(*BY_SLUG["gpt-image-v1-5-text-to-image"], given).ask).call.json == {
        "model": "gpt-image-1.5",
        "prompt": "a fox",
        "size": "1536x1024",
        "n": 2,
        "quality": "low",
        "background": "opaque",
    }


def test_the_exact_edit():
    given = {
        "image": [PICTURE, PICTURE],
        "mask": PICTURE,
        "prompt": "a hat",
        "model": "gpt-image-2",
        "size": "1024x1024",
    }
    parts = OpenAI().start(planned(*BY_SLUG["openai-images-edit"], given).ask).call.parts
    *others, mask = parts
    assert others == [
        Part("model", "gpt-image-2"),
        Part("prompt", "a hat"),
        Part("n", "1"),
        Part("size", "1024x1024"),
        Part("input_fidelity", "low"),
        Part("image[]", FILE, "image.png", "image/png"),
        Part("image[]", FILE, "reference.png", "image/png"),
    ]
    assert (mask.name, mask.filename, mask.media_type) == ("mask", "mask.png", "image/png")
    with Image.open(io.BytesIO(mask.data)) as opened:
        assert opened.getchannel("A").getextrema() == (
            0,
            0,
        )  # a white mask repaints all: for OpenAI, what is see-through


async def test_the_pictures_are_in_the_answer():
    script = Script(reply(200, {"data": [{"b64_json": "iVBORw0KGgo="}, {"url": "https://blob.example/1.png"}]}))
    outcome = await carried_out(OpenAI(), script)
    assert outcome == Done((Inline(b"\x89PNG\r\n\x1a\n"), Link("https://blob.example/1.png")))
    assert (script.paid, len(script.sent)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "code", "why", "billed", "paid"),
    [
        (400, "moderation_blocked", "refused", False, 1),
        (400, "content_policy_violation", "refused", False, 1),
        (400, "invalid_value", "bad_input", False, 1),
        (400, "billing_hard_limit_reached", "no_credit", False, 1),
        (401, "invalid_api_key", "no_access", False, 1),
        (404, "model_not_found", "no_model", False, 1),
        (429, "insufficient_quota", "no_credit", False, 1),
        (429, "rate_limit_exceeded", "rate_limited", False, 5),
        (500, None, "failed", None, 1),
        (503, None, "unavailable", False, 1),
    ],
)
async def test_a_refusal(status, code, why, billed, paid):
    script = Script(reply(status, {"error": {"message": "No.", "code": code, "type": "x", "param": None}}))
    outcome = await carried_out(OpenAI(), script)
    assert (outcome.why, outcome.message, outcome.billed, script.paid) == (why, "No.", billed, paid)


@pytest.mark.parametrize("raw", [b"<html>", b"{}", b'{"data": [{}]}', b'{"data": [{"b64_json": "%"}]}', b"\xff"])
async def test_a_garbled_answer_is_not_sent_again(raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(OpenAI(), script)
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


def test_it_cannot_be_stopped():
    assert OpenAI().cancel({}) is None
