"""Every table and index, as SQLAlchemy Core describes them; the migrations build the same schema.

Times are BIGINT microseconds since 1970 (UTC), money BIGINT micro-credits, ids UUIDv7 text, JSON is text written by
pydantic (request, plan and report carry a `version`). Partial indexes hold only unfinished jobs, so that ten million
finished ones cost a submit, a claim or a poll nothing.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

# SQLite counts rows by itself only when the column is exactly INTEGER.
SERIAL = BigInteger().with_variant(Integer, "sqlite")

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("secret_sha256", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("priority", Integer, nullable=False, server_default=text("0")),  # of its jobs, at best
    Column("fault", Text),  # a test fault its requests suffer
    # Its limits: null is the default's, 0 none.
    Column("requests_per_minute", Integer),
    Column("concurrent_jobs", Integer),
    Column("credits_per_day_micro", BigInteger),
    UniqueConstraint("secret_sha256", name="keys_secret"),
    CheckConstraint("mode IN ('live', 'test')", name="keys_mode"),
    Index("keys_account", "account_id", "created_at", "id"),
)

# When a key's requests of a minute are all there again (see `domain/rate.py`); of keys with a limit on them.
key_buckets = Table(
    "key_buckets",
    metadata,
    Column("key_id", Text, ForeignKey("keys.id"), primary_key=True),
    Column("full_at", BigInteger, nullable=False),
)

# What a key's jobs of a day were charged and not refunded.
key_days = Table(
    "key_days",
    metadata,
    Column("key_id", Text, ForeignKey("keys.id"), nullable=False),
    Column("day", Integer, nullable=False),  # since 1970 (UTC)
    Column("spent_micro", BigInteger, nullable=False),
    PrimaryKeyConstraint("key_id", "day", name="key_days_key"),
    Index("key_days_age", "day"),
)

balances = Table(
    "balances",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("balance_micro", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "mode", name="balances_key"),
    CheckConstraint("balance_micro BETWEEN 0 AND 4000000000000000000", name="balances_in_range"),
    CheckConstraint("mode IN ('live', 'test')", name="balances_mode"),
)

ledger_entries = Table(
    "ledger_entries",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("micro", BigInteger, nullable=False),  # signed: a charge is negative
    Column("balance_after", BigInteger, nullable=False),
    Column("job_id", Text, ForeignKey("jobs.id")),
    Column("note", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint("kind IN ('grant', 'charge', 'refund')", name="ledger_kind"),
    CheckConstraint("balance_after >= 0", name="ledger_not_negative"),
    Index("ledger_listed", "account_id", "mode", "id"),
    # A job is charged at most once and refunded at most once, whatever the code above does.
    Index(
        "ledger_once_per_job",
        "job_id",
        "kind",
        unique=True,
        sqlite_where=text("job_id IS NOT NULL"),
        postgresql_where=text("job_id IS NOT NULL"),
    ),
)


def _partial(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("key_id", Text, ForeignKey("keys.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("engine", Text, nullable=False),  # of the plan's first route
    Column("picture_count", Integer, nullable=False),  # pictures asked for: a refund is the undelivered share
    Column("request", Text),  # null once deleted
    Column("plan", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("webhook", Text),
    Column("priority", Integer, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),  # grows with every claim: no two claims are ever mistaken
    Column("given_back", Integer, nullable=False),  # attempts that do not count: the worker stopped
    Column("worker", Text),
    Column("lease_until", BigInteger),
    Column("checkpoint", Text),
    Column("cancel_requested", Boolean, nullable=False),
    Column("charged_micro", BigInteger, nullable=False),
    Column("refunded_micro", BigInteger, nullable=False),
    Column("report", Text),  # pictures, notes, timings, failure; written when the job ends
    Column("created_at", BigInteger, nullable=False),
    Column("queued_at", BigInteger, nullable=False),  # created, or last put back into the queue
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("deleted_at", BigInteger),
    UniqueConstraint("number", name="jobs_number"),
    CheckConstraint("mode IN ('live', 'test')", name="jobs_mode"),
    CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="jobs_state"),
    CheckConstraint("refunded_micro >= 0 AND refunded_micro <= charged_micro", name="jobs_refund_within_charge"),
    Index("jobs_listed", "account_id", "mode", "created_at", "id"),
    # The account is in the index so that those at their limit are passed over without a look at their rows.
    _partial("jobs_claimable", "engine", "priority", "turn", "id", "account_id", where="state = 'queued'"),
    _partial("jobs_queued_since", "queued_at", where="state = 'queued'"),
    _partial("jobs_leased", "lease_until", where="state = 'running'"),
    _partial("jobs_running", "account_id", "started_at", where="state = 'running'"),
    _partial("jobs_unfinished", "key_id", where="state IN ('queued', 'running')"),
)

# An account's line at an engine: limits are checked without counting jobs.
queues = Table(
    "queues",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("engine", Text, nullable=False),
    Column("active_jobs", Integer, nullable=False),  # queued or running
    PrimaryKeyConstraint("account_id", "engine", name="queues_key"),
    CheckConstraint("active_jobs >= 0", name="queues_not_negative"),
    _partial("queues_active", "active_jobs", where="active_jobs > 0"),
)

# The newest turn of an account at an engine: turns are given without looking at old jobs. Those of different priorities
# cannot be compared, as a lower one may wait for ever.
turns = Table(
    "turns",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("engine", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("last_turn", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "engine", "priority", name="turns_key"),
    Index("turns_last", "engine", "priority", "last_turn"),
)

idempotency_records = Table(
    "idempotency_records",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    # Written before the job's own row, so that the second of two equal submits stops at once.
    Column("job_id", Text, ForeignKey("jobs.id", deferrable=True, initially="DEFERRED"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "mode", "key", name="idempotency_key"),
    Index("idempotency_age", "created_at"),
)

# Requests without an idempotency key whose client may send them again: the newest of each key and fingerprint.
recent_requests = Table(
    "recent_requests",
    metadata,
    Column("key_id", Text, ForeignKey("keys.id"), nullable=False),
    Column("fingerprint", Text, nullable=False),
    # Written before the job's own row, like an idempotency record.
    Column("job_id", Text, ForeignKey("jobs.id", deferrable=True, initially="DEFERRED"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("key_id", "fingerprint", name="recent_requests_key"),
    Index("recent_requests_age", "created_at"),
    Index("recent_requests_job", "job_id"),
)

blobs = Table(
    "blobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("owner_id", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("filename", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    CheckConstraint("mode IN ('live', 'test')", name="blobs_mode"),
    CheckConstraint("owner IN ('job_input', 'job_output', 'file')", name="blobs_owner"),
    Index("blobs_owned", "owner_id", "owner"),
    _partial("blobs_expiring", "expires_at", where="expires_at IS NOT NULL"),
    _partial("blobs_files", "account_id", "mode", "created_at", "id", where="owner = 'file'"),
)

# Targets that hear of an account's jobs of one mode.
webhook_registrations = Table(
    "webhook_registrations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("dialect", Text, nullable=False),  # in whose words it is told, and of whose jobs; "native": of all
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("events", Text, nullable=False),  # a JSON list
    Column("description", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("disabled_reason", Text),
    CheckConstraint("mode IN ('live', 'test')", name="webhook_registrations_mode"),
    Index("webhook_registrations_owned", "account_id", "mode", "created_at", "id"),
)

# The outbox: written with what it tells of, in one transaction.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),  # the message's id: the same at every attempt
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("job_id", Text, ForeignKey("jobs.id"), nullable=False),
    Column("event", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    # Empty for the target named with the job. No foreign key: what was told stays in the log when the target goes.
    Column("registration_id", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),  # why it failed
    Column("attempts", Integer, nullable=False),
    Column("tried", Integer, nullable=False),  # attempts since it was last put on its way: the place in the schedule
    Column("next_at", BigInteger),  # null once it has ended
    Column("claimed_until", BigInteger),  # set while it is being sent
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    CheckConstraint("mode IN ('live', 'test')", name="webhook_deliveries_mode"),
    CheckConstraint("state IN ('pending', 'delivered', 'failed')", name="webhook_deliveries_state"),
    # A target is told of each event of a job once, whatever the code above does.
    Index("webhook_deliveries_once", "job_id", "event", "registration_id", unique=True),
    Index("webhook_deliveries_listed", "account_id", "mode", "created_at", "id"),
    Index("webhook_deliveries_registered", "registration_id", "created_at", "id"),
    # Host and account are in the index so that those with enough on their way are passed over.
    _partial("webhook_deliveries_due", "next_at", "host", "account_id", where="state = 'pending'"),
    _partial("webhook_deliveries_ended", "ended_at", where="ended_at IS NOT NULL"),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("delivery_id", Text, ForeignKey("webhook_deliveries.id"), nullable=False),
    Column("number", Integer, nullable=False),  # from 1
    Column("at", BigInteger, nullable=False),
    Column("status", Integer),  # null when there was no answer
    Column("response", Text, nullable=False),
    Column("error", Text, nullable=False),
    PrimaryKeyConstraint("delivery_id", "number", name="webhook_attempts_key"),
)

# What an account's webhooks are signed with where their target has no secret of its own.
webhook_secrets = Table(
    "webhook_secrets",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("former_secret", Text),  # signs too for a while after the change
    Column("former_until", BigInteger),
    PrimaryKeyConstraint("account_id", "mode", name="webhook_secrets_key"),
    CheckConstraint("mode IN ('live', 'test')", name="webhook_secrets_mode"),
)

# Processes that run jobs; few rows. The engines are names, comma-separated.
workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("version", Text, nullable=False),
    Column("engines", Text, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("alive_until", BigInteger, nullable=False),
)
