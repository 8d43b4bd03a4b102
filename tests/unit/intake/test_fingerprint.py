"""Two sendings of one ask have one fingerprint; any difference that matters changes it."""

from gesso.domain.picture import PictureReference
from gesso.intake.fingerprint import fingerprint

ASK = {"route": "POST /v1/jobs", "model": "m", "rest": {"strict": False}}


def mark(values, digests=None, **other):
    return fingerprint(**{**ASK, **other}, values=values, digests=digests or {})


def test_inline_pictures_count_by_content_not_by_their_new_ids():
    first = mark({"image": PictureReference(blob="a"), "n": 1}, {"a": "sha"})
    assert mark({"n": 1, "image": PictureReference(blob="b")}, {"b": "sha"}) == first
    assert mark({"n": 1, "image": PictureReference(blob="b")}, {"b": "other"}) != first


def test_links_and_kept_files_count_by_name():
    link = PictureReference(url="https://example.com/a.png")
    assert mark({"image": link}) == mark({"image": link})
    assert mark({"image": link}) != mark({"image": PictureReference(url="https://example.com/b.png")})
    assert mark({"image": PictureReference(blob="a")}) != mark({"image": PictureReference(blob="b")})


def test_model_route_values_and_the_rest_all_count():
    marks = {
        mark({"n": 1}),
        mark({"n": 2}),
        mark({"n": 1}, model="other"),
        mark({"n": 1}, route="POST /fashn/v1/run"),
        mark({"n": 1}, rest={"strict": True}),
    }
    assert len(marks) == 5
