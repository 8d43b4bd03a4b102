"""The routes of Replicate."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gesso.dialects.actions import (
    Answer,
    Cancel,
    DeleteFile,
    KeepFile,
    ListFiles,
    ListJobs,
    Show,
    ShowAccount,
    ShowCatalogue,
    ShowFile,
    ShowWebhookSecret,
    Submit,
    Watch,
)
from gesso.dialects.call import Call, Reply
from gesso.dialects.dialect import Dialect, Route
from gesso.dialects.ids import from_short
from gesso.dialects.replicate import files, models
from gesso.dialects.replicate.errors import error
from gesso.dialects.replicate.names import DIALECT as NAME
from gesso.dialects.replicate.names import model_of
from gesso.dialects.replicate.pages import parse_listing, render_page
from gesso.dialects.replicate.prediction import prediction, wants_data
from gesso.dialects.replicate.stream import events
from gesso.dialects.replicate.translate import by_name, by_version, wait_seconds
from gesso.dialects.replicate.webhooks import WEBHOOKS
from gesso.dialects.replicate.wire import PAGE_OF_FILES
from gesso.dialects.view import AccountView, View
from gesso.domain.errors import Forbidden


def secret(headers: Mapping[str, str]) -> str | None:
    """Return the key of an `Authorization` header: `Bearer`, or `Token` as old clients say; or None."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() or None if scheme.lower() in ("bearer", "token") else None


def _key(call: Call) -> str:
    return from_short(call.path["prediction"])


def _created(view: View, call: Call) -> Reply:
    """Answer a new prediction. One that was waited for in vain says `starting`: of any other status clients think it ended."""
    waited = wait_seconds(call.headers.get("prefer")) is not None
    return Reply(prediction(view, unfinished="starting"), 202 if waited and not view.job.is_terminal else 201)


def _shown(view: View, _: Call) -> Reply:
    return Reply(prediction(view))


def _account(account: AccountView, _: Call) -> Reply:
    username = re.sub(r"[^a-z0-9]+", "-", account.name.lower()).strip("-") or account.id
    return Reply({"type": "organization", "username": username, "name": account.name, "github_url": None})


def _no_changes(_: Call) -> Reply:
    raise Forbidden("Models come from this server's catalogue: add a model file to it instead.")


PREDICTION = "/v1/predictions/{prediction}"
MODEL = "/v1/models/{owner}/{name}"
DEPLOYMENT = "/v1/deployments/{owner}/{name}"

DIALECT = Dialect(
    name=NAME,
    title="Replicate",
    secret=secret,
    error=error,
    webhooks=WEBHOOKS,
    model_of=model_of,
    routes=(
        Route("POST", "/v1/predictions", Submit(by_version, _created, wants_data), reads="json"),
        Route("POST", f"{MODEL}/predictions", Submit(by_name, _created, wants_data), reads="json"),
        Route("POST", f"{DEPLOYMENT}/predictions", Submit(by_name, _created, wants_data), reads="json"),
        Route("GET", "/v1/predictions", ListJobs(parse_listing, render_page)),
        Route("GET", PREDICTION, Show(_key, _shown, wants_data)),
        Route("POST", f"{PREDICTION}/cancel", Cancel(_key, _shown)),
        Route("GET", "/v1/streams/{prediction}", Watch(_key, events)),
        Route("GET", "/v1/models", ShowCatalogue(models.list_models)),
        Route("QUERY", "/v1/models", ShowCatalogue(models.search_models), reads="text"),
        Route("POST", "/v1/models", Answer(_no_changes)),
        Route("GET", MODEL, ShowCatalogue(models.show_model)),
        Route("DELETE", MODEL, Answer(_no_changes)),
        Route("GET", f"{MODEL}/versions", ShowCatalogue(models.list_versions)),
        Route("GET", f"{MODEL}/versions/{{version}}", ShowCatalogue(models.show_version)),
        Route("DELETE", f"{MODEL}/versions/{{version}}", Answer(_no_changes)),
        Route("GET", "/v1/deployments", ShowCatalogue(models.list_deployments)),
        Route("GET", DEPLOYMENT, ShowCatalogue(models.show_deployment)),
        Route("POST", "/v1/files", KeepFile(files.parse_file, files.render_kept), reads="form"),
        Route("GET", "/v1/files", ListFiles(PAGE_OF_FILES, files.render_files)),
        Route("GET", "/v1/files/{file}", ShowFile(lambda call: call.path["file"], files.render_file)),
        Route("DELETE", "/v1/files/{file}", DeleteFile(lambda call: call.path["file"], files.render_deleted)),
        Route("GET", "/v1/account", ShowAccount(_account)),
        Route("GET", "/v1/webhooks/default/secret", ShowWebhookSecret(lambda key, _: Reply({"key": key}))),
    ),
)
