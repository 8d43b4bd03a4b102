"""The routes of FASHN: one to run any model, one to ask about a prediction, one for the balance."""

from __future__ import annotations

from gesso.dialects.actions import Show, ShowAccount, Submit
from gesso.dialects.dialect import Dialect, Route, Webhooks
from gesso.dialects.fashn import render
from gesso.dialects.fashn.errors import error
from gesso.dialects.fashn.translate import prediction_id, run

DIALECT = Dialect(
    name="fashn",
    title="FASHN",
    routes=(
        Route("POST", "/v1/run", Submit(run, render.started), reads="json"),
        Route("GET", "/v1/status/{id}", Show(prediction_id, render.status, files=render.is_inline)),
        Route("GET", "/v1/credits", ShowAccount(render.balance)),
    ),
    error=error,
    webhooks=Webhooks(frozenset({"succeeded", "failed"}), render.posting, files=render.is_inline),
)
