"""Reading, naming and writing picture files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gesso.cli.picture_files import (
    format_of,
    free_paths,
    name_from_words,
    numbered,
    read_picture,
    suffix_for,
    write_all,
)
from gesso.domain.errors import InvalidInput, OperatorError


@pytest.mark.parametrize(("name", "reason"), [("absent.png", "no such file"), ("", "is a directory")])
def test_an_unreadable_picture_names_the_file(tmp_path, name, reason):
    with pytest.raises(InvalidInput, match=reason) as caught:
        read_picture(tmp_path / name)

    assert str(tmp_path / name) in caught.value.message


@pytest.mark.parametrize("name", ["picture", "picture.gif", "picture.png.txt"])
def test_an_unknown_suffix_is_refused_with_those_allowed(name):
    with pytest.raises(InvalidInput, match=r"\.png, \.jpg, \.jpeg, \.webp"):
        format_of(Path(name))


@pytest.mark.parametrize(
    ("name", "wanted"), [("a.PNG", "png"), ("a.jpg", "jpeg"), ("a.JPEG", "jpeg"), ("a.webp", "webp")]
)
def test_the_suffix_says_the_format(name, wanted):
    assert format_of(Path(name)) == wanted


@pytest.mark.parametrize(
    ("media_type", "suffix"), [("image/png", ".png"), ("image/jpeg", ".jpg"), ("image/webp", ".webp")]
)
def test_a_media_type_has_one_suffix(media_type, suffix):
    assert suffix_for(media_type) == suffix


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A red duck!", "a-red-duck"),
        ("  ", "picture"),
        ("../../etc/passwd", "etc-passwd"),
        ("grüne Äpfel", "grüne-äpfel"),
    ],
)
def test_a_prompt_becomes_a_file_name(prompt, name):
    assert name_from_words(prompt) == name


@given(st.text())
def test_any_prompt_becomes_a_name_within_one_folder(prompt):
    name = name_from_words(prompt)

    assert 1 <= len(name) <= 60
    assert not set(name) & set("/\\\0.")


def test_several_pictures_are_numbered():
    assert numbered(Path("out/duck.png"), 1) == [Path("out/duck.png")]
    assert numbered(Path("out/duck.png"), 2) == [Path("out/duck-1.png"), Path("out/duck-2.png")]


def test_a_chosen_name_is_never_one_that_exists(tmp_path):
    (tmp_path / "duck.png").touch()
    (tmp_path / "duck_2.png").touch()
    (tmp_path / "duck-2.png").touch()

    assert free_paths(tmp_path / "duck.png", 1) == [tmp_path / "duck_3.png"]
    assert free_paths(tmp_path / "duck.png", 2) == [tmp_path / "duck_2-1.png", tmp_path / "duck_2-2.png"]


def test_pictures_are_written_whole_into_new_folders(tmp_path):
    paths = numbered(tmp_path / "new" / "duck.png", 2)

    write_all(paths, [b"one", b"two"])

    assert [path.read_bytes() for path in paths] == [b"one", b"two"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["duck-1.png", "duck-2.png"]


def test_a_write_that_fails_says_where_and_leaves_nothing(tmp_path):
    (tmp_path / "folder.png").mkdir()

    with pytest.raises(OperatorError, match=r"folder\.png: is a directory"):
        write_all([tmp_path / "folder.png"], [b"data"])

    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]
