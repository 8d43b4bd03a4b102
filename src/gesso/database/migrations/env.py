"""Run by alembic: applies the revisions on the connection it was handed, inside that connection's transaction."""

from alembic import context

connection = context.config.attributes["connection"]
# The caller has begun a transaction and ends it, so that a failed upgrade leaves nothing behind.
context.configure(connection=connection, transactional_ddl=False)
context.run_migrations()
