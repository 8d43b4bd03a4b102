"""Accepted means terminal: no job that was promised is lost, every job ends, and it is the one that was asked for."""

from __future__ import annotations

from facts import Facts
from history import Answered

from gesso.domain.job import TERMINAL
from invariants.finding import Findings


def no_acknowledged_job_is_lost(facts: Facts) -> Findings:
    """Every job whose id was given in a 2xx answer has a row at the end."""
    found = Findings()
    for job, answers in facts.acknowledged.items():
        found.expect(facts.job(job) is not None, job, "it was acknowledged, and there is no such job", *answers)
    return found


def no_job_is_gone_for_its_reader(facts: Facts) -> Findings:
    """Nobody who asks for a job by its id, or cancels it, is told that there is none."""
    found = Findings()
    for job, answers in facts.acknowledged.items():
        asked = [*facts.about(facts.reads, job), *facts.about(facts.cancels, job)]
        for line in asked:
            gone = line.record.status in (404, 410)
            found.expect(not gone, job, f"it was acknowledged, then {line.record.status}", answers[0], line)
    return found


def every_job_ends(facts: Facts) -> Findings:
    """When all is over every job has succeeded, failed or been cancelled, acknowledged or not."""
    found = Findings()
    for line in facts.final_jobs():
        found.expect(line.record.state in TERMINAL, line.record.job, f"it is {line.record.state} for ever", line)
    return found


def jobs_are_as_asked(facts: Facts) -> Findings:
    """A job belongs to who asked, for as many pictures, with its webhook; it delivers what its engine can."""
    found = Findings()
    for line in facts.final_jobs():
        job, asked = line.record, facts.ask_of(line)
        found.expect(job.ask is None or asked is not None, job.job, "nobody asked for it", line, counts=False)
        if asked is None:
            continue
        ask = asked.record
        is_same = (job.account, job.picture_count, job.webhook) == (ask.account, ask.pictures, ask.webhook)
        found.expect(is_same, job.job, "its account, count or webhook is not what was asked for", asked, line)
        possible = 0 if ask.fails else ask.pictures - ask.fewer
        right = possible > 0 and job.pictures == possible if job.state == "succeeded" else job.pictures == 0
        found.expect(right, job.job, f"{job.state} with {job.pictures} pictures of {possible}", asked, line)
    return found


def what_was_refused_is_not_made(facts: Facts) -> Findings:
    """An ask that only ever got 4xx answers has no job."""
    found = Findings()
    for ask, attempts in facts.asks.items():
        answers = facts.about(facts.answers, ask)
        refused = [line for line in answers if isinstance(line.record, Answered) and 400 <= line.record.status < 500]
        if len(refused) == len(attempts) == len(answers):
            made = facts.about(facts.jobs_of_ask, ask)
            found.expect(not made, ask, "every attempt was refused, and there is a job", *attempts, *refused, *made)
    return found
