"""What is asked of Claid's classic edit, in our words: resizing, a colour behind, another format. All else is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from gesso.catalogue.wording import safe_text, shown
from gesso.dialects.call import Call, Form, Part
from gesso.dialects.claid.reading import Reading
from gesso.dialects.claid.translate import EDIT, EDIT_ASYNC, SYNC_SECONDS
from gesso.dialects.wanted import Wanted
from gesso.domain.errors import InvalidInput, MalformedBody

MODEL = "claid-classic-edit"
MOST_SIDE, MOST_PERCENT = 8192, 1000
MOST_DATA = 64 * 1024  # characters of the part `data`
MOST_BRACKETS = 200  # in `data`: more nest deeper than anybody means
FITS = ("crop", "bounds", "cover", "canvas")
FORMATS = ("jpeg", "png", "webp")

# Operations that are told by name when they are asked for, and taken while they are switched off.
_REFUSED = {
    "restorations": ("decompress", "upscale", "polish"),
    "adjustments": ("hdr", "exposure", "saturation", "contrast", "sharpness"),
    "privacy": ("blur_car_plate",),
}
_OPERATIONS = ("resizing", "background", "padding", *_REFUSED)
_PERCENT = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)%", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,6}", re.ASCII)
_COLOUR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", re.ASCII)
_FIELDS = {
    "image": "input",
    "width": "operations.resizing.width",
    "width_percent": "operations.resizing.width",
    "height": "operations.resizing.height",
    "height_percent": "operations.resizing.height",
    "fit": "operations.resizing.fit",
    "background": "operations.background.color",
    "format": "output.format",
    "quality": "output.format.quality",
    "progressive": "output.format.progressive",
    "compression": "output.format.compression",
}
_MAGIC = ((b"\xff\xd8\xff", "jpeg"), (b"\x89PNG", "png"), (b"RIFF", "webp"))


def edit(call: Call) -> Wanted:
    """Read the body of POST /v1/image/edit; raise `InvalidInput` with every problem of its form."""
    return _by_link(call, EDIT, SYNC_SECONDS)


def edit_async(call: Call) -> Wanted:
    """Read the body of POST /v1/image/edit/async; raise `InvalidInput` with every problem of its form."""
    return _by_link(call, EDIT_ASYNC, None)


def upload(call: Call) -> Wanted:
    """Read the parts `file` and `data` of POST /v1/image/edit/upload.

    Without a format the picture keeps its own, where that is one this server writes, else it becomes a PNG. Raises
    `InvalidInput` and, when `data` is no JSON, `MalformedBody`.
    """
    form = call.body
    assert isinstance(form, Form)
    reading = Reading()
    files = form.files("file")
    if len(files) != 1:
        words = "field required: a file" if not files else "only one file can be edited"
        reading.add("file", "required", words)
    for name, _ in form.fields:
        if name not in ("file", "data"):
            reading.add(safe_text(name), "unknown_field", "extra fields not permitted", None, ["file", "data"])
    body = reading.fields(_data(form), "", ("operations", "output"))
    given = _asked(reading, body)
    reading.finish()
    data = files[0].data
    given.setdefault("format", next((kind for magic, kind in _MAGIC if data.startswith(magic)), "png"))
    return _wanted({"image": data, **given}, {"route": EDIT}, SYNC_SECONDS, {**_FIELDS, "image": "file"})


def _by_link(call: Call, route: str, wait: float | None) -> Wanted:
    reading = Reading()
    body = reading.fields(call.body, "", ("input", "operations", "output"))
    given = {"image": reading.picture(body.get("input")), **_asked(reading, body)}
    reading.finish()
    return _wanted(given, {"route": route, "request": dict(call.body)}, wait, _FIELDS)


def _wanted(given: Mapping[str, Any], echo: Mapping[str, Any], wait: float | None, fields: Mapping[str, str]) -> Wanted:
    return Wanted(model=MODEL, operation="edit", input=given, fields=fields, echo=echo, wait=wait)


def _asked(reading: Reading, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of our model that operations and output come to."""
    operations = reading.fields(body.get("operations"), "operations", _OPERATIONS)
    given = _resizing(reading, operations.get("resizing"))
    background = reading.fields(operations.get("background"), "operations.background", ("remove", "blur", "color"))
    for name in ("remove", "blur"):
        reading.refuse(background.get(name), f"operations.background.{name}")
    if (colour := background.get("color")) is not None:
        given["background"] = _colour(reading, colour)
    reading.refuse(operations.get("padding"), "operations.padding")
    for name, known in _REFUSED.items():
        _refuse_each(reading, operations.get(name), f"operations.{name}", known)
    return given | _output(reading, body.get("output"))


def _refuse_each(reading: Reading, value: Any, path: str, known: Collection[str]) -> None:
    for name, one in reading.fields(value, path, known).items():
        asked = one
        if name == "hdr" and isinstance(one, Mapping):  # {"intensity": 0, "stitching": true}
            asked = reading.fields(one, f"{path}.hdr", ("intensity", "stitching")).get("intensity")
        reading.refuse(asked, f"{path}.{name}")


def _resizing(reading: Reading, value: Any) -> dict[str, Any]:
    path = "operations.resizing"
    resizing = reading.fields(value, path, ("width", "height", "fit"))
    how = _fit(reading, resizing.get("fit"))
    given: dict[str, Any] = {}
    for side in ("width", "height"):
        given |= _side(reading, resizing.get(side), side)
    open_sides = [side for side in ("width", "height") if resizing.get(side) == "auto"]
    if open_sides and not given and not reading.problems:
        reading.add(path, "no_side", "one side has to be given in pixels or percent beside auto")
    if open_sides and how == "crop":
        how = "bounds"  # the side follows from the other, so there is nothing to cut
    return {**given, "fit": how} if given else {}


def _side(reading: Reading, value: Any, side: str) -> dict[str, Any]:
    if value is None or value == "auto":
        return {}
    if isinstance(value, str) and (percent := _PERCENT.fullmatch(value)):
        if 1 <= float(percent[1]) <= MOST_PERCENT:
            return {f"{side}_percent": float(percent[1])}
    elif isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    if whole and 1 <= value <= MOST_SIDE:
        return {side: int(value)}
    allowed = f'"auto", pixels from 1 to {MOST_SIDE}, or percent from "1%" to "{MOST_PERCENT}%"'
    reading.add(f"operations.resizing.{side}", "side", f"{shown(value)} is not {allowed}", value, allowed)
    return {}


def _fit(reading: Reading, value: Any) -> str:
    path = "operations.resizing.fit"
    if isinstance(value, Mapping):
        fields = reading.fields(value, path, ("type", "crop", "feathering"))
        kind = fields.get("type", "crop")
        if kind == "crop" and fields.get("crop", "center") != "center":
            reading.add(f"{path}.crop", "not_available", f"{shown(fields['crop'])} is not available: center is", None)
        if kind != "outpaint" and "feathering" in fields:
            reading.add(f"{path}.feathering", "unknown_field", "extra fields not permitted")
        value = kind
    if value is None:
        return "crop"
    if value == "outpaint":
        reading.add(path, "not_available", "outpaint is not available on this server", value, list(FITS))
    elif value not in FITS:
        reading.add(path, "choice", f"{shown(value)} is none of {', '.join(FITS)}", value, list(FITS))
    else:
        return str(value)
    return "crop"


def _colour(reading: Reading, value: Any) -> str:
    if value == "transparent":
        return "transparent"
    found = _COLOUR.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        reading.add(
            "operations.background.color", "colour", f'{shown(value)} is neither "transparent" nor "#rrggbb"', value
        )
        return "transparent"
    digits = found[1].lower()
    return "#" + (digits if len(digits) == 6 else "".join(2 * one for one in digits))


def _output(reading: Reading, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        reading.destination(value, "output")
        return {}
    output = reading.fields(value, "output", ("destination", "format", "metadata"))
    if "destination" in output:
        reading.destination(output["destination"], "output.destination")
    _refuse_each(reading, output.get("metadata"), "output.metadata", ("dpi", "color_space"))
    return _format(reading, output.get("format"))


def _format(reading: Reading, value: Any) -> dict[str, Any]:
    path = "output.format"
    given: dict[str, Any] = {}
    if isinstance(value, Mapping):
        fields = reading.fields(value, path, ("type", "quality", "progressive", "compression"))
        given = {name: one for name, one in fields.items() if name in ("quality", "progressive")}
        given |= _compression(reading, fields.get("compression"))
        value = fields.get("type")
        if value is None:
            reading.add(f"{path}.type", "required", "field required")
    if value is None:
        return given
    if value not in FORMATS:
        reading.add(path, "not_available", f"{shown(value)} is none of {', '.join(FORMATS)}", value, list(FORMATS))
    return {**given, "format": value}


def _compression(reading: Reading, value: Any) -> dict[str, Any]:
    """Read a PNG's word, or a WebP's {"type": "lossy", "quality": 90}."""
    if not isinstance(value, Mapping):
        return {} if value is None else {"compression": value}
    path = "output.format.compression"
    fields = reading.fields(value, path, ("type", "quality"))
    if fields.get("type", "lossy") != "lossy":
        reading.add(f"{path}.type", "not_available", f"{shown(fields['type'])} is not available: lossy is")
    return {"quality": fields["quality"]} if "quality" in fields else {}


def _data(form: Form) -> Any:
    """Return what the part `data` says, which may be a file to some clients; {} when it is not there."""
    parts = [value for name, value in form.fields if name == "data"]
    if not parts:
        return {}
    if len(parts) > 1:
        raise InvalidInput.of("data", "given_twice", "data: it is there twice.")
    text = parts[0].data.decode("utf-8", "replace") if isinstance(parts[0], Part) else parts[0]
    if len(text) > MOST_DATA:
        raise InvalidInput.of("data", "length", f"data: it has over {MOST_DATA} characters.", len(text), MOST_DATA)
    if text.count("{") + text.count("[") > MOST_BRACKETS:
        raise MalformedBody("data is nested too deeply.")
    try:
        value = json.loads(text)
        # Finds numbers that are none, or infinite, and halves of surrogate pairs.
        written = json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise MalformedBody("data is not valid JSON.") from error
    if b"\\u0000" in written:
        raise InvalidInput.of("data", "not_text", "data: it has text with a NUL.")
    return value
