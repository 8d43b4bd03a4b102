"""OpenAI's requests in our words: JSON and forms alike, pictures as parts, links, data URIs or files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gesso.catalogue.coerce import Unfit, to_boolean, to_integer
from gesso.catalogue.wording import choices, kept, shown
from gesso.dialects.call import Call, Form, Part
from gesso.dialects.openai.file_ids import to_file_id
from gesso.dialects.openai.streaming import stream_of
from gesso.dialects.openai.wire import (
    MOST_IDENTIFIER,
    MOST_PREVIEWS,
    OWN_FIELDS,
    OWN_MODEL,
    RESPONSE_FORMATS,
    WAIT_SECONDS,
    Endpoint,
)
from gesso.dialects.wanted import Wanted
from gesso.domain.errors import InvalidInput, NotFound, Problem
from gesso.domain.privacy import Inline

_IMAGE_PART = re.compile(r"images?(\[[0-9]*\])?")
PICTURE_FIELDS = ("image", "images", "mask")


def to_wanted(call: Call, endpoint: Endpoint) -> Wanted:
    """Return what is asked for; raise `InvalidInput` with every mistake of the fields that are no model's parameter."""
    problems: list[Problem] = []
    body, fields = _read(call.body, problems)
    model = _model(body, endpoint, problems)
    response_format = _choice(body, "response_format", RESPONSE_FORMATS, problems)
    streams = _boolean(body, "stream", problems)
    previews = _previews(body, problems)
    identifier = _identifier(body, problems)
    if body.get("background") == "transparent" and body.get("output_format") in ("jpeg", "jpg"):
        message = "background is transparent: jpeg has no transparency, so output_format must be png or webp."
        problems.append(Problem(field="background", code="invalid_value", message=message, value="transparent"))
    if problems:
        raise InvalidInput(problems)
    given = {name: value for name, value in body.items() if name not in OWN_FIELDS and value is not None}
    if model is not None and OWN_MODEL.fullmatch(model):
        given["model"] = model
    echo = {
        "response_format": response_format,
        "quality": _word(body.get("quality")),
        "background": _word(body.get("background")),
        "faithful": body.get("input_fidelity") == "high",
        "safety_identifier": identifier,
    }
    return Wanted(
        model=endpoint.form if model is None or model == endpoint.only else model,
        input=given,
        form=endpoint.form,
        operation=endpoint.operation,
        unknown="ignore",
        fields=fields,
        echo={name: value for name, value in echo.items() if value},
        distinct={
            "response_format": response_format or "b64_json",
            "partial_images": previews if streams else None,
            "identifier": identifier,
        },
        wait=WAIT_SECONDS,
        inline=Inline(always=response_format != "url", how="leave response_format out, or send b64_json"),
        stream=stream_of(endpoint, previews) if streams else None,
    )


def _read(body: Any, problems: list[Problem]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the fields, pictures under `image` and `mask`, and what `image` is called in the request."""
    if isinstance(body, Form):
        return _read_form(body), {}
    found = {name: value for name, value in body.items() if name not in PICTURE_FIELDS}
    name = "images" if body.get("images") is not None else "image"
    if (value := body.get(name)) is not None:
        listed = value if isinstance(value, list) else [value]
        pictures = [_picture(f"{name}[{i}]", item, problems) for i, item in enumerate(listed)]
        found["image"] = pictures if isinstance(value, list) else pictures[0]
    if (mask := body.get("mask")) is not None:
        found["mask"] = _picture("mask", mask, problems)
    return found, {"image": name}


def _read_form(form: Form) -> dict[str, Any]:
    found: dict[str, Any] = {name: text for name, text in form.texts().items() if not _IMAGE_PART.fullmatch(name)}
    images = [_content(value) for name, value in form.fields if _IMAGE_PART.fullmatch(name)]
    masks = [_content(value) for name, value in form.fields if name == "mask"]
    if images:
        found["image"] = images if len(images) > 1 else images[0]
    if masks:
        found["mask"] = masks[-1]
    return found


def _content(value: str | Part) -> str | bytes:
    return value if isinstance(value, str) else value.data


def _picture(field: str, value: Any, problems: list[Problem]) -> str | None:
    """Return a picture of the JSON form as text: {"image_url": …}, {"file_id": …}, or the link itself."""
    if isinstance(value, Mapping):
        link, file_id = value.get("image_url"), value.get("file_id")
        link = link.get("url") if isinstance(link, Mapping) else link
        if isinstance(file_id, str) and link is None:
            try:
                return f"gesso://files/{to_file_id(file_id)}"
            except NotFound:
                message = f"{field} names a file that does not exist: upload it with POST /v1/files."
                problems.append(Problem(field=field, code="file_not_found", message=message, value=file_id[:100]))
                return None
        value = link if file_id is None else None
    if isinstance(value, str) and value.strip():
        return value
    message = f'{field} must be {{"image_url": a link or a data URI}} or {{"file_id": an uploaded file}}.'
    problems.append(Problem(field=field, code="wrong_type", message=message))
    return None


def _model(body: Mapping[str, Any], endpoint: Endpoint, problems: list[Problem]) -> str | None:
    value = body.get("model")
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        problems.append(_wrong("model", value, "text"))
    elif endpoint.only is not None and value != endpoint.only and OWN_MODEL.fullmatch(value):
        message = f"model {shown(value)} is not possible here: {endpoint.only} is."
        problems.append(Problem(field="model", code="wrong_operation", message=message, value=kept(value)))
    else:
        return value
    return None


def _choice(body: Mapping[str, Any], field: str, allowed: tuple[str, ...], problems: list[Problem]) -> str | None:
    value = body.get(field)
    if value is None or value in allowed:
        return value
    message = f"{field} is {shown(value)}: it must be {choices(allowed)}."
    problems.append(
        Problem(field=field, code="not_a_choice", message=message, value=kept(value), allowed=list(allowed))
    )
    return None


def _boolean(body: Mapping[str, Any], field: str, problems: list[Problem]) -> bool:
    value = body.get(field)
    try:
        return value is not None and to_boolean(value)
    except Unfit as unfit:
        problems.append(_wrong(field, value, str(unfit)))
        return False


def _previews(body: Mapping[str, Any], problems: list[Problem]) -> int:
    value = body.get("partial_images")
    if value is None:
        return 0
    try:
        wanted = to_integer(value)
    except Unfit as unfit:
        problems.append(_wrong("partial_images", value, str(unfit)))
        return 0
    if not 0 <= wanted <= MOST_PREVIEWS:
        message = f"partial_images is {shown(wanted)}: it must be between 0 and {MOST_PREVIEWS}."
        problems.append(Problem(field="partial_images", code="out_of_range", message=message, value=kept(value)))
        return 0
    return wanted


def _identifier(body: Mapping[str, Any], problems: list[Problem]) -> str | None:
    """Return whom the request is made for: `safety_identifier`, or the older `user`."""
    found: str | None = None
    for field in ("user", "safety_identifier"):
        value = body.get(field)
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            problems.append(_wrong(field, value, "text"))
        elif len(value) > MOST_IDENTIFIER:
            message = f"{field} has {len(value)} characters: it may have at most {MOST_IDENTIFIER}."
            problems.append(Problem(field=field, code="too_long", message=message, allowed=MOST_IDENTIFIER))
        else:
            found = value
    return found


def _wrong(field: str, value: Any, wanted: str) -> Problem:
    message = f"{field} is {shown(value)}: it must be {wanted}."
    return Problem(field=field, code="wrong_type", message=message, value=kept(value))


def _word(value: Any) -> str | None:
    """Return a choice to be said again; what is none is refused later, by the model."""
    return value if isinstance(value, str) and len(value) <= 20 else None
