"""HEIC, an extra: registers pillow-heif with Pillow on first use, or says how to install it."""

from __future__ import annotations

from gesso.domain.errors import InvalidInput


def enable_heic(field: str) -> None:
    """Make Pillow read HEIC; raise `InvalidInput` naming the extra when it is not installed."""
    try:
        import pillow_heif
    except ImportError as error:
        raise InvalidInput.of(
            field,
            "unsupported_image",
            f"{field} is HEIC, which this installation cannot read; "
            "its operator can add that with `pip install gesso[heic]`. Or send JPEG, PNG or WebP.",
        ) from error
    pillow_heif.register_heif_opener(thumbnails=False)
