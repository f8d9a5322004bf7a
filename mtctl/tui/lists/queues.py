"""Floor 4. The queues: slots, who holds them, how many tasks wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.listing import Listed
from mtctl.core.words import count
from mtctl.tui.lines import Cell, ColumnHead, Line
from mtctl.tui.lists.whole import WholeList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.app import App
    from mtctl.ports.workflows import QueueRow
    from mtctl.tui.lists.whole import Entry

_HEADS = (
    ColumnHead(key="name", title="QUEUE", width=18),
    ColumnHead(key="state", title="STATE", width=8),
    ColumnHead(key="running", title="SLOTS", width=7, right=True),
    ColumnHead(key="waiting", title="WAITING", width=7, right=True),
    ColumnHead(key="holders", title="HELD BY", width=0, sortable=False),
    ColumnHead(key="why", title="PAUSED BECAUSE", width=20, sortable=False, rank=1),
)


def _entries(app: App) -> Iterable[Entry]:
    for row in app.operator.queues.rows():
        yield _entry(row)


def _entry(row: QueueRow) -> Entry:
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


def queues() -> WholeList:
    """Return the list."""
    return WholeList("queues", _HEADS, _entries)
