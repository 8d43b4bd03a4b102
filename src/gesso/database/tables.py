"""Every table and index, as SQLAlchemy Core describes them; the migrations build the same schema.

Times are BIGINT microseconds since 1970 (UTC), money BIGINT micro-credits, ids UUIDv7 text, JSON is text written by
pydantic (request, plan and report carry a `version`). Partial indexes hold only unfinished jobs, so that ten million
finished ones cost a submit, a claim or a poll nothing.
"""

from gesso.database import account_tables, job_tables, upstream_tables, webhook_tables
from gesso.database.metadata import metadata

__all__ = ["account_tables", "job_tables", "metadata", "upstream_tables", "webhook_tables"]
