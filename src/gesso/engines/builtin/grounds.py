"""The grounds a background can have: open land and water here, each a formula over rows of the picture in a light."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gesso.engines.builtin.places import forest, room, street, underwater, yard
from gesso.engines.builtin.scene import Scene, mix, rgb, step
from gesso.engines.builtin.walls import brick, linen, plaster, table, wallpaper, wood

HORIZONS = {
    "sea": 0.55,
    "grass": 0.58,
    "snow": 0.6,
    "beach": 0.48,
    "desert": 0.55,
    "table": 0.6,
    "street": 0.62,
    "room": 0.7,
    "yard": 0.72,
    "forest": 0.66,
    "underwater": 0.8,
}
SHORE = 0.18  # of the picture's height: from the horizon to a beach's sand
HORIZON_SWAY = 0.06  # how far the seed may move one, up or down

_HAZE = 0.012  # how soft the line of the horizon is, in heights of the picture


def _sky(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return scene.sky(x, y)


def _sea(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    horizon = np.float32(scene.horizon or 0)
    depth = np.clip((y - horizon) / (1 - horizon), 0, 1)
    water = mix(rgb(120, 190, 214), rgb(24, 92, 142), (depth**0.7 + 0 * x)[..., None])
    far = 1 / (depth + np.float32(0.06))  # waves crowd together towards the horizon
    bend = scene.noise(x, depth, 3) * np.float32(9)
    waves = np.sin(far * 9 + bend + scene.phases[0]) * np.sin(far * 3.1 + x * 23 + bend * 1.7 + scene.phases[1])
    small = scene.grain((x - np.float32(0.5)) * 8 * far + 90, far * 9 + bend * np.float32(0.4))
    lift = np.float32(0.055) * waves + np.float32(0.035) * small
    water = water + (lift * np.clip(depth * 6, 0, 1))[..., None]
    if scene.light.glow:
        path = np.exp(-(((x - np.float32(scene.sun_x)) / (np.float32(0.05) + np.float32(0.16) * depth)) ** 2))
        water = mix(water, rgb(255, 214, 150), (path * np.float32(0.55) * (1 - np.float32(0.6) * depth))[..., None])
    return scene.over(scene.sky(x, y), water, step(y + 0 * x, float(horizon), _HAZE / 3))


def _hills(
    scene: Scene,
    x: np.ndarray,
    y: np.ndarray,
    colours: tuple[np.ndarray, ...],
    height: float,
    grain: float,
    blades: tuple[float, float, float],
) -> np.ndarray:
    """Paint rolling layers, the farthest first; `height` is how much they roll, `grain` how rough they are.

    `blades`: grains across, grains down (of the nearest ground's width) and strength of the fine surface.
    """
    picture = scene.sky(x, y)
    horizon = scene.horizon or 0.6
    texture = (scene.noise(x * 3, y * 5) - np.float32(0.5)) * np.float32(grain)
    across, down, strength = blades
    near = np.clip((y - np.float32(horizon)) / np.float32(1 - horizon), 0, 1) + np.float32(0.12)
    u, _ = scene.square(x - np.float32(0.5), y)
    fine = scene.grain(u * np.float32(across) / near + 200, np.log(near) * np.float32(down) + 200)
    texture = texture + fine * np.float32(strength) * scene.seen(near / np.float32(across)) * np.minimum(near * 2, 1)
    for layer, colour in enumerate(colours):
        top = horizon + layer * (1 - horizon) * 0.3
        roll = np.sin(x * (5.3 - layer) + scene.phases[layer]) + np.float32(0.45) * np.sin(
            x * (11.1 - 2 * layer) + scene.phases[layer + 3]
        )
        below = y - np.float32(top) + roll * np.float32(height)
        shade = 1 + texture - np.clip(below, 0, 1) * np.float32(0.45)
        picture = scene.over(picture, colour * shade[..., None], step(below, 0, _HAZE / 2))
    return picture


def _grass(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    dry = np.float32(scene.chances[0] * 0.35)
    greens = (rgb(146, 186, 122), rgb(122, 184, 84), rgb(98, 168, 66))
    colours = tuple(mix(green, rgb(164, 172, 84), dry) for green in greens)
    return _hills(scene, x, y, colours, 0.022, 0.22, (95.0, 34.0, 0.12))


def _snow(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    colours = (rgb(206, 220, 236), rgb(228, 236, 246), rgb(248, 251, 255))
    return _hills(scene, x, y, colours, 0.02 + 0.02 * float(scene.chances[0]), 0.12, (18.0, 22.0, 0.03))


def _desert(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    colours = (rgb(214, 160, 104), rgb(228, 178, 118), rgb(238, 194, 134))
    return _hills(scene, x, y, colours, 0.026 + 0.02 * float(scene.chances[0]), 0.1, (9.0, 70.0, 0.05))


def _beach(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    sea = _sea(scene, x, y)
    shore = np.float32((scene.horizon or 0.48) + SHORE) + np.float32(0.012) * np.sin(x * 7 + scene.phases[2])
    shore = shore + np.float32(0.1 * (scene.chances[1] - 0.5)) * (x - 0.5)
    u, v = scene.square(x, y)
    rough = (scene.noise(x * 4, y * 6) - np.float32(0.5)) * np.float32(0.16)
    rough = rough + np.float32(0.045) * scene.grain(u * 110, v * 160) * scene.seen(1 / 110)
    wet = mix(rgb(196, 166, 122), rgb(240, 218, 174), step(y - shore, 0.05, 0.1)[..., None])
    foam = np.exp(-(((y - shore) / np.float32(0.008)) ** 2))
    sand = scene.over(sea, wet * (1 + rough)[..., None], step(y - shore, 0, 0.008))
    return scene.over(sand, rgb(252, 253, 255) + 0 * sand, np.float32(0.8) * foam)


def _space(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    cloud, other = scene.noise(x, y), scene.noise(y.T, x.T).T
    picture = rgb(7, 8, 22) + rgb(70, 32, 96) * (step(cloud, 0.6, 0.45) * np.float32(0.9))[..., None]
    return picture + rgb(16, 52, 96) * (step(other, 0.58, 0.5) * np.float32(0.8))[..., None]


GROUNDS: dict[str, Callable[[Scene, np.ndarray, np.ndarray], np.ndarray]] = {
    "sky": _sky,
    "sea": _sea,
    "grass": _grass,
    "snow": _snow,
    "beach": _beach,
    "desert": _desert,
    "table": table,
    "space": _space,
    "brick": brick,
    "wood": wood,
    "plaster": plaster,
    "linen": linen,
    "wallpaper": wallpaper,
    "room": room,
    "street": street,
    "yard": yard,
    "forest": forest,
    "underwater": underwater,
}
