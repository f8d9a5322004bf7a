"""Floor 2. A line in the project's log of notices, and the same line to whoever watches this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mtctl.core.calendar import iso_utc
from mtctl.core.notices import one_line
from mtctl.notify.troubles import misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mtctl.core.channels import LogChannel
    from mtctl.core.model import Instant
    from mtctl.ports.notify import Message

LOG_FILE = "notices.log"

MOST_BYTES = 8 << 20
"""From this size on the log begins anew; the one before is kept beside it."""


class Log:
    """Writes messages into a file that only its owner can read."""

    def __init__(self, config: LogChannel, folder: Path, say: Callable[[str], None]) -> None:
        """Keep the folder of logs and who takes a line for stderr."""
        self._config = config
        self._folder = folder
        self._say = say

    def send(self, message: Message, now: Instant) -> None:
        """Append one line, in one write; see `ports.notify.Channel`."""
        line = f"{iso_utc(now)} {message.occasion} {one_line(message.subject)} | {_rest(message.text)}".rstrip(" |")
        try:
            self._append(f"{line}\n".encode("utf-8", "replace"))
        except OSError as error:
            what = f"{LOG_FILE} cannot be written: {error.strerror}"
            raise misconfigured(self._config.name, what, f"check {self._folder}") from None
        self._say(line)

    def _append(self, line: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / LOG_FILE
        if path.is_file() and path.stat().st_size > MOST_BYTES:
            path.replace(path.with_suffix(".log.1"))
        # A link that somebody put there is not followed.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def _rest(text: str) -> str:
    """Return the lines below the first, which says what the subject says."""
    return " | ".join(one_line(line) for line in text.splitlines()[1:])
