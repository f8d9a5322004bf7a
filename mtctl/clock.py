"""Floor 2. The only place where time is read or waited for.

Wall time is for people and schedules; leases compare CLOCK_BOOTTIME of one boot, so that a jumping wall clock or a
suspended machine neither steals nor immortalises one.
"""

from __future__ import annotations

import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event

    from mtctl.core.model import Instant


class SystemClock:
    """The machine's clocks."""

    def now(self) -> Instant:
        """Return the wall clock in microseconds since 1970 UTC."""
        return time.time_ns() // 1_000

    def boottime(self) -> int:
        """Return nanoseconds since boot, counting suspend."""
        return time.clock_gettime_ns(_BOOT_CLOCK)

    def boot_id(self) -> str:
        """Return the id of this boot."""
        return _boot_id()

    def wait(self, event: Event, seconds: float) -> bool:
        """Wait until the event is set or the seconds have passed; return whether it is set."""
        return event.wait(seconds)


# macOS counts suspend in CLOCK_MONOTONIC already and has no CLOCK_BOOTTIME.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@lru_cache(maxsize=1)
def _boot_id() -> str:
    if sys.platform == "darwin":
        import subprocess  # noqa: PLC0415 - not on Linux' start-up path

        found = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=True
        )
        return found.stdout.strip()
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
