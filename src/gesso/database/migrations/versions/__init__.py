"""One file per revision of the schema, numbered in order; a revision that was released is never changed."""
