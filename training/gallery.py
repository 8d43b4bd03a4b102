"""Contact sheets: pictures in rows with captions, as PNG or JPEG; what was judged wrong is framed in red."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from shares import Row, Share, Trial

_CAPTION = 17  # pixels below each picture, for each of its lines
_GAP = 3
_RIGHT, _WRONG = (120, 190, 120), (225, 40, 40)
_MOST = 21  # pictures of one row on a sheet, the wrong ones first
_QUALITY = 82


def sheet(
    pictures: Sequence[np.ndarray],
    captions: Sequence[str],
    columns: int,
    path: Path,
    frames: Sequence[tuple[int, int, int]] = (),
) -> None:
    """Write pictures (uint8 [h, w, 3], fitted into the largest) in rows, each with its caption of one or two lines."""
    wide, tall = max(picture.shape[1] for picture in pictures), max(picture.shape[0] for picture in pictures)
    lines = max(caption.count("\n") + 1 for caption in captions)
    across, down = wide + 2 * _GAP, tall + 2 * _GAP + lines * _CAPTION
    page = Image.new("RGB", (columns * across, -(-len(pictures) // columns) * down), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, top = number % columns * across + _GAP, number // columns * down + _GAP
        if frames:
            pen.rectangle((left - 3, top - 3, left + wide + 2, top + tall + 2), "white", frames[number], 3)
        image = Image.fromarray(np.ascontiguousarray(picture[..., :3]))
        page.paste(image, (left + (wide - image.width) // 2, top + (tall - image.height) // 2))
        for line, text in enumerate(caption.split("\n")):
            while pen.textlength(text, font) > wide:
                text = text[:-2] + "…"  # noqa: PLW2901
            pen.text((left + 2, top + tall + 2 + line * _CAPTION), text, "black", font)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, optimize=True, quality=_QUALITY)
    print(f"{path}: {len(pictures)} pictures, {path.stat().st_size / 1e6:.2f} MB")


def write_sheets(found: dict[str, list[Row]], folder: Path) -> None:
    """Write one sheet a part of the evaluation: judged-objects.jpg and so on."""
    for name, rows in found.items():
        trials = [trial for row in rows if isinstance(row, Share) for trial in _few(row.trials)]
        if not trials:
            continue
        side = 112 if len(trials) > 100 else 160
        pictures = [_small(trial.picture, side) for trial in trials if trial.picture is not None]
        captions = [f"{trial.asked}\n{trial.seen if trial.right else 'WRONG: ' + trial.seen}" for trial in trials]
        frames = [_RIGHT if trial.right else _WRONG for trial in trials]
        sheet(pictures, captions, 10 if side < 160 else 7, folder / f"judged-{name}.jpg", frames)


def _few(trials: Sequence[Trial]) -> list[Trial]:
    """Return the trials with pictures, at most so many; the wrong ones are kept."""
    shown = [trial for trial in trials if trial.picture is not None]
    return sorted(shown, key=lambda trial: trial.right)[:_MOST]


def _small(picture: np.ndarray, side: int) -> np.ndarray:
    image = Image.fromarray(picture)
    image.thumbnail((2 * side, side))
    return np.asarray(image)
