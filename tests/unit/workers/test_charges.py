"""What jobs cost, and what comes back, worked out by hand: credits (US cents) of one account, its modes apart."""

from __future__ import annotations

import base64
import io
from decimal import Decimal
from typing import Any

import pytest
from PIL import Image

from gesso.accounts.keys import Caller, create_key, find_caller
from gesso.accounts.ledger import balance
from gesso.database.connect import Database
from gesso.domain.credits import render_credits
from gesso.domain.errors import InsufficientCredits
from gesso.domain.job import Job
from gesso.intake.ask import Ask
from gesso.jobs.cancel import cancel

START = Decimal(1000)


def picture() -> str:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), (200, 0, 0)).save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def qwen(count: int) -> dict[str, Any]:
    return {"images": [picture()], "image_count": count}


async def left(desk: Any, mode: str = "test") -> Decimal:
    micro = await desk.parts.database.read(lambda c: balance(c, desk.caller.account_id, mode))
    return Decimal(render_credits(micro))


async def taken_in(desk: Any, slug: str, prompt: str, given: dict[str, Any], caller: Caller | None = None) -> Job:
    ask = Ask(model=slug, input={"prompt": prompt, **given})
    return (await desk.parts.intake.accept(ask, caller or desk.caller)).job


def money(job: Job) -> tuple[str, str]:
    return render_credits(job.charged_micro), render_credits(job.refunded_micro)


FOUR, THREE = "picture picture picture picture", "picture picture picture"

# model, input, what the engine does, charged, refunded
CASES = [
    ("magic-hour-qwen-edit", qwen(4), FOUR, "4", "0"),  # 4 × 10 × 0.1
    ("magic-hour-qwen-edit", qwen(4), THREE, "4", "1"),  # one is missing
    ("magic-hour-qwen-edit", qwen(9), "picture", "9", "8"),
    ("magic-hour-qwen-edit", qwen(4), "picture fail", "4", "4"),
    ("claid-edit-v1", {"image": picture(), "number_of_images": 3}, THREE, "30", "0"),  # 3 × 2 × 5
    ("claid-edit-v1", {"image": picture(), "number_of_images": 3}, "picture", "30", "20"),
    ("fashn-edit", {"image": picture()}, "picture", "7.5", "0"),  # 1 × 7.5
    ("fashn-edit", {"image": picture()}, "crash", "7.5", "7.5"),
    ("flux-schnell", {"num_outputs": 4}, FOUR, "1.2", "0"),  # 4 × 0.003 dollars
    ("flux-schnell", {"num_outputs": 4}, THREE, "1.2", "0.3"),
    ("flux-2", {}, "picture", "10", "0"),  # no published price
    ("gesso-sketch", {"num_images": 4}, "picture", "0", "0"),
]


@pytest.mark.parametrize(("slug", "given", "script", "charged", "refunded"), CASES)
async def test_a_job_is_charged_whole_and_refunded_what_it_did_not_deliver(
    open_desk, slug, given, script, charged, refunded
):
    async with open_desk(initial_credits=int(START)) as desk:
        job = await taken_in(desk, slug, f"wait {script}", given)
        assert money(job) == (charged, "0")
        assert await left(desk) == START - Decimal(charged)
        desk.engine.go.set()
        job = await desk.ended(job)
        assert money(job) == (charged, refunded)
        assert await left(desk) == START - Decimal(charged) + Decimal(refunded)


@pytest.mark.parametrize("running", [False, True])
async def test_a_cancelled_job_comes_back_whole(open_desk, running):
    async with open_desk(initial_credits=int(START)) as desk:
        first = await taken_in(desk, "magic-hour-qwen-edit", "picture wait", qwen(4))
        second = await taken_in(desk, "claid-edit-v1", "picture", {"image": picture(), "number_of_images": 3})
        assert await left(desk) == START - 4 - 30
        await desk.engine.waiting.wait()
        job = first if running else second
        now = desk.parts.clock()
        asked = await desk.parts.database.write(lambda c: cancel(c, job.id, desk.caller.account_id, "test", now))
        assert asked.is_terminal is not running
        desk.parts.worker.cancel(job.id)
        ended = await desk.ended(job) if running else asked
        assert (ended.state, *money(ended)) == ("cancelled", *(("4", "4") if running else ("30", "30")))
        desk.engine.go.set()
        await desk.ended(second if running else first)
        assert await left(desk) == (START - 30 + 20 if running else START - 4 + 3)


async def test_prices_of_the_installation_are_charged_and_refunded(open_desk):
    settings = {"prices": "magic-hour-qwen-edit=0.5 usd, flux-2=2 credit", "unknown_price_credits": "3.5"}
    async with open_desk(initial_credits=int(START), **settings) as desk:
        job = await desk.ended(await taken_in(desk, "magic-hour-qwen-edit", THREE, qwen(4)))
        assert money(job) == ("200", "50")
        assert (str(job.plan.price.amount), job.plan.price.unit) == ("0.5", "usd")
        assert money(await desk.ended(await taken_in(desk, "flux-2", "picture", {}))) == ("2", "0")
        job = await desk.ended(await taken_in(desk, "friendli-edit", "picture", {"image": [picture()]}))
        assert money(job) == ("3.5", "0")
        assert await left(desk) == START - 150 - 2 - Decimal("3.5")


async def test_test_and_live_are_charged_apart(open_desk):
    async with open_desk(initial_credits=int(START), allow_fidelity="stand_in") as desk:
        live = await live_caller(desk)
        desk.engine.go.set()
        await taken_in(desk, "fashn-edit", "picture", {"image": picture()})
        assert (await left(desk), await left(desk, "live")) == (START - Decimal("7.5"), START)
        await taken_in(desk, "magic-hour-qwen-edit", FOUR, qwen(4), live)
        assert (await left(desk), await left(desk, "live")) == (START - Decimal("7.5"), START - 4)


async def test_what_cannot_be_paid_is_refused_and_nothing_is_charged(open_desk):
    async with open_desk(initial_credits=29, allow_fidelity="stand_in") as desk:
        live = await live_caller(desk)
        await taken_in(desk, "magic-hour-qwen-edit", FOUR, qwen(4), live)
        for caller in (desk.caller, live):
            with pytest.raises(InsufficientCredits):
                await taken_in(desk, "claid-edit-v1", THREE, {"image": picture(), "number_of_images": 3}, caller)
        assert (await left(desk), await left(desk, "live")) == (29, 25)


async def live_caller(desk: Any) -> Caller:
    database: Database = desk.parts.database
    now = desk.parts.clock()
    _, secret = await database.write(lambda c: create_key(c, desk.caller.account_id, "live", "live", now))
    caller = await database.read(lambda c: find_caller(c, secret))
    assert caller is not None
    return caller
