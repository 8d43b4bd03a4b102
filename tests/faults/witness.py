"""The database's own witness of how jobs end, and a clock of the database that can be turned: both made beside its tables."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from history import FinalEnd

# Every move into or out of an ended state, with the lease the row had and the one the ending transaction says it holds.
_WITNESS = """
CREATE SCHEMA faults;
CREATE TABLE faults.ends (
  number bigserial PRIMARY KEY, job text NOT NULL, source text NOT NULL, state text NOT NULL, worker text, row_lease text,
  lease text, lease_until bigint, moved_at bigint NOT NULL
);
CREATE FUNCTION faults.witness() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- An ended job that ends as the same again has another time of its end, or another refund.
  IF (NEW.ended_at IS NOT NULL OR OLD.ended_at IS NOT NULL) AND (OLD.state, OLD.ended_at, OLD.refunded_micro)
    IS DISTINCT FROM (NEW.state, NEW.ended_at, NEW.refunded_micro) THEN
    INSERT INTO faults.ends (job, source, state, worker, row_lease, lease, lease_until, moved_at) VALUES (
      NEW.id, OLD.state, NEW.state, OLD.worker,
      CASE WHEN OLD.state = 'running' THEN OLD.worker || '/' || OLD.attempt END,
      NULLIF(current_setting('faults.lease', true), ''), OLD.lease_until,
      CAST(EXTRACT(EPOCH FROM faults.latest_time()) * 1000000 AS bigint)
    );
  END IF;
  RETURN NEW;
END $$;
"""
_TRIGGER = "CREATE TRIGGER witness AFTER UPDATE ON public.jobs FOR EACH ROW EXECUTE FUNCTION faults.witness()"
# A node whose search path begins with `faults_clock` gets this clock when it asks for the database's. The witness goes by the
# latest time that a process may take it to be: it asks every few seconds, and lets its own clock never go back.
_CLOCK = """
CREATE TABLE faults.turns (since timestamptz NOT NULL, until timestamptz NOT NULL, ahead interval NOT NULL);
INSERT INTO faults.turns VALUES ('-infinity', 'infinity', '0');
CREATE SCHEMA faults_clock;
CREATE FUNCTION faults_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
  SELECT pg_catalog.clock_timestamp() + ahead FROM faults.turns WHERE until = 'infinity'
$$;
CREATE FUNCTION faults.latest_time() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
  SELECT pg_catalog.clock_timestamp() + MAX(ahead) FROM faults.turns
  WHERE until > pg_catalog.clock_timestamp() - interval '60 s'
$$;
"""
OPTIONS = "-csearch_path=faults_clock,public,pg_catalog"


def install(url: str) -> None:
    """Make the witness and the clock in a database that has Gesso's tables."""
    with psycopg.connect(url) as connection:
        connection.execute(_WITNESS)
        connection.execute(_CLOCK)
        connection.execute(_TRIGGER)


def turn_clock(url: str, seconds: float) -> None:
    """Let the database's clock, as Gesso hears it, jump to so many seconds ahead of the machine's."""
    with psycopg.connect(url, connect_timeout=5) as connection:
        connection.execute("UPDATE faults.turns SET until = clock_timestamp() WHERE until = 'infinity'")
        connection.execute(
            "INSERT INTO faults.turns VALUES (clock_timestamp(), 'infinity', make_interval(secs => %s))", [seconds]
        )


def ends(connection: psycopg.Connection[tuple]) -> Iterator[FinalEnd]:
    """Yield what was witnessed, in its order."""
    rows = connection.execute(
        "SELECT number, job, source, state, worker, row_lease, lease, lease_until, moved_at FROM faults.ends ORDER BY 1"
    )
    for number, job, source, state, worker, row_lease, lease, lease_until, moved_at in rows:
        yield FinalEnd(
            number=number,
            job=job,
            source=source,
            state=state,
            worker=worker,
            row_lease=row_lease,
            lease=None if lease == "none" else lease,
            lease_until=lease_until,
            moved_at=moved_at,
            witnessed=lease is not None,
        )
