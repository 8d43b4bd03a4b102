"""Black Forest Labs: the wire of each of its routes, the states of a task, and what an error means."""

from __future__ import annotations

from typing import Any

import pytest
from planned import FILE, drawn, name_of, planned, routes_of
from script import Script, an_ask, carried_out, reply

from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.sender import Unclear
from gesso.engines.upstream.steps import Done, Failed, Link, Wait
from gesso.engines.upstream.vendors.bfl import Bfl

BFL = Bfl()
ROUTES = {model.slug: (model, route) for model, route in routes_of("bfl")}
LINK = "https://api.eu1.bfl.ai/v1/get_result?id=t-1"
CREATED = reply(200, {"id": "t-1", "polling_url": LINK, "cost": 4.5})
STATE = {"id": "t-1", "url": LINK, "cost": "4.5"}
PICTURE = "iVBORywgc2F5cyB0aGUgdGVzdA=="


def wire(slug: str, **given: Any) -> Any:
    call = BFL.start(planned(*ROUTES[slug], given).ask).call
    assert (call.method, call.pays) == ("POST", True)
    return call.url, call.json


def test_the_key_has_a_header_of_its_own():
    assert BFL.authorise("secret") == {"x-key": "secret"}


@pytest.mark.parametrize(
    ("slug", "given", "path", "body"),
    [
        (
            "flux-2-max-text-to-image",
            {"image_size": "square_hd", "enable_prompt_expansion": False, "safety_tolerance": "5", "seed": 3},
            "v1/flux-2-max",
            {"width": 1024, "height": 1024, "disable_pup": True, "safety_tolerance": 5, "seed": 3},
        ),
        (
            "flux-2-max-text-to-image",
            {"output_format": "png"},
            "v1/flux-2-max",
            {"width": 1024, "height": 768, "disable_pup": False, "safety_tolerance": 2, "output_format": "png"},
        ),
        (
            "flux-2-pro",
            {"image_size": {"width": 1440, "height": 640}},
            "v1/flux-2-pro",
            {"width": 1440, "height": 640, "safety_tolerance": 2},
        ),
        (
            "flux-2-flex",
            {"guidance_scale": 4, "num_inference_steps": 20},
            "v1/flux-2-flex",
            {
                "width": 1024,
                "height": 768,
                "guidance": 4.0,
                "steps": 20,
                "safety_tolerance": 2,
                "prompt_upsampling": True,
            },
        ),
        (
            "flux-2-klein-4b-text-to-image",
            {"negative_prompt": "dogs", "guidance_scale": 4, "output_format": "webp"},
            "v1/flux-2-klein-4b",
            {"width": 1024, "height": 768, "output_format": "png"},
        ),
        (
            "flux-1-1-pro",
            {"aspect_ratio": "16:9", "prompt_upsampling": True, "output_format": "jpg", "output_quality": 50},
            "v1/flux-pro-1.1",
            {"width": 1344, "height": 768, "safety_tolerance": 2, "prompt_upsampling": True},
        ),
        (
            "flux-1-1-pro",
            {"aspect_ratio": "custom", "width": 1000, "height": 500},
            "v1/flux-pro-1.1",
            {"width": 1024, "height": 512, "safety_tolerance": 2},
        ),
        (
            "flux-1-1-pro-ultra",
            {"aspect_ratio": "21:9", "raw": True, "image_prompt": "https://example.org/a.png"},
            "v1/flux-pro-1.1-ultra",
            {
                "aspect_ratio": "21:9",
                "raw": True,
                "image_prompt": PICTURE,
                "image_prompt_strength": 0.1,
                "safety_tolerance": 2,
            },
        ),
    ],
)
def test_what_is_sent(slug, given, path, body):
    expected = {"prompt": "a red fox", "seed": 7, "output_format": "jpeg"} | body
    if slug.startswith("flux-2-klein") and "output_format" not in given:
        expected["output_format"] = "png"
    assert wire(slug, prompt="a red fox", **given) == (path, expected)


def test_a_size_this_route_does_not_take_is_told():
    made = planned(*ROUTES["flux-1-1-pro"], {"prompt": "a fox", "aspect_ratio": "custom", "width": 1000, "height": 512})
    width = next(one for one in made.choice.verdicts if one.parameter == "width")
    assert (width.verdict, width.used) == ("clamped", "1024x512")


def test_each_picture_of_klein_is_a_task_with_a_seed_of_its_own():
    made = planned(*ROUTES["flux-2-klein-4b-text-to-image"], {"prompt": "a fox", "num_images": 3, "seed": 5})
    assert [BFL.start(ask).call.json["seed"] for ask in made.asks] == [5, 6, 7]


FIELDS = {
    "flux-2-max": {"prompt", "disable_pup", "seed", "width", "height", "safety_tolerance", "output_format"},
    "flux-2-pro": {"prompt", "seed", "width", "height", "safety_tolerance", "output_format"},
    "flux-2-flex": {
        *("prompt", "prompt_upsampling", "seed", "width", "height", "guidance", "steps"),
        *("safety_tolerance", "output_format"),
    },
    "flux-2-klein-4b": {"prompt", "seed", "width", "height", "output_format"},
    "flux-pro-1.1": {
        *("prompt", "image_prompt", "width", "height", "prompt_upsampling", "seed"),
        *("safety_tolerance", "output_format"),
    },
    "flux-pro-1.1-ultra": {
        *("prompt", "seed", "aspect_ratio", "safety_tolerance", "output_format"),
        *("raw", "image_prompt", "image_prompt_strength"),
    },
}


@pytest.mark.parametrize(("model", "route"), ROUTES.values(), ids=name_of)
def test_only_fields_the_owner_has_are_sent(model, route):
    for made in drawn(model, route):
        body = BFL.start(made.ask).call.json
        assert set(body) <= FIELDS[route.target], made.given
        assert isinstance(body.get("safety_tolerance", 2), int)
        if "width" in body and route.target == "flux-pro-1.1":
            assert (body["width"] % 32, body["height"] % 32) == (0, 0)


def test_a_task_is_asked_for_where_it_runs():
    step = BFL.read(an_ask(), {}, CREATED)
    assert step == Wait(STATE)
    assert (BFL.poll(STATE).method, BFL.poll(STATE).url) == ("GET", LINK)
    assert BFL.cancel(STATE) is None


@pytest.mark.parametrize(
    ("body", "step"),
    [
        ({"id": "t-1", "status": "Pending", "result": None}, Wait(STATE)),
        ({"id": "t-1", "status": "Pending", "progress": 0.42}, Wait(STATE, done=42, total=100)),
        ({"id": "t-1", "status": "Queued somewhere new"}, Wait(STATE)),
        (
            {"id": "t-1", "status": "Request Moderated", "details": {"Moderation Reasons": ["Violence", "Gore"]}},
            Failed("refused", "Violence, Gore"),
        ),
        ({"id": "t-1", "status": "Content Moderated", "result": None}, Failed("refused", "Content Moderated")),
        (
            {"id": "t-1", "status": "Error", "details": {"error": "went wrong"}},
            Failed("failed", "went wrong", billed=None),
        ),
        ({"id": "t-1", "status": "Task not found"}, Failed("unknown", "The task is not known there.", billed=None)),
    ],
)
def test_each_state_of_a_task(body, step):
    assert BFL.read(an_ask(), STATE, reply(200, body)) == step


def test_a_finished_task_has_a_link_a_seed_and_a_price():
    body = {"id": "t-1", "status": "Ready", "result": {"sample": "https://delivery.bfl.ai/a.png", "seed": 9}}
    done = BFL.read(an_ask(), STATE, reply(200, body))
    assert done.pictures == (Link("https://delivery.bfl.ai/a.png", 9),)
    assert (str(done.cost.amount), done.cost.unit) == ("4.5", "credit")


@pytest.mark.parametrize(
    ("status", "body", "why", "again"),
    [
        (402, {"detail": "Insufficient credits"}, "no_credit", True),
        (403, {"detail": "Not authenticated"}, "no_access", True),
        (404, {"detail": "Not Found"}, "no_model", True),
        (422, {"detail": [{"loc": ["body", "width"], "msg": "too wide", "type": "x"}]}, "bad_input", False),
        (400, {"detail": "The prompt was flagged."}, "refused", False),
        (429, {"detail": "Too many tasks"}, "rate_limited", True),
        (503, None, "unavailable", True),
    ],
)
def test_what_a_refused_creation_means(status, body, why, again):
    failed = BFL.read(an_ask(), {}, reply(status, body))
    assert (failed.why, failed.again, failed.billed) == (why, again, False)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refused_look_says_nothing_of_the_task(status):
    failed = BFL.read(an_ask(), STATE, reply(status, {"detail": "no"}))
    assert (failed.why, failed.again, failed.billed) == ("unknown", False, None)


async def test_from_creation_to_picture():
    ready = reply(200, {"id": "t-1", "status": "Ready", "result": {"sample": "https://delivery.bfl.ai/a.png"}})
    script = Script(CREATED, reply(200, {"id": "t-1", "status": "Pending"}), reply(503), ready)
    assert isinstance(await carried_out(BFL, script), Done)
    assert script.paid == 1
    assert script.committed[-1].state == STATE


@pytest.mark.parametrize(
    "answers",
    [
        (reply(200, raw=b"<html>"),),
        (reply(200, {"id": "t-1"}),),
        (CREATED, reply(200, {"id": "t-1"})),
        (CREATED, reply(200, {"status": "Ready", "result": {}})),
        (CREATED, reply(200, {"status": "Ready", "result": None})),
        (CREATED, reply(200, [])),
    ],
)
async def test_garbled_answers(answers):
    outcome = await carried_out(BFL, Script(*answers))
    assert (outcome.why, outcome.billed) == ("garbled", None)


async def test_a_creation_that_may_have_arrived_is_not_sent_again():
    script = Script(Unclear("broke off"))
    assert (await carried_out(BFL, script)).why == "unknown"
    assert script.paid == 1


def test_pictures_go_as_plain_base64():
    ask: Ask = planned(*ROUTES["flux-1-1-pro"], {"prompt": "a fox", "image_prompt": "https://example.org/a.png"}).ask
    assert ask.pictures[0].data == FILE
    assert BFL.start(ask).call.json["image_prompt"] == PICTURE


@pytest.mark.parametrize(("wished", "verdict"), [(True, "used"), (False, "ignored")])
def test_moderation_cannot_be_switched_off(wished, verdict):
    made = planned(*ROUTES["flux-2-pro"], {"prompt": "a fox", "enable_safety_checker": wished})
    assert next(one for one in made.choice.verdicts if one.parameter == "enable_safety_checker").verdict == verdict
