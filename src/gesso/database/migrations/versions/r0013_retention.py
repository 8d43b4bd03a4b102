"""Retention: its times with each account, private keys and pictures, and money that outlives the rows of its jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_COLUMNS = "id, account_id, mode, kind, micro, balance_after, job_id, note, created_at"


def upgrade() -> None:
    for name in ("results_seconds", "files_seconds", "jobs_seconds"):
        op.add_column("accounts", sa.Column(name, sa.BigInteger(), nullable=True))
    for table in ("accounts", "keys", "blobs"):
        op.add_column(table, sa.Column("private", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "removed_jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("picture_count", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=True),
        sa.Column("charged_micro", sa.BigInteger(), nullable=False),
        sa.Column("refunded_micro", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('succeeded', 'failed', 'cancelled')", name="removed_jobs_ended"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    # A ledger entry names its job for ever; the job's row may go.
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("ledger_entries_job_id_fkey", "ledger_entries", type_="foreignkey")
    else:
        _write_ledger_anew()


def _write_ledger_anew() -> None:
    """Do what SQLite has no statement for: the same table and entries, without the reference to jobs."""
    op.drop_index("ledger_listed", "ledger_entries")
    op.drop_index("ledger_once_per_job", "ledger_entries")
    op.rename_table("ledger_entries", "ledger_entries_before")
    op.create_table(
        "ledger_entries",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("micro", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("balance_after >= 0", name="ledger_not_negative"),
        sa.CheckConstraint("kind IN ('grant', 'charge', 'refund')", name="ledger_kind"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(f"INSERT INTO ledger_entries ({_COLUMNS}) SELECT {_COLUMNS} FROM ledger_entries_before")  # noqa: S608 - made of constants
    op.drop_table("ledger_entries_before")
    op.create_index("ledger_listed", "ledger_entries", ["account_id", "mode", "id"], unique=False)
    op.create_index(
        "ledger_once_per_job",
        "ledger_entries",
        ["job_id", "kind"],
        unique=True,
        sqlite_where=sa.text("job_id IS NOT NULL"),
        postgresql_where=sa.text("job_id IS NOT NULL"),
    )
