"""What this process does about what another one tells."""

from __future__ import annotations

from dataclasses import dataclass

from gesso.jobs.feed import Feed
from gesso.workers.deliver_webhooks import Deliverer
from gesso.workers.fleet import Fleet
from gesso.workers.loop import Worker
from gesso.workers.relay import Relay


@dataclass(frozen=True)
class Hearing:
    """Hands each notice to whom it concerns. `ends_make_room`: an ended job may let another of its account start."""

    worker: Worker
    deliverer: Deliverer
    fleet: Fleet
    relay: Relay
    feed: Feed
    ends_make_room: bool

    def hear(self, channel: str, payload: str) -> None:
        """Act on what another process tells; what was missed, the row and the renewal of leases say later."""
        match channel:
            case "gesso_queued":
                self.worker.wake(payload)
            case "gesso_cancelled":
                self.worker.cancel(payload)
            case "gesso_ended":
                self.feed.nudge(payload)
                if self.ends_make_room:
                    self.worker.wake()  # its account may have a place now
            case "gesso_webhooks":
                self.deliverer.wake()
            case "gesso_workers":
                self.fleet.wake()
            case "gesso_watched":
                self.relay.watched(payload)
            case "gesso_progress":
                self.relay.heard(payload)
            case "gesso_reconnected":
                self.worker.wake()
                self.deliverer.wake()
                self.fleet.wake(afresh=True)
                self.feed.nudge_all()
