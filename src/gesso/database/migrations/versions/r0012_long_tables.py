"""Long tables: indexes for jobs in a seldom state and for the records of a job; PostgreSQL tidies up sooner."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

# Whoever looks for the next job, or the lowest turn, walks over what is left of those taken since the last vacuum. By
# default that would be a fifth of all jobs, ended ones included.
_OFTEN = {
    "jobs": "autovacuum_vacuum_scale_factor = 0.005, autovacuum_vacuum_threshold = 5000, "
    "autovacuum_analyze_scale_factor = 0.02, vacuum_index_cleanup = on",
    "webhook_deliveries": "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000, "
    "vacuum_index_cleanup = on",
}
# A few rows, each changed by every job. With room beside them, a change that touches no index stays on its page.
_ALWAYS = ("queues", "turns", "balances", "key_days", "key_buckets", "workers")


def upgrade() -> None:
    op.create_index(
        "jobs_listed_by_state",
        "jobs",
        ["account_id", "mode", "state", "created_at", "id"],
        unique=False,
        sqlite_where=sa.text("state <> 'succeeded'"),
        postgresql_where=sa.text("state <> 'succeeded'"),
    )
    # A record is there before its job: SQLite looks for it again when the job is written.
    op.create_index("idempotency_job", "idempotency_records", ["job_id"], unique=False)
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, options in _OFTEN.items():
        op.execute(f"ALTER TABLE {table} SET ({options})")
    for table in _ALWAYS:
        options = "fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000"
        op.execute(f"ALTER TABLE {table} SET ({options})")
