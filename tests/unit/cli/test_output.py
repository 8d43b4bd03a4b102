"""What commands print: for people, as JSON, or only the essential."""

import json

from gesso.cli.output import Output

ROWS = [
    {"id": "a1", "name": "web shop", "pictures": 3, "revoked_at": None},
    {"id": "b2", "name": "[bold]", "pictures": 12, "revoked_at": "yesterday"},
]
TITLES = {"id": "id", "name": "name", "pictures": "pictures", "revoked_at": "revoked"}


def test_json_of_a_table_has_every_key_on_one_line(capsys):
    Output(as_json=True).table(ROWS, {"id": "id"}, "id", "none")

    printed = capsys.readouterr()
    assert json.loads(printed.out) == ROWS
    assert printed.out.count("\n") == 1
    assert printed.err == ""


def test_quiet_prints_the_essence_only(capsys):
    Output(quiet=True).table(ROWS, TITLES, "id", "none")

    assert capsys.readouterr().out == "a1\nb2\n"


def test_a_table_keeps_names_as_they_are_and_folds_nothing_in_a_pipe(capsys):
    long = [{"id": "x" * 300, "name": "[bold]", "pictures": 1, "revoked_at": None}]

    Output().table(long, TITLES, "id", "none")

    head, row, rest = capsys.readouterr().out.split("\n")
    assert head.split() == ["id", "name", "pictures", "revoked"]
    assert row.split() == ["x" * 300, "[bold]", "1", "–"]
    assert rest == ""


def test_an_empty_table_is_a_remark_for_people_and_a_list_for_programs(capsys):
    Output().table([], TITLES, "id", "There are no keys yet.")
    Output(as_json=True).table([], TITLES, "id", "There are no keys yet.")
    Output(quiet=True).table([], TITLES, "id", "There are no keys yet.")

    printed = capsys.readouterr()
    assert printed.err == "There are no keys yet.\n"
    assert printed.out == "[]\n"


def test_an_answer_in_each_form(capsys):
    for output in (Output(), Output(as_json=True), Output(quiet=True)):
        output.answer({"path": "ä.png"}, ["ä.png is written [really]."], ["ä.png"])

    assert capsys.readouterr().out == 'ä.png is written [really].\n{"path": "ä.png"}\nä.png\n'


def test_remarks_never_reach_programs(capsys):
    Output(as_json=True).remark("by the way")
    Output(quiet=True).remark("by the way")

    assert capsys.readouterr() == ("", "")


def test_progress_is_silent_where_nobody_watches(capsys):
    with Output().progress() as report:
        report("denoise", 1, 12)

    assert capsys.readouterr() == ("", "")
