"""Webhooks: who is told, what is on its way, and what was tried."""

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
    text,
)

from gesso.database.metadata import metadata, partial_index

# Targets that hear of an account's jobs of one mode.
webhook_registrations = Table(
    "webhook_registrations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("dialect", Text, nullable=False),  # in whose words it is told, and of whose jobs; "native": of all
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("events", Text, nullable=False),  # a JSON list
    Column("description", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("disabled_reason", Text),
    CheckConstraint("mode IN ('live', 'test')", name="webhook_registrations_mode"),
    Index("webhook_registrations_owned", "account_id", "mode", "created_at", "id"),
)

# The outbox: written with what it tells of, in one transaction.
webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),  # the message's id: the same at every attempt
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("job_id", Text, ForeignKey("jobs.id"), nullable=False),
    Column("event", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    # Empty for the target named with the job. No foreign key: what was told stays in the log when the target goes.
    Column("registration_id", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),  # why it failed
    Column("attempts", Integer, nullable=False),
    Column("tried", Integer, nullable=False),  # attempts since it was last put on its way: the place in the schedule
    Column("next_at", BigInteger),  # null once it has ended
    Column("claimed_until", BigInteger),  # set while it is being sent
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("lined", Boolean, nullable=False, server_default=text("FALSE")),  # due, but may not go yet
    Column("queued_at", BigInteger),  # put on its way anew
    CheckConstraint("mode IN ('live', 'test')", name="webhook_deliveries_mode"),
    CheckConstraint("state IN ('pending', 'delivered', 'failed')", name="webhook_deliveries_state"),
    # A target is told of each event of a job once, whatever the code above does.
    Index("webhook_deliveries_once", "job_id", "event", "registration_id", unique=True),
    Index("webhook_deliveries_listed", "account_id", "mode", "created_at", "id"),
    Index("webhook_deliveries_registered", "registration_id", "created_at", "id"),
    # What stands in line is in no claim's way.
    partial_index("webhook_deliveries_due", "next_at", where="state = 'pending' AND lined = FALSE"),
    partial_index("webhook_deliveries_lines", "account_id", "host", "lined", "next_at", where="state = 'pending'"),
    partial_index(
        "webhook_deliveries_claimed", "host", "account_id", "claimed_until", where="claimed_until IS NOT NULL"
    ),
    partial_index("webhook_deliveries_ended", "ended_at", where="ended_at IS NOT NULL"),
)

# Receivers of an account that fail, come back or have a line (see `domain/circuit.py`); others have no row.
webhook_circuits = Table(
    "webhook_circuits",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("host", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("openings", Integer, nullable=False),
    Column("opened_at", BigInteger),
    Column("open_until", BigInteger),
    Column("places", Integer),
    Column("look_at", BigInteger),  # when its line is looked at; null when there is none
    PrimaryKeyConstraint("account_id", "host", name="webhook_circuits_key"),
    partial_index("webhook_circuits_lines", "look_at", where="look_at IS NOT NULL"),
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("delivery_id", Text, ForeignKey("webhook_deliveries.id"), nullable=False),
    Column("number", Integer, nullable=False),  # from 1
    Column("at", BigInteger, nullable=False),
    Column("status", Integer),  # null when there was no answer
    Column("response", Text, nullable=False),
    Column("error", Text, nullable=False),
    PrimaryKeyConstraint("delivery_id", "number", name="webhook_attempts_key"),
)

# What an account's webhooks are signed with where their target has no secret of its own.
webhook_secrets = Table(
    "webhook_secrets",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("former_secret", Text),  # signs too for a while after the change
    Column("former_until", BigInteger),
    PrimaryKeyConstraint("account_id", "mode", name="webhook_secrets_key"),
    CheckConstraint("mode IN ('live', 'test')", name="webhook_secrets_mode"),
)
