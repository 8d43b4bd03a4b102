"""`gesso upstream`: calls at vendors, one by one, and the vendors as this installation knows them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from gesso.cli.credit_report import OfAccount
from gesso.cli.data_folder import has_data, opened_database, the_account
from gesso.cli.output import AsJson, Output, Quiet
from gesso.cli.shown import for_programs
from gesso.domain.clock import to_iso
from gesso.domain.credits import render_credits, render_usd
from gesso.domain.errors import InvalidInput

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gesso.jobs.upstream_list import UpstreamCall
    from gesso.jobs.upstream_report import Sums
    from gesso.settings import Settings

app = typer.Typer(help="Look at calls at vendors, and at the vendors.", no_args_is_help=True)
# Beside why a vendor gave nothing: what stands at the end of a job, and what was never heard after it.
_OTHERS = ("done", "left", "withdrawn", "never_known")


@app.command()
def calls(
    outcome: Annotated[
        str | None,
        typer.Option(
            help="Only these: unknown, timed_out, left, withdrawn, refused, done, … at the job's end or later."
        ),
    ] = None,
    vendor: Annotated[str | None, typer.Option(help="Only at this vendor, such as fal.")] = None,
    account: OfAccount = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List calls at vendors, newest first: what each took, and what was decided of its job's charge.

    With --outcome unknown: those of which nobody can know whether the vendor took them; look there by the time.
    """
    from gesso.jobs.upstream_list import list_calls

    _check(outcome, vendor)

    def work(connection: Connection) -> list[UpstreamCall]:
        owner = None if account is None else the_account(connection, account)
        return list_calls(connection, limit, outcome=outcome, vendor=vendor, account_id=owner)

    with opened_database() as database:
        rows = [_row(call) for call in database.read_blocking(work)]
    titles = {
        "job_id": "job",
        "ended_at": "ended",
        "vendor": "vendor",
        "model": "model",
        "outcome": "outcome",
        "late_outcome": "heard later",
        "pictures": "pictures",
        "shown_price": "vendor took",
        "decided": "the job",
    }
    empty = "There are no calls at vendors" + (" like that." if outcome or vendor or account else " yet.")
    _table(rows, titles, "job_id", empty, as_json, quiet)


@app.command()
def vendors(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the vendors: whether there is a key, where calls go, how far each was checked, what it took today (UTC).

    Keys are those of this command's environment and secrets file, which may be others than a server's.
    """
    from gesso.settings import load_settings

    settings = load_settings()
    today = _today(settings)
    titles = {
        "vendor": "vendor",
        "name": "name",
        "shown_key": "key",
        "needs": "from",
        "checked": "checked",
        "calls_today": "calls today",
        "shown_today": "took today $",
        "base_url": "your address",
    }
    rows = _vendors(settings, today)
    _table(rows, titles, "vendor", "This version speaks to no vendor.", as_json, quiet)


def _table(
    rows: list[dict[str, Any]], titles: dict[str, str], essence: str, empty: str, as_json: bool, quiet: bool
) -> None:
    Output(as_json, quiet).table([for_programs(row) for row in rows] if as_json else rows, titles, essence, empty)


def _check(outcome: str | None, vendor: str | None) -> None:
    from gesso.catalogue.vendors import VENDORS
    from gesso.engines.upstream.steps import Why

    outcomes = [*_OTHERS, *get_args(Why)]
    for field, word, allowed in (("outcome", outcome, outcomes), ("vendor", vendor, [*VENDORS])):
        if word is not None and word not in allowed:
            message = f"--{field} {word} is not known; allowed: {', '.join(sorted(allowed))}."
            raise InvalidInput.of(field, f"unknown_{field}", message, word, sorted(allowed))


def _row(call: UpstreamCall) -> dict[str, Any]:
    usd = None if call.micro_usd is None else render_usd(call.micro_usd)
    charged, refunded = call.charged_micro, call.refunded_micro
    return {
        "job_id": call.job_id,
        "number": call.number,
        "account_id": call.account_id,
        "model": call.model,
        "vendor": call.vendor,
        "target": call.target,
        "outcome": call.outcome,
        "late_outcome": call.late_outcome,
        "billed": call.billed,
        "pictures": call.pictures,
        "cost": call.cost,
        "usd": usd,
        "reckoned": call.reckoned,
        "shown_price": _price(call, usd),
        "began_at": None if call.began_at is None else to_iso(call.began_at),
        "ended_at": to_iso(call.ended_at),
        "look_at": None if call.look_at is None else to_iso(call.look_at),
        "late_at": None if call.late_at is None else to_iso(call.late_at),
        "state": call.state,
        "charged": None if charged is None else render_credits(charged),
        "refunded": None if refunded is None else render_credits(refunded),
        "decided": _decided(call.state, charged, refunded),
    }


def _price(call: UpstreamCall, usd: str | None) -> str | None:
    """Say what the vendor took: dollars where they are known, else what it said."""
    return call.cost if usd is None else f"${usd}{' reckoned' if call.reckoned else ''}"


def _decided(state: str | None, charged: int | None, refunded: int | None) -> str:
    """Say how the job of a call ended, and what became of its charge."""
    if state is None or charged is None or refunded is None:
        return "removed, cost nothing"
    if not charged:
        return f"{state}, cost nothing"
    if not refunded:
        return f"{state}, kept {render_credits(charged)}"
    if refunded == charged:
        return f"{state}, refunded {render_credits(refunded)}"
    return f"{state}, kept {render_credits(charged - refunded)}, refunded {render_credits(refunded)}"


def _today(settings: Settings) -> dict[str, Sums]:
    """Return what was taken since midnight UTC, by vendor; nothing where there is no database yet."""
    from gesso.domain.clock import DAY
    from gesso.jobs.upstream_report import upstream_report

    if not has_data(settings):
        return {}
    with opened_database() as database:
        midnight = database.clock() // DAY * DAY
        lines = database.read_blocking(lambda c: upstream_report(c, ["vendor"], midnight, midnight + DAY))
    return {line.keys[0]: line.sums for line in lines}


def _vendors(settings: Settings, today: dict[str, Sums]) -> list[dict[str, Any]]:
    from gesso.catalogue.vendors import VENDORS
    from gesso.engines.upstream.keys import read_keys
    from gesso.engines.upstream.vendors import UPSTREAMS
    from gesso.jobs.upstream_report import Sums

    keys = read_keys(os.environ, settings.secrets_file)
    rows = []
    for name, spoken in UPSTREAMS.items():
        known, sums = VENDORS[name], today.get(name, Sums())
        usd = render_usd(sums.told_micro_usd + sums.reckoned_micro_usd)
        has_key, off = name in keys, name in settings.upstream_off
        rows.append(
            {
                "vendor": name,
                "name": known.name,
                "key": has_key,
                "off": off,
                "shown_key": "off" if off else "set" if has_key else None,
                "needs": list(known.variables),
                "checked": spoken.checked,
                "base_url": _without_password(settings.upstream_urls.get(name)),
                "calls_today": sums.calls,
                "usd_today": usd,
                "unpriced_today": sums.unpriced,
                "shown_today": f"≥ {usd}" if sums.unpriced else usd,
            }
        )
    return rows


def _without_password(url: str | None) -> str | None:
    return None if url is None else re.sub(r"//[^/?#]*@", "//…@", url)
