"""What is shown while a run goes on: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from clients import Tally
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

LOOK_SECONDS = 0.5
LINE_SECONDS = 30.0


class Progress:
    """Counts asks that are done with: ended, refused or given up."""

    def __init__(self, jobs: int) -> None:
        self._jobs, self._stage = jobs, "load under faults"
        self._console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[said]}"),
        )
        self._bar = Bar(*columns, console=self._console, disable=not self._console.is_terminal, transient=True)
        self._task = self._bar.add_task(self._stage, total=jobs, said="")

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, stage: str) -> None:
        """Name what is being done now."""
        self._stage = stage
        self._bar.update(self._task, description=stage)
        if not self._console.is_terminal:
            sys.stderr.write(f"{stage}\n")

    async def follow(self, tally: Tally, faults: Counter[str]) -> None:
        """Show how it goes, until cancelled."""
        silent = 0.0
        while True:
            done = tally.ended.total() + tally.refused + tally.given_up
            said = f"{faults.total()} faults, {tally.fetched} pictures"
            self._bar.update(self._task, completed=done, said=said)
            silent += LOOK_SECONDS
            if silent >= LINE_SECONDS and not self._console.is_terminal:
                silent = 0.0
                sys.stderr.write(f"{self._stage}: {done} of {self._jobs} asks done with, {said}\n")
            await asyncio.sleep(LOOK_SECONDS)
