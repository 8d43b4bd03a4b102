"""The training scripts import one another by bare name, as they do when they are run; here they get on the path."""

from pathlib import Path

import pytest

TRAINING = Path(__file__).parents[3] / "training"


@pytest.fixture(autouse=True)
def _needs_torch_and_the_font(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("torch", "cv2", "onnx"):
        pytest.importorskip(library, reason=f"{library} is not installed (the training extra)")
    monkeypatch.syspath_prepend(str(TRAINING))
    sprites = __import__("sprites")
    if not sprites.FONT.exists():
        pytest.skip("Noto Color Emoji is not installed (Debian: fonts-noto-color-emoji)")
