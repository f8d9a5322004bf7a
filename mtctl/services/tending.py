"""Floor 3. Upkeep by itself: a round now and then, by whichever daemon or tick comes first.

A round is bounded in time and may be broken off between any two steps; what it leaves, the next one does. When the last
one was is the time of a file, so that a round that has nothing to do writes nothing.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from mtctl.ports.clock import Clock
    from mtctl.services.collecting import Collector
    from mtctl.services.looks import Looks
    from mtctl.services.retention import Retention

EVERY = 300_000_000
"""How long after a round the next one is due, in microseconds."""

STRAYS_EVERY = 86_400_000_000
"""How long after a search for strays the next one is due: it looks at every file of the lake."""

TICK_SECONDS = 2.0
"""How long a tick spends on it."""

THREAD_SECONDS = 60.0
"""How long a round of a daemon lasts at most."""

LOOK_SECONDS = 30.0
"""How often a daemon looks whether a round is due."""


class Tending:
    """Rounds of upkeep: expiry, removal of what expired, compaction, and once a day a search for strays."""

    def __init__(
        self,
        retention: Retention,
        collector: Callable[[], Collector],
        strays: Looks,
        clock: Clock,
        copy: Callable[[], None] = lambda: None,
        compact: Callable[[float, Callable[[], bool]], None] = lambda _seconds, _stopped: None,
    ) -> None:
        """Keep the services; `strays` is the mark of the last search, `collector` is asked for when it is needed.

        `copy` takes the daily copy of the state file where it is due, `compact` merges small files for some seconds.
        """
        self._retention = retention
        self._collector = collector
        self._strays = strays
        self._clock = clock
        self._copy = copy
        self._compact = compact

    def round(self, seconds: float, stopped: Callable[[], bool]) -> None:
        """Do what is due, for so many seconds at most (a search for strays and a copy are not broken off)."""
        self._copy()
        until = self._clock.boottime() + round(seconds * 1e9)
        self._retention.expire(dry_run=False, seconds=seconds / 2, stopped=stopped)
        self._collector().expired(stopped=lambda: stopped() or self._clock.boottime() >= until)
        if not stopped():
            self._compact(seconds, stopped)
        if not stopped() and is_due(self._strays, self._clock, STRAYS_EVERY):
            self._strays.note()
            self._collector().gc(grace_seconds=None, dry_run=False)


class Tender:
    """The rounds of a daemon, in a thread of their own: they never hold up a fire or a claim."""

    def __init__(
        self,
        open_tending: Callable[[], AbstractContextManager[Tending]],
        mark: Looks,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        """Keep the parts; `open_tending` is called for each round, so that a changed project file counts at once."""
        self._open_tending = open_tending
        self._mark = mark
        self._clock = clock
        self._say = say
        self._said = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mtctl-tender", daemon=True)

    def start(self) -> None:
        """Begin; the first look comes a little later, when the daemon has begun its work."""
        self._thread.start()

    def close(self) -> None:
        """End between two steps."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._clock.wait(self._stop, LOOK_SECONDS):
            if is_due(self._mark, self._clock, EVERY):
                self._round()

    def _round(self) -> None:
        self._mark.note()
        try:
            with self._open_tending() as tending:
                tending.round(THREAD_SECONDS, self._stop.is_set)
        except Exception as error:  # noqa: BLE001 - upkeep that fails must not end the work
            text = str(error) if isinstance(error, MtctlError) else f"{type(error).__name__}: {error}"
            if text != self._said:  # the same trouble is not said every five minutes
                self._said = text
                self._say(f"upkeep: {text}")


def is_due(mark: Looks, clock: Clock, every: int) -> bool:
    """Return whether the time has come, or the clock has been set back behind the mark."""
    last = mark.last()
    return last is None or not 0 <= clock.now() - last < every
