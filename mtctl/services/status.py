"""Floor 3. What there is to see: status, lists, a table, its intervals, instances.

Reads the state file and the stat of files only: no engine, no file contents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import show, show_interval
from mtctl.core.health import UNICODE, coverage_strip, health
from mtctl.core.interval import EMPTY, WHOLE, Interval, IntervalSet
from mtctl.core.ledger import missing, todo
from mtctl.core.states import InstanceState, Outcome
from mtctl.services.loading import load_looks, load_views
from mtctl.services.naming import unknown_table
from mtctl.services.reports.tables import Status, TableStatus
from mtctl.services.unapplied import unapplied

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtctl.config import Project
    from mtctl.core.ledger import Coverage
    from mtctl.core.model import Instant
    from mtctl.core.staged import LedgerRow
    from mtctl.core.table_view import Covered, Look, Outline, TableView
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store, View
    from mtctl.ports.tables import LastAttempt, TableTotals
    from mtctl.ports.work import AttemptRow, InstanceRow, TaskRow
    from mtctl.services.reports.details import PartitionRow, TableDetail
    from mtctl.services.reports.instances import InstanceDetail
    from mtctl.services.reports.tables import HeldUp
    from mtctl.services.sources import Sources

STRIP_CELLS = 48
"""Width of the coverage strip: it fits 80 columns beside a label."""

_SHOWN = 3
_SELECTS = frozenset("*?[+:,")


class Overview:
    """Reads for people and dashboards."""

    def __init__(self, project: Project, store: Store, clock: Clock, sources: Sources) -> None:
        """Keep the ports."""
        self._project = project
        self._store = store
        self._clock = clock
        self._sources = sources

    def status(self, names: Sequence[str]) -> Status:
        """Return the health of the named tables, or of all, and what differs from files and sources."""
        selecting = any(set(name) & _SELECTS for name in names)
        with self._store.read() as view:
            looks = load_looks(view, self._clock.now())
            views = load_views(view, self._clock.now()) if selecting else {}
            totals, attempts, running = view.totals(), view.last_attempts(), view.running()
            applied, flows = view.applied_files(), view.applied_workflow_files()
            instances = view.instances(limit=20, state=InstanceState.RUNNING.value, table=None)
            snapshot, held = view.snapshot(), _held_up(view, looks)
        chosen = self._picked(names, views) if selecting else _chosen(names, looks)
        changed, vanished = unapplied(self._project, applied)
        if flows or (self._project.root / "workflows").is_dir():
            from mtctl.services.workflow_files import unapplied_workflows  # noqa: PLC0415 - many projects have none

            changed_flows, vanished_flows = unapplied_workflows(self._project, flows)
            changed, vanished = changed + changed_flows, vanished + vanished_flows
        lines = tuple(self._line(looks[name], totals, attempts, running, held) for name in chosen)
        return Status(
            project=self._project.name,
            tables=lines,
            changed_sources=self._sources.changed_by_stat(),
            unapplied=tuple(changed),
            vanished=tuple(vanished),
            running=tuple(instances),
            snapshot_id=snapshot,
            at=self._clock.now(),
        )

    def _picked(self, names: Sequence[str], views: Mapping[str, TableView]) -> Sequence[str]:
        """Return what selectors pick, upstream first; plain names keep their order and need none of this."""
        from mtctl.services.selecting import chosen_tables  # noqa: PLC0415 - plain names need nothing of it

        return chosen_tables(names, views, self._store)

    def show(self, name: str) -> TableDetail:
        """Return everything about one table."""
        from mtctl.services.reports.details import TableDetail  # noqa: PLC0415 - not for `status`

        with self._store.read() as view:
            views = load_views(view, self._clock.now())
            [chosen] = _chosen([name], views)
            look = load_looks(view, self._clock.now())[chosen]
            totals, attempts, running = view.totals(), view.last_attempts(), view.running()
            held = _held_up(view, {chosen: look})
        found = views[chosen]
        definition = found.definition
        zone = definition.zone
        readers = sorted(
            other for other, item in views.items() if chosen in {read.table for read in item.definition.reads}
        )
        return TableDetail(
            status=self._line(look, totals, attempts, running, held),
            ddl=definition.ddl,
            query=definition.query,
            columns=definition.columns,
            upstream=tuple(read.table for read in definition.reads),
            downstream=tuple(readers),
            sources=tuple(source.text for source in definition.sources),
            zone=zone,
            start=show(definition.start, zone) if definition.start is not None else None,
            end=show(definition.end, zone) if definition.end is not None else None,
            refresh_mode=definition.refresh_mode,
            coverage=coverage_strip(found.wanted, found.coverage, found.calendar, STRIP_CELLS, UNICODE),
            batchable=definition.batchable,
            params=definition.params,
            volatile=definition.volatile,
            options=dict(definition.options),
            fingerprint=definition.fingerprint,
            epoch=found.table.epoch,
        )

    def partitions(self, name: str, *, only_missing: bool, only_stale: bool) -> list[PartitionRow]:
        """Return the intervals of a table in order, each fresh, stale or missing."""
        with self._store.read() as view:
            views = load_views(view, self._clock.now())
            [chosen] = _chosen([name], views)
            found = views[chosen]
            rows = {row.interval: row for row in view.ledger(found.table.table_id, WHOLE)}
            files = {file.file_id: file.path for file in view.data_files(found.table.table_id)}
            attempts = view.attempt_marks(found.table.table_id)
        everything = found.wanted | IntervalSet.of(rows)
        wanted_states = (
            {"missing"}
            if only_missing and not only_stale
            else {"stale"}
            if only_stale and not only_missing
            else {"missing", "stale"}
            if only_missing
            else {"fresh", "stale", "missing"}
        )
        lines = []
        for interval in _each(everything, found):
            state, reason = _state_of(interval, found.coverage)
            if state in wanted_states:
                lines.append(_partition_row(interval, state, reason, rows.get(interval), found, files, attempts))
        return lines

    def instances(
        self,
        *,
        limit: int,
        state: str | None,
        table: str | None,
        workflow: str | None = None,
        trigger: str | None = None,
        since: Instant | None = None,
    ) -> list[InstanceRow]:
        """Return the newest instances first; `since` leaves out those that were made before an instant."""
        with self._store.read() as view:
            return view.instances(
                limit=limit, state=state, table=table, workflow=workflow, trigger=trigger, since=since
            )

    def instance(self, ulid_prefix: str) -> InstanceDetail:
        """Return one instance with tasks, attempts and events; a prefix of its id is enough."""
        from mtctl.services.instance_naming import find_instance  # noqa: PLC0415 - not for `status`
        from mtctl.services.reports.instances import InstanceDetail  # noqa: PLC0415 - the same

        with self._store.read() as view:
            row = find_instance(view, ulid_prefix)
            tasks = view.tasks(row.instance_id)
            attempts, events = view.attempts(row.instance_id), view.events(row.instance_id)
            views = {item.table.table_id: item for item in load_views(view, self._clock.now()).values()}
        error = next((task.error for task in tasks if task.error), None)
        return InstanceDetail(
            instance=row,
            tasks=tuple(tasks),
            attempts=tuple(attempts),
            events=tuple(events),
            labels={task.task_id: _label(task, views) for task in tasks},
            error=error,
            logs=self._logs(tasks, attempts),
        )

    def _logs(self, tasks: Sequence[TaskRow], attempts: Sequence[AttemptRow]) -> dict[str, str]:
        """Return the log files that are there, by attempt."""
        from mtctl.core.workflow import TaskKind  # noqa: PLC0415 - not for `status`

        if all(task.kind is TaskKind.REFRESH for task in tasks):
            return {}
        from mtctl.services.logs import log_path  # noqa: PLC0415 - refreshes have none

        paths = {attempt.ulid: log_path(self._project.state_folder / "logs", attempt.ulid) for attempt in attempts}
        return {ulid: str(path) for ulid, path in paths.items() if path.is_file()}

    def _line(
        self,
        found: Look,
        totals: Mapping[int, TableTotals],
        attempts: Mapping[int, LastAttempt],
        running: Mapping[int, TaskRow],
        held: Mapping[int, HeldUp],
    ) -> TableStatus:
        outline = found.outline
        total, last = totals.get(outline.table_id), attempts.get(outline.table_id)
        busy = running.get(outline.table_id)
        wanted = _count(found.wanted, found)
        due = todo(found.wanted, found.coverage)
        # Most often nothing is due: then nothing is missing or stale, and there is nothing to count or to name.
        lacking = missing(found.wanted, found.coverage) if due else EMPTY
        stale = due & found.coverage.stale_set if due else EMPTY
        return TableStatus(
            table=outline.name,
            health=health(found, last.outcome if last else None, running=busy is not None),
            mode=outline.mode,
            grain=outline.partition.grain.value if outline.partition is not None else None,
            wanted=wanted,
            fresh=_count(found.wanted - due, found) if due else wanted,
            missing_count=_count(lacking, found) if lacking else 0,
            stale_count=_count(stale, found) if stale else 0,
            missing=_ranges(lacking, found) if lacking else "",
            stale=_ranges(stale, found) if stale else "",
            why="; ".join(sorted({piece.reason for piece in found.coverage.stale})) if found.coverage.stale else "",
            rows=total.rows if total else 0,
            bytes=total.bytes if total else 0,
            files=total.files if total else 0,
            last_success_at=last.last_success_at if last else None,
            last_outcome=last.outcome.value if last else None,
            last_error=last.error if last and last.outcome is not Outcome.CANCELLED else None,
            running=busy.holder if busy else None,
            schedule=_schedule(outline),
            freshness=outline.freshness,
            origin=outline.origin.value,
            file=outline.file,
            comment=outline.comment,
            tags=dict(outline.tags),
            rebuilding=_rebuilding(found) if found.rebuild is not None else None,
            held_up=held.get(outline.table_id),
        )


def _held_up(view: View, looks: Mapping[str, Look]) -> dict[int, HeldUp]:
    """Return what holds new versions up, by table id."""
    rebuilt = [look for look in looks.values() if look.rebuild is not None]
    if not rebuilt:
        return {}
    from mtctl.services.rebuilding import troubles  # noqa: PLC0415 - few tables are being rebuilt

    return troubles(view, ((look.outline.table_id, look.outline, look) for look in rebuilt))


def _rebuilding(found: Look) -> tuple[int, int] | None:
    """Return how far the new version of a table is."""
    from mtctl.core.rebuild import progress  # noqa: PLC0415 - few tables are being rebuilt

    if found.rebuild is None:
        return None
    at = progress(found.outline, found.rebuild.needed, found.coverage)
    return at.done, at.total


def _schedule(outline: Outline) -> str | None:
    """Return the schedule as written, else the one that the freshness gives."""
    if outline.schedule is not None or outline.freshness is None:
        return outline.schedule
    from mtctl.core.freshness import parse_freshness, schedule_of  # noqa: PLC0415 - most tables have none

    _, number, unit = outline.freshness.split()
    return schedule_of(parse_freshness(number.strip("'"), unit))


def _chosen(names: Sequence[str], views: Mapping[str, Covered]) -> list[str]:
    chosen = [name.lower() for name in names] or list(views)
    for name in chosen:
        if name not in views:
            raise unknown_table(name, views)
    return chosen


def _count(intervals: IntervalSet, view: Covered) -> int:
    if view.calendar is None:
        return len(intervals)
    return sum(view.calendar.count(piece.start, piece.end) for piece in intervals)


def _ranges(intervals: IntervalSet, view: Covered) -> str:
    pieces = list(intervals)
    text = ", ".join(show_interval(piece, view.calendar) for piece in pieces[:_SHOWN])
    return f"{text} …" if len(pieces) > _SHOWN else text


def _each(intervals: IntervalSet, view: TableView) -> Iterable[Interval]:
    if view.calendar is None:
        return [WHOLE]
    return (interval for piece in intervals for interval in view.calendar.intervals(piece.start, piece.end))


def _state_of(interval: Interval, coverage: Coverage) -> tuple[str, str]:
    if interval in coverage.fresh:
        return "fresh", ""
    reason = next((piece.reason for piece in coverage.stale if piece.interval.overlaps(interval)), None)
    return ("stale", reason) if reason is not None else ("missing", "")


def _partition_row(  # noqa: PLR0913, PLR0917 - one line out of many parts
    interval: Interval,
    state: str,
    reason: str,
    row: LedgerRow | None,
    view: TableView,
    files: Mapping[int, str],
    attempts: Mapping[int, tuple[str, int | None]],
) -> PartitionRow:
    from mtctl.services.reports.details import PartitionRow  # noqa: PLC0415 - not for `status`

    ulid, at = attempts.get(row.attempt_id, (None, None)) if row is not None else (None, None)
    return PartitionRow(
        interval=show_interval(interval, view.calendar),
        start=interval.start,
        end=interval.end,
        state=state,
        reason=reason,
        rows=row.rows if row is not None else None,
        file=files.get(row.file_id) if row is not None and row.file_id is not None else None,
        attempt=ulid,
        refreshed_at=at,
        fingerprint=row.fingerprint if row is not None else None,
    )


def _label(task: TaskRow, views: Mapping[int, TableView]) -> str:
    view = views.get(task.table_id) if task.table_id is not None else None
    if view is None or task.batch is None:
        return ""
    return show_interval(task.batch, view.calendar)
