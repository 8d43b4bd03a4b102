"""The first trials of every row of the evaluation, with bars a few points lower: a regression of the model fails here."""

from pathlib import Path

import pytest

PARTS = ("words", "objects", "outlines", "attributes", "backgrounds", "photographs", "changes", "looks", "references", "sharpness",
         "controls", "cost")  # fmt: skip


@pytest.fixture(scope="module")
def studio():
    import sys

    sys.path.insert(0, str(Path(__file__).parents[2] / "training"))
    from easel import Easel
    from evaluate import QUICK
    from gesso.engines.builtin.vocabulary import WEIGHTS_FOLDER
    from judge import Judge
    from rows.studio import Studio

    made = Studio(Easel(), Judge(), WEIGHTS_FOLDER, QUICK)
    yield made
    made.easel.close()
    sys.path.remove(str(Path(__file__).parents[2] / "training"))


@pytest.mark.parametrize("part", PARTS)
def test_no_row_is_far_below_its_bar(part: str, studio) -> None:
    from evaluate import PARTS as MEASURED
    from shares import Share

    assert tuple(MEASURED) == PARTS
    for row in MEASURED[part](studio):
        wrong = (
            [f"{trial.asked} -> {trial.seen}" for trial in row.trials if not trial.right]
            if isinstance(row, Share)
            else []
        )
        assert row.reached_nearly, f"{row.name}: {row.cells()[1]}, the bar is {row.cells()[0]}\n" + "\n".join(wrong)
