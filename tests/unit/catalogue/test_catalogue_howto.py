"""The examples on the how-to pages about models and prices are taken as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from asking import PICTURE

from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import check
from gesso.catalogue.load import check_file
from gesso.catalogue.price import price
from gesso.domain.credits import render_credits
from gesso.domain.errors import OperatorError
from gesso.installation import catalogue_of
from gesso.settings import load_settings

HOWTO = Path(__file__).resolve().parents[3] / "docs" / "howto"
PAGE = (HOWTO / "add-a-model.md").read_text(encoding="utf-8")
PAINTER, ENDPOINT = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def written(folder: Path, slug: str, text: str) -> Path:
    path = folder / f"{slug}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("quality", "cost"), [("draft", "6"), ("fine", "15")])
def test_the_example_model_loads_and_costs_what_the_page_says(tmp_path: Path, quality: str, cost: str) -> None:
    model = check_file(written(tmp_path, "acme-painter", PAINTER))
    checked = check(model, {"prompt": "a duck", "num_outputs": 3, "quality": quality})
    request = to_request(model, checked, draw_seed=lambda: 7)
    assert render_credits(price(model, request)[1]) == cost


def test_the_example_endpoint_loads(tmp_path: Path) -> None:
    model = check_file(written(tmp_path, "acme-endpoint", ENDPOINT))
    assert (model.names["friendli"], model.adapters["night"].scale) == (("dep4k2m9x",), 0.8)
    assert check(model, {"prompt": "at night", "image": [PICTURE]}).values["num_inference_steps"] == 20


def test_the_example_mistake_is_told_in_these_words(tmp_path: Path) -> None:
    path = written(tmp_path, "acme-painter", PAINTER.replace("default: 1,", "default: 9,"))
    with pytest.raises(OperatorError) as caught:
        check_file(path)
    told = caught.value.message.replace(f"{tmp_path}/", "").splitlines()[1].strip()
    assert f"```\n{told}\n```" in PAGE


def test_the_example_prices_are_those_of_the_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (HOWTO / "operate.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (pairs,) = re.findall(r'`GESSO_PRICES="([^"]*)"`', page)
    (tmp_path / "gesso.toml").write_text(table, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    slugs = ("flux-schnell", "magic-hour-qwen-edit", "magic-hour-seedream-v4.5", "friendli-edit")

    def costs() -> list[str]:
        catalogue = catalogue_of(load_settings())
        return [render_credits(catalogue.get(slug).price.micro_credits()) for slug in slugs]

    assert costs() == ["50", "12", "6", "5"]
    monkeypatch.setenv("GESSO_PRICES", pairs)
    assert costs() == ["50", "12", "5", "5"]  # 50 Magic Hour credits: the file's table does not count
