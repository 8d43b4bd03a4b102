"""Uploaded pictures in the vendor's words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gesso.dialects.call import Call, Part, Reply
from gesso.dialects.replicate.prediction import moment
from gesso.dialects.view import FileView
from gesso.domain.errors import InvalidInput


def parse_file(call: Call) -> Part:
    """Return the part `content`."""
    parts = call.body.files("content")
    if not parts:
        raise InvalidInput.of("content", "required", "content is required: the file, as a part with a file name.")
    part: Part = parts[0]
    return part


def file_body(file: FileView, call: Call) -> dict[str, Any]:
    """Return the file object. What `metadata` an upload carried is not kept."""
    return {
        "id": file.id,
        "name": file.filename or "file",
        "content_type": file.media_type,
        "size": file.size_bytes,
        "etag": file.sha256[:32],
        "checksums": {"sha256": file.sha256},
        "metadata": {},
        "created_at": moment(file.created_at),
        "expires_at": moment(file.expires_at),
        "urls": {"get": f"{call.base}/v1/files/{file.id}"},
    }


def render_kept(file: FileView, call: Call) -> Reply:
    """Answer an upload."""
    return Reply(file_body(file, call), 201)


def render_file(file: FileView, call: Call) -> Reply:
    """Show a file."""
    return Reply(file_body(file, call))


def render_files(files: Sequence[FileView], call: Call) -> Reply:
    """Show the newest files."""
    return Reply({"previous": None, "next": None, "results": [file_body(file, call) for file in files]})


def render_deleted(_: Call) -> Reply:
    """Answer a deletion."""
    return Reply(status=204)
