"""Floor 3. Jumps of the wall clock, seen against the time since boot, and the wait after a long one.

A clock that springs ahead by more than a day is more likely wrong than right, and what fires by it cannot be unmade:
new fires wait ten minutes, for a person or a time server to set it right. The time since boot counts a machine's sleep,
so that waking up is no jump.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.pulse import lasting

if TYPE_CHECKING:
    from mtctl.core.model import Instant
    from mtctl.ports.clock import Clock

JUMP = 300_000_000
"""How far wall clock and boot clock may part between two looks, in microseconds, before it is called a jump."""

LONG_JUMP = 86_400_000_000
"""How far ahead the wall clock may jump before new fires wait, in microseconds."""

HOLD_SECONDS = 600.0
"""How long new fires wait then, by the time since boot."""


class Jumps:
    """The jumps that one process sees."""

    def __init__(self, clock: Clock) -> None:
        """Begin to compare now: no jump before is known of."""
        self._clock = clock
        self._wall, self._boot = clock.now(), clock.boottime()
        self._ahead: Instant = 0
        self._held_until = 0

    def look(self) -> Instant:
        """Return how far the wall clock has jumped since the last look, in microseconds, backward below 0; 0: not."""
        wall, boot = self._clock.now(), self._clock.boottime()
        parted = (wall - self._wall) - (boot - self._boot) // 1_000
        self._wall, self._boot = wall, boot
        if abs(parted) <= JUMP:
            return 0
        # What a wait is about is over with it; within one, a clock that goes back again ends it.
        self._ahead = parted + (self._ahead if self.holds else 0)
        if parted > LONG_JUMP:
            self._held_until = boot + round(HOLD_SECONDS * 1e9)
        return parted

    @property
    def holds(self) -> bool:
        """Whether new fires wait: ten minutes from a long jump ahead, or until the clock is back."""
        return self._ahead > LONG_JUMP and self._clock.boottime() < self._held_until


def jump_words(parted: Instant, *, holds: bool) -> str:
    """Return a line about a jump of the wall clock, and what comes of it."""
    way = "ahead" if parted > 0 else "back"
    then = f"nothing new fires for {HOLD_SECONDS / 60:.0f} minutes, for somebody to set it right"
    return f"the clock has jumped {way} by {lasting(abs(parted) // 1_000_000)}: " + (
        then if holds else "schedules are computed anew"
    )
