"""Google's Gemini: the wire of each of its routes, what an answer holds, and what an error means."""

from __future__ import annotations

from typing import Any

import pytest
from planned import CATALOGUE, drawn, name_of, planned, routes_of
from script import Script, an_ask, carried_out, reply

from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import check
from gesso.catalogue.plan import plan
from gesso.engines.upstream.sender import Unclear
from gesso.engines.upstream.steps import Done, Inline
from gesso.engines.upstream.vendors.google import Google

GOOGLE = Google()
ROUTES = {model.slug: (model, route) for model, route in routes_of("google")}
IMAGE = {"mimeType": "image/png", "data": "iVBORywgc2F5cyB0aGUgdGVzdA=="}
PART = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
ASK = an_ask(arguments={"contents[0].parts[0].text": "a red fox"})
PIXELS = b"\x89PNG\r\n\x1a\n"


def wire(slug: str, **given: Any) -> tuple[str, Any]:
    call = GOOGLE.start(planned(*ROUTES[slug], given).ask).call
    assert (call.method, call.pays) == ("POST", True)
    return call.url, call.json


def message(text: str, *files: Any) -> list[Any]:
    return [{"role": "user", "parts": [{"text": text}, *({"inlineData": file} for file in files)]}]


def safety(threshold: str) -> list[dict[str, str]]:
    kinds = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
    return [{"category": f"HARM_CATEGORY_{kind}", "threshold": threshold} for kind in kinds]


def answer(*parts: Any, **more: Any) -> Any:
    return reply(
        200, {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP"} | more]}
    )


def test_the_key_has_a_header_of_its_own():
    assert GOOGLE.authorise("secret") == {"x-goog-api-key": "secret"}


@pytest.mark.parametrize(
    ("slug", "given", "target", "config", "more"),
    [
        ("nano-banana", {"aspect_ratio": "21:9"}, "gemini-2.5-flash-image", {"aspectRatio": "21:9"}, {}),
        (
            "nano-banana-pro",
            {"resolution": "4K", "limit_generations": True},
            "gemini-3-pro-image",
            {"aspectRatio": "1:1", "imageSize": "4K"},
            {},
        ),
        (
            "gemini-3-pro-image-preview",
            {"sync_mode": True, "output_format": "webp"},
            "gemini-3-pro-image",
            {"aspectRatio": "1:1", "imageSize": "1K"},
            {},
        ),
        (
            "imagen-3",
            {"safety_filter_level": "block_only_high"},
            "gemini-3.1-flash-image",
            {"aspectRatio": "1:1"},
            {"safetySettings": safety("BLOCK_ONLY_HIGH")},
        ),
        (
            "imagen-3-fast",
            {"aspect_ratio": "4:3"},
            "gemini-3.1-flash-image",
            {"aspectRatio": "4:3"},
            {"safetySettings": safety("BLOCK_MEDIUM_AND_ABOVE")},
        ),
        (
            "imagen-4-fast",
            {"safety_filter_level": "block_low_and_above"},
            "gemini-3.1-flash-image",
            {"aspectRatio": "1:1"},
            {"safetySettings": safety("BLOCK_LOW_AND_ABOVE")},
        ),
    ],
)
def test_what_is_sent(slug, given, target, config, more):
    expected = {
        "contents": message("a red fox"),
        "generationConfig": {"imageConfig": config, "responseModalities": ["IMAGE"]},
    }
    assert wire(slug, prompt="a red fox", **given) == (f"v1beta/models/{target}:generateContent", expected | more)


def test_a_seed_goes_into_the_configuration():
    _, body = wire("imagen4-preview", prompt="a red fox", seed="11", aspect_ratio="16:9")
    assert body["generationConfig"] == {
        "seed": 11,
        "imageConfig": {"aspectRatio": "16:9"},
        "responseModalities": ["IMAGE"],
    }


@pytest.mark.parametrize("slug", ["imagen-3", "imagen-3-fast", "imagen4-preview"])
def test_what_is_to_be_kept_out_is_said_below_the_prompt(slug):
    _, body = wire(slug, prompt="a red fox", negative_prompt="snow")
    assert body["contents"] == message("a red fox\n\nKeep out of the picture: snow")


@pytest.mark.parametrize(
    ("slug", "given", "target", "config"),
    [
        ("magic-hour-nano-banana", {"resolution": "1k"}, "gemini-2.5-flash-image", {}),
        ("magic-hour-nano-banana-pro", {"resolution": "4k"}, "gemini-3-pro-image", {"imageSize": "4K"}),
        (
            "magic-hour-nano-banana-2",
            {"resolution": "640px", "aspect_ratio": "4:5"},
            "gemini-3.1-flash-image",
            {"aspectRatio": "4:5", "imageSize": "1K"},
        ),
    ],
)
def test_pictures_follow_the_prompt(slug, given, target, config):
    pictures = ["https://example.org/a.png", "https://example.org/b.png"]
    url, body = wire(slug, prompt="make it winter", images=pictures, name="mine", **given)
    assert url == f"v1beta/models/{target}:generateContent"
    assert body["contents"] == message("make it winter", IMAGE, IMAGE)
    generation = {"responseModalities": ["IMAGE"]} | ({"imageConfig": config} if config else {})
    assert body == {"contents": body["contents"], "generationConfig": generation}


@pytest.mark.parametrize(("model", "route"), ROUTES.values(), ids=name_of)
def test_only_fields_the_owner_has_are_sent(model, route):
    for made in drawn(model, route):
        body = GOOGLE.start(made.ask).call.json
        assert set(body) <= {"contents", "generationConfig", "safetySettings"}, made.given
        assert set(body["generationConfig"]) <= {"seed", "imageConfig", "responseModalities"}
        assert set(body["generationConfig"].get("imageConfig", {})) <= {"aspectRatio", "imageSize"}


def test_each_picture_is_a_call_of_its_own():
    made = planned(*ROUTES["nano-banana"], {"prompt": "a fox", "num_images": 3})
    assert [(ask.index, ask.count) for ask in made.asks] == [(0, 1), (1, 1), (2, 1)]


def test_a_successor_is_no_exact_route():
    """A retired model's successor answers only where a stand-in may, and is named."""
    model, _ = ROUTES["imagen-3"]
    checked = check(model, {"prompt": "a fox"})
    request = to_request(model, checked, draw_seed=lambda: 7)
    why = lambda choice: None if choice.vendor == "google" else "not here"  # noqa: E731
    found = plan(CATALOGUE, model, request, checked, fidelities=("exact", "stand_in"), why_not=why)
    assert found.routes[0].runs == "gemini-3.1-flash-image"
    assert found.notes[0].startswith("gemini-3.1-flash-image stands in for imagen-3")


def test_pictures_are_parts_of_the_answer():
    thought = PART | {"thought": True}
    body = {
        "candidates": [{"content": {"parts": [{"text": "Here it is."}, thought, PART, PART]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 1295},
    }
    done = GOOGLE.read(an_ask(), {}, reply(200, body))
    assert done.pictures == (Inline(PIXELS),)
    assert (int(done.cost.amount), done.cost.unit) == (1295, "token")


@pytest.mark.parametrize(
    ("body", "why", "words"),
    [
        ({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, "refused", "PROHIBITED_CONTENT"),
        (
            {"candidates": [{"finishReason": "IMAGE_SAFETY", "finishMessage": "Unable to show it."}]},
            "refused",
            "Unable to show it.",
        ),
        ({"candidates": [{"content": {}, "finishReason": "IMAGE_RECITATION"}]}, "refused", "IMAGE_RECITATION"),
        ({"candidates": [{"finishReason": "NO_IMAGE"}]}, "failed", "NO_IMAGE"),
        (
            {"candidates": [{"content": {"parts": [{"text": "Which fox?"}]}, "finishReason": "STOP"}]},
            "failed",
            "Which fox?",
        ),
        (
            {"candidates": [{"content": {"parts": [PART | {"thought": True}]}, "finishReason": "OTHER"}]},
            "failed",
            "OTHER",
        ),
    ],
)
def test_an_answer_without_a_picture(body, why, words):
    failed = GOOGLE.read(an_ask(), {}, reply(200, body))
    assert (failed.why, failed.message, failed.again, failed.billed) == (why, words, False, None)


@pytest.mark.parametrize(
    ("code", "status", "words", "why", "again", "billed"),
    [
        (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "no_access", True, False),
        (400, "INVALID_ARGUMENT", "Unsupported aspect ratio", "bad_input", False, False),
        (400, "INVALID_ARGUMENT", "The prompt violates the safety policy", "refused", False, False),
        (400, "FAILED_PRECONDITION", "User location is not supported", "no_access", True, False),
        (403, "PERMISSION_DENIED", "no", "no_access", True, False),
        (404, "NOT_FOUND", "models/x is not found", "no_model", True, False),
        (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota", "rate_limited", True, False),
        (500, "INTERNAL", "An internal error has occurred", "failed", False, None),
        (503, "UNAVAILABLE", "The model is overloaded", "unavailable", True, False),
        (504, "DEADLINE_EXCEEDED", "too slow", "unavailable", False, None),
    ],
)
def test_what_an_error_means(code, status, words, why, again, billed):
    body = {"error": {"code": code, "status": status, "message": words}}
    failed = GOOGLE.read(an_ask(), {}, reply(code, body))
    assert (failed.why, failed.message, failed.again, failed.billed) == (why, words, again, billed)


async def test_a_full_quota_is_tried_again():
    script = Script(reply(429, {"error": {"status": "RESOURCE_EXHAUSTED"}}), answer(PART))
    assert isinstance(await carried_out(GOOGLE, script, ask=ASK), Done)
    assert script.paid == 2


@pytest.mark.parametrize(
    "garbled",
    [
        reply(200, raw=b"<html>"),
        reply(200, {}),
        reply(200, {"candidates": []}),
        reply(200, {"candidates": None}),
        answer({"inlineData": {"data": "not base64!"}}),
        answer({"inlineData": {}}),
    ],
)
async def test_garbled_answers(garbled):
    outcome = await carried_out(GOOGLE, Script(garbled), ask=ASK)
    assert (outcome.why, outcome.billed) == ("garbled", None)


async def test_what_may_have_arrived_is_not_sent_again():
    script = Script(Unclear("broke off"))
    assert (await carried_out(GOOGLE, script, ask=ASK)).why == "unknown"
    assert script.paid == 1
    assert GOOGLE.cancel({}) is None
