"""Alibaba Model Studio: the wire of its routes, its tasks and its calls at once, its codes."""

from __future__ import annotations

from typing import Any

import pytest
from routed import LINK, PICTURE, SEED, routed, verdicts
from script import Script, Time, an_ask, carried_out, reply

from gesso.domain.events import GivenFile
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.steps import Done, Link
from gesso.engines.upstream.vendors.dashscope import DashScope

VENDOR = DashScope()
ASYNC = {"X-DashScope-Async": "enable"}
URI = GivenFile("", "reference", False, PICTURE, "image/png").data_uri
CREATED = reply(200, {"output": {"task_status": "PENDING", "task_id": "t-1"}, "request_id": "r-1"})
CHOICES = [{"finish_reason": "stop", "message": {"role": "assistant", "content": [{"image": "https://oss.example/1"}]}}]


def said(*content: dict[str, str]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(content)}]}


def task(status: str, **more: Any) -> Any:
    return reply(200, {"output": {"task_id": "t-1", "task_status": status, **more}, "request_id": "r-2"})


def wan() -> Ask:
    return an_ask(target="text2image/wan2.5-t2i-preview", arguments={"input.prompt": "a red fox"})


def qwen() -> Ask:
    arguments = {"input.messages[0].content[0].text": "a red fox"}
    return an_ask(target="multimodal-generation/qwen-image", arguments=arguments)


@pytest.mark.parametrize(
    ("slug", "asked", "task_group", "headers", "body"),
    [
        (
            "wan-2-5-preview-text-to-image",
            {
                "negative_prompt": "rain",
                "num_images": 3,
                "image_size": "portrait_4_3",
                "enable_prompt_expansion": False,
            },
            "text2image/image-synthesis",
            ASYNC,
            {
                "model": "wan2.5-t2i-preview",
                "input": {"prompt": "a red fox", "negative_prompt": "rain"},
                "parameters": {"n": 3, "size": "1120*1488", "prompt_extend": False, "seed": SEED},
            },
        ),
        (
            "wan-v2-6-text-to-image",
            {"negative_prompt": "rain", "max_images": 5},
            "image-generation/generation",
            ASYNC,
            {
                "model": "wan2.6-t2i",
                "input": said({"text": "a red fox"}),
                "parameters": {"n": 4, "size": "1280*1280", "negative_prompt": "rain", "seed": SEED},
            },
        ),
        (
            "wan-v2-6-text-to-image",
            {"image_url": LINK},
            "image-generation/generation",
            ASYNC,
            {
                "model": "wan2.6-image",
                "input": said({"text": "a red fox"}, {"image": URI}),
                "parameters": {"n": 1, "size": "1280*1280", "seed": SEED},
            },
        ),
        (
            "qwen-image",
            {"aspect_ratio": "3:2"},
            "multimodal-generation/generation",
            {},
            {
                "model": "qwen-image",
                "input": said({"text": "a red fox"}),
                "parameters": {"size": "1472*1104", "prompt_extend": False, "seed": SEED},
            },
        ),
        (
            "z-image-turbo-text-to-image",
            {"image_size": {"width": 4096, "height": 4096}, "enable_prompt_expansion": True},
            "multimodal-generation/generation",
            {},
            {
                "model": "z-image-turbo",
                "input": said({"text": "a red fox"}),
                "parameters": {"size": "2048*2048", "prompt_extend": True, "seed": SEED},
            },
        ),
    ],
)
def test_the_wire_of_every_route(slug, asked, task_group, headers, body):
    _, asks = routed(slug, "dashscope", **asked)
    call = VENDOR.start(asks[0]).call
    assert (call.method, call.url, call.pays) == ("POST", f"services/aigc/{task_group}", True)
    assert call.json == body
    assert call.headers == headers
    assert VENDOR.authorise("key") == {"Authorization": "Bearer key"}


def test_a_model_that_makes_one_picture_is_called_for_each():
    _, asks = routed("z-image-turbo-text-to-image", "dashscope", num_images=2)
    assert [VENDOR.start(ask).call.json["parameters"]["seed"] for ask in asks] == [SEED, SEED + 1]


def test_what_it_does_not_take_is_reported():
    choice, _ = routed("wan-2-5-preview-text-to-image", "dashscope")
    assert verdicts(choice)["image_size"] == "clamped"  # a megapixel is too little there
    choice, _ = routed("wan-v2-6-text-to-image", "dashscope", max_images=5, enable_safety_checker=False)
    assert (verdicts(choice)["max_images"], verdicts(choice)["enable_safety_checker"]) == ("clamped", "ignored")
    choice, _ = routed("z-image-turbo-text-to-image", "dashscope", sync_mode=True, acceleration="high")
    assert (verdicts(choice)["sync_mode"], verdicts(choice)["acceleration"]) == ("ignored", "ignored")


@pytest.mark.parametrize(
    "output",
    [
        {"results": [{"orig_prompt": "a red fox", "url": "https://oss.example/1"}]},
        {"choices": CHOICES, "finished": True},
    ],
)
async def test_a_task_is_asked_about_until_it_has_succeeded(output):
    script = Script(CREATED, task("PENDING"), task("RUNNING"), task("SUSPENDED"), task("SUCCEEDED", **output))
    assert await carried_out(VENDOR, script, ask=wan()) == Done((Link("https://oss.example/1"),))
    assert [call.url for call in script.sent[1:]] == ["tasks/t-1"] * 4
    assert script.paid == 1
    assert script.committed[-1].state == {"id": "t-1"}


async def test_a_call_at_once_answers_with_its_pictures():
    script = Script(reply(200, {"output": {"choices": CHOICES * 2}, "usage": {"image_count": 2}}))
    assert await carried_out(VENDOR, script, ask=qwen()) == Done((Link("https://oss.example/1"),) * 2)
    assert len(script.sent) == 1


async def test_some_of_a_tasks_pictures_may_be_missing():
    results = [
        {"url": "https://oss.example/1"},
        {"code": "DataInspectionFailed", "message": "no"},
        {"code": "InternalError.Algo"},
    ]
    outcome = await carried_out(VENDOR, Script(CREATED, task("SUCCEEDED", results=results)), ask=wan())
    assert outcome == Done((Link("https://oss.example/1"),), refused=1)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("DataInspectionFailed", "refused"),
        ("InvalidParameter", "bad_input"),
        ("InvalidParameter.DataInspection", "bad_input"),
        ("InvalidURL", "bad_input"),
        ("Throttling.AllocationQuota", "rate_limited"),
        ("InternalError.Algo", "failed"),
    ],
)
async def test_a_task_that_failed_says_why(code, why):
    script = Script(CREATED, task("FAILED", code=code, message="said so"))
    outcome = await carried_out(VENDOR, script, ask=wan())
    assert (outcome.why, outcome.billed, outcome.message) == (why, False, "said so")
    assert script.paid == 1


async def test_a_task_withdrawn_or_forgotten_there_may_have_cost():
    assert (await carried_out(VENDOR, Script(CREATED, task("CANCELED")), ask=wan())).billed is None
    outcome = await carried_out(VENDOR, Script(CREATED, task("UNKNOWN")), ask=wan())
    assert (outcome.why, outcome.again, outcome.billed) == ("unknown", False, None)


async def test_a_look_that_is_refused_leaves_it_unknown():
    script = Script(CREATED, reply(401, {"code": "InvalidApiKey", "message": "no"}))
    assert (await carried_out(VENDOR, script, ask=wan())).why == "unknown"


@pytest.mark.parametrize(
    ("status", "code", "why", "billed"),
    [
        (400, "InvalidParameter", "bad_input", False),
        (400, "DataInspectionFailed", "refused", False),
        (400, "Arrearage", "no_credit", False),
        (400, "SomethingNew", "bad_input", False),
        (401, "InvalidApiKey", "no_access", False),
        (403, "AccessDenied.Unpurchased", "no_access", False),
        (404, "ModelNotFound", "no_model", False),
        (500, "InternalError", "failed", None),
        (503, "ModelUnavailable", "unavailable", False),
    ],
)
async def test_a_refusal_to_begin_is_told_by_its_code(status, code, why, billed):
    script = Script(reply(status, {"code": code, "message": "said so", "request_id": "r-1"}))
    outcome = await carried_out(VENDOR, script, ask=wan())
    assert (outcome.why, outcome.billed, outcome.message, script.paid) == (why, billed, "said so", 1)


async def test_too_many_requests_are_sent_again():
    busy = reply(429, {"code": "Throttling.RateQuota", "message": "slower"})
    script = Script(busy, CREATED, task("SUCCEEDED", choices=CHOICES))
    assert isinstance(await carried_out(VENDOR, script, ask=wan()), Done)
    assert script.paid == 2


@pytest.mark.parametrize(
    "raw",
    [b"<html>", b"[]", b"{}", b'{"output": {}}', b'{"output": {"task_id": null, "task_status": "PENDING"}}', b"\xff"],
)
@pytest.mark.parametrize("asked", [wan, qwen])
async def test_a_garbled_answer_is_not_sent_again(asked, raw):
    script = Script(reply(raw=raw))
    outcome = await carried_out(VENDOR, script, ask=asked())
    assert (outcome.why, outcome.billed, script.paid) == ("garbled", None, 1)


@pytest.mark.parametrize("choices", [[{}], [{"message": {"content": [{"image": 3}]}}], [{"message": {"content": []}}]])
async def test_a_success_without_pictures_is_garbled(choices):
    outcome = await carried_out(VENDOR, Script(CREATED, task("SUCCEEDED", choices=choices)), ask=wan())
    assert (outcome.why, outcome.billed) == ("garbled", None)


async def test_after_our_time_it_is_withdrawn_there():
    script = Script(CREATED, task("RUNNING"))
    outcome = await carried_out(VENDOR, script, Time(), ask=wan(), total_seconds=30, first_poll=2)
    assert outcome.why == "timed_out"
    assert (script.sent[-1].method, script.sent[-1].url) == ("POST", "tasks/t-1/cancel")
