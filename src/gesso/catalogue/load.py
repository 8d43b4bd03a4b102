"""Load the model files: those in the package and the operator's own; every mistake in every file is told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from gesso.catalogue.consistency import flaws
from gesso.catalogue.model import UNKNOWN_PRICE, Adapter, Lifecycle, Model, Parameter, Route, Sizing, TierRules
from gesso.catalogue.overrides import checked_aliases, routed
from gesso.catalogue.price import priced
from gesso.catalogue.strict_yaml import BadYaml, line_of, read_yaml
from gesso.catalogue.wording import did_you_mean, shown
from gesso.domain.credits import Price
from gesso.domain.errors import NotFound, OperatorError
from gesso.domain.request import Operation

_OF_FIELD: dict[str, type[BaseModel]] = {
    "adapters": Adapter,
    "lifecycle": Lifecycle,
    "parameters": Parameter,
    "price": Price,
    "routes": Route,
    "sizing": Sizing,
    "tiers": TierRules,
}
_FIELDS = list(Model.model_fields)
PACKAGED = Path(__file__).parent / "models"
NATIVE = "native"  # the dialect whose names are the slugs


class Asked(NamedTuple):
    """What a name stands for: the model that is run, the one of that name (None: there is none), and the alias."""

    model: Model
    named: Model | None
    alias: str | None = None


class Catalogue:
    """A fixed set of models, found by slug or by the name a dialect has for them. `aliases` are slugs, and names that
    no model has, with the slug of what is run instead."""

    def __init__(
        self,
        models: Sequence[Model],
        replaced: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.models: tuple[Model, ...] = tuple(models)
        self.replaced: Mapping[str, str] = replaced or {}  # slug of a packaged model → the operator's file in its place
        self.aliases: Mapping[str, str] = aliases or {}
        self._by_slug = {model.slug: model for model in self.models}

    def get(self, slug: str) -> Model:
        """Return the model of the slug, or what an alias that is no slug stands for; raise `NotFound` naming the
        nearest slug."""
        found = self.find(slug)
        if found is None:
            raise NotFound(f"There is no model {shown(slug)}.{did_you_mean(slug, list(self._by_slug))}")
        return found

    def find(self, slug: str) -> Model | None:
        """Return the model of the slug, or what an alias that is no slug stands for, or None."""
        return self._by_slug.get(slug) or self._by_slug.get(self.aliases.get(slug, ""))

    def by_name(self, dialect: str, name: str, operation: Operation | None = None) -> Model:
        """Return the model that is run for what a dialect calls by this name (see `asked`)."""
        return self.asked(dialect, name, operation).model

    def described(self, dialect: str, name: str) -> Model:
        """Return the model in whose words a request of this name is written: the one that is called so, where there is
        one, whatever is run in its place."""
        asked = self.asked(dialect, name)
        return asked.named or asked.model

    def asked(self, dialect: str, name: str, operation: Operation | None = None) -> Asked:
        """Return the model that a dialect calls by this name, or the model of this slug, and what is run for it.

        A vendor may have one name for two entries, one that generates and one that edits: `operation` chooses. Raises
        `NotFound` naming the nearest name.
        """
        named = self.names(dialect).get(name, ())
        fitting = (model for model in named if operation is None or operation in model.operations)
        found = next(fitting, named[0] if named else self._by_slug.get(name))
        is_own = name in self.aliases and name not in self._by_slug  # the operator took a vendor's name for it
        alias = name if found is None or is_own else found.slug
        if alias in self.aliases:
            return Asked(self._by_slug[self.aliases[alias]], found, alias)
        if found is None:
            known = [*self.names(dialect), *self._by_slug]
            raise NotFound(f"There is no model {shown(name)}.{did_you_mean(name, known)}")
        return Asked(found, found)

    def names(self, dialect: str) -> Mapping[str, tuple[Model, ...]]:
        """Return the models of a dialect by the names it has for them; the native API has none but the slugs."""
        return self._by_dialect.get(dialect, {})

    @cached_property
    def _by_dialect(self) -> dict[str, dict[str, tuple[Model, ...]]]:
        found: dict[str, dict[str, tuple[Model, ...]]] = {}
        for model in self.models:
            for dialect, names in model.names.items():
                owners = found.setdefault(dialect, {})
                for name in names:
                    owners[name] = (*owners.get(name, ()), model)
        return found


def load_catalogue(
    folders: Sequence[Path] = (),
    *,
    prices: Mapping[str, Price] | None = None,
    unknown_price: Price = UNKNOWN_PRICE,
    routes: Mapping[str, Sequence[str]] | None = None,
    aliases: Mapping[str, str] | None = None,
) -> Catalogue:
    """Return the packaged models and those in the operator's folders (searched with their subfolders).

    A file of the operator's replaces the packaged model of its slug. `prices` go before those of the files, `routes`
    are orders of models' routes, and `aliases` other names of models (see `overrides`).

    Raises `OperatorError` naming file, line and field of every mistake, a slug or dialect name given twice among them.
    """
    if not folders and not prices and unknown_price == UNKNOWN_PRICE:
        made = _packaged()
    else:
        loader = _Loader()
        for folder in (PACKAGED, *folders):
            loader.read_folder(folder)
        made = loader.finish(prices or {}, unknown_price)
    if not routes and not aliases:
        return made
    return Catalogue(routed(made.models, routes or {}), made.replaced, checked_aliases(made.models, aliases or {}))


def check_file(path: Path, folders: Sequence[Path] = ()) -> Model:
    """Return the model in a file as it would stand beside the packaged ones and those in the operator's folders.

    Raises `OperatorError` with every mistake of this file; those of other files are not told.
    """
    loader = _Loader()
    for folder in (PACKAGED, *folders):
        loader.read_folder(folder, leave_out=path)
    loader.forget_mistakes()
    model = loader.read_file(path)
    loader.finish({}, UNKNOWN_PRICE, only=path)
    assert model is not None  # a file that is no model is a mistake
    return model


@cache
def _packaged() -> Catalogue:
    loader = _Loader()
    loader.read_folder(PACKAGED)
    return loader.finish({}, UNKNOWN_PRICE)


class _Loader:
    """Collects models and mistakes over several folders."""

    def __init__(self) -> None:
        self._models: dict[str, tuple[Model, Path]] = {}
        self._replaced: dict[str, str] = {}  # slug → the operator's file
        self._mistakes: list[str] = []

    def read_folder(self, folder: Path, leave_out: Path | None = None) -> None:
        if not folder.is_dir():
            self._mistakes.append(f"{folder}: there is no such folder")
            return
        for path in sorted(folder.rglob("*.y*ml")):
            if path.suffix == ".yml":
                self._mistakes.append(f"{path}: model files end in .yaml")
            elif path.suffix == ".yaml" and (leave_out is None or path.resolve() != leave_out.resolve()):
                self.read_file(path)

    def forget_mistakes(self) -> None:
        self._mistakes.clear()

    def read_file(self, path: Path) -> Model | None:
        """Add the model in a file and return it; None, with its mistakes noted, when there is none."""
        try:
            data = read_yaml(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            self._mistakes.append(f"{_shown_path(path)}: it cannot be read ({type(error).__name__})")
            return None
        except BadYaml as error:
            self._mistakes.append(f"{_shown_path(path)}: {error}")
            return None
        if not isinstance(data, dict):
            self._mistakes.append(f"{_shown_path(path)}: it must be a mapping of a model's fields")
            return None
        try:
            model = Model.model_validate(data)
        except ValidationError as error:
            for field, message in _form_flaws(data, error):
                self._note(path, field, message)
            return None
        self._add(model, path)
        return model

    def finish(self, prices: Mapping[str, Price], unknown_price: Price, only: Path | None = None) -> Catalogue:
        """Return the catalogue, or raise with the mistakes; those between files are told of `only`, when given."""
        self._find_repeated_names(only)
        self._find_missing_targets(only)
        if self._mistakes:
            lines = "\n".join(f"  {mistake}" for mistake in self._mistakes)
            raise OperatorError(f"There are mistakes in the model files:\n{lines}")
        return Catalogue(priced((model for model, _ in self._models.values()), prices, unknown_price), self._replaced)

    def _note(self, path: Path, field: str, message: str) -> None:
        line = line_of(path.read_text(encoding="utf-8"), field)
        self._mistakes.append(f"{_shown_path(path)}: line {line}: {field}: {message}")

    def _add(self, model: Model, path: Path) -> None:
        for flaw in flaws(model):
            self._note(path, flaw.field, flaw.message)
        if path.stem != model.slug:
            self._note(path, "slug", f"{shown(model.slug)} belongs into a file {model.slug}.yaml")
        if model.slug in self._models:
            first, first_path = self._models[model.slug]
            if any(route.engine == "builtin" and route.fidelity == "exact" for route in first.routes):
                self._note(path, "slug", f"{shown(model.slug)} is what the built-in engine is, and cannot be replaced")
                return
            if path.is_relative_to(PACKAGED) or not first_path.is_relative_to(PACKAGED):
                self._note(path, "slug", f"{shown(model.slug)} is the slug of {_shown_path(first_path)} too")
                return
            self._replaced[model.slug] = str(path)
        self._models[model.slug] = (model, path)

    def _find_repeated_names(self, only: Path | None) -> None:
        # One name may stand for two models when one generates and the other edits: a request says which it means.
        owners: dict[tuple[str, str, Operation], Path] = {}
        # A file that replaces a model stands in its place, perhaps before whose names it takes: the package goes first.
        for model, path in sorted(self._models.values(), key=lambda entry: not entry[1].is_relative_to(PACKAGED)):
            for dialect, names in model.names.items():
                for name in names:
                    first = [owners.setdefault((dialect, name, one), path) for one in model.operations]
                    other = next((one for one in first if one != path), path)
                    if (other != path or names.count(name) > 1) and only in (None, path):
                        self._note(path, f"names.{dialect}", f"{shown(name)} is taken by {_shown_path(other)}")

    def _find_missing_targets(self, only: Path | None) -> None:
        slugs = list(self._models)
        for model, path in self._models.values():
            for i, route in enumerate(model.routes):
                if route.model is not None and route.model not in self._models and only in (None, path):
                    hint = did_you_mean(route.model, slugs)
                    self._note(path, f"routes[{i}].model", f"there is no model {shown(route.model)}.{hint}")


def _shown_path(path: Path) -> str:
    """Render a file's path; those of the package from its folder of models on."""
    return str(path.relative_to(PACKAGED) if path.is_relative_to(PACKAGED) else path)


def _form_flaws(data: Mapping[str, Any], error: ValidationError) -> Iterator[tuple[str, str]]:
    """Yield field and message of each mistake of form, once a field (a union reports each of its members)."""
    seen = set()
    for detail in error.errors(include_url=False, include_input=False):
        field = _field(data, detail["loc"])
        message = detail["msg"]
        if detail["type"] == "extra_forbidden":
            known = (
                list(_OF_FIELD.get(str(detail["loc"][0]), Model).model_fields) if len(detail["loc"]) > 1 else _FIELDS
            )
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
