"""Where a job stands at its vendor, as it is committed with the job: what must survive this process."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ValidationError

from gesso.domain.frozen import Frozen


class CallStanding(Frozen):
    """One call of a job. "sending": the paying request may have arrived, and nobody here knows; "open": the vendor
    has it, and `state` is what its file goes on with. `began_at` is in microseconds."""

    standing: Literal["sending", "open"]
    state: dict[str, Any] = {}
    began_at: int


class Standing(Frozen):
    """All calls of a job, by their number; those that are missing have not begun."""

    version: Literal[1] = 1
    vendor: str
    target: str
    calls: dict[int, CallStanding] = {}

    def with_call(self, number: int, call: CallStanding) -> Standing:
        """Return it with one call's standing."""
        return self.model_copy(update={"calls": {**self.calls, number: call}})

    def without(self, number: int) -> Standing:
        """Return it with one call as if it had not begun: surely nothing arrived."""
        return self.model_copy(update={"calls": {key: call for key, call in self.calls.items() if key != number}})

    def token(self) -> str:
        """Return the text that is committed."""
        return self.model_dump_json()


def standing_of(token: str | None, vendor: str, target: str) -> Standing:
    """Return what a token says, or that nothing has begun: no token, or one of another route."""
    if token is not None:
        try:
            found = Standing.model_validate_json(token)
        except ValidationError:  # another engine's, from which the job came here
            pass
        else:
            if (found.vendor, found.target) == (vendor, target):
                return found
    return Standing(vendor=vendor, target=target)
