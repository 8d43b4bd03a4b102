"""Magic Hour's file: the wire of its routes, uploads by signed links, and what each of its answers means."""

from __future__ import annotations

import pytest
from planned import FILE, drawn, name_of, planned, routes_of
from script import Script, carried_out, reply

from gesso.domain.picture import PictureReference
from gesso.engines.upstream.sender import NotSent
from gesso.engines.upstream.steps import Done, Link
from gesso.engines.upstream.vendors.magic_hour import MagicHour

ROUTES = routes_of("magic_hour")
BY_SLUG = {model.slug: (model, route) for model, route in ROUTES}
PICTURE = PictureReference(url="https://example.org/a.png")
CREATED = reply(200, {"id": "cmh1", "credits_charged": 10, "frame_cost": 10})
UP = reply(200, None, raw=b"")
DOWNLOADS = [{"url": f"https://cdn.example/{number}.png", "expires_at": "2026-11-21T10:00:00Z"} for number in range(2)]


def places(count):
    return reply(
        200,
        {
            "items": [
                {"upload_url": f"https://store.example/{number}?sig=9f", "file_path": f"api-assets/u1/{number}.png"}
                for number in range(count)
            ]
        },
    )


def look(status, downloads=(), error=None):
    body = {"id": "cmh1", "status": status, "credits_charged": 20, "downloads": list(downloads), "error": error}
    return reply(200, body)


def edit(pictures=1, **given):
    given = {"images": [PICTURE] * pictures, "prompt": "add a duck", **given}
    return planned(*BY_SLUG["magic-hour-qwen-edit"], given).ask


def paint(**given):
    return planned(*BY_SLUG["magic-hour-generator-nano-banana-2"], {"prompt": "a duck", **given}).ask


@pytest.mark.parametrize(("model", "route"), ROUTES, ids=lambda one: getattr(one, "slug", ""))
def test_the_calls_of_every_route(model, route):
    edits = "edit" in model.operations
    style = {"prompt"} if edits else {"prompt", "tool"}
    for one in drawn(model, route):
        step = MagicHour().start(one.ask)
        if edits:
            count = len(one.ask.pictures)
            assert (step.call.method, step.call.url, step.call.pays) == ("POST", "v1/files/upload-urls", False)
            assert step.call.json == {"items": [{"type": "image", "extension": "png"}] * count}
            step = MagicHour().read(one.ask, step.state, places(count))
            for number in range(count):
                assert (step.call.method, step.call.open, step.call.pays) == ("PUT", True, False)
                assert step.call.url == f"https://store.example/{number}?sig=9f"
                assert (step.call.body, dict(step.call.headers)) == (FILE, {})
                step = MagicHour().read(one.ask, step.state, UP)
        call = step.call
        tool = "ai-image-editor" if edits else "ai-image-generator"
        assert (call.method, call.url, call.pays) == ("POST", f"v1/{tool}", True)
        assert (call.json["model"], call.json["image_count"]) == (route.target, one.request.count)
        known = {"model", "style", "image_count", "aspect_ratio", "resolution", "name"} | (
            {"assets"} if edits else set()
        )
        assert set(call.json) <= known
        assert set(call.json["style"]) == style
        assert None not in call.json.values()
        if edits:
            paths = [f"api-assets/u1/{number}.png" for number in range(len(one.ask.pictures))]
            assert call.json["assets"] == {"image_file_paths": paths}


def test_the_exact_edit():
    ask = edit(2, aspect_ratio="16:9", resolution="2k", image_count=4, name="mine")
    state = {"at": "upload", "number": 1, "places": [["u", "api-assets/a.png"], ["u", "api-assets/b.png"]]}
    assert MagicHour().read(ask, state, UP).call.json == {
        "model": "qwen-edit",
        "assets": {"image_file_paths": ["api-assets/a.png", "api-assets/b.png"]},
        "style": {"prompt": "add a duck"},
        "aspect_ratio": "16:9",
        "resolution": "2k",
        "image_count": 4,
        "name": "mine",
    }


def test_the_exact_generation():
    assert MagicHour().start(paint(tool="ai-logo-generator", resolution="4k")).call.json == {
        "model": "nano-banana-2",
        "style": {"prompt": "a duck", "tool": "ai-logo-generator"},
        "aspect_ratio": "1:1",
        "resolution": "4k",
        "image_count": 1,
    }


async def test_pictures_are_uploaded_and_the_project_asked_until_it_has_ended():
    working = [look("queued"), look("rendering")]
    script = Script(places(2), UP, UP, CREATED, *working, look("complete", DOWNLOADS))
    outcome = await carried_out(MagicHour(), script, ask=edit(2))
    assert outcome.pictures == (Link("https://cdn.example/0.png"), Link("https://cdn.example/1.png"))
    assert (str(outcome.cost.amount), outcome.cost.unit) == ("20", "magic_hour_credit")
    assert [call.method for call in script.sent] == ["POST", "PUT", "PUT", "POST", "GET", "GET", "GET"]
    assert [call.open for call in script.sent] == [False, True, True, False, False, False, False]
    assert script.sent[-1].url == "v1/image-projects/cmh1"
    assert script.committed[-1].state == {"at": "look", "id": "cmh1"}
    assert script.paid == 1


async def test_fewer_pictures_than_asked_for():
    outcome = await carried_out(MagicHour(), Script(CREATED, look("complete", DOWNLOADS[:1])), ask=paint(image_count=4))
    assert len(outcome.pictures) == 1


@pytest.mark.parametrize(
    ("code", "message", "why", "again"),
    [
        ("content_policy_violation", "No.", "refused", False),
        ("no_source_face", "No.", "bad_input", False),
        ("invalid_file_format", "No.", "bad_input", False),
        ("file_too_large", "No.", "bad_input", False),
        ("invalid_parameters", "No.", "bad_input", False),
        ("insufficient_credits", "No.", "no_credit", True),
        ("unknown_error", "No.", "failed", False),
        ("unknown_error", "It was flagged by moderation.", "refused", False),
    ],
)
async def test_a_failed_project_is_paid_back(code, message, why, again):
    answer = look("error", error={"message": message, "code": code})
    outcome = await carried_out(MagicHour(), Script(CREATED, answer), ask=paint())
    assert (outcome.why, outcome.message, outcome.again, outcome.billed) == (why, message, again, False)


async def test_whether_one_that_was_stopped_there_cost_is_not_known():
    outcome = await carried_out(MagicHour(), Script(CREATED, look("canceled")), ask=paint())
    assert (outcome.why, outcome.billed) == ("failed", None)


@pytest.mark.parametrize(
    ("status", "message", "why"),
    [
        (400, "Missing request body", "bad_input"),
        (401, "Unauthorized", "no_access"),
        (402, "Payment required", "no_credit"),
        (403, "Your plan does not have this model", "no_access"),
        (404, "Not Found", "no_model"),
        (422, "Unable to edit image", "bad_input"),
        (422, "This prompt violates our content policy", "refused"),
        (429, "Slow down", "rate_limited"),
        (500, "Oops", "failed"),
        (502, "Oops", "unavailable"),
    ],
)
async def test_a_refusal_to_begin(status, message, why):
    script = Script(reply(status, {"message": message}))
    outcome = await carried_out(MagicHour(), script, ask=paint())
    billed = None if status in (500, 502) else False
    assert (outcome.why, outcome.message, outcome.billed) == (why, message, billed)
    assert script.paid == (5 if status == 429 else 1)


async def test_an_upload_is_sent_again_and_one_that_is_refused_costs_nothing():
    script = Script(places(1), NotSent("refused"), reply(503, {}), UP, CREATED, look("complete", DOWNLOADS))
    assert isinstance(await carried_out(MagicHour(), script, ask=edit()), Done)
    script = Script(places(1), reply(403, raw=b"<Error>expired</Error>"))
    outcome = await carried_out(MagicHour(), script, ask=edit())
    assert (outcome.why, outcome.again, outcome.billed, script.paid) == ("unavailable", True, False, 0)


@pytest.mark.parametrize(
    "raw", [b"<html>", b"{}", b'{"items": []}', b'{"items": [{}]}', b'{"status": "complete"}', b"[]"]
)
async def test_garbled_answers(raw):
    garbled = reply(raw=raw)
    for before, billed, paid in (((), False, 0), ((places(1), UP), None, 1), ((places(1), UP, CREATED), None, 1)):
        script = Script(*before, garbled)
        outcome = await carried_out(MagicHour(), script, ask=edit())
        assert (outcome.why, outcome.billed, script.paid) == ("garbled", billed, paid)


def test_it_cannot_be_stopped():
    assert MagicHour().cancel({"at": "look", "id": "cmh1"}) is None


def test_every_route_has_a_name_of_its_own():
    assert len({name_of(model) for model, _ in ROUTES}) == len(ROUTES) == 30
