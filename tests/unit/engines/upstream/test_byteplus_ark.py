"""BytePlus ModelArk: the wire of its routes, pictures and errors side by side, its codes."""

from __future__ import annotations

import base64

import pytest
from routed import LINK, PICTURE, SEED, routed, verdicts
from script import Script, carried_out, reply

from gesso.engines.upstream.steps import Done, Inline, Link
from gesso.engines.upstream.vendors.byteplus_ark import BytePlusArk

VENDOR = BytePlusArk()
SENSITIVE = {"code": "OutputImageSensitiveContentDetected", "message": "may contain sensitive information"}


@pytest.mark.parametrize(
    ("slug", "asked", "sent"),
    [
        (
            "bytedance-seedream-v4-5-text-to-image",
            {"image_size": {"width": 2560, "height": 1440}, "sync_mode": True},
            {
                "model": "seedream-4-5-251128",
                "size": "2560x1440",
                "response_format": "b64_json",
                "sequential_image_generation": "disabled",
            },
        ),
        (
            "seedream-v4-text-to-image",
            {"image_size": "auto_2K"},
            {
                "model": "seedream-4-0-250828",
                "size": "2048x2048",
                "response_format": "url",
                "sequential_image_generation": "disabled",
            },
        ),
        (
            "seedream-v3-text-to-image",
            {"aspect_ratio": "9:16", "guidance_scale": 4},
            {"model": "seedream-3-0-t2i-250415", "size": "720x1280", "guidance_scale": 4.0},
        ),
    ],
)
def test_the_wire_of_every_route(slug, asked, sent):
    _, asks = routed(slug, "byteplus_ark", num_images=2, **asked)
    calls = [VENDOR.start(ask).call for ask in asks]
    assert {(call.method, call.url, call.pays) for call in calls} == {("POST", "images/generations", True)}
    assert [call.json for call in calls] == [
        {"prompt": "a red fox", "seed": SEED + number, "watermark": False, **sent} for number in range(2)
    ]
    assert VENDOR.authorise("key") == {"Authorization": "Bearer key"}


@pytest.mark.parametrize(
    ("slug", "target", "sides"),
    [
        ("magic-hour-seedream-v4", "seedream-4-0-250828", "1280x720"),
        ("magic-hour-seedream-v4.5", "seedream-4-5-251128", "2560x1440"),
    ],
)
def test_pictures_to_edit_go_as_a_list_and_give_the_shape(slug, target, sides):
    """Our reading: "2K" without a width and a height follows the picture's shape."""
    choice, asks = routed(slug, "byteplus_ark", images=[LINK, LINK], image_count=4, name="mine")
    uri = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
    assert len(asks) == 4
    assert VENDOR.start(asks[3]).call.json == {
        "model": target,
        "prompt": "a red fox",
        "image": [uri, uri],
        "size": "2K",
        "sequential_image_generation": "disabled",
        "watermark": False,
    }
    assert verdicts(choice)["name"] == "ignored"
    _, (ask,) = routed(slug, "byteplus_ark", images=[LINK], aspect_ratio="16:9", resolution="1k")
    assert VENDOR.start(ask).call.json["size"] == sides


def test_what_it_does_not_take_is_reported():
    choice, _ = routed("bytedance-seedream-v4-5-text-to-image", "byteplus_ark", max_images=3)
    assert verdicts(choice)["max_images"] == "ignored"
    choice, _ = routed("seedream-v4-text-to-image", "byteplus_ark", enable_safety_checker=False)
    assert verdicts(choice)["enable_safety_checker"] == "ignored"


async def test_the_pictures_are_links_or_within_the_answer():
    data = [{"url": "https://ark.example/1.jpeg", "size": "1x1"}, {"b64_json": base64.b64encode(b"jpeg").decode()}]
    outcome = await carried_out(VENDOR, Script(reply(200, {"data": data, "usage": {"generated_images": 2}})))
    assert outcome == Done((Link("https://ark.example/1.jpeg"), Inline(b"jpeg")))


async def test_a_picture_kept_back_stands_among_the_others():
    data = [{"error": SENSITIVE}, {"url": "https://ark.example/2.jpeg"}, {"error": {"code": "InternalServiceError"}}]
    outcome = await carried_out(VENDOR, Script(reply(200, {"data": data})))
    assert outcome == Done((Link("https://ark.example/2.jpeg"),), refused=1)


@pytest.mark.parametrize("body", [{"data": [{"error": SENSITIVE}]}, {"data": [], "error": SENSITIVE}])
async def test_none_made_is_told_by_the_first_error(body):
    outcome = await carried_out(VENDOR, Script(reply(200, body)))
    assert (outcome.why, outcome.billed, outcome.message) == ("refused", None, SENSITIVE["message"])


@pytest.mark.parametrize(
    ("status", "code", "why", "billed"),
    [
        (400, "InvalidParameter", "bad_input", False),
        (400, "InputTextSensitiveContentDetected", "refused", False),
        (400, "SensitiveContentDetected.Violence", "refused", False),
        (400, "InputTextRiskDetection", "refused", False),
        (400, "OutputImageSensitiveContentDetected", "refused", None),
        (401, "AuthenticationError", "no_access", False),
        (403, "AccountOverdueError", "no_credit", False),
        (403, "AccessDenied", "no_access", False),
        (404, "ModelNotOpen", "no_model", False),
        (404, "InvalidEndpointOrModel.NotFound", "no_model", False),
        (429, "SetLimitExceeded", "no_credit", False),
        (500, "InternalServiceError", "failed", None),
    ],
)
async def test_a_code_says_why(status, code, why, billed):
    script = Script(reply(status, {"error": {"code": code, "message": "said so", "type": "BadRequest"}}))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, outcome.message, script.paid) == (why, billed, "said so", 1)


async def test_too_many_requests_are_sent_again():
    busy = reply(429, {"error": {"code": "RateLimitExceeded.EndpointRPMExceeded", "message": "slower"}})
    script = Script(busy, reply(200, {"data": [{"url": "https://ark.example/1.jpeg"}]}))
    assert isinstance(await carried_out(VENDOR, script), Done)
    assert script.paid == 2


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"{}", b'{"data": [{}]}', b'{"data": [{"b64_json": "%"}]}', b"\xff"])
async def test_a_garbled_answer_is_not_sent_again(raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(VENDOR, script)
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)
