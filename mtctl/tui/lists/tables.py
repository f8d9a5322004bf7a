"""Floor 4. The overview: every table with its last runs, how fresh it is, when it fires next, what troubles it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.listing import Listed
from mtctl.core.words import count
from mtctl.tui.lines import Cell, ColumnHead, Line
from mtctl.tui.lists.ages import age, left
from mtctl.tui.lists.whole import WholeList

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.app import App
    from mtctl.core.model import Instant
    from mtctl.services.board import TableLine
    from mtctl.tui.lists.whole import Entry

_HEADS = (
    ColumnHead(key="table", title="TABLE", width=22),
    ColumnHead(key="state", title="STATE", width=9),
    ColumnHead(key="strip", title="LAST RUNS", width=20, sortable=False, rank=2),
    ColumnHead(key="fresh", title="FRESH", width=11, right=True, rank=1),
    ColumnHead(key="last", title="REFRESHED", width=9, right=True, rank=3),
    ColumnHead(key="failed", title="✘", width=3, right=True, rank=4),
    ColumnHead(key="next", title="NEXT", width=7, right=True, rank=3),
    ColumnHead(key="trouble", title="TROUBLE", width=0, sortable=False),
)


def _entries(app: App) -> Iterable[Entry]:
    now = app.board.now()
    for line in app.board.tables():
        yield _entry(line, now)


def _entry(line: TableLine, now: Instant) -> Entry:
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
            Cell(age(status.last_success_at, now), "muted"),
            Cell(count(counts.get("failed")) if counts.get("failed") else "", "failed"),
            Cell(left(line.next_at, now), "muted"),
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


def tables() -> WholeList:
    """Return the list."""
    return WholeList("tables", _HEADS, _entries)
