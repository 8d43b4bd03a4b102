"""Each recorded wire example is answered as it was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from running_server import running_server
from second_account import open_account

from recorded import Player, differences, examples, load

pytestmark = pytest.mark.acceptance
WRONG = "gesso_test_" + "x" * 43


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("recorded") / "data", unknown_price_credits=1) as started:
        yield started


@pytest.fixture(scope="module")
def keys(server):
    return {
        "test": server.test_key,
        "live": server.live_key,
        "poor": open_account(server, "poor", credits=0),
        "wrong": WRONG,
    }


@pytest.mark.parametrize(("dialect", "name"), examples())
def test_the_answer_is_as_recorded(server, keys, dialect: str, name: str) -> None:
    example = load(dialect, name)
    player = Player(server.url, dialect, keys)
    try:
        answer, known = player.play(example)
    finally:
        player.close()
    wanted = example["response"]
    assert answer.status_code == wanted["status"], answer.text
    for header, value in wanted.get("headers", {}).items():
        assert not differences(answer.headers.get(header), value, header)
    if "json" in wanted:
        recorded = _with_known(wanted["json"], known)
        assert not differences(answer.json(), recorded, more=wanted.get("more", False)), answer.text
    elif wanted.get("empty"):
        assert answer.content == b""


def _with_known(value, known):
    """Fill in what earlier answers said: an id must come back as it was given."""
    from recorded import filled

    return filled(value, {name: one for name, one in known.items() if name not in ("PICTURE", "BASE64")})


def test_every_dialect_has_examples() -> None:
    from gesso.dialects.registry import DIALECTS

    recorded = {dialect for dialect, _ in examples()}
    assert {dialect.name for dialect in DIALECTS} == recorded, Path(__file__).parent
