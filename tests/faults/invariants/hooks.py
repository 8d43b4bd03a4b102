"""Webhooks: after recovery everybody has heard of every end, under one id, in our name, and nothing untrue."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from facts import Facts, Lines

from gesso.domain.hook import ENDS
from gesso.domain.job import TERMINAL
from invariants.finding import Findings


def every_webhook_arrives(facts: Facts) -> Findings:
    """Who named a receiver has heard of the end and answered 2xx; so it was with every event in the outbox."""
    found = Findings()
    heard: dict[Any, Lines] = defaultdict(list)
    for line in facts.hooks:
        heard[line.record.job, line.record.type].append(line)
        heard[line.record.delivery].append(line)
    for row in facts.final_jobs():
        job = row.record
        if job.webhook and job.state in TERMINAL:
            tries = heard.get((job.job, job.state), [])
            message = f"nobody took the news that it {job.state}: {len(tries)} tries"
            found.expect(_is_taken(tries), job.job, message, row, *tries)
    for delivery, lines in facts.deliveries.items():
        tries = heard.get(delivery, [])
        done = _is_taken(tries) and lines[0].record.state == "delivered"
        message = f"delivery {delivery} is {lines[0].record.state} after {len(tries)} tries"
        found.expect(done, lines[0].record.job, message, *lines, *tries)
    return found


def every_webhook_is_signed(facts: Facts) -> Findings:
    """Whatever a receiver got bears a signature that its secret verifies."""
    found = Findings()
    for line in facts.hooks:
        found.expect(line.record.verified, line.record.job, "a webhook with a wrong signature, or none", line)
    return found


def an_event_has_one_id(facts: Facts) -> Findings:
    """A receiver gets all tries of one event of one job under one id, and one id tells one event."""
    found = Findings()
    ids: dict[Any, Lines] = defaultdict(list)
    events: dict[Any, Lines] = defaultdict(list)
    for line in facts.hooks:
        ids[line.record.job, line.record.type, line.record.receiver].append(line)
        events[line.record.delivery].append(line)
    for (job, event, _), lines in ids.items():
        count = len({line.record.delivery for line in lines})
        found.expect(count == 1, job, f"{event} came under {count} ids", *lines)
    for delivery, lines in events.items():
        told = {(line.record.job, line.record.type) for line in lines}
        found.expect(len(told) == 1, delivery, f"one id tells {len(told)} events", *lines)
    return found


def webhooks_tell_the_truth(facts: Facts) -> Findings:
    """A webhook tells of a job that is there, and of no end but the one in its row."""
    found = Findings()
    for line in facts.hooks:
        hook, row = line.record, facts.job(line.record.job)
        found.expect(row is not None, hook.job, "a webhook about a job that is not there", line)
        if row is not None and hook.type in ENDS:
            found.expect(hook.type == row.record.state, hook.job, f"told {hook.type}, is {row.record.state}", line, row)
    return found


def _is_taken(tries: Lines) -> bool:
    return any(200 <= line.record.attempt_status < 300 for line in tries)
