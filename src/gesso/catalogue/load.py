"""Load the model files: those in the package and the operator's own; every mistake in every file is told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gesso.catalogue.consistency import flaws
from gesso.catalogue.model import Model, Parameter
from gesso.catalogue.strict_yaml import BadYaml, read_yaml
from gesso.catalogue.wording import did_you_mean, shown
from gesso.domain.errors import NotFound, OperatorError

PACKAGED = Path(__file__).parent / "models"
NATIVE = "native"  # the dialect whose names are the slugs


class Catalogue:
    """A fixed set of models, found by slug or by the name a dialect has for them."""

    def __init__(self, models: Sequence[Model]) -> None:
        self.models: tuple[Model, ...] = tuple(models)
        self._by_slug = {model.slug: model for model in self.models}

    def get(self, slug: str) -> Model:
        """Return the model; raise `NotFound` naming the nearest slug."""
        return self.by_name(NATIVE, slug)

    def by_name(self, dialect: str, name: str) -> Model:
        """Return the model that a dialect calls by this name; raise `NotFound` naming the nearest it knows."""
        names = self.names(dialect)
        if name not in names:
            raise NotFound(f"There is no model {shown(name)}.{did_you_mean(name, list(names))}")
        return names[name]

    def names(self, dialect: str) -> Mapping[str, Model]:
        """Return the models of a dialect by the names it has for them."""
        return self._by_slug if dialect == NATIVE else self._by_dialect.get(dialect, {})

    @cached_property
    def _by_dialect(self) -> dict[str, dict[str, Model]]:
        found: dict[str, dict[str, Model]] = {}
        for model in self.models:
            for dialect, names in model.names.items():
                found.setdefault(dialect, {}).update(dict.fromkeys(names, model))
        return found


def load_catalogue(folders: Sequence[Path] = ()) -> Catalogue:
    """Return the packaged models and those in the operator's folders (searched with their subfolders).

    Raises `OperatorError` naming file and field of every mistake, a slug or dialect name given twice among them.
    """
    if not folders:
        return _packaged()
    loader = _Loader()
    for folder in (PACKAGED, *folders):
        loader.read_folder(folder)
    return loader.finish()


@cache
def _packaged() -> Catalogue:
    loader = _Loader()
    loader.read_folder(PACKAGED)
    return loader.finish()


class _Loader:
    """Collects models and mistakes over several folders."""

    def __init__(self) -> None:
        self._models: dict[str, tuple[Model, str]] = {}  # slug → model, file
        self._mistakes: list[str] = []

    def read_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._mistakes.append(f"{folder}: there is no such folder")
            return
        for path in sorted(folder.rglob("*.yaml")):
            self._read_file(path, str(path.relative_to(PACKAGED) if path.is_relative_to(PACKAGED) else path))

    def finish(self) -> Catalogue:
        self._find_repeated_names()
        self._find_missing_targets()
        if self._mistakes:
            lines = "\n".join(f"  {mistake}" for mistake in self._mistakes)
            raise OperatorError(f"There are mistakes in the model files:\n{lines}")
        return Catalogue([model for model, _ in self._models.values()])

    def _read_file(self, path: Path, file: str) -> None:
        try:
            data = read_yaml(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            self._mistakes.append(f"{file}: it cannot be read ({type(error).__name__})")
            return
        except BadYaml as error:
            self._mistakes.append(f"{file}: {error}")
            return
        if not isinstance(data, dict):
            self._mistakes.append(f"{file}: it must be a mapping of a model's fields")
            return
        try:
            model = Model.model_validate(data)
        except ValidationError as error:
            self._mistakes.extend(f"{file}: {field}: {message}" for field, message in _form_flaws(data, error))
            return
        self._add(model, path, file)

    def _add(self, model: Model, path: Path, file: str) -> None:
        self._mistakes.extend(f"{file}: {flaw.field}: {flaw.message}" for flaw in flaws(model))
        if path.stem != model.slug:
            self._mistakes.append(f"{file}: slug: {shown(model.slug)} belongs into a file {model.slug}.yaml")
        if model.slug in self._models:
            self._mistakes.append(f"{file}: slug: {shown(model.slug)} is the slug of {self._models[model.slug][1]} too")
            return
        self._models[model.slug] = (model, file)

    def _find_repeated_names(self) -> None:
        owners: dict[tuple[str, str], str] = {}
        for model, file in self._models.values():
            for dialect, names in model.names.items():
                for name in names:
                    first = owners.setdefault((dialect, name), file)
                    if first != file or names.count(name) > 1:
                        self._mistakes.append(f"{file}: names.{dialect}: {shown(name)} is taken by {first}")

    def _find_missing_targets(self) -> None:
        slugs = list(self._models)
        for model, file in self._models.values():
            for i, route in enumerate(model.routes):
                if route.model is not None and route.model not in self._models:
                    hint = did_you_mean(route.model, slugs)
                    self._mistakes.append(f"{file}: routes[{i}].model: there is no model {shown(route.model)}.{hint}")


def _form_flaws(data: Mapping[str, Any], error: ValidationError) -> Iterator[tuple[str, str]]:
    """Yield field and message of each mistake of form, once a field (a union reports each of its members)."""
    seen = set()
    for detail in error.errors(include_url=False, include_input=False):
        field = _field(data, detail["loc"])
        message = detail["msg"]
        if detail["type"] == "extra_forbidden":
            known = list((Parameter if "parameters" in detail["loc"] else Model).model_fields)
            message = f"there is no such field.{did_you_mean(str(detail['loc'][-1]), known)}"
        if field not in seen:
            seen.add(field)
            yield field, message


def _field(data: Mapping[str, Any], location: tuple[int | str, ...]) -> str:
    """Render where a mistake is, a parameter by its name instead of its place."""
    words = list(location)
    parameters = data.get("parameters")
    if words[:1] == ["parameters"] and len(words) > 1 and isinstance(parameters, Mapping) and isinstance(words[1], int):
        words[1] = list(parameters)[words[1]]
    text = ".".join(str(word) for word in words)
    return text.removesuffix(".bool").removesuffix(".int").removesuffix(".float").removesuffix(".str") or "(the file)"
