"""The history of a run under faults: typed records, one JSON object a line, written by many processes, read by the checker.

A line is one thing that somebody saw. Nothing is ever taken back or changed. All times are microseconds of the machine's
monotonic clock, which is one clock for all processes of a run; only `FinalEnd` has a time of the database besides.

Ids: an *ask* is our own id of one intention to have a job, whatever it takes to have it: a repeat of a request is another
attempt of the same ask. The answers and reads below say which ask they belong to, so that a job can be followed from the
first try to its end even when its id got lost on the way.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from gesso.domain.frozen import Frozen
from gesso.domain.job import State


class _Line(Frozen):
    at: int = Field(default=0, description="When it was written; the recorder fills it in where it is 0.")


class Asked(_Line):
    """A submit is about to be sent. All attempts of an ask have the same idempotency key, or none has one."""

    kind: Literal["asked"] = "asked"
    ask: str
    account: str  # the id
    node: str
    dialect: str
    idempotency_key: str | None
    attempt: int  # from 1
    # What makes the answer checkable:
    pictures: int = 1  # asked for
    price_micro: int | None = None  # of the whole job; None: not known to the asker
    seed: int | None = None  # of its first picture
    fewer: bool = False  # the engine is told to leave out the last picture
    fails: bool = False  # the engine is told to fail
    edits: bool = False  # it edits a picture: its pixels do not follow from the seed alone
    webhook: bool = False  # it names a receiver of ours


class Answered(_Line):
    """An answer to one attempt. With a 2xx status and a job's id the job is acknowledged."""

    kind: Literal["answered"] = "answered"
    ask: str
    attempt: int
    status: int
    job: str | None  # the native id


class Unanswered(_Line):
    """The connection broke or nobody answered in time: whether there is a job is unknown."""

    kind: Literal["unanswered"] = "unanswered"
    ask: str
    attempt: int
    why: str  # "Connect…": nobody was reached, so that there is no job


class Read(_Line):
    """A poll or a stream showed a state. `status` other than 200 goes with no state (404: it is gone)."""

    kind: Literal["read"] = "read"
    ask: str
    job: str
    node: str
    state: State | None
    reader: str = ""  # reads of one reader of an ask are in order: each began when the one before was over
    sent: int | None = None  # when the question was sent; None: not known, as in a stream
    status: int = 200


class Fetched(_Line):
    """A picture was downloaded and decoded, or could not be: `ok` is false and `why` says why.

    A connection that broke, and a server that has no answer, leave `sha256` empty: that is no fault as long as a later
    fetch brings the picture. Bytes that came whole and are no picture are one.
    """

    kind: Literal["fetched"] = "fetched"
    job: str
    picture: int  # from 0
    node: str
    sha256: str  # of the bytes; empty unless they came whole, with status 200
    bytes: int
    ok: bool
    why: str | None = None
    pixels_sha256: str | None = None  # of what was decoded, as `pictures.pixel_sha256` counts it
    expected_sha256: str | None = None  # of the pixels that there must be; None: not known to the fetcher


class Cancelled(_Line):
    """An answer to a request to cancel."""

    kind: Literal["cancelled"] = "cancelled"
    ask: str
    job: str
    status: int


class HookReceived(_Line):
    """A receiver got a webhook and answered it with `attempt_status` (0: it closed the connection)."""

    kind: Literal["hook"] = "hook"
    delivery: str  # the message's id, which is the same at every attempt
    job: str
    type: str  # the event: started, succeeded, failed, cancelled
    verified: bool  # the signature is right
    attempt_status: int
    body_sha256: str
    receiver: str = ""  # which of the job's targets


class Fault(_Line):
    """Something was broken (`begin`) or mended (`end`)."""

    kind: Literal["fault"] = "fault"
    what: str
    target: str
    on: Literal["begin", "end"]


class FinalJob(_Line):
    """A job's row when all is over."""

    kind: Literal["final_job"] = "final_job"
    job: str
    account: str
    mode: str
    state: State
    charged: int  # micro-credits, as all money here
    refunded: int
    picture_count: int  # asked for
    pictures: int  # delivered, as its report says
    attempts: int
    ask: str | None  # from its metadata; None: it has none
    webhook: bool  # it names a target that is told of its end


class FinalLedger(_Line):
    """An account's balance in one mode, and what its entries add up to."""

    kind: Literal["final_ledger"] = "final_ledger"
    account: str
    mode: str
    balance: int
    sum_of_entries: int


class FinalEntry(_Line):
    """One entry of the ledger that names a job, or a grant."""

    kind: Literal["final_entry"] = "final_entry"
    entry: int
    account: str
    mode: str
    type: Literal["grant", "charge", "refund"]
    micro: int  # signed: a charge is negative
    balance_after: int
    job: str | None


class FinalEnd(_Line):
    """One committed move of a job into an ended state, or out of one, as the database's own witness noted it."""

    kind: Literal["final_end"] = "final_end"
    number: int  # in the order of the witness
    job: str
    source: State
    state: State  # where it went
    worker: str | None  # of the row, before the move
    row_lease: str | None  # "worker/attempt" of the row before the move; None: nobody held it
    lease: str | None  # "worker/attempt" that the ending transaction said it holds; None: it claimed none
    lease_until: int | None  # of the row before the move, microseconds since 1970 by the database's clock
    moved_at: (
        int  # by the database's clock; where that was turned, the latest time that a process may still take it to be
    )
    witnessed: bool = True  # the process that moved it told the witness which lease it holds


class FinalObject(_Line):
    """What is stored."""

    kind: Literal["final_object"] = "final_object"
    account: str
    blob: str


class FinalRow(_Line):
    """What a row of blobs names."""

    kind: Literal["final_row"] = "final_row"
    account: str
    blob: str
    job: str | None = None  # whose picture it is; None: an input or a file


class FinalDelivery(_Line):
    """A row of the outbox."""

    kind: Literal["final_delivery"] = "final_delivery"
    delivery: str
    job: str
    type: str
    state: str  # pending, delivered, failed
    attempts: int


Record = (
    Asked
    | Answered
    | Unanswered
    | Read
    | Fetched
    | Cancelled
    | HookReceived
    | Fault
    | FinalJob
    | FinalLedger
    | FinalEntry
    | FinalEnd
    | FinalObject
    | FinalRow
    | FinalDelivery
)
_RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


@dataclass(frozen=True)
class Numbered:
    """A record and its line in the file, from 1: what a violation is proven by."""

    line: int
    record: Any


class BadHistory(Exception):
    """A line is not a record; the message says which and why."""


def now() -> int:
    """Return the time by the clock of histories, in microseconds."""
    return time.monotonic_ns() // 1000


class Recorder:
    """Appends records to a file, from as many threads and processes as there are: each line is one write to its end."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._lock = threading.Lock()  # keeps the lines of one process in the order of their times

    def write(self, *records: Record) -> None:
        """Append records; they are in the file when this returns, so that a killed process leaves what it saw."""
        with self._lock:
            lines = "".join(_line(record) for record in records).encode()
            written = os.write(self._file, lines)
        if written != len(lines):
            raise OSError(f"only {written} of {len(lines)} bytes of the history were written")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _line(record: Record) -> str:
    values = record.model_dump(mode="json")
    return json.dumps(values | {"at": values["at"] or now()}, separators=(",", ":")) + "\n"


def read_history(path: Path) -> list[Numbered]:
    """Return all records in the order of the file; raise `BadHistory` for a line that is none."""
    with path.open("rb") as file:
        return list(parse_lines(file))


def parse_lines(lines: Iterator[bytes] | Sequence[bytes]) -> Iterator[Numbered]:
    """Yield the records of lines."""
    for number, line in enumerate(lines, 1):
        if not line.endswith(b"\n"):
            raise BadHistory(f"line {number} is cut off: {line[-80:]!r}")
        try:
            yield Numbered(number, _RECORD.validate_json(line))
        except ValidationError as error:
            raise BadHistory(f"line {number} is no record: {error}") from error
