"""Floor 3. The workers of a daemon: threads that each hold a connection, leases and a runner while there is work.

A worker makes its crew (store, holder, dispatcher, runner) at its first task and lets it go when it has been idle for a
while: an idle daemon has no runner. A query that dies takes its runner and one attempt with it, nothing else.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mtctl.core.errors import FULL, MtctlError
from mtctl.services.watch import Interruption

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from mtctl.services.dispatcher import Dispatcher

IDLE_SECONDS = 30.0
"""After how long without work a worker lets go of its runner and its connection."""

MOST_STUMBLES = 20
"""After how many times in a row that a worker could not work the daemon ends: what stands in its way does not pass."""

LONGEST_REST = 30.0
"""How long a worker rests at most, in seconds, after it could not work; a second after the first time."""


class Pool:
    """A fixed number of workers, started at their first work."""

    def __init__(
        self,
        count: int,
        crew: Callable[[int], AbstractContextManager[Dispatcher]],
        on_trouble: Callable[[BaseException], None],
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Keep the parts.

        `crew` opens what a worker works with, `on_trouble` hears of what no worker can mend, `say` takes a line about
        what it goes on after.
        """
        self._count = count
        self._crew = crew
        self._on_trouble = on_trouble
        self._say = say
        self._stumbles: dict[int, int] = {}
        self._said: dict[int, str] = {}
        self._changed = threading.Condition()
        self._tickets = 0
        self._draining = False
        self._threads: list[threading.Thread] = []
        self._dispatchers: dict[int, Dispatcher] = {}
        self._working: set[int] = set()

    @property
    def busy(self) -> int:
        """How many workers have a task in hand."""
        with self._changed:
            return len(self._working)

    @property
    def size(self) -> int:
        """How many workers there may be."""
        return self._count

    def wake(self, tasks: int) -> None:
        """Let up to `tasks` idle workers look for work."""
        with self._changed:
            idle = self._count - len(self._working)
            self._tickets = max(self._tickets, min(tasks, idle))
            missing = min(self._tickets, self._count - len(self._threads))
            for _ in range(missing):
                number = len(self._threads)
                thread = threading.Thread(target=self._work, args=(number,), name=f"mtctl-worker-{number}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()

    def drain(self) -> None:
        """Claim nothing more; what runs runs on, its leases kept."""
        with self._changed:
            self._draining = True
            self._tickets = 0
            for dispatcher in self._dispatchers.values():
                dispatcher.stop()
            self._changed.notify_all()

    def abort(self) -> None:
        """Interrupt what runs and give it back: it costs no try."""
        self.drain()
        with self._changed:
            dispatchers = list(self._dispatchers.values())
        for dispatcher in dispatchers:
            dispatcher.interrupt(Interruption.RELEASE)

    def wait(self, seconds: float) -> bool:
        """Wait until all workers have ended; return whether they have."""
        for thread in self._threads:
            thread.join(seconds if seconds > 0 else None)
        return not any(thread.is_alive() for thread in self._threads)

    def stuck(self) -> bool:
        """Return whether a worker thread died while the pool is in use."""
        with self._changed:
            return not self._draining and any(not thread.is_alive() for thread in self._threads)

    def _work(self, number: int) -> None:
        try:
            while self._take_ticket(None):
                try:
                    with self._crew(number) as dispatcher:
                        self._serve(number, dispatcher)
                except Exception as error:
                    # One bad task, or a state file that stays locked, must not end a daemon with all its other work.
                    self._stumbles[number] = self._stumbles.get(number, 0) + 1
                    if self._stumbles[number] >= MOST_STUMBLES and not _waits_for_room(error):
                        raise
                    self._rest(number, error)
        except BaseException as error:  # noqa: BLE001 - a worker that dies unseen would leave the daemon half alive
            self._on_trouble(error)
        finally:
            with self._changed:
                self._working.discard(number)
                self._dispatchers.pop(number, None)

    def _rest(self, number: int, error: Exception) -> None:
        """Say what happened, wait a while, and look for work again."""
        text = str(error) if isinstance(error, MtctlError) else f"{type(error).__name__}: {error}"
        if text != self._said.get(number):
            self._say(f"worker {number + 1} could not go on: {text}")
        self._said[number] = text
        seconds = min(LONGEST_REST, 2.0 ** min(self._stumbles[number] - 1, 10))
        with self._changed:
            self._changed.wait_for(lambda: self._draining, seconds)
            self._tickets = max(self._tickets, 1)

    def _serve(self, number: int, dispatcher: Dispatcher) -> None:
        """Work until there has been nothing to do for a while."""
        with self._changed:
            if self._draining:
                return
            self._dispatchers[number] = dispatcher
        try:
            while not self._draining and not dispatcher.lost:
                with self._changed:
                    self._working.add(number)
                try:
                    dispatcher.run_ownerless()
                    self._stumbles[number] = 0
                finally:
                    with self._changed:
                        self._working.discard(number)
                        self._changed.notify_all()
                if not self._take_ticket(IDLE_SECONDS):
                    return
        finally:
            with self._changed:
                self._dispatchers.pop(number, None)

    def _take_ticket(self, seconds: float | None) -> bool:
        """Wait for a ticket; False when none came in time or nothing more is to be claimed."""
        with self._changed:
            self._changed.wait_for(lambda: self._tickets > 0 or self._draining, seconds)
            if self._draining or self._tickets == 0:
                return False
            self._tickets -= 1
            return True


def _waits_for_room(error: Exception) -> bool:
    """Whether nothing but a full disk is in the way: it may stay so for long, and then there is work to do."""
    return isinstance(error, MtctlError) and error.code in FULL
