"""What a run found, for a person and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from checker import SHOWN, Report
from course import Course, Plan
from history import Answered, Asked, FinalJob, Numbered, Read, read_history
from rich.console import Console
from rich.table import Table

SECOND = 1_000_000
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Summary:
    """Everything a run has to say. Times are seconds."""

    holds: bool
    seed: int
    folder: str
    seconds: float
    jobs: dict[str, int]
    answers: dict[str, int]  # by method and status
    faults: dict[str, int]
    skipped: tuple[str, ...]
    times: dict[str, dict[str, float]]
    report: Report
    wrong: tuple[str, ...]

    @classmethod
    def of(cls, plan: Plan, course: Course, report: Report, folder: Path, seconds: float) -> Summary:
        """Sum a run up."""
        history = read_history(folder / "history.jsonl")
        tally = course.tally
        assert tally is not None
        finals = [line.record for line in history if isinstance(line.record, FinalJob)]
        jobs = {"asked for": plan.jobs, "acknowledged": tally.acknowledged, "refused": tally.refused}
        jobs |= {"unanswered, without a key": tally.given_up, "repeated requests": tally.repeated}
        jobs |= {"sent twice side by side": tally.beside}
        jobs |= {state: sum(job.state == state for job in finals) for state in ENDED}
        jobs |= {"run more than once": sum(job.attempts > 1 for job in finals), "pictures fetched": tally.fetched}
        return cls(
            holds=report.holds and not course.wrong,
            seed=plan.seed,
            folder=str(folder),
            seconds=round(seconds, 1),
            jobs=jobs,
            answers=dict(sorted(tally.statuses.items())),
            faults=course.fault_counts,
            skipped=tuple(course.skipped),
            times=_times(history),
            report=report,
            wrong=tuple(course.wrong),
        )

    def as_json(self) -> str:
        """Return it as one JSON object."""
        values: dict[str, Any] = {name: value for name, value in vars(self).items() if name != "report"}
        violations = {name: [asdict(one) for one in found] for name, found in self.report.violations.items()}
        values["invariants"] = {
            name: {"checked": count, "violations": violations.get(name, [])}
            for name, count in self.report.checked.items()
        }
        values["unproven"] = self.report.unproven
        return json.dumps(values, indent=2)

    def show(self) -> None:
        """Print it as tables."""
        console = Console(width=120)
        _table(console, "Jobs", ("", "count"), [(name, str(count)) for name, count in self.jobs.items()])
        faults = [(name, str(count)) for name, count in sorted(self.faults.items())]
        _table(console, "Faults", ("what", "count"), [*faults, *((one, "skipped") for one in self.skipped)])
        _table(console, "Invariants", ("what", "checked", ""), [self._row(name) for name in self.report.checked])
        times = [(name, f"{of['p50']:.2f} s", f"{of['p99']:.2f} s") for name, of in self.times.items()]
        _table(console, "Times, under faults", ("", "p50", "p99"), times)
        for name, found in self.report.violations.items():
            for each in found[:SHOWN]:
                lines = ", ".join(map(str, each.lines))
                console.print(f"{name}: {each.subject}: {each.message} (lines {lines})", markup=False)
        for each in self.wrong:
            console.print(f"wrong: {each}", markup=False)
        verdict = "everything held" if self.holds else "NOT everything held"
        console.print(f"{verdict}, in {self.seconds:.0f} s; seed {self.seed}; history and logs in {self.folder}")

    def _row(self, name: str) -> tuple[str, str, str]:
        found = self.report.violations.get(name, ())
        count = self.report.checked[name]
        said = f"{len(found)} VIOLATIONS" if found else "holds" if count else "nothing to check"
        return name.replace("_", " "), str(count), said + (" (claimed)" if name in self.report.unproven else "")


def _table(console: Console, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(title=title, title_justify="left", show_edge=False)
    for number, head in enumerate(heads):
        table.add_column(head, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table, "")


def _times(history: list[Numbered]) -> dict[str, dict[str, float]]:
    """Return how long it took from the first request of an ask to its acknowledgement, and until its end was seen."""
    asked: dict[str, int] = {}
    acknowledged: dict[str, int] = {}
    ended: dict[str, int] = {}
    one: dict[tuple[str, int], int] = {}
    requests: list[int] = []
    for line in history:
        record = line.record
        if isinstance(record, Asked):
            asked.setdefault(record.ask, record.at)
            one[record.ask, record.attempt] = record.at
        elif isinstance(record, Answered) and record.job is not None:
            acknowledged.setdefault(record.ask, record.at)
            requests.append(record.at - one[record.ask, record.attempt])
        elif isinstance(record, Read) and record.state in ENDED:
            ended.setdefault(record.ask, record.at)
    return {
        "one submit that was accepted": _quantiles(requests),
        "from the first submit to the acknowledgement": _quantiles(
            [at - asked[ask] for ask, at in acknowledged.items()]
        ),
        "from the first submit to the end seen": _quantiles([at - asked[ask] for ask, at in ended.items()]),
    }


def _quantiles(values: list[int]) -> dict[str, float]:
    ordered = sorted(values) or [0]
    return {
        name: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] / SECOND, 3)
        for name, share in (("p50", 0.5), ("p99", 0.99))
    }
