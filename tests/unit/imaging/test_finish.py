"""Which pictures are handed out as they came."""

from __future__ import annotations

import numpy as np
import pytest

from credentialed import box, credentialed, picture
from gesso.domain.picture import PictureReference, RawPicture
from gesso.domain.request import Request
from gesso.imaging.decode import DecodeLimits, decode
from gesso.imaging.finish import finish
from gesso.imaging.provenance import read_source
from gesso.imaging.sniff import sniff

PNG, JPEG = credentialed("PNG"), credentialed("JPEG")
THUMBNAIL = credentialed("PNG", credentials=box(more=b"c2pa.thumbnail.ingredient.jpeg"))
REFERENCE = PictureReference(blob="1")


def raw(file: bytes) -> RawPicture:
    return RawPicture(0, np.array(decode(file, "picture", DecodeLimits()).rgb), 7, file=file)


def request(**changes) -> Request:
    return Request(**{"model": "m", "operation": "generate", "seed": 7, "output_format": "png", **changes})


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        (PNG, {}),
        (PNG, {"output_quality": 1}),  # which means nothing to it
        (THUMBNAIL, {}),
        (PNG, {"image": REFERENCE, "operation": "edit"}),
        (JPEG, {"output_format": "jpeg"}),
        (JPEG, {"output_format": "jpeg", "output_quality": 100}),
    ],
)
def test_whole(file, changes):
    assert finish(raw(file), request(**changes)) == file


@pytest.mark.parametrize(
    ("file", "changes", "credentials"),
    [
        (PNG, {}, False),
        (PNG, {"output_format": "jpeg"}, True),
        (JPEG, {"output_format": "jpeg", "output_quality": 89}, True),
        (THUMBNAIL, {"references": (REFERENCE,)}, True),
        (THUMBNAIL, {"image": REFERENCE, "operation": "edit"}, True),
        (picture("PNG"), {}, True),
    ],
)
def test_made_anew(file, changes, credentials):
    asked = request(**changes)

    made = finish(raw(file), asked, credentials=credentials)

    assert (sniff(made, "picture"), read_source(made)) == (asked.output_format, "trained")
    assert b"jumb" not in made


def test_in_another_format_than_was_asked_for():
    assert finish(raw(JPEG), request(), as_format="jpeg") == JPEG
    assert sniff(finish(raw(JPEG), request()), "picture") == "png"


def test_what_was_painted_here_has_no_file():
    assert read_source(finish(RawPicture(0, np.zeros((8, 8, 3), np.uint8), 7), request())) == "trained"
