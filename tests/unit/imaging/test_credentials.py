"""A file with content credentials goes on whole only where it holds its picture, them, and nothing else."""

from __future__ import annotations

import io

import pytest
from credentialed import app11, box, credentialed, picture, png_chunk, with_png_chunk, with_riff_chunk, with_segments
from PIL import Image

from gesso.imaging.credentials import MOST_MANIFEST_BYTES, may_go_whole
from gesso.imaging.decode import DecodeLimits, decode

KINDS = {"PNG": "png", "JPEG": "jpeg", "WEBP": "webp"}
EXIF = Image.Exif()
EXIF[0x010E] = "a prompt"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_picture_with_credentials_and_nothing_else(kind, mode):
    file = credentialed(kind, mode="RGB" if (kind, mode) == ("JPEG", "RGBA") else mode)

    assert may_go_whole(file, KINDS[kind], thumbnails=False)
    decode(file, "picture", DecodeLimits())  # the test's own file is one


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"quality": 100, "subsampling": 0}, {"restart_marker_rows": 1}]
)
def test_every_way_a_jpeg_is_written(options):
    assert may_go_whole(credentialed("JPEG", **options), "jpeg", thumbnails=False)


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("PNG", picture("PNG")),
        ("JPEG", picture("JPEG")),
        ("WEBP", picture("WEBP")),
    ],
)
def test_one_without_credentials_does_not(kind, file):
    assert not may_go_whole(file, KINDS[kind], thumbnails=True)


@pytest.mark.parametrize("kind", KINDS)
def test_nor_one_of_another_format(kind):
    for other in set(KINDS.values()) - {KINDS[kind]}:
        assert not may_go_whole(credentialed(kind), other, thumbnails=True)


@pytest.mark.parametrize("kind", KINDS)
def test_thumbnails_go_only_where_they_may(kind):
    file = credentialed(kind, credentials=box(more=b"c2pa.thumbnail.ingredient.jpeg"))

    assert may_go_whole(file, KINDS[kind], thumbnails=True)
    assert not may_go_whole(file, KINDS[kind], thumbnails=False)


@pytest.mark.parametrize("kind", KINDS)
def test_credentials_have_to_state_how_it_was_made(kind):
    assert not may_go_whole(credentialed(kind, credentials=box(states=b"digitalCapture")), KINDS[kind], thumbnails=True)


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("PNG", credentialed("PNG", exif=EXIF)),
        ("PNG", with_png_chunk(credentialed("PNG"), png_chunk(b"tEXt", b"parameters\0a prompt"))),
        ("PNG", with_png_chunk(credentialed("PNG"), png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0x"))),
        ("PNG", with_png_chunk(credentialed("PNG"), png_chunk(b"caBX", box()))),
        ("PNG", credentialed("PNG", icc_profile=b"a profile")),
        ("PNG", credentialed("PNG", mode="I;16")),
        ("PNG", credentialed("PNG") + b"more"),
        ("PNG", credentialed("PNG")[:-12]),
        ("PNG", credentialed("PNG", credentials=b"0000notabox trainedAlgorithmicMedia")),
        ("PNG", credentialed("PNG", credentials=box(more=bytes(MOST_MANIFEST_BYTES)))),
        ("JPEG", credentialed("JPEG", exif=EXIF)),
        ("JPEG", credentialed("JPEG", comment=b"a prompt")),
        ("JPEG", credentialed("JPEG", xmp=b"<x/>")),
        ("JPEG", credentialed("JPEG", icc_profile=b"a profile")),
        ("JPEG", credentialed("JPEG", mode="CMYK")),
        ("JPEG", with_segments(credentialed("JPEG"), b"\xff\xeb\x00\x06HDR!")),
        ("JPEG", credentialed("JPEG") + b"more"),
        ("JPEG", credentialed("JPEG")[:-2]),
        ("JPEG", with_segments(picture("JPEG"), app11(box())[:-4])),
        ("WEBP", credentialed("WEBP", exif=EXIF)),
        ("WEBP", credentialed("WEBP", xmp=b"<x/>")),
        ("WEBP", with_riff_chunk(credentialed("WEBP"), b"NOTE", b"a prompt")),
        ("WEBP", with_riff_chunk(credentialed("WEBP"), b"C2PA", box())),
        ("WEBP", credentialed("WEBP") + b"more"),
        ("WEBP", credentialed("WEBP")[:-4]),
    ],
)
def test_whatever_else_is_in_the_file_keeps_it_from_going(kind, file):
    assert not may_go_whole(file, KINDS[kind], thumbnails=True)


@pytest.mark.parametrize("kind", KINDS)
def test_no_damage_is_more_than_a_no(kind):
    file = credentialed(kind)
    for at in range(12, len(file)):
        may_go_whole(file[:at], KINDS[kind], thumbnails=True)
        may_go_whole(file[:at] + bytes([file[at] ^ 0xFF]) + file[at + 1 :], KINDS[kind], thumbnails=True)


def test_pillow_agrees_that_nothing_else_is_in_it():
    with Image.open(io.BytesIO(credentialed("JPEG"))) as image:
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert {name for name, _ in image.applist} == {"APP0", "APP11"}
