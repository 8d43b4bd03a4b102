"""Stored objects and the rows that name them: one for the other, after the sweep."""

from __future__ import annotations

from facts import Facts

from invariants.finding import Findings


def no_object_without_a_row(facts: Facts) -> Findings:
    """After the sweep every stored object is named by a row."""
    found = Findings()
    for key, lines in facts.objects.items():
        found.expect(key in facts.rows, "/".join(key), "it is stored, and no row names it", *lines)
    return found


def no_row_without_an_object(facts: Facts) -> Findings:
    """Every row names an object that is stored."""
    found = Findings()
    for key, lines in facts.rows.items():
        found.expect(key in facts.objects, "/".join(key), "a row names it, and it is not stored", *lines)
    return found


def every_delivered_picture_has_a_row(facts: Facts) -> Findings:
    """A succeeded job has as many rows of outputs as pictures; other jobs have none, nor has a job that is not there."""
    found = Findings()
    for line in facts.final_jobs():
        job, rows = line.record, facts.about(facts.outputs, line.record.job)
        expected = job.pictures if job.state == "succeeded" else 0
        found.expect(len(rows) == expected, job.job, f"{expected} pictures, {len(rows)} rows", line, *rows)
    for job_id, rows in facts.outputs.items():
        found.expect(facts.job(job_id) is not None, job_id, "outputs of a job that is not there", *rows, counts=False)
    return found
