"""Idempotency: one job for one key, however often and wherever it was asked for."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from facts import Facts, Lines, is_acknowledgement
from history import Numbered, Unanswered

from invariants.finding import Findings


def one_job_for_one_key(facts: Facts) -> Findings:
    """All attempts of one account with one key come to one job; without a key, to no more jobs than attempts.

    Jobs that no answer told of count as well: their metadata name the ask. Only keys of which two attempts or more may
    have made a job are counted as checked: acknowledged ones, and those that got through and were not answered.
    """
    found = Findings()
    for same, attempts in _by_key(facts).items():
        asks = {line.record.ask for line in attempts}
        proof = [line for ask in asks for line in _jobs(facts, ask)]
        jobs = {line.record.job for line in proof}
        allowed = 1 if same[1] is not None else len(attempts)
        message = f"{len(jobs)} jobs for {len(attempts)} attempts" + ("" if same[1] is None else f" with key {same[1]}")
        repeated = (
            same[1] is not None
            and sum(_may_have_made(line) for ask in asks for line in facts.about(facts.answers, ask)) > 1
        )
        found.expect(len(jobs) <= allowed, "/".join(sorted(asks)), message, *attempts, *proof, counts=repeated)
    return found


def one_ask_for_one_job(facts: Facts) -> Findings:
    """No job is given to two asks that have nothing to do with each other."""
    found = Findings()
    asks_of_job: dict[str, dict[Any, Lines]] = defaultdict(lambda: defaultdict(list))
    for same, attempts in _by_key(facts).items():
        for ask in {line.record.ask for line in attempts}:
            for line in _jobs(facts, ask):
                asks_of_job[line.record.job][same].append(line)
    for job, by_key in asks_of_job.items():
        proof = [line for lines in by_key.values() for line in lines]
        found.expect(len(by_key) == 1, job, f"it is the job of {len(by_key)} different asks", *proof)
    return found


def _by_key(facts: Facts) -> dict[tuple[str, str | None, str], Lines]:
    """Return attempts by account and key; those without a key by their ask."""
    groups: dict[tuple[str, str | None, str], Lines] = defaultdict(list)
    for attempts in facts.asks.values():
        for line in attempts:
            asked = line.record
            groups[asked.account, asked.idempotency_key, "" if asked.idempotency_key else asked.ask].append(line)
    return groups


def _may_have_made(line: Numbered) -> bool:
    answer = line.record
    if isinstance(answer, Unanswered):
        return not answer.why.startswith("Connect")
    return is_acknowledgement(answer)


def _jobs(facts: Facts, ask: str) -> Lines:
    """Return the lines that say which job an ask has."""
    answers = [line for line in facts.about(facts.answers, ask) if is_acknowledgement(line.record)]
    return [*answers, *facts.about(facts.jobs_of_ask, ask)]
