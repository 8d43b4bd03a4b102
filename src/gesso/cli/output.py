"""The one place that prints: tables and sentences for people, JSON for programs, or only the essential words."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only the essential: ids, paths, amounts.")]

FOLDED_COLUMNS = 20  # what is left to the last column of a table at least, in characters
Report = Callable[[str, int, int], None]  # (stage, done, total)


class Output:
    """How one command answers. The answer goes to stdout; what it remarks on the way goes to stderr."""

    def __init__(self, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet

    @property
    def for_people(self) -> bool:
        return not (self.as_json or self.quiet)

    def answer(self, data: Mapping[str, Any], sentences: Sequence[str], essence: Sequence[str] = ()) -> None:
        """Print one thing: as JSON, as sentences, or its essence (one word or path a line)."""
        if self.as_json:
            _write_json(data)
        else:
            for line in essence if self.quiet else sentences:
                _console().print(line, markup=False, highlight=False, soft_wrap=True)

    def table(self, rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str], essence: str, empty: str) -> None:
        """Print many things: JSON has every key, the table those in `titles`, quiet only `essence`."""
        if self.as_json:
            _write_json(list(rows))
        elif self.quiet:
            for row in rows:
                _console().print(_cell(row[essence]), markup=False, highlight=False, soft_wrap=True)
        elif not rows:
            self.remark(empty)
        else:
            _print_table(rows, titles)

    def remark(self, sentence: str) -> None:
        """Say something on the side; only people get it."""
        if self.for_people:
            _console(stderr=True).print(sentence, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def progress(self, unit: Literal["steps", "bytes"] = "steps") -> Iterator[Report]:
        """Show a bar on stderr while the block runs, where a person watches; yield what reports how far it is."""
        if not (self.for_people and sys.stderr.isatty()):
            yield lambda stage, done, total: None
            return
        from rich import progress as bars

        counted: tuple[bars.ProgressColumn, ...] = (bars.MofNCompleteColumn(), bars.TimeElapsedColumn())
        if unit == "bytes":
            counted = (bars.DownloadColumn(), bars.TransferSpeedColumn(), bars.TimeRemainingColumn())
        columns = (bars.TextColumn("{task.description}"), bars.BarColumn(), *counted)
        with bars.Progress(*columns, console=_console(stderr=True), transient=True) as progress:
            bar = progress.add_task("starting", total=None)

            def report(stage: str, done: int, total: int) -> None:
                progress.update(bar, description=stage, completed=done, total=total)

            yield report


def logs_to_stderr() -> None:
    """Keep what is logged on the way out of the answer; for commands that run an engine in this process."""
    import structlog

    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr)


def _write_json(data: Any) -> None:
    """Write one value: indented on a terminal, else on one line, so that a program can read it by lines."""
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=indent, default=str) + "\n")
    sys.stdout.flush()


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)


def _time(value: str | None) -> str:
    """Return an RFC 3339 time as people read it: to the second, UTC."""
    return "–" if value is None else value[:19].replace("T", " ")


def _print_table(rows: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> None:
    from rich.cells import cell_len
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    cells = [[_time(row[key]) if key.endswith("_at") else _cell(row[key]) for key in titles] for row in rows]
    table = Table(box=None, pad_edge=False, header_style="bold")
    last = list(titles)[-1]  # only the last column folds: ids and names stay in one piece, to be copied
    for (key, title), column in zip(titles.items(), zip(*cells, strict=True), strict=True):
        numeric = all(isinstance(row[key], int | float) and not isinstance(row[key], bool) for row in rows)
        widest = max(map(cell_len, (title, *column)))
        least = min(widest, FOLDED_COLUMNS) if key == last else widest
        table.add_column(title, justify="right" if numeric else "left", overflow="fold", min_width=least)
    for line in cells:
        table.add_row(*map(Text, line))
    console = _console()
    if console.is_terminal:
        unlimited = console.options.update(max_width=10_000)
        console.width = max(console.width, Measurement.get(console, unlimited, table).minimum + 2)
        console.print(table)
        return
    console.width = 10_000  # a pipe has no width: fold nothing, pad nothing
    with console.capture() as captured:
        console.print(table)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())
