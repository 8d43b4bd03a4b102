"""Priorities of keys, limits on running jobs, and requests that may be sent again without an idempotency key."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("keys", sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.drop_index("jobs_queued_turn", "jobs")  # the next one serves as well
    op.drop_index("jobs_claimable", "jobs")
    op.create_index(
        "jobs_claimable",
        "jobs",
        ["engine", "priority", "turn", "id", "account_id"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "jobs_running",
        "jobs",
        ["account_id", "started_at"],
        unique=False,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "turns",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("last_turn", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("account_id", "engine", "priority", name="turns_key"),
    )
    op.create_index("turns_last", "turns", ["engine", "priority", "last_turn"], unique=False)
    op.execute(
        "INSERT INTO turns (account_id, engine, priority, last_turn) SELECT account_id, engine, 0, last_turn FROM queues"
    )
    op.drop_index("queues_turn", "queues")
    op.drop_column("queues", "last_turn")
    op.create_table(
        "recent_requests",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], initially="DEFERRED", deferrable=True),
        sa.ForeignKeyConstraint(["key_id"], ["keys.id"]),
        sa.PrimaryKeyConstraint("key_id", "fingerprint", name="recent_requests_key"),
    )
    op.create_index("recent_requests_age", "recent_requests", ["created_at"], unique=False)
    op.create_index("recent_requests_job", "recent_requests", ["job_id"], unique=False)
