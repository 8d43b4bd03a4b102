"""The routes of OpenAI Images: pictures, models, the files pictures come from, and what a load generator looks for."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from functools import partial
from typing import Literal

from gesso.dialects.actions import Answer, DeleteFile, KeepFile, ListFiles, ShowCatalogue, ShowFile, Submit
from gesso.dialects.call import Call, Form, Part, Reply
from gesso.dialects.dialect import Dialect, Route, bearer
from gesso.dialects.openai.answers import (
    a_file,
    deleted_file,
    file_list,
    model_list,
    needs_files,
    one_model,
    to_answer,
)
from gesso.dialects.openai.errors import error
from gesso.dialects.openai.file_ids import to_file_id
from gesso.dialects.openai.limits import rate_headers
from gesso.dialects.openai.translate import to_wanted
from gesso.dialects.openai.wire import EDIT, GENERATION, VARIATION, Endpoint
from gesso.domain.errors import InvalidInput

LOAD_MODEL = "gesso-sketch"  # what runs on every installation, for every key
_FILES_LISTED = 100


def secret(headers: Mapping[str, str]) -> str | None:
    """Return the key: a bearer token, or the password of Basic credentials, which a plain address can carry.

    SGLang's load generator sends no header of its own: it is given http://any:KEY@host/openai.
    """
    scheme, _, text = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return bearer(headers)
    try:
        return base64.b64decode(text.strip(), validate=True).decode().partition(":")[2] or None
    except (binascii.Error, ValueError):
        return None


def _uploaded(call: Call) -> Part:
    files = call.body.files("file") if isinstance(call.body, Form) else []
    if not files:
        raise InvalidInput.of("file", "required", "file is missing: the part with the picture.")
    return files[-1]


def _file_id(call: Call) -> str:
    return to_file_id(call.path["file"])


def _health(call: Call) -> Reply:
    return Reply({"status": "ok"})


def _model_info(call: Call) -> Reply:
    return Reply({"model_path": LOAD_MODEL, "tokenizer_path": "", "is_generation": True, "task_type": "T2I"})


def _submit(path: str, endpoint: Endpoint, reads: Literal["json", "form", "json or form"]) -> Route:
    return Route("POST", path, Submit(partial(to_wanted, endpoint=endpoint), to_answer, needs_files), reads=reads)


DIALECT = Dialect(
    name="openai",
    title="OpenAI Images",
    routes=(
        _submit("/v1/images/generations", GENERATION, "json"),
        _submit("/v1/images/edits", EDIT, "json or form"),
        _submit("/v1/images/variations", VARIATION, "form"),
        Route("GET", "/v1/models", ShowCatalogue(model_list)),
        Route("GET", "/v1/models/{model:path}", ShowCatalogue(one_model)),
        Route("POST", "/v1/files", KeepFile(_uploaded, a_file), reads="form"),
        Route("GET", "/v1/files", ListFiles(_FILES_LISTED, file_list)),
        Route("GET", "/v1/files/{file}", ShowFile(_file_id, a_file)),
        Route("DELETE", "/v1/files/{file}", DeleteFile(_file_id, deleted_file)),
        Route("GET", "/health", Answer(_health), public=True),
        Route("GET", "/v1/model_info", Answer(_model_info), public=True),
        Route("GET", "/model_info", Answer(_model_info), public=True),
        Route("GET", "/get_model_info", Answer(_model_info), public=True),
    ),
    error=error,
    rate_headers=rate_headers,
    secret=secret,
)
