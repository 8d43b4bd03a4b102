"""The routes of Magic Hour: image editor, image generator, image projects, upload addresses, account."""

from __future__ import annotations

from gesso.dialects.actions import Delete, Show, ShowAccount, StartUploads, Submit
from gesso.dialects.call import Call
from gesso.dialects.dialect import Dialect, Route, Webhooks
from gesso.dialects.ids import from_short
from gesso.dialects.magic_hour import projects, translate, wire
from gesso.dialects.magic_hour.errors import error


def _id(call: Call) -> str:
    return from_short(call.path["id"])


DIALECT = Dialect(
    name="magic_hour",
    title="Magic Hour",
    routes=(
        Route("POST", "/v1/ai-image-editor", Submit(translate.edit, projects.created), reads="json"),
        Route("POST", "/v1/ai-image-generator", Submit(translate.generate, projects.created), reads="json"),
        Route("GET", "/v1/image-projects/{id}", Show(_id, projects.details)),
        Route("DELETE", "/v1/image-projects/{id}", Delete(_id, projects.deleted)),
        Route("POST", "/v1/files/upload-urls", StartUploads(translate.uploads, projects.upload_urls), reads="json"),
        Route("GET", "/v1/account", ShowAccount(projects.account)),
    ),
    error=error,
    webhooks=Webhooks(events=frozenset(wire.EVENTS), render=projects.posting),
)
