"""Places with a floor and something at the back: a room, a street, a forest, the bottom of the sea."""

from __future__ import annotations

import numpy as np

from gesso.engines.builtin.scene import Scene, mix, rgb, step
from gesso.engines.builtin.walls import boards, brick, choose, papered

_FACADES = (rgb(196, 150, 120), rgb(206, 190, 160), rgb(150, 160, 170), rgb(180, 120, 104), rgb(214, 206, 196))
_FLOORS = (rgb(176, 130, 88), rgb(140, 98, 64), rgb(198, 160, 116), rgb(166, 160, 154))
_PAVINGS = (rgb(176, 172, 166), rgb(160, 150, 138), rgb(150, 154, 160))
_ROADS = (rgb(104, 106, 112), rgb(122, 120, 118), rgb(92, 96, 104))


def _depth(scene: Scene, y: np.ndarray) -> tuple[np.float32, np.ndarray]:
    """Return the horizon, and how near the floor is in each row: 0 at the horizon, 1 before us."""
    horizon = np.float32(scene.horizon or 0.6)
    return horizon, np.clip((y - horizon) / (1 - horizon), 0, 1)


def room(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A papered wall with a skirting board, and a floor of boards."""
    horizon, near = _depth(scene, y)
    wall = papered(scene, x, y)
    skirting = step(y + 0 * x, float(horizon) - 0.05, 0.004)[..., None]
    wall = mix(wall, rgb(244, 240, 232) * np.float32(0.96), skirting)
    across = (x - np.float32(0.5)) / (np.float32(0.4) + near) + 2
    away = np.log(near + np.float32(0.3)) * np.float32(1.2) + 4 + 0 * x
    along, beside = (away, across) if scene.chances[9] < 0.5 else (across, away)
    floor = boards(scene, along, beside, choose(_FLOORS, float(scene.chances[10])), 0.16)
    lamp = np.float32(1.06) - np.float32(0.3) * ((x - np.float32(scene.sun_x)) ** 2 + (y - np.float32(0.3)) ** 2)
    light = lamp[..., None] * scene.light.ground
    return mix(wall * light, floor * light, step(y + 0 * x, float(horizon), 0.004)[..., None])


def yard(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A brick wall, and the paving before it."""
    horizon, near = _depth(scene, y)
    wall = brick(scene, x, y) * (1 - np.float32(0.25) * step(y + 0 * x, float(horizon), 0.12))[..., None]
    u, v = (x - np.float32(0.5)) / (near + np.float32(0.35)), np.log(near + np.float32(0.35))
    grain = scene.grain(u * 60 + 300, v * 60 + 200)
    a, b = u * 4 + 64, v * 5 + 64 + 0 * x
    row = np.floor(b).astype(np.int32)
    column = np.floor(a + np.float32(0.5) * (row % 2)).astype(np.int32)
    own = scene.table[row & 63, column & 63] - np.float32(0.5)
    joint = np.minimum((a + np.float32(0.5) * (row % 2)) % 1, b % 1)
    slab = (
        choose(_PAVINGS, float(scene.chances[9])) * (1 + np.float32(0.045) * grain + np.float32(0.16) * own)[..., None]
    )
    slab = slab * (np.float32(0.72) + np.float32(0.28) * step(joint, 0.035, 0.03))[..., None] * scene.light.ground
    return mix(wall, slab, step(y + 0 * x, float(horizon), 0.004)[..., None])


def street(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Houses in a row, a pavement, and a road with a broken line."""
    horizon, near = _depth(scene, y)
    u, _ = scene.square(x, y)
    picture = scene.sky(x, y)
    place = u * np.float32(4 + 3 * scene.chances[0]) + np.float32(scene.chances[1] * 9)
    house = np.floor(place).astype(np.int32)
    own, tone = scene.table[3, house & 63], scene.table[4, house & 63]
    roof = horizon * (np.float32(0.12) + np.float32(0.55) * own)
    palette = np.stack(_FACADES)[(tone * len(_FACADES)).astype(np.int32) % len(_FACADES)]
    facade = palette * (np.float32(0.8) + np.float32(0.3) * scene.table[5, house & 63])[..., None] + 0 * y[..., None]
    storeys = (y - roof) * np.float32(11)
    part = (place - house) * 3
    glass = _within(part % 1, 0.28, 0.72) * _within(storeys % 1, 0.3, 0.78) * step(storeys, 0.2, 0.05)
    lit = (
        (scene.table[(np.floor(storeys).astype(np.int32) * 5 + np.floor(part).astype(np.int32)) & 63, house & 63]) > 0.6
    )
    panes = rgb(96, 122, 146) + 0 * facade
    if scene.light.stars:
        panes = np.where(lit[..., None], rgb(255, 222, 140) * 3, panes)
    facade = mix(facade, panes, np.float32(0.8) * glass[..., None])
    facade = facade * (1 + np.float32(0.03) * scene.grain(u * 80, y * 80))[..., None]
    picture = scene.over(picture, facade, step(y - roof, 0, 0.004))
    grain = scene.grain(
        (x - np.float32(0.5)) * 70 / (near + np.float32(0.3)) + 300, np.log(near + np.float32(0.3)) * 60 + 200
    )
    slabs = np.minimum(((x - np.float32(0.5)) / (near + np.float32(0.4)) * 7) % 1, np.float32(0.5))
    pavement = rgb(190, 184, 176) * (1 + np.float32(0.04) * grain - np.float32(0.12) * (slabs < 0.03))[..., None]
    picture = scene.over(picture, pavement, step(y + 0 * x, float(horizon), 0.004))
    kerb = np.float32(0.24 + 0.12 * scene.chances[2])
    road = choose(_ROADS, float(scene.chances[3])) * (1 + np.float32(0.085) * grain)[..., None]
    dashes = _within((u * 2 + np.float32(scene.chances[4])) % 1, 0.2, 0.7) * _within(near - kerb, 0.28, 0.33)
    road = mix(road, rgb(236, 232, 220), np.float32(0.85) * dashes[..., None])
    return scene.over(picture, road, step(near + 0 * x, float(kerb), 0.008))


def _within(value: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.asarray(step(value, low, 0.03) * (1 - step(value, high, 0.03)))


def forest(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Trunks behind trunks in a green light, leaves above, moss below."""
    horizon, near = _depth(scene, y)
    u, v = scene.square(x, y)
    leaves = np.float32(0.16) * scene.grain(u * 26, v * 26) + np.float32(0.12) * scene.grain(u * 60, v * 60)
    deep = mix(rgb(196, 220, 150), rgb(120, 164, 100), (scene.noise(x * 2, y * 2))[..., None])
    picture = deep * (1 + np.float32(0.4) * leaves)[..., None] * scene.light.ground
    for layer, (count, shade) in enumerate(((13, 0.8), (8, 0.62), (5, 0.46))):
        place = (
            u * count + np.float32(scene.chances[layer] * 9) + np.float32(0.05) * np.sin(v * 3 + scene.phases[layer])
        )
        trunk = np.floor(place).astype(np.int32)
        own = scene.table[9 + layer, trunk & 63]
        middle, half = np.float32(0.3) + np.float32(0.4) * own, np.float32(0.06) + np.float32(0.1) * own
        apart = np.abs(place - trunk - middle)
        bark = scene.grain(u * 70, v * 9) * np.float32(0.12) - apart / half * np.float32(0.25)
        foot = float(horizon) + 0.05 * layer
        body = rgb(134, 108, 78) * np.float32(shade) * (1 + bark)[..., None]
        picture = scene.over(picture, body, (1 - step(apart - half, 0, 0.03)) * (1 - step(y, foot, 0.01)))
    roof = step(scene.noise(x * 1.5, y * 2) - y * np.float32(1.5), 0.12, 0.2)
    crown = rgb(74, 128, 58) * (1 + leaves)[..., None]
    picture = scene.over(picture, crown, roof)
    moss = scene.grain(
        (x - np.float32(0.5)) * 60 / (near + np.float32(0.2)) + 300, np.log(near + np.float32(0.2)) * 30 + 200
    )
    floor = mix(rgb(110, 136, 70), rgb(92, 120, 52), near[..., None] + 0 * x[..., None])
    floor = (
        floor
        * (1 + np.float32(0.13) * moss + np.float32(0.4) * (scene.noise(x * 2, y * 4) - np.float32(0.5)))[..., None]
    )
    edge = step(y + np.float32(0.02) * np.sin(x * 9 + scene.phases[5]), float(horizon), 0.02)
    return scene.over(picture, floor, edge)


def underwater(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rays of light in blue water, over sand on which they play."""
    _, near = _depth(scene, y)
    u, v = scene.square(x, y)
    water = mix(rgb(120, 206, 220), rgb(16, 78, 132), (y**0.8 + 0 * x)[..., None])
    lean = np.float32(0.5 * (scene.chances[0] - 0.5))
    rays = scene.grain((x + lean * y - np.float32(scene.sun_x)) * 22 / (np.float32(0.5) + y) + 200, 0 * x + y * 2 + 50)
    swell = scene.noise(x, y * 2) - np.float32(0.5)
    bits = scene.grain(u * 36, v * 36)
    water = (
        water * (1 + np.float32(0.09) * rays * (1 - y) + np.float32(0.3) * swell + np.float32(0.022) * bits)[..., None]
    )
    bend = scene.noise(x * 2, near) * np.float32(3)
    grain = scene.grain(
        (x - np.float32(0.5)) * 60 / (near + np.float32(0.3)) + 300, np.log(near + np.float32(0.3)) * 34 + bend + 200
    )
    play = np.abs(
        scene.grain(
            (x - np.float32(0.5)) * 14 / (near + np.float32(0.3)) + 300, np.log(near + np.float32(0.3)) * 12 + 90
        )
    )
    sand = mix(rgb(150, 178, 160), rgb(206, 200, 160), near[..., None] + 0 * x[..., None])
    sand = sand * (np.float32(1.04) + np.float32(0.07) * grain - np.float32(0.12) * np.minimum(play, 1))[..., None]
    edge = step(y + np.float32(0.02) * np.sin(x * 8 + scene.phases[2]), float(scene.horizon or 0.8), 0.03)
    return mix(water * scene.light.ground, sand * scene.light.ground, edge[..., None])
