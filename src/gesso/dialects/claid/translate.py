"""What is asked of Claid's two generative routes, in our words: an edit by instruction, and pictures of a prompt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gesso.dialects.call import Call
from gesso.dialects.claid.reading import Reading
from gesso.dialects.wanted import Wanted
from gesso.domain.errors import InvalidInput, NotFound

AI_EDIT, EDIT, EDIT_ASYNC, GENERATE = "ai-edit", "edit", "edit-async", "generate"
BAD_ID = "path_integer"  # a problem's code: the id in a path is no integer
SYNC_SECONDS = 110.0  # the one known client of the synchronous routes gives up after 120

_FORMS = {"v1": "claid-edit-v1", "v2": "claid-edit-v2"}
_DEFAULT_MODEL = "v2"
_GENERATE = "claid-generate"
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_MOST_NUMBER = (1 << 53) - 1

_EDIT_OPTIONS = ("prompt", "model", "inference_steps", "guidance_scale", "aspect_ratio")
_EDIT_OUTPUT = ("number_of_images", "format", "destination")
_EDIT_FIELDS = {
    "image": "input",
    "model": "options.model",
    **{name: f"options.{name}" for name in _EDIT_OPTIONS},
    "number_of_images": "output.number_of_images",
    "format": "output.format",
}
_GENERATE_OPTIONS = ("number_of_images", "guidance_scale", "model")
_GENERATE_FIELDS = {"prompt": "input", **{name: f"options.{name}" for name in _GENERATE_OPTIONS}}


def ai_edit(call: Call) -> Wanted:
    """Read the body of POST /v1/image/ai-edit; raise `InvalidInput` with every problem of its form."""
    reading = Reading()
    body = reading.fields(call.body, "", ("input", "output", "options"))
    if "options" not in body:
        reading.add("options", "required", "field required")
    options = reading.fields(body.get("options"), "options", _EDIT_OPTIONS)
    given = {"image": reading.picture(body.get("input")), **_output(reading, body.get("output"))}
    model = reading.model(options.get("model")) or _DEFAULT_MODEL
    reading.scalars(options, "options")
    reading.finish()
    given |= {name: value for name, value in options.items() if name != "model"}
    return Wanted(
        model=model,
        form=_FORMS.get(model, _FORMS[_DEFAULT_MODEL]),
        operation="edit",
        input=given,
        fields=_EDIT_FIELDS,
        echo={"route": AI_EDIT, "request": dict(call.body)},
    )


def _output(reading: Reading, value: Any) -> Mapping[str, Any]:
    """Read `output`: an object, or text that stands for its destination."""
    if isinstance(value, str):
        reading.destination(value, "output")
        return {}
    output = dict(reading.fields(value, "output", _EDIT_OUTPUT))
    if "destination" in output:
        reading.destination(output.pop("destination"), "output.destination")
    reading.scalars(output, "output")
    return output


def generate(call: Call) -> Wanted:
    """Read the body of POST /v1/image/generate; raise `InvalidInput` with every problem of its form."""
    reading = Reading()
    body = reading.fields(call.body, "", ("input", "output", "options"))
    options = reading.fields(body.get("options"), "options", _GENERATE_OPTIONS)
    if (output := body.get("output")) is not None:
        reading.destination(output, "output")
    model = reading.model(options.get("model")) or _GENERATE
    reading.finish()
    given = {name: value for name, value in options.items() if name != "model"}
    if (prompt := body.get("input")) is not None:
        given["prompt"] = prompt
    return Wanted(
        model=model,
        form=_GENERATE,
        operation="generate",
        input=given,
        fields=_GENERATE_FIELDS,
        echo={"route": GENERATE, "text": prompt},
        wait=SYNC_SECONDS,
    )


def job_number(call: Call) -> int:
    """Return the id in the path; raise `InvalidInput` of its name, code `BAD_ID`, when it is no integer."""
    ((name, text),) = call.path.items()
    if not _INTEGER.fullmatch(text):
        raise InvalidInput.of(name, BAD_ID, "value is not a valid integer")
    number = int(text)
    if not 1 <= number <= _MOST_NUMBER:
        raise NotFound("There is no such task.")
    return number
