"""Floor 4. The newest events, a window at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.words import moment
from mtctl.ports.event_board import EventWindow
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line
from mtctl.tui.lists.windowed import WindowedList

if TYPE_CHECKING:
    from mtctl.app import App
    from mtctl.core.listing import Filter
    from mtctl.ports.work import EventRow
    from mtctl.tui.drawn.lines import Asked

HEADS = (
    ColumnHead(key="at", title="AT", width=20),
    ColumnHead(key="kind", title="EVENT", width=18),
    ColumnHead(key="actor", title="BY", width=10, rank=1),
    ColumnHead(key="detail", title="DETAIL", width=0),
)


class EventList(WindowedList):
    """The newest events."""

    name = "events"
    heads = HEADS
    order = "at"

    def lines(self, app: App, asked: Asked) -> tuple[Line, ...]:
        """Read a window."""
        window = EventWindow(
            wanted=asked.wanted,
            order=asked.order or "at",
            descending=asked.descending,
            offset=asked.offset,
            limit=asked.limit,
        )
        return tuple(_line(row) for row in app.board.events(window))

    def total(self, app: App, wanted: Filter) -> int:
        """Count what passes a filter."""
        return app.board.event_total(wanted)


def _line(row: EventRow) -> Line:
    detail = ", ".join(f"{key}={value}" for key, value in row.detail.items() if value not in (None, "", []))
    return Line(
        kind="event",
        key=str(row.event_id),
        cells=(Cell(moment(row.at), "muted"), Cell(row.kind), Cell(row.actor or ""), Cell(detail)),
        facts={"instance_id": row.instance_id},
    )
