"""Floor 3. When somebody last looked for work: the time of one file, set by each round of a daemon or tick.

A file and not a row: a round that finds nothing to do must not write the state file.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from mtctl.core.model import Instant
    from mtctl.ports.clock import Clock


class Looks:
    """The mark of the rounds of one project."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Keep the file's path; it is made by the first round."""
        self._path = path
        self._clock = clock

    def note(self) -> None:
        """Say that a round looks now; a file that cannot be written is no reason to stop working."""
        now = self._clock.now() * 1_000
        with contextlib.suppress(OSError):
            try:
                os.utime(self._path, ns=(now, now))
            except FileNotFoundError:
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
                os.utime(self._path, ns=(now, now))

    def last(self) -> Instant | None:
        """Return when a round last looked, None: never."""
        try:
            return self._path.stat().st_mtime_ns // 1_000
        except OSError:
            return None
