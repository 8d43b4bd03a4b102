"""The scripts of training/ import one another by bare name, as they do when they are run; here they get on the path.

Nothing here needs torch: what is judged is drawn by the engine, and the judge is a file beside evaluate.py.
"""

from pathlib import Path

import pytest

TRAINING = Path(__file__).parents[2] / "training"


@pytest.fixture(autouse=True)
def _training_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TRAINING))
