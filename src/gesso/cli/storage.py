"""`gesso storage`: whether every picture that the database knows is where it should be."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gesso.cli.data_folder import OpenDatabase, opened_database
from gesso.cli.output import AsJson, Output, Quiet
from gesso.domain.clock import to_iso

if TYPE_CHECKING:
    from gesso.storage.blobs import BlobStore
    from gesso.storage.rows import BlobRow

app = typer.Typer(help="Look after stored pictures.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Look after stored pictures."""


@app.command()
def check(
    contents: Annotated[bool, typer.Option(help="Also read each object and compare its SHA-256.")] = False,
    most: Annotated[int, typer.Option(min=0, help="Rows to list; all are counted.")] = 100,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look for the stored object of every row, after a restore for example; exit with 1 when one is missing or another.

    It changes nothing and may run beside servers. A picture that is gone is answered 404; its row goes with its time.
    """
    from gesso.installation import open_blobs
    from gesso.settings import load_settings

    store, output = open_blobs(load_settings()), Output(as_json, quiet)
    with opened_database() as database:
        counts, rows = asyncio.run(_check(database, store, contents, most))
    wrong = counts["missing"] + counts["other"]
    if as_json:
        output.answer({name: counts[name] for name in ("rows", "missing", "other")} | {"found": rows}, [])
    else:
        titles = {"id": "id", "found": "found", "owner": "owner", "owner_id": "of", "created_at": "made"}
        read = "read and right" if contents else "there"
        output.table(rows, titles, "id", f"Every object is {read}: {counts['rows']} rows.")
    if wrong:
        said = f"Of {counts['rows']} rows {counts['missing']} have no object and {counts['other']} another one."
        output.remark(f"{said} Copy them from a backup, or leave them: what is gone is answered 404.")
        raise typer.Exit(1)


async def _check(
    database: OpenDatabase, store: BlobStore, contents: bool, most: int
) -> tuple[Counter[str], list[dict[str, Any]]]:
    from gesso.storage.missing import check_objects

    counts: Counter[str] = Counter()
    listed: list[dict[str, Any]] = []
    async for page in check_objects(database, store, contents=contents):
        counts["rows"] += page.rows
        counts.update(kind for _, kind in page.wrong)
        listed += [_row(row, kind) for row, kind in page.wrong[: most - len(listed)]]
    return counts, listed


def _row(row: BlobRow, found: str) -> dict[str, Any]:
    """Return what is told of a row; `object` is the name to look for in a backup."""
    return {
        "id": row.id,
        "found": found,
        "object": f"{row.account_id}/{row.id}",
        "owner": row.owner,
        "owner_id": row.owner_id,
        "size_bytes": row.size_bytes,
        "created_at": to_iso(row.created_at),
    }
