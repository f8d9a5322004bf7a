"""Floor 4. Ctrl-C and SIGTERM: the first asks the running work to stop, the second ends the process hard.

While no project is open there is nothing to stop gently, so the signal ends the command where it stands.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mtctl.cli.exit import ExitCode

if TYPE_CHECKING:
    from types import FrameType


class Stoppable(Protocol):
    """Work that a signal may stop."""

    def interrupt(self) -> None:
        """Ask the running work to stop; called from a signal handler."""


class TerminatedError(BaseException):
    """SIGTERM came while nothing could be stopped gently; like KeyboardInterrupt it is no ordinary exception."""


@dataclass(slots=True)
class Stop:
    """What signals came, and whom they stop."""

    work: Stoppable | None = None
    received: int | None = None

    def install(self) -> None:
        """Take over SIGINT and SIGTERM of this process."""
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    @property
    def exit_code(self) -> ExitCode:
        """The exit code that the received signal asks for."""
        return ExitCode.TERMINATED if self.received == signal.SIGTERM else ExitCode.INTERRUPTED

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        again = self.received is not None
        self.received = number
        if self.work is not None and not again:
            self.work.interrupt()
            return
        if number == signal.SIGTERM:
            raise TerminatedError
        raise KeyboardInterrupt
