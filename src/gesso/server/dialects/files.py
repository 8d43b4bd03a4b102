"""The actions on files: start uploads, keep, show, list, delete."""

from __future__ import annotations

from gesso.dialects.actions import DeleteFile, KeepFile, ListFiles, ShowFile, StartUploads
from gesso.dialects.call import Call, Reply
from gesso.dialects.view import StartedUpload
from gesso.server.dialects.desk import Desk
from gesso.server.dialects.views import file_view
from gesso.server.own_files import check_file_id, keep_picture, own_file, start_upload
from gesso.storage.files import delete_file
from gesso.storage.links import linker_to, links_end
from gesso.storage.rows import blobs_of_account


def start_uploads(desk: Desk, action: StartUploads, call: Call) -> Reply:
    """Give an address for each file to come."""
    account = desk.known.account_id
    link = linker_to(desk.parts.links, call.host, links_end(desk.parts.clock(), desk.parts.link_seconds))
    uploads = []
    for extension in action.parse(call):
        made = start_upload(desk.parts, desk.known, call.host, action.seconds, action.keep_seconds(call))
        uploads.append(
            StartedUpload(
                made.id,
                account,
                made.put_url,
                made.expires_at,
                extension,
                link=link(made.id),
                kept_until=made.kept_until,
            )
        )
    return action.render(uploads, call)


async def keep(desk: Desk, action: KeepFile, call: Call) -> Reply:
    """Keep a picture that came along."""
    part = action.parse(call)
    desk.parts.room.check()
    row = await keep_picture(desk.parts, desk.known, part.data, part.filename or None)
    return action.render(file_view(desk, row, call), call)


async def show(desk: Desk, action: ShowFile, call: Call) -> Reply:
    """Tell about an own file."""
    row = await own_file(desk.parts, action.key(call), desk.known)
    return action.render(file_view(desk, row, call), call)


async def page(desk: Desk, action: ListFiles, call: Call) -> Reply:
    """Show the newest own files."""
    caller = desk.known
    rows = await desk.parts.database.read(
        lambda c: blobs_of_account(c, caller.account_id, caller.mode, "file", action.limit)
    )
    return action.render([file_view(desk, row, call) for row in rows], call)


async def delete(desk: Desk, action: DeleteFile, call: Call) -> Reply:
    """Delete an own file."""
    file_id, caller = action.key(call), desk.known
    check_file_id(file_id)
    await delete_file(desk.parts.database, desk.parts.blobs, file_id, caller.account_id, caller.mode)
    return action.render(call)
