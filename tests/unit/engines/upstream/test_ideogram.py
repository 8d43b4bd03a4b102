"""Ideogram: the forms of its route, what an answer holds, and what an error means."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image
from planned import FILE, drawn, planned, routes_of
from script import Script, an_ask, carried_out, reply

from gesso.engines.upstream.sender import Unclear
from gesso.engines.upstream.steps import Call, Done, Link
from gesso.engines.upstream.vendors.ideogram import Ideogram

VENDOR = Ideogram()
((MODEL, ROUTE),) = routes_of("ideogram")
LINK = "https://ideogram.ai/api/images/ephemeral/a.png?exp=1"
PICTURE = "https://example.org/a.png"


def sent(**given: Any) -> Call:
    call = VENDOR.start(planned(MODEL, ROUTE, {"prompt": "a red fox", **given}).ask).call
    assert (call.method, call.pays, call.json) == ("POST", True, None)
    return call


def fields(call: Call) -> dict[str, Any]:
    return {part.name: part.data for part in call.parts if not part.filename}


def files(call: Call) -> dict[str, tuple[Any, str, str]]:
    return {part.name: (part.data, part.filename, part.media_type) for part in call.parts if part.filename}


COMMON = {"prompt": "a red fox", "seed": "7", "rendering_speed": "TURBO"}


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({}, {"aspect_ratio": "1x1", "magic_prompt": "AUTO"}),
        (
            {"aspect_ratio": "16:10", "magic_prompt_option": "Off", "style_type": "Realistic", "seed": 3},
            {"aspect_ratio": "16x10", "magic_prompt": "OFF", "style_type": "REALISTIC", "seed": "3"},
        ),
        (
            {"resolution": "1536x640", "aspect_ratio": "3:1", "magic_prompt_option": "On", "style_type": "Auto"},
            {"resolution": "1536x640", "magic_prompt": "ON", "style_type": "AUTO"},
        ),
        ({"style_type": "None", "resolution": "None"}, {"aspect_ratio": "1x1", "magic_prompt": "AUTO"}),
    ],
)
def test_what_is_sent_for_a_new_picture(given, more):
    call = sent(**given)
    assert call.url == "v1/ideogram-v3/generate"
    assert fields(call) == COMMON | more
    assert files(call) == {}


def test_a_masked_picture_is_repainted_where_the_mask_is_black():
    call = sent(image=PICTURE, mask=PICTURE, aspect_ratio="3:1", style_type="General")
    assert call.url == "v1/ideogram-v3/inpaint"
    assert fields(call) == COMMON | {"magic_prompt": "AUTO", "style_type": "GENERAL"}
    assert files(call)["image"] == (FILE, "image.png", "image/png")
    data, name, media_type = files(call)["mask"]
    assert (name, media_type) == ("mask.png", "image/png")
    assert Image.open(io.BytesIO(data)).convert("L").getextrema() == (0, 0)  # all of it was to be repainted


def test_a_ratio_that_does_not_count_is_not_sent_and_told():
    made = planned(MODEL, ROUTE, {"prompt": "a fox", "resolution": "1536x640", "aspect_ratio": "3:1"})
    ratio = next(one for one in made.choice.verdicts if one.parameter == "aspect_ratio")
    assert (ratio.verdict, "aspect_ratio" in made.ask.arguments) == ("ignored", False)


def test_only_fields_the_owner_has_are_sent():
    seen = set()
    for made in drawn(MODEL, ROUTE):
        call = VENDOR.start(made.ask).call
        verb = call.url.rpartition("/")[2]
        seen.add(verb)
        known = {*COMMON, "magic_prompt", "style_type"} | (
            {"aspect_ratio", "resolution"} if verb != "inpaint" else set()
        )
        assert set(fields(call)) <= known, made.given
        assert not {"aspect_ratio", "resolution"} <= set(fields(call))  # it takes one of them
        assert set(files(call)) == {"generate": set(), "remix": {"image"}, "inpaint": {"image", "mask"}}[verb]
    assert {"generate", "inpaint"} <= seen


def test_the_key_has_a_header_of_its_own():
    assert VENDOR.authorise("secret") == {"Api-Key": "secret"}


def test_pictures_seeds_and_those_found_unsafe():
    body = {
        "created": "2026-11-21T10:00:00Z",
        "data": [
            {"url": LINK, "seed": 12, "is_image_safe": True, "resolution": "1024x1024"},
            {"url": None, "is_image_safe": False},
        ],
    }
    assert VENDOR.read(an_ask(), {}, reply(200, body)) == Done((Link(LINK, 12),), refused=1)


def test_a_picture_found_unsafe_is_a_refusal():
    failed = VENDOR.read(an_ask(), {}, reply(200, {"data": [{"url": None, "is_image_safe": False}]}))
    assert (failed.why, failed.again, failed.billed) == ("refused", False, None)


@pytest.mark.parametrize(
    ("status", "body", "why", "again"),
    [
        (422, {"error": "Prompt failed the safety check."}, "refused", False),
        (400, {"error": "The image was flagged"}, "refused", False),
        (400, {"error": "Invalid resolution"}, "bad_input", False),
        (400, {"message": "Insufficient credits"}, "no_credit", True),
        (401, {"error": "Unauthorized"}, "no_access", True),
        (402, None, "no_credit", True),
        (429, {"error": "Too many requests"}, "rate_limited", True),
        (503, None, "unavailable", True),
    ],
)
def test_what_an_error_means(status, body, why, again):
    failed = VENDOR.read(an_ask(), {}, reply(status, body))
    assert (failed.why, failed.again, failed.billed) == (why, again, False)


@pytest.mark.parametrize(
    "garbled", [reply(200, raw=b"<html>"), reply(200, {}), reply(200, {"data": [{}]}), reply(200, {"data": 7})]
)
async def test_garbled_answers(garbled):
    outcome = await carried_out(VENDOR, Script(garbled))
    assert (outcome.why, outcome.billed) == ("garbled", None)


async def test_what_may_have_arrived_is_not_sent_again():
    script = Script(Unclear("broke off"))
    assert (await carried_out(VENDOR, script)).why == "unknown"
    assert script.paid == 1
    assert VENDOR.cancel({}) is None
