"""Magic Hour's requests in our words: the image editor's, the image generator's, and those for upload addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gesso.dialects.call import Call
from gesso.dialects.magic_hour import wire
from gesso.dialects.magic_hour.fields import Fields, unread
from gesso.dialects.wanted import Wanted
from gesso.domain.ids import is_id
from gesso.domain.request import Operation

EDITOR_FORM = "magic-hour-default"
GENERATOR_FORM = "magic-hour-generator-default"
AUTO = "auto"

_ASSET = re.compile(r"api-assets/(?:[^/]+/)*([^/.]+)(?:\.[a-z0-9]+)?", re.ASCII)
_LONGEST_ASSET = 300  # characters
_OUR_FORMS = ("http://", "https://", "data:", "gesso://files/")
_EXTENSION = re.compile(r"[a-z0-9]+", re.ASCII)


def edit(call: Call) -> Wanted:
    """Return what `POST /v1/ai-image-editor` asks for; raises `InvalidInput` with every mistake."""
    fields = Fields(call.body)
    body, assets, style = fields.body, fields.under("assets"), fields.under("style")
    pictures, source = _pictures(fields, assets)
    model, spelt = _model(fields, style, "model", wire.STYLE_MODELS)
    asked = {
        "images": pictures,
        "prompt": fields.text("style.prompt", style.get("prompt"), wire.LONGEST_PROMPT, required="style" in body),
        "image_count": body.get("image_count"),
        # "auto" says no more than leaving it out, and other models have no such word
        "aspect_ratio": _unless_auto(body.get("aspect_ratio")),
        "resolution": _unless_auto(body.get("resolution")),
    }
    strangers = {
        **unread(assets, ("image_file_paths", "image_file_path"), "assets."),
        **unread(style, ("prompt", "model"), "style."),
    }
    return _wanted(fields, model, asked, strangers, EDITOR_FORM, "edit", {"images": source, "model": spelt})


def generate(call: Call) -> Wanted:
    """Return what `POST /v1/ai-image-generator` asks for; raises `InvalidInput` with every mistake."""
    fields = Fields(call.body)
    body, style = fields.body, fields.under("style")
    model, spelt = _model(fields, style, "quality_mode", wire.QUALITY_MODES)
    orientation = fields.choice("orientation", body.get("orientation"), wire.ORIENTATIONS)
    if body.get("image_count") is None:
        fields.say("image_count", "required", "is missing.")
    ratio = body.get("aspect_ratio")
    asked = {
        "prompt": fields.text("style.prompt", style.get("prompt"), wire.LONGEST_PROMPT, required="style" in body),
        "tool": style.get("tool"),
        "image_count": body.get("image_count"),
        "aspect_ratio": ratio if ratio is not None or orientation is None else wire.ORIENTATIONS[orientation],
        "resolution": _unless_auto(body.get("resolution")),
    }
    strangers = unread(style, ("prompt", "tool", "quality_mode"), "style.")
    return _wanted(fields, model, asked, strangers, GENERATOR_FORM, "generate", {"model": spelt})


def uploads(call: Call) -> list[str]:
    """Return the extension of each file that `POST /v1/files/upload-urls` wants an address for."""
    fields = Fields(call.body)
    items = fields.body.get("items")
    if not isinstance(items, list) or not items:
        fields.say("items", "required", "is missing: it must be a list of at least one file.")
        items = []
    elif len(items) > wire.MOST_UPLOADS:
        fields.say("items", "too_many", f"has {len(items)} files: it may have at most {wire.MOST_UPLOADS}.")
    extensions = [_extension(fields, f"items[{i}]", item) for i, item in enumerate(items[: wire.MOST_UPLOADS])]
    fields.finish()
    return extensions


def _wanted(
    fields: Fields,
    model: str,
    asked: Mapping[str, Any],
    strangers: dict[str, Any],
    form: str,
    operation: Operation,
    spelt: Mapping[str, str],
) -> Wanted:
    name = fields.text("name", fields.body.get("name"), wire.LONGEST_NAME)
    fields.finish()
    # What the vendor does not know at the top may be a parameter of another model; it is no second spelling of one here.
    known = ("assets", "style", "model", "image_count", "aspect_ratio", "resolution", "name", "orientation")
    rest = {f"body.{key}" if key in asked else key: value for key, value in unread(fields.body, known).items()}
    return Wanted(
        model=model,
        input={key: value for key, value in asked.items() if value is not None} | strangers | rest,
        form=form,
        operation=operation,
        unknown="ignore",
        fields={"images": "assets.image_file_paths", "prompt": "style.prompt", "tool": "style.tool", **spelt},
        echo={} if name is None else {"name": name},
        distinct={} if name is None else {"name": name},
    )


def _model(fields: Fields, style: Mapping[str, Any], old: str, meanings: Mapping[str, str]) -> tuple[str, str]:
    """Return the model's name and the field that named it: `model`, else a deprecated one within `style`."""
    named = fields.text("model", fields.body.get("model"), 200)
    deprecated = fields.choice(f"style.{old}", style.get(old), meanings)
    if named is None and deprecated is not None:
        return meanings[deprecated], f"style.{old}"
    return named or wire.DEFAULT_MODEL, "model"


def _pictures(fields: Fields, assets: Mapping[str, Any]) -> tuple[list[str], str]:
    """Return the pictures, and the field that named them; the single one is deprecated and counts where it is alone."""
    several, single = assets.get("image_file_paths"), assets.get("image_file_path")
    source = "assets.image_file_path" if several is None and single is not None else "assets.image_file_paths"
    if several is None:
        several = [] if single is None else [single]
    if not isinstance(several, list):
        fields.say(source, "wrong_type", "must be a list of texts.")
        return [], source
    if not several and "assets" in fields.body:
        fields.say(source, "required", "is missing: name at least one image.")
    if len(several) > wire.MOST_IMAGES:
        fields.say(source, "too_many", f"has {len(several)} images: it may have at most {wire.MOST_IMAGES}.")
        return [], source
    return [_picture(fields, f"{source}[{i}]", path) for i, path in enumerate(several)], source


def _picture(fields: Fields, field: str, path: object) -> str:
    """Return a picture's path as intake takes it: a link as it is, an uploaded file by its reference."""
    if not isinstance(path, str):
        fields.say(field, "wrong_type", "must be text.")
        return ""
    text = path.strip()
    if text[:16].lower().startswith(_OUR_FORMS):
        return text
    asset = _ASSET.fullmatch(text) if len(text) <= _LONGEST_ASSET else None
    if asset is not None and is_id(asset[1]):
        return f"gesso://files/{asset[1]}"
    code, forms = "no_such_path", "an http(s) URL or a file_path from POST /v1/files/upload-urls"
    fields.say(field, "file_not_found" if text.startswith(wire.ASSETS) else code, f"must be {forms}.")
    return ""


def _extension(fields: Fields, field: str, item: object) -> str:
    if not isinstance(item, Mapping):
        fields.say(field, "wrong_type", "must be an object with type and extension.")
        return ""
    kind = fields.choice(f"{field}.type", item.get("type"), wire.ASSET_TYPES)
    if item.get("type") is None:
        fields.say(f"{field}.type", "required", "is missing.")
    elif kind not in (None, "image"):
        fields.say(f"{field}.type", "unsupported_asset", f"is {kind}: this server works on images only.")
    extension = item.get("extension")
    if not isinstance(extension, str) or not _EXTENSION.fullmatch(extension):
        fields.say(f"{field}.extension", "required", "must be small letters and digits, without a dot.")
        return ""
    if kind == "image" and extension not in wire.EXTENSIONS:
        words = ", ".join(wire.EXTENSIONS)
        fields.say(f"{field}.extension", "unsupported_asset", f"is {extension[:20]!r}: it must be one of {words}.")
    return extension


def _unless_auto(value: object) -> object:
    return None if value == AUTO else value
