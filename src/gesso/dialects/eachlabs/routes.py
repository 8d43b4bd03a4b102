"""The routes of Eachlabs."""

from __future__ import annotations

from gesso.dialects.actions import (
    Cancel,
    DeleteFile,
    ListDeliveries,
    ListJobs,
    Show,
    ShowCatalogue,
    ShowDelivery,
    StartUploads,
    Submit,
)
from gesso.dialects.call import Call
from gesso.dialects.dialect import Dialect, Route
from gesso.dialects.eachlabs import files, models, prediction, translate, wire
from gesso.dialects.eachlabs.refusals import error
from gesso.dialects.eachlabs.webhook import WEBHOOKS
from gesso.dialects.ids import from_uuid


def _job(call: Call) -> str:
    return from_uuid(call.path["id"])


def _executed(call: Call) -> str:
    return from_uuid(call.path["execution_id"])


_CREATE = Submit(translate.to_prediction, prediction.created, files=prediction.is_inline, wait=prediction.waits)
_RUN = Submit(translate.to_run, prediction.ran, files=prediction.is_inline)
_SHOW = Show(_job, prediction.shown, files=prediction.is_inline)
_UPLOAD = StartUploads(
    translate.to_upload, files.upload_started, seconds=wire.UPLOAD_SECONDS, keep_seconds=translate.kept_seconds
)

DIALECT = Dialect(
    name="eachlabs",
    title="Eachlabs",
    routes=(
        Route("POST", "/v1/prediction", _CREATE, reads="json"),
        Route("POST", "/v1/prediction/", _CREATE, reads="json"),  # as the vendor's client has it; never redirected
        Route("POST", "/v1/prediction/run", _RUN, reads="json"),
        Route("GET", "/v1/prediction/{id}", _SHOW),
        Route("POST", "/v1/prediction/{id}/cancel", Cancel(_job, prediction.cancelled)),
        Route("GET", "/v1/executions", ListJobs(translate.to_listing, prediction.executions)),
        Route("GET", "/v1/models", ShowCatalogue(models.listed), public=True),
        Route("GET", "/v1/model", ShowCatalogue(models.one), public=True),
        Route("GET", "/v1/webhooks", ListDeliveries(translate.to_page, files.deliveries)),
        Route("GET", "/v1/webhooks/{execution_id}", ShowDelivery(_executed, files.delivery)),
        Route("POST", "/v1/upload/presign", _UPLOAD, reads="json"),
        Route("DELETE", "/v1/files/{file_id}", DeleteFile(translate.file_id, files.file_deleted)),
    ),
    error=error,
    secret=wire.key_of,
    webhooks=WEBHOOKS,
)
