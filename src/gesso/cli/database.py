"""`gesso db`: the tables of the database, brought up to date before a server of a newer Gesso starts."""

from __future__ import annotations

import typer

from gesso.cli.output import AsJson, Output, Quiet
from gesso.domain.errors import OperatorError

KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

app = typer.Typer(help="Look at the database's tables and bring them up to date.", no_args_is_help=True)


@app.command()
def migrate(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Make or change the tables as this version needs them. SQLite is also brought up to date by each start."""
    from gesso.installation import migrate_database
    from gesso.settings import load_settings

    before = migrate_database(load_settings())
    kind = KINDS[before.kind]
    if before.is_current:
        sentence = f"The {kind} database is at revision {before.needed}: nothing to do."
    elif before.found is None:
        sentence = f"Made the tables of the {kind} database: revision {before.needed}."
    else:
        sentence = f"Brought the {kind} database from revision {before.found} to {before.needed}."
    data = {"database": before.kind, "from": before.found, "to": before.needed}
    Output(as_json, quiet).answer(data, [sentence], [before.needed])


@app.command()
def status(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Tell which revision the tables are at; exit with 1 when this version cannot use them as they are."""
    from gesso.installation import schema_of
    from gesso.settings import load_settings

    found = schema_of(load_settings())
    at = f"is at revision {found.found}" if found.found else "has no tables yet"
    sentence = f"The {KINDS[found.kind]} database {at}; this Gesso needs {found.needed}."
    data = {"database": found.kind, "revision": found.found, "needed": found.needed, "current": found.is_current}
    Output(as_json, quiet).answer(data, [sentence], [found.found or "none"])
    if found.is_newer:
        raise OperatorError("A newer Gesso wrote this database: install that version or newer.")
    if not found.is_current:
        raise OperatorError("Bring the database up to date with: gesso db migrate")
