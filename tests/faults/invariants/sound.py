"""Whether the history itself can be relied on: a harness that forgets lines proves nothing."""

from __future__ import annotations

from collections import Counter

from facts import Facts

from invariants.finding import Findings


def history_is_sound(facts: Facts) -> Findings:
    """Every answer has its question, every attempt is made and answered at most once, nothing is final twice."""
    found = Findings()
    for ask, attempts in facts.asks.items():
        numbers = Counter(line.record.attempt for line in attempts)
        found.expect(max(numbers.values()) == 1, ask, "one attempt was noted twice", *attempts)
        keys = {(line.record.account, line.record.idempotency_key) for line in attempts}
        found.expect(len(keys) == 1, ask, "attempts of one ask have different accounts or keys", *attempts)
    for ask, answers in facts.answers.items():
        made = {line.record.attempt for line in facts.about(facts.asks, ask)}
        answered = Counter(line.record.attempt for line in answers)
        found.expect(set(answered) <= made, ask, "an answer to an attempt that was not made", *answers)
        found.expect(max(answered.values()) == 1, ask, "one attempt was answered twice", *answers)
    for what in (facts.jobs, facts.ledgers, facts.objects, facts.rows, facts.deliveries):
        for key, lines in what.items():
            found.expect(len(lines) == 1, str(key), "it is final twice", *lines)
    for job, lines in facts.reads.items():
        for line in lines:
            told = line.record.state is not None or line.record.status != 200
            found.expect(told, job, "a read with status 200 shows no state", line)
    return found


def faults_are_mended(facts: Facts) -> Findings:
    """What was broken is mended before the final records: only then must everything have recovered."""
    found = Findings()
    broken: dict[tuple[str, str], list] = {}
    for line in facts.faults:
        broken.setdefault((line.record.what, line.record.target), []).append(line)
    for (what, target), lines in broken.items():
        begun = sum(line.record.on == "begin" for line in lines)
        message = f"{what}: begun {begun} times, mended {len(lines) - begun} times"
        found.expect(2 * begun == len(lines), target, message, *lines)
    return found
