"""Pictures that a model's inline answer means to forget are kept for an hour at most; all others as ever."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from intake_desk import Desk, open_desk

from gesso.domain.privacy import PRIVATE_SECONDS
from gesso.intake.ask import Ask

USUAL = 7 * 24 * 3600
FORGETS, KEEPS, WAITS = "flux-2", "flux-2-klein-9b-base-text-to-image", "juggernaut-flux-lora"


@pytest.fixture
async def desk(tmp_path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


@pytest.mark.parametrize(
    ("model", "sync_mode", "served", "asked", "kept"),
    [
        (FORGETS, True, True, None, PRIVATE_SECONDS),
        (FORGETS, "True", True, 60, 60),
        (FORGETS, True, True, 7200, PRIVATE_SECONDS),
        (FORGETS, False, True, None, USUAL),
        (FORGETS, True, False, None, USUAL),  # nobody hands the pictures over: they have to be fetched
        (KEEPS, True, True, None, USUAL),
        (KEEPS, True, True, 60, 60),
        (WAITS, True, True, None, USUAL),
        ("gesso-sketch", None, True, 60, 60),
    ],
)
async def test_how_long_pictures_are_kept(desk, model, sync_mode, served, asked, kept):
    given = {"prompt": "a cat"} | ({} if sync_mode is None else {"sync_mode": sync_mode})
    roles = frozenset({"inline_result"}) if served else frozenset()
    ask = Ask(model=model, input=given, served=roles, keep_seconds=asked)
    submitted = await desk.parts.intake.accept(ask, desk.caller)
    assert submitted.job.request.keep_seconds == kept
