"""Floor 4. The workflows: how each one and its last instance are, how many instances are in each state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.listing import Listed
from mtctl.core.words import count
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line
from mtctl.tui.lists.ages import left
from mtctl.tui.lists.whole import WholeList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.app import App
    from mtctl.core.model import Instant
    from mtctl.core.states import InstanceState
    from mtctl.ports.workflows import WorkflowRow
    from mtctl.tui.lists.whole import Entry

_HEADS = (
    ColumnHead(key="name", title="WORKFLOW", width=0),
    ColumnHead(key="state", title="STATE", width=11),
    ColumnHead(key="last", title="LAST", width=11),
    ColumnHead(key="pending", title="◌", width=5, right=True, filter="state:pending"),
    ColumnHead(key="running", title="▶", width=5, right=True, filter="state:running"),
    ColumnHead(key="success", title="✔", width=7, right=True, rank=1, filter="state:success"),
    ColumnHead(key="failed", title="✘", width=5, right=True, filter="state:failed"),
    ColumnHead(key="next", title="NEXT", width=7, right=True, rank=1),
    ColumnHead(key="origin", title="FROM", width=8, rank=2),
)


def _entries(app: App) -> Iterable[Entry]:
    now = app.board.now()
    for row, last in app.board.workflows():
        yield _entry(row, last, now)


def _entry(row: WorkflowRow, last: InstanceState | None, now: Instant) -> Entry:
    counts = {state.value: number for state, number in row.counts}
    next_at = row.next_fire_at if row.state.value == "enabled" else None
    last_state = last.value if last is not None else ""
    shown = Line(
        kind="workflow",
        key=row.name,
        cells=(
            Cell(row.name),
            Cell(row.state.value, state=row.state.value),
            Cell(last_state, state=last_state) if last_state else Cell(""),
            *(Cell(count(counts.get(state)) if counts.get(state) else "", tone) for state, tone in _COUNTED),
            Cell(left(next_at, now), "muted"),
            Cell(row.origin, "muted"),
        ),
        facts={"state": row.state.value, "table": row.table_id is not None},
    )
    tags = dict(row.definition.tags)
    listed = Listed(text=f"{row.name} {row.state}", state=last_state or row.state.value, tags=tags, workflow=row.name)
    order = {
        "name": row.name,
        "state": row.state.value,
        "last": last_state or None,
        "next": next_at,
        "origin": row.origin,
    }
    return shown, listed, order | {state: counts.get(state, 0) for state, _ in _COUNTED}


_COUNTED = (("pending", "pending"), ("running", "running"), ("success", "success"), ("failed", "failed"))


def workflows() -> WholeList:
    """Return the list."""
    return WholeList("workflows", _HEADS, _entries)
