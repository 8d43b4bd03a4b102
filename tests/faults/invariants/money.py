"""Money: the price is charged once, what was not delivered is refunded once, and the ledger adds up to the balances."""

from __future__ import annotations

from collections import defaultdict

from facts import Facts, Lines
from history import FinalJob, Numbered

from gesso.domain.job import TERMINAL
from invariants.finding import Findings


def every_job_is_charged_once(facts: Facts) -> Findings:
    """A job has one charge, of its price, on the account that asked; nothing is charged for a job that is not there."""
    found = Findings()
    for line in facts.final_jobs():
        job, asked = line.record, facts.ask_of(line)
        charges = _entries(facts, job, "charge")
        price = None if asked is None else asked.record.price_micro
        right = price is None or price == job.charged
        found.expect(right, job.job, f"its price is {price}, it was charged {job.charged}", asked, line)
        entered = [-entry.record.micro for entry in charges]
        expected = [job.charged] if job.charged else []
        found.expect(entered == expected, job.job, f"charged {job.charged}, entered {entered}", line, *charges)
    for job_id, entries in facts.entries_of_job.items():
        row = facts.job(job_id)
        own = row is not None and all(_is_own(row.record, entry) for entry in entries)
        found.expect(own, job_id, "entries name a job that is not there, or another account's", row, *entries)
    return found


def every_refund_is_exact(facts: Facts) -> Findings:
    """An ended job has one refund, of what was not delivered, or none when all was; one that runs has none."""
    found = Findings()
    for line in facts.final_jobs():
        job = line.record
        due, refunds = _due(job), _entries(facts, job, "refund")
        entered = [entry.record.micro for entry in refunds]
        expected = [due] if due else []
        message = f"{job.state} with {job.pictures} of {job.picture_count}: due {due}, in its row {job.refunded}, entered {entered}"
        found.expect((job.refunded, entered) == (due, expected), job.job, message, line, *refunds)
    return found


def ledgers_add_up(facts: Facts) -> Findings:
    """The balance after each entry is the sum of all entries up to it, and the last is the sum of all."""
    found = Findings()
    by_account: dict[tuple[str, str], Lines] = defaultdict(list)
    for line in facts.entries:
        by_account[line.record.account, line.record.mode].append(line)
    for key in by_account.keys() | facts.ledgers.keys():
        total = 0
        for line in sorted(by_account.get(key, []), key=lambda line: line.record.entry):
            total += line.record.micro
            message = f"after entry {line.record.entry} there are {total}, it says {line.record.balance_after}"
            found.expect(total == line.record.balance_after, str(key), message, line)
        ledger = next(iter(facts.about(facts.ledgers, key)), None)
        said = None if ledger is None else ledger.record.sum_of_entries
        found.expect(said == total, str(key), f"its entries are {total} together, it says {said}", ledger)
    return found


def balances_are_what_was_entered(facts: Facts) -> Findings:
    """A balance is the sum of its entries and never negative."""
    found = Findings()
    for key, lines in facts.ledgers.items():
        ledger = lines[0].record
        right = ledger.balance == ledger.sum_of_entries and ledger.balance >= 0
        found.expect(right, str(key), f"{ledger.balance} left, {ledger.sum_of_entries} entered", *lines)
    return found


def _entries(facts: Facts, job: FinalJob, kind: str) -> Lines:
    return [line for line in facts.about(facts.entries_of_job, job.job) if line.record.type == kind]


def _is_own(job: FinalJob, entry: Numbered) -> bool:
    return (entry.record.account, entry.record.mode) == (job.account, job.mode)


def _due(job: FinalJob) -> int:
    """Return what is to be refunded; a picture keeps its share of the price, rounded down to the micro-credit."""
    if job.state not in TERMINAL:
        return 0
    delivered = job.pictures if job.state == "succeeded" else 0
    return job.charged - job.charged * delivered // job.picture_count
