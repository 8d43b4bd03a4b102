"""`gesso pull SLUG`: bring the weights that run a model to this machine."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gesso.cli.output import AsJson, Output, Quiet
from gesso.domain.errors import InvalidInput, OperatorError

if TYPE_CHECKING:
    from gesso.catalogue.model import Model
    from gesso.engines.diffusers.pulling.pull import Pull
    from gesso.outgoing.hub import Hub
    from gesso.settings import Settings

Quant = Literal["none", "fp8", "int8", "nf4"]


def pull(
    slug: Annotated[str, typer.Argument(help="The model, as `gesso models` names it.")],
    quant: Annotated[
        Quant | None,
        typer.Option(help="How its weights are held in memory from now on; settings for one target go before it."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and fetch nothing.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fetch a model's weights from the hub: only what is loaded, resumed where it broke off.

    Weights whose owner asks for it need a token of yours in HF_TOKEN. HF_ENDPOINT names another hub.
    """
    from gesso.engines.diffusers.pulling.pull import carry_out
    from gesso.installation import catalogue_of
    from gesso.outgoing.hub import HUB, Hub
    from gesso.settings import load_settings

    output = Output(as_json, quiet)
    settings = load_settings()
    model = catalogue_of(settings).get(slug)
    token = os.environ.get("HF_TOKEN") or None
    with closing(Hub(os.environ.get("HF_ENDPOINT") or HUB, token)) as hub:
        pulls = _looked_at(hub, model, settings, output)
        for one in pulls:
            output.remark(_intention(one))
        if not dry_run:
            for one in pulls:
                with output.progress(unit="bytes") as report:

                    def told(done: int, total: int, one: Pull = one, report: Any = report) -> None:
                        report(one.repository.name, done, total)

                    carry_out(hub, one, told, quant)
    _answer(output, model, pulls, dry_run=dry_run)


def targets_of(model: Model) -> dict[str, str]:
    """Return the weights that this machine would run a model with: whose → what they are beside a checkpoint, or ""."""
    from gesso.engines.diffusers.places import is_operators

    found: dict[str, str] = {}
    for route in model.routes:
        if route.engine == "diffusers" and not is_operators(route.target):
            found.setdefault(route.target, "")
            for use, target in route.beside.items():
                found.setdefault(f"{target} {use}", use)
    return found


def _looked_at(hub: Hub, model: Model, settings: Settings, output: Output) -> list[Pull]:
    from gesso.engines.diffusers.needed import SOMETIMES
    from gesso.engines.diffusers.pulling.pull import look
    from gesso.installation import weights_folder

    targets = targets_of(model)
    if not targets:
        message = f"There are no weights to pull for {model.slug}: see what it needs with gesso models {model.slug}"
        raise InvalidInput.of("slug", "no_weights", message)
    folder, found = weights_folder(settings), []
    for word, use in targets.items():
        target = word.partition(" ")[0]
        try:
            found.append(look(hub, target, folder, use))
        except OperatorError as error:
            if use not in SOMETIMES:
                raise
            output.remark(f"Left out, and what needs it is not ready: {error.message}")
    return found


def _intention(one: Pull) -> str:
    terms = f"licence {one.repository.licence or 'not stated'}"
    if one.repository.gated:
        terms += ", its owner lets one in at the hub"
    if not one.missing:
        return f"{one.repository.name}: {_gigabytes(one.bytes)} GB are here already ({terms})."
    return (
        f"{one.repository.name}: {_gigabytes(one.missing_bytes)} of {_gigabytes(one.bytes)} GB to fetch ({terms}); "
        f"{_gigabytes(one.free_bytes)} GB are free in {one.folder}."
    )


def _answer(output: Output, model: Model, pulls: list[Pull], *, dry_run: bool) -> None:
    rows = [
        {
            "target": one.repository.name,
            "commit": one.repository.commit,
            "licence": one.repository.licence,
            "gated": one.repository.gated,
            "bytes": one.bytes,
            "fetched_bytes": 0 if dry_run else sum(file.bytes for file in one.missing),
            "missing_bytes": one.missing_bytes if dry_run else 0,
            "folder": str(one.folder),
        }
        for one in pulls
    ]
    if dry_run:
        sentence = f"Nothing was fetched. To fetch it: gesso pull {model.slug}"
    else:
        sentence = f"{model.slug} is ready to run here. A first picture: gesso models {model.slug}, then gesso serve"
    output.answer({"slug": model.slug, "weights": rows}, (sentence,), [str(one.folder) for one in pulls])


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f}" if count >= 5e7 else f"{count / 1e9:.3f}"
