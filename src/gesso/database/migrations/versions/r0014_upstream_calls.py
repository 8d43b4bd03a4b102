"""Calls at vendors: what each took, what came of it, and which may still go on there."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "upstream_calls",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True, nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("billed", sa.Boolean(), nullable=True),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Text(), nullable=True),
        sa.Column("micro_usd", sa.BigInteger(), nullable=True),
        sa.Column("reckoned", sa.Boolean(), nullable=False),
        sa.Column("kept_micro", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("look_at", sa.BigInteger(), nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("late_outcome", sa.Text(), nullable=True),
        sa.Column("late_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job_id", "number", name="upstream_calls_of_job"),
    )
    op.create_index("upstream_calls_spent", "upstream_calls", ["vendor", "ended_at"], unique=False)
    op.create_index("upstream_calls_ended", "upstream_calls", ["ended_at"], unique=False)
    op.create_index("upstream_calls_of_account", "upstream_calls", ["account_id", "ended_at"], unique=False)
    op.create_index(
        "upstream_calls_due",
        "upstream_calls",
        ["look_at"],
        unique=False,
        sqlite_where=sa.text("look_at IS NOT NULL"),
        postgresql_where=sa.text("look_at IS NOT NULL"),
    )
