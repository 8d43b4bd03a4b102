"""`gesso webhooks`: targets that hear of an account's jobs, and what came of telling them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gesso.cli.data_folder import Account, Test, mode_of, opened_database, the_account
from gesso.cli.output import AsJson, Output, Quiet
from gesso.domain.clock import now_microseconds, to_iso
from gesso.domain.errors import NotFound

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gesso.domain.delivery import Registration
    from gesso.jobs.delivery_log import LoggedDelivery

app = typer.Typer(help="Register, list and remove targets of webhooks; see what they were told.", no_args_is_help=True)
WebhookId = Annotated[str, typer.Argument(metavar="ID", help="What `gesso webhooks list` shows.")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where to tell of jobs.")],
    event: Annotated[
        list[str] | None, typer.Option(help="started, succeeded, failed or cancelled; again for each. Else every end.")
    ] = None,
    dialect: Annotated[
        str, typer.Option(help="In whose words, of whose jobs: claid, magic_hour, …; native hears of all.")
    ] = "native",
    secret: Annotated[str | None, typer.Option(help="What to sign with; left out, one is made.")] = None,
    description: Annotated[str, typer.Option(help="To know it by.")] = "",
    test: Test = False,
    account: Account = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Let a target hear of an account's jobs; show its secret, once."""
    from gesso.dialects.registry import DIALECTS
    from gesso.jobs.outbox import NATIVE
    from gesso.jobs.registrations import register
    from gesso.outgoing.policy import Policy
    from gesso.server.hook_reading import read_registration
    from gesso.server.native_webhooks import WEBHOOKS
    from gesso.settings import load_settings

    dialects = {NATIVE: WEBHOOKS} | {known.name: known.webhooks for known in DIALECTS if known.webhooks is not None}
    ask = {"url": url, "events": event or None, "dialect": dialect, "secret": secret, "description": description}
    policy, now = Policy(allow=load_settings().outgoing_allow), now_microseconds()

    def work(connection: Connection) -> Registration:
        owner = the_account(connection, account)
        registration = read_registration(ask, owner, mode_of(test), dialects, policy, now)
        register(connection, registration)
        return registration

    with opened_database() as database:
        made = database.write_blocking(work)
    sentences = [f"{made.url} hears of {', '.join(made.events)}. Its secret, shown this once:", f"  {made.secret}"]
    Output(as_json, quiet).answer(_row(made) | {"secret": made.secret}, sentences, [made.secret])


@app.command("list")
def list_all(test: Test = False, account: Account = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """List the targets of an account, disabled ones too, and how their receivers are."""
    from gesso.jobs.registrations import own_registrations

    def work(connection: Connection) -> list[dict[str, Any]]:
        found = own_registrations(connection, the_account(connection, account), mode_of(test))
        return [_row(one) | _circuit(connection, one, database.clock()) for one in found]

    with opened_database() as database:
        rows = database.read_blocking(work)
    titles = {
        "id": "id",
        "url": "target",
        "dialect": "dialect",
        "events": "hears of",
        "circuit": "circuit",
        "waiting": "waiting",
        "disabled_reason": "disabled",
    }
    empty = "There are no webhooks yet. Register one: gesso webhooks add URL"
    Output(as_json, quiet).table(rows, titles, "id", empty)


@app.command("test")
def try_out(webhook_id: WebhookId, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Send a target something now, and say what came of it; exit with 1 when it was not taken."""
    from gesso.cli.webhook_tests import send_test
    from gesso.settings import load_settings

    with opened_database() as database:
        target = database.read_blocking(lambda c: _found(c, webhook_id))
        sent = send_test(load_settings(), database, target)
    delivered = sent.status is not None and 200 <= sent.status < 300
    said = sent.error or f"{target.url} answered with status {sent.status}."
    row = {"delivered": delivered, "status": sent.status, "response": sent.response, "error": sent.error}
    Output(as_json, quiet).answer(row, [said, *([sent.response] if sent.response else [])], [str(sent.status or "")])
    if not delivered:
        raise typer.Exit(1)


@app.command()
def enable(webhook_id: WebhookId, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Tell a disabled target again, from now on; what waits for its receiver tries at once."""
    from gesso.jobs.registrations import enable as enable_own

    def work(connection: Connection) -> Registration:
        found = _found(connection, webhook_id)
        return enable_own(connection, found.id, found.account_id, found.mode, database.clock())

    with opened_database() as database:
        enabled = database.write_blocking(work)
    Output(as_json, quiet).answer(_row(enabled), [f"{enabled.url} is told again."], [enabled.id])


@app.command()
def remove(webhook_id: WebhookId, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Tell a target of nothing more."""
    from gesso.jobs.registrations import unregister

    def work(connection: Connection) -> Registration:
        found = _found(connection, webhook_id)
        unregister(connection, found.id, found.account_id, found.mode)
        return found

    with opened_database() as database:
        removed = database.write_blocking(work)
    Output(as_json, quiet).answer(_row(removed), [f"{removed.url} is told of nothing more."], [removed.id])


@app.command()
def deliveries(
    webhook_id: Annotated[str | None, typer.Option("--webhook", help="Only of this target: its id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    test: Test = False,
    account: Account = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List what was told, newest first."""
    from gesso.jobs.delivery_log import list_deliveries

    with opened_database() as database:
        page = database.read_blocking(
            lambda c: list_deliveries(
                c, the_account(c, account), mode_of(test), limit=limit, registration_id=webhook_id
            )
        )
    titles = {
        "id": "id",
        "job_id": "job",
        "event": "event",
        "url": "target",
        "state": "state",
        "waiting": "waits for its receiver",
        "attempts": "attempts",
        "last": "last answer",
    }
    empty = "Nothing was told yet."
    Output(as_json, quiet).table([_delivery_row(one) for one in page.deliveries], titles, "id", empty)


@app.command()
def redeliver(
    delivery_id: Annotated[str, typer.Argument(metavar="ID", help="What `gesso webhooks deliveries` shows.")],
    test: Test = False,
    account: Account = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Have something told once more; the server does it within five minutes, with PostgreSQL at once."""
    from gesso.jobs.deliveries import send_again
    from gesso.jobs.delivery_log import own_delivery

    now = now_microseconds()

    def work(connection: Connection) -> LoggedDelivery:
        owner, mode = the_account(connection, account), mode_of(test)
        send_again(connection, own_delivery(connection, delivery_id, owner, mode).delivery, now)
        return own_delivery(connection, delivery_id, owner, mode)

    with opened_database() as database:
        row = _delivery_row(database.write_blocking(work))
    Output(as_json, quiet).answer(row, [f"{row['url']} will be told once more."], [row["id"]])


def _found(connection: Connection, webhook_id: str) -> Registration:
    from gesso.jobs.registrations import find_registration

    found = find_registration(connection, webhook_id)
    if found is None:
        raise NotFound(f"There is no webhook {webhook_id}. Which there are: gesso webhooks list")
    return found


def _circuit(connection: Connection, registration: Registration, now: int) -> dict[str, Any]:
    """Say how a target's receiver is, and how many deliveries wait for it."""
    from gesso.jobs.circuits import count_lined, find_circuit, host_of

    account_id, host = registration.account_id, host_of(registration.url)
    circuit = find_circuit(connection, account_id, host)
    return {
        "circuit": circuit.state(now),
        "open_until": None if circuit.open_until is None else to_iso(circuit.open_until),
        "waiting": count_lined(connection, account_id, host),
    }


def _row(registration: Registration) -> dict[str, Any]:
    disabled = registration.disabled_at
    return {
        "id": registration.id,
        "mode": registration.mode,
        "url": registration.url,
        "dialect": registration.dialect,
        "events": ", ".join(registration.events),
        "description": registration.description,
        "created_at": to_iso(registration.created_at),
        "disabled_at": None if disabled is None else to_iso(disabled),
        "disabled_reason": registration.disabled_reason,
    }


def _delivery_row(logged: LoggedDelivery) -> dict[str, Any]:
    delivery, last = logged.delivery, logged.attempts[-1] if logged.attempts else None
    return {
        "id": delivery.id,
        "job_id": delivery.job_id,
        "event": delivery.event,
        "url": delivery.url,
        "state": delivery.state,
        "waiting": delivery.lined,
        "reason": delivery.reason,
        "attempts": delivery.attempts,
        "last": None if last is None else last.status or last.error,
        "created_at": to_iso(delivery.created_at),
        "next_at": None if delivery.next_at is None else to_iso(delivery.next_at),
    }
