"""Calls at vendors that ended or were left: what each took, and those somebody has to look after."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from gesso.database.metadata import SERIAL, metadata, partial_index

# They outlive the rows of their jobs, as money does; nothing of a request is in them.
upstream_calls = Table(
    "upstream_calls",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("job_id", Text, nullable=False),
    Column("number", Integer, nullable=False),  # of the job, in the order they ended
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("model", Text, nullable=False),
    Column("vendor", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # "done", or why there is nothing
    Column("billed", Boolean),  # null where the vendor does not say
    Column("pictures", Integer, nullable=False),
    Column("cost", Text),  # in the vendor's unit, as it said it: "0.04 usd"
    Column("micro_usd", BigInteger),
    Column("reckoned", Boolean, nullable=False),  # `micro_usd` is the operator's figure, not the vendor's
    Column("kept_micro", BigInteger, nullable=False),  # of the job's charge, after its refund; at one of its calls
    Column("began_at", BigInteger),
    Column("ended_at", BigInteger, nullable=False),
    Column("state", Text),  # JSON to ask the vendor with, of a call that may go on there
    Column("look_at", BigInteger),  # when to ask
    Column("looks", Integer, nullable=False),
    Column("late_outcome", Text),
    Column("late_at", BigInteger),
    UniqueConstraint("job_id", "number", name="upstream_calls_of_job"),
    Index("upstream_calls_spent", "vendor", "ended_at"),
    Index("upstream_calls_ended", "ended_at"),
    Index("upstream_calls_of_account", "account_id", "ended_at"),
    partial_index("upstream_calls_due", "look_at", where="look_at IS NOT NULL"),
)
