"""From the options of `generate` and `edit` to written files: name the input, run it here, write, report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gesso.cli.output import Output, logs_to_stderr
from gesso.cli.picture_files import format_of, free_paths, numbered, suffix_for, write_all
from gesso.cli.picture_report import as_data, as_sentences
from gesso.cli.raw_input import by_role, from_assignments
from gesso.domain.errors import InvalidInput
from gesso.domain.request import Operation

if TYPE_CHECKING:
    from gesso.catalogue.model import Model
    from gesso.cli.run_here import LocalResult


@dataclass(frozen=True)
class Ask:
    """What the options of a command said: values by role (None: not given), pictures by role, `--set` words, target."""

    model: str
    values: Mapping[str, Any]
    pictures: Mapping[str, bytes]
    assignments: tuple[str, ...]
    target: Path | None
    stem: str  # of the file when no target was named


def make_pictures(ask: Ask, output: Output) -> None:
    """Check, plan, run, encode and write; raise `GessoError` before anything is written when it cannot be done."""
    from gesso.cli.run_here import run_here
    from gesso.installation import catalogue_of
    from gesso.intake.prepare import find_model
    from gesso.settings import load_settings

    logs_to_stderr()
    settings = load_settings()
    catalogue = catalogue_of(settings)
    model = find_model(catalogue, ask.model)
    _check_operation(model, "edit" if ask.pictures else "generate")
    given = {role: value for role, value in ask.values.items() if value is not None}
    values = by_role(model, given | dict(ask.pictures)) | _asked_format(model, ask.target)
    values |= from_assignments(ask.assignments)
    with output.progress() as report:
        result = run_here(settings, catalogue, ask.model, values, lambda p: report(p.stage, p.done, p.total))
    paths = _paths(ask, result)
    write_all(paths, [picture.data for picture in result.pictures])
    output.answer(as_data(result, paths), as_sentences(result, paths), [str(path) for path in paths])


def _check_operation(model: Model, operation: Operation) -> None:
    if operation not in model.operations:
        command = {"edit": "gesso edit IMAGE PROMPT", "generate": "gesso generate PROMPT"}[model.operations[0]]
        message = f"{model.slug} does not {operation}; ask it with: {command} --model {model.slug}"
        raise InvalidInput.of("model", "wrong_operation", message, model.slug, list(model.operations))


def _asked_format(model: Model, target: Path | None) -> dict[str, Any]:
    """Return the output format that the file name asks for, where the model has such a parameter."""
    if target is None:
        return {}
    wanted = format_of(target)
    has_it = any(parameter.role == "output_format" for parameter in model.parameters)
    return by_role(model, {"output_format": wanted}) if has_it else {}


def _paths(ask: Ask, result: LocalResult) -> list[Path]:
    first, count = result.pictures[0], len(result.pictures)
    if ask.target is not None:
        return numbered(ask.target, count)
    return free_paths(Path(f"{ask.stem}-{first.seed}{suffix_for(first.media_type)}"), count)
