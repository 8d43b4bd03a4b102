"""The end of a run as the tables hold it, read by plain SQL, not by Gesso's own stores: those are what is put to the test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import witness
from history import FinalDelivery, FinalEntry, FinalJob, FinalLedger, FinalRow, Record

from gesso.domain.hook import ENDS

Connection = psycopg.Connection[tuple[Any, ...]]

_JOBS = """
SELECT id, account_id, mode, state, charged_micro, refunded_micro, picture_count, report, attempt, metadata, webhook
FROM public.jobs ORDER BY id
"""
# An account with entries has a line, even where its balance is missing, and one with a balance that nothing was entered on.
_LEDGERS = """
SELECT account_id, mode, SUM(balance)::bigint, SUM(entered)::bigint FROM (
  SELECT account_id, mode, balance_micro AS balance, 0 AS entered FROM public.balances
  UNION ALL SELECT account_id, mode, 0, micro FROM public.ledger_entries
) sides GROUP BY account_id, mode ORDER BY 1, 2
"""
_ENTRIES = "SELECT id, account_id, mode, kind, micro, balance_after, job_id FROM public.ledger_entries ORDER BY id"
_ROWS = "SELECT account_id, id, CASE WHEN owner = 'job_output' THEN owner_id END FROM public.blobs ORDER BY id"
_DELIVERIES = "SELECT id, job_id, event, state, attempts FROM public.webhook_deliveries ORDER BY id"


def database_records(connection: Connection) -> Iterator[Record]:
    """Yield what the tables and their witness say; of one moment, where the connection's transaction sees only one."""
    yield from _jobs(connection)
    for account, mode, balance, entered in connection.execute(_LEDGERS):
        yield FinalLedger(account=account, mode=mode, balance=balance, sum_of_entries=entered)
    for entry, account, mode, kind, micro, after, job in connection.execute(_ENTRIES):
        yield FinalEntry(entry=entry, account=account, mode=mode, type=kind, micro=micro, balance_after=after, job=job)
    yield from witness.ends(connection)
    for account, blob, job in connection.execute(_ROWS):
        yield FinalRow(account=account, blob=blob, job=job)
    for delivery, job, event, state, attempts in connection.execute(_DELIVERIES):
        yield FinalDelivery(delivery=delivery, job=job, type=event, state=state, attempts=attempts)


def _jobs(connection: Connection) -> Iterator[FinalJob]:
    for row in connection.execute(_JOBS):
        job, account, mode, state, charged, refunded, count, report, attempts, metadata, webhook = row
        ask = json.loads(metadata).get("ask")
        yield FinalJob(
            job=job,
            account=account,
            mode=mode,
            state=state,
            charged=charged,
            refunded=refunded,
            picture_count=count,
            pictures=0 if report is None else len(json.loads(report)["pictures"]),
            attempts=attempts,
            ask=None if ask is None else str(ask),
            webhook=webhook is not None and set(json.loads(webhook)["events"]) >= ENDS,
        )
