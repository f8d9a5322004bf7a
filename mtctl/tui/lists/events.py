"""Floor 4. The newest events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.listing import Listed
from mtctl.core.words import moment
from mtctl.tui.lines import Cell, ColumnHead, Line
from mtctl.tui.lists.whole import WholeList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.app import App
    from mtctl.ports.work import EventRow
    from mtctl.tui.lists.whole import Entry

_HEADS = (
    ColumnHead(key="at", title="AT", width=20),
    ColumnHead(key="kind", title="EVENT", width=18, sortable=False),
    ColumnHead(key="actor", title="BY", width=10, sortable=False, rank=1),
    ColumnHead(key="detail", title="DETAIL", width=0, sortable=False),
)


def _entries(app: App) -> Iterable[Entry]:
    for row in app.board.events():
        yield _entry(row)


def _entry(row: EventRow) -> Entry:
    detail = ", ".join(f"{key}={value}" for key, value in row.detail.items() if value not in (None, "", []))
    shown = Line(
        kind="event",
        key=str(row.event_id),
        cells=(Cell(moment(row.at), "muted"), Cell(row.kind), Cell(row.actor or ""), Cell(detail)),
        facts={"instance_id": row.instance_id},
    )
    return shown, Listed(text=f"{row.kind} {row.actor} {detail}", state=row.kind), {"at": row.event_id}


def events() -> WholeList:
    """Return the list."""
    return WholeList("events", _HEADS, _entries, descending=True)
