"""Roof. The services of one project, each built at its first use out of what it works with.

What a command does not need is not imported. When the settings change, a new set takes the place of the old one.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from mtctl.config import Project
    from mtctl.lake.files import LakeFiles
    from mtctl.own import Own
    from mtctl.parts import Parts
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store
    from mtctl.services.board import Boards
    from mtctl.services.lake_verbs import LakeVerbs
    from mtctl.services.looks import Looks
    from mtctl.services.operator_verbs import OperatorVerbs
    from mtctl.services.reading import Reader
    from mtctl.services.refresh import Refresher
    from mtctl.services.scheduler import Scheduler
    from mtctl.services.sources import Sources
    from mtctl.services.status import Overview
    from mtctl.services.tables import Tables
    from mtctl.services.workflow_verbs import WorkflowVerbs


class Offices:
    """Every service of a project, under one set of settings."""

    def __init__(
        self,
        *,
        project: Project,
        store: Store,
        clock: Clock,
        own: Own,
        stop: threading.Event,
        notice: Callable[[str], None],
    ) -> None:
        """Keep what all are built of; `own` is this process's runner, `stop` ends its work, `notice` takes talk."""
        self.project = project
        self._store = store
        self._clock = clock
        self._own = own
        self._stop = stop
        self._notice = notice

    @cached_property
    def parts(self) -> Parts:
        """The builder of what work is done with."""
        from mtctl.parts import Parts  # noqa: PLC0415 - built at its first use

        return Parts(self.project, self._clock, self._notice)

    @cached_property
    def scheduler(self) -> Scheduler:
        """What fires."""
        from mtctl.services.scheduler import Scheduler  # noqa: PLC0415 - built at its first use

        return Scheduler(self._store, self._clock, self.new_ulid, self.sources.look)

    def new_ulid(self) -> str:
        """Return a new name for an instance or an attempt."""
        from mtctl.core.ulid import ulid  # noqa: PLC0415 - built at its first use

        return ulid(self._clock.now(), os.urandom(10))

    @cached_property
    def lake_files(self) -> LakeFiles:
        """The folder of the lake's files."""
        return self.parts.lake()

    @cached_property
    def sources(self) -> Sources:
        """What tables read from outside."""
        from mtctl.services.sources import Sources  # noqa: PLC0415 - built at its first use

        return Sources(self.project, self._store, self._own.engine)

    @cached_property
    def tables(self) -> Tables:
        """The verbs of definitions."""
        from mtctl.services.tables import Tables  # noqa: PLC0415 - built at its first use

        return Tables(self.project, self._store, self._own.engine, self._clock, self.new_ulid)

    @cached_property
    def workflows(self) -> WorkflowVerbs:
        """The verbs of workflows and schedules."""
        from mtctl.services.workflow_verbs import WorkflowPorts, WorkflowVerbs  # noqa: PLC0415 - built at its first use

        ports = WorkflowPorts(
            self.project,
            self._store,
            self._clock,
            self.new_ulid,
            lambda names: self.sources.look(names),  # noqa: PLW0108 - built at its first use
            self._own.dispatching,
            self._stop,
            lambda name, options, note: self.tables.alter(name, options, note),  # noqa: PLW0108 - the same
        )
        return WorkflowVerbs(ports)

    @cached_property
    def operator(self) -> OperatorVerbs:
        """The verbs of whoever keeps the project going: instances, queues, why, health, notices."""
        from mtctl.services.operator_verbs import OperatorPorts, OperatorVerbs  # noqa: PLC0415 - built at its first use

        ports = OperatorPorts(
            self.project,
            self._store,
            self._clock,
            self.looks,
            self.sweep,
            self._own.dispatching,
            self._stop,
            self.parts.liveness().is_alive,
            lambda: self.parts.notices(self._store),
        )
        return OperatorVerbs(ports)

    @cached_property
    def lake(self) -> LakeVerbs:
        """The verbs of the lake: what concerns the files behind the tables."""
        from mtctl.services.lake_verbs import LakePorts, LakeVerbs  # noqa: PLC0415 - built at its first use

        ports = LakePorts(
            self.project,
            self._store,
            self._clock,
            self._own.engine,
            lambda: self.lake_files,
            self._own.pin,
            self.sweep,
            self._own.dispatching,
            self._stop,
        )
        return LakeVerbs(ports)

    @cached_property
    def looks(self) -> Looks:
        """When somebody last looked for something to do."""
        from mtctl.services.looks import Looks  # noqa: PLC0415 - built at its first use

        return Looks(self.project.state_folder / "looked", self._clock)

    @cached_property
    def overview(self) -> Overview:
        """How tables and instances are."""
        from mtctl.services.status import Overview  # noqa: PLC0415 - built at its first use

        return Overview(self.project, self._store, self._clock, self.sources)

    @cached_property
    def reader(self) -> Reader:
        """Questions to the lake."""
        from mtctl.services.reading import Reader  # noqa: PLC0415 - built at its first use

        return Reader(self.project, self._store, self._own.engine, self._clock, self._own.pin, lambda: self.lake_files)

    @cached_property
    def refresher(self) -> Refresher:
        """What refreshes."""
        from mtctl.services.refresh import Refresher  # noqa: PLC0415 - built at its first use

        return Refresher(self._store, self._clock, self.sources, self._own.dispatching, self.sweep)

    def sweep(self) -> int:
        """End what dead holders left; returns how many."""
        return self.parts.sweep(self._store)

    @cached_property
    def board(self) -> Boards:
        """The reads of dashboards and reports."""
        from mtctl.services.board import Boards  # noqa: PLC0415 - built at its first use

        return Boards(self._store, self._clock, self.overview)
