"""What models are called here: `owner/name`, and a version that is a hash of what the model takes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from gesso.catalogue.load import Catalogue
from gesso.catalogue.model import Model
from gesso.catalogue.schema import json_schema
from gesso.catalogue.wording import did_you_mean, shown
from gesso.domain.errors import InvalidInput

DIALECT = "replicate"
ANY_OWNER = "gesso"  # every model is gesso/<slug> as well
VERSION = re.compile(r"[0-9a-f]{64}")

_versions: dict[str, tuple[Model, str]] = {}  # slug → the version made of that very model
_known: WeakKeyDictionary[Catalogue, Mapping[str, Model]] = WeakKeyDictionary()


def official_name(model: Model) -> tuple[str, str]:
    """Return owner and name: the vendor's own where it has the model, else the owner's name in small and the slug."""
    names = model.names.get(DIALECT)
    if names:
        owner, _, name = names[0].partition("/")
        return owner, name or model.slug
    return _owner(model), model.slug


def version_id(model: Model) -> str:
    """Return 64 hex digits that change when the model takes other input, not when it is described in other words."""
    kept = _versions.get(model.slug)
    if kept is not None and kept[0] is model:
        return kept[1]
    schema = json_schema(model)
    fields = {name: _without_words(field) for name, field in schema["properties"].items()}
    text = json.dumps([model.slug, fields, schema["required"]], sort_keys=True, default=str)
    made = hashlib.sha256(text.encode()).hexdigest()
    _versions[model.slug] = (model, made)
    return made


def model_of(catalogue: Catalogue, name: str) -> str:
    """Return the slug of the model that a version, `owner/name`, `owner/name:version` or a slug names.

    Raises `InvalidInput` of the field `model`, code "unknown_model".
    """
    known = _names(catalogue)
    asked, colon, version = name.partition(":")
    if asked in catalogue.aliases:
        return asked
    found = known.get(asked) or catalogue.find(asked)
    if found is None:
        hint = "" if VERSION.fullmatch(asked) else did_you_mean(asked, [one for one in known if "/" in one])
        raise _unknown(f"There is no model {shown(asked)}.{hint}", name)
    if colon and version != version_id(found):
        raise _unknown(f"{asked} has no version {shown(version)}: it has {version_id(found)}.", name)
    return found.slug


def find(catalogue: Catalogue, owner: str, name: str) -> Model | None:
    """Return the model of that owner and name, or None."""
    return _names(catalogue).get(f"{owner}/{name}")


def _names(catalogue: Catalogue) -> Mapping[str, Model]:
    """Return the models by every name and version they have; the vendor's own names go first."""
    found = _known.get(catalogue)
    if found is None:
        made: dict[str, Model] = {name: models[0] for name, models in catalogue.names(DIALECT).items()}
        for model in catalogue.models:
            for name in (f"{_owner(model)}/{model.slug}", f"{ANY_OWNER}/{model.slug}", version_id(model)):
                made.setdefault(name, model)
        found = _known[catalogue] = made
    return found


def _owner(model: Model) -> str:
    return re.sub(r"[^a-z0-9]+", "-", model.owner.partition(",")[0].lower()).strip("-") or ANY_OWNER


def _without_words(field: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in field.items() if key not in ("title", "description")}


def _unknown(message: str, name: str) -> InvalidInput:
    return InvalidInput.of("model", "unknown_model", message, name[:200])
