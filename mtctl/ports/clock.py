"""Floor 1. Time, as the services ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from threading import Event

    from mtctl.core.model import Instant


class Clock(Protocol):
    """Time, passed in so that tests own it."""

    def now(self) -> Instant:
        """Return the wall clock, microseconds since 1970 UTC."""

    def boottime(self) -> int:
        """Return nanoseconds since boot, counting suspend (CLOCK_BOOTTIME); leases compare only this."""

    def boot_id(self) -> str:
        """Return the id of this boot; leases of another boot are void."""

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until the event is set or the seconds have passed; return whether it is set."""
