"""What processes tell each other of vendors' keys, and that a cancelled job is stopped where it runs."""

from __future__ import annotations

from gesso.catalogue.vendors import VENDORS
from gesso.domain.request import RouteChoice
from gesso.domain.upstream import CallStanding, Standing
from gesso.engines.registry import Engines
from gesso.engines.upstream.engine import UpstreamEngine, VendorSettings
from gesso.engines.upstream.sender import NotSent
from gesso.engines.upstream.vendors import UPSTREAMS
from gesso.imaging.decode import DecodeLimits
from gesso.outgoing.policy import Policy


def an_engine(**keys: str) -> UpstreamEngine:
    settings = {name: VendorSettings(key=keys.get(name)) for name in UPSTREAMS}
    return UpstreamEngine(UPSTREAMS, settings, policy=Policy(), decode_limits=DecodeLimits())


def route(vendor: str, target: str = "m") -> RouteChoice:
    return RouteChoice(engine="upstream", fidelity="exact", runs="m", vendor=vendor, target=target)


def test_a_route_is_ready_where_there_is_its_vendors_key():
    engines = Engines([an_engine(fal="secret")])
    assert engines.why_not(route("fal")) is None
    assert engines.why_not(route("openai")) == f"set a key of OpenAI in {VENDORS['openai'].key}"
    assert engines.told == ("upstream", "upstream/fal")


def test_a_server_without_engines_knows_which_vendors_a_worker_alive_has_keys_of():
    engines = Engines([])
    engines.elsewhere = frozenset({"builtin", *Engines([an_engine(fal="secret")]).told})
    assert engines.why_not(route("fal")) is None
    assert "OPENAI_API_KEY" in (engines.why_not(route("openai")) or "")
    assert engines.only_elsewhere == ("builtin", "upstream")
    assert engines.why_not(RouteChoice(engine="upstream", fidelity="exact", runs="upstream")) is None


async def test_what_a_cancelled_job_had_begun_is_stopped_there(monkeypatch):
    engine, sent = an_engine(replicate="secret"), []

    async def send(self, call, seconds):
        sent.append((call.method, call.url))
        raise NotSent("nobody is there")

    monkeypatch.setattr("gesso.engines.upstream.sender.Sender.send", send)
    standing = Standing(vendor="replicate", target="a/b")
    for number, call in enumerate(
        [
            CallStanding(standing="open", state={"id": "p-1"}, began_at=1),
            CallStanding(standing="sending", began_at=1),
            CallStanding(standing="open", state={"id": "p-3"}, began_at=1),
        ]
    ):
        standing = standing.with_call(number, call)
    routes = [route("openai", "a/b"), route("replicate", "a/b")]
    engines = Engines([engine])
    await engines.withdraw(routes, standing.token())
    assert sent == [("POST", "v1/predictions/p-1/cancel"), ("POST", "v1/predictions/p-3/cancel")]
    sent.clear()
    await engines.withdraw(routes, None)
    await engines.withdraw(routes, "another engine's")
    await Engines([an_engine(openai="secret")]).withdraw([route("no vendor"), *routes], standing.token())
    assert sent == []
    await engines.close()
