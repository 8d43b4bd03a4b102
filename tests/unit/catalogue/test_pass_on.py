"""A request under an engine's own argument names: what is joined, rounded, overruled, or done by the asker's API."""

from __future__ import annotations

from typing import Any

from asking import CATALOGUE, asked

from gesso.catalogue.drive import Driven
from gesso.catalogue.model import Argument, Model, Route
from gesso.catalogue.pass_on import pass_on
from gesso.catalogue.plan import choose
from gesso.domain.request import Verdict


def passed(
    slug: str, raw: dict[str, Any], arguments: dict[str, Argument], served: tuple[Any, ...] = (), **route: Any
) -> tuple[Driven, dict[str, Verdict]]:
    model, checked, request = asked(slug, raw)
    way = Route(engine="upstream", fidelity="exact", vendor="fal", target="x", arguments=arguments, **route)
    driven = pass_on(model, way, request, checked, served)
    return driven, {one.parameter: one for one in driven.verdicts}


def test_words_are_said_below_the_prompt() -> None:
    words = Argument(to="text", how="merge_prompt", words="Leave out: {}")
    driven, verdicts = passed(
        "imagen-3",
        {"prompt": "a fox", "negative_prompt": "snow {}"},
        {"prompt": Argument(to="text"), "negative_prompt": words},
    )
    assert driven.arguments["text"] == "a fox\n\nLeave out: snow {}"
    assert (verdicts["negative_prompt"].verdict, verdicts["negative_prompt"].used) == ("mapped", None)


def test_words_not_given_are_not_said() -> None:
    words = Argument(to="prompt", how="merge_prompt")
    driven, _ = passed("imagen-3", {"prompt": "a fox"}, {"negative_prompt": words})
    assert driven.arguments["prompt"] == "a fox"


def test_words_may_be_all_there_is() -> None:
    driven, _ = passed("imagen-3", {"prompt": "a fox"}, {"prompt": Argument(to="text", how="merge_prompt")})
    assert driven.arguments["text"] == "a fox"


def test_a_size_is_rounded_to_the_steps_of_the_route() -> None:
    size = Argument(to=("width", "height"), send="size", multiple_of=64)
    raw = {"prompt": "a fox", "image_size": {"width": 1008, "height": 48 * 16}}
    driven, verdicts = passed("flux-2-pro", raw, {"image_size": size})
    assert (driven.arguments["width"], driven.arguments["height"]) == (1024, 768)
    assert (verdicts["image_size"].verdict, verdicts["image_size"].used) == ("clamped", "1024x768")
    driven, verdicts = passed("flux-2-pro", {"prompt": "a fox", "image_size": "square_hd"}, {"image_size": size})
    assert (driven.arguments["width"], verdicts["image_size"].verdict) == (1024, "mapped")


def test_what_another_parameter_overrules_is_not_sent() -> None:
    raw = {"prompt": "a fox", "aspect_ratio": "3:1", "resolution": "1536x640"}
    driven, verdicts = passed("ideogram-v3-turbo", raw, {})
    assert driven.arguments["resolution"] == "1536x640"
    assert "aspect_ratio" not in driven.arguments
    assert (verdicts["aspect_ratio"].verdict, verdicts["aspect_ratio"].given) == ("ignored", True)


def test_what_is_overruled_still_carries_the_size_where_a_route_says_so() -> None:
    raw = {"prompt": "a fox", "aspect_ratio": "3:1", "resolution": "1536x640"}
    driven, _ = passed("ideogram-v3-turbo", raw, {"aspect_ratio": Argument(to="image_size", send="size")})
    assert driven.arguments["image_size"] == "1536x640"


def test_what_the_askers_api_does_is_not_sent() -> None:
    mapped = {"sync_mode": Argument(to="response_format")}
    raw = {"prompt": "a fox", "sync_mode": True}
    driven, verdicts = passed("xai-grok-imagine-text-to-image", raw, mapped, ("inline_result",))
    assert ("response_format" in driven.arguments, verdicts["sync_mode"].verdict) == (False, "used")
    driven, _ = passed("xai-grok-imagine-text-to-image", raw, mapped)
    assert driven.arguments["response_format"] is True


def test_a_wish_for_links_is_always_met() -> None:
    nowhere = {"sync_mode": Argument(reason="this API answers with links")}
    for wished, verdict in ((False, "used"), (True, "ignored")):
        _, verdicts = passed("nano-banana", {"prompt": "a fox", "sync_mode": wished}, nowhere)
        assert verdicts["sync_mode"].verdict == verdict


def test_a_stand_in_upstream_is_named() -> None:
    model, checked, request = asked("imagen-3", {"prompt": "a fox"})
    runs = {route.target: choose(CATALOGUE, model, route, request, checked).runs for route in _upstream(model)}
    assert runs["gemini-3.1-flash-image"] == "gemini-3.1-flash-image"
    assert runs["google/imagen-3"] == "imagen-3"


def _upstream(model: Model) -> list[Route]:
    return [route for route in model.routes if route.engine == "upstream"]


def test_a_route_that_takes_no_picture_is_handed_the_size_of_one_from_words() -> None:
    raw = {"prompt": "a fox", "image": "https://example.org/a.png", "aspect_ratio": "16:9"}
    size = Argument(to=("width", "height"), send="size")
    driven, verdicts = passed("flux-dev", raw, {"aspect_ratio": size, "image": Argument(reason="no such field")})
    assert (driven.arguments["width"], driven.arguments["height"]) == (1344, 768)
    assert (verdicts["image"].verdict, verdicts["aspect_ratio"].used) == ("ignored", "1344x768")
    driven, verdicts = passed("flux-dev", raw, {"aspect_ratio": size})
    assert "width" not in driven.arguments
    assert verdicts["aspect_ratio"].used is None
