"""Equal asks going in: who repeats waits for those before it, and only for those."""

from __future__ import annotations

import asyncio

from gesso.intake.going_in import GoingIn


class Entrant:
    """An ask that stays in until it is told to leave."""

    def __init__(self, going_in: GoingIn, *, key: str = "k", mark: str = "m", after_others: bool = True) -> None:
        self.inside = False
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._stay(going_in, key, mark, after_others))

    async def _stay(self, going_in: GoingIn, key: str, mark: str, after_others: bool) -> None:
        async with going_in.enter(key, mark, after_others=after_others):
            self.inside = True
            await self.leave.wait()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_repeats_go_in_one_after_the_other_in_their_order():
    going_in = GoingIn()
    entrants = [Entrant(going_in) for _ in range(3)]
    for place, entrant in enumerate(entrants):
        await settle()
        assert [other.inside for other in entrants] == [True] * (place + 1) + [False] * (2 - place)
        entrant.leave.set()
    await asyncio.gather(*(entrant.task for entrant in entrants))


async def test_others_are_not_waited_for_and_do_not_wait():
    going_in = GoingIn()
    first = Entrant(going_in)
    others = [Entrant(going_in, mark="other"), Entrant(going_in, key="other"), Entrant(going_in, after_others=False)]
    await settle()
    assert all(entrant.inside for entrant in (first, *others))
    for entrant in (first, *others):
        entrant.leave.set()
    await asyncio.gather(first.task, *(entrant.task for entrant in others))


async def test_who_gives_up_while_waiting_holds_nobody_up():
    going_in = GoingIn()
    first, second, third = (Entrant(going_in) for _ in range(3))
    await settle()
    second.task.cancel()
    await settle()
    assert (second.inside, third.inside) == (False, False)
    first.leave.set()
    await settle()
    assert third.inside
    third.leave.set()
    await asyncio.gather(first.task, third.task)
