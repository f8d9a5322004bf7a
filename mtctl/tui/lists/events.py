"""Floor 4. The newest events, a window at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.words import moment
from mtctl.ports.event_board import EventWindow
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line, Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.app import App
    from mtctl.core.listing import Filter
    from mtctl.ports.work import EventRow
    from mtctl.tui.drawn.lines import Asked

HEADS = (
    ColumnHead(key="at", title="AT", width=20),
    ColumnHead(key="kind", title="EVENT", width=18, sortable=False),
    ColumnHead(key="actor", title="BY", width=10, sortable=False, rank=1),
    ColumnHead(key="detail", title="DETAIL", width=0, sortable=False),
)


class EventList:
    """The newest events; the length is counted again when the store has changed."""

    name = "events"
    order = "at"
    descending = True

    def __init__(self) -> None:
        """Count nothing yet."""
        self.heads: Sequence[ColumnHead] = HEADS
        self._kept: tuple[int, Filter, int] | None = None

    def page(self, app: App, asked: Asked, mark: int) -> Page:
        """Read a window of the list."""
        wanted = asked.wanted
        if self._kept is None or self._kept[:2] != (mark, wanted):
            self._kept = mark, wanted, app.board.event_total(wanted)
        window = EventWindow(wanted=wanted, descending=asked.descending, offset=asked.offset, limit=asked.limit)
        lines = tuple(_line(row) for row in app.board.events(window))
        return Page(total=self._kept[2], offset=asked.offset, lines=lines)


def _line(row: EventRow) -> Line:
    detail = ", ".join(f"{key}={value}" for key, value in row.detail.items() if value not in (None, "", []))
    return Line(
        kind="event",
        key=str(row.event_id),
        cells=(Cell(moment(row.at), "muted"), Cell(row.kind), Cell(row.actor or ""), Cell(detail)),
        facts={"instance_id": row.instance_id},
    )
