"""The proof that nothing was lost, doubled or miscounted, from the tables, the ledger's route, and the objects' folder."""

from __future__ import annotations

import io
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any

import httpx
import numpy as np
from installation import Installation
from noise_engine import noise
from PIL import Image
from sqlalchemy import Connection, text

from gesso.storage.blobs import OWNER_OBJECT

PRICE = Decimal("1.25")  # credits a picture, as noise.yaml says
PRICE_MICRO = 1_250_000


@dataclass(frozen=True)
class JobRow:
    """What the tables say of one job."""

    id: str
    account_id: str
    state: str
    picture_count: int
    charged_micro: int
    refunded_micro: int
    metadata: str
    attempt: int
    given_back: int
    lease_until: int | None


def job_rows(installation: Installation) -> dict[str, JobRow]:
    """Return every job by its id."""
    columns = ", ".join(JobRow.__dataclass_fields__)

    def work(connection: Connection) -> dict[str, JobRow]:
        return {row.id: JobRow(*row) for row in connection.execute(text(f"SELECT {columns} FROM jobs"))}

    with installation.database() as database:
        return database.read_blocking(work)


def check_ends(installation: Installation) -> None:
    """Every job ended exactly once; it was charged once, and refunded at most once, what was not delivered."""

    def work(connection: Connection) -> tuple[list[Any], list[Any], Counter[str]]:
        moves = connection.execute(text("SELECT job_id, source, target FROM witnessed_moves")).all()
        entries = connection.execute(
            text("SELECT job_id, kind, micro FROM ledger_entries WHERE job_id IS NOT NULL")
        ).all()
        outputs = connection.execute(text("SELECT owner_id FROM blobs WHERE owner = 'job_output'")).scalars()
        return list(moves), list(entries), Counter(outputs)

    with installation.database() as database:
        moves, entries, outputs = database.read_blocking(work)
    jobs = job_rows(installation)
    ends = Counter(job_id for job_id, _, _ in moves)
    charges = [(job_id, -micro) for job_id, kind, micro in entries if kind == "charge"]
    refunds = [(job_id, micro) for job_id, kind, micro in entries if kind == "refund"]

    assert {job.id: job.state for job in jobs.values() if ends[job.id] != 1} == {}, "jobs that did not end exactly once"
    assert {job_id: target for job_id, _, target in moves} == {job.id: job.state for job in jobs.values()}
    assert sorted(charges) == sorted((job.id, PRICE_MICRO * job.picture_count) for job in jobs.values())
    assert sorted(refunds) == sorted(
        (job.id, refund)
        for job in jobs.values()
        if (refund := PRICE_MICRO * (job.picture_count - (outputs[job.id] if job.state == "succeeded" else 0)))
    )
    assert sum(outputs.values()) == sum(outputs[job.id] for job in jobs.values() if job.state == "succeeded")


def check_ledger(client: httpx.Client) -> None:
    """The balance is grants − charges + refunds, as the ledger's route lists them, and never was negative."""
    totals = dict.fromkeys(("grant", "charge", "refund"), Decimal(0))
    for entry in _paged(client, "/v1/account/ledger", "entries"):
        totals[entry["kind"]] += Decimal(entry["credits"])
        assert Decimal(entry["balance_after"]) >= 0
    balance = Decimal(client.get("/v1/account").json()["balance"])
    assert totals["charge"] <= 0 <= totals["refund"]
    assert balance == totals["grant"] + totals["charge"] + totals["refund"]


def check_command(installation: Installation) -> None:
    """`gesso credits check` finds nothing wrong."""
    said = installation.command("credits", "check", "--json")
    assert (said.returncode, said.stdout.strip()) == (0, '{"discrepancies": []}'), said.stderr


def check_pictures(client: httpx.Client, job: dict[str, Any], image: np.ndarray | None = None) -> int:
    """Every picture of a succeeded job downloads, decodes, and is the one its size, hash and seed say; return how many."""
    indices = [picture["index"] for picture in job["pictures"]]
    assert indices == list(range(len(indices)))
    for picture in job["pictures"]:
        answer = client.get(picture["url"])
        assert answer.status_code == 200, f"picture {picture['index']} of job {job['id']}: {answer.text}"
        assert len(answer.content) == picture["size_bytes"]
        with Image.open(io.BytesIO(answer.content)) as opened:
            pixels = np.asarray(opened.convert("RGB"))
        assert pixels.shape == (picture["height"], picture["width"], 3)
        assert sha256(struct.pack(">III", *pixels.shape) + pixels.tobytes()).hexdigest() == picture["pixel_hash"]
        assert picture["seed"] == job["seed"] + picture["index"]
        assert np.array_equal(pixels, noise(picture["seed"], image))
    return len(job["pictures"])


def all_jobs(client: httpx.Client) -> list[dict[str, Any]]:
    """Return the jobs of the client's account as the API lists them."""
    return list(_paged(client, "/v1/jobs", "jobs"))


def _paged(client: httpx.Client, path: str, name: str) -> Iterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        answer = client.get(path, params={"limit": 100} | cursor)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield from page[name]
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def objects(installation: Installation) -> set[str]:
    """Return the names of all files in the folder of objects, whatever they are, but for the one that says whose it is."""
    folder = installation.data_dir / "blobs"
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return found - {OWNER_OBJECT}


def named_in_rows(installation: Installation) -> set[str]:
    """Return the names of the objects that have a row."""

    def work(connection: Connection) -> set[str]:
        rows = connection.execute(text("SELECT account_id, id FROM blobs"))
        return {f"{account_id}/{blob_id}" for account_id, blob_id in rows}

    with installation.database() as database:
        return database.read_blocking(work)
