"""A vendor's connections are in pools of few requests each, so that many jobs at once cost no more than some."""

from __future__ import annotations

from contextlib import ExitStack

import httpx

from gesso.engines.upstream.pools import AT_ONCE, Pools


async def test_one_request_after_the_other_uses_one_client():
    pools = Pools(httpx.AsyncClient)
    used = []
    for _ in range(3 * AT_ONCE):
        with pools.client() as client:
            used.append(client)
    assert len(set(used)) == 1
    await pools.aclose()
    assert used[0].is_closed


async def test_many_at_once_are_spread_and_the_first_with_room_is_used_again():
    pools = Pools(httpx.AsyncClient)
    with ExitStack() as held:
        clients = [held.enter_context(pools.client()) for _ in range(2 * AT_ONCE + 1)]
        counts = [clients.count(one) for one in dict.fromkeys(clients)]
        assert counts == [AT_ONCE, AT_ONCE, 1]
    with pools.client() as client:
        assert client is clients[0]
    await pools.aclose()
    assert all(one.is_closed for one in clients)


async def test_a_request_that_breaks_gives_its_place_back():
    pools = Pools(httpx.AsyncClient)
    for _ in range(AT_ONCE + 1):
        try:
            with pools.client() as first:
                raise httpx.ReadError("broken")
        except httpx.ReadError:
            pass
    with pools.client() as again:
        assert again is first
    await pools.aclose()
