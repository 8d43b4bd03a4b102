"""`gesso generate` and `gesso edit`: a picture from this process; no server, key or database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gesso.cli.make_pictures import Ask, make_pictures
from gesso.cli.output import AsJson, Output, Quiet
from gesso.cli.picture_files import name_from_words, read_picture

BUILTIN_MODEL = "gesso-sketch"

Model = Annotated[str, typer.Option("--model", "-m", help="The model: a slug of `gesso models`.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="File to write: .png, .jpg or .webp. Left out, it is named after the prompt or the image, and the seed.",
    ),
]
Count = Annotated[int | None, typer.Option(help="How many pictures; with several the files are numbered.")]
Width = Annotated[int | None, typer.Option(help="Width in pixels.")]
Height = Annotated[int | None, typer.Option(help="Height in pixels.")]
Seed = Annotated[int | None, typer.Option(help="0 to 4294967295: the same seed gives the same picture.")]
Steps = Annotated[int | None, typer.Option(help="Steps of the sampler: more is finer and slower.")]
Guidance = Annotated[float | None, typer.Option(help="How strictly the prompt is followed; 1 is off.")]
Negative = Annotated[str | None, typer.Option("--negative-prompt", help="What to keep away from.")]
Given = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any parameter by its name in `gesso models SLUG`; repeatable."),
]


def generate(
    prompt: Annotated[str, typer.Argument(help="What to draw.")],
    model: Model = BUILTIN_MODEL,
    output: Out = None,
    count: Count = None,
    width: Width = None,
    height: Height = None,
    seed: Seed = None,
    steps: Steps = None,
    guidance: Guidance = None,
    negative_prompt: Negative = None,
    given: Given = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Draw a picture from words, in this process: no server, no key.

    Ranges and defaults are those of the model: gesso models gesso-sketch.
    """
    values = {
        "prompt": prompt,
        "count": count,
        "width": width,
        "height": height,
        "seed": seed,
        "steps": steps,
        "guidance": guidance,
        "negative_prompt": negative_prompt,
    }
    make_pictures(Ask(model, values, {}, tuple(given or ()), output, name_from_words(prompt)), Output(as_json, quiet))


def edit(
    image: Annotated[Path, typer.Argument(help="The picture to edit.")],
    prompt: Annotated[str, typer.Argument(help="What to change.")],
    mask: Annotated[Path | None, typer.Option(help="A picture of the same size: white is repainted.")] = None,
    model: Model = BUILTIN_MODEL,
    output: Out = None,
    count: Count = None,
    seed: Seed = None,
    steps: Steps = None,
    guidance: Guidance = None,
    strength: Annotated[float | None, typer.Option(help="0 to 1: how much of the change is applied.")] = None,
    negative_prompt: Negative = None,
    given: Given = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Change a picture by an instruction; what it does not name stays as it is. No server, no key.

    Ranges and defaults are those of the model: gesso models gesso-sketch.
    """
    values = {
        "prompt": prompt,
        "count": count,
        "seed": seed,
        "steps": steps,
        "guidance": guidance,
        "strength": strength,
        "negative_prompt": negative_prompt,
    }
    pictures = {role: read_picture(path) for role, path in (("image", image), ("mask", mask)) if path is not None}
    ask = Ask(model, values, pictures, tuple(given or ()), output, f"{image.stem}-edited")
    make_pictures(ask, Output(as_json, quiet))
