"""Replicate's file: the wire of every route, and what each of its answers means."""

from __future__ import annotations

import pytest
from planned import check_arguments, drawn, name_of, planned, routes_of
from script import PNG, Script, carried_out, reply

from gesso.domain.picture import PictureReference
from gesso.engines.upstream.steps import Done, Inline, Link
from gesso.engines.upstream.vendors.replicate import Replicate

ROUTES = routes_of("replicate")
BY_SLUG = {model.slug: (model, route) for model, route in ROUTES}
PICTURE = PictureReference(url="https://example.org/a.png")
DATA = "data:image/png;base64,iVBORywgc2F5cyB0aGUgdGVzdA=="
SEEDREAM = {"1:1", "4:3", "3:4", "16:9", "9:16", "3:2", "2:3", "21:9"}
LINKS = ["https://replicate.delivery/0.png", "https://replicate.delivery/1.png"]


def prediction(status, output=None, error=None, code=200):
    return reply(code, {"id": "p-1", "status": status, "output": output, "error": error, "urls": {}})


CREATED = prediction("starting", code=201)


def inputs(slug, **given):
    return [Replicate().start(ask).call.json["input"] for ask in planned(*BY_SLUG[slug], given).asks]


@pytest.mark.parametrize(("model", "route"), ROUTES, ids=name_of)
def test_the_call_of_every_route(model, route):
    for one in drawn(model, route):
        check_arguments(one)
        for ask in one.asks:
            call = Replicate().start(ask).call
            assert (call.method, call.url, call.pays) == ("POST", "v1/predictions", True)
            assert set(call.json) == {"version", "input"}
            assert call.json["version"] == route.target
            assert set(call.json["input"]) == set(ask.arguments) | {picture.argument for picture in ask.pictures}
            assert not {"sync_mode", "name", "images"} & set(call.json["input"])
            assert not any("." in name or "+" in name for name in call.json["input"])
            for name in ("aspect_ratio", "width", "height"):
                value = call.json["input"].get(name)
                assert value is None or isinstance(value, str if name == "aspect_ratio" else int)
            assert "x" not in call.json["input"].get("aspect_ratio", "")


def test_the_exact_call():
    given = {"prompt": "a red fox", "aspect_ratio": "16:9", "num_outputs": 2, "seed": 7, "go_fast": False}
    assert inputs("flux-schnell", **given, disable_safety_checker=False) == [
        {
            "prompt": "a red fox",
            "aspect_ratio": "16:9",
            "num_outputs": 2,
            "num_inference_steps": 4,
            "seed": 7,
            "go_fast": False,
            "disable_safety_checker": False,
            "megapixels": "1",
        }
    ]


def test_sizes_are_said_as_the_models_take_them():
    assert inputs("flux-2-klein-4b-text-to-image", prompt="f", image_size="landscape_4_3")[0]["aspect_ratio"] == "4:3"
    size = {"width": 2048, "height": 2560}
    (seedream,) = inputs("bytedance-seedream-v4-5-text-to-image", prompt="f", image_size=size)
    assert (seedream["size"], seedream["width"], seedream["height"]) == ("custom", 2048, 2560)
    (gpt,) = inputs("gpt-image-v1-5-text-to-image", prompt="a fox", image_size="1536x1024")
    assert gpt["aspect_ratio"] == "3:2"


@pytest.mark.parametrize("slug", ["magic-hour-seedream-v4", "magic-hour-seedream-v4.5"])
def test_edits_of_another_owners_models(slug):
    given = {"images": [PICTURE, PICTURE], "prompt": "f", "aspect_ratio": "4:5", "resolution": "4k", "name": "mine"}
    expected = {"prompt": "f", "image_input": [DATA, DATA], "aspect_ratio": "3:4", "size": "4K"}
    assert inputs(slug, **given) == [expected]
    assert inputs(slug, images=[PICTURE], prompt="f", image_count=4) == [{"prompt": "f", "image_input": [DATA]}] * 4
    one = planned(*BY_SLUG[slug], {**given, "resolution": "640px"})
    said = {verdict.parameter: verdict.verdict for verdict in one.choice.verdicts}
    assert (said["aspect_ratio"], said["resolution"], said["name"]) == ("clamped", "ignored", "ignored")
    assert set(one.ask.arguments) == {"prompt", "aspect_ratio"}
    assert one.ask.arguments["aspect_ratio"] in SEEDREAM


def test_one_call_for_each_picture_each_with_a_seed_of_its_own():
    calls = inputs("flux-2-klein-4b-text-to-image", prompt="f", num_images=3, seed=7)
    assert [call["seed"] for call in calls] == [7, 8, 9]


async def test_it_is_asked_until_it_has_ended():
    script = Script(CREATED, prediction("processing"), prediction("succeeded", LINKS))
    assert await carried_out(Replicate(), script) == Done(tuple(Link(link) for link in LINKS))
    assert [call.url for call in script.sent] == ["v1/predictions", *["v1/predictions/p-1"] * 2]
    assert script.paid == 1


@pytest.mark.parametrize(
    ("output", "pictures"),
    [(LINKS[0], (Link(LINKS[0]),)), ([PNG], (Inline(b"\x89PNG\r\n\x1a\n"),))],
)
async def test_the_forms_of_an_output(output, pictures):
    assert await carried_out(Replicate(), Script(prediction("succeeded", output, code=201))) == Done(pictures)


@pytest.mark.parametrize("output", [[], None])
async def test_success_without_a_picture_is_none(output):
    outcome = await carried_out(Replicate(), Script(prediction("succeeded", output, code=201)))
    assert (outcome.why, outcome.billed) == ("garbled", None)


@pytest.mark.parametrize(
    ("status", "error", "why"),
    [
        ("failed", "CUDA out of memory", "failed"),
        ("failed", "NSFW content detected. Try another prompt.", "refused"),
        ("failed", "The input was flagged (E005)", "refused"),
        ("canceled", None, "failed"),
        ("aborted", None, "failed"),
    ],
)
async def test_a_failure_there_may_have_cost(status, error, why):
    outcome = await carried_out(Replicate(), Script(CREATED, prediction(status, error=error)))
    assert (outcome.why, outcome.billed) == (why, None)
    assert outcome.message == (error or "The prediction was cancelled.")


@pytest.mark.parametrize(
    ("status", "why", "paid"),
    [(401, "no_access", 1), (402, "no_credit", 1), (404, "no_model", 1), (422, "bad_input", 1), (429, "rate_limited", 5)],
)  # fmt: skip
async def test_a_refusal_to_begin(status, why, paid):
    script = Script(reply(status, {"title": "No", "detail": "Not this.", "status": status}))
    outcome = await carried_out(Replicate(), script)
    assert (outcome.why, outcome.message, outcome.billed, script.paid) == (why, "Not this.", False, paid)


@pytest.mark.parametrize("raw", [b"<html>", b"{}", b"[]", b'{"id": "p-1"}', b"\xff"])
async def test_garbled_answers(raw):
    for before in ((), (CREATED,)):
        script = Script(*before, reply(raw=raw))
        outcome = await carried_out(Replicate(), script)
        assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


async def test_it_is_stopped_there_after_our_time():
    script = Script(CREATED, prediction("processing"))
    assert (await carried_out(Replicate(), script, total_seconds=20)).why == "timed_out"
    assert (script.sent[-1].method, script.sent[-1].url) == ("POST", "v1/predictions/p-1/cancel")
