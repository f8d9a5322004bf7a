"""Floor 2. Waits for a source that somebody else has open, and says for whom.

A file that a foreign program writes cannot be read beside it. Who waits at a command line may wait a while; nothing has
been tried meanwhile, and nothing is used up.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NoReturn, TypeVar

from mtctl.core.errors import Kind, MtctlError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.ports.clock import Clock

AGAIN_SECONDS = 0.2
"""How long to wait before trying the source again."""

T = TypeVar("T")


class Patience:
    """How long one process waits for locked sources, in seconds; `say` takes a line for whoever waits.

    Nobody is waited for twice in vain: ten tables of one source wait as long as one.
    """

    def __init__(self, clock: Clock, seconds: float, say: Callable[[str], None]) -> None:
        """Keep what waiting takes."""
        self._clock = clock
        self._seconds = seconds
        self._say = say
        self._stop = threading.Event()
        self._in_vain: set[str] = set()

    def give_up(self) -> None:
        """End the waiting in hand. Callable from any thread."""
        self._stop.set()

    def tried(self, attempt: Callable[[], T], locked: Callable[[T], MtctlError | None]) -> T:
        """Return what the attempt answers, trying again while it raises, or `locked` finds, `source_locked`."""
        self._stop.clear()
        until = self._clock.boottime() + int(self._seconds * 1e9)
        told = ""
        while True:
            answer, trouble = _once(attempt, locked)
            if trouble is None or trouble.what in self._in_vain:
                return answer()
            if self._clock.boottime() >= until:
                self._in_vain.add(trouble.what)
                return answer()
            if trouble.what != told:
                told = trouble.what
                self._say(f"waiting at most {self._seconds:g} s: {told}")
            if self._clock.wait(self._stop, AGAIN_SECONDS):
                raise MtctlError("cancelled", "the query was cancelled", kind=Kind.FAILED)


def is_locked(error: BaseException) -> bool:
    """Return whether a source is held by somebody: nothing has been tried, and it may pass."""
    return isinstance(error, MtctlError) and error.code == "source_locked" and "source" in error.details


def _once(
    attempt: Callable[[], T], locked: Callable[[T], MtctlError | None]
) -> tuple[Callable[[], T], MtctlError | None]:
    """Try once; return how to answer, and the lock that was in the way."""
    try:
        answer = attempt()
    except MtctlError as error:
        if not is_locked(error):
            raise
        return _raising(error), error
    return lambda: answer, locked(answer)


def _raising(error: MtctlError) -> Callable[[], NoReturn]:
    def answer() -> NoReturn:
        raise error

    return answer
