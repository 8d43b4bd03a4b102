"""Pictures that a model's inline answer means to forget are kept for an hour at most; all others as ever."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from intake_desk import Desk, open_desk

from gesso.intake.ask import FORGOTTEN_SECONDS, Ask

FORGETS, KEEPS, WAITS = "flux-2", "flux-2-klein-9b-base-text-to-image", "juggernaut-flux-lora"


@pytest.fixture
async def desk(tmp_path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path / "data") as opened:
        yield opened


@pytest.mark.parametrize(
    ("model", "sync_mode", "served", "asked", "kept"),
    [
        (FORGETS, True, True, None, FORGOTTEN_SECONDS),
        (FORGETS, "True", True, 60, 60),
        (FORGETS, True, True, 7200, FORGOTTEN_SECONDS),
        (FORGETS, False, True, None, None),
        (FORGETS, True, False, None, None),  # nobody hands the pictures over: they have to be fetched
        (KEEPS, True, True, None, None),
        (KEEPS, True, True, 60, 60),
        (WAITS, True, True, None, None),
        ("gesso-sketch", None, True, 60, 60),
    ],
)
async def test_how_long_pictures_are_kept(desk, model, sync_mode, served, asked, kept):
    given = {"prompt": "a cat"} | ({} if sync_mode is None else {"sync_mode": sync_mode})
    roles = frozenset({"inline_result"}) if served else frozenset()
    ask = Ask(model=model, input=given, served=roles, keep_seconds=asked)
    submitted = await desk.parts.intake.accept(ask, desk.caller)
    assert submitted.job.request.keep_seconds == kept
