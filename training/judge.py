"""What a trained recogniser sees in a picture; needs recogniser.onnx, onnxruntime and Pillow, nothing of the engine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from parts import Box

RECOGNISER = Path(__file__).parent / "recogniser.onnx"
SIDE = 64  # pixels of a crop
MARGINS = (1.1, 1.3)  # a thing is looked at in crops so many times as long as its box; the opinions are averaged
_AS_IT_IS = (1.0,)  # windows are tried in many sizes already
SURE = 0.5  # the share of the opinion from which a thing counts as found among others


@dataclass(frozen=True)
class Seen:
    """An opinion on one place: the noun ("" is nothing), its share 0..1, and the colour ("" is the thing's own)."""

    noun: str
    share: float
    colour: str
    box: Box


class Judge:
    """The recogniser of recognise.py, with its words."""

    def __init__(self, path: Path = RECOGNISER, threads: int = 2) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        words = self._session.get_modelmeta().custom_metadata_map
        self.nouns: tuple[str, ...] = (*json.loads(words["nouns"]), "")
        self.colours: tuple[str, ...] = tuple(json.loads(words["colours"]))

    def opinions(
        self, picture: np.ndarray, boxes: Sequence[Box], margins: Sequence[float] = MARGINS
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return shares of nouns [n, nouns] and colours [n, colours] in the places of a picture (uint8 [h, w, 3])."""
        crops = np.stack([crop(picture, box, margin) for box in boxes for margin in margins])
        inputs = np.ascontiguousarray(crops.transpose(0, 3, 1, 2), np.float32) / np.float32(127.5) - 1
        heads = self._session.run(["noun", "colour"], {"pictures": inputs})
        noun, colour = (_shares(head).reshape(len(boxes), len(margins), -1).mean(1) for head in heads)
        return noun, colour

    def see(self, picture: np.ndarray, box: Box) -> Seen:
        """Return what is in one place."""
        noun, colour = self.opinions(picture, [box])
        return self._seen(noun[0], colour[0], box)

    def _seen(self, noun: np.ndarray, colour: np.ndarray, box: Box) -> Seen:
        best = int(noun.argmax())
        return Seen(self.nouns[best], float(noun[best]), self.colours[int(colour.argmax())], box)

    def clearest(self, picture: np.ndarray) -> Seen:
        """Return the thing of a picture that is seen most clearly, wherever it is."""
        boxes = windows(Box(0, 0, picture.shape[1], picture.shape[0]), (0.9, 0.74, 0.58, 0.42))
        noun, colour = self.opinions(picture, boxes, _AS_IT_IS)
        best = int(noun[:, :-1].max(1).argmax())
        return self._seen(noun[best, :], colour[best], boxes[best])

    def find(self, picture: np.ndarray, noun: str, within: Sequence[Box]) -> Seen | None:
        """Return where a thing is seen clearly within the boxes, or in windows of them; None where it is not."""
        boxes = [place for box in within for place in (*_grown(box), *windows(box, (0.75, 0.5)))]
        if not boxes:
            return None
        nouns, colours = self.opinions(picture, boxes, _AS_IT_IS)
        index = self.nouns.index(noun)
        sure = (nouns.argmax(1) == index) * nouns[:, index]
        best = int(sure.argmax())
        return self._seen(nouns[best], colours[best], boxes[best]) if sure[best] >= SURE else None

    def said_colour(self, picture: np.ndarray, box: Box) -> str:
        """Return the colour seen in a place, among those that can be said."""
        _, colour = self.opinions(picture, [box])
        return self.colours[1 + int(colour[0, 1:].argmax())]


def _shares(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True))


def windows(box: Box, scales: Sequence[float]) -> list[Box]:
    """Return squares within a box, of the scales of its longer side, each a quarter of its side from the next."""
    found: list[Box] = []
    for scale in scales:
        side = round(box.side * scale)
        across, down = box.right - box.left - side, box.bottom - box.top - side
        corners = ((box.left + x, box.top + y) for y in _steps(down, side) for x in _steps(across, side))
        found += [Box(left, top, left + side, top + side) for left, top in corners]
    return found


def _grown(box: Box) -> list[Box]:
    """Return the squares around a box in which a thing that fills it is looked at."""
    (across, down), sides = box.centre, [round(box.side * margin) for margin in MARGINS]
    corners = [(round(across - side / 2), round(down - side / 2), side) for side in sides]
    return [Box(left, top, left + side, top + side) for left, top, side in corners]


def _steps(room: int, side: int) -> list[int]:
    """Return offsets from 0 to `room`, about a quarter of `side` apart; the middle where there is no room."""
    if room <= 0:
        return [room // 2]
    count = max(2, round(room / (side / 4)) + 1)
    return [round(room * step / (count - 1)) for step in range(count)]


def crop(picture: np.ndarray, box: Box, margin: float) -> np.ndarray:
    """Return the square around a box, `margin` times as long as it, in 64 x 64 pixels; beyond the edge, the edge goes on."""
    side = max(round(box.side * margin), 4)
    left, top = round(box.centre[0] - side / 2), round(box.centre[1] - side / 2)
    lines = np.clip(np.arange(top, top + side), 0, picture.shape[0] - 1)
    columns = np.clip(np.arange(left, left + side), 0, picture.shape[1] - 1)
    square = Image.fromarray(np.ascontiguousarray(picture[lines][:, columns]))
    return np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
