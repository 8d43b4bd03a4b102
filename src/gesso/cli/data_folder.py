"""The database of this installation, opened for one command beside a server that may be running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Protocol, TypeVar

import typer

from gesso.domain.errors import InvalidInput, OperatorError
from gesso.domain.request import Mode

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gesso.domain.clock import Clock
    from gesso.settings import Settings

Result = TypeVar("Result")

Account = Annotated[str | None, typer.Option("--account", help="Account id; needed only when there are several.")]
Test = Annotated[bool, typer.Option("--test", help="The test mode instead of the live one.")]


class OpenDatabase(Protocol):
    """What a command may do with the database: one transaction at a time, waited for; and its time, in microseconds."""

    @property
    def clock(self) -> Clock: ...

    async def read(self, work: Callable[[Connection], Result]) -> Result: ...

    async def write(self, work: Callable[[Connection], Result]) -> Result: ...

    def read_blocking(self, work: Callable[[Connection], Result]) -> Result: ...

    def write_blocking(self, work: Callable[[Connection], Result]) -> Result: ...


def mode_of(test: bool) -> Mode:
    """Return the mode that `--test` chooses."""
    return "test" if test else "live"


def has_data(settings: Settings) -> bool:
    """Tell whether there may be a database: another's, or a data folder that a start made."""
    return settings.database_url is not None or settings.data_dir.is_dir()


@contextmanager
def opened_database() -> Iterator[OpenDatabase]:
    """Open the database that the settings name; raise `OperatorError` when no server was ever started there."""
    from gesso.installation import open_database
    from gesso.settings import load_settings

    settings = load_settings()
    if not has_data(settings):
        raise OperatorError(
            f"There is no data folder {settings.data_dir} yet. Make one by starting the server: gesso serve"
        )
    database = open_database(settings)
    try:
        yield database
    finally:
        database.close()


def the_account(connection: Connection, asked: str | None) -> str:
    """Return the account a command is about: the one asked for, or the only one there is."""
    from gesso.accounts.keys import list_keys

    known = list(dict.fromkeys(key.account_id for key in list_keys(connection, None)))
    if asked is not None:
        if asked not in known:
            message = f"There is no account {asked}. Known: {', '.join(known) or 'none'}."
            raise InvalidInput.of("account", "unknown_account", message, asked, known)
        return asked
    if not known:
        raise OperatorError("There is no account yet. The first start of the server makes one: gesso serve")
    if len(known) > 1:
        message = f"There are several accounts; say which with --account: {', '.join(known)}."
        raise InvalidInput.of("account", "required", message, allowed=known)
    return known[0]
