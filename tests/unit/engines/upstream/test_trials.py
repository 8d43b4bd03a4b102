"""What `gesso doctor --live` asks of each vendor is one small picture that its route takes as it is asked."""

from __future__ import annotations

import pytest
from planned import CATALOGUE, planned

from gesso.catalogue.vendors import VENDORS
from gesso.domain.picture import PictureReference
from gesso.engines.upstream.trials import EDIT_PROMPT, PROMPT, TRIALS
from gesso.engines.upstream.vendors import UPSTREAMS


def test_every_vendor_can_be_tried():
    assert set(TRIALS) == set(VENDORS)


@pytest.mark.parametrize(("vendor", "trial"), [(name, trial) for name, trials in TRIALS.items() for trial in trials])
def test_a_trial_is_one_picture_that_the_route_takes(vendor, trial):
    model = CATALOGUE.get(trial.model)
    given = {"prompt": EDIT_PROMPT if trial.image else PROMPT, **trial.values}
    if trial.image:
        picture = PictureReference(blob="1")
        given[trial.image] = [picture] if model.parameter(trial.image).type == "image_list" else picture
    route = next(one for one in model.routes if one.vendor == vendor)

    one = planned(model, route, given)

    assert (one.request.count, len(one.asks)) == (1, 1)
    assert one.request.operation in model.operations
    assert bool(one.ask.pictures) == bool(trial.image)
    assert "clamped" not in {verdict.verdict for verdict in one.choice.verdicts if verdict.given}
    assert UPSTREAMS[vendor].start(one.ask).call.url


@pytest.mark.parametrize("vendor", sorted(VENDORS))
def test_only_a_vendor_without_text_to_image_is_sent_a_picture_first(vendor):
    makes = any(
        route.vendor == vendor and "generate" in model.operations and model.lifecycle.state != "retired"
        for model in CATALOGUE.models
        for route in model.routes
    )
    assert bool(TRIALS[vendor][0].image) == (not makes)
