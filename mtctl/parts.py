"""Roof. Builds what work is done with: runner, lake, locks, holder and dispatcher.

One set serves a command; each worker of a daemon has its own. Everything is imported when it is first built: a command
that only looks loads none of it.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from mtctl.core.sizes import bytes_of
from mtctl.store.connection import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mtctl.config import Project
    from mtctl.engine.client import RunnerClient
    from mtctl.engine.patience import Patience
    from mtctl.engine.settings import RunnerSettings
    from mtctl.lake.files import LakeFiles
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store
    from mtctl.services.actions import Actor
    from mtctl.services.collecting import Collector
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.doctor import Doctor
    from mtctl.services.ending import Endings
    from mtctl.services.holder import Holder
    from mtctl.services.looks import Looks
    from mtctl.services.notices import Notices
    from mtctl.services.reports.running import TaskEvent
    from mtctl.services.tending import Tending
    from mtctl.store.backup import StateBackups
    from mtctl.store.liveness import LockFolder

class Crew(NamedTuple):
    """What one holder works with: its connection, its runner and the event that stops it."""

    store: Store
    engine: RunnerClient
    stop: threading.Event


class Parts:
    """The builder of one project."""

    def __init__(self, project: Project, clock: Clock, notice: Callable[[str], None]) -> None:
        """Keep what everything is built from; `notice` takes lines for stderr."""
        self._project = project
        self._clock = clock
        self._notice = notice

    def open_store(self) -> Store:
        """Open one more connection to the state file."""
        return open_store(self._project.state_file, self._clock)

    def lake(self) -> LakeFiles:
        """Return the folder of Parquet files."""
        from mtctl.lake.files import LakeFiles  # noqa: PLC0415 - not for commands that only look

        return LakeFiles(self._project.lake, self._project.share)

    def engine(self, share: int = 1) -> RunnerClient:
        """Return a runner that has not started; `share` runners divide the project's memory and threads."""
        from mtctl.engine.client import RunnerClient  # noqa: PLC0415 - not for commands that only look

        self.lake().create()
        return RunnerClient(sys.executable, self._settings(share))

    def patience(self, seconds: float) -> Patience | None:
        """Return how to wait for sources that somebody else has open, None for not at all."""
        from mtctl.engine.patience import Patience  # noqa: PLC0415 - not for commands that only look

        return Patience(self._clock, seconds, self._notice) if seconds > 0 else None

    def liveness(self) -> LockFolder:
        """Return a lock that shows a holder as alive."""
        from mtctl.store.liveness import LockFolder  # noqa: PLC0415 - built at its first use

        return LockFolder(self._project.state_folder / "run", self._clock.boot_id())

    @contextmanager
    def worker(
        self, number: int, share: int, title: str, on_event: Callable[[TaskEvent], None]
    ) -> Iterator[Dispatcher]:
        """Open what one worker of a daemon works with, and close it at the end."""
        with ExitStack() as stack:
            store = self.open_store()
            stack.callback(store.close)
            engine = self.engine(share)
            stack.callback(engine.close)
            crew = Crew(store=store, engine=engine, stop=threading.Event())
            yield stack.enter_context(self.dispatcher(crew, "worker", f"{title}, worker {number + 1}", on_event))

    @contextmanager
    def dispatcher(
        self, crew: Crew, kind: str, title: str, on_event: Callable[[TaskEvent], None]
    ) -> Iterator[Dispatcher]:
        """Register a holder and give it a dispatcher that runs tasks with the crew's runner."""
        from mtctl.services.dispatcher import Dispatcher  # noqa: PLC0415 - built at its first use
        from mtctl.services.ending import Endings  # noqa: PLC0415 - the same
        from mtctl.services.lake_mark import claim  # noqa: PLC0415 - the same
        from mtctl.services.limits import Limits  # noqa: PLC0415 - the same
        from mtctl.services.running import TaskRunner  # noqa: PLC0415 - the same
        from mtctl.services.sources import Sources  # noqa: PLC0415 - the same
        from mtctl.services.watch import Interruption, Watch  # noqa: PLC0415 - the same
        from mtctl.services.worker import Worker  # noqa: PLC0415 - the same

        def lose() -> None:
            watch.interrupt(Interruption.LOST)
            crew.engine.kill()
            # Last: it raises where nobody reads stderr any more.
            self._notice("the leases of this process could not be renewed for 40 s: its work is stopped")

        ends = crew.stop if kind == "command" else None  # a worker of a daemon lets what runs end
        claim(self._project, crew.store, self.lake())
        watch = Watch(self.open_store, self._clock, crew.engine.cancel, ends)
        holder = self.holder(crew.store, kind, title, lambda: crew.engine.group, lose)
        with watch, holder, self._sharing(on_event) as heard:
            endings = Endings(crew.store, self._clock, watch)
            worker = Worker(self._project, crew.store, crew.engine, self.lake(), self._clock, endings)
            yield Dispatcher(
                store=crew.store,
                runner=TaskRunner(
                    worker=worker,
                    actor=lambda: self._actor(crew, endings),
                    watch=watch,
                    limits=Limits(crew.store, crew.engine),
                    endings=endings,
                    clock=self._clock,
                ),
                clock=self._clock,
                holder=holder,
                stop=crew.stop,
                sweep=lambda: self.sweep(crew.store),
                observe=Sources(self._project, crew.store, lambda: crew.engine).look,
                on_event=heard,
            )

    @contextmanager
    def _sharing(self, on_event: Callable[[TaskEvent], None]) -> Iterator[Callable[[TaskEvent], None]]:
        """Let a thread share the catalog after each event, where the project shares its lake."""
        if not self._project.share:
            yield on_event
            return
        from mtctl.services.sharing import Sharer  # noqa: PLC0415 - few projects share

        def heard(event: TaskEvent) -> None:
            sharer.poke()
            on_event(event)

        with Sharer(self._project, self.open_store, self.lake(), self._clock, self._notice) as sharer:
            yield heard

    def holder(
        self, store: Store, kind: str, title: str, group: Callable[[], int | None], on_lost: Callable[[], None]
    ) -> Holder:
        """Return this process (or one worker of it) as a holder of leases, not yet registered.

        `group` tells the process group of a started runner, `on_lost` is called when the leases are no longer trusted.
        """
        from mtctl.services.holder import Holder  # noqa: PLC0415 - built at its first use
        from mtctl.store.liveness import process_start  # noqa: PLC0415 - the same

        return Holder(
            store=store,
            open_store=self.open_store,
            liveness=self.liveness(),
            clock=self._clock,
            kind=kind,
            command=f"`mtctl {title}` (pid {os.getpid()})",
            pid_started=process_start(),
            runner_group=group,
            on_lost=on_lost,
        )

    def sweep(self, store: Store) -> int:
        """End what dead holders left open."""
        from mtctl.services.holder import sweep  # noqa: PLC0415 - built at its first use

        return sweep(store, self.liveness())

    @property
    def upkeep_due(self) -> bool:
        """Whether the last round of upkeep, by any process, was a while ago; where none was, one counts from now."""
        from mtctl.services.tending import EVERY, is_due  # noqa: PLC0415 - only ticks ask

        mark = self._mark("tended")
        if mark.last() is None:
            mark.note()
        return is_due(mark, self._clock, EVERY)

    def tend(self, store: Store, say: Callable[[str], None]) -> None:
        """Do one round of upkeep for the seconds of a tick; what goes wrong is said."""
        from mtctl.core.errors import MtctlError  # noqa: PLC0415 - only who tends
        from mtctl.services.tending import TICK_SECONDS  # noqa: PLC0415 - the same

        self._mark("tended").note()
        try:
            self._tending(store).round(TICK_SECONDS, lambda: False)
        except MtctlError as error:
            say(f"upkeep: {error}")

    @contextmanager
    def tended(self, say: Callable[[str], None]) -> Iterator[None]:
        """Let a thread do rounds of upkeep while the block runs, each on a connection of its own."""
        from mtctl.services.tending import Tender  # noqa: PLC0415 - only a daemon

        tender = Tender(self._open_tending, self._mark("tended"), self._clock, say)
        tender.start()
        try:
            yield
        finally:
            tender.close()

    @property
    def tells(self) -> bool:
        """Whether the project has channels to tell anybody."""
        return bool(self._project.notify_data)

    def notices(self, store: Store) -> Notices:
        """Return the service that tells people, on a connection of the caller's thread."""
        from mtctl.notify.channels import open_channel  # noqa: PLC0415 - only who tells somebody needs it
        from mtctl.services.notices import Notices  # noqa: PLC0415 - the same

        project, notify = self._project, self._project.notify
        channels = {channel.name: channel for channel in notify.channels}
        return Notices(
            store,
            self._clock,
            project=project.name,
            rules=notify.rules,
            channels=tuple(channels),
            open_channel=lambda name: open_channel(
                channels[name], root=project.root, logs=project.state_folder / "logs", say=self._notice
            ),
        )

    @contextmanager
    def _open_tending(self) -> Iterator[Tending]:
        store = self.open_store()
        try:
            yield self._tending(store)
        finally:
            store.close()

    def _tending(self, store: Store) -> Tending:
        from mtctl.services.retention import Retention  # noqa: PLC0415 - only who tends
        from mtctl.services.tending import Tending  # noqa: PLC0415 - the same

        return Tending(
            Retention(store, self._clock, self._project.retention),
            lambda: self._collector(store),
            self._mark("searched"),
            self._clock,
            self._copy,
            lambda seconds, stopped: self._compact(store, seconds, stopped),
        )

    def _compact(self, store: Store, seconds: float, stopped: Callable[[], bool]) -> None:
        """Merge small files where it is worth it; only then a runner starts."""
        from mtctl.services.compaction import Compactor  # noqa: PLC0415 - only who tends

        def compactor(engine: Callable[[], RunnerClient]) -> Compactor:
            return Compactor(self._project, store, engine, self.lake(), self._clock)

        if not compactor(self.engine).is_due():
            return
        engine = self.engine(share=2)
        end = self._clock.boottime() + round(seconds * 1e9)
        try:
            engine.start()
            with self.holder(store, "upkeep", "upkeep", lambda: engine.group, engine.kill) as holder:
                compactor(lambda: engine).round(holder, lambda: stopped() or self._clock.boottime() >= end)
        finally:
            engine.close()

    def _collector(self, store: Store) -> Collector:
        from mtctl.services.collecting import Collector  # noqa: PLC0415 - only who tends
        from mtctl.services.lake_mark import claim  # noqa: PLC0415 - the same

        claim(self._project, store, self.lake())
        return Collector(store, self.lake(), self._clock, self._project.state_folder / "logs")

    def doctor(self, store: Store) -> Doctor:
        """Return the checks of everything around the project."""
        from mtctl.services.doctor import Doctor  # noqa: PLC0415 - only `doctor`
        from mtctl.store.machine import LocalMachine  # noqa: PLC0415 - the same

        path = self._project.state_file
        return Doctor(
            self._project,
            store,
            self._clock,
            machine=LocalMachine(path, self._clock, lambda: open_store(path, self._clock)),
            lake=self.lake(),
            backups=self.backups(),
            is_alive=self.liveness().is_alive,
        )

    def backups(self) -> StateBackups:
        """Return the copies of the state file."""
        from mtctl.store.backup import StateBackups  # noqa: PLC0415 - once a day

        return StateBackups(self._project.state_file, self._clock)

    def _copy(self) -> None:
        """Take the daily copy of the state file where it is due."""
        from mtctl.services.backup import EVERY, KEEP  # noqa: PLC0415 - only who tends
        from mtctl.services.tending import is_due  # noqa: PLC0415 - the same

        mark = self._mark("copied")
        if is_due(mark, self._clock, EVERY):
            self.backups().take(None, keep=KEEP)
            mark.note()

    def _mark(self, name: str) -> Looks:
        from mtctl.services.looks import Looks  # noqa: PLC0415 - only who keeps a project going

        return Looks(self._project.state_folder / name, self._clock)

    def _actor(self, crew: Crew, endings: Endings) -> Actor:
        from mtctl.actions.local import LocalActions  # noqa: PLC0415 - only for tasks that are not refreshes
        from mtctl.services.actions import Actor  # noqa: PLC0415 - the same

        actions = LocalActions(self._project.root)
        return Actor(self._project, crew.store, crew.engine, actions, self._clock, endings)

    def _settings(self, share: int) -> RunnerSettings:
        from mtctl.core.values import replace  # noqa: PLC0415 - not for commands that only look
        from mtctl.engine.settings import RunnerSettings  # noqa: PLC0415 - the same

        project = self._project
        settings = RunnerSettings(
            root=str(project.root),
            state=str(project.state_folder),
            data=str(project.lake / "data"),
            staging=str(project.lake / "_staging"),
            temp=str(project.temp or project.state_folder / "tmp"),
            memory=bytes_of(project.memory),
            threads=project.threads,
            allowed=tuple(str(folder) for folder in project.allowed),
            install_extensions=project.install_extensions,
        )
        return replace(settings, memory=settings.memory // share, threads=max(1, settings.threads // share))
