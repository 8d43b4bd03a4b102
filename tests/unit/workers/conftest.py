"""Servers without HTTP over one data folder, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from desk import Desk, Turned
from scripted_engine import ScriptedEngine

from gesso.accounts.keys import find_caller
from gesso.domain.clock import Clock
from gesso.settings import Settings
from gesso.wiring import Around, build


@pytest.fixture
async def open_desk(tmp_path) -> AsyncIterator[Callable[..., AsyncExitStack]]:
    secrets: list[str] = []

    @asynccontextmanager
    async def opened(
        engine: ScriptedEngine | None = None,
        clock: Clock | None = None,
        grace: float = 0,
        around: Around | None = None,
        **settings: Any,
    ):
        engine = engine or ScriptedEngine()
        chosen = Settings(data_dir=tmp_path / "data", grace_seconds=grace, **settings)
        parts = build(chosen, engines=[engine], clock=clock or Turned(), around=around)
        if parts.first_keys is not None:
            secrets.append(parts.first_keys.test_secret)
        await parts.start()
        try:
            caller = await parts.database.read(lambda c: find_caller(c, secrets[0]))
            yield Desk(parts, engine, caller)
        finally:
            await parts.stop()

    return opened
