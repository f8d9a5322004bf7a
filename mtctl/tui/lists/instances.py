"""Floor 4. The workflow instances: a list of any length, read a window at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.words import count, lasting
from mtctl.ports.board import InstanceWindow
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line, Page
from mtctl.tui.lists.ages import age

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.app import App
    from mtctl.core.listing import Filter
    from mtctl.core.model import Instant
    from mtctl.ports.work import InstanceRow
    from mtctl.tui.drawn.lines import Asked

HEADS = (
    ColumnHead(key="id", title="ID", width=10),
    ColumnHead(key="title", title="WHAT", width=0),
    ColumnHead(key="state", title="STATE", width=11),
    ColumnHead(key="trigger", title="TRIGGER", width=8, rank=2),
    ColumnHead(key="tasks", title="TASKS", width=14, sortable=False, rank=1),
    ColumnHead(key="duration", title="TOOK", width=7, right=True),
    ColumnHead(key="started", title="STARTED", width=8, right=True),
    ColumnHead(key="rows", title="ROWS", width=9, right=True, sortable=False, rank=3),
)


class InstanceList:
    """The workflow instances, a window at a time; the length is counted again when the store has changed."""

    name = "instances"
    order = "id"
    descending = True

    def __init__(self, fixed: Filter | None = None) -> None:
        """Show all, or what passes `fixed` whatever else is asked for."""
        self.heads: Sequence[ColumnHead] = HEADS
        self._fixed = fixed
        self._kept: tuple[int, Filter, int] | None = None

    def page(self, app: App, asked: Asked, mark: int) -> Page:
        """Read a window of the list."""
        wanted = asked.wanted
        window = InstanceWindow(
            wanted=wanted,
            order=asked.order or "id",
            descending=asked.descending,
            offset=asked.offset,
            limit=asked.limit,
        )
        now = app.board.now()
        rows = app.board.instances(window)
        if self._kept is None or self._kept[:2] != (mark, wanted):
            self._kept = mark, wanted, self._total(app, window, len(rows))
        return Page(total=self._kept[2], offset=asked.offset, lines=tuple(instance_line(row, now) for row in rows))

    def _total(self, app: App, window: InstanceWindow, found: int) -> int:
        """Return the length of the list; a window that is not full shows its end, and nothing is counted again."""
        if found < window.limit and (found or not window.offset):
            return window.offset + found
        return app.board.total(window.wanted)


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
            Cell(age(row.started_at or row.created_at, now), "muted"),
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
