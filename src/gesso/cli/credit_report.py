"""`gesso credits report`: what vendors took beside what accounts paid for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gesso.cli.data_folder import opened_database, the_account
from gesso.cli.moments import Since, Until, span
from gesso.cli.output import AsJson, Output, Quiet
from gesso.cli.shown import for_programs
from gesso.domain.clock import to_iso
from gesso.domain.credits import render_credits, render_usd
from gesso.domain.errors import InvalidInput

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gesso.jobs.upstream_report import Axis, Line, Sums

By = Annotated[str, typer.Option(help="What a row is about: any of model, vendor, account, day, comma-separated.")]
OfAccount = Annotated[str | None, typer.Option("--account", help="Only of this account: its id. Else of all.")]

_COLUMNS = {
    "calls": "calls",
    "made": "made",
    "failed": "failed",
    "unknown": "unknown",
    "late": "late",
    "pictures": "pictures",
    "told_usd": "told $",
    "reckoned_usd": "reckoned $",
    "unpriced": "unpriced",
    "kept": "credits kept",
    "shown_margin": "margin",
}


def report(
    by: By = "vendor",
    since: Since = None,
    until: Until = None,
    account: OfAccount = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Add up what vendors took for the calls of a time, and what accounts paid for them.

    Of the calls `made` gave pictures, `late` among them when their job had ended without them; of `unknown` nobody knows (yet) what
    became of them. Dollars were told by vendors, or reckoned by GESSO_UPSTREAM_PRICES; `unpriced` calls took nobody knows
    what. Credits and margin are US cents; a margin is at most (≤) what it says where calls are unpriced.
    """
    from gesso.jobs.upstream_report import total, upstream_report

    axes = _axes(by)
    with opened_database() as database:
        first, end = span(since, until, database.clock())

        def work(connection: Connection) -> list[Line]:
            owner = None if account is None else the_account(connection, account)
            return upstream_report(connection, axes, first, end, owner)

        lines = database.read_blocking(work)
    output, sums = Output(as_json, quiet), _shown(total(lines))
    rows = [dict(zip(axes, line.keys, strict=True)) | _shown(line.sums) for line in lines]
    if as_json:
        said = {"by": axes, "since": to_iso(first), "until": to_iso(end)}
        output.answer(said | {"rows": [for_programs(row) for row in rows], "total": for_programs(sums)}, [])
        return
    output.remark(f"Calls at vendors from {to_iso(first)} to {to_iso(end)}.")
    if rows:
        rows.append(dict.fromkeys(axes, "") | {axes[0]: "total"} | sums)
    titles = {axis: axis for axis in axes} | _COLUMNS
    output.table(rows, titles, "cost_usd", "There were none.")


def _axes(by: str) -> list[Axis]:
    from gesso.jobs.upstream_report import AXES

    names = {name: name for name in AXES}
    words = [word.strip() for word in by.split(",")]
    for word in words:
        if word not in names:
            message = f"--by {by}: {word or 'nothing'} is not what a row can be about; allowed: {', '.join(names)}."
            raise InvalidInput.of("by", "unknown_axis", message, by, list(names))
    return list(dict.fromkeys(names[word] for word in words if word in names))


def _shown(sums: Sums) -> dict[str, Any]:
    """Return the sums as they are shown: dollars as dollars, the rest of the money in credits."""
    counts = ("calls", "made", "failed", "unknown", "late", "pictures", "unpriced")
    most = render_credits(sums.most_margin_micro)
    return {name: getattr(sums, name) for name in counts} | {
        "told_usd": render_usd(sums.told_micro_usd),
        "reckoned_usd": render_usd(sums.reckoned_micro_usd),
        "cost_usd": render_usd(sums.told_micro_usd + sums.reckoned_micro_usd),
        "kept": render_credits(sums.kept_micro),
        "margin": None if sums.margin_micro is None else most,
        "margin_at_most": most,
        "shown_margin": most if sums.margin_micro is not None else f"≤ {most}",
    }
