"""Circuits: which receivers of webhooks fail, and lines of what is due and may not go yet."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "webhook_circuits",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("openings", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("open_until", sa.BigInteger(), nullable=True),
        sa.Column("places", sa.Integer(), nullable=True),
        sa.Column("look_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("account_id", "host", name="webhook_circuits_key"),
    )
    _index("webhook_circuits_lines", "webhook_circuits", ["look_at"], "look_at IS NOT NULL")
    op.add_column(
        "webhook_deliveries", sa.Column("lined", sa.Boolean(), nullable=False, server_default=sa.text("FALSE"))
    )
    op.add_column("webhook_deliveries", sa.Column("queued_at", sa.BigInteger(), nullable=True))
    op.drop_index("webhook_deliveries_due", "webhook_deliveries")
    _index("webhook_deliveries_due", "webhook_deliveries", ["next_at"], "state = 'pending' AND lined = FALSE")
    _index(
        "webhook_deliveries_lines",
        "webhook_deliveries",
        ["account_id", "host", "lined", "next_at"],
        "state = 'pending'",
    )
    _index(
        "webhook_deliveries_claimed",
        "webhook_deliveries",
        ["host", "account_id", "claimed_until"],
        "claimed_until IS NOT NULL",
    )


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
