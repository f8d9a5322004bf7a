"""Floor 4. The schedule: what fires next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.listing import Listed
from mtctl.core.words import lasting, moment
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line
from mtctl.tui.lists.whole import WholeList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.app import App
    from mtctl.services.reports.schedules import Timer
    from mtctl.tui.lists.whole import Entry

_HEADS = (
    ColumnHead(key="next", title="NEXT", width=20),
    ColumnHead(key="left", title="LEFT", width=9, sortable=False, right=True),
    ColumnHead(key="name", title="WHAT", width=0),
    ColumnHead(key="schedule", title="SCHEDULE", width=18, sortable=False, rank=1),
    ColumnHead(key="zone", title="ZONE", width=16, sortable=False, rank=3),
    ColumnHead(key="state", title="STATE", width=11),
    ColumnHead(key="last", title="LAST", width=20, rank=2),
)


def _entries(app: App) -> Iterable[Entry]:
    for timer in app.workflows.schedules.timers(within=None, everything=True):
        yield _entry(timer)


def _entry(timer: Timer) -> Entry:
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


def schedule() -> WholeList:
    """Return the list."""
    return WholeList("schedule", _HEADS, _entries)
