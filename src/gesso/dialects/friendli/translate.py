"""Between Friendli's words and ours."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from gesso.dialects.call import Call
from gesso.dialects.friendli.raw import raw_pixels
from gesso.dialects.friendli.wire import (
    EDIT_FORM,
    GENERATE_FORM,
    KEEP_ALIVE_SECONDS,
    LONGEST_WAIT_SECONDS,
    PRODUCTS,
    Product,
)
from gesso.dialects.view import View
from gesso.dialects.wanted import Wanted
from gesso.domain.errors import InvalidInput, Problem
from gesso.domain.job import Job
from gesso.domain.privacy import Inline
from gesso.domain.request import Operation

_SHARED = ("prompt", "num_inference_steps", "guidance_scale", "seed")
_KNOWN = ("model", "response_format", *_SHARED)
_EDIT = (*_KNOWN, "image")
_GENERATE = (*_KNOWN, "control_images", "controlnet_weights")


def to_wanted(call: Call, product: Product, operation: Operation) -> Wanted:
    """Return what an edit or a generation asks for; raise `InvalidInput` with every mistake of form."""
    body: Mapping[str, Any] = {name: value for name, value in call.body.items() if value is not None}
    problems: list[Problem] = []
    known = _EDIT if operation == "edit" else _GENERATE
    given: dict[str, Any] = {name: value for name, value in body.items() if name in _SHARED or name not in known}
    if operation == "edit":
        given |= _pictures(body, "image", problems)
    else:
        given |= _pictures(body, "control_images", problems)
        given |= _weights(body, problems)
    shape = body.get("response_format", product.default_format)
    if shape not in product.formats:
        allowed = list(product.formats)
        message = f"response_format must be one of {', '.join(allowed)}."
        problems.append(Problem(field="response_format", code="not_a_choice", message=message, allowed=allowed))
    else:
        given["response_format"] = shape
    model = _model(body, product, operation, problems)
    if problems:
        raise InvalidInput(problems)
    return Wanted(
        model=model,
        input=given,
        form=EDIT_FORM if operation == "edit" else GENERATE_FORM,
        operation=operation,
        unknown="ignore",
        echo={"product": product.name, "response_format": shape},
        distinct={"response_format": shape},
        wait=LONGEST_WAIT_SECONDS,
        inline=Inline(always=shape != "url", how="send another response_format than url"),
        repeat="unsaid",
        keep_alive_seconds=KEEP_ALIVE_SECONDS,
    )


def _model(body: Mapping[str, Any], product: Product, operation: Operation, problems: list[Problem]) -> str:
    own = EDIT_FORM if operation == "edit" else GENERATE_FORM
    name = body.get("model", own if product.name == "container" else None)
    if isinstance(name, str) and name:
        return name
    code, message = ("required", "model is missing: the id of an endpoint.")
    if name is not None:
        code, message = ("type", "model must be text: ENDPOINT or ENDPOINT:ADAPTER.")
    problems.append(Problem(field="model", code=code, message=message))
    return own


def _pictures(body: Mapping[str, Any], field: str, problems: list[Problem]) -> dict[str, list[Any]]:
    """Read `{"image": …}` or a list of those; plain text is taken for the picture itself."""
    if field not in body:
        return {}
    value = body[field]
    found: list[Any] = []
    for i, item in enumerate(value if isinstance(value, list) else [value]):
        picture = item.get("image") if isinstance(item, dict) else item
        if isinstance(picture, str):
            found.append(picture)
        else:
            where = f"{field}[{i}]" if isinstance(value, list) else field
            message = f'{where} must be an object {{"image": …}} with a link, a data URI or base64.'
            problems.append(Problem(field=where, code="type", message=message))
    return {field: found}


def _weights(body: Mapping[str, Any], problems: list[Problem]) -> dict[str, list[Any]]:
    weights = body.get("controlnet_weights")
    if weights is None:
        return {}
    pictures = body.get("control_images")
    numbers = isinstance(weights, list) and all(
        isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one <= 1 for one in weights
    )
    if not isinstance(weights, list) or not numbers:
        message = "controlnet_weights must be a list of numbers from 0 to 1."
        problems.append(Problem(field="controlnet_weights", code="type", message=message))
        return {}
    if len(weights) != (len(pictures) if isinstance(pictures, list) else 0):
        message = "controlnet_weights must have one number for each of control_images."
        problems.append(Problem(field="controlnet_weights", code="length", message=message))
        return {}
    return {"controlnet_weights": weights}


def needs_files(job: Job) -> bool:
    """Tell whether the answer carries the pictures themselves."""
    return job.request is not None and job.request.echo.get("response_format") != "url"


def to_answer(view: View) -> dict[str, Any]:
    """Return the body of a success."""
    product = PRODUCTS[str(view.echo.get("product", "dedicated"))]
    shape = str(view.echo.get("response_format", product.default_format))
    if product.name == "container":
        return {"image": _encoded(view, 0, shape)}
    items = []
    for i, picture in enumerate(view.job.pictures):
        item: dict[str, Any] = {"seed": picture.seed, "response_format": shape}
        item |= {"url": view.links[i]} if shape == "url" else {"b64_json": _encoded(view, i, shape)}
        items.append(item)
    return {"data": items}


def _encoded(view: View, index: int, shape: str) -> str:
    file = view.files[index] if view.files is not None else None
    if file is None:
        return ""
    return base64.b64encode(raw_pixels(file) if shape == "raw" else file).decode()
