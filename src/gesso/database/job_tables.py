"""Jobs, their place in the queue, the requests that made them, their pictures, and who runs them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from gesso.database.metadata import metadata, partial_index

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
    # Attempts that do not count: the worker stopped, or died while a vendor worked.
    Column("given_back", Integer, nullable=False),
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
    Column("traceparent", Text),  # of the span it was submitted in, as W3C writes it
    UniqueConstraint("number", name="jobs_number"),
    CheckConstraint("mode IN ('live', 'test')", name="jobs_mode"),
    CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="jobs_state"),
    CheckConstraint("refunded_micro >= 0 AND refunded_micro <= charged_micro", name="jobs_refund_within_charge"),
    Index("jobs_listed", "account_id", "mode", "created_at", "id"),
    # An account's few jobs of such a state among its many that succeeded.
    partial_index(
        "jobs_listed_by_state", "account_id", "mode", "state", "created_at", "id", where="state <> 'succeeded'"
    ),
    # The account is in the index so that those at their limit are passed over without a look at their rows.
    partial_index("jobs_claimable", "engine", "priority", "turn", "id", "account_id", where="state = 'queued'"),
    partial_index("jobs_queued_since", "queued_at", where="state = 'queued'"),
    partial_index("jobs_leased", "lease_until", where="state = 'running'"),
    partial_index("jobs_running", "account_id", "started_at", where="state = 'running'"),
    partial_index("jobs_unfinished", "key_id", where="state IN ('queued', 'running')"),
)

# What the ledger's proof needs of jobs whose rows were removed; of those that cost something.
removed_jobs = Table(
    "removed_jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("picture_count", Integer, nullable=False),
    Column("delivered", Integer),  # pictures; null where the job was deleted before
    Column("charged_micro", BigInteger, nullable=False),
    Column("refunded_micro", BigInteger, nullable=False),
    Column("ended_at", BigInteger, nullable=False),
    CheckConstraint("state IN ('succeeded', 'failed', 'cancelled')", name="removed_jobs_ended"),
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
    partial_index("queues_active", "active_jobs", where="active_jobs > 0"),
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
    Index("idempotency_job", "job_id"),
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
    Column("private", Boolean, nullable=False, server_default=false()),  # no link leads to it
    CheckConstraint("mode IN ('live', 'test')", name="blobs_mode"),
    CheckConstraint("owner IN ('job_input', 'job_output', 'file')", name="blobs_owner"),
    Index("blobs_owned", "owner_id", "owner"),
    partial_index("blobs_expiring", "expires_at", where="expires_at IS NOT NULL"),
    partial_index("blobs_files", "account_id", "mode", "created_at", "id", where="owner = 'file'"),
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
