"""`gesso serve` or `gesso worker` as a node of a fleet under faults: the product's own command with four things turned.

- Its engine is the one of noise, whose pictures can be foretold.
- A day of the webhooks' retry times lasts `FAULTS_DAY_SECONDS`, and a receiver's circuit opens for half of that at most.
- Its clock (`time.time` and `time.time_ns`) is ahead by the seconds in the file `FAULTS_CLOCK`, read again at SIGUSR1. It
  covers the ids and the sweep's ages; not C and Rust beneath, nor leases, which go by the database's clock.
- Whoever ends a job tells the database, within the transaction, which lease it holds (see `witness.py`).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "acceptance"))
DAY_SECONDS = 86_400


def turn_clock(file: Path) -> None:
    """Let this process's clock be ahead, or behind, by what the file says."""
    real, real_ns = time.time, time.time_ns
    ahead = 0.0

    def look(*_: object) -> None:
        nonlocal ahead
        ahead = float(file.read_text())

    look()
    time.time = lambda: real() + ahead
    time.time_ns = lambda: real_ns() + int(ahead * 1e9)
    signal.signal(signal.SIGUSR1, look)


def tell_leases() -> None:
    """Have each end of a job name the lease it is made under. It comes before whoever imports `end_job`."""
    from sqlalchemy import text

    from gesso.jobs import ending

    told = text("SELECT set_config('faults.lease', :lease, true)")
    end_job = ending.end_job

    def end_and_tell(
        connection: Any,
        statement: Any,
        job_id: str,
        how: Any,
        now: int,
        worker: str = "",
        attempt: int = 0,
        due: int = 0,
    ) -> Any:
        lease = f"{worker}/{attempt}" if statement is ending.END_LEASED else "none"
        connection.execute(told, {"lease": lease})
        return end_job(connection, statement, job_id, how, now, worker, attempt, due)

    ending.end_job = end_and_tell


def hasten_retries(day_seconds: float) -> None:
    """Let the pauses between attempts at a webhook be as much shorter as a day is, and none of a circuit be longer."""
    from gesso.domain import circuit
    from gesso.domain.clock import SECOND
    from gesso.workers import retry_times

    circuit.LONGEST_PAUSE = int(day_seconds / 2 * SECOND)

    pauses = retry_times.PAUSES_SECONDS
    retry_times.PAUSES_SECONDS = tuple(pause * day_seconds / DAY_SECONDS for pause in pauses)


def take_noise(slots: int) -> None:
    """Put the engine of noise in the place of the installation's engines."""
    from noise_engine import NoiseEngine

    from gesso import wiring

    wiring.engines_of = lambda settings: (NoiseEngine(slots, Path("released")),)


def main() -> None:
    """Be `gesso` with these words."""
    turn_clock(Path(os.environ["FAULTS_CLOCK"]))
    tell_leases()
    hasten_retries(float(os.environ["FAULTS_DAY_SECONDS"]))
    take_noise(int(os.environ["FAULTS_SLOTS"]))
    from gesso.__main__ import main as gesso

    gesso()


if __name__ == "__main__":
    main()
