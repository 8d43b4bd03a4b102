"""Find the thing a picture shows and cut it out: what differs from the picture's border, in one piece; no network.

The border is taken to be background. Two descriptions of it are tried at every pixel, and the better one counts: a
smooth surface through it (walls, gradients), and the colours that occur along it (several grounds, textures). Then
colours of both sides decide which pixels along the outline belong to the thing, and how far.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from gesso.domain.picture import DecodedPicture
from gesso.engines.builtin.colours import to_oklab
from gesso.engines.builtin.grow import grown
from gesso.engines.builtin.islands import islands
from gesso.engines.builtin.previews import shrink

_LOOK_SIDE = 128  # pixels of the longer side where the thing is looked for
_MOST_SIDE = 768  # and of what is returned
_BORDER = 0.035  # of the longer side: how wide the border is
_COMMON = 0.04  # of the border: as many must be alike for a colour to be a background's
_NOTICED = 0.022  # Oklab: differences below it are not seen
_SAMPLES = 400  # colours that stand for all of one side
_BESIDE = 0.10  # how much the way across the picture counts beside colours, when sides are told apart
_LEAST_PART, _LEAST_HOLE = 0.12, 0.03  # of the thing: smaller parts are dropped, smaller holes closed
_LEAST_AREA, _MOST_AREA = 0.004, 0.85  # of the picture
_MOST_BORDER = 0.35  # of the border that a thing may cover
_SHADOW_TINT, _DARKEST = 0.03, 0.62  # of a shadow: how far from the wall's hue, how much of its light at least
_SHADOW_HEIGHT, _SHADOW_WIDTH = 0.2, 0.4  # and of the thing: how much at its foot, how wide at least
_SHADOW_SHARE = 0.3  # of what was found, at most
_BAND = 3  # pixels of the looked-at picture, either way of the outline, in which edges are soft


def cutout(picture: DecodedPicture) -> np.ndarray | None:
    """Return what a picture shows as a layer, uint8 [h, w, 4], premultiplied, at most 768 pixels a side.

    A picture with transparent parts is taken as it is. None when nothing stands out from the border.
    """
    rgb = shrink(picture.rgb, _MOST_SIDE)
    if picture.alpha is not None and _is_cut_out(picture.alpha):
        full = np.dstack([_premultiplied(picture.rgb, picture.alpha), picture.alpha])
        image = Image.frombytes("RGBa", full.shape[1::-1], full.tobytes()).resize(rgb.shape[1::-1])
        layer = np.frombuffer(image.tobytes(), np.uint8).reshape(*rgb.shape[:2], 4)
        return np.minimum(layer, layer[..., 3:])
    look = shrink(rgb, _LOOK_SIDE)
    found = _thing(look)
    if found is None:
        return None
    scale = rgb.shape[0] / look.shape[0], rgb.shape[1] / look.shape[1]
    near = grown(found, 3 * _BAND)  # what edges are judged by
    small = _ends(np.any(near, 1)), _ends(np.any(near, 0))
    large = tuple(slice(round(side.start * by), round(side.stop * by)) for side, by in zip(small, scale, strict=True))
    layer = np.zeros((*rgb.shape[:2], 4), np.uint8)
    layer[large] = _soft(rgb[large], found[small], max(1, round(_BAND * max(scale))))
    return layer


def _ends(line: np.ndarray) -> slice:
    """Return from where to where a line (bool [n]) has anything."""
    there = np.flatnonzero(line)
    return slice(int(there[0]), int(there[-1]) + 1)


def _is_cut_out(alpha: np.ndarray) -> bool:
    """Tell whether alpha shows a thing: some of the picture is clear, and some is not."""
    clear = float((alpha < 128).mean())
    return 0.01 < clear < 0.999


def _thing(rgb: np.ndarray) -> np.ndarray | None:
    """Return where a small picture (uint8 [h, w, 3]) shows its thing: bool [h, w]; None where nothing stands out."""
    height, width = rgb.shape[:2]
    if min(height, width) < 16:
        return None
    colours = _blurred(np.stack(to_oklab(rgb.reshape(-1, 3)), -1).reshape(height, width, 3), 1)
    border = np.ones((height, width), bool)
    wide = max(2, round(max(height, width) * _BORDER))
    border[wide:-wide, wide:-wide] = False
    apart = np.linalg.norm(_surface(colours, border) - colours, axis=-1)
    wall = np.quantile(apart[border], 0.9) <= _NOTICED
    if not wall:  # what is elsewhere along the border counts too
        apart = np.minimum(apart, _from_colours(colours, border))
    apart = apart / max(_NOTICED, float(np.quantile(apart[border], 0.85)))
    mask = _filled(apart > _threshold(apart), apart)
    for _ in range(2):
        mask = _largest(mask)
        if not mask.any():
            return None
        mask = _filled(_sided(colours, mask), apart)
    if wall:
        mask &= ~_shadow(rgb, mask, border)
    mask = _largest(mask)
    area = float(mask.mean())
    if not _LEAST_AREA < area < _MOST_AREA or mask[border].mean() > _MOST_BORDER or np.median(apart[mask]) < 1.5:
        return None
    if mask[border].any() and not (~grown(~mask, 2)).any():  # a line from edge to edge, where two grounds meet
        return None
    return mask


def _surface(colours: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Return the smooth surface most of the border lies in: float [h, w, 3]."""
    height, width = border.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1)
    known, wanted = terms[border], colours[border].astype(np.float64)
    kept = np.ones(len(known), bool)
    fit = np.zeros((6, 3))
    for _ in range(3):  # a thing that reaches over the border must not bend the surface
        fit = np.linalg.lstsq(known[kept], wanted[kept], rcond=None)[0]
        off = np.linalg.norm(known @ fit - wanted, axis=1)
        kept = off <= max(float(np.quantile(off, 0.75)), _NOTICED / 2)
    return np.asarray(terms @ fit)


def _shadow(rgb: np.ndarray, mask: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Return where a thing's lowest part is only the wall, darker: bool [h, w]; a strip about as wide as the thing."""
    colours = rgb / 255
    wall = _surface(colours, border)
    shade = (colours * wall).sum(-1) / np.maximum((wall * wall).sum(-1), 1e-6)
    alike = np.linalg.norm(colours - shade[..., None] * wall, axis=-1) < _SHADOW_TINT
    box = _ends(np.any(mask, 1)), _ends(np.any(mask, 0))
    low = np.arange(len(mask))[:, None] >= box[0].stop - _SHADOW_HEIGHT * (box[0].stop - box[0].start)
    shadow = np.zeros_like(mask)
    shaded = mask & alike & (shade > _DARKEST) & (shade < 1)
    if shaded.sum() > _SHADOW_SHARE * mask.sum():  # the thing itself has that colour: a grey one on white
        return shadow
    for strip in islands(shaded & low):
        across = _ends(np.any(strip, 0))
        if across.stop - across.start > _SHADOW_WIDTH * (box[1].stop - box[1].start):
            shadow |= strip
    return shadow


def _from_colours(colours: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Return how far each pixel is from a colour that is common along the border: float [h, w]."""
    height, width = border.shape
    lines = np.broadcast_to(np.arange(height)[:, None, None] * (_BESIDE / height), (height, width, 1))
    features = np.concatenate([colours, lines], -1)  # grounds lie in strips: what is level with a pixel is nearer
    samples = _some(features[border])
    return _nearest(features.reshape(-1, 4), samples, max(1, round(_COMMON * len(samples)))).reshape(border.shape)


def _sided(colours: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return a mask drawn anew: around its outline, what is more like the inside than like the outside."""
    height, width = mask.shape
    y, x = np.mgrid[0:height, 0:width] * (_BESIDE / max(height, width))
    features = np.concatenate([colours, np.stack([y, x], -1)], -1)
    inner, outer = ~grown(~mask, 2), ~grown(mask, 2)
    if inner.sum() < 12 or outer.sum() < 12:
        return mask
    near = grown(mask, 6) & ~inner
    inside = _nearest(features[near], _some(features[inner]), 3)
    outside = _nearest(features[near], _some(features[outer & grown(mask, 24)]), 3)
    share = mask.astype(np.float64)
    share[near] = outside / np.maximum(inside + outside, 1e-6)
    return np.asarray(_blurred(share[..., None], 1)[..., 0] > 0.5)


def _soft(rgb: np.ndarray, found: np.ndarray, band: int) -> np.ndarray:
    """Return a layer (uint8 [h, w, 4], premultiplied) with soft edges, the background's colour taken out of them.

    Along the outline alpha is how far a colour has come from the background's (the mean of what is surely outside, near
    it) to the thing's; where the two are alike it is the outline alone.
    """
    height, width = rgb.shape[:2]
    share = _blurred(found[..., None].astype(np.float32), 1)[..., 0]
    outline = np.asarray(Image.fromarray(share).resize((width, height), Image.Resampling.BILINEAR))
    colours = rgb.astype(np.float32)
    sure_in, sure_out = outline > 0.98, outline < 0.02
    inside, outside = _mean_of(colours, sure_in, band), _mean_of(colours, sure_out, band)
    way = inside - outside
    length = (way * way).sum(-1)
    line = np.clip(((colours - outside) * way).sum(-1) / np.maximum(length, 1), 0, 1)
    trust = np.clip(length / 60.0**2, 0, 1)
    soft = np.clip((outline - 0.5) * 3 + 0.5, 0, 1)
    reach = np.minimum(outline / 0.25, 1)  # nothing appears far outside the outline
    alpha = np.where(sure_in, 1, np.where(sure_out, 0, trust * line * reach + (1 - trust) * soft))
    alpha = np.where(alpha < 0.06, 0, alpha)[..., None]
    own = np.clip((colours - (1 - alpha) * outside) / np.maximum(alpha, 0.2), 0, 255)
    layer = np.concatenate([np.where(alpha < 1, own, colours) * alpha, alpha * 255], -1)
    eight = (layer + 0.5).astype(np.uint8)
    return np.minimum(eight, eight[..., 3:])


def _filled(mask: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Return a mask without holes, but for large ones that look just like the background."""
    closed = mask.copy()
    edge = np.ones_like(mask)
    edge[1:-1, 1:-1] = False
    for hole in islands(~mask):
        through = hole.sum() > _LEAST_HOLE * mask.sum() and np.median(apart[hole]) < 0.7
        if not (hole & edge).any() and not through:
            closed |= hole
    return closed


def _largest(mask: np.ndarray) -> np.ndarray:
    """Return the largest part of a mask, and others that are not much smaller."""
    kept = np.zeros_like(mask)
    most = 0
    for part in islands(mask):
        most = max(most, int(part.sum()))
        if part.sum() < _LEAST_PART * most:
            break
        kept |= part
    return kept


def _threshold(apart: np.ndarray) -> float:
    """Return the value that parts background and thing best (Otsu 1979), in the range where it can be."""
    counts, edges = np.histogram(np.clip(apart, 0, 12), 96, (0, 12))
    middles = (edges[1:] + edges[:-1]) / 2
    below = counts.cumsum()
    above = below[-1] - below
    sums = (counts * middles).cumsum()
    spread = (sums[-1] * below - sums * below[-1]) ** 2 / np.maximum(below * above, 1)
    return float(np.clip(edges[1 + int(spread.argmax())], 1.4, 3.5))


def _nearest(points: np.ndarray, samples: np.ndarray, rank: int) -> np.ndarray:
    """Return the distance of points [n, d] to their `rank`-th nearest sample [m, d]: float [n]."""
    squared = (points**2).sum(1)[:, None] - 2 * points @ samples.T + (samples**2).sum(1)
    rank = min(rank, len(samples))
    return np.asarray(np.sqrt(np.maximum(np.partition(squared, rank - 1, 1)[:, rank - 1], 0)))


def _some(points: np.ndarray) -> np.ndarray:
    """Return evenly chosen points, as many as stand for all."""
    return np.asarray(points[:: max(1, -(-len(points) // _SAMPLES))])


def _mean_of(colours: np.ndarray, chosen: np.ndarray, reach: int) -> np.ndarray:
    """Return the mean colour of chosen pixels near each pixel; far from any, of those a little farther."""
    total = np.zeros_like(colours)
    weight = np.zeros(chosen.shape, np.float32)
    for wide in (4 * reach, 2 * reach, reach):  # where nearer ones are found, they take over
        share = _blurred(chosen[..., None].astype(np.float32), wide)
        mean = _blurred(colours * chosen[..., None], wide)
        here = share[..., 0] > 0.02
        total[here], weight[here] = (mean / np.maximum(share, 1e-6))[here], 1
    everywhere = colours[chosen].mean(0) if chosen.any() else colours.mean((0, 1))
    return np.where(weight[..., None] > 0, total, everywhere)


def _blurred(pixels: np.ndarray, reach: int) -> np.ndarray:
    """Return the mean of the square of 2 reach + 1 pixels around each pixel of [h, w, c]."""
    side = 2 * reach + 1
    sums = np.pad(pixels.astype(np.float64), ((reach, reach), (reach, reach), (0, 0)), "edge").cumsum(0).cumsum(1)
    sums = np.pad(sums, ((1, 0), (1, 0), (0, 0)))
    squares = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return np.asarray((squares / side**2).astype(pixels.dtype))


def _premultiplied(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return np.asarray(((rgb.astype(np.uint16) * alpha[..., None] + 127) // 255).astype(np.uint8))
