"""Money that is taken twice, not given back, or does not add up."""

from __future__ import annotations

from typing import Any

from history import (
    FinalEntry,
    FinalJob,
    FinalLedger,
)
from planting import Records, changed, copied, find, planted, without
from valid_history import PRICE_MICRO, booked, entry


@planted("every_job_is_charged_once", "job-9")
def charged_twice(records: Records) -> Records:
    return booked([*records, entry("rich", "charge", -PRICE_MICRO, "job-9")])


@planted("every_job_is_charged_once", "job-9")
def not_charged(records: Records) -> Records:
    return booked(without(records, FinalEntry, job="job-9"))


@planted("every_job_is_charged_once", "job-9")
def charged_another_price(records: Records) -> Records:
    records = changed(records, FinalJob, {"job": "job-9"}, charged=1)
    return booked(changed(records, FinalEntry, {"job": "job-9"}, micro=-1))


@planted("every_job_is_charged_once", "job-9")
def charged_to_another_account(records: Records) -> Records:
    return booked(changed(records, FinalEntry, {"job": "job-9"}, account="second"))


@planted("every_job_is_charged_once", "job-10")
def charged_for_nothing(records: Records) -> Records:
    return booked([*records, entry("rich", "charge", -PRICE_MICRO, "job-10")])


@planted("every_refund_is_exact", "job-6")
def refund_missing(records: Records) -> Records:
    records = without(records, FinalEntry, job="job-6", type="refund")
    return booked(changed(records, FinalJob, {"job": "job-6"}, refunded=0))


@planted("every_refund_is_exact", "job-6")
def refund_only_in_the_row(records: Records) -> Records:
    return booked(without(records, FinalEntry, job="job-6", type="refund"))


@planted("every_refund_is_exact", "job-9")
def refund_of_what_was_delivered(records: Records) -> Records:
    records = changed(records, FinalJob, {"job": "job-9"}, refunded=PRICE_MICRO)
    return booked([*records, entry("rich", "refund", PRICE_MICRO, "job-9")])


@planted("every_refund_is_exact", "job-6")
def refunded_twice(records: Records) -> Records:
    return booked([*records, entry("rich", "refund", PRICE_MICRO, "job-6")])


@planted("every_refund_is_exact", "job-2")
def share_of_a_missing_picture_rounded_up(records: Records) -> Records:
    due = find(records, FinalJob, job="job-2").refunded + 1
    records = changed(records, FinalJob, {"job": "job-2"}, refunded=due)
    return booked(changed(records, FinalEntry, {"job": "job-2", "type": "refund"}, micro=due))


@planted("ledgers_add_up", "('rich', 'live')")
def ledger_skips_an_entry(records: Records) -> Records:
    """An entry that moved nothing, as its sums say."""
    last = find(records, FinalEntry, account="rich")
    return copied(records, FinalEntry, {"account": "rich", "entry": last.entry}, job=None, entry=99)


@planted("ledgers_add_up", "('rich', 'live')")
def ledger_says_another_sum(records: Records) -> Records:
    total = find(records, FinalLedger, account="rich").balance + 1
    return changed(records, FinalLedger, {"account": "rich"}, balance=total, sum_of_entries=total)


@planted("ledgers_add_up", "('rich', 'live')")
def ledger_without_an_account(records: Records) -> Records:
    return without(records, FinalLedger, account="rich")


@planted("balances_are_what_was_entered", "('rich', 'live')")
def balance_is_not_the_sum(records: Records) -> Records:
    return changed(
        records, FinalLedger, {"account": "rich"}, balance=find(records, FinalLedger, account="rich").balance - 1
    )


@planted("balances_are_what_was_entered", "('rich', 'live')")
def balance_below_nothing(records: Records) -> Records:
    least = min(
        record.balance_after for record in records if isinstance(record, FinalEntry) and record.account == "rich"
    )
    lower = [
        record.model_copy(update={"balance_after": record.balance_after - 2 * least} | _less(record, 2 * least))
        if isinstance(record, FinalEntry) and record.account == "rich"
        else record
        for record in records
    ]
    total = find(records, FinalLedger, account="rich").balance - 2 * least
    return changed(lower, FinalLedger, {"account": "rich"}, balance=total, sum_of_entries=total)


def _less(record: FinalEntry, micro: int) -> dict[str, Any]:
    return {"micro": record.micro - micro} if record.type == "grant" else {}
