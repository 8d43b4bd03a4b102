"""What every table is described with: one metadata, and what the two databases write differently."""

from sqlalchemy import BigInteger, Index, Integer, MetaData, text

metadata = MetaData()

# SQLite counts rows by itself only when the column is exactly INTEGER.
SERIAL = BigInteger().with_variant(Integer, "sqlite")


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Return an index of the rows that fit `where`, alike on both databases."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))
