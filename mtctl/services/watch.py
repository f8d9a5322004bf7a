"""Floor 3. Looks after the attempt in hand: its time limit, and whether somebody asked for its end.

One thread per dispatcher, asleep while nothing runs. It never touches the task's state: it interrupts the work, and the
dispatcher writes down how that ended.
"""

from __future__ import annotations

import threading
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from mtctl.ports.changes import Claimed
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store

LOOK_SECONDS = 0.5
"""How often the facts are looked at; only where another connection has written anything since."""


class Interruption(StrEnum):
    """Why an attempt is stopped from outside."""

    TIMEOUT = "timeout"  # it ran longer than allowed
    CANCEL = "cancel"  # somebody asked for its end
    RELEASE = "release"  # the process ends and gives the work back
    LOST = "lost"  # the lease can no longer be trusted


class Watch:
    """Interrupts the attempt in hand when it has to end; a context manager."""

    def __init__(
        self,
        open_store: Callable[[], Store],
        clock: Clock,
        interrupt: Callable[[], None],
        ends: threading.Event | None = None,
    ) -> None:
        """Keep the parts; `interrupt` stops the engine's query and may be called from any thread.

        `ends` is set when the whole process is to end: then what runs is stopped without a reason of its own.
        """
        self._ends = ends
        self._open_store = open_store
        self._clock = clock
        self._interrupt = interrupt
        self._lock = threading.Lock()
        self._busy = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._claimed: Claimed | None = None
        self._until: int | None = None
        self.stop = threading.Event()
        self.why: Interruption | None = None

    def __enter__(self) -> Self:
        """Return the watch itself; its thread starts with the first attempt."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread."""
        self._closing.set()
        self._busy.set()
        if self._thread is not None:
            self._thread.join()

    def begin(self, claimed: Claimed) -> None:
        """Look after an attempt from now on."""
        limit = claimed.task.timeout
        with self._lock:
            self._claimed = claimed
            self._until = self._clock.boottime() + limit * 1_000 if limit else None
            self.why = None
            self.stop.clear()
        if self._thread is None:
            self._thread = threading.Thread(target=self._look_until_closed, name="mtctl-watch", daemon=True)
            self._thread.start()
        self._busy.set()

    def end(self) -> None:
        """Let go of the attempt, which has ended; `why` still says whether it was interrupted."""
        with self._lock:
            self._claimed = None
            self._busy.clear()

    def interrupt(self, why: Interruption) -> None:
        """Stop the attempt in hand for a reason; the first reason stays. Nothing happens where nothing runs."""
        with self._lock:
            claimed = self._claimed
        if claimed is not None:
            self._stop_one(claimed, why)

    def _stop_one(self, claimed: Claimed, why: Interruption) -> None:
        """Stop this attempt and no other: what was asked of the one before must not hit the next.

        The lock is held until the work has been told, so that no other attempt begins in between.
        """
        with self._lock:
            if self._claimed is not claimed:
                return
            if self.why is None:
                self.why = why
                self.stop.set()
            self._interrupt()

    def _look_until_closed(self) -> None:
        store: Store | None = None
        seen = -1
        try:
            while not self._closing.is_set():
                self._busy.wait()
                self._clock.wait(self._closing, LOOK_SECONDS)
                with self._lock:
                    claimed, until = self._claimed, self._until
                if claimed is None or self._closing.is_set():
                    continue
                why = self.why
                if why is not None:
                    self._stop_one(claimed, why)  # again: the first may have come just before the work began
                    continue
                if self._ends is not None and self._ends.is_set():
                    self.stop.set()
                    self._interrupt()
                    continue
                if until is not None and self._clock.boottime() > until:
                    self._stop_one(claimed, Interruption.TIMEOUT)
                    continue
                try:
                    store = store or self._open_store()
                    mark = store.change_mark()
                    if mark != seen and self._is_unwanted(store, claimed):
                        self._stop_one(claimed, Interruption.CANCEL)
                    seen = mark
                except Exception:  # noqa: BLE001 - a look that failed is made again: the time limit must still hold
                    seen = -1
        finally:
            if store is not None:
                store.close()

    def _is_unwanted(self, store: Store, claimed: Claimed) -> bool:
        with store.read() as view:
            return view.cancel_requested(claimed.task.task_id)
