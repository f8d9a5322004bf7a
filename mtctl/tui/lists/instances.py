"""Floor 4. The workflow instances: a list of any length, read a window at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.words import count, lasting
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line
from mtctl.tui.drawn.palette import look_of
from mtctl.tui.lists.ages import age
from mtctl.tui.lists.windowed import WindowedList, instance_window

if TYPE_CHECKING:
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
    ColumnHead(key="tasks", title="TASKS", width=14, rank=1),
    ColumnHead(key="duration", title="TOOK", width=7, right=True),
    ColumnHead(key="started", title="STARTED", width=8, right=True),
    ColumnHead(key="rows", title="ROWS", width=9, right=True, rank=3),
)


class InstanceList(WindowedList):
    """The workflow instances."""

    name = "instances"
    heads = HEADS
    order = "id"

    def lines(self, app: App, asked: Asked) -> tuple[Line, ...]:
        """Read a window."""
        now = app.board.now()
        return tuple(instance_line(row, now) for row in app.board.instances(instance_window(asked)))

    def total(self, app: App, wanted: Filter) -> int:
        """Count what passes a filter."""
        return app.board.total(wanted)


def instance_line(row: InstanceRow, now: Instant) -> Line:
    """Return the line of an instance."""
    took = None if row.started_at is None else ((row.ended_at or now) - row.started_at) / 1e6
    looks = [(look_of(state.value), number) for state, number in row.tasks]
    tasks = tuple((f"{look.glyph}{number:,} ", look.tone) for look, number in looks)
    return Line(
        kind="instance",
        key=row.ulid,
        cells=(
            Cell(row.ulid[-10:] if len(row.ulid) > 10 else row.ulid),
            Cell(row.title),
            Cell(row.state.value, state=row.state.value),
            Cell(row.trigger.value, "muted"),
            Cell("", parts=tasks),
            Cell(lasting(took)),
            Cell(age(row.started_at or row.created_at, now), "muted"),
            Cell(count(row.rows) if row.rows else ""),
        ),
        facts={"title": row.title, "state": row.state.value, "workflow": row.workflow, "tasks": row.tasks},
    )

