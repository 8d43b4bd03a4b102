"""A call that ended for us is asked about with what was kept of it alone, at every vendor where it may go on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from script import Script, an_ask, reply

from gesso.domain.upstream import Cost
from gesso.engines.upstream.job import Desk
from gesso.engines.upstream.late import ask_once
from gesso.engines.upstream.line import Line
from gesso.engines.upstream.sender import NotSent, Unclear
from gesso.engines.upstream.steps import Done, Failed, Reply, Wait
from gesso.engines.upstream.vendor import Base
from gesso.engines.upstream.vendors import UPSTREAMS

LINK = "https://cdn.example/a.png"
QUEUE = "https://queue.fal.run/fal-ai/x/requests/r-1"
FAL_LINKS = {"status_url": f"{QUEUE}/status", "response_url": QUEUE, "cancel_url": f"{QUEUE}/cancel"}


class Course(NamedTuple):
    """What a vendor says of one call: when it is created (read with `before`), while it works, at its end."""

    before: dict[str, Any]
    created: Reply
    works: Reply
    ended: tuple[Reply, ...]
    cost: Cost | None = None


def usual(created: Any, works: Any, ended: Any, cost: Cost | None = None, **before: Any) -> Course:
    return Course(before, reply(200, created), reply(200, works), (reply(200, ended),), cost)


def jimeng(**data: Any) -> dict[str, Any]:
    return {"code": 10000, "data": data}


COURSES = {
    "bfl": usual(
        {"id": "t-1", "polling_url": "https://api.eu1.bfl.ai/v1/get_result?id=t-1", "cost": 4.5},
        {"status": "Pending"},
        {"status": "Ready", "result": {"sample": LINK}},
        Cost(Decimal("4.5"), "credit"),
    ),
    "claid": usual(
        {"data": {"id": 7}},
        {"data": {"status": "PROCESSING"}},
        {"data": {"status": "DONE", "result": {"output_objects": [{"tmp_url": LINK}]}}},
        at="edit",
    ),
    "dashscope": usual(
        {"output": {"task_id": "t-1", "task_status": "PENDING"}},
        {"output": {"task_id": "t-1", "task_status": "RUNNING"}},
        {"output": {"task_id": "t-1", "task_status": "SUCCEEDED", "results": [{"url": LINK}]}},
    ),
    "eachlabs": usual(
        {"predictionID": "p-1"},
        {"status": "processing"},
        {"status": "success", "output": LINK, "metrics": {"cost": 0.012}},
        Cost(Decimal("0.012"), "usd"),
    ),
    "fal": Course(
        {"at": "submit"},
        reply(200, FAL_LINKS),
        reply(200, {"status": "IN_PROGRESS"}),
        (reply(200, {"status": "COMPLETED"}), reply(200, {"images": [{"url": LINK}]})),
    ),
    "fashn": Course(
        {},
        reply(200, {"id": "p-1"}),
        reply(200, {"status": "processing"}),
        (reply(200, {"status": "completed", "output": [LINK]}, {"x-fashn-credits-used": "2"}),),
        Cost(Decimal(2), "fashn_credit"),
    ),
    "luma": usual(
        {"id": "g-1", "state": "queued"},
        {"id": "g-1", "state": "dreaming"},
        {"id": "g-1", "state": "completed", "assets": {"image": LINK}},
    ),
    "magic_hour": usual(
        {"id": "m-1"},
        {"status": "rendering"},
        {"status": "complete", "downloads": [{"url": LINK}], "credits_charged": 20},
        Cost(Decimal(20), "magic_hour_credit"),
        at="create",
    ),
    "pruna": Course(
        {},
        reply(200, {"id": "p-1"}),
        reply(200, {"status": "processing"}),
        (reply(200, {"status": "succeeded", "generation_url": "/v1/predictions/delivery/a"}), reply(raw=b"\x89PNG")),
    ),
    "replicate": usual(
        {"id": "p-1", "status": "starting"},
        {"id": "p-1", "status": "processing"},
        {"id": "p-1", "status": "succeeded", "output": [LINK]},
    ),
    "tencent": usual(
        {"Response": {"JobId": "j-1"}},
        {"Response": {"JobStatusCode": "2"}},
        {"Response": {"JobStatusCode": "5", "ResultImage": [LINK], "ResultDetails": ["Success"]}},
        kind="TextToImageJob",
    ),
    "vidu": usual(
        {"task_id": "t-1", "state": "created"},
        {"state": "processing"},
        {"state": "success", "creations": [{"url": LINK}], "credits": 8},
        Cost(Decimal(8), "vidu_credit"),
    ),
    "volcengine_visual": usual(
        jimeng(task_id="t-1"), jimeng(status="generating"), jimeng(status="done", image_urls=[LINK]), kind="jimeng"
    ),
}
EVERY = pytest.mark.parametrize("name", COURSES)


def kept_of(name: str) -> dict[str, Any]:
    """Return what is committed of a call that this vendor has created."""
    course = COURSES[name]
    step = UPSTREAMS[name].read(an_ask(), course.before, course.created)
    assert isinstance(step, Wait)
    return step.state


async def asked(name: str, *answers: Reply | Exception) -> tuple[Done | Failed | None, Script]:
    vendor, script = UPSTREAMS[name], Script(*answers)
    desk = Desk(vendor, vendor.limits, Line(vendor.limits), script)  # type: ignore[arg-type]
    found = await ask_once(desk, kept_of(name))
    assert not script.paid
    return found, script


def test_all_vendors_whose_calls_may_go_on_are_here():
    assert set(COURSES) == {name for name, vendor in UPSTREAMS.items() if type(vendor).poll is not Base.poll}


@EVERY
async def test_what_it_made_and_took_is_found(name):
    found, script = await asked(name, *COURSES[name].ended)
    assert isinstance(found, Done)
    assert (len(found.pictures), found.cost) == (1, COURSES[name].cost)
    assert len(script.sent) == len(COURSES[name].ended)


@EVERY
async def test_one_that_works_on_is_asked_once(name):
    found, script = await asked(name, COURSES[name].works)
    assert (found, len(script.sent)) == (None, 1)


@EVERY
@pytest.mark.parametrize(
    "answer",
    [
        NotSent("nobody is there"),
        Unclear("broken off"),
        reply(500, {}),
        reply(503, {}),
        reply(401, {}),
        reply(404, {}),
        reply(400, {}),
        reply(200, raw=b"<html>"),
        reply(200, []),
    ],
    ids=["away", "broken", "500", "503", "401", "404", "400", "page", "list"],
)
async def test_an_answer_that_says_nothing_of_the_call_is_none(name, answer):
    assert (await asked(name, answer))[0] is None


@pytest.mark.parametrize(
    ("name", "answers", "why", "billed"),
    [
        ("replicate", [{"id": "p-1", "status": "failed", "error": "out of memory"}], "failed", None),
        ("replicate", [{"id": "p-1", "status": "canceled"}], "failed", None),
        ("eachlabs", [{"status": "failed", "output": {"classification": {"category": "TIMEOUT"}}}], "failed", None),
        ("magic_hour", [{"status": "error", "error": {"code": "content_policy_violation"}}], "refused", False),
        ("vidu", [{"state": "failed", "err_code": "x", "credits": 8}], "failed", True),
        ("fal", [{"status": "COMPLETED"}, (422, {"detail": "content policy"})], "refused", False),
        ("volcengine_visual", [(400, {"code": 50511, "message": "the picture"})], "refused", None),
    ],
)
async def test_a_failure_there_is_told(name, answers, why, billed):
    replies = [reply(*one) if isinstance(one, tuple) else reply(200, one) for one in answers]
    found, _ = await asked(name, *replies)
    assert isinstance(found, Failed)
    assert (found.why, found.billed) == (why, billed)


async def test_a_result_that_cannot_be_had_now_is_asked_for_again():
    assert (await asked("fal", reply(200, {"status": "COMPLETED"}), reply(502, {})))[0] is None
    assert (await asked("fal", reply(200, {"status": "COMPLETED"}), reply(500, {})))[0] is None
