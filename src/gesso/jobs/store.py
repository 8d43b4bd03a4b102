"""Looking at jobs: one by id, an account's own, a page of them. Functions of a connection; nothing here changes a row."""

from __future__ import annotations

from sqlalchemy import JSON, ColumnElement, Connection, and_, bindparam, cast, func, or_, select, text, type_coerce
from sqlalchemy.sql.elements import TextClause

from gesso.database.dialect import is_postgres
from gesso.database.job_tables import jobs
from gesso.domain.errors import InvalidInput, NotFound
from gesso.domain.frozen import Frozen
from gesso.domain.ids import is_id
from gesso.domain.job import Job, State
from gesso.domain.request import Mode
from gesso.jobs.rows import JOB_COLUMNS, find_job, to_jobs


class JobPage(Frozen):
    """Some jobs, newest first, and where the next page starts (None: there is none)."""

    jobs: tuple[Job, ...]
    next_cursor: str | None = None


class Narrowing(Frozen):
    """Which of an account's jobs; what is empty or None narrows nothing. Times (microseconds, UTC) are inclusive."""

    states: frozenset[State] = frozenset()
    since: int | None = None  # submitted then or later
    until: int | None = None
    failures: frozenset[str] = frozenset()  # codes of what it failed by


EVERY = Narrowing()


def get_job(connection: Connection, job_id: str) -> Job | None:
    """Return a job whoever owns it, or None."""
    return find_job(connection, job_id)


def get_own_job(connection: Connection, job_id: str, account_id: str, mode: Mode) -> Job:
    """Return an account's own job; `NotFound` for an absent one and for another account's or mode's alike."""
    job = find_job(connection, job_id)
    if job is None or (job.account_id, job.mode) != (account_id, mode):
        raise NotFound("There is no such job.")
    return job


_NUMBERED = select(*JOB_COLUMNS).where(jobs.c.number == bindparam("number"))


def get_own_job_by_number(connection: Connection, number: int, account_id: str, mode: Mode) -> Job:
    """Return an account's own job by its number; `NotFound` as for an id."""
    found = to_jobs(connection.execute(_NUMBERED, {"number": number}).mappings()) if 0 < number < 1 << 53 else []
    if not found or (found[0].account_id, found[0].mode) != (account_id, mode):
        raise NotFound("There is no such job.")
    return found[0]


def list_jobs(
    connection: Connection,
    account_id: str,
    mode: Mode,
    state: State | None,
    model: str | None,
    cursor: str | None,
    limit: int,
    narrowing: Narrowing = EVERY,
    *,
    offset: int = 0,
) -> JobPage:
    """Return at most `limit` jobs of an account, newest first, without deleted ones.

    `cursor` is the `next_cursor` of the page before, or None; jobs submitted meanwhile do not shift the pages. So many
    as `offset` says are passed over, unread.
    """
    statement = (
        select(*JOB_COLUMNS)
        .where(*_conditions(connection, account_id, mode, state, model, narrowing))
        .order_by(jobs.c.created_at.desc(), jobs.c.id.desc())
        .limit(limit + 1)
        .offset(offset)
    )
    if cursor is not None:
        created_at, job_id = _position(cursor)
        older = and_(jobs.c.created_at == created_at, jobs.c.id < job_id)
        statement = statement.where(jobs.c.created_at <= created_at, or_(jobs.c.created_at < created_at, older))
    found = to_jobs(connection.execute(statement).mappings())
    shown = tuple(found[:limit])
    return JobPage(jobs=shown, next_cursor=_cursor(shown[-1]) if len(found) > limit else None)


def count_jobs(
    connection: Connection, account_id: str, mode: Mode, model: str | None, narrowing: Narrowing, most: int
) -> int:
    """Return how many jobs `list_jobs` would find on all its pages, counting no further than `most`."""
    found = select(jobs.c.id).where(*_conditions(connection, account_id, mode, None, model, narrowing)).limit(most)
    return int(connection.execute(select(func.count()).select_from(found.subquery())).scalar_one())


# Spelt out as the index of such jobs has it: it is used only for a condition that reads like its own.
_SELDOM = text("state <> 'succeeded'")


def _conditions(
    connection: Connection, account_id: str, mode: Mode, state: State | None, model: str | None, narrowing: Narrowing
) -> list[ColumnElement[bool] | TextClause]:
    conditions: list[ColumnElement[bool] | TextClause] = [
        jobs.c.account_id == account_id,
        jobs.c.mode == mode,
        jobs.c.deleted_at.is_(None),
    ]
    wanted = {state} if state is not None else narrowing.states or ({"failed"} if narrowing.failures else set())
    if wanted and "succeeded" not in wanted:
        conditions.append(_SELDOM)
    if state is not None:
        conditions.append(jobs.c.state == state)
    if model is not None:
        conditions.append(jobs.c.model == model)
    if narrowing.states:
        conditions.append(jobs.c.state.in_(narrowing.states))
    if narrowing.since is not None:
        conditions.append(jobs.c.created_at >= narrowing.since)
    if narrowing.until is not None:
        conditions.append(jobs.c.created_at <= narrowing.until)
    if narrowing.failures:
        report = cast(jobs.c.report, JSON) if is_postgres(connection) else type_coerce(jobs.c.report, JSON)
        conditions += [jobs.c.state == "failed", report["failure", "code"].as_string().in_(narrowing.failures)]
    return conditions


_LATELY = 200  # jobs looked through for one of a dialect


def newest_ended(connection: Connection, account_id: str, mode: Mode, dialect: str) -> Job | None:
    """Return the newest job of an account's last ones that was asked in a dialect and ended as more than cancelled."""
    owned = (jobs.c.account_id == account_id, jobs.c.mode == mode, jobs.c.deleted_at.is_(None))
    newest = select(*JOB_COLUMNS).where(*owned).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(_LATELY)
    found = to_jobs(connection.execute(newest).mappings())
    return next((job for job in found if job.dialect == dialect and job.state in ("succeeded", "failed")), None)


_COUNT_QUEUED = text("SELECT COUNT(*) FROM jobs WHERE state = 'queued'")


def count_queued(connection: Connection) -> int:
    """Return how many jobs wait; reads the index of waiting jobs, however many have ended."""
    return int(connection.execute(_COUNT_QUEUED).scalar_one())


_OLDEST_START = text("SELECT MIN(started_at) FROM jobs WHERE state = 'running'")


def oldest_start(connection: Connection) -> int | None:
    """Return when the longest-running job was claimed; None when nothing runs. Reads the index of running jobs."""
    started_at: int | None = connection.execute(_OLDEST_START).scalar()
    return started_at


def _cursor(job: Job) -> str:
    return f"{job.created_at}_{job.id}"


def _position(cursor: str) -> tuple[int, str]:
    created_at, _, job_id = cursor.partition("_")
    if created_at.isascii() and created_at.isdigit() and len(created_at) <= 18 and is_id(job_id):
        return int(created_at), job_id
    raise InvalidInput.of("cursor", "unknown_cursor", "cursor must be the next_cursor of an earlier page.", cursor)
