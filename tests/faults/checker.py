"""The checker: holds a run's history against every invariant, and says what it found and how much it looked at.

    python tests/faults/checker.py HISTORY.jsonl [--json] [--claim NAME | --claim all]

An invariant that found nothing to check has proven nothing: it is named, and fails the check when the run claims to have
exercised it. Exit codes: 0 all holds, 1 it does not, 2 the file is no history.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from facts import Facts
from history import BadHistory, Numbered, read_history
from invariants import INVARIANTS, Invariant, Violation

SHOWN = 10  # violations of one invariant that are printed


@dataclass(frozen=True)
class Report:
    """What a check found. `checked` and `violations` go by the name of the invariant; `faults` counts what was broken."""

    lines: int
    faults: dict[str, int]
    checked: dict[str, int]
    violations: dict[str, tuple[Violation, ...]]  # only of those that were violated
    claims: frozenset[str] = frozenset()

    @property
    def idle(self) -> list[str]:
        """Return the invariants that had nothing to check."""
        return [name for name, count in self.checked.items() if count == 0]

    @property
    def unproven(self) -> list[str]:
        """Return the idle invariants that the run claims to have exercised."""
        return [name for name in self.idle if name in self.claims]

    @property
    def holds(self) -> bool:
        """Tell whether everything holds that was claimed."""
        return not self.violations and not self.unproven

    def as_json(self) -> str:
        """Return everything as one JSON object."""
        violations = {name: [asdict(each) for each in found] for name, found in self.violations.items()}
        values = {
            "holds": self.holds,
            "lines": self.lines,
            "faults": self.faults,
            "checked": self.checked,
            "idle": self.idle,
            "unproven": self.unproven,
            "violations": violations,
        }
        return json.dumps(values, indent=2)

    def as_text(self) -> str:
        """Return what a person wants to read."""
        faults = ", ".join(f"{count} × {what}" for what, count in sorted(self.faults.items())) or "none"
        lines = [f"{self.lines} lines; faults: {faults}"]
        for name, count in self.checked.items():
            found = self.violations.get(name, ())
            said = f"{len(found)} VIOLATIONS" if found else "holds" if count else "NOT CHECKED"
            lines.append(f"{count:9}  {name.replace('_', ' ')}: {said}{' (claimed)' if name in self.unproven else ''}")
            for each in found[:SHOWN]:
                where = ", ".join(map(str, each.lines))
                lines.append(f"{'':11}{each.subject}: {each.message} [lines {where}]")
            if len(found) > SHOWN:
                lines.append(f"{'':11}… and {len(found) - SHOWN} more")
        return "\n".join(lines)


def check(
    history: Iterable[Numbered],
    claims: Collection[str] = frozenset(),
    invariants: Mapping[str, Invariant] = INVARIANTS,
) -> Report:
    """Hold a history against invariants. `claims` names those that the run says it exercised."""
    if unknown := sorted(set(claims) - set(invariants)):
        raise ValueError(f"there are no invariants {', '.join(unknown)}")
    facts = Facts.of(history)
    findings = {name: invariant(facts) for name, invariant in invariants.items()}
    return Report(
        lines=facts.lines,
        faults=dict(Counter(line.record.what for line in facts.faults if line.record.on == "begin")),
        checked={name: found.checked for name, found in findings.items()},
        violations={name: tuple(found.violations) for name, found in findings.items() if found.violations},
        claims=frozenset(claims),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a file; return the exit code."""
    parser = argparse.ArgumentParser(description="Check the history of a run under faults.")
    parser.add_argument("history", type=Path, metavar="HISTORY.jsonl")
    parser.add_argument("--json", action="store_true", help="say it as one JSON object")
    parser.add_argument("--claim", action="append", default=[], choices=["all", *INVARIANTS], metavar="NAME")
    given = parser.parse_args(arguments)
    claims = frozenset(INVARIANTS if "all" in given.claim else given.claim)
    try:
        report = check(read_history(given.history), claims)
    except (BadHistory, OSError) as error:
        sys.stderr.write(f"{given.history}: {error}\n")
        return 2
    sys.stdout.write((report.as_json() if given.json else report.as_text()) + "\n")
    return 0 if report.holds else 1


if __name__ == "__main__":
    sys.exit(main())
