"""Roof. This process's own runner and its work as a holder: started at the first use, ended with the command."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack

    from mtctl.engine.client import RunnerClient
    from mtctl.parts import Parts
    from mtctl.ports.store import Store
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.reports.running import TaskEvent


LOCK_WAIT = 10.0
"""How long a command waits for a source that somebody else has open, in seconds, unless told otherwise."""


class Own:
    """The runner of one command, what it pins and the tasks that it runs itself."""

    def __init__(self, store: Store, parts: Callable[[], Parts], stop: threading.Event, stack: ExitStack) -> None:
        """Keep the parts, asked for anew after a reload; `stack` ends with the command and closes what is open."""
        self._store = store
        self._parts = parts
        self._stop = stop
        self._stack = stack
        self._engine: RunnerClient | None = None
        self._lock_wait = LOCK_WAIT

    def engine(self) -> RunnerClient:
        """Return the runner's client; its process starts with the first call to it."""
        if self._engine is None:
            self._engine = self._parts().engine()
            self._engine.wait_for_sources(self._parts().patience(self._lock_wait))
            self._stack.callback(self._engine.close)
            if self._stop.is_set():
                self._engine.stop()
        return self._engine

    def wait_for_sources(self, seconds: float) -> None:
        """Let the runner wait so long for a source that somebody else has open; 0: not at all."""
        self._lock_wait = seconds
        if self._engine is not None:
            self._engine.wait_for_sources(self._parts().patience(seconds))

    def stop(self) -> None:
        """Interrupt what runs, for good: this process is to end."""
        if self._engine is not None:
            self._engine.stop()

    def close_engine(self) -> None:
        """End the runner; the next use starts another."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    @contextmanager
    def dispatching(self, title: str, on_event: Callable[[TaskEvent], None]) -> Iterator[Dispatcher]:
        """Make this process a holder with a dispatcher for as long as the context lasts."""
        from mtctl.parts import Crew  # noqa: PLC0415 - built at its first use

        self.engine().start()
        crew = Crew(store=self._store, engine=self.engine(), stop=self._stop)
        with self._parts().dispatcher(crew, "command", title, on_event) as dispatcher:
            yield dispatcher

    def pin(self, snapshot_id: int) -> None:
        """Keep a snapshot for as long as this process reads it."""
        holder = self._stack.enter_context(
            self._parts().holder(self._store, "reader", "query", lambda: self.engine().group, self.engine().kill)
        )
        with self._store.write() as tx:
            pin_id = tx.pin(holder.holder_id, snapshot_id, "query")
        self._stack.callback(self._unpin, pin_id)

    def _unpin(self, pin_id: int) -> None:
        with self._store.write() as tx:
            tx.unpin(pin_id)
