"""Limits of keys: their columns, what is counted for them, and an index of unfinished jobs by key."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_DAY = 86_400_000_000


def upgrade() -> None:
    op.add_column("keys", sa.Column("requests_per_minute", sa.Integer(), nullable=True))
    op.add_column("keys", sa.Column("concurrent_jobs", sa.Integer(), nullable=True))
    op.add_column("keys", sa.Column("credits_per_day_micro", sa.BigInteger(), nullable=True))
    op.create_table(
        "key_buckets",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("full_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"]),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_table(
        "key_days",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("spent_micro", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"]),
        sa.PrimaryKeyConstraint("key_id", "day", name="key_days_key"),
    )
    op.create_index("key_days_age", "key_days", ["day"], unique=False)
    op.create_index(
        "jobs_unfinished",
        "jobs",
        ["key_id"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'running')"),
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    # Jobs of these days may still be refunded.
    op.execute(
        sa.text(
            "INSERT INTO key_days (key_id, day, spent_micro) "
            "SELECT key_id, created_at / :day, SUM(charged_micro - refunded_micro) FROM jobs "
            "WHERE charged_micro > 0 AND created_at >= :since GROUP BY 1, 2"
        ).bindparams(
            sa.bindparam("day", _DAY, sa.BigInteger()),
            sa.bindparam("since", (time.time_ns() // 1000 // _DAY - 1) * _DAY, sa.BigInteger()),
        )
    )
