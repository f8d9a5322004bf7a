"""Floor 4. Ctrl-C and SIGTERM: the first asks the running work to stop, the second (a daemon's third) ends it hard.

While no project is open there is nothing to stop gently, so the signal ends the command where it stands.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Protocol

from mtctl.cli.exit import ExitCode

if TYPE_CHECKING:
    from types import FrameType


class Stoppable(Protocol):
    """Work that a signal may stop. `patience` is how many signals ask it before one ends the process hard."""

    @property
    def patience(self) -> int:
        """How many signals it takes."""

    def interrupt(self) -> None:
        """Ask the running work to stop; called from a signal handler."""


class TerminatedError(BaseException):
    """SIGTERM came while nothing could be stopped gently; like KeyboardInterrupt it is no ordinary exception."""


class Stop:
    """What signals came, and whom they stop."""

    def __init__(self) -> None:
        """Begin without work and without a signal."""
        self.work: Stoppable | None = None
        self.received: int | None = None
        self.count = 0

    def install(self) -> None:
        """Take over SIGINT and SIGTERM of this process."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code that the received signal asks for."""
        return ExitCode.TERMINATED if self.received == signal.SIGTERM else ExitCode.INTERRUPTED

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.count += 1
        self.received = number
        if self.work is not None and self.count <= self.work.patience:
            self.work.interrupt()
            return
        if number == signal.SIGTERM:
            raise TerminatedError
        raise KeyboardInterrupt
