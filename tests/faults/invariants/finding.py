"""What an invariant says: how much it looked at, and what it found wrong, with the lines that prove it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from facts import Facts
from history import Numbered

LINES_SHOWN = 20  # of one violation


@dataclass(frozen=True)
class Violation:
    """One thing that must not be. `subject` is the job, ask, account or object it is about; lines count from 1."""

    subject: str
    message: str
    lines: tuple[int, ...]


@dataclass
class Findings:
    """`checked` counts the things that were put to the test; with 0 an invariant has said nothing at all."""

    checked: int = 0
    violations: list[Violation] = field(default_factory=list)

    def expect(self, holds: bool, subject: str, message: str, *proof: Numbered | None, counts: bool = True) -> None:
        """Put one thing to the test. Without `counts` it is not told among those that were."""
        self.checked += counts
        if not holds:
            lines = sorted({line.line for line in proof if line is not None})
            self.violations.append(Violation(subject, message, tuple(lines[:LINES_SHOWN])))


# Its name is what reports call it, its docstring the promise.
Invariant = Callable[[Facts], Findings]
