"""Where the files of an IP-Adapter lie: a repository holds several, each with one of two encoders for its pictures."""

from __future__ import annotations

from pathlib import Path

from gesso.engines.diffusers.child.loaded import CannotLoad

FACE = "ip_adapter_face"  # in `Checkpoint.beside`: the variant for faces


def adapter_file(place: Path, name: str) -> Path:
    """Return the weights' file: `place` itself, or the likeliest in that folder for this use. Raises `CannotLoad`."""
    if place.is_file():
        return place
    for folder in (place / "sdxl_models", place, place / "models"):
        files = sorted(folder.glob("*.safetensors"))
        fitting = [file for file in files if ("face" in file.name) == (name == FACE)]
        if fitting:
            return min(fitting, key=lambda file: ("plus" not in file.name, len(file.name)))
    raise CannotLoad(f"No weights for {name} lie where those of its name should be.")


def encoder_folder(file: Path) -> Path:
    """Return the folder of the encoder that an adapter's file was trained with. Raises `CannotLoad`.

    In the layout of h94/IP-Adapter those named "vit-h" share `models/image_encoder`, others have their folder's own.
    """
    own, shared = file.parent / "image_encoder", file.parent.parent / "models" / "image_encoder"
    order = (shared, own) if "vit-h" in file.name else (own, shared)
    for folder in order:
        if (folder / "config.json").exists():
            return folder
    raise CannotLoad("The picture encoder of the IP-Adapter is not beside its weights.")
