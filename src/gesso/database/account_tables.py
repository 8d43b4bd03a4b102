"""Accounts, their keys with limits, and their money."""

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
    text,
)

from gesso.database.metadata import SERIAL, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # How long things are kept: null is the setting's.
    Column("results_seconds", BigInteger),
    Column("files_seconds", BigInteger),
    Column("jobs_seconds", BigInteger),
    Column("private", Boolean, nullable=False, server_default=false()),  # as if all its keys were
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
    Column("private", Boolean, nullable=False, server_default=false()),  # its pictures are never behind links
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
    Column("job_id", Text),  # of `jobs`, or of `removed_jobs` once its row is gone
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
