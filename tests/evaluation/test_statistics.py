"""The rules that tell backgrounds: each accepts its own ground as the engine paints it, and next to none of the others."""

import numpy as np
import pytest

SIZE, SEEDS = 128, range(3)


def painted(prompt: str, seed: int) -> np.ndarray:
    from gesso.engines.builtin.background import backdrop
    from gesso.engines.builtin.vocabulary import load_vocabulary
    from gesso.engines.builtin.words import understand

    vocabulary = load_vocabulary()
    asked = understand(prompt, vocabulary, editing=False).background
    assert asked is not None
    pixels = backdrop(asked, vocabulary.colours, seed, alone=True).paint(SIZE, SIZE)
    return pixels.astype(np.float32) / 255


def test_a_ground_is_told_from_the_others() -> None:
    from rows.backgrounds import PROMPTS
    from rows.statistics import GROUNDS

    mistaken = []
    for ground, prompts in PROMPTS.items():
        for prompt in prompts:
            for seed in SEEDS:
                picture = painted(prompt, seed)
                mistaken += [(prompt, seed, name) for name, rule in GROUNDS.items() if name != ground and rule(picture)]
    pictures = sum(map(len, PROMPTS.values())) * len(SEEDS)
    assert len(mistaken) <= 0.1 * pictures, mistaken


@pytest.mark.parametrize(
    ("colour", "name"),
    [((206, 66, 60), "red"), ((240, 150, 62), "orange"), ((247, 214, 92), "yellow"), ((104, 176, 100), "green"),
     ((84, 142, 214), "blue"), ((142, 104, 190), "purple"), ((243, 166, 190), "pink"), ((142, 104, 78), "brown"),
     ((248, 248, 246), "white"), ((152, 156, 162), "gray"), ((26, 26, 30), "black"), ((139, 69, 19), "brown"),
     ((255, 0, 0), "red"), ((0, 0, 128), "blue"), ((255, 192, 203), "pink"), ((255, 255, 0), "yellow")],
)  # fmt: skip
def test_flat_colours_have_the_names_people_give_them(colour: tuple[int, int, int], name: str) -> None:
    from rows.statistics import name_of, plain

    assert name_of(tuple(value / 255 for value in colour)) == name
    page = np.full((40, 60, 3), np.array(colour, np.float32) / 255)
    assert plain(name)(page)
    page[:, :20] = 1 - page[:, :20]
    assert not plain(name)(page)


def test_a_gradient_has_both_ends_and_no_jump() -> None:
    from rows.statistics import gradient

    blue, yellow = np.array((0.2, 0.4, 0.9), np.float32), np.array((0.95, 0.85, 0.3), np.float32)
    share = np.linspace(0, 1, 120, dtype=np.float32)[:, None, None]
    smooth = np.broadcast_to(blue * (1 - share) + yellow * share, (120, 80, 3))
    assert gradient("blue", "yellow")(smooth)
    assert gradient("yellow", "blue")(smooth.transpose(1, 0, 2))
    assert not gradient("blue", "red")(smooth)
    jump = np.broadcast_to(np.where(share < 0.5, blue, yellow), (120, 80, 3))
    assert not gradient("blue", "yellow")(jump)
