"""Each vendor is given a request's pictures in the way its file declares, which is what the reference page tells."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from planned import FILE, drawn, routes_of

from gesso.catalogue.vendors import VENDORS
from gesso.engines.upstream.ask import Ask
from gesso.engines.upstream.vendors import UPSTREAMS

ENCODED = base64.b64encode(FILE).decode()
LINK = "https://gesso.example/blobs/1?signature=s"
TEXT_ONLY = {"minimax", "pruna", "recraft", "reve", "tencent", "vidu", "volcengine_visual", "xai"}


def with_pictures(vendor: str) -> list[Ask]:
    """Return one ask with pictures of each route that takes any."""
    found = []
    for model, route in routes_of(vendor):
        if any(parameter.is_picture for parameter in model.parameters):
            asks = (one.ask for one in drawn(model, route))
            found += [next((ask for ask in asks if ask.pictures), None)]
    return [ask for ask in found if ask is not None]


@pytest.mark.parametrize("name", sorted(UPSTREAMS))
def test_pictures_go_as_declared(name):
    vendor = UPSTREAMS[name]
    assert VENDORS[name].fetches == (vendor.pictures == "link")
    assert vendor.mask == "white" or not VENDORS[name].fetches  # a mask behind a link is as it was stored
    asks = with_pictures(name)
    assert bool(asks) == (name not in TEXT_ONLY)
    for ask in asks:
        link = LINK if VENDORS[name].fetches else None
        call = vendor.start(replace(ask, pictures=tuple(replace(one, link=link) for one in ask.pictures))).call
        written = json.dumps(call.json)
        as_uri = f"base64,{ENCODED}" in written or "data:application/zip;base64," in written
        encoded = ENCODED in written
        seen = {
            "data_uri": as_uri and call.pays,
            "base64": encoded and call.pays and not (as_uri and len(ask.pictures) == 1),
            "form": call.pays and any(part.data == FILE for part in call.parts),
            "upload": not call.pays,
            "link": LINK in written and not encoded,
        }
        assert seen[vendor.pictures], (ask.model, call)
