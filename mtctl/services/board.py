"""Floor 3. What a dashboard reads: lists a window at a time, and the lines that join several of the other answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.interval import Interval
from mtctl.core.values import frozen
from mtctl.services.ranges import Ranges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.core.listing import Filter
    from mtctl.core.model import Instant
    from mtctl.core.states import InstanceState
    from mtctl.ports.board import InstanceWindow
    from mtctl.ports.clock import Clock
    from mtctl.ports.event_board import EventWindow
    from mtctl.ports.store import Store
    from mtctl.ports.work import EventRow, InstanceRow
    from mtctl.ports.workflows import WorkflowRow
    from mtctl.services.lineage import Lineages
    from mtctl.services.near import Nears
    from mtctl.services.queue_board import QueueBoard
    from mtctl.services.reporting import Report
    from mtctl.services.reports.tables import TableStatus
    from mtctl.services.status import Overview

STRIP = 20
"""How many of a table's last runs are shown."""


@frozen
class TableLine:
    """One table of the overview: its status, the outcomes of its last runs (oldest first), its next fire."""

    status: TableStatus
    strip: tuple[str, ...]
    next_at: Instant | None
    counts: tuple[tuple[InstanceState, int], ...]


@frozen
class CalendarCell:
    """One interval of a table and how it is; `why` is the reason of staleness."""

    label: str
    start: Instant
    end: Instant
    state: str
    why: str


@frozen
class Counts:
    """How the project is, in numbers: instances by state, tables by health."""

    instances: Mapping[InstanceState, int]
    at: Instant


class Boards:
    """Reads for the dashboard; everything of one answer is of one moment."""

    def __init__(self, store: Store, clock: Clock, overview: Overview) -> None:
        """Keep the ports; `overview` tells how tables are."""
        self._store = store
        self._clock = clock
        self._overview = overview
        self.ranges = Ranges(store)

    @property
    def lineage(self) -> Lineages:
        """How all tables stand and hang together."""
        from mtctl.services.lineage import Lineages  # noqa: PLC0415 - only where tables are listed

        return Lineages(self._store, self._clock)

    @property
    def queue(self) -> QueueBoard:
        """One queue from near."""
        from mtctl.services.queue_board import QueueBoard  # noqa: PLC0415 - only where one is open

        return QueueBoard(self._store, self._clock)

    @property
    def near(self) -> Nears:
        """One thing from near."""
        from mtctl.services.near import Nears  # noqa: PLC0415 - only where something is open

        return Nears(self._store, self._clock)

    def first_of(self, patterns: Sequence[str]) -> str | None:
        """Return the first table that selectors pick, upstream first, None for none; errors of `core.selector`."""
        from mtctl.services.loading import load_views  # noqa: PLC0415 - only where a range is asked for
        from mtctl.services.selecting import chosen_tables  # noqa: PLC0415 - the same

        with self._store.read() as view:
            views = load_views(view, self._clock.now())
        return next(iter(chosen_tables(patterns, views, self._store)), None)

    def now(self) -> Instant:
        """Return the present instant."""
        return self._clock.now()

    def mark(self) -> int:
        """Return a number that changes when another connection has written."""
        return self._store.change_mark()

    def report(self, project: str, days: int) -> Report:
        """Return what a report of the last days says."""
        from mtctl.services.reporting import report  # noqa: PLC0415 - once in a while

        return report(self, project, days)

    def tables(self) -> tuple[TableLine, ...]:
        """Return all tables by name."""
        status = self._overview.status(())
        with self._store.read() as view:
            ids = {outline.name: outline.table_id for outline in view.outlines()}
            strips = view.board().run_strips(list(ids.values()), STRIP)
            flows = {row.table_id: row for row in view.workflows(counts=True) if row.table_id is not None}
        lines = []
        for line in status.tables:
            flow = flows.get(ids.get(line.table, -1))
            fires = flow is not None and flow.state.value == "enabled"
            lines.append(
                TableLine(
                    status=line,
                    strip=strips.get(ids.get(line.table, -1), ()),
                    next_at=flow.next_fire_at if flow is not None and fires else None,
                    counts=flow.counts if flow is not None else (),
                )
            )
        return tuple(lines)

    def calendar(self, name: str) -> tuple[CalendarCell, ...]:
        """Return every interval of a table: fresh, stale, missing, running, or failed when its last try failed."""
        rows = self._overview.partitions(name, only_missing=False, only_stale=False)
        with self._store.read() as view:
            ids = {outline.name: outline.table_id for outline in view.outlines()}
            running, failed = view.board().at_work(ids[name.lower()])
        cells = []
        for row in rows:
            interval = Interval(row.start, row.end)
            state = row.state
            if interval in running:
                state = "running"
            elif state != "fresh" and interval in failed:
                state = "failed"
            cells.append(CalendarCell(label=row.interval, start=row.start, end=row.end, state=state, why=row.reason))
        return tuple(cells)

    def instances(self, window: InstanceWindow) -> list[InstanceRow]:
        """Return a window of the instances."""
        with self._store.read() as view:
            return view.board().instance_window(window)

    def total(self, wanted: Filter) -> int:
        """Return how many instances pass a filter."""
        with self._store.read() as view:
            return view.board().instance_total(wanted)

    def counts(self) -> Counts:
        """Return how the project is, in numbers."""
        with self._store.read() as view:
            return Counts(instances=view.board().instance_counts(), at=self._clock.now())

    def events(self, window: EventWindow) -> Sequence[EventRow]:
        """Return a window of the newest events."""
        with self._store.read() as view:
            return view.board().happened().window(window)

    def event_total(self, wanted: Filter) -> int:
        """Return how many of the newest events pass a filter."""
        with self._store.read() as view:
            return view.board().happened().total(wanted)

    def workflows(self) -> tuple[tuple[WorkflowRow, InstanceState | None], ...]:
        """Return the workflows by name, each with the state of its newest instance.

        A table without a schedule has nothing that could run by itself: it is left out.
        """
        with self._store.read() as view:
            rows, last = view.workflows(counts=True), view.board().last_states()
        listed = (row for row in rows if row.definition.table is None or row.definition.schedule is not None)
        return tuple((row, last.get(row.workflow_id)) for row in listed)
