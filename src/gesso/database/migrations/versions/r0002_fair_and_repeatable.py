"""Priorities of keys, limits on running jobs, and requests that may be sent again without an idempotency key."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("keys", sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False))
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
