"""Histories of runs in which nothing went wrong that must not: the stories of some jobs, told in one file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from history import (
    Answered,
    Asked,
    Cancelled,
    Fault,
    Fetched,
    FinalDelivery,
    FinalEnd,
    FinalEntry,
    FinalJob,
    FinalLedger,
    FinalObject,
    FinalRow,
    HookReceived,
    Numbered,
    Read,
    Record,
    Unanswered,
)
from pictures import expected_sha256

PRICE_MICRO = 1_250_001  # a picture; three of them cannot be parted without a remainder
GRANT_MICRO = 1_000_000_000
NODES = ("node-a", "node-b", "node-c")
ACCOUNTS = ("rich", "second")
DATABASE_EPOCH = 1_700_000_000_000_000  # the database's clock when the run's own stands at 0
LEASE = 3_000_000

Try = Literal["lost", "busy", "full"]
End = Literal["succeeded", "fewer", "fails", "worn out", "cancelled waiting", "cancelled running", "refused"]


@dataclass(frozen=True)
class Story:
    """What happens to one ask, from its first attempt to what is left of it."""

    number: int
    end: End = "succeeded"
    account: str = ACCOUNTS[0]
    pictures: int = 1
    keyed: bool = True
    edits: bool = False
    tries: tuple[Try, ...] = ()  # before the answer; "lost" ones made the job, when there is a key
    interruptions: int = 0
    fetches: int = 1  # of each picture, that came
    broken_fetches: int = 0  # before them
    hook_tries: tuple[int, ...] | None = None  # what the receiver answers before it takes the news; None: no webhook
    start: int = 0  # microseconds

    @property
    def ask(self) -> str:
        return f"ask-{self.number}"

    @property
    def job(self) -> str:
        return f"job-{self.number}"

    @property
    def seed(self) -> int:
        return 1000 * self.number

    @property
    def state(self) -> Any:
        if self.end in ("succeeded", "fewer"):
            return "succeeded"
        return "cancelled" if self.end.startswith("cancelled") else "failed"

    @property
    def delivered(self) -> int:
        return self.pictures - (self.end == "fewer") if self.state == "succeeded" else 0

    @property
    def attempts(self) -> int:
        return self.interruptions + (self.end != "cancelled waiting")


class Teller:
    """Tells one story. Times are of the run's clock; each thing takes a millisecond."""

    def __init__(self, story: Story) -> None:
        self.story, self.now = story, story.start + 1
        self.told: list[Record] = []
        self._nodes = 0

    def tell(self) -> list[Record]:
        """Return what was seen while the story went on."""
        acknowledged = self._ask()
        if acknowledged:
            self._watch()
            self._fetch()
            self._hear()
        return self.told

    def _say(self, kind: type[Any], **values: Any) -> None:
        self.now += 1000
        self.told.append(kind(at=self.now, **values))

    def _node(self) -> str:
        self._nodes += 1
        return NODES[self._nodes % len(NODES)]

    def _ask(self) -> bool:
        story = self.story
        for number, what in enumerate((*story.tries, "answered"), 1):
            self._say(
                Asked,
                ask=story.ask,
                account=story.account,
                node=self._node(),
                dialect="native",
                idempotency_key=f"key-{story.number}" if story.keyed else None,
                attempt=number,
                pictures=story.pictures,
                price_micro=story.pictures * PRICE_MICRO,
                seed=story.seed,
                fewer=story.end == "fewer",
                fails=story.end == "fails",
                edits=story.edits,
                webhook=story.hook_tries is not None,
            )
            if what == "lost":
                self._say(Unanswered, ask=story.ask, attempt=number, why="ReadError")
            elif what != "answered":
                self._say(Answered, ask=story.ask, attempt=number, status=503 if what == "busy" else 429, job=None)
        refused = story.end == "refused"
        status, job = (402, None) if refused else (202, story.job)
        self._say(Answered, ask=story.ask, attempt=len(story.tries) + 1, status=status, job=job)
        return not refused

    def _watch(self) -> None:
        story = self.story
        for _ in range(story.interruptions):
            self._read("queued")
            self._read("running")
        self._read("queued")
        if story.end != "cancelled waiting":
            self._read("running")
        if story.end.startswith("cancelled"):
            self._say(Cancelled, ask=story.ask, job=story.job, status=200)
        self._read(story.state)
        self._read(story.state, reader="another")

    def _read(self, state: Any, reader: str = "poll") -> None:
        sent = self.now + 500
        self._say(
            Read, ask=self.story.ask, job=self.story.job, node=self._node(), state=state, reader=reader, sent=sent
        )

    def _fetch(self) -> None:
        story = self.story
        for index in range(story.delivered):
            for _ in range(story.broken_fetches):
                self._say(
                    Fetched, job=story.job, picture=index, node=self._node(), sha256="", bytes=0, ok=False, why="cut"
                )
            for _ in range(story.fetches):
                self._say(Fetched, **_whole(story, index), node=self._node())

    def _hear(self) -> None:
        story = self.story
        for status in (*(story.hook_tries or ()), 200) if story.hook_tries is not None else ():
            self._say(
                HookReceived,
                delivery=f"delivery-{story.number}",
                job=story.job,
                type=story.state,
                verified=True,
                attempt_status=status,
                body_sha256="b0d7",
            )


def _whole(story: Story, index: int) -> dict[str, Any]:
    shown = f"edited {story.seed + index}" if story.edits else expected_sha256(story.seed, index)
    return {
        "job": story.job,
        "picture": index,
        "sha256": f"file of {story.job} {index}",
        "bytes": 12_000 + index,
        "ok": True,
        "pixels_sha256": shown,
        "expected_sha256": shown,
    }


def tell(stories: Sequence[Story]) -> list[Record]:
    """Return the whole history: what was seen, the faults meanwhile, and what the tables and the store hold at the end."""
    seen = [record for story in stories for record in Teller(story).tell()]
    seen += [
        Fault(at=1500, what="kill -9", target="node-a", on="begin"),
        Fault(at=250_000, what="kill -9", target="node-a", on="end"),
    ]
    seen.sort(key=lambda record: record.at)
    made = [story for story in stories if story.end != "refused"]
    return booked([*seen, *(record for story in made for record in _final(story))])


def _final(story: Story) -> list[Record]:
    charged = story.pictures * PRICE_MICRO
    refunded = charged - charged * story.delivered // story.pictures
    blobs = [f"blob-{story.number}-{index}" for index in range(story.delivered)]
    records: list[Record] = [
        FinalJob(
            job=story.job,
            account=story.account,
            mode="live",
            state=story.state,
            charged=charged,
            refunded=refunded,
            picture_count=story.pictures,
            pictures=story.delivered,
            attempts=story.attempts,
            ask=story.ask,
            webhook=story.hook_tries is not None,
        ),
        _end(story),
        entry(story.account, "charge", -charged, story.job),
    ]
    if refunded:
        records.append(entry(story.account, "refund", refunded, story.job))
    for blob in blobs:
        records.append(FinalObject(account=story.account, blob=blob))
        records.append(FinalRow(account=story.account, blob=blob, job=story.job))
    if story.edits:
        records.append(FinalObject(account=story.account, blob=f"input-{story.number}"))
        records.append(FinalRow(account=story.account, blob=f"input-{story.number}"))
    if story.hook_tries is not None:
        records.append(
            FinalDelivery(
                delivery=f"delivery-{story.number}",
                job=story.job,
                type=story.state,
                state="delivered",
                attempts=len(story.hook_tries) + 1,
            )
        )
    return records


def _end(story: Story) -> FinalEnd:
    moved_at = DATABASE_EPOCH + story.start
    lease = f"worker-{story.number % 3}/{story.attempts}"
    waits, worn_out = story.end == "cancelled waiting", story.end == "worn out"
    return FinalEnd(
        number=story.number,
        job=story.job,
        source="queued" if waits else "running",
        state=story.state,
        worker=None if waits else lease.partition("/")[0],
        row_lease=None if waits else lease,
        lease=None if waits or worn_out else lease,
        lease_until=None if waits else moved_at - 1 if worn_out else moved_at + LEASE,
        moved_at=moved_at,
    )


# ── the ledger ────────────────────────────────────────────────────────────────────────────────────────────


def entry(account: str, kind: Any, micro: int, job: str | None) -> FinalEntry:
    """Return an entry that `booked` gives its number and balance."""
    return FinalEntry(entry=0, account=account, mode="live", type=kind, micro=micro, balance_after=0, job=job)


def booked(records: Sequence[Record]) -> list[Record]:
    """Number the entries and sum them up, so that what they say of each other is right whatever they are."""
    entries = [record for record in records if isinstance(record, FinalEntry) and record.type != "grant"]
    rest = [record for record in records if not isinstance(record, (FinalEntry, FinalLedger))]
    totals: dict[str, int] = dict.fromkeys(ACCOUNTS, 0)
    done: list[Record] = []
    for number, each in enumerate([*(entry(name, "grant", GRANT_MICRO, None) for name in ACCOUNTS), *entries], 1):
        totals[each.account] += each.micro
        done.append(each.model_copy(update={"entry": number, "balance_after": totals[each.account]}))
    ledgers = [
        FinalLedger(account=account, mode="live", balance=total, sum_of_entries=total)
        for account, total in totals.items()
    ]
    return [*rest, *done, *ledgers]


def numbered(records: Sequence[Record]) -> list[Numbered]:
    """Return a history as the reader does."""
    return [Numbered(line, record) for line, record in enumerate(records, 1)]


# Every kind of end and of detour, for violations to be planted in.
EXAMPLE = (
    Story(1, pictures=3, tries=("lost", "busy"), fetches=2, broken_fetches=1, hook_tries=(503, 0), interruptions=1),
    Story(2, "fewer", pictures=3, account="second", hook_tries=(), fetches=2),
    Story(3, "fails", pictures=2, hook_tries=(500,), start=300),
    Story(4, "cancelled waiting", hook_tries=(), start=600),
    Story(5, "cancelled running", pictures=2, account="second", start=700),
    Story(6, "worn out", interruptions=2, start=900),
    Story(7, keyed=False, tries=("lost",), edits=True, pictures=2, fetches=2),
    Story(8, "refused", account="second", tries=("full",)),
    Story(9, keyed=False, hook_tries=()),
)
