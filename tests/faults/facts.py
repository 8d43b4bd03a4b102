"""A history looked up from all sides: what invariants ask about it. It judges nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from history import (
    Answered,
    Asked,
    Cancelled,
    Fault,
    Fetched,
    FinalDelivery,
    FinalEnd,
    FinalEntry,
    FinalJob,
    FinalLedger,
    FinalObject,
    FinalRow,
    HookReceived,
    Numbered,
    Read,
    Unanswered,
)

Lines = list[Numbered]
Grouped = dict[Any, Lines]


def _grouped() -> Grouped:
    return defaultdict(list)


@dataclass
class Facts:
    """Records in the order of the file, under what they are about. Absent keys have no records."""

    lines: int = 0
    asks: Grouped = field(default_factory=_grouped)  # ask → Asked, one an attempt
    answers: Grouped = field(default_factory=_grouped)  # ask → Answered, Unanswered
    acknowledged: Grouped = field(default_factory=_grouped)  # job → Answered that promised it
    reads: Grouped = field(default_factory=_grouped)  # job → Read
    cancels: Grouped = field(default_factory=_grouped)  # job → Cancelled
    fetches: Grouped = field(default_factory=_grouped)  # job, picture → Fetched
    hooks: Lines = field(default_factory=list)
    faults: Lines = field(default_factory=list)
    jobs: Grouped = field(default_factory=_grouped)  # job → FinalJob
    jobs_of_ask: Grouped = field(default_factory=_grouped)  # ask → FinalJob
    ledgers: Grouped = field(default_factory=_grouped)  # account, mode → FinalLedger
    entries: Lines = field(default_factory=list)
    entries_of_job: Grouped = field(default_factory=_grouped)  # job → FinalEntry
    ends: Grouped = field(default_factory=_grouped)  # job → FinalEnd
    objects: Grouped = field(default_factory=_grouped)  # account, blob → FinalObject
    rows: Grouped = field(default_factory=_grouped)  # account, blob → FinalRow
    outputs: Grouped = field(default_factory=_grouped)  # job → FinalRow of its pictures
    deliveries: Grouped = field(default_factory=_grouped)  # delivery → FinalDelivery

    @classmethod
    def of(cls, history: Iterable[Numbered]) -> Facts:
        """Look up a history."""
        facts = cls()
        for line in history:
            facts.lines += 1
            facts._add(line, line.record)
        return facts

    def _add(self, line: Numbered, record: Any) -> None:
        match record:
            case Asked():
                self.asks[record.ask].append(line)
            case Answered() | Unanswered():
                self.answers[record.ask].append(line)
                if is_acknowledgement(record):
                    self.acknowledged[record.job].append(line)
            case Read():
                self.reads[record.job].append(line)
            case Cancelled():
                self.cancels[record.job].append(line)
            case Fetched():
                self.fetches[record.job, record.picture].append(line)
            case HookReceived():
                self.hooks.append(line)
            case Fault():
                self.faults.append(line)
            case FinalJob():
                self.jobs[record.job].append(line)
                if record.ask is not None:
                    self.jobs_of_ask[record.ask].append(line)
            case FinalLedger():
                self.ledgers[record.account, record.mode].append(line)
            case FinalEntry():
                self.entries.append(line)
                if record.job is not None:
                    self.entries_of_job[record.job].append(line)
            case FinalEnd():
                self.ends[record.job].append(line)
            case FinalObject():
                self.objects[record.account, record.blob].append(line)
            case FinalRow():
                self.rows[record.account, record.blob].append(line)
                if record.job is not None:
                    self.outputs[record.job].append(line)
            case FinalDelivery():
                self.deliveries[record.delivery].append(line)

    def about(self, grouped: Grouped, key: Any) -> Lines:
        """Return the records of a key, without making it one."""
        return grouped.get(key, [])

    def job(self, job: str) -> Numbered | None:
        """Return a job's row at the end; None when there is none."""
        return next(iter(self.about(self.jobs, job)), None)

    def final_jobs(self) -> Lines:
        """Return every job's row at the end, once each."""
        return [lines[0] for lines in self.jobs.values()]

    def ask_of(self, job: Numbered) -> Numbered | None:
        """Return the first attempt of the ask a row belongs to; None when the row names none, or an unknown one."""
        return next(iter(self.about(self.asks, job.record.ask)), None)


def is_acknowledgement(record: Any) -> bool:
    """Tell whether an answer promises a job."""
    return isinstance(record, Answered) and 200 <= record.status < 300 and record.job is not None
