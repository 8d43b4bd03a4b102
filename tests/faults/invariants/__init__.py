"""Every invariant of a history, by name."""

from __future__ import annotations

from invariants import accounted, downloads, hooks, keys, leases, money, objects, sound, states
from invariants.finding import Findings, Invariant, Violation

__all__ = ["INVARIANTS", "Findings", "Invariant", "Violation"]

_ALL: tuple[Invariant, ...] = (
    sound.history_is_sound,
    sound.faults_are_mended,
    accounted.no_acknowledged_job_is_lost,
    accounted.no_job_is_gone_for_its_reader,
    accounted.every_job_ends,
    accounted.jobs_are_as_asked,
    accounted.what_was_refused_is_not_made,
    keys.one_job_for_one_key,
    keys.one_ask_for_one_job,
    states.every_job_ends_once,
    states.states_move_forward,
    states.an_end_never_changes,
    downloads.every_picture_can_be_fetched,
    downloads.every_picture_is_readable,
    downloads.every_fetch_brings_the_same,
    downloads.every_picture_is_the_right_one,
    money.every_job_is_charged_once,
    money.every_refund_is_exact,
    money.ledgers_add_up,
    money.balances_are_what_was_entered,
    hooks.every_webhook_arrives,
    hooks.every_webhook_is_signed,
    hooks.an_event_has_one_id,
    hooks.webhooks_tell_the_truth,
    leases.no_end_under_a_lost_lease,
    objects.no_object_without_a_row,
    objects.no_row_without_an_object,
    objects.every_delivered_picture_has_a_row,
)
INVARIANTS: dict[str, Invariant] = {invariant.__name__: invariant for invariant in _ALL}
