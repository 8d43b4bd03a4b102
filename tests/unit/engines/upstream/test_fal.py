"""fal's file: the wire of every route against fal's own types, and what each answer means."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from planned import FILE, check_arguments, drawn, name_of, planned, routes_of
from script import Script, carried_out, reply

from gesso.domain.picture import PictureReference
from gesso.engines.upstream.steps import Done, Link
from gesso.engines.upstream.vendors.fal import Fal

ROUTES = routes_of("fal")
BY_SLUG = {model.slug: (model, route) for model, route in ROUTES}
KNOWN = json.loads((Path(__file__).parent / "fal_inputs.json").read_text())
PICTURE = PictureReference(url="https://example.org/a.png")
QUEUE = "https://queue.fal.run/fal-ai/flux/requests/r-1"
SUBMITTED = reply(
    200,
    {"request_id": "r-1", "status_url": f"{QUEUE}/status", "response_url": QUEUE, "cancel_url": f"{QUEUE}/cancel"},
)
QUEUED, WORKING, COMPLETED = (reply(200, {"status": one}) for one in ("IN_QUEUE", "IN_PROGRESS", "COMPLETED"))


def fits(value: Any, kind: str) -> bool:
    """Tell whether a value is of one of fal's types, as its client writes them."""
    return any(_fits(value, one) for one in re.findall(r'"[^"]*"|Array<.*>|[\w.-]+', kind))


def _fits(value: Any, kind: str) -> bool:
    if kind.startswith('"'):
        return value == kind[1:-1]
    if kind.startswith("Array<"):
        return isinstance(value, list) and all(fits(one, kind[6:-1]) for one in value)
    if kind in KNOWN["types"]:
        return isinstance(value, dict) and not misfits(value, KNOWN["types"][kind])
    types = {"string": str, "number": (int, float), "boolean": bool}[kind]
    return isinstance(value, types) and isinstance(value, bool) == (kind == "boolean")


def misfits(body: dict[str, Any], fields: dict[str, str]) -> dict[str, Any]:
    """Return what fal would not take of an object, and what it misses."""
    known = {name.rstrip("?"): kind for name, kind in fields.items()}
    wrong = {name: value for name, value in body.items() if name not in known or not fits(value, known[name])}
    return wrong | {name: None for name in fields if not name.endswith("?") and name not in body}


@pytest.mark.parametrize(("model", "route"), ROUTES, ids=name_of)
def test_the_call_of_every_route(model, route):
    for one in drawn(model, route):
        check_arguments(one)
        for ask in one.asks:
            call = Fal().start(ask).call
            assert (call.method, call.url, call.pays) == ("POST", route.target, True)
            assert misfits(call.json, KNOWN["endpoints"][route.target]) == {}


def body(slug, **given):
    return Fal().start(planned(*BY_SLUG[slug], given).ask).call.json


def test_the_exact_calls():
    assert body(
        "flux-schnell", prompt="a red fox", aspect_ratio="16:9", num_outputs=2, seed=7, disable_safety_checker=False
    ) == {
        "prompt": "a red fox",
        "image_size": {"width": 1344, "height": 768},
        "num_images": 2,
        "num_inference_steps": 4,
        "seed": 7,
        "enable_safety_checker": True,
    }
    assert body("flux-2", prompt="a red fox", image_size="landscape_4_3")["image_size"] == "landscape_4_3"
    assert body("flux-2", prompt="f", image_size={"width": 640, "height": 768})["image_size"] == {
        "width": 640,
        "height": 768,
    }


def test_a_switch_of_opposite_sense_is_turned():
    assert body("flux-schnell", prompt="f", disable_safety_checker=True)["enable_safety_checker"] is False


def test_weights_are_objects_and_a_scale_alone_is_none():
    weights = body("black-forest-labs-flux-dev-lora", prompt="f", lora_weights="a/b", lora_scale=0.5)
    assert weights["loras"] == [{"path": "a/b", "scale": 0.5}]
    assert body("black-forest-labs-flux-dev-lora", prompt="f", lora_scale=0.5)["loras"] == []
    assert body("flux-dev-realism", prompt="f")["loras"] == [{"path": "XLabs-AI/flux-RealismLora", "scale": 0.8}]


def test_pictures_in_an_archive():
    given = {"prompt": "a man img", "input_image": PICTURE, "input_image2": PICTURE}
    kind, _, data = body("photomaker", **given)["image_archive_url"].partition(",")
    assert kind == "data:application/zip;base64"
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(data))) as archive:
        assert [archive.read(name) for name in archive.namelist()] == [FILE, FILE]
        assert len(set(archive.namelist())) == 2


def test_one_call_for_each_picture_where_fal_makes_fewer():
    given = {"images": [PICTURE], "prompt": "f", "image_count": 9}
    one = planned(*BY_SLUG["magic-hour-seedream-v4.5"], given)
    assert len(one.asks) == 9
    assert all("num_images" not in ask.arguments for ask in one.asks)


def test_the_key_goes_with_its_word():
    assert Fal().authorise("k") == {"Authorization": "Key k"}


async def test_it_is_asked_until_it_has_ended_and_then_fetched():
    result = reply(200, {"images": [{"url": "https://v3.fal.media/0.png"}], "has_nsfw_concepts": [False], "seed": 7})
    script = Script(SUBMITTED, QUEUED, WORKING, COMPLETED, result)
    assert await carried_out(Fal(), script) == Done((Link("https://v3.fal.media/0.png"),))
    assert [call.url for call in script.sent[1:]] == [f"{QUEUE}/status"] * 3 + [QUEUE]
    assert script.paid == 1


async def test_pictures_that_were_flagged_are_kept_back():
    images = [{"url": f"https://v3.fal.media/{number}.png"} for number in range(2)]
    result = reply(200, {"images": images, "has_nsfw_concepts": [True, False]})
    outcome = await carried_out(Fal(), Script(SUBMITTED, COMPLETED, result))
    assert outcome == Done((Link("https://v3.fal.media/1.png"),), refused=1)
    result = reply(200, {"images": images, "has_nsfw_concepts": [True, True]})
    outcome = await carried_out(Fal(), Script(SUBMITTED, COMPLETED, result))
    assert (outcome.why, outcome.billed) == ("refused", True)


@pytest.mark.parametrize(
    ("status", "answer", "why", "billed"),
    [
        (422, {"detail": [{"loc": ["body"], "msg": "no", "type": "content_policy_violation"}]}, "refused", False),
        (422, {"detail": [{"loc": ["body", "prompt"], "msg": "too long", "type": "value_error"}]}, "bad_input", False),
        (500, {"detail": "Internal error"}, "timed_out", None),  # asked again until our time is over
    ],
)
async def test_a_result_that_is_an_error(status, answer, why, billed):
    outcome = await carried_out(Fal(), Script(SUBMITTED, COMPLETED, reply(status, answer)), total_seconds=30)
    assert (outcome.why, outcome.billed) == (why, billed)


@pytest.mark.parametrize(
    ("status", "answer", "why", "paid"),
    [
        (401, {"detail": "No user found"}, "no_access", 1),
        (403, {"detail": "User is locked. Reason: Exhausted balance."}, "no_credit", 1),
        (404, {"detail": "Path /x not found"}, "no_model", 1),
        (422, {"detail": [{"loc": ["body", "prompt"], "msg": "field required", "type": "missing"}]}, "bad_input", 1),
        (429, {"detail": "Too many requests"}, "rate_limited", 5),
    ],
)
async def test_a_refusal_to_begin(status, answer, why, paid):
    script = Script(reply(status, answer))
    outcome = await carried_out(Fal(), script)
    assert (outcome.why, outcome.billed, script.paid) == (why, False, paid)


@pytest.mark.parametrize("raw", [b"<html>", b"{}", b"[]", b'{"status_url": 7}', b"\xff"])
async def test_garbled_answers(raw):
    for before in ((), (SUBMITTED,), (SUBMITTED, COMPLETED)):
        script = Script(*before, reply(raw=raw))
        outcome = await carried_out(Fal(), script)
        assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


async def test_it_is_stopped_there_after_our_time():
    script = Script(SUBMITTED, WORKING)
    assert (await carried_out(Fal(), script, total_seconds=20)).why == "timed_out"
    assert (script.sent[-1].method, script.sent[-1].url) == ("PUT", f"{QUEUE}/cancel")
