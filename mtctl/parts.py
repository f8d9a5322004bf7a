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
    from mtctl.engine.settings import RunnerSettings
    from mtctl.lake.files import LakeFiles
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store
    from mtctl.services.actions import Actor
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.ending import Endings
    from mtctl.services.holder import Holder
    from mtctl.services.notices import Notices
    from mtctl.services.reports.running import TaskEvent
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

        return LakeFiles(self._project.lake)

    def engine(self, share: int = 1) -> RunnerClient:
        """Return a runner that has not started; `share` runners divide the project's memory and threads."""
        from mtctl.engine.client import RunnerClient  # noqa: PLC0415 - not for commands that only look

        self.lake().create()
        return RunnerClient(sys.executable, self._settings(share))

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
        watch = Watch(self.open_store, self._clock, crew.engine.cancel, ends)
        holder = self.holder(crew.store, kind, title, lambda: crew.engine.group, lose)
        with watch, holder:
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
                observe=Sources(self._project, crew.store).look,
                on_event=on_event,
            )

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

    def _actor(self, crew: Crew, endings: Endings) -> Actor:
        from mtctl.actions.local import LocalActions  # noqa: PLC0415 - only for tasks that are not refreshes
        from mtctl.services.actions import Actor  # noqa: PLC0415 - the same

        actions = LocalActions(self._project.root)
        return Actor(self._project, crew.store, crew.engine, actions, self._clock, endings)

    def _settings(self, share: int) -> RunnerSettings:
        from dataclasses import replace  # noqa: PLC0415 - not for commands that only look

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
        )
        return replace(settings, memory=settings.memory // share, threads=max(1, settings.threads // share))
