"""The documentation says what the code says: generated pages are current, names appear, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    [
        ROOT / "README.md",
        *ROOT.glob("examples/*.md"),
        *ROOT.glob("benchmarks/*.md"),
        *ROOT.glob("training/*.md"),
        *DOCS.rglob("*.md"),
    ]
)
MACHINE_PATHS = re.compile(r"/(?:home|root|work|tmp)/\w")


@pytest.fixture(scope="module")
def generator() -> Any:
    """Return docs/generate.py as a module."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def reference(generator) -> dict[str, str]:
    """Return the reference pages as the code would write them now."""
    return generator.pages()


def test_generated_pages_are_current(reference):
    folder = DOCS / "reference"
    written = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.md")}
    stale = sorted(name for name in written.keys() | reference.keys() if written.get(name) != reference.get(name))

    assert stale == [], "write them again with: make docs"


def test_every_setting_is_documented(reference):
    from gesso.settings import Settings

    missing = [name for name in Settings.model_fields if f"`GESSO_{name.upper()}`" not in reference["settings.md"]]
    assert missing == []
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_settings_named_in_prose_exist():
    from gesso.settings import Settings

    known = {f"GESSO_{name.upper()}" for name in Settings.model_fields} | {
        "GESSO_KEY",
        "GESSO_URL",
        "GESSO_TEST_POSTGRES_URL",
    }
    for page in PAGES:
        named = set(re.findall(r"\bGESSO_[A-Z_]+\b", page.read_text()))
        assert named - known == set(), page


def test_every_error_code_is_documented(reference):
    from gesso.domain.errors import ERROR_CODES, GessoError

    def below(kind: type[GessoError]) -> set[type[GessoError]]:
        return {kind}.union(*(below(child) for child in kind.__subclasses__()))

    declared = {kind.code for kind in below(GessoError) if kind.__module__ == "gesso.domain.errors"} - {"error"}
    assert declared == set(ERROR_CODES), "ERROR_CODES lists every error"
    assert [code for code in ERROR_CODES if f"`{code}`" not in reference["errors.md"]] == []


def test_every_model_and_parameter_is_documented(reference):
    from gesso.catalogue.load import load_catalogue

    for model in load_catalogue().models:
        assert f"(models/{model.slug}.md)" in reference["models.md"]
        page = reference[f"models/{model.slug}.md"]
        for parameter in model.parameters:
            assert f"| `{parameter.name}` |" in page, f"{model.slug}: {parameter.name}"


def test_what_is_to_be_known_of_a_route_is_on_its_models_page(reference):
    from gesso.catalogue.load import load_catalogue

    for model in load_catalogue().models:
        page = reference[f"models/{model.slug}.md"]
        for route in model.routes:
            assert route.note in page
            if route.engine == "diffusers":
                row = next(line for line in page.splitlines() if f"| `{route.target}`" in line)
                own = route.target.startswith("friendli/")
                assert ("weights of your own" if own else "the weights") in row
                assert ("has to let you in" in row) == route.gated
                assert ("GESSO_ALLOW_FIDELITY" in row) == (route.fidelity != "exact")


def test_every_role_is_explained_and_every_name_of_it_listed(reference):
    from gesso.catalogue.load import load_catalogue

    page = reference["parameters.md"]
    for model in load_catalogue().models:
        for parameter in model.parameters:
            part = f"\n## {parameter.role or 'Without a role'}\n"
            section = page.partition(part)[2].partition("\n## ")[0]
            row = next(line for line in section.splitlines() if line.startswith(f"| `{parameter.name}` |"))
            assert f"(models/{model.slug}.md)" in row or parameter.role is None


def test_every_vendor_is_documented_with_its_key_its_address_and_its_models(reference):
    from gesso.catalogue.load import load_catalogue
    from gesso.catalogue.vendors import VENDORS
    from gesso.engines.upstream.vendors import UPSTREAMS

    assert set(VENDORS) == set(UPSTREAMS)
    models = load_catalogue().models
    for name, vendor in VENDORS.items():
        section = reference["vendors.md"].partition(f"\n## {vendor.name}\n")[2].partition("\n## ")[0]
        said = [f"`{name}`", f"`{UPSTREAMS[name].base}`", f"`{UPSTREAMS[name].checked}`"]
        said += [f"`{variable}`" for variable in vendor.variables]
        said += [f"(models/{model.slug}.md)" for model in models if any(one.vendor == name for one in model.routes)]
        assert [one for one in said if one not in section] == []


def test_every_command_is_documented_with_its_options(reference):
    import typer

    from gesso.cli.app import build

    def leaves(path: str, command: Any) -> dict[str, Any]:
        children = getattr(command, "commands", None)
        if not children:
            return {path: command}
        return {
            leaf: found for name, child in children.items() for leaf, found in leaves(f"{path} {name}", child).items()
        }

    for path, command in leaves("gesso", typer.main.get_command(build())).items():
        assert f"## `{path}`" in reference["cli.md"]
        undescribed = [option.name for option in command.params if not option.help]
        assert undescribed == [], f"{path}: say what these do"


def test_commands_named_in_prose_exist():
    import typer

    from gesso.cli.app import build

    root = typer.main.get_command(build())
    for page in PAGES:
        for line in re.findall(r"(?:^|`|\n)gesso ([a-z][^\n`]*)", page.read_text()):
            command: Any = root
            for word in line.split():
                children = getattr(command, "commands", None)
                if not children:
                    break
                assert word in children, f"{page}: gesso {line}"
                command = children[word]


def test_every_native_route_is_documented_and_described(reference, generator):
    for path, methods in generator.openapi()["paths"].items():
        for method, route in methods.items():
            assert f"`{method.upper()} {path}`" in reference["api.md"]
            assert route.get("description"), f"{method} {path} says what it does"


def test_every_dependency_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    wanted = {re.split(r"[^\w-]", requirement, maxsplit=1)[0] for group in groups for requirement in group}
    explained = set(re.findall(r"^\| ([\w-]+) \|", (DOCS / "decisions" / "dependencies.md").read_text(), re.MULTILINE))

    assert explained - {"package"} == wanted


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    named = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    named += [requirement for extra in project["project"]["optional-dependencies"].values() for requirement in extra]

    assert {re.split(r"[^\w-]", each, maxsplit=1)[0].lower().replace("_", "-") for each in named} - pinned == set()


def test_make_targets_named_in_prose_exist():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"`make ([a-z-]+)", page.read_text()))
        assert named - targets == set(), page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_no_path_of_a_developers_machine(page):
    assert MACHINE_PATHS.findall(page.read_text()) == []


def test_every_page_is_reachable_from_the_index():
    seen: set[Path] = set()
    waiting = [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        links = re.findall(r"\]\((?!https?:)([^)#\s]+\.md)", page.read_text())
        waiting.extend((page.parent / target).resolve() for target in links)

    assert set(DOCS.rglob("*.md")) - seen == set()
