"""Perform an action of a dialect's table on the assembled server. A submit has two halves, so `app.py` does it."""

from __future__ import annotations

from typing import assert_never

from fastapi import Response
from sqlalchemy import Connection

from gesso.accounts.keys import account_name
from gesso.accounts.ledger import balance
from gesso.dialects.actions import (
    Action,
    Answer,
    Cancel,
    Delete,
    DeleteFile,
    KeepFile,
    ListDeliveries,
    ListFiles,
    ListJobs,
    Show,
    ShowAccount,
    ShowCatalogue,
    ShowDelivery,
    ShowFile,
    ShowWebhookSecret,
    StartUploads,
    Submit,
    Watch,
)
from gesso.dialects.call import Call
from gesso.dialects.view import AccountView
from gesso.server.dialects import files, hooks, jobs
from gesso.server.dialects.desk import Desk
from gesso.server.dialects.respond import respond
from gesso.server.dialects.watch import watch


async def act(desk: Desk, action: Action, call: Call) -> Response:
    """Return the response; raises the errors of whatever the action does."""
    match action:
        case Submit():
            return await jobs.answer(desk, action, await jobs.accept(desk, action, call))
        case Show():
            return await jobs.show(desk, action, call)
        case Watch():
            return await watch(desk, action, call)
        case Cancel():
            return await jobs.cancel(desk, action, call)
        case Delete():
            return await jobs.delete(desk, action, call)
        case ListJobs():
            return await jobs.page(desk, action, call)
        case ShowAccount():
            return respond(action.render(await _account(desk), call))
        case ShowCatalogue():
            return respond(action.render(desk.parts.catalogue, call))
        case Answer():
            return respond(action.render(call))
        case StartUploads():
            return respond(files.start_uploads(desk, action, call))
        case KeepFile():
            return respond(await files.keep(desk, action, call))
        case ShowFile():
            return respond(await files.show(desk, action, call))
        case ListFiles():
            return respond(await files.page(desk, action, call))
        case DeleteFile():
            return respond(await files.delete(desk, action, call))
        case ListDeliveries():
            return respond(await hooks.page(desk, action, call))
        case ShowDelivery():
            return respond(await hooks.show(desk, action, call))
        case ShowWebhookSecret():
            return respond(await hooks.secret(desk, action, call))
    assert_never(action)


async def _account(desk: Desk) -> AccountView:
    caller = desk.known

    def read(connection: Connection) -> AccountView:
        micro = balance(connection, caller.account_id, caller.mode)
        name = account_name(connection, caller.account_id)
        return AccountView(caller.account_id, name, caller.mode, caller.tier, micro)

    return await desk.parts.database.read(read)
