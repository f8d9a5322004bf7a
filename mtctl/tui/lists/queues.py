"""Floor 4. The queues: slots, who holds them, how many tasks wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.listing import Listed
from mtctl.core.words import count
from mtctl.tui.drawn.lines import Cell, ColumnHead, Line
from mtctl.tui.lists.whole import WholeList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.app import App
    from mtctl.ports.workflows import QueueRow
    from mtctl.tui.lists.whole import Entry

_BAR = 12

_HEADS = (
    ColumnHead(key="name", title="QUEUE", width=18),
    ColumnHead(key="state", title="STATE", width=8),
    ColumnHead(key="running", title="SLOTS", width=7, right=True),
    ColumnHead(key="bar", title="TAKEN", width=_BAR, rank=2),
    ColumnHead(key="waiting", title="WAITING", width=8, right=True),
    ColumnHead(key="holders", title="HELD BY", width=0),
    ColumnHead(key="limits", title="LIMITS", width=16, rank=3),
    ColumnHead(key="why", title="PAUSED BECAUSE", width=24, rank=1),
)


def _entries(app: App) -> Iterable[Entry]:
    for row in app.operator.queues.rows():
        yield _entry(row)


def _entry(row: QueueRow) -> Entry:
    state = "paused" if row.paused else "enabled"
    full = row.running >= row.slots and row.waiting
    shown = Line(
        kind="queue",
        key=row.name,
        cells=(
            Cell(row.name),
            Cell("paused" if row.paused else "open", state=state),
            Cell(f"{row.running}/{row.slots}", "late" if full else ""),
            Cell("", parts=slot_bar(row.running, row.slots, _BAR)),
            Cell(count(row.waiting), "pending" if row.waiting else "muted"),
            Cell(", ".join(row.holders)),
            Cell(limits(row.memory, row.threads), "muted"),
            Cell(row.paused_why, "late"),
        ),
        facts={"state": state, "trouble": trouble(row), "instances": f"queue:{row.name}"},
    )
    text = f"{row.name} {' '.join(row.holders)}"
    listed = Listed(text=text, state="paused" if row.paused else "open", queue=row.name)
    order = {
        "name": row.name,
        "state": state,
        "running": row.running,
        "bar": row.running / max(1, row.slots),
        "waiting": row.waiting,
        "holders": ", ".join(row.holders) or None,
        "limits": limits(row.memory, row.threads) or None,
        "why": row.paused_why or None,
    }
    return shown, listed, order


def slot_bar(held: int, slots: int, width: int) -> tuple[tuple[str, str], ...]:
    """Return slots as a bar: a cell each where there is room, else in proportion; one held slot always shows."""
    cells = min(slots, width)
    full = min(cells, -(-held * cells // max(1, slots)))
    return (("█" * full, "running"), ("░" * (cells - full), "muted"))


def limits(memory: str | None, threads: int | None) -> str:
    """Return what the runners of a queue may take, empty for as much as the project's."""
    parts = [memory or "", f"{threads} threads" if threads else ""]
    return ", ".join(part for part in parts if part)


def trouble(row: QueueRow) -> str:
    """Return what keeps tasks of a queue waiting, empty where nothing does."""
    if row.paused:
        return f"paused {row.paused_why}".rstrip()
    if row.waiting and row.running >= row.slots:
        return f"full: {count(row.waiting)} wait for one of {row.slots} slots"
    return ""


def queues() -> WholeList:
    """Return the list."""
    return WholeList("queues", _HEADS, _entries)
