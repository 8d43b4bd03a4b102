"""A file with content credentials goes on whole only where it holds its picture, them, and nothing else."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from credentialed import app11, box, credentialed, picture, png_chunk, with_png_chunk, with_riff_chunk, with_segments
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
@pytest.mark.parametrize("more", [b"c2pa.thumbnail.ingredient.jpeg", b"bidb\xff\xd8\xff", b"c2pa.databoxes"])
def test_pictures_within_credentials_go_only_where_they_may(kind, more):
    file = credentialed(kind, credentials=box(more=more))

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
@pytest.mark.parametrize("more", [b"c2pa.types.generator.prompt", b"brob"])
def test_credentials_with_the_prompt_or_with_what_nobody_sees_do_not_go(kind, more):
    assert not may_go_whole(credentialed(kind, credentials=box(more=more)), KINDS[kind], thumbnails=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("credentials", [box() + b"a prompt", box()[:-1], box().replace(b"jumdc2pa", b"jumdcgnl")])
def test_credentials_are_one_manifest_store_and_nothing_behind_it(kind, credentials):
    assert not may_go_whole(credentialed(kind, credentials=credentials), KINDS[kind], thumbnails=True)


def png_of(samples: bytes, *chunks: tuple[bytes, bytes], colour: int = 2, interlaced: int = 0) -> bytes:
    """Return a PNG of 4x2 with credentials and further chunks."""
    header = struct.pack(">IIBBBBB", 4, 2, 8, colour, 0, 0, interlaced)
    parts = ((b"IHDR", header), (b"caBX", box()), *chunks, (b"IDAT", samples), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in parts)


SAMPLES = zlib.compress(bytes(2 * (1 + 4 * 3)))
SRGB = struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
SIZE = struct.pack(">IIB", 2835, 2835, 1)


def test_a_png_may_say_that_it_is_srgb_and_how_large():
    known = (
        (b"sRGB", b"\0"),
        (b"gAMA", struct.pack(">I", 45455)),
        (b"cHRM", SRGB),
        (b"pHYs", SIZE),
        (b"sBIT", b"\x08" * 3),
    )
    assert may_go_whole(png_of(SAMPLES, *known), "png", thumbnails=False)
    assert may_go_whole(png_of(zlib.compress(bytes(10)), (b"PLTE", bytes(6)), colour=3), "png", thumbnails=False)


@pytest.mark.parametrize(
    "file",
    {
        "text behind the samples": png_of(SAMPLES + b"a prompt"),
        "more rows than there are": png_of(zlib.compress(bytes(3 * (1 + 4 * 3)))),
        "interlaced": png_of(zlib.compress(bytes(28)), interlaced=1),
        "text as a size": png_of(SAMPLES, (b"pHYs", b"a prompt that is longer")),
        "text as bits": png_of(SAMPLES, (b"sBIT", b"text")),
        "one size after the other": png_of(SAMPLES, (b"pHYs", SIZE), (b"pHYs", SIZE)),
        "another gamma": png_of(SAMPLES, (b"gAMA", struct.pack(">I", 100000))),
        "other primaries": png_of(SAMPLES, (b"cHRM", SRGB[:-1] + b"\0")),
        "a palette that is not used": png_of(SAMPLES, (b"PLTE", b"a secret prompt")),
    }.values(),
)
def test_a_png_whose_parts_hold_something_else_or_show_other_colours_does_not(file):
    decode(file, "picture", DecodeLimits())  # it is a picture all the same
    assert not may_go_whole(file, "png", thumbnails=True)


def scans(file: bytes) -> bytes:
    """Return a JPEG's frame and everything behind it but for its end."""
    return file[file.index(b"\xff\xc0") : -2]


def test_a_second_picture_within_the_file_does_not():
    jpeg, webp = credentialed("JPEG"), credentialed("WEBP")
    hidden = jpeg[:-2] + scans(picture("JPEG")) + jpeg[-2:]
    scan = jpeg[jpeg.index(b"\xff\xda") : -2]

    assert not may_go_whole(hidden, "jpeg", thumbnails=True)
    assert not may_go_whole(jpeg[:-2] + scan + jpeg[-2:], "jpeg", thumbnails=True)
    assert not may_go_whole(with_riff_chunk(webp, b"VP8 ", picture("WEBP")[20:]), "webp", thumbnails=True)
    assert not may_go_whole(with_riff_chunk(webp, b"ALPH", b"a prompt"), "webp", thumbnails=True)
    assert not may_go_whole(with_segments(jpeg, b"\xff\xee\x00\x0aa prompt"), "jpeg", thumbnails=True)


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
