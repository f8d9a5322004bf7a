"""Floor 4. The lists of the dashboard: what stands in their columns, and which facts the verbs take of a line.

Lists of a project's own things (tables, workflows, queues …) are read whole when the store has changed, then narrowed
and sorted here; instances are read a window at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtctl.core.listing import Filter, Listed, fits
from mtctl.core.words import count, lasting, moment
from mtctl.ports.board import InstanceWindow
from mtctl.tui.lines import Cell, ColumnHead, Line, Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mtctl.app import App
    from mtctl.core.model import Instant
    from mtctl.ports.work import EventRow, InstanceRow
    from mtctl.ports.workflows import QueueRow
    from mtctl.services.board import TableLine
    from mtctl.services.reports.schedules import Timer
    from mtctl.services.reports.workflows import WorkflowLine
    from mtctl.tui.lines import Asked

Entry = tuple[Line, Listed, dict[str, Any]]
"""A line, what filters judge of it, and what it sorts by."""


class WholeList:
    """A list that is read whole and kept until the store changes."""

    def __init__(
        self,
        name: str,
        heads: Sequence[ColumnHead],
        read: Callable[[App], Iterable[Entry]],
        *,
        descending: bool = False,
    ) -> None:
        """Name the list, its columns and how its entries are read; the first column is its order."""
        self.name = name
        self.heads = heads
        self.order = heads[0].key
        self.descending = descending
        self._read = read
        self._kept: tuple[int, list[Entry]] | None = None

    def page(self, app: App, asked: Asked, mark: int) -> Page:
        """Read a part of the list."""
        if self._kept is None or self._kept[0] != mark:
            self._kept = mark, list(self._read(app))
        entries = [entry for entry in self._kept[1] if fits(asked.wanted, entry[1])]
        if asked.order:
            known = [entry for entry in entries if entry[2].get(asked.order) is not None]
            unknown = [entry for entry in entries if entry[2].get(asked.order) is None]
            known.sort(key=lambda entry: entry[2][asked.order], reverse=asked.descending)
            entries = known + unknown
        part = entries[asked.offset : asked.offset + asked.limit]
        return Page(total=len(entries), offset=asked.offset, lines=tuple(entry[0] for entry in part))


class InstanceList:
    """The workflow instances, a window at a time; the length is counted again when the store has changed."""

    name = "instances"
    order = "id"
    descending = True

    def __init__(self, fixed: Filter | None = None) -> None:
        """Show all, or what passes `fixed` whatever else is asked for."""
        self.heads: Sequence[ColumnHead] = _INSTANCE_HEADS
        self._fixed = fixed
        self._kept: tuple[int, Filter, int] | None = None

    def page(self, app: App, asked: Asked, mark: int) -> Page:
        """Read a window of the list."""
        wanted = asked.wanted
        if self._kept is None or self._kept[:2] != (mark, wanted):
            self._kept = mark, wanted, app.board.total(wanted)
        window = InstanceWindow(
            wanted=wanted,
            order=asked.order or "id",
            descending=asked.descending,
            offset=asked.offset,
            limit=asked.limit,
        )
        now = app.board.now()
        lines = tuple(instance_line(row, now) for row in app.board.instances(window))
        return Page(total=self._kept[2], offset=asked.offset, lines=lines)


def instance_line(row: InstanceRow, now: Instant) -> Line:
    """Return the line of an instance."""
    took = None if row.started_at is None else ((row.ended_at or now) - row.started_at) / 1e6
    tasks = " ".join(f"{number}{_SHORT[state.value]}" for state, number in row.tasks)
    return Line(
        kind="instance",
        key=row.ulid,
        cells=(
            Cell(row.ulid[-10:] if len(row.ulid) > 10 else row.ulid),
            Cell(row.title),
            Cell(row.state.value, state=row.state.value),
            Cell(row.trigger.value, "muted"),
            Cell(tasks),
            Cell(lasting(took)),
            Cell(_age(row.started_at or row.created_at, now), "muted"),
            Cell(count(row.rows) if row.rows else ""),
        ),
        facts={"title": row.title, "state": row.state.value, "workflow": row.workflow, "tasks": row.tasks},
    )


_SHORT = {
    "created": "w",
    "pending": "p",
    "running": "r",
    "suspended": "h",
    "success": "ok",
    "failed": "F",
    "cancelled": "c",
    "skipped": "s",
}


def _age(instant: Instant | None, now: Instant) -> str:
    """Return how long ago something was, in the greatest unit: `14m ago`; empty for none."""
    if instant is None:
        return ""
    seconds = max(0, (now - instant) // 1_000_000)
    for size_s, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size_s:
            return f"{seconds // size_s}{unit} ago"
    return f"{seconds}s ago"


def _left(instant: Instant | None, now: Instant) -> str:
    """Return how long it is until something, in the greatest unit: `in 14m`; `now` once it is due."""
    if instant is None:
        return ""
    return "now" if instant <= now else "in " + _age(now, instant).removesuffix(" ago")


def _tables(app: App) -> Iterable[Entry]:
    now = app.board.now()
    for line in app.board.tables():
        yield _table_entry(line, now)


def _table_entry(line: TableLine, now: Instant) -> Entry:
    status = line.status
    state = "running" if status.running else status.health.value
    trouble = _trouble(line)
    counts = {state.value: number for state, number in line.counts}
    shown = Line(
        kind="table",
        key=status.table,
        cells=(
            Cell(status.table),
            Cell(state, state=state),
            Cell("".join(_strip_glyph(one) for one in line.strip)),
            Cell(f"{status.fresh:,}/{status.wanted:,}"),
            Cell(_age(status.last_success_at, now), "muted"),
            Cell(count(counts.get("failed")) if counts.get("failed") else "", "failed"),
            Cell(_left(line.next_at, now), "muted"),
            Cell(trouble, "failed" if status.last_error and state == "failing" else "late" if trouble else ""),
        ),
        facts={"trouble": trouble, "state": state, "missing": status.missing, "stale": status.stale},
    )
    text = f"{status.table} {state} {status.comment or ''} {trouble}"
    listed = Listed(text=text, state=state, tags=status.tags, table=status.table)
    order = {
        "table": status.table,
        "state": state,
        "fresh": status.fresh / status.wanted if status.wanted else 1.0,
        "last": status.last_success_at,
        "failed": counts.get("failed", 0),
        "next": line.next_at,
    }
    return shown, listed, order


_STRIPS = {"success": "•", "failed": "✘", "timed_out": "✘", "lost": "✘", "running": "▶"}


def _strip_glyph(outcome: str) -> str:
    return _STRIPS.get(outcome, "↷")


def _trouble(line: TableLine) -> str:
    """Return the one cause of trouble in a line, empty where there is none."""
    status = line.status
    if status.health.value == "failing" and status.last_error:
        return status.last_error.splitlines()[0]
    if status.stale:
        return f"stale {status.stale}: {status.why}"
    return f"missing {status.missing}" if status.missing else ""


def _workflows(app: App) -> Iterable[Entry]:
    now = app.board.now()
    for line in app.workflows.looks.lines():
        yield _workflow_entry(line, now)


def _workflow_entry(line: WorkflowLine, now: Instant) -> Entry:
    row, last = line.row, line.last
    counts = {state.value: number for state, number in row.counts}
    next_at = row.next_fire_at if row.state.value == "enabled" else None
    last_state = last.state.value if last is not None else ""
    shown = Line(
        kind="workflow",
        key=row.name,
        cells=(
            Cell(row.name),
            Cell(row.state.value, state=row.state.value),
            Cell(last_state, state=last_state) if last_state else Cell(""),
            *(Cell(count(counts.get(state)) if counts.get(state) else "", tone) for state, tone in _COUNTED),
            Cell(_left(next_at, now), "muted"),
            Cell(row.origin, "muted"),
        ),
        facts={"state": row.state.value, "table": row.table_id is not None},
    )
    tags = dict(row.definition.tags)
    listed = Listed(text=f"{row.name} {row.state}", state=last_state or row.state.value, tags=tags, workflow=row.name)
    order = {"name": row.name, "state": row.state.value, "last": last_state, "next": row.next_fire_at}
    return shown, listed, order | {state: counts.get(state, 0) for state, _ in _COUNTED}


_COUNTED = (("pending", "pending"), ("running", "running"), ("success", "success"), ("failed", "failed"))


def _queues(app: App) -> Iterable[Entry]:
    for row in app.operator.queues.rows():
        yield _queue_entry(row)


def _queue_entry(row: QueueRow) -> Entry:
    state = "paused" if row.paused else "enabled"
    shown = Line(
        kind="queue",
        key=row.name,
        cells=(
            Cell(row.name),
            Cell("paused" if row.paused else "open", state=state),
            Cell(f"{row.running}/{row.slots}"),
            Cell(count(row.waiting)),
            Cell(", ".join(row.holders)),
            Cell(row.paused_why, "late"),
        ),
        facts={"state": state},
    )
    text = f"{row.name} {' '.join(row.holders)}"
    listed = Listed(text=text, state="paused" if row.paused else "open", queue=row.name)
    return shown, listed, {"name": row.name, "state": state, "running": row.running, "waiting": row.waiting}


def _timers(app: App) -> Iterable[Entry]:
    for timer in app.workflows.schedules.timers(within=None, everything=True):
        yield _timer_entry(timer)


def _timer_entry(timer: Timer) -> Entry:
    shown = Line(
        kind="workflow",
        key=timer.name,
        cells=(
            Cell(moment(timer.next_at)),
            Cell(f"in {lasting(max(0.0, timer.left))}" if timer.left is not None else ""),
            Cell(timer.name),
            Cell(timer.schedule),
            Cell(timer.zone, "muted"),
            Cell(timer.state, state=timer.state),
            Cell(moment(timer.last_at), "muted"),
        ),
        facts={"state": timer.state, "table": timer.table is not None},
    )
    listed = Listed(text=f"{timer.name} {timer.schedule} {timer.zone}", state=timer.state, workflow=timer.name)
    return shown, listed, {"next": timer.next_at, "name": timer.name, "state": timer.state, "last": timer.last_at}


def _events(app: App) -> Iterable[Entry]:
    for row in app.board.events():
        yield _event_entry(row)


def _event_entry(row: EventRow) -> Entry:
    detail = ", ".join(f"{key}={value}" for key, value in row.detail.items() if value not in (None, "", []))
    shown = Line(
        kind="event",
        key=str(row.event_id),
        cells=(Cell(moment(row.at), "muted"), Cell(row.kind), Cell(row.actor or ""), Cell(detail)),
        facts={"instance_id": row.instance_id},
    )
    return shown, Listed(text=f"{row.kind} {row.actor} {detail}", state=row.kind), {"at": row.event_id}


def all_listings() -> tuple[WholeList | InstanceList, ...]:
    """Return the lists of the dashboard in the order of their numbers."""
    return (
        WholeList("tables", _TABLE_HEADS, _tables),
        WholeList("workflows", _WORKFLOW_HEADS, _workflows),
        InstanceList(),
        WholeList("queues", _QUEUE_HEADS, _queues),
        WholeList("schedule", _TIMER_HEADS, _timers),
        WholeList("events", _EVENT_HEADS, _events, descending=True),
    )


_TABLE_HEADS = (
    ColumnHead(key="table", title="TABLE", width=22),
    ColumnHead(key="state", title="STATE", width=9),
    ColumnHead(key="strip", title="LAST RUNS", width=20, sortable=False, rank=2),
    ColumnHead(key="fresh", title="FRESH", width=11, right=True, rank=1),
    ColumnHead(key="last", title="REFRESHED", width=9, right=True, rank=3),
    ColumnHead(key="failed", title="✘", width=3, right=True, rank=4),
    ColumnHead(key="next", title="NEXT", width=7, right=True, rank=3),
    ColumnHead(key="trouble", title="TROUBLE", width=0, sortable=False),
)
_WORKFLOW_HEADS = (
    ColumnHead(key="name", title="WORKFLOW", width=0),
    ColumnHead(key="state", title="STATE", width=11),
    ColumnHead(key="last", title="LAST", width=11),
    ColumnHead(key="pending", title="◌", width=5, right=True),
    ColumnHead(key="running", title="▶", width=5, right=True),
    ColumnHead(key="success", title="✔", width=7, right=True, rank=1),
    ColumnHead(key="failed", title="✘", width=5, right=True),
    ColumnHead(key="next", title="NEXT", width=7, right=True, rank=1),
    ColumnHead(key="origin", title="FROM", width=8, sortable=False, rank=2),
)
_INSTANCE_HEADS = (
    ColumnHead(key="id", title="ID", width=10),
    ColumnHead(key="title", title="WHAT", width=0),
    ColumnHead(key="state", title="STATE", width=11),
    ColumnHead(key="trigger", title="TRIGGER", width=8, rank=2),
    ColumnHead(key="tasks", title="TASKS", width=14, sortable=False, rank=1),
    ColumnHead(key="duration", title="TOOK", width=7, right=True),
    ColumnHead(key="started", title="STARTED", width=8, right=True),
    ColumnHead(key="rows", title="ROWS", width=9, right=True, sortable=False, rank=3),
)
_QUEUE_HEADS = (
    ColumnHead(key="name", title="QUEUE", width=18),
    ColumnHead(key="state", title="STATE", width=8),
    ColumnHead(key="running", title="SLOTS", width=7, right=True),
    ColumnHead(key="waiting", title="WAITING", width=7, right=True),
    ColumnHead(key="holders", title="HELD BY", width=0, sortable=False),
    ColumnHead(key="why", title="PAUSED BECAUSE", width=20, sortable=False, rank=1),
)
_TIMER_HEADS = (
    ColumnHead(key="next", title="NEXT", width=20),
    ColumnHead(key="left", title="LEFT", width=9, sortable=False, right=True),
    ColumnHead(key="name", title="WHAT", width=0),
    ColumnHead(key="schedule", title="SCHEDULE", width=18, sortable=False, rank=1),
    ColumnHead(key="zone", title="ZONE", width=16, sortable=False, rank=3),
    ColumnHead(key="state", title="STATE", width=11),
    ColumnHead(key="last", title="LAST", width=20, rank=2),
)
_EVENT_HEADS = (
    ColumnHead(key="at", title="AT", width=20),
    ColumnHead(key="kind", title="EVENT", width=18, sortable=False),
    ColumnHead(key="actor", title="BY", width=10, sortable=False, rank=1),
    ColumnHead(key="detail", title="DETAIL", width=0, sortable=False),
)
