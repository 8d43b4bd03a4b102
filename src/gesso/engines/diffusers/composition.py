"""Of what files a checkpoint is put together: a folder, a folder with parts from elsewhere, or one file with the rest of
another checkpoint. Read without torch; every file is looked at.

The words: the *frame* is the folder whose `model_index.json` and small files (configurations, tokenizers) are used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from gesso.engines.diffusers.about import INDEX, NotWhole, PartFiles, libraries, part_files, read_about, whole_file
from gesso.engines.diffusers.checkpoint import About, Checkpoint

UNUSED: Final = frozenset({"safety_checker"})  # pictures of every family are looked at by the same one
PRIOR: Final = "prior_"  # what the parts of a prior are called in a pipeline of both
_OLD_LAYOUT: Final = (  # how the tensors of a part begin in one file of everything
    ("model.diffusion_model.", ("unet", "transformer")),
    ("first_stage_model.", ("vae",)),
    ("vae.", ("vae",)),
    ("cond_stage_model.", ("text_encoder",)),
    ("conditioner.embedders.0.", ("text_encoder",)),
    ("conditioner.embedders.1.", ("text_encoder_2",)),
    ("text_encoders.clip_l.", ("text_encoder",)),
    ("text_encoders.clip_g.", ("text_encoder_2",)),
    ("text_encoders.t5xxl.", ("text_encoder_3",)),
)


@dataclass(frozen=True)
class Source:
    """Where the weights of a part come from. `folder` holds its configuration, and its weights unless `file` does:
    a single file, in whatever layout, of this part or of several."""

    part: str
    library: str
    name: str  # of the class
    folder: Path
    floats: int
    bytes: int
    variant: str | None = None
    file: Path | None = None


@dataclass(frozen=True)
class Composition:
    """A checkpoint's frame, what it says of itself, and the sources of the parts that have weights."""

    frame: Path
    about: About
    sources: tuple[Source, ...]
    prior: Path | None = None


def compose(checkpoint: Checkpoint) -> Composition:
    """Return what a checkpoint is put together from. Raises `NotWhole`."""
    base = checkpoint.base or checkpoint.part("base")
    if checkpoint.kind == "single_file":
        found = _one_file(checkpoint.path, _given(base))
    elif base is not None and checkpoint.path.is_dir() and not (checkpoint.path / INDEX).is_file():
        found = _denoiser(checkpoint.path, base)
    else:
        found = _whole(checkpoint.path, UNUSED if checkpoint.part("vae") is None else UNUSED | {"vae"})
    vae = checkpoint.part("vae")
    if vae is not None:
        found = _with(found, _beside(found.frame, "vae", vae))
    if checkpoint.pipeline.endswith("CombinedPipeline"):
        found = _with_prior(found, checkpoint.part("prior") or _prior_of(found.frame))
    about = replace(found.about, weights_bytes=sum(source.bytes for source in found.sources))
    return replace(found, about=about)


def denoiser_of(about: About) -> str:
    """Return the part that paints: it is what is published alone, and what is most worth making small."""
    return "transformer" if about.has("transformer") else "unet"


def _whole(folder: Path, without: frozenset[str]) -> Composition:
    about = read_about(folder, without)
    return Composition(folder, about, _sources(folder, without))


def _sources(folder: Path, without: frozenset[str], prefix: str = "") -> tuple[Source, ...]:
    found = []
    for part, (library, name) in libraries(folder).items():
        files = None if part in without else part_files(folder, part)
        if files is not None and library in ("diffusers", "transformers"):
            found.append(_source(prefix + part, library, name, folder / part, files))
    return tuple(found)


def _source(part: str, library: str, name: str, folder: Path, files: PartFiles) -> Source:
    return Source(part, library, name, folder, sum(head.floats for head in files.heads), files.bytes, files.variant)


def _one_file(file: Path, base: Path) -> Composition:
    """Return a checkpoint whose file holds all its weights, or only what paints; the rest is the base's."""
    head = whole_file(file)
    begins = {start: parts for start, parts in _OLD_LAYOUT if any(name.startswith(start) for name in head.names)}
    about = read_about(base, tuple(UNUSED | set(libraries(base))))
    within = {part for parts in begins.values() for part in parts if about.has(part)} or {denoiser_of(about)}
    rest = _sources(base, UNUSED | within)
    held = []
    for number, part in enumerate(sorted(within)):
        library, name = libraries(base)[part]
        size = (head.floats, head.bytes) if number == 0 else (0, 0)  # the file's, counted once
        held.append(Source(part, library, name, base / part, *size, file=file))
        if not (base / part / "config.json").is_file():
            raise NotWhole(f"{part}/config.json is missing from the checkpoint it is completed from")
    return Composition(base, about, (*rest, *held))


def _denoiser(folder: Path, base: Path) -> Composition:
    """Return the base with another part that paints: a folder with its configuration and its weights."""
    about = read_about(base, tuple(UNUSED | set(libraries(base))))
    part = denoiser_of(about)
    found = Composition(base, about, _sources(base, UNUSED | {part}))
    return _with(found, _beside(base, part, folder))


def _beside(frame: Path, part: str, place: Path) -> Source:
    """Return a part from a place of its own: its folder, a checkpoint that has one, or a file of it."""
    known = libraries(frame).get(part)
    if known is None:
        raise NotWhole(f"it has no {part}")
    if place.is_file():
        head = whole_file(place)
        return Source(part, *known, frame / part, head.floats, head.bytes, file=place)
    folder = place / part if (place / part).is_dir() else place
    files = part_files(folder.parent, folder.name, shown=part)
    if files is None:
        raise NotWhole(f"{part} holds no weights")
    return _source(part, *known, folder, files)


def _with(found: Composition, source: Source) -> Composition:
    kept = (one for one in found.sources if one.part != source.part)
    return replace(found, sources=(*kept, source))


def _with_prior(found: Composition, prior: Path) -> Composition:
    parts = tuple((PRIOR + name, known[1]) for name, known in libraries(prior).items())
    about = replace(found.about, parts=(*found.about.parts, *parts))
    return replace(found, about=about, sources=(*found.sources, *_sources(prior, UNUSED, PRIOR)), prior=prior)


def _prior_of(frame: Path) -> Path:
    """Return the prior that a decoder's README names, as on the hub, where it is a folder of this machine."""
    readme = frame / "README.md"
    lines = readme.read_text(encoding="utf-8", errors="replace").splitlines() if readme.is_file() else []
    for before, line in pairwise(lines):
        if before.strip() == "prior:" and Path(line.strip("- ")).is_dir():
            return Path(line.strip("- "))
    raise NotWhole("its prior is missing")


def _given(base: Path | None) -> Path:
    if base is None:
        raise NotWhole("it is one file: a checkpoint of its kind is needed to complete it, its base")
    return base
