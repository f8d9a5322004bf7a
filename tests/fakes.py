"""Small fakes for what tests must own: time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event

NOON = 1_700_000_000_000_000
"""2023-11-14T22:13:20Z, an instant like any other."""


class FakeClock:
    """A clock that moves only when told."""

    def __init__(self, now: int = NOON, boottime: int = 10**13, boot_id: str = "boot-1") -> None:
        self._now = now
        self._boottime = boottime
        self._boot_id = boot_id

    def now(self) -> int:
        return self._now

    def boottime(self) -> int:
        return self._boottime

    def boot_id(self) -> str:
        return self._boot_id

    def wait(self, event: Event, seconds: float) -> bool:
        """Let the time pass at once; nobody else runs meanwhile."""
        if not event.is_set():
            self.advance(seconds)
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self._now += round(seconds * 1_000_000)
        self._boottime += round(seconds * 1_000_000_000)

    def set_wall(self, now: int) -> None:
        """Set the wall clock as a person or NTP does; the time since boot goes on."""
        self._now = now

    def reboot(self, boot_id: str) -> None:
        """Start again: another boot, its own small time since then."""
        self._boot_id = boot_id
        self._boottime = 10**9
