"""Floor 2. Who has a database file open, by DuckDB's own words."""

from __future__ import annotations

import re
from typing import NamedTuple

_LOCK = re.compile(r"[Cc]ould not set lock")
_HOLDER = re.compile(r"lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")


class Holder(NamedTuple):
    """Who holds a file: its program and process id, None where DuckDB could not tell."""

    program: str
    pid: int | None

    @property
    def words(self) -> str:
        """The holder as a message names it."""
        return "another process" if self.pid is None else f"process {self.pid} ({self.program})"


def locked_by(message: str) -> Holder | None:
    """Return who holds the file that could not be opened, None where the message is about something else."""
    if not _LOCK.search(message):
        return None
    found = _HOLDER.search(message)
    return Holder("", None) if found is None else Holder(found["program"], int(found["pid"]))
