"""Pictures: whole, readable, the same every time, and those that seed and prompt must give."""

from __future__ import annotations

from functools import lru_cache

from facts import Facts
from history import Asked, FinalJob
from pictures import expected_sha256

from invariants.finding import Findings

_expected = lru_cache(maxsize=4096)(expected_sha256)


def every_picture_can_be_fetched(facts: Facts) -> Findings:
    """The last fetch of each picture of a succeeded job brought it whole; other jobs have no pictures."""
    found = Findings()
    for line in facts.final_jobs():
        job: FinalJob = line.record
        for index in range(job.pictures if job.state == "succeeded" else 0):
            fetches = facts.about(facts.fetches, (job.job, index))
            came = bool(fetches) and bool(fetches[-1].record.sha256)
            message = f"picture {index}: {fetches[-1].record.why if fetches else 'nobody fetched it'}"
            found.expect(came, job.job, message, line, *fetches[-1:])
    for (job_id, index), fetches in facts.fetches.items():
        row, came = facts.job(job_id), [line for line in fetches if line.record.sha256]
        if row is not None and came:
            there = row.record.state == "succeeded" and index < row.record.pictures
            message = f"picture {index} came of a job that {row.record.state} with {row.record.pictures}"
            found.expect(there, job_id, message, row, *came, counts=False)
    return found


def every_picture_is_readable(facts: Facts) -> Findings:
    """Whatever came whole can be decoded."""
    found = Findings()
    for (job, index), fetches in facts.fetches.items():
        for line in fetches:
            if line.record.sha256:
                found.expect(line.record.ok, job, f"picture {index} cannot be read: {line.record.why}", line)
    return found


def every_fetch_brings_the_same(facts: Facts) -> Findings:
    """A picture's bytes are the same whenever and wherever they are fetched; those fetched twice count as checked."""
    found = Findings()
    for (job, index), fetches in facts.fetches.items():
        came = [line for line in fetches if line.record.sha256]
        if len(came) > 1:
            kinds = {(line.record.sha256, line.record.bytes): line for line in reversed(came)}
            found.expect(len(kinds) == 1, job, f"picture {index} came as {len(kinds)} different files", *kinds.values())
    return found


def every_picture_is_the_right_one(facts: Facts) -> Findings:
    """Picture i of seed s has the pixels of seed s + i."""
    found = Findings()
    for (job, index), fetches in facts.fetches.items():
        row = facts.job(job)
        asked = None if row is None else facts.ask_of(row)
        from_seed = None if asked is None else _of_seed(asked.record, index)
        for line in fetches:
            fetch = line.record
            for expected in {from_seed, fetch.expected_sha256} - {None}:
                if fetch.pixels_sha256 is not None:
                    right = fetch.pixels_sha256 == expected
                    found.expect(right, job, f"picture {index} shows something else", asked, row, line)
    return found


def _of_seed(ask: Asked, index: int) -> str | None:
    return None if ask.seed is None or ask.edits else _expected(ask.seed, index)
