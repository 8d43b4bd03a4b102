"""Asks in a vendor's fixed form, put into other models' words: sizes, pictures, formats, counts; nothing gets lost."""

from __future__ import annotations

import math
from typing import Any

import pytest
from asking import CATALOGUE, inputs
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gesso.catalogue.active import is_set
from gesso.catalogue.canonical import to_request
from gesso.catalogue.check import check, check_value
from gesso.catalogue.load import load_catalogue
from gesso.catalogue.model import Model, Parameter
from gesso.catalogue.recast import Recast, recast
from gesso.catalogue.roles import SIZE_ROLES
from gesso.catalogue.size_nearness import area_of, ratio_of
from gesso.catalogue.sizes import decide
from gesso.domain.errors import InvalidInput
from gesso.domain.request import Request

PACKAGED = load_catalogue()
OPENAI = "openai-image-generation"  # a form of the kind "1536x1024"
SHAPES = "magic-hour-default"  # aspect_ratio and resolution, several pictures, 1, 4, 9 or 16 results
PIXELS = "gesso-sketch"  # width and height, references, a mask
A, B, C, D = (f"https://example.org/{letter}.png" for letter in "abcd")


def cast(form: str | Model, target: str, **raw: Any) -> Recast:
    known = form if isinstance(form, Model) else PACKAGED.get(form)
    return recast(known, PACKAGED.get(target), {"prompt": "a red ball"} | raw)


def size_said(form: str | Model, target: str, **raw: Any) -> dict[str, Any]:
    sizes = {one.name for one in PACKAGED.get(target).parameters if one.role in SIZE_ROLES}
    return {name: value for name, value in cast(form, target, **raw).input.items() if name in sizes}


def told(made: Recast, name: str) -> tuple[str, str]:
    verdict = next(one for one in made.verdicts if one.parameter == name)
    return verdict.verdict, verdict.reason


def free(**parameters: dict[str, Any]) -> Model:
    """A form with parameters of a test's own."""
    given = {"prompt": {"type": "string", "role": "prompt"}} | parameters
    return Model.model_validate(
        {"slug": "form", "name": "Form", "owner": "Test", "operations": ["generate"], "parameters": given}
    )


ANY_SIZE = free(size={"type": "string", "role": "size", "enum": ["auto", "1024x1024", "1792x1024", "4096x4096", "1000x2900"], "unset": ["auto"]})  # fmt: skip


# --- sizes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("gesso-sketch", {"width": 1536, "height": 1024}),
        ("kandinsky-2-2", {"width": 1536, "height": 1024}),
        ("flux-2", {"image_size": {"width": 1536, "height": 1024}}),
        ("recraft-v3", {"size": "1536x1024"}),
        ("gpt-image-v1-5-text-to-image", {"image_size": "1536x1024"}),
        ("flux-schnell", {"aspect_ratio": "3:2"}),  # 1536 x 1024 is no size of its own, 3:2 is its shape
        ("nano-banana-pro", {"aspect_ratio": "3:2"}),
        ("friendli-edit", {}),
        ("vidu-q2-text-to-image", {}),  # 16:9 and 1:1 are too far from 3:2
    ],
)
def test_pixels_in_each_models_words(target: str, said: dict[str, Any]) -> None:
    assert size_said(OPENAI, target, image_size="1536x1024") == said


def test_a_size_that_only_beside_another_word_counts_brings_that_word_along() -> None:
    assert size_said(ANY_SIZE, "flux-1-1-pro", size="1024x1024") == {
        "aspect_ratio": "custom",
        "width": 1024,
        "height": 1024,
    }


def test_a_size_out_of_reach_becomes_the_nearest_shape_and_says_so() -> None:
    made = cast(ANY_SIZE, "flux-1-1-pro", size="1792x1024")
    assert made.input["aspect_ratio"] == "16:9"
    reason = "FLUX1.1 [pro] does not paint 1792x1024; said to FLUX1.1 [pro] as aspect_ratio 16:9, it paints 1344x768"
    assert told(made, "size") == ("mapped", reason)


def test_another_size_under_the_same_name_is_told_of() -> None:
    made = cast(ANY_SIZE, "recraft-v3", size="1792x1024")
    assert made.input["size"] == "1820x1024"
    (verdict,) = made.verdicts
    assert (verdict.verdict, verdict.got, verdict.used) == ("mapped", "1792x1024", "size 1820x1024")


def test_the_resolution_nearest_in_pixels_is_taken() -> None:
    said = size_said(ANY_SIZE, "nano-banana-pro", size="4096x4096")
    assert said == {"aspect_ratio": "1:1", "resolution": "4K"}


def test_a_shape_nothing_is_near_to_is_left_out_and_said_so() -> None:
    made = cast(ANY_SIZE, "vidu-q2-text-to-image", size="1000x2900")
    assert "aspect_ratio" not in made.input
    assert told(made, "size")[0] == "ignored"


def test_pixels_the_target_refuses_are_refused_by_its_own_rule_in_the_forms_name() -> None:
    form = free(size={"type": "string", "role": "size", "enum": ["9000x100"]})
    made = cast(form, PIXELS, size="9000x100")
    with pytest.raises(InvalidInput) as refused:
        check(PACKAGED.get(PIXELS), made.input)
    assert {one.field for one in refused.value.renamed(made.fields).problems} == {"size"}


def test_shape_and_resolution_become_the_same_words_where_there_are_such() -> None:
    made = cast(SHAPES, "fashn-edit", images=[A], aspect_ratio="16:9", resolution="2k")
    assert (made.input["aspect_ratio"], made.input["resolution"]) == ("16:9", "2k")
    assert made.verdicts == ()


def test_shape_and_resolution_become_pixels_where_there_are_only_those() -> None:
    said = size_said(SHAPES, PIXELS, images=[A], aspect_ratio="16:9", resolution="1k")
    assert said == {"width": 1024, "height": 576}


def test_a_shape_alone_is_handed_on_as_one() -> None:
    assert size_said(SHAPES, PIXELS, images=[A], aspect_ratio="4:5") == {"aspect_ratio": "4:5"}


def test_a_resolution_alone_finds_the_nearest_one_or_is_left_out() -> None:
    assert size_said(SHAPES, "fashn-edit", images=[A], resolution="4k") == {"resolution": "4k"}
    made = cast(SHAPES, "flux-dev", images=[A], resolution="4k")
    assert told(made, "resolution")[0] == "ignored"


def test_a_resolution_the_target_has_not_for_a_shape_is_told_of() -> None:
    made = cast(SHAPES, "flux-dev", images=[A], aspect_ratio="16:9", resolution="4k")
    assert made.input["aspect_ratio"] == "16:9"
    assert told(made, "resolution")[0] == "ignored"


@pytest.mark.parametrize("raw", [{}, {"image_size": "auto"}, {"image_size": None}])
def test_a_size_left_open_is_not_said(raw: dict[str, Any]) -> None:
    made = cast(OPENAI, "flux-2", **raw)
    assert "image_size" not in made.input
    assert [one.verdict for one in made.verdicts] == (["used"] if raw.get("image_size") else [])


@pytest.mark.parametrize(
    ("form", "raw", "field"),
    [
        (OPENAI, {"image_size": "100x100"}, "image_size"),
        (SHAPES, {"images": [A], "aspect_ratio": "7:1"}, "aspect_ratio"),
        (SHAPES, {"images": [A], "resolution": 7}, "resolution"),
        (SHAPES, {"images": [A] * 11}, "images"),
        (SHAPES, {"images": []}, "images"),
        (SHAPES, {}, "images"),
        (SHAPES, {"images": [A, 7]}, "images[1]"),
        ("claid-edit-v1", {"image": A, "inference_steps": 0}, "inference_steps"),
        ("claid-edit-v1", {"image": A, "prompt": None}, "prompt"),
    ],
)
def test_what_the_form_refuses_is_refused_in_its_name(form: str, raw: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        cast(form, PIXELS, **raw)
    assert {one.field for one in refused.value.problems} == {field}


# --- pictures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "target", "raw", "said"),
    [
        ("claid-edit-v1", "friendli-edit", {"image": A}, {"image": [A]}),
        ("claid-edit-v1", PIXELS, {"input": A}, {"image": A}),
        (SHAPES, "claid-edit-v1", {"images": [A]}, {"image": A}),
        (SHAPES, "claid-edit-v1", {"images": A}, {"image": A}),
        (SHAPES, "friendli-edit", {"images": [A, B]}, {"image": [A, B]}),
        (SHAPES, PIXELS, {"images": [A, B, C]}, {"image": A, "reference_images": [B, C]}),
        (SHAPES, "fashn-edit", {"images": [A, B]}, {"image": A, "image_context": B}),
        (SHAPES, "flux-1-1-pro", {"images": [A]}, {"image_prompt": A}),
        (SHAPES, "photon", {"images": [A, B]}, {"image_reference_url": A, "style_reference_url": B}),
        ("fashn-edit", SHAPES, {"image": A, "image_context": B}, {"images": [A, B]}),
        ("fashn-edit", PIXELS, {"image": A, "mask": B}, {"image": A, "mask": B}),
    ],
)
def test_pictures_find_their_places(form: str, target: str, raw: dict[str, Any], said: dict[str, Any]) -> None:
    made = cast(form, target, **raw)
    assert {name: made.input[name] for name in said} == said
    assert not [one for one in made.verdicts if one.verdict == "ignored"]


def test_a_picture_too_many_is_left_out_and_said_so() -> None:
    made = cast(SHAPES, "fashn-edit", images=[A, B, C, D])
    assert (made.input["image"], made.input["image_context"]) == (A, B)
    assert told(made, "images") == ("ignored", "FASHN Edit has no place for the last 2")
    made = cast("fashn-edit", "claid-edit-v1", image=A, mask=B)
    assert told(made, "mask") == ("ignored", "Claid Image Edit v1 has no place for it")
    assert made.mask_polarity is None


def test_a_mistake_in_one_picture_is_told_by_its_place_in_the_form() -> None:
    made = cast(SHAPES, PIXELS, images=[A, B, C])
    assert made.fields["image"] == "images[0]"
    assert made.fields["reference_images[1]"] == "images[2]"
    error = InvalidInput.of("reference_images[1]", "unreadable", "reference_images[1] is no picture.")
    problem = error.renamed(made.fields).problems[0]
    assert (problem.field, problem.message) == ("images[2]", "images[2] is no picture.")


def test_a_mask_keeps_the_sense_it_was_painted_in() -> None:
    form = PACKAGED.get("fashn-edit").model_copy(update={"mask_polarity": "transparent"})
    assert cast(form, PIXELS, image=A, mask=B).mask_polarity == "transparent"


def test_bytes_are_pictures_too() -> None:
    assert cast(SHAPES, PIXELS, images=[b"\x89PNG", B]).input["image"] == b"\x89PNG"


# --- the rest -----------------------------------------------------------------------------------------------------


def test_a_format_is_said_in_the_targets_spelling_or_left_out() -> None:
    jpeg = cast(OPENAI, "flux-schnell", output_format="jpeg")
    assert check(PACKAGED.get("flux-schnell"), jpeg.input).values["output_format"] == "jpg"
    made = cast(OPENAI, "flux-dev-realism", output_format="webp")
    assert made.input["output_format"] == "webp"
    made = cast(OPENAI, "flux-2-pro", output_format="webp")
    assert "output_format" not in made.input
    assert told(made, "output_format") == ("ignored", "FLUX.2 [pro] has no such choice")


@pytest.mark.parametrize(("target", "count"), [("flux-2", 5), ("recraft-v3", 2), (SHAPES, 3)])
def test_too_many_pictures_are_refused_in_the_forms_name(target: str, count: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        cast(OPENAI, target, number_of_images=count)
    assert [one.field for one in refused.value.problems] == ["number_of_images"]


def test_one_picture_is_what_a_model_without_a_count_makes() -> None:
    made = cast(OPENAI, "recraft-v3", number_of_images=1)
    assert told(made, "number_of_images")[0] == "used"
    assert set(made.input) == {"prompt"}


def test_a_range_of_the_targets_is_told_in_the_forms_name() -> None:
    made = cast("friendli-edit", "flux-schnell", image=[A], num_inference_steps="20")
    with pytest.raises(InvalidInput) as refused:
        check(PACKAGED.get("flux-schnell"), made.input)
    problem = refused.value.renamed(made.fields).problems[0]
    assert (problem.field, problem.code) == ("num_inference_steps", "out_of_range")
    assert problem.message == "num_inference_steps is 20: it must be between 1 and 4."


def test_what_is_missing_is_missed_in_the_forms_name() -> None:
    made = recast(free(), PACKAGED.get("flux-schnell"), {})
    assert made.fields["prompt"] == "prompt"
    made = recast(free(), PACKAGED.get(SHAPES), {"prompt": "a ball"})
    assert "images" not in made.fields  # the form has no such thing to name


def test_a_share_counted_from_the_other_end_is_turned_over() -> None:
    turned = cast("flux-dev", "omni-zero-couples", image=A, prompt_strength=0.3)
    assert turned.input["base_image_strength"] == 0.7


def test_a_field_of_the_targets_own_is_handed_on_unless_the_form_said_it() -> None:
    assert cast(OPENAI, "flux-2", guidance_scale=3).input["guidance_scale"] == 3
    with pytest.raises(InvalidInput, match="num_images says what number_of_images says already"):
        cast(OPENAI, "flux-2", number_of_images=2, num_images=3)


def test_a_field_of_the_targets_own_by_two_of_its_names_is_refused() -> None:
    names = ("enable_safety_checker boolean", "enable_safety_checker")
    with pytest.raises(InvalidInput, match="says what enable_safety_checker boolean says already") as refused:
        cast("openai-images", "flux-2-lora", **dict.fromkeys(names, True))
    assert [(one.field, one.code) for one in refused.value.problems] == [(names[1], "given_twice")]


def test_what_was_said_keeps_what_found_no_place_and_defaults() -> None:
    made = cast("friendli-generate", "flux-schnell", control_images=[A])
    assert "control_images" in {one.parameter for one in made.verdicts if one.verdict == "ignored"}
    assert made.said["control_images"] == [A]
    assert made.said["prompt"] == "a red ball"
    assert "control_images" not in cast("friendli-generate", "flux-schnell").said


# --- every pair ---------------------------------------------------------------------------------------------------

SLUGS = st.sampled_from([model.slug for model in CATALOGUE.models])
PAIRS = st.tuples(SLUGS, SLUGS).map(lambda pair: (CATALOGUE.get(pair[0]), CATALOGUE.get(pair[1])))


ODD = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.integers(), max_size=2)
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_input_is_recast_or_refused(data: st.DataObject) -> None:
    form, target = data.draw(PAIRS)
    names = [one.name for one in (*form.parameters, *target.parameters)] + ["zzz"]
    raw = data.draw(inputs(form)) | data.draw(st.dictionaries(st.sampled_from(names), ODD, max_size=4))
    try:
        recast(form, target, raw)
    except InvalidInput as error:
        assert error.problems


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_nothing_that_was_given_disappears(data: st.DataObject) -> None:
    form, target = data.draw(PAIRS)
    raw = data.draw(inputs(form))
    made = _recast(form, target, raw)

    named = {_root(made.fields[name]) for name in made.fields if _root(name) in made.input}
    assert {name for name, value in raw.items() if value != []} <= named | {one.parameter for one in made.verdicts}
    assert set(made.input) <= {one.name for one in target.parameters}
    assert all(one.given for one in made.verdicts)
    sizes = {one.name: raw[one.name] for one in form.parameters if one.role in SIZE_ROLES and one.name in raw}
    told = {one.parameter for one in made.verdicts}
    assert all(_same(made.input[name], value) for name, value in sizes.items() if name in set(made.input) - told)


def _recast(form: Model, target: Model, raw: dict[str, Any]) -> Recast:
    """Recast what the form takes whole and the target can make as many of; other draws prove nothing."""
    try:
        checked = check(form, raw)
        to_request(form, checked, draw_seed=lambda: 7)
    except InvalidInput:
        assume(False)
    count, place = form.with_role("count"), target.with_role("count")
    if count is not None and count.name in raw:
        most = 1 if place is None else place.maximum
        assume(
            raw[count.name] <= most if most is not None else raw[count.name] in (place.enum or ()) if place else True
        )
    return recast(form, target, raw)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or str(one).casefold() == str(other).casefold()


def _root(name: str) -> str:
    return name.partition("[")[0]


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_the_target_takes_what_was_made_but_for_ranges_of_its_own(data: st.DataObject) -> None:
    form, target = data.draw(PAIRS)
    made = _recast(form, target, data.draw(inputs(form)))
    refused = {name for name, value in made.input.items() if _refuses(target.parameter(name), value)}
    sizes = {one.name for one in target.parameters if one.role in SIZE_ROLES}
    missing = {one.name for one in target.parameters if one.must_be_given} - set(made.input)
    try:
        request = to_request(target, check(target, made.input), draw_seed=lambda: 7)
    except InvalidInput as error:
        fields = {_root(one.field).partition(".")[0] for one in error.problems}
        assert fields <= refused | sizes | missing | _needed_together(target, made)
        return
    assert not refused
    _size_is_kept(form, target, made, request)


def _refuses(parameter: Parameter | None, value: Any) -> bool:
    problems: list[Any] = []
    if parameter is not None:
        check_value(parameter, value, parameter.name, problems)
    return bool(problems)


def _needed_together(target: Model, made: Recast) -> set[str]:
    """A mask needs a picture to edit, and a model that only edits needs that too."""
    image, mask = target.with_role("image"), target.with_role("mask")
    if image is None or image.name in made.input:
        return set()
    return {image.name} | ({mask.name} if mask is not None else set())


def _size_is_kept(form: Model, target: Model, made: Recast, request: Request) -> None:
    """Pixels that were handed on are the pixels that come out."""
    pixels = [made.input[one.name] for role in ("width", "height") if (one := target.with_role(role)) and one.name in made.input]  # fmt: skip
    if len(pixels) == 2 and request.operation == "generate" and all(is_set(target.parameter("width"), p) for p in pixels):  # type: ignore[arg-type]  # fmt: skip
        step = target.sizing.rounded_to
        assert math.isclose(request.width or 0, pixels[0], abs_tol=step)
        assert math.isclose(request.height or 0, pixels[1], abs_tol=step)


def test_shape_and_area_of_decisions() -> None:
    sketch, magic = PACKAGED.get(PIXELS), PACKAGED.get(SHAPES)
    cases: list[tuple[Model, dict[str, Any], Any]] = [
        (sketch, {"aspect_ratio": "16:9"}, ((16, 9), None)),
        (magic, {}, (None, 1024 * 1024)),
        (magic, {"resolution": "2k"}, (None, 2048 * 2048)),
        (magic, {"resolution": "2k", "aspect_ratio": "16:9"}, ((2048, 1152), 2048 * 1152)),
    ]
    for model, said, wanted in cases:
        decision = decide(model, {one.name: one.default for one in model.parameters} | said, "edit")
        assert (ratio_of(decision), area_of(decision)) == wanted
