"""Floor 3. What is asked of the lake and done to it, each service built from the same ports at its first use."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from mtctl.config import Project
    from mtctl.ports.clock import Clock
    from mtctl.ports.damage import ForeignTable
    from mtctl.ports.engine import Engine
    from mtctl.ports.files import Lake
    from mtctl.ports.store import Store
    from mtctl.services.checking import Checker
    from mtctl.services.collecting import Collector
    from mtctl.services.diff import Differ
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.history import History
    from mtctl.services.past import PastReader
    from mtctl.services.renaming import Renamer
    from mtctl.services.reports.compaction import CompactReport
    from mtctl.services.reports.running import TaskEvent
    from mtctl.services.retention import Retention
    from mtctl.services.undrop import Undropper
    from mtctl.services.upkeep import Upkeep


class LakePorts(NamedTuple):
    """What the services are built from.

    `engine` and `lake` are asked for at the first use, `pin` keeps a snapshot for as long as this process reads it,
    `sweep` ends what dead holders left, `dispatching` makes this process a holder with a dispatcher, `stop` ends
    waiting.
    """

    project: Project
    store: Store
    clock: Clock
    engine: Callable[[], Engine]
    lake: Callable[[], Lake]
    pin: Callable[[int], None]
    sweep: Callable[[], int]
    dispatching: Callable[[str, Callable[[TaskEvent], None]], AbstractContextManager[Dispatcher]]
    stop: threading.Event


class LakeVerbs:
    """Proof, cleaning and all else that concerns the files behind the tables."""

    def __init__(self, ports: LakePorts) -> None:
        """Keep the ports."""
        self._ports = ports

    @cached_property
    def upkeep(self) -> Upkeep:
        """Verify."""
        from mtctl.services.upkeep import Upkeep  # noqa: PLC0415 - built at its first use

        ports = self._ports
        return Upkeep(ports.store, ports.engine, ports.clock)

    @cached_property
    def collector(self) -> Collector:
        """Removal of files that nobody names."""
        from mtctl.services.collecting import Collector  # noqa: PLC0415 - built at its first use

        ports = self._ports
        return Collector(ports.store, ports.lake(), ports.clock, ports.project.state_folder / "logs")

    @cached_property
    def retention(self) -> Retention:
        """Expiry, and the lake in numbers."""
        from mtctl.services.retention import Retention  # noqa: PLC0415 - built at its first use

        ports = self._ports
        return Retention(ports.store, ports.clock, ports.project.retention)

    @cached_property
    def past(self) -> PastReader:
        """Queries of earlier moments."""
        from mtctl.services.past import PastReader  # noqa: PLC0415 - built at its first use

        ports = self._ports
        return PastReader(ports.project, ports.store, ports.engine, ports.clock, ports.pin, ports.lake)

    @cached_property
    def differ(self) -> Differ:
        """What became of a table between two moments."""
        from mtctl.services.diff import Differ  # noqa: PLC0415 - built at its first use

        ports = self._ports
        return Differ(ports.project, ports.store, ports.engine, ports.clock, ports.pin, ports.lake)

    def compact(self, names: Sequence[str], *, dry_run: bool) -> CompactReport:
        """Merge small files of the named tables, of all when none is named."""
        from mtctl.services.compaction import Compactor  # noqa: PLC0415 - built at its first use

        ports = self._ports
        compactor = Compactor(ports.project, ports.store, ports.engine, ports.lake(), ports.clock)
        if dry_run:
            return compactor.compact(names, None)
        ports.sweep()
        with ports.dispatching("lake compact", lambda _: None) as dispatcher:
            return compactor.compact(names, dispatcher.holder)

    @cached_property
    def checker(self) -> Checker:
        """Check and repair."""
        from mtctl.services.checking import Checker  # noqa: PLC0415 - built at its first use

        ports = self._ports
        return Checker(ports.store, ports.lake(), ports.clock, ports.stop, lambda: self.claim(begins_anew=True))

    def foreign_tables(self) -> list[ForeignTable]:
        """Return the tables that other DuckLake clients have made in the catalog."""
        with self._ports.store.read() as view:
            return view.damage().foreign_tables()

    def shared_statement(self) -> str:
        """Return the statement that attaches the shared copy of the catalog; error `lake_not_shared`."""
        from mtctl.services.attaching import shared_statement  # noqa: PLC0415 - only `attach`

        return shared_statement(self._ports.project, self._ports.store, self._ports.lake())

    def view_statements(self) -> tuple[str, ...]:
        """Return views over the live files, for a DuckDB without the extension."""
        from mtctl.services.attaching import view_statements  # noqa: PLC0415 - only `attach`

        return view_statements(self._ports.store)

    def claim(self, *, begins_anew: bool = False) -> None:
        """Mark the lake as this project's; errors of `lake_mark.claim`."""
        from mtctl.services.lake_mark import claim  # noqa: PLC0415 - only who changes the lake

        claim(self._ports.project, self._ports.store, self._ports.lake(), begins_anew=begins_anew)

    @cached_property
    def history(self) -> History:
        """The versions of a table."""
        from mtctl.services.history import History  # noqa: PLC0415 - built at its first use

        return History(self._ports.store)

    @cached_property
    def renamer(self) -> Renamer:
        """Another name for a table."""
        from mtctl.services.renaming import Renamer  # noqa: PLC0415 - built at its first use

        return Renamer(self._ports.store, self._new_ulid)

    @cached_property
    def undropper(self) -> Undropper:
        """Dropped tables that come back."""
        from mtctl.services.undrop import Undropper  # noqa: PLC0415 - built at its first use

        return Undropper(self._ports.project, self._ports.store, self._own_lake)

    def _own_lake(self) -> Lake:
        """Return the lake, marked as this project's: something is about to be written there."""
        self.claim()
        return self._ports.lake()

    def _new_ulid(self) -> str:
        from mtctl.core.ulid import ulid  # noqa: PLC0415 - few verbs name anything

        return ulid(self._ports.clock.now(), os.urandom(10))
