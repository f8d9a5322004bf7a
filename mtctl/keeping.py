"""Roof. Keeps a project going: one bounded round, or a daemon with its workers and the thread that tells people."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from mtctl.parts import Parts
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store
    from mtctl.services.daemon import Daemon, DaemonReport
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.looks import Looks
    from mtctl.services.notices import Notices
    from mtctl.services.reports.running import TaskEvent
    from mtctl.services.scheduler import Scheduler
    from mtctl.services.telling import Teller
    from mtctl.services.ticking import RoundReport


class Keeper:
    """The rounds and the daemon of one project; `daemon` is the one that runs, None while none does."""

    def __init__(  # noqa: PLR0913 - the parts of one process, all named
        self,
        *,
        store: Store,
        clock: Clock,
        parts: Parts,
        scheduler: Callable[[], Scheduler],
        looks: Looks,
        dispatching: Callable[[str, Callable[[TaskEvent], None]], AbstractContextManager[Dispatcher]],
        say: Callable[[str], None],
    ) -> None:
        """Keep the parts; `scheduler` is asked for anew after a reload, `say` writes a line of talk."""
        self._store = store
        self._clock = clock
        self._parts = parts
        self._scheduler = scheduler
        self._looks = looks
        self._dispatching = dispatching
        self._write_line = say
        self._teller: Teller | None = None
        self.daemon: Daemon | None = None

    def tick(self, max_seconds: float | None, on_event: Callable[[TaskEvent], None]) -> RoundReport | None:
        """Do one bounded round: fire what is due, run what is ready; None where there was nothing to do."""
        self._looks.note()
        if self._is_quiet():
            self._tend()
            return None
        from mtctl.services.ticking import Ticker  # noqa: PLC0415 - a round with nothing to do loads none of it

        ticker = Ticker(self._store, self._clock, self._scheduler(), self._dispatching, self._tell)
        report = ticker.round(max_seconds, on_event)
        self._tend()
        return report

    def serve(
        self,
        workers: int,
        on_event: Callable[[TaskEvent], None],
        reload: Callable[[], None],
        *,
        stopped: Callable[[], bool],
    ) -> DaemonReport:
        """Run a daemon until it is stopped; `stopped` says that a signal came before there was one."""
        from mtctl.services.holder import LEASELESS  # noqa: PLC0415 - only a daemon
        from mtctl.services.serving import serve  # noqa: PLC0415 - the same

        self.daemon = daemon = self._make(workers, on_event, reload)
        if stopped():
            daemon.stop()
        try:
            holder = self._parts.holder(self._store, LEASELESS, "up", lambda: None, lambda: daemon.trouble(_lost()))
            with holder, self._telling(), self._parts.tended(self._say):
                return serve(daemon, self._clock, self._say)
        finally:
            self.daemon = None

    def take(self, parts: Parts) -> None:
        """Work with the parts of a project whose settings have changed; its first channel counts at once."""
        self._parts = parts
        if self.daemon is not None:
            self._start_teller()

    def _make(self, workers: int, on_event: Callable[[TaskEvent], None], reload: Callable[[], None]) -> Daemon:
        from mtctl.services.daemon import Daemon  # noqa: PLC0415 - only a daemon
        from mtctl.services.pool import Pool  # noqa: PLC0415 - the same

        def heard(event: TaskEvent) -> None:
            daemon.poke()
            with suppress(OSError):  # nobody listens any more: that is no reason to lose the work in hand
                on_event(event)

        pool = Pool(
            workers,
            lambda number: self._parts.worker(number, workers, "up", heard),
            lambda error: daemon.trouble(error),  # noqa: PLW0108 - the daemon is made after its pool
            self._say,
        )
        daemon = Daemon(
            store=self._store,
            clock=self._clock,
            scheduler=self._scheduler,
            pool=pool,
            sweep=lambda: self._parts.sweep(self._store),
            tell=self._poke_teller,
            reload=reload,
            say=self._say,
        )
        return daemon

    def _is_quiet(self) -> bool:
        """Return whether a round would find nothing: nothing due, nothing ready, nobody dead, nobody to tell."""
        now = self._clock.now()
        with self._store.read() as view:
            has_holders, is_behind = bool(view.holders()), view.last_now() > now
        if has_holders:
            self._parts.sweep(self._store)
        if is_behind:
            with self._store.write():  # refuses a clock that is too far behind, though nothing is due by it
                pass
        with self._store.read() as view:
            due = view.next_due()
            is_quiet = (due is None or due > now) and view.next_task(None) is None
        return is_quiet and not self._parts.tells

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Let a thread tell people while the block runs, as soon as the project has channels."""
        self._start_teller()
        try:
            yield
        finally:
            teller, self._teller = self._teller, None
            if teller is not None:
                teller.close()

    def _start_teller(self) -> None:
        if self._teller is not None or not self._parts.tells:
            return
        from mtctl.services.telling import Teller  # noqa: PLC0415 - only projects with channels

        self._teller = Teller(self._notices, self._clock, self._say)
        self._teller.start()

    @contextmanager
    def _notices(self) -> Iterator[Notices]:
        """Open what tells people, on a connection of its own: it may run in a thread of its own."""
        store = self._parts.open_store()
        try:
            yield self._parts.notices(store)
        finally:
            store.close()

    def _say(self, text: str) -> None:
        with suppress(OSError):  # a terminal that was closed must not end a daemon
            self._write_line(text)

    def _poke_teller(self) -> None:
        self._looks.note()
        if self._teller is not None:
            self._teller.poke()

    def _tend(self) -> None:
        """Do a bounded round of upkeep where one is due; trouble with it is said and fails no tick."""
        if self._parts.upkeep_due:
            self._parts.tend(self._store, self._say)

    def _tell(self) -> None:
        """Note what is to be told and send what is due, for a bounded time; nothing without channels."""
        if not self._parts.tells:
            return
        with self._notices() as notices:
            notices.look()
            notices.send_due()


def _lost() -> Exception:
    """Return the error of a daemon that cannot show any more that it lives: whoever supervises it starts another."""
    from mtctl.core.errors import Kind, MtctlError  # noqa: PLC0415 - only trouble

    what = "the daemon could not write to the state file for 40 s"
    return MtctlError("daemon_lost", what, kind=Kind.BUSY, fix="start it again")
