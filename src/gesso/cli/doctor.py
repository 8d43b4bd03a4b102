"""`gesso doctor`: whether this installation can work, which routes are ready, and what each missing one needs."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gesso.cli.output import AsJson, Output, Quiet
from gesso.domain.errors import GessoError

if TYPE_CHECKING:
    from gesso.catalogue.load import Catalogue
    from gesso.engines.registry import Engines
    from gesso.settings import Settings

PACKAGED = frozenset(
    {"builtin", "resize"}
)  # engines that need nothing beside Gesso: something is wrong where one cannot


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `missing` is optional and can be added; `broken` keeps Gesso from working."""

    state: Literal["ok", "missing", "broken"]
    what: str
    detail: str


def doctor(
    dialect: Annotated[
        str | None, typer.Option(help="Tell of this API instead: its routes and models here, what differs.")
    ] = None,
    live: Annotated[
        str | None,
        typer.Option(metavar="VENDOR", help="Make one cheap real call at this vendor with your key instead."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --live: do not ask before it is sent.")] = False,
    target: Annotated[
        Path | None, typer.Option("--output", "-o", help="With --live: a file for the picture, .png, .jpg or .webp.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Check this installation; exit with 1 when something is broken, which alone is named with --quiet.

    With --live, check one vendor's key: what is asked and what it is likely to cost is said before it is sent.
    """
    if live is not None:
        from gesso.cli.doctor_live import try_vendor

        try_vendor(live, Output(as_json, quiet), yes=yes, target=target)
        return
    if dialect is not None:
        from gesso.cli.doctor_dialect import explain

        explain(dialect, Output(as_json, quiet))
        return
    findings = list(_examine())
    broken = any(finding.state == "broken" for finding in findings)
    rows = [asdict(finding) for finding in findings if finding.state == "broken" or not quiet]
    output = Output(as_json, quiet)
    output.table(rows, {"state": "state", "what": "what", "detail": "detail"}, "what", "")
    if broken:
        output.remark("Mend what is broken, then run gesso doctor again.")
        raise typer.Exit(1)
    output.remark("Nothing is broken; what is missing is optional. Start the server with: gesso serve")


def _examine() -> Iterator[Finding]:
    from gesso import __version__
    from gesso.settings import load_settings, unknown_variables

    yield Finding("ok", "gesso", f"{__version__} on Python {platform.python_version()}, {platform.machine()}")
    try:
        settings = load_settings()
    except GessoError as error:
        yield Finding("broken", "settings", error.message)
        return
    ineffective = "".join(f"; {name} is no setting and has no effect" for name in unknown_variables())
    yield Finding("ok", "settings", f"read from GESSO_* variables and gesso.toml{ineffective}")
    yield _database(settings)
    yield _storage(settings)
    yield from _links(settings)
    yield from _routes(settings)
    yield _heic()


def _database(settings: Settings) -> Finding:
    from gesso.accounts.keys import list_keys
    from gesso.installation import open_database

    what, where = "data folder", str(settings.data_dir)
    if settings.database_url is not None:
        what, where = "database", "PostgreSQL"
    elif not settings.data_dir.exists():
        return Finding("ok", what, f"{where}: not there yet; the first gesso serve makes it")

    def look() -> str:
        database = open_database(settings)
        try:
            keys = database.read_blocking(lambda connection: list_keys(connection, None))
        finally:
            database.close()
        working = sum(key.revoked_at is None for key in keys)
        return f"{where}: {working} working keys"

    return _found(what, look)


def _links(settings: Settings) -> Iterator[Finding]:
    """Tell nodes that share nothing but database and object store that each signs with a secret of its own."""
    if settings.database_url and settings.storage_url and not settings.link_secret:
        detail = f"this node's own, in {settings.data_dir}; where there are more nodes, set GESSO_LINK_SECRET on each"
        yield Finding("missing", "link secret", detail)


def _storage(settings: Settings) -> Finding:
    from gesso.installation import open_blobs

    if settings.storage_url is None:
        return Finding("ok", "storage", "pictures are in the data folder")

    def look() -> str:
        asyncio.run(open_blobs(settings).check_rules())
        return f"{settings.storage_url}: written, read and deleted"

    return _found("storage", look)


def _routes(settings: Settings) -> Iterator[Finding]:
    from gesso.engines.registry import Engines
    from gesso.installation import catalogue_of, engines_of

    try:
        catalogue = catalogue_of(settings)
    except GessoError as error:
        yield Finding("broken", "catalogue", error.message)
        return
    yield Finding("ok", "catalogue", f"{len(catalogue.models)} models")
    for slug, file in catalogue.replaced.items():
        yield Finding("ok", f"model {slug}", f"your {file} replaces the packaged one")
    engines = Engines(engines_of(settings))
    yield from _engines(engines)
    yield from _weights(engines)
    yield from _models(catalogue, engines, settings)


def _engines(engines: Engines) -> Iterator[Finding]:
    from gesso.domain.request import RouteChoice

    for name in engines.names:
        reason = engines.why_not(RouteChoice(engine=name, fidelity="exact", runs=name))
        wrong: Literal["broken", "missing"] = "broken" if name in PACKAGED else "missing"
        yield Finding(wrong if reason else "ok", f"engine {name}", reason or "ready")


def _weights(engines: Engines) -> Iterator[Finding]:
    from gesso.cli.doctor_weights import weights_findings
    from gesso.engines.diffusers.engine import DiffusersEngine

    engine = engines["diffusers"]
    if isinstance(engine, DiffusersEngine):
        yield from (Finding(*said) for said in weights_findings(engine))


def _models(catalogue: Catalogue, engines: Engines, settings: Settings) -> Iterator[Finding]:
    from gesso.catalogue.describe import bare_choice

    to_live = (
        "live keys too" if settings.allow_fidelity == "stand_in" else "live ones with GESSO_ALLOW_FIDELITY=stand_in"
    )
    for model in catalogue.models:
        if not model.routes:
            yield Finding("missing", f"model {model.slug}", f"no engine runs it; test keys get a stand-in, {to_live}")
        for route in model.routes:
            reason = engines.why_not(bare_choice(model, route))
            detail = f"{route.fidelity} on {route.engine}: {reason or 'ready'}"
            yield Finding("missing" if reason else "ok", f"model {model.slug}", detail)


def _heic() -> Finding:
    if find_spec("pillow_heif"):
        return Finding("ok", "HEIC pictures", "can be read")
    return Finding("missing", "HEIC pictures", "to read them: pip install 'gesso[heic]'")


def _found(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding("ok", what, look())
    except GessoError as error:
        return Finding("broken", what, error.message)
