"""Surfaces behind things: brick, wood, plaster, cloth, wallpaper, and a table before a wall."""

from __future__ import annotations

import numpy as np

from gesso.engines.builtin.scene import Scene, mix, rgb, step

_BRICKS = (rgb(168, 82, 62), rgb(150, 70, 56), rgb(186, 98, 70), rgb(176, 92, 80))
_PAINTED_BRICKS = (rgb(226, 222, 214), rgb(150, 152, 156), rgb(206, 178, 138), rgb(120, 140, 150))
_WOODS = (rgb(166, 116, 74), rgb(188, 140, 92), rgb(130, 86, 54), rgb(150, 100, 60))
_WALLS = (
    rgb(226, 214, 196),
    rgb(196, 212, 222),
    rgb(206, 220, 196),
    rgb(232, 206, 200),
    rgb(214, 206, 226),
    rgb(240, 226, 178),
    rgb(204, 206, 210),
    rgb(178, 206, 204),
)


def choose(colours: tuple[np.ndarray, ...], chance: float) -> np.ndarray:
    """Return one of the colours for a chance in 0..1."""
    return colours[int(chance * len(colours)) % len(colours)]


def brick(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Courses of bricks, every other one moved by half a brick; nobody's choice may be painted ones."""
    u, v = scene.square(x, y)
    painted = scene.free and scene.chances[0] < 0.4
    colour = choose(_PAINTED_BRICKS if painted else _BRICKS, float(scene.chances[1]))
    mortar = rgb(206, 198, 186) if scene.chances[2] < 0.7 and not painted else colour * np.float32(0.62)
    tall = np.float32(1 / (8 + 6 * scene.chances[3]))
    course = v / tall + np.float32(scene.chances[4])
    row = np.floor(course).astype(np.int32)
    along = u / (tall * np.float32(2.6)) + np.float32(0.5) * (row % 2) + np.float32(scene.chances[5])
    column = np.floor(along).astype(np.int32)
    own = scene.table[row & 63, column & 63]  # each brick's own tone
    across, down = along - column, course - row
    joint = np.float32(0.09)
    edge = np.minimum(np.minimum(across, 1 - across) * np.float32(2.6), np.minimum(down, 1 - down))
    edge = edge + np.float32(0.018) * scene.grain(u * 60, v * 60)
    face = step(edge, float(joint), 0.05 + 2.0 / (float(tall) * min(scene.width, scene.height)))
    rough = np.float32(0.05) * scene.grain(u * 130, v * 130) * scene.seen(1 / 130)
    rough = rough + np.float32(0.05) * scene.grain(u * 24, v * 30) + (own - np.float32(0.5)) * np.float32(0.34)
    shade = np.float32(0.08) * (np.float32(0.5) - down)  # lit from above
    stone = colour * (1 + rough + shade)[..., None]
    bed = mortar * (1 + np.float32(0.05) * scene.grain(u * 90, v * 90))[..., None]
    return _lit(mix(bed, stone, face[..., None]), scene, x, y)


def boards(scene: Scene, along: np.ndarray, across: np.ndarray, colour: np.ndarray, wide: float) -> np.ndarray:
    """Paint boards of a width, with their grain; `along` and `across` are measured in shorter sides."""
    place = across / np.float32(wide) + np.float32(scene.chances[6])
    board = np.floor(place).astype(np.int32)
    begins = scene.table[:, 8] * np.float32(0.6)  # no two boards are as wide as one another
    board = board - (place - board < begins[board & 63])
    own = scene.table[board & 63, 7]
    edge = np.minimum(place - board - begins[board & 63], board + 1 + begins[(board + 1) & 63] - place) * np.float32(
        wide
    )
    shift = own * 97  # no two boards are sawn from the same place
    wave = scene.smooth(along * np.float32(1.6) + shift, across * 5 + shift)
    rings = np.sin((across * 95 + wave * np.float32(2.6) + shift) * np.float32(2.2))
    fibre = scene.grain(along * 7 + shift, across * 150) * scene.seen(1 / 150)
    tone = 1 + (own - np.float32(0.5)) * np.float32(0.26) + np.float32(0.06) * rings + np.float32(0.055) * fibre
    gap = step(edge, 0.004, 0.006)
    return np.asarray(colour * (tone * (np.float32(0.45) + np.float32(0.55) * gap))[..., None])


def wood(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Boards, standing or lying, narrow or wide, dark or light."""
    u, v = scene.square(x, y)
    colour = choose(_WOODS, float(scene.chances[1]))
    wide = 0.1 + 0.14 * float(scene.chances[2])
    along, across = (v + 0 * u, u + 0 * v) if scene.chances[3] < 0.5 else (u + 0 * v, v + 0 * u)
    return _lit(boards(scene, along, across, colour, wide), scene, x, y)


def plaster(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A trowelled wall."""
    return _lit(_plaster(scene, x, y, choose(_WALLS, float(scene.chances[1]))), scene, x, y)


def _plaster(scene: Scene, x: np.ndarray, y: np.ndarray, colour: np.ndarray) -> np.ndarray:
    u, v = scene.square(x, y)
    turn = np.float32(scene.chances[2] * np.pi)
    a, b = u * np.cos(turn) + v * np.sin(turn) + 9, v * np.cos(turn) - u * np.sin(turn) + 9
    strokes = scene.grain(a * 9, b * 34) + np.float32(0.7) * scene.grain(a * 26, b * 70)
    stains = scene.noise(u * np.float32(0.7), v * np.float32(0.7)) - np.float32(0.5)
    return np.asarray(colour * (1 + np.float32(0.03) * strokes + np.float32(0.12) * stains)[..., None])


def linen(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Woven cloth in soft folds."""
    u, v = scene.square(x, y)
    colour = mix(choose(_WALLS, float(scene.chances[1])), rgb(96, 110, 150), np.float32(0.45 * scene.chances[2]))
    threads = scene.grain(u * 120, v * 7) + scene.grain(u * 7 + 60, v * 120)
    folds = np.sin(u * 7 + v * np.float32(6 * scene.chances[3]) + scene.phases[0] + 3 * scene.noise(u / 2, v / 2, 2))
    shade = np.float32(0.042) * threads * scene.seen(1 / 120) + np.float32(0.07) * folds
    return np.asarray(colour * (np.float32(0.95) + shade)[..., None] * scene.light.ground)


def wallpaper(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Stripes, dots or diamonds in two tones."""
    return _lit(papered(scene, x, y), scene, x, y)


def papered(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    u, v = scene.square(x, y)
    colour = choose(_WALLS, float(scene.chances[1]))
    period = np.float32(0.07 + 0.07 * scene.chances[2])
    a, b = u / period, v / period
    soft = 1.5 / (float(period) * min(scene.width, scene.height)) + 0.02
    if scene.chances[3] < 0.4:
        figure = step(np.abs(a % 1 - np.float32(0.5)) + 0 * b, 0.25, soft)
    elif scene.chances[3] < 0.7:
        row = np.floor(b)
        figure = 1 - step(np.hypot((a + (row % 2) / 2) % 1 - np.float32(0.5), b % 1 - np.float32(0.5)), 0.2, soft)
    else:
        figure = step(np.abs(a % 1 - np.float32(0.5)) + np.abs(b % 1 - np.float32(0.5)), 0.5, soft)
    paper = mix(colour, colour * np.float32(0.84), figure[..., None])
    return np.asarray(paper * (1 + np.float32(0.022) * scene.grain(u * 100, v * 100) * scene.seen(1 / 100))[..., None])


def table(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A wooden table before a wall; its boards run away from us, or across."""
    horizon = np.float32(scene.horizon or 0)
    papers = scene.free and scene.chances[7] < 0.3
    wall = papered(scene, x, y) if papers else _plaster(scene, x, y, choose(_WALLS, float(scene.chances[1])))
    wall = wall * (np.float32(1.02) - np.float32(0.12) * y / horizon + 0 * x)[..., None]
    near = np.clip((y - horizon) / (1 - horizon), 0, 1)
    across = (x - np.float32(0.5)) / (np.float32(0.5) + near) + 2
    away = np.log(near + np.float32(0.35)) * np.float32(1.4) + 4 + 0 * x
    colour = choose(_WOODS, float(scene.chances[4]))
    along, beside = (away, across) if scene.chances[5] < 0.6 else (across * np.float32(1.5), away)
    top = boards(scene, along, beside, colour, 0.22) * (np.float32(0.86) + np.float32(0.2) * near + 0 * x)[..., None]
    edge = step(y + 0 * x, float(horizon), 0.004)[..., None]
    return _lit(mix(wall, top, edge), scene, x, y)


def _lit(surface: np.ndarray, scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a surface in its scene's light, with a lamp somewhere above."""
    distance = (x - np.float32(scene.sun_x)) ** 2 + (y - np.float32(0.3 * scene.chances[8])) ** 2
    return np.asarray(surface * scene.light.ground * (np.float32(1.08) - np.float32(0.3) * distance)[..., None])
