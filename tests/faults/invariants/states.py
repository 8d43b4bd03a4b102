"""The way of a job: it ends once, only ever moves forward for who looks at it, and stays as it ended."""

from __future__ import annotations

from collections import defaultdict

from facts import Facts, Lines
from history import Numbered

from gesso.domain.job import TERMINAL
from invariants.finding import Findings


def every_job_ends_once(facts: Facts) -> Findings:
    """The database's witness saw one move into an ended state for each ended job, to the state it is in, and none out."""
    found = Findings()
    for job, moves in facts.ends.items():
        row = facts.job(job)
        again = len(moves) > 1 or any(line.record.source in TERMINAL for line in moves)
        found.expect(not again, job, "it moved again after its end", *moves, row)
        if not again and row is not None and row.record.state in TERMINAL:
            same = moves[0].record.state == row.record.state
            found.expect(same, job, f"it ended {moves[0].record.state} and is {row.record.state}", *moves, row)
    if facts.ends:  # there was a witness
        for row in facts.final_jobs():
            unseen = row.record.state in TERMINAL and row.record.job not in facts.ends
            found.expect(not unseen, row.record.job, "no witness saw its end", row, counts=False)
    return found


def states_move_forward(facts: Facts) -> Findings:
    """For one reader, and for another who asks later, an ended job never runs or waits again.

    A running job may wait again after an interruption, and then it has been claimed more than once.
    """
    found = Findings()
    for job, reads in facts.reads.items():
        told = [line for line in reads if line.record.state is not None]
        wrong = _after_an_end(told)
        for line in told:
            found.expect(
                line.line not in wrong, job, f"it had ended and is {line.record.state}", wrong.get(line.line), line
            )
        row = facts.job(job)
        for ofone in _by_reader(told).values():
            starts = [line for before, line in zip([None, *ofone], ofone, strict=False) if _starts(before, line)]
            claims = len(starts)
            enough = row is None or row.record.attempts >= claims
            found.expect(enough, job, f"it was seen to start {claims} times", *starts, row, counts=claims > 1)
    return found


def an_end_never_changes(facts: Facts) -> Findings:
    """All who saw a job ended saw the same end, and it is the one in its row."""
    found = Findings()
    for job, reads in facts.reads.items():
        ends: dict[str, Numbered] = {}
        for line in reads:
            if line.record.state in TERMINAL:
                ends.setdefault(line.record.state, line)
        row = facts.job(job)
        if ends and row is not None:
            ends.setdefault(row.record.state, row)
        if ends:
            found.expect(len(ends) == 1, job, f"it was seen as {' and as '.join(ends)}", *ends.values())
    return found


def _after_an_end(reads: Lines) -> dict[int, Numbered]:
    """Return the reads that show an unfinished job after an end was seen, by line, with the read that saw it.

    A read comes after another when one reader made both, or when its question was sent after the other's answer came.
    """
    wrong: dict[int, Numbered] = {}
    ended = [line for line in reads if line.record.state in TERMINAL]
    if not ended:
        return wrong
    first = min(ended, key=lambda line: line.record.at)
    first_of_reader: dict[tuple[str, str], Numbered] = {}
    for line in reads:
        read = line.record
        if read.state in TERMINAL:
            first_of_reader.setdefault((read.ask, read.reader), line)
        elif (before := first_of_reader.get((read.ask, read.reader))) is not None:
            wrong[line.line] = before
        elif read.sent is not None and read.sent > first.record.at:
            wrong[line.line] = first
    return wrong


def _by_reader(reads: Lines) -> dict[tuple[str, str], Lines]:
    readers: dict[tuple[str, str], Lines] = defaultdict(list)
    for line in reads:
        readers[line.record.ask, line.record.reader].append(line)
    return readers


def _starts(before: Numbered | None, line: Numbered) -> bool:
    return line.record.state == "running" and (before is None or before.record.state == "queued")
